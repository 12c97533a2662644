/** Who comes along to a booking: shown as it is kept, changed as it is typed, one person a line. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { field, sending } from "../ui/form.js";
import { toast } from "../ui/toast.js";
import { act, formDialog } from "./board_acts.js";
import { whoOf } from "./board_model.js";

/** @param {any} booking @returns {string[]} `Ann Lee`, `Ben Oh (CS-17)` */
export const teamLines = (booking) => (Array.isArray(booking.details?.team) ? booking.details.team : [])
  .map((/** @type {any} */ one) => (typeof one === "string" ? one : one.reference ? `${one.name} (${one.reference})` : String(one.name)));

/** @param {string} line */
function member(line) {
  const [, name, reference] = /^(.*\S)\s*\(([^()]+)\)$/.exec(line) ?? [];
  return name === undefined ? line : { name, reference: reference.trim() };
}

/** What was typed as it is sent. @param {string | undefined} typed */
export const teamOf = (typed) => (typed ?? "").split("\n").map((line) => line.trim()).filter(Boolean).map(member);

/** Why the team was refused, and whose line is meant; null when it was something else. @param {any} problem @returns {string | null} */
function refusal(problem) {
  const found = /^(?:details\.)?team(?:\[(\d+)\].*)?$/.exec(problem?.data?.field ?? "");
  if (found === null) return null;
  return found[1] === undefined ? problem.message : t("booking.team_person", { n: Number(found[1]) + 1, problem: problem.message });
}

/** Where a team is typed, with what was refused of it; nothing where bookings name none.
 * @param {{problem: import("../core/signals.js").Signal<any>, value?: string}} o */
export const teamField = ({ problem, value = "" }) => (page.site.settings.team_max > 0
  ? html`${() => field({ name: "team", label: t("booking.team"), type: "textarea", value, hint: t("booking.team_hint", { most: page.site.settings.team_max }), required: false, whole: true, error: refusal(problem.value) })}` : null);

/** @param {any} booking */
export function changeTeam(booking) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await act(booking, "amend", { team: teamOf(values.team) });
    toast(t("booking.team_saved"));
    opened.close();
  });
  const opened = formDialog({
    title: t("booking.team_title", { who: whoOf(booking) ?? booking.reference }), form, go: t("act.amend"),
    fields: () => teamField({ problem: form.problem, value: teamLines(booking).join("\n") }),
  });
}
