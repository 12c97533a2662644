/** The board of a sports ground: its slots of a day by its grounds, with who has asked for them and who has them, live. */

import { html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { hotkeys } from "../core/hotkeys.js";
import { clock, dateOf, longDayOf, minute, nowEachMinute, timeOf, zoneName, instantOf } from "../core/time.js";
import { inAddress, keepInAddress, may, page } from "../core/page.js";
import { ask, here } from "../core/api.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { offer } from "../ui/palette.js";
import { badge, empty, lookOf } from "../ui/status.js";
import { icon } from "../ui/icon.js";
import { csvButton, saveCsv } from "../ui/table.js";
import { whoOf } from "./board_model.js";
import { bookingActs, bookingFacts } from "./booking_panel.js";
import { problemNote } from "./conflict.js";
import { blockSlots, bookSlot, groundsOf, nameOf, openBlock } from "./grounds_acts.js";
import { cellsOf, dateFrom, followDay } from "./grounds_day.js";

/** @typedef {import("./grounds_day.js").Cell} Cell */

/** How long a time is where there are 24 hours; `08:00 AM` is longer. */
const SHORT_TIME = "00:00".length;

const today = () => dateOf(clock.now());

export function open() {
  const store = siteStore();
  const date = signal(/^\d{4}-\d{2}-\d{2}$/.test(inAddress("date")) ? inAddress("date") : today());
  const day = followDay(date);
  const grid = computed(() => {
    day.version.value;
    const [slots, now] = [day.slots.value, nowEachMinute()];
    if (slots === null || day.replica === null) return null;
    const replica = day.replica;
    const grounds = groundsOf();
    return { slots, columns: grounds.map((unit) => ({ unit, cells: cellsOf(replica, unit.code, slots, now) })) };
  });
  effect(() => keepInAddress({ date: date.value === today() ? null : date.value }));
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  const view = { store, date, day, grid };
  render(screen(view), place);
  keys(view);
  offer(() => (may("book") ? [{ label: t("board.new_booking"), icon: "plus", hint: "n", run: () => { book(view); } }] : []));
}

/** @param {any} view @param {{unit?: string, slot?: number}} given */
function book(view, given = {}) {
  const slots = view.day.slots.peek();
  if (slots !== null) bookSlot({ date: view.date.peek(), slots, ...given });
}

/** @param {any} view @param {{unit?: string, slot?: number}} given */
function block(view, given = {}) {
  const slots = view.day.slots.peek();
  if (slots !== null && slots.some((/** @type {any} */ one) => one.to > clock.now())) blockSlots({ date: view.date.peek(), slots, ...given });
}

/** @param {any} view @param {number} days */
const go = (view, days) => { view.date.value = dateFrom(view.date.peek(), days); };

/** @param {any} view */
function screen(view) {
  const { date } = view;
  return html`<div class="page-head"><div class="titles"><h1>${t("screen.board")}</h1><p class="muted small">${() => longDayOf(instantOf(`${date.value}T12:00`))}</p></div>
      <span class="grow"></span>
      <div class="row wrap"><div class="row day-switch" role="group" aria-label=${t("grounds.date")}>
        <button type="button" class="button icon-only" aria-label=${t("grounds.day_before")} data-tip=${t("grounds.day_before")} @click=${() => go(view, -1)}>${icon("chevron-left")}</button>
        <button type="button" class="button" aria-pressed=${() => String(date.value === (minute.value, today()))} @click=${() => { date.value = today(); }}>${t("grounds.today")}</button>
        <button type="button" class="button icon-only" aria-label=${t("grounds.day_after")} data-tip=${t("grounds.day_after")} @click=${() => go(view, 1)}>${icon("chevron-right")}</button>
        <input class="input" type="date" aria-label=${t("grounds.date")} .value=${date} @change=${(/** @type {any} */ event) => { if (event.target.value !== "") date.value = event.target.value; }}></div>
      <div class="row">${csvButton(() => save(view))}
      ${may("block") ? html`<button type="button" class="button" @click=${() => block(view)}>${icon("ban")}${t("grounds.block")}</button>` : null}</div>
      ${may("book") ? html`<button type="button" class="button primary" @click=${() => book(view)}>${icon("plus")}${t("board.new_booking")}</button>` : null}</div></div>
    <div class="legend" role="note" aria-label=${t("grounds.legend")}>${() => legend(view)}</div>
    <div class="day-grid">${() => content(view)}</div>`;
}

/** What each look means, with how many there are. @param {any} view */
function legend(view) {
  const cells = (view.grid.value?.columns ?? []).flatMap((/** @type {any} */ column) => column.cells.filter((/** @type {Cell} */ cell) => cell.isFirst));
  const count = (/** @type {(cell: Cell) => boolean} */ is) => cells.filter(is).length;
  const waiting = count((cell) => cell.booking?.state === "Pending");
  const approvals = page.screens.find(({ name }) => name === "approvals");
  const counted = (/** @type {string} */ state, /** @type {number} */ n) => html`<span class="counted">${badge(state)}<span class="count">${n}</span></span>`;
  return html`${counted("Pending", waiting)}${counted("Approved", count((cell) => cell.booking !== null && cell.booking.state !== "Pending"))}
    ${counted("Blocked", count((cell) => cell.kind === "block"))}${counted("Vacant", count((cell) => cell.kind === "free"))}
    <span class="push muted small">${t("board.times_in", { zone: zoneName() })}</span>
    ${approvals ? html`<a href=${approvals.address}>${icon("inbox", "small")}${t("screen.approvals")}</a>` : null}`;
}

/** @param {any} view */
function content(view) {
  if (view.day.problem.value !== null) return problemNote(view.day.problem.value);
  const grid = view.grid.value;
  if (grid === null) return html`<div class="loading-tiles" aria-hidden="true">${Array.from({ length: 8 }, () => html`<div class="skeleton"></div>`)}</div>`;
  if (grid.columns.length === 0) return empty({ icon: "ball", title: t("grounds.empty"), text: t("board.empty_text", { site: page.site.slug }) });
  if (grid.slots.length === 0) return empty({ icon: "calendar", title: t("grounds.no_slots"), text: t("grounds.no_slots_text") });
  const now = nowEachMinute();
  return html`<div class="table-wrap"><table class=${`slots ${timeOf(grid.slots[0].from).length > SHORT_TIME ? "has-long-times" : ""}`} aria-label=${t("grounds.table")} @keydown=${arrows}>
    <thead><tr><td></td>${grid.columns.map((/** @type {any} */ { unit }) => html`<th scope="col"><span class="strong">${nameOf(unit)}</span><span class="muted small">${unit.category}</span></th>`)}</tr></thead>
    <tbody>${grid.slots.map((/** @type {any} */ slot, /** @type {number} */ at) => html`<tr class=${slot.from <= now && now < slot.to ? "is-now" : ""}>
      <th scope="row"><span class="strong">${timeOf(slot.from)}</span><span class="muted small">${timeOf(slot.to)}</span></th>
      ${grid.columns.map((/** @type {any} */ column) => cellOf(view, slot, at, column))}</tr>`)}</tbody></table></div>`;
}

/** @param {any} view @param {any} slot @param {number} at @param {{unit: any, cells: Cell[]}} column */
function cellOf(view, slot, at, { unit, cells }) {
  const cell = cells[at];
  if (!cell.isFirst) return null;
  const where = `${nameOf(unit)}, ${timeOf(slot.from)}`;
  const rows = cell.span > 1 ? String(cell.span) : null;
  if (cell.kind === "over") return html`<td rowspan=${rows}><div class="slot over"><span class="visually-hidden">${t("grounds.over")}</span></div></td>`;
  if (cell.kind === "free") {
    if (!may("book")) return html`<td rowspan=${rows}><div class="slot free">${badge("Vacant")}</div></td>`;
    return html`<td rowspan=${rows}><button type="button" class="slot free" data-cell aria-label=${t("grounds.book_at", { where })} @click=${() => book(view, { unit: unit.code, slot: at })}>${icon("plus", "small")}<span>${t("status.vacant")}</span></button></td>`;
  }
  if (cell.kind === "block") return html`<td rowspan=${rows}><button type="button" class="slot blocked tone-off" data-cell data-unit=${unit.code} @click=${() => openBlock(cell.block, may("block"))}>
    <span class="slot-state">${icon("ban", "small")}${t("status.blocked")}</span><span class="slot-who">${cell.block.reason ?? ""}</span></button></td>`;
  const look = lookOf(cell.booking.state);
  return html`<td rowspan=${rows}><button type="button" class="slot held tone-${look.tone} ${cell.booking.state === "Pending" ? "pending" : "approved"}" data-cell data-booking=${cell.booking.id} data-unit=${unit.code} @click=${() => openBooking(cell.booking)}>
    <span class="slot-state">${icon(look.icon, "small")}${look.word}${cell.block ? html`<span class="in-block" data-tip=${t("grounds.in_block", { reason: cell.block.reason ?? t("status.blocked") })}>${icon("ban", "small")}<span class="visually-hidden">${t("grounds.in_block", { reason: cell.block.reason ?? t("status.blocked") })}</span></span>` : null}</span><span class="slot-who">${whoOf(cell.booking) ?? ""}</span></button></td>`;
}

/** A booking from close by, following the site while it is open. @param {any} booking */
export function openBooking(booking) {
  const store = siteStore();
  /** @type {import("../core/signals.js").Signal<any>} */ const detail = signal({ ...booking, may: [], history: [] });
  const load = async () => { detail.value = (await ask("GET", here("bookings", booking.id)).catch(() => null))?.data ?? detail.peek(); };
  load();
  const stop = store.onEvent((event) => { if (event.data?.booking?.id === booking.id) load(); });
  const opened = openDialog({
    kind: "drawer", title: () => whoOf(detail.value) ?? booking.reference,
    under: () => html`<div class="row">${badge(detail.value.state)}<span class="mono muted small">${booking.reference}</span></div>`,
    body: () => html`<p class="strong">${detail.value.units.map((/** @type {string} */ code) => nameOf(store.replica.units.get(code) ?? { code })).join(", ")}</p><p>${longDayOf(detail.value.from)}, ${timeOf(detail.value.from)} – ${timeOf(detail.value.to)}</p>
      ${bookingActs(detail.value, () => detail.value.may)}${detail.value.history.length > 0 ? bookingFacts(detail.value) : null}`,
  });
  opened.closed.then(stop);
  return opened;
}

/** @param {any} view */
function save(view) {
  const grid = view.grid.peek();
  if (grid === null) return;
  const rows = grid.columns.flatMap((/** @type {any} */ { unit, cells }) => cells.map((/** @type {Cell} */ cell, /** @type {number} */ at) => ({ unit, cell, slot: grid.slots[at] })));
  const text = (/** @type {string} */ name, /** @type {string} */ label, /** @type {(row: any) => string} */ value) => ({ name, label, draw: () => null, value });
  saveCsv(`${page.site.slug}-${view.date.peek()}.csv`, [
    text("ground", t("grounds.ground"), ({ unit }) => nameOf(unit)), text("from", t("grounds.slot"), ({ slot }) => `${timeOf(slot.from)} – ${timeOf(slot.to)}`),
    text("state", t("board.col_status"), ({ cell }) => (cell.booking ? cell.booking.state : cell.kind === "block" ? t("status.blocked") : cell.kind === "free" ? t("status.vacant") : "")),
    text("who", t("board.col_customer"), ({ cell }) => (cell.booking ? whoOf(cell.booking) ?? "" : cell.block?.reason ?? "")),
  ], rows);
}

/** From cell to cell by the arrows. @param {KeyboardEvent} event */
function arrows(event) {
  const ways = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  const way = /** @type {Record<string, number[]>} */ (ways)[event.key];
  const from = event.target instanceof HTMLElement ? event.target.closest("[data-cell]") : null;
  if (way === undefined || from === null) return;
  event.preventDefault();
  const at = from.getBoundingClientRect();
  const [x, y] = [at.left + at.width / 2, at.top + at.height / 2];
  let best = null;
  let least = Infinity;
  for (const one of document.querySelectorAll("[data-cell]")) {
    const box = one.getBoundingClientRect();
    const [dx, dy] = [box.left + box.width / 2 - x, box.top + box.height / 2 - y];
    const [along, across] = way[0] !== 0 ? [dx * way[0], Math.abs(dy)] : [dy * way[1], Math.abs(dx)];
    if (one === from || along < 4 || across > (way[0] !== 0 ? at.height : at.width) / 2) continue;
    if (along < least) { least = along; best = one; }
  }
  if (best instanceof HTMLElement) best.focus();
}

/** @param {any} view */
function keys(view) {
  const group = t("grounds.keys");
  hotkeys(
    { keys: "[", label: t("grounds.day_before"), group, run: () => go(view, -1) },
    { keys: "]", label: t("grounds.day_after"), group, run: () => go(view, 1) },
    { keys: "0", label: t("grounds.today"), group, run: () => { view.date.value = today(); } },
    { keys: "ArrowDown", label: t("grounds.key_cells"), group, run: () => { /** @type {HTMLElement | null} */ (document.querySelector("[data-cell]"))?.focus(); } },
  );
  if (may("book")) hotkeys({ keys: "n", label: t("board.key_new"), group, run: () => { book(view); } });
  if (may("block")) hotkeys({ keys: "b", label: t("grounds.block"), group, run: () => { block(view); } });
}
