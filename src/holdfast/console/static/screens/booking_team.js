/** Who comes along to a booking: shown as it is kept, changed as it is typed, one person a line. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { errorAt, field, sending } from "../ui/form.js";
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

/** @param {any} booking */
export function changeTeam(booking) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const team = (values.team ?? "").split("\n").map((line) => line.trim()).filter(Boolean).map(member);
    await act(booking, "amend", { team });
    toast(t("booking.team_saved"));
    opened.close();
  });
  const opened = formDialog({
    title: t("booking.team_title", { who: whoOf(booking) ?? booking.reference }), form, go: t("act.amend"),
    fields: () => html`${() => field({ name: "team", label: t("booking.team"), type: "textarea", value: teamLines(booking).join("\n"), hint: t("booking.team_hint"), required: false, whole: true, autofocus: true, error: errorAt(form.problem.value, "team") })}
      <p class="muted small whole">${t("setting.team_max")}: ${page.site.settings.team_max}</p>`,
  });
}
