/** Fields for the arguments of a registered function, by the JSON Schema that the server tells of them. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { checkbox, field } from "../ui/form.js";

const SIMPLE = ["string", "number", "integer", "boolean"];

/** @typedef {{name: string, type: string, byDefault: any, isRequired: boolean}} Argument `type` is `json` for what has no field of its own */

/** @param {any} schema @returns {Argument[]} */
export function argumentsIn(schema) {
  const body = schema?.$ref ? schema.$defs[schema.$ref.split("/").at(-1)] : schema;
  return Object.entries(body?.properties ?? {}).map(([name, told]) => {
    const one = /** @type {any} */ (told);
    const types = (one.anyOf ?? [one]).map((/** @type {any} */ each) => each.type).filter((/** @type {string} */ each) => each !== "null");
    return { name, type: types.length === 1 && SIMPLE.includes(types[0]) ? types[0] : "json", byDefault: one.default, isRequired: (body.required ?? []).includes(name) };
  });
}

/** @param {any} job a function as the API tells it, or nothing @param {any} given arguments there are */
export function argumentFields(job, given) {
  const found = argumentsIn(job?.arguments);
  if (found.length === 0) return null;
  return html`<fieldset class="arguments"><legend class="small strong soft">${t("jobs.args")}</legend><div class="form-grid">${found.map((one) => fieldOf(one, given[one.name]))}</div></fieldset>`;
}

/** @param {Argument} one @param {any} given */
function fieldOf(one, given) {
  const name = `arg.${one.name}`;
  if (one.type === "boolean") return checkbox({ name, label: one.name, checked: Boolean(given ?? one.byDefault ?? false) });
  const written = given === undefined || given === null ? "" : one.type === "json" ? JSON.stringify(given) : String(given);
  return field({
    name, id: `arg-${one.name}`, label: one.name, type: ["number", "integer"].includes(one.type) ? "number" : "text", step: one.type === "integer" ? "1" : "any",
    value: written, required: one.isRequired, placeholder: one.byDefault === undefined || one.byDefault === null ? undefined : JSON.stringify(one.byDefault),
    ...(one.type === "json" ? { hint: t("jobs.as_json") } : {}),
  });
}

/** What stands in those fields; what is empty takes its default. @param {HTMLFormElement} form @param {any} job @returns {Record<string, any> | Error} */
export function argumentsOf(form, job) {
  /** @type {Record<string, any>} */ const args = {};
  const given = new FormData(form);
  for (const { name, type, byDefault } of argumentsIn(job?.arguments)) {
    const text = String(given.get(`arg.${name}`) ?? "").trim();
    if (type === "boolean") {
      const isOn = given.has(`arg.${name}`);
      if (isOn !== Boolean(byDefault)) args[name] = isOn;
    } else if (text !== "") {
      try {
        args[name] = type === "json" ? JSON.parse(text) : type === "string" ? text : Number(text);
      } catch {
        return new Error(t("jobs.no_json", { name }));
      }
    }
  }
  return args;
}
