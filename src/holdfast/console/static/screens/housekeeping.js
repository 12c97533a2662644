/**
 * Housekeeping, for a phone in one hand: the rooms in the order in which they are needed, one press from dirty to clean to
 * inspected, with a way back. It needs no names, and shows none.
 */

import { each, html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { clock, dateOf, minute, timeOf, zoneName } from "../core/time.js";
import { inAddress, keepInAddress, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { badge, empty, lookOf, tag } from "../ui/status.js";
import { csvButton, saveCsv } from "../ui/table.js";
import { icon } from "../ui/icon.js";
import { setCondition } from "./stay_acts.js";
import { report } from "./room_report.js";
import { openRoom } from "./room_panel.js";
import { dateAt, useOfRooms, UNUSABLE } from "./tape_model.js";
import { dayWord, fullDayWord } from "./stay_words.js";

/** @typedef {{unit: any, here: any, next: any, rank: number}} Line */

/** What comes behind a condition. @type {Record<string, string>} */
const STEPS = { dirty: "clean", clean: "inspected" };
const TO_DO = "todo";
const FILTERS = ["floor", "category", "condition"];

export function open() {
  const store = siteStore();
  /** @type {Record<string, import("../core/signals.js").Signal<string>>} */
  const filters = Object.fromEntries(FILTERS.map((name) => [name, signal(inAddress(name))]));
  /** @type {Map<string, Line>} */ let known = new Map();
  const all = computed(() => {
    store.version.value;
    const made = linesOf(store.replica, minute.value).map((line) => { const before = known.get(line.unit.code); return before !== undefined && isAlike(before, line) ? before : line; });
    known = new Map(made.map((line) => [line.unit.code, line]));
    return made;
  });
  const lines = computed(() => all.value.filter((line) => FILTERS.every((name) => filters[name].value === "" || valueOf(line, name, filters[name].value))));
  effect(() => keepInAddress(Object.fromEntries(FILTERS.map((name) => [name, filters[name].value]))));
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  render(screen(filters, all, lines), place);
}

/** @param {Line} a @param {Line} b */
const isAlike = (a, b) => a.unit === b.unit && a.here === b.here && a.next === b.next && a.rank === b.rank;

/** The floor as most hotels number rooms: all but the last two digits. @param {string} code */
const floorOf = (code) => (/^(\d+)\d\d\D*$/.exec(code) ?? [])[1] ?? "";

/** @param {Line} line @param {string} name @param {string} wanted */
function valueOf({ unit, here }, name, wanted) {
  if (name === "floor") return floorOf(unit.code) === wanted;
  if (name === "category") return unit.category === wanted;
  return wanted === TO_DO ? unit.condition === "dirty" || (unit.condition === "clean" && here === null) : (unit.condition ?? "") === wanted;
}

/** The rooms, first what must be done for whoever comes first. @param {import("../core/stream.js").Replica} replica @param {number} now @returns {Line[]} */
function linesOf(replica, now) {
  const use = useOfRooms(replica);
  const parents = new Set([...replica.units.values()].map((unit) => unit.parent));
  const today = dateOf(now);
  return [...replica.units.values()].filter((unit) => !parents.has(unit.code)).map((unit) => {
    const { here, next } = use.get(unit.code) ?? { here: null, next: null };
    return { unit, here, next, rank: rankOf(unit, here, next, today) };
  }).sort((a, b) => a.rank - b.rank || (a.next?.from ?? "9").localeCompare(b.next?.from ?? "9") || collator.compare(a.unit.code, b.unit.code));
}

/** @param {any} unit @param {any} here @param {any} next @param {string} today */
function rankOf(unit, here, next, today) {
  const isDirty = unit.condition === "dirty";
  const isWanted = next !== null && dateAt(next.from) <= today;
  if (UNUSABLE.has(unit.condition)) return 8;
  if (isDirty && here === null) return isWanted ? 0 : 2;
  if (isWanted && here === null && unit.condition !== "inspected") return 1;
  if (here !== null && dateAt(here.to) <= today) return isWanted ? 3 : 4;
  if (isDirty) return 5;
  return unit.condition === "inspected" ? 7 : 6;
}

/** @param {Record<string, import("../core/signals.js").Signal<string>>} filters @param {any} all @param {any} lines */
function screen(filters, all, lines) {
  const left = () => all.value.filter((/** @type {Line} */ { unit }) => unit.condition === "dirty").length;
  return html`<div class="page-head"><div class="titles"><h1>${t("screen.housekeeping")}<span class="print-only"> · ${page.site.name}</span></h1>
      <p class="muted small">${() => fullDayWord(dateOf(minute.value))} · ${() => t("housekeeping.left", { n: left() })} · ${zoneName()}</p></div><span class="grow"></span>
      <div class="row no-print">${csvButton(() => save(lines.value))}<button type="button" class="button quiet icon-only" aria-label=${t("hotel.print")} data-tip=${t("hotel.print")} @click=${() => window.print()}>${icon("print")}</button></div></div>
    <div class="keeping-tools no-print"><div class="chips" role="group" aria-label=${t("housekeeping.by_condition")}>${() => chips(filters.condition, all.value)}</div>
      <div class="row">${() => choice("floor", filters.floor, all.value, ({ unit }) => floorOf(unit.code), (floor) => t("housekeeping.floor", { floor }))}
      ${() => choice("category", filters.category, all.value, ({ unit }) => unit.category, (category) => category)}</div></div>
    ${() => (lines.value.length === 0 ? empty({ icon: "sparkle", title: t(all.value.length === 0 ? "hotel.no_rooms" : "housekeeping.nothing"), text: t(all.value.length === 0 ? "hotel.no_rooms_text" : "housekeeping.nothing_text", { site: page.site.slug }) })
      : html`<ul class="keeping">${each(lines.value, ({ unit }) => unit.code, room)}</ul>`)}`;
}

/** @param {import("../core/signals.js").Signal<string>} chosen @param {Line[]} lines */
function chips(chosen, lines) {
  const count = (/** @type {string} */ value) => lines.filter((line) => value === "" || valueOf(line, "condition", value)).length;
  const chip = (/** @type {string} */ value, /** @type {string} */ tone, /** @type {string} */ name, /** @type {string} */ word) => html`<button type="button" class="chip tone-${tone}" aria-pressed=${String(chosen.value === value)}
    @click=${() => { chosen.value = chosen.peek() === value ? "" : value; }}>${name ? icon(name) : null}${word}<span class="count">${count(value)}</span></button>`;
  return html`${chip("", "accent", "", t("board.all"))}${chip(TO_DO, "accent", "broom", t("housekeeping.to_do"))}
    ${["dirty", "clean", "inspected", "under_maintenance", "out_of_service"].filter((value) => count(value) > 0 || chosen.value === value).map((value) => { const look = lookOf(value); return chip(value, look.tone, look.icon, look.word); })}`;
}

/** @param {string} name @param {import("../core/signals.js").Signal<string>} chosen @param {Line[]} lines @param {(line: Line) => string} of @param {(value: string) => string} word */
function choice(name, chosen, lines, of, word) {
  const values = [...new Set(lines.map(of))].filter(Boolean).sort(collator.compare);
  if (values.length < 2) return null;
  return html`<select class="input" aria-label=${t(`housekeeping.by_${name}`)} @change=${(/** @type {any} */ event) => { chosen.value = event.target.value; }}>
    <option value="" ?selected=${chosen.value === ""}>${t(`housekeeping.all_${name}`)}</option>${values.map((value) => html`<option value=${value} ?selected=${value === chosen.value}>${word(value)}</option>`)}</select>`;
}

/** @param {Line} line */
function room(line) {
  const { unit, here, next } = line;
  const look = lookOf(unit.condition ?? "none");
  const step = STEPS[unit.condition ?? ""];
  const after = step === undefined ? null : lookOf(step);
  return html`<li class="keeping-room tone-${unit.condition === null ? "off" : look.tone}" data-unit=${unit.code}>
    <button type="button" class="keeping-open" aria-label=${t("housekeeping.open", { unit: unit.code })} @click=${() => openRoom(unit.code)}><span class="code">${unit.code}</span><span class="muted small">${unit.category}</span></button>
    <div class="keeping-facts"><div class="row wrap">${unit.condition === null ? html`<span class="muted small">${t("hotel.no_condition")}</span>` : badge(unit.condition)}${here !== null ? badge("OCCUPIED") : null}</div>
      <p class="small">${() => wanted(here, next)}</p>${unit.attributes?.note ? html`<p class="small room-note">${icon("note", "small")}<span>${unit.attributes.note}</span></p>` : null}</div>
    <div class="keeping-acts no-print">${after !== null ? html`<button type="button" class="button ${line.rank <= 2 ? "primary" : ""} step" aria-label=${`${unit.code}: ${t(`housekeeping.make_${step}`)}`} @click=${() => setCondition(unit, step)}>${icon(after.icon)}${after.word}</button>`
      : html`<button type="button" class="button step" aria-label=${`${unit.code}: ${t("housekeeping.make_dirty")}`} @click=${() => setCondition(unit, "dirty")}>${icon("broom")}${lookOf("dirty").word}</button>`}
      <button type="button" class="button icon-only quiet" aria-label=${`${unit.code}: ${t("housekeeping.report")}`} data-tip=${t("housekeeping.report")} @click=${() => report(unit, here !== null)}>${icon("wrench")}</button></div></li>`;
}

/** When the room is left and needed, in words. @param {any} here @param {any} next */
function wanted(here, next) {
  const today = dateOf(minute.value);
  const when = (/** @type {string} */ at) => (dateAt(at) === today ? timeOf(at) : dayWord(dateAt(at)));
  const parts = [];
  if (here !== null) parts.push(Date.parse(here.to) < minute.value ? tag("bad", "bell", t("hotel.overdue")) : html`<span>${t(dateAt(here.to) === today ? "housekeeping.leaves_today" : "housekeeping.leaves", { time: when(here.to) })}</span>`);
  if (next !== null) parts.push(html`<span class=${dateAt(next.from) <= today ? "strong" : "muted"}>${t(dateAt(next.from) <= today ? "housekeeping.comes_today" : "housekeeping.comes", { time: when(next.from) })}</span>`);
  return parts.length === 0 ? html`<span class="muted">${t("housekeeping.nobody")}</span>` : html`<span class="row wrap">${parts}</span>`;
}

/** @param {Line[]} lines */
function save(lines) {
  saveCsv(`${page.site.slug}-housekeeping-${dateOf(clock.now())}.csv`, [
    { name: "room", label: t("hotel.room"), draw: () => "", value: ({ unit }) => unit.code },
    { name: "category", label: t("housekeeping.category"), draw: () => "", value: ({ unit }) => unit.category },
    { name: "condition", label: t("hotel.condition"), draw: () => "", value: ({ unit }) => (unit.condition === null ? "" : lookOf(unit.condition).word) },
    { name: "status", label: t("board.col_status"), draw: () => "", value: ({ unit }) => lookOf(unit.shown_status).word },
    { name: "leaves", label: t("hotel.departure"), draw: () => "", value: ({ here }) => (here === null ? "" : here.to) },
    { name: "comes", label: t("hotel.arrival"), draw: () => "", value: ({ next }) => (next === null ? "" : next.from) },
    { name: "note", label: t("housekeeping.note"), draw: () => "", value: ({ unit }) => unit.attributes?.note ?? "" },
  ], lines);
}
