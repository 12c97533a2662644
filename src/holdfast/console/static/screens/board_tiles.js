/** Units as tiles: what is where, until when, and what comes next. Each ticks by the server's clock. */

import { each, html } from "../core/html.js";
import { flush, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { distanceOf, lengthOf, minute, nowEachMinute, rangeOf, second, timeOf, whenOf } from "../core/time.js";
import { may, page } from "../core/page.js";
import { badge, lookOf, meter } from "../ui/status.js";
import { icon } from "../ui/icon.js";
import { blockNow, nextAt, shareOf, spanIn, urgencyOf, whoOf } from "./board_model.js";
import { extend, start, walkIn } from "./board_acts.js";

/** @typedef {import("./board_model.js").View} View */
/** @typedef {{open: (code: string) => void, toggle: (code: string, isRange: boolean) => void, selected: import("../core/signals.js").Signal<Set<string>>,
 *   at: import("../core/signals.js").Signal<string>, isSelecting: import("../core/signals.js").Signal<boolean>}} Board */

/** Where the pointer or the focus is: only that tile has what can be done to it at once. */
const hot = signal("");
/** @type {Map<string, import("../core/signals.js").Signal<boolean>>} */ const heat = new Map();

/** Whether a tile is where somebody is about to act. @param {string} code */
function isHot(code) {
  let found = heat.get(code);
  if (found === undefined) {
    found = signal(hot.peek() === code);
    heat.set(code, found);
  }
  return found.value;
}

/** @param {Event} event */
function warm(event) {
  const code = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest(".tile"))?.dataset.unit ?? "" : "";
  // whoever is on the way to a menu that is open passes over other tiles
  if (code === "" || code === hot.peek() || document.querySelector(".tile .menu:popover-open") !== null) return;
  const [before, now] = [heat.get(hot.peek()), heat.get(code)];
  hot.value = code;
  if (before !== undefined) before.value = false;
  if (now !== undefined) now.value = true;
  // at once: the next key may be for what is drawn by it
  flush();
}

/** @param {View[]} views @param {Board} board */
export const tiles = (views, board) => html`<ul class="tiles" @keydown=${arrows} @pointerover=${warm} @focusin=${warm}>${each(views, (view) => view.unit.code, (view) => tile(view, board))}</ul>`;

/** @param {View} view @param {Board} board */
function tile(view, board) {
  const { unit } = view;
  const look = lookOf(unit.shown_status);
  const urgency = () => (view.session === null ? "" : urgencyOf(Date.parse(view.session.to) - second.value));
  const label = () => [unit.code, look.word, spoken(view)].filter(Boolean).join(", ");
  return html`<li class=${() => `tile tone-${look.tone} ${urgency() ? `ends-${urgency()}` : ""} ${board.selected.value.has(unit.code) ? "is-selected" : ""}`} data-unit=${unit.code}>
    <div class="tile-head">
      <button type="button" class="tile-open" aria-label=${label} tabindex=${() => (board.at.value === unit.code ? "0" : "-1")} data-code=${unit.code}
        @focus=${() => { board.at.value = unit.code; }}
        @click=${(/** @type {MouseEvent} */ event) => { if (event.ctrlKey || event.metaKey || event.shiftKey || board.isSelecting.peek()) board.toggle(unit.code, event.shiftKey); else board.open(unit.code); }}>${unit.code}</button>
      ${badge(unit.shown_status)}
      ${() => (board.isSelecting.value || isHot(unit.code) || board.selected.value.has(unit.code) ? tick(unit.code, board) : null)}
    </div>
    ${body(view)}
  </li>`;
}

/** @param {string} code @param {Board} board */
const tick = (code, board) => html`<input type="checkbox" class="tick" tabindex="-1" aria-label=${t("board.select", { unit: code })} .checked=${() => board.selected.value.has(code)}
  @click=${(/** @type {MouseEvent} */ event) => board.toggle(code, event.shiftKey)}>`;

/** What can be done to a tile at once. @param {string} code @param {() => any} draw */
const acts = (code, draw) => (may("book") && page.site.kind === "cafe" ? html`<div class="tile-acts">${() => (isHot(code) ? draw() : null)}</div>` : null);

/** What of a tile is said aloud; without seconds, so that it is not said over and over. @param {View} view */
function spoken(view) {
  if (view.session !== null) return `${whoOf(view.session)}, ${t("board.ends", { time: timeOf(view.session.to) })}`;
  const next = nextAt(view, nowEachMinute());
  return next === null ? "" : t("board.next_at", { time: whenOf(next) });
}

/** @param {View} view */
function body(view) {
  if (view.session !== null) return running(view);
  if (view.booking !== null) return coming(view);
  if (lookOf(view.unit.shown_status).tone === "off") return outOfUse(view);
  return free(view);
}

