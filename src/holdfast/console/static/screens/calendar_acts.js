/** What can be done with a followed calendar: add it, change its address or pace, read it now, pause it, follow it no more. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { collator, t } from "../core/i18n.js";
import { siteStore } from "../core/store.js";
import { confirmDialog } from "../ui/dialog.js";
import { errorAt, field, sending } from "../ui/form.js";
import { done, toast } from "../ui/toast.js";
import { formDialog } from "./board_acts.js";
import { paceOf } from "./calendar_words.js";

/** @typedef {import("./calendar_words.js").Calendar} Calendar */

const PACES = [5, 15, 30, 60, 180, 360, 720, 1440];
const PACE = 30;
/** When to look whether a reading that was asked for has come to its end. */
const LOOKS_MS = [500, 1_500, 3_000];

/** @param {() => void} again */
const soon = (again) => { for (const ms of LOOKS_MS) setTimeout(again, ms); };

/** A calendar to be followed, or another address or pace of one that is. @param {Calendar | null} calendar @param {() => void} then */
export function openCalendarForm(calendar, then) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const every = Number(values.every_minutes);
    if (calendar === null) await ask("POST", here("calendars"), { body: { unit: values.unit ?? "", name: values.name ?? "", url: values.url ?? "", every_minutes: every } });
    else await ask("PATCH", here("calendars", calendar.id), { body: { ...(values.url ? { url: values.url } : {}), ...(every === calendar.every_minutes ? {} : { every_minutes: every }) } });
    toast(t(calendar === null ? "calendars.added" : "calendars.changed", { name: calendar?.name ?? values.name ?? "" }));
    opened.close();
    then();
    soon(then);
  });
  const units = [...siteStore().replica.units.values()].map(({ code, name }) => ({ value: code, label: name && name !== code ? `${code} · ${name}` : code })).sort((a, b) => collator.compare(a.value, b.value));
  const pace = calendar?.every_minutes ?? PACE;
  const paces = [...new Set([...PACES, pace])].sort((a, b) => a - b).map((minutes) => ({ value: String(minutes), label: paceOf(minutes) }));
  const opened = formDialog({
    title: calendar === null ? t("calendars.add") : t("calendars.change_of", { name: calendar.name }), form, go: t(calendar === null ? "calendars.add_go" : "calendars.change_go"),
    fields: () => html`${calendar === null ? html`${field({ name: "unit", label: t("booking.unit"), options: units, value: units[0]?.value ?? "" })}
        ${() => field({ name: "name", label: t("calendars.name"), hint: t("calendars.name_hint"), placeholder: "Airbnb 101", required: true, error: errorAt(form.problem.value, "name") })}` : null}
      ${() => field({ name: "url", label: t("calendars.url"), hint: t(calendar === null ? "calendars.url_hint" : "calendars.url_again"), placeholder: calendar === null ? "https://…/calendar.ics" : t("calendars.url_stays", { host: calendar.host }), required: calendar === null, whole: true, autofocus: calendar !== null, error: errorAt(form.problem.value, "url") === null ? null : t("calendars.url_wrong") })}
      ${field({ name: "every_minutes", label: t("calendars.every"), options: paces, value: String(pace) })}`,
  });
}

/** @param {Calendar} one @param {() => void} then */
export const readNow = (one, then) => done(async () => {
  await ask("POST", here("calendars", one.id, "fetch"));
  toast(t("calendars.asked", { name: one.name }));
  soon(then);
}, then);

/** @param {Calendar} one @param {() => void} then */
export const pauseOrResume = (one, then) => done(async () => {
  await ask("PATCH", here("calendars", one.id), { body: { active: !one.active } });
  toast(t(one.active ? "calendars.paused" : "calendars.resumed", { name: one.name }));
}, then);

/** @param {Calendar} one @param {() => void} then @returns {Promise<boolean>} whether it is gone */
export async function remove(one, then) {
  if (!await confirmDialog({ title: t("calendars.remove_title", { name: one.name }), text: t("calendars.remove_text", { n: one.blocks, unit: one.unit }), act: t("calendars.remove"), danger: true })) return false;
  return await done(async () => {
    await ask("DELETE", here("calendars", one.id));
    toast(t("calendars.removed", { name: one.name }));
  }, then);
}
