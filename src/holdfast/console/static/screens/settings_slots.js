/** The slots of a sports ground: equal ones from a first on, or a list of one's own. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clockWords } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { settingRow } from "./settings_fields.js";

/** @typedef {import("./settings_draft.js").Draft} Draft */

/** @param {number} minutes since midnight */
const clockOf = (minutes) => `${String(Math.floor((minutes % 1440) / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
/** @param {string} time */
const minutesOf = (time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

/** The slots that equal ones come to. @param {{first: string, minutes: number, count: number}} rule */
export const equalSlots = ({ first, minutes, count }) => Array.from({ length: Math.min(count, 96) }, (_, at) => ({ name: "", from: clockOf(minutesOf(first) + at * minutes), to: clockOf(minutesOf(first) + (at + 1) * minutes) }));

/** @param {Draft} draft */
export function slotsEditor(draft) {
  const rule = () => draft.value("slots") ?? { first: "08:00", minutes: 60, count: 11 };
  const control = () => {
    const value = rule();
    const isList = Array.isArray(value);
    const kind = html`<div class="segments" role="group" aria-labelledby="label-slots">${[false, true].map((list) => html`<button type="button" class="segment" aria-pressed=${String(list === isList)} @click=${() => { if (list !== isList) draft.set("slots", list ? equalSlots(value).map(({ from, to }) => ({ from, to })) : { first: "08:00", minutes: 60, count: 11 }); }}>${t(list ? "settings.slots_list" : "settings.slots_equal")}</button>`)}</div>`;
    return html`<div class="stack">${kind}${isList ? listed(draft, value) : equal(draft, value)}</div>`;
  };
  return html`<section class="card settings-card"><h2>${t("settings.group_slots")}</h2>${settingRow(draft, "slots", control)}</section>`;
}

/** @param {Draft} draft @param {{first: string, minutes: number, count: number}} value */
function equal(draft, value) {
  const set = (/** @type {Record<string, any>} */ change) => draft.set("slots", { ...value, ...change });
  const slots = equalSlots(value);
  return html`<div class="form-grid narrow-grid"><div class="field"><label for="slot-first">${t("settings.slot_first")}</label><input class="input" id="slot-first" type="time" .value=${value.first} @change=${(/** @type {any} */ event) => { if (event.target.value) set({ first: event.target.value }); }}></div>
      <div class="field"><label for="slot-minutes">${t("settings.slot_minutes")}</label><input class="input" id="slot-minutes" type="number" min="5" max="1440" .value=${String(value.minutes)} @change=${(/** @type {any} */ event) => set({ minutes: Number(event.target.value) })}></div>
      <div class="field"><label for="slot-count">${t("settings.slot_count")}</label><input class="input" id="slot-count" type="number" min="1" max="96" .value=${String(value.count)} @change=${(/** @type {any} */ event) => set({ count: Number(event.target.value) })}></div></div>
    <p class="muted small">${t("settings.slot_span", { from: slots[0] ? clockWords(slots[0].from) : "", to: slots[0] ? clockWords(slots[slots.length - 1].to) : "" })}</p>`;
}

/** @param {Draft} draft @param {{name?: string, from: string, to: string}[]} value */
function listed(draft, value) {
  const set = (/** @type {number} */ at, /** @type {Record<string, any>} */ change) => draft.set("slots", value.map((slot, one) => (one === at ? { ...slot, ...change } : slot)));
  const label = (/** @type {number} */ at) => t("settings.slot", { n: at + 1 });
  return html`<ul class="hours">${value.map((slot, at) => html`<li><span class="spans grow"><span class="span"><input class="input" type="time" .value=${slot.from} aria-label="${label(at)}: ${t("settings.slot_from")}" @change=${(/** @type {any} */ event) => set(at, { from: event.target.value })}>–
        <input class="input" type="time" .value=${slot.to} aria-label="${label(at)}: ${t("settings.slot_to")}" @change=${(/** @type {any} */ event) => set(at, { to: event.target.value })}></span>
      <input class="input slot-name" .value=${slot.name ?? ""} placeholder=${t("settings.slot_name")} aria-label="${label(at)}: ${t("settings.slot_name")}" @change=${(/** @type {any} */ event) => set(at, { name: event.target.value.trim() || undefined })}></span>
      <button type="button" class="button quiet icon-only small" aria-label=${t("settings.remove_slot", { n: at + 1 })} @click=${() => draft.set("slots", value.filter((_, one) => one !== at))}>${icon("cross", "small")}</button></li>`)}</ul>
    <button type="button" class="button small" @click=${() => draft.set("slots", [...value, { from: value.at(-1)?.to ?? "08:00", to: clockOf(minutesOf(value.at(-1)?.to ?? "08:00") + 60) }])}>${icon("plus", "small")}${t("settings.add_slot")}</button>`;
}
