/** Opening hours: spans of each weekday, and dates on which it is otherwise. A span may run into the next date. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { locale } from "../core/i18n.js";
import { clock, dateOf, instantOf, longDayOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { settingRow } from "./settings_fields.js";

/** @typedef {import("./settings_draft.js").Draft} Draft */
/** @typedef {[string, string]} Span */

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const FULL = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/** @type {Span} */ const USUAL = ["09:00", "18:00"];
/** @type {Span} */ const ALL_DAY = ["00:00", "24:00"];
// the first of January 2024 was a Monday
const named = new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: "UTC" });
/** @param {string} day */
const dayName = (day) => named.format(Date.UTC(2024, 0, 1 + DAYS.indexOf(day)));

/** Weekdays and dates of a setting, however it was written. @param {Record<string, any>} hours @returns {{week: Record<string, Span[]>, dates: Record<string, Span[]>, isAlways: boolean}} */
export function readHours(hours) {
  /** @type {Record<string, Span[]>} */ const week = {};
  /** @type {Record<string, Span[]>} */ const dates = {};
  for (const [key, spans] of [...Object.entries(hours).filter(([key]) => key !== "exceptions"), ...Object.entries(hours.exceptions ?? {})]) {
    const at = Math.max(DAYS.indexOf(key.toLowerCase()), FULL.indexOf(key.toLowerCase()));
    if (at >= 0) week[DAYS[at]] = spans;
    else dates[key] = spans;
  }
  const isAlways = Object.keys(week).length === 0;
  for (const day of DAYS) week[day] ??= isAlways ? [ALL_DAY] : [];
  return { week, dates, isAlways };
}

/** @param {Draft} draft */
export function hoursEditor(draft) {
  const read = () => readHours(draft.value("hours") ?? {});
  const write = (/** @type {Record<string, Span[]>} */ week, /** @type {Record<string, Span[]>} */ dates) => draft.set("hours", { ...week, ...dates });
  const setDay = (/** @type {string} */ day, /** @type {Span[]} */ spans) => { const { week, dates } = read(); write({ ...week, [day]: spans }, dates); };
  const setDate = (/** @type {string} */ date, /** @type {Span[] | null} */ spans) => {
    const { week, dates, isAlways } = read();
    const after = { ...dates };
    if (spans === null) delete after[date]; else after[date] = spans;
    write(isAlways ? {} : week, after);
  };
  const copy = () => { const { week, dates } = read(); write({ ...week, tue: week.mon, wed: week.mon, thu: week.mon, fri: week.mon }, dates); };
  const add = (/** @type {any} */ event) => {
    event.preventDefault();
    const date = new FormData(event.target).get("date");
    if (typeof date === "string" && date !== "") setDate(date, []);
    event.target.reset();
  };
  const always = (/** @type {boolean} */ isAlways) => { const { dates } = read(); write(isAlways ? {} : Object.fromEntries(DAYS.map((day) => [day, [USUAL]])), dates); };
  const week = () => {
    const { week: spans, isAlways } = read();
    return html`<label class="check"><input type="checkbox" class="switch" role="switch" .checked=${isAlways} @change=${(/** @type {any} */ event) => always(event.target.checked)}><span>${t("settings.always_open")}</span></label>
      ${isAlways ? null : html`<ul class="hours">${DAYS.map((day) => html`<li><span class="hours-day strong">${dayName(day)}</span>${spansOf(dayName(day), spans[day], (after) => setDay(day, after))}</li>`)}</ul>
        <button type="button" class="button small" @click=${copy}>${icon("copy")}${t("settings.copy_monday", { monday: dayName("mon"), friday: dayName("fri") })}</button>`}`;
  };
  const dates = () => {
    const entries = Object.entries(read().dates).sort(([a], [b]) => (a < b ? -1 : 1));
    return html`<h3>${t("settings.exceptions")}</h3><p class="muted small">${t("settings.exceptions_text")}</p>
      ${entries.length === 0 ? null : html`<ul class="hours">${entries.map(([date, spans]) => html`<li><span class="hours-day strong">${longDayOf(instantOf(`${date}T12:00`))}</span>${spansOf(date, spans, (after) => setDate(date, after))}
        <button type="button" class="button quiet icon-only small" aria-label=${t("settings.remove_date", { date })} @click=${() => setDate(date, null)}>${icon("trash")}</button></li>`)}</ul>`}
      <form class="row wrap" @submit=${add}><input class="input date-input" type="date" name="date" min=${dateOf(clock.now())} required aria-label=${t("settings.date")}><button class="button">${icon("plus")}${t("settings.add_date")}</button></form>`;
  };
  return html`<section class="card settings-card"><h2>${t("settings.group_hours")}</h2>${settingRow(draft, "hours", () => html`<div class="stack">${week}${dates}</div>`)}</section>`;
}

/** @param {string} label of the day @param {Span[]} spans @param {(spans: Span[]) => void} change */
function spansOf(label, spans, change) {
  const at = (/** @type {number} */ index, /** @type {number} */ end, /** @type {string} */ value) => { if (value) change(spans.map((span, one) => (one === index ? /** @type {Span} */ (span.map((old, side) => (side === end ? value : old))) : span))); };
  const shown = (/** @type {string} */ time) => (time === "24:00" ? "00:00" : time);
  return html`<span class="spans grow">${spans.length === 0 ? html`<span class="muted">${t("settings.closed")}</span>` : spans.map((span, index) => html`<span class="span">
      <input class="input" type="time" .value=${shown(span[0])} aria-label=${t("settings.opens", { day: label })} @change=${(/** @type {any} */ event) => at(index, 0, event.target.value)}>–
      <input class="input" type="time" .value=${shown(span[1])} aria-label=${t("settings.closes", { day: label })} @change=${(/** @type {any} */ event) => at(index, 1, event.target.value)}>
      ${span[1] !== "24:00" && span[1] !== "00:00" && span[1] <= span[0] ? html`<span class="muted small">${t("settings.next_day")}</span>` : null}
      <button type="button" class="button quiet icon-only small" aria-label=${t("settings.remove_span", { day: label })} @click=${() => change(spans.filter((_, one) => one !== index))}>${icon("cross", "small")}</button></span>`)}
    <button type="button" class="button quiet small" aria-label=${t("settings.add_span", { day: label })} @click=${() => change([...spans, spans.length === 0 ? USUAL : ["19:00", "22:00"]])}>${icon("plus", "small")}${t("settings.span")}</button></span>`;
}
