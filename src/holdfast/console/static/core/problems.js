/**
 * A refusal as a sentence in the page's language, from its code and facts; `problems.py` says the same on pages without
 * scripts. The server's own sentences are English, and for programs: a page of another language does not show them.
 */

import { hasWords, language, t } from "./i18n.js";

const SERVER_LANGUAGE = "en";
const POSSIBLE_MAX = 12;
const ABOUT_A_FIELD = new Set(["invalid_request", "invalid_time", "invalid_settings"]);
/** Parts of a field's name that say enough when its last part is anything. */
const GROUPS = ["profile", "team"];
const RANGE = /^(-?\d+) to (-?\d+)$/;

/** @param {any} problem a problem document @returns {string} */
export function sentenceOf(problem) {
  const code = String(problem.code ?? "?");
  const isOurs = language === SERVER_LANGUAGE && Boolean(problem.detail);
  if (ABOUT_A_FIELD.has(code) && problem.field) return ofField(problem, String(problem.field), isOurs);
  if (ABOUT_A_FIELD.has(code) && problem.problem && isOurs) return problem.detail;
  if (hasWords(`problem.${code}`)) return t(`problem.${code}`, "state" in problem ? { ...problem, state: stateWord(String(problem.state)) } : problem);
  return isOurs ? problem.detail : t("problem.unknown", { code });
}

/** @param {any} problem @param {string} field @param {boolean} isOurs */
function ofField(problem, field, isOurs) {
  const before = field.replace(/\[\d+\]/g, "").split(".");
  const last = before.pop() ?? "";
  if (!(problem.code === "invalid_time" && "given" in problem)) {
    const part = [last, ...GROUPS.filter((group) => before.includes(group))].find((one) => hasWords(`problem.field_${one}`));
    if (part !== undefined) return t(`problem.field_${part}`);
  }
  if (isOurs) return problem.detail;
  const called = hasWords(`setting.${last}`) ? t(`setting.${last}`) : field;
  const bounds = RANGE.exec(String(problem.expected ?? ""));
  if (Array.isArray(problem.possible) && problem.possible.length > 0 && problem.possible.length <= POSSIBLE_MAX) {
    return t("problem.invalid_field_of", { field: called, possible: problem.possible.join(", ") });
  }
  if (bounds !== null) return t("problem.invalid_field_range", { field: called, low: bounds[1], high: bounds[2] });
  return t("problem.invalid_field", { field: called });
}

/** @param {string} state */
function stateWord(state) {
  const key = `status.${state.toLowerCase().replace(/[ -]/g, "_")}`;
  const known = [key, key.replaceAll("_", "")].find(hasWords);
  return known === undefined ? state : t(known);
}