/** @param {View} view */
function running({ unit, session, ahead }) {
  const span = spanIn(session, unit.code);
  const left = () => span.to - second.value;
  const rest = () => (left() > 0 ? t("board.left", { time: lengthOf(left(), true) }) : page.site.kind === "hotel" ? t("board.over_by", { time: lengthOf(-left()) }) : t("board.over"));
  return html`<p class="tile-who truncate">${whoOf(session)}</p>
    <div class="tile-foot"><p class="tile-line"><span class="strong">${rest}</span><span class="end">${whenOf(span.to)}</span></p>
      ${meter(() => shareOf(span, second.value), () => `${unit.code}: ${lengthOf(Math.max(0, span.to - minute.value))}`)}</div>
    ${acts(unit.code, () => html`<button type="button" class="button small" tabindex="-1" aria-label=${`${unit.code}: ${t("board.extend_by", { minutes: 30 })}`}
      @click=${() => extend(session, 30)}>${icon("plus", "small")}30 min</button>`)}
    ${ahead.length > 0 ? html`<p class="tile-next">${t("board.next_at", { time: whenOf(spanIn(ahead[0], unit.code).from) })}</p>` : null}`;
}

/** @param {View} view */
function coming({ unit, booking }) {
  const { from, to } = spanIn(booking, unit.code);
  const wait = () => from - nowEachMinute();
  return html`<p class="tile-who truncate">${whoOf(booking)}</p>
    <div class="tile-foot"><p class="tile-line"><span class="strong">${() => (wait() > 0 ? t("board.starts_in", { time: distanceOf(wait()) }) : t("board.late", { time: lengthOf(-wait()) }))}</span>
      <span class="end">${rangeOf(from, to)}</span></p></div>
    ${acts(unit.code, () => html`<button type="button" class="button small" tabindex="-1" @click=${() => start(booking)}>${icon("play", "small")}${t("act.start")}</button>`)}`;
}

/** @param {View} view */
function outOfUse(view) {
  const block = () => blockNow(view, nowEachMinute());
  return html`<p class="tile-who truncate">${() => block()?.reason ?? (view.unit.condition ? lookOf(view.unit.condition).word : "")}</p>
    <div class="tile-foot"><p class="tile-line"><span>${() => (block() === null ? t("board.further_notice") : t("board.until", { time: whenOf(block().to) }))}</span></p></div>`;
}

/** @param {View} view */
function free(view) {
  const next = () => nextAt(view, nowEachMinute());
  return html`<p class="tile-who muted" aria-hidden="true">–</p>
    <div class="tile-foot"><p class="tile-line"><span>${() => { const at = next(); return at === null ? "" : t("board.free_until", { time: whenOf(at) }); }}</span></p></div>
    ${acts(view.unit.code, () => seat(view.unit.code, next))}`;
}

const LENGTHS = [30, 60, 120, 180];

/** Whose menu is open: only that one is drawn. */
const seating = signal("");

/** Seats somebody in two clicks. @param {string} code @param {() => number | null} next */
const seat = (code, next) => html`<hf-menu @open=${() => { seating.value = code; flush(); }}><button type="button" class="button small" tabindex="-1" aria-label=${t("board.seat_for", { unit: code })} data-walk-in=${code}>${icon("walk-in", "small")}${t("board.seat")}</button>
  <div class="menu" role="menu" aria-label=${t("board.seat_for", { unit: code })}>${() => (seating.value === code ? lengthsFor(code, next()) : null)}</div></hf-menu>`;

/** The lengths that fit before what comes next, and the open end. @param {string} code @param {number | null} next */
export function lengthsFor(code, next) {
  const fitting = LENGTHS.filter((minutes) => next === null || nowEachMinute() + minutes * 60_000 <= next);
  return html`${fitting.map((minutes) => html`<button type="button" role="menuitem" @click=${() => walkIn(code, minutes)}>${icon("clock")}${lengthOf(minutes * 60_000)}
      <span class="muted push">${() => t("board.until", { time: timeOf(second.value + minutes * 60_000) })}</span></button>`)}
    <button type="button" role="menuitem" @click=${() => walkIn(code, null)}>${icon("play")}${t("board.open_end")}${next === null ? null : html`<span class="muted push">${t("board.until", { time: timeOf(next) })}</span>`}</button>`;
}

/** Arrows go to the tile that lies that way. @param {KeyboardEvent} event */
function arrows(event) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const way = /** @type {Record<string, number[]>} */ (ways)[event.key];
  if (way === undefined || !(event.target instanceof HTMLElement) || !event.target.classList.contains("tile-open")) return;
  event.preventDefault();
  const from = event.target.closest(".tile")?.getBoundingClientRect();
  if (from === undefined) return;
  let best = null;
  let nearest = Infinity;
  for (const one of document.querySelectorAll(".tile")) {
    const at = one.getBoundingClientRect();
    const [across, down] = [at.left - from.left, at.top - from.top];
    const along = across * way[0] + down * way[1];
    const aside = Math.abs(across * way[1]) + Math.abs(down * way[0]);
    // the next line begins where this one ends
    if (along <= 1 || (way[1] === 0 && aside > 1)) continue;
    if (along + aside * 3 < nearest) [nearest, best] = [along + aside * 3, one];
  }
  const wanted = best?.querySelector(".tile-open");
  if (wanted instanceof HTMLElement) wanted.focus();
}
