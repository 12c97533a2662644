/**
 * The tape chart: rooms down, nights across, a bar for each stay from the middle of its day of arrival to the middle of its
 * day of departure. Days are columns of the background; only what there is becomes an element.
 */

import { each, html } from "../core/html.js";
import { holds } from "../core/replica.js";
import { t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { lookOf, tag } from "../ui/status.js";
import { icon } from "../ui/icon.js";
import { isRunning } from "./board_model.js";
import { dateOfDay, dayNumber, endOf, isWeekend } from "./tape_model.js";
import { guestOf, monthWord, stayWords, weekdayWord } from "./stay_words.js";
import { overlay } from "./tape_overlay.js";
import { openRoom } from "./room_panel.js";

/** @typedef {import("./tape_state.js").Tape} Tape */
/** @typedef {import("./tape_model.js").Stay} Stay */

/** Nights whose bar may be narrower than a name. */
const SHORT = 2.5;

/** @param {Tape} tape @param {{ref: (element: HTMLElement) => void, onKey: (event: KeyboardEvent) => void}} o */
export function chart(tape, { ref, onKey }) {
  return html`<p id="tape-help" class="visually-hidden">${t("hotel.chart_help")}</p>
    <div class="tape" role="application" tabindex="0" aria-label=${() => t("hotel.chart_label", { n: tape.nights.value, from: weekdayDay(tape.start.value) })} aria-describedby="tape-help"
      aria-busy=${() => String(tape.view.isLoading.value)} style:--nights=${() => tape.nights.value} ref=${ref} @keydown=${onKey}>
      <div class="tape-head"><div class="tape-corner"><span class="muted small">${() => t("hotel.rooms", { n: tape.shown.value.length })}</span></div><div class="tape-days">${() => days(tape)}</div></div>
      <div class="tape-body"><div class="tape-tints" aria-hidden="true">${() => tints(tape)}</div>
        ${() => lanes(tape)}
        ${() => each(parted(tape), ({ category }) => category, (group) => html`<section class="tape-group" aria-label=${group.category}>
          <div class="tape-group-head"><h2 class="tape-category">${group.category}<span class="muted small">${group.rows.length}</span></h2><div class="tape-free" aria-hidden="true">${group.free.map((free) => html`<span class=${free === 0 ? "none" : ""}>${free}</span>`)}</div></div>
          ${each(group.drawn, ({ unit }) => unit.code, (row) => line(row, tape))}</section>`)}
        ${overlay(tape)}
      </div></div>`;
}

/** The groups, each with as many of its rows as are drawn by now. @param {Tape} tape */
function parted(tape) {
  let room = tape.drawn.value;
  const parts = [];
  for (const group of tape.groups.value) {
    if (room <= 0) break;
    parts.push({ ...group, drawn: room < group.rows.length ? group.rows.slice(0, room) : group.rows });
    room -= group.rows.length;
  }
  return parts;
}

/** @param {number} day */
const weekdayDay = (day) => `${weekdayWord(dateOfDay(day))} ${Number(dateOfDay(day).slice(8))} ${monthWord(dateOfDay(day))}`;

/** @param {Tape} tape */
function days(tape) {
  const today = dayNumber(tape.today.value);
  return Array.from({ length: tape.nights.value }, (_, at) => {
    const date = dateOfDay(tape.start.value + at);
    const isFirst = at === 0 || date.endsWith("-01");
    return html`<div class="tape-day ${isWeekend(date) ? "weekend" : ""} ${tape.start.value + at === today ? "today" : ""}" aria-current=${tape.start.value + at === today ? "date" : null}>
      <span class="weekday">${weekdayWord(date)}</span><span class="number">${Number(date.slice(8))}</span><span class="month">${isFirst ? monthWord(date) : ""}</span></div>`;
  });
}

/** @param {Tape} tape */
function tints(tape) {
  const today = dayNumber(tape.today.value);
  const columns = Array.from({ length: tape.nights.value }, (_, at) => at).filter((at) => isWeekend(dateOfDay(tape.start.value + at)) || tape.start.value + at === today);
  const line = () => tape.now.value - tape.start.value;
  return html`${columns.map((at) => html`<i class=${tape.start.value + at === today ? "tint today" : "tint"} style:--from=${at} style:--to=${at + 1}></i>`)}
    ${() => (line() > 0 && line() < tape.nights.value ? html`<i class="tape-now" style:--from=${line}></i>` : null)}`;
}

/** Stays that need somebody to decide, above all others. @param {Tape} tape */
function lanes(tape) {
  if (tape.troubles.value.length === 0) return null;
  return html`<section class="tape-group trouble" aria-label=${t("hotel.troubles", { n: tape.troubles.value.length })}>
    ${tape.lanes.value.map((lane, at) => html`<div class="tape-row"><div class="room lane-name">${at === 0 ? html`${icon("alert")}<h2>${t("hotel.troubles", { n: tape.troubles.value.length })}</h2>` : null}</div>
      <div class="lane">${lane.map(({ stay, why }) => bar(stay, tape, why))}</div></div>`)}</section>`;
}

/** @param {import("./tape_model.js").Row} row @param {Tape} tape */
function line(row, tape) {
  const { unit } = row;
  const [look, condition] = [lookOf(unit.shown_status), unit.condition === null ? null : lookOf(unit.condition)];
  const isSaid = condition === null || condition.word === look.word;
  return html`<div class="tape-row" data-unit=${unit.code}>
    <button type="button" class="room" tabindex="-1" @click=${() => openRoom(unit.code)}><span class="code">${unit.code}</span>
      <span class="words"><span class="status tone-${look.tone}">${icon(look.icon, "small")}<span class="truncate">${look.word}</span></span>
      ${isSaid ? null : html`<span class="condition">${icon(condition.icon, "small")}<span class="truncate">${condition.word}</span></span>`}</span>
      ${unit.attributes?.note ? html`<span class="has-note">${icon("note", "small")}<span class="visually-hidden">${unit.attributes.note}</span></span>` : null}</button>
    <div class="lane">${row.hatches.map((hatch) => html`<div class="hatch" style:--from=${hatch.from - tape.start.peek()} style:--to=${hatch.to - tape.start.peek()}>
      ${icon(hatch.block.kind === "maintenance" ? "wrench" : "ban", "small")}<span class="truncate">${may("names") ? hatch.block.reason ?? t("hotel.blocked") : t("hotel.blocked")}</span></div>`)}
      ${row.stays.map((stay) => bar(stay, tape))}</div></div>`;
}

/** @param {Stay} stay @param {Tape} tape @param {string} why it is in the lane of those to be sorted out */
function bar(stay, tape, why = "") {
  const { booking } = stay;
  const look = lookOf(booking.state);
  const [start, nights] = [tape.start.peek(), tape.nights.peek()];
  const isHere = isRunning(booking) && stay.isLast;
  const isLate = () => isHere && stay.to < tape.now.value;
  const to = isHere ? () => endOf(stay, tape.now.value) - start : stay.to - start;
  const kind = `stay tone-${look.tone} ${stay.from < start ? "cut-start" : ""} ${stay.to > start + nights ? "cut-end" : ""} ${stay.isMovable && may("book") ? "movable" : ""} ${holds(booking) ? "" : "past"} ${Math.min(stay.to, start + nights) - Math.max(stay.from, start) <= SHORT ? "short" : ""}`;
  return html`<button type="button" class=${isHere ? () => `${kind} ${isLate() ? "late" : ""}` : kind} tabindex=${why === "" ? "-1" : "0"} data-stay=${stay.key} data-booking=${booking.id} aria-label=${`${why === "" ? "" : `${t(`hotel.why_${why}`)}: `}${stay.unit}, ${stayWords(stay)}`}
    style:--from=${stay.from - start} style:--to=${to}>${icon(why === "" ? look.icon : "alert", "small")}<span class="who">${why === "" ? guestOf(booking) : `${stay.unit} · ${guestOf(booking)}`}</span>
    <span class="state">${isHere ? () => (isLate() ? t("hotel.overdue") : look.word) : why === "" ? look.word : t(`hotel.why_${why}`)}</span></button>`;
}

/** What the tones mean. */
export const legend = () => html`<div class="legend no-print" role="note" aria-label=${t("hotel.legend")}>
  ${["Reserved", "CheckedIn", ...(page.site.settings.hold_s_max > 0 ? ["Held"] : [])].map((state) => { const look = lookOf(state); return tag(look.tone, look.icon, look.word); })}
  <span class="badge tone-bad">${icon("bell")}${t("hotel.overdue")}</span><span class="badge hatched">${icon("ban")}${t("hotel.blocked")}</span></div>`;
