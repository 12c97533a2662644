/** A unit from close by: what it shows and why, who is there, what can be done, what comes next, what was. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { clock, lengthOf, minute, nowEachMinute, rangeOf, second, whenOf } from "../core/time.js";
import { may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { badge, lookOf, meter } from "../ui/status.js";
import { icon } from "../ui/icon.js";
import { backInUse, maintenance } from "./board_acts.js";
import { lengthsFor } from "./board_tiles.js";
import { openBookingForm } from "./booking_form.js";
import { bookingActs, bookingFacts, timeline } from "./booking_panel.js";
import { blockNow, nextAt, shareOf, spanIn, whoOf } from "./board_model.js";
import { evidenceOf, whySection } from "./unit_why.js";

const UNUSABLE = new Set(["under_maintenance", "out_of_service"]);
const HISTORY_BEHIND = 3000;
const HISTORY_MAX = 30;

/** @typedef {import("./board_model.js").View} View */

/** @param {() => View | undefined} viewOf follows the site @param {string} code */
export function openUnit(viewOf, code) {
  /** @type {import("../core/signals.js").Signal<any>} */ const detail = signal(null);
  const evidence = evidenceOf();
  /** @type {import("../core/signals.js").Signal<any[] | null>} */ const history = signal(null);
  let asked = "";
  const stop = effect(() => {
    const view = viewOf();
    const wanted = view ? `${view.booking?.id ?? ""}/${view.booking?.version ?? ""}/${view.unit.version}` : "";
    if (view === undefined || wanted === asked) return;
    asked = wanted;
    load(view, detail, evidence);
    if (history.peek() !== null) loadHistory(view.unit, history);
  });
  const opened = openDialog({
    kind: "drawer",
    title: code,
    under: () => { const view = viewOf(); return view ? html`<div class="row">${badge(view.unit.shown_status)}<span class="muted small">${t("unit.since", { time: whenOf(view.unit.shown_since) })}</span></div>` : null; },
    body: (/** @type {any} */ panel) => { const view = viewOf(); return view ? content(view, detail, evidence, history, panel) : null; },
    foot: (/** @type {any} */ panel) => { const view = viewOf(); return view ? foot(view, panel) : null; },
  });
  opened.closed.then(stop);
  return opened;
}

/** @param {View} view @param {any} detail @param {import("./unit_why.js").Evidence} evidence */
async function load(view, detail, evidence) {
  const { unit, booking } = view;
  evidence.of(unit);
  const told = booking === null ? null : ask("GET", here("bookings", booking.id));
  // what cannot be had now is left out; the panel stands on the replica alone too
  detail.value = (await told?.catch(() => null))?.data ?? null;
}

/** @param {any} unit @param {any} history */
async function loadHistory(unit, history) {
  const after = String(Math.max(0, siteStore().replica.version - HISTORY_BEHIND));
  const found = await ask("GET", `${here("journal")}?${new URLSearchParams({ after, limit: "500", subject: unit.code })}`).catch(() => null);
  history.value = (found?.data.events ?? []).reverse().slice(0, HISTORY_MAX);
}

/** @param {View} view @param {any} detail @param {import("./unit_why.js").Evidence} evidence @param {any} history @param {any} opened */
function content(view, detail, evidence, history, opened) {
  return html`${now(view, detail, opened)}
    ${whySection(view, evidence)}
    <section class="section"><h3>${t("unit.next")}</h3>${next(view)}</section>
    <section class="section"><h3>${t("unit.history")}</h3>${() => (history.value === null
      ? html`<button type="button" class="button small" @click=${() => loadHistory(view.unit, history)}>${icon("history", "small")}${t("unit.show_history")}</button>` : timeline(history.value))}</section>`;
}

/** @param {View} view @param {any} detail @param {any} opened */
function now(view, detail, opened) {
  const { unit, booking, session } = view;
  if (booking === null) {
    const isOut = lookOf(unit.shown_status).tone === "off";
    if (isOut || !may("book") || page.site.kind !== "cafe") return null;
    return html`<section class="seat-now" aria-label=${t("board.seat_for", { unit: unit.code })}><h3>${t("board.walk_in")}</h3>
      <div class="choices" @click=${() => queueMicrotask(() => opened.close())}>${() => lengthsFor(unit.code, nextAt(view, nowEachMinute()))}</div></section>`;
  }
  const span = spanIn(booking, unit.code);
  return html`<section class="who-now tone-${lookOf(unit.shown_status).tone}">
    <p class="who">${whoOf(booking)}</p>
    <p class="soft">${rangeOf(span.from, span.to)} · <span class="mono">${booking.reference}</span></p>
    ${session === null ? null : html`<p class="rest-line"><span class="strong">${() => (span.to > second.value ? t("board.left", { time: lengthOf(span.to - second.value, true) }) : t("board.over"))}</span></p>
      ${meter(() => shareOf(span, second.value), () => lengthOf(Math.max(0, span.to - minute.value)))}`}
    </section>
    ${bookingActs(booking, () => detail.value?.may ?? [])}
    ${() => (detail.value === null ? null : bookingFacts(detail.value))}`;
}

/** @param {View} view */
function next({ unit, ahead }) {
  if (ahead.length === 0) return html`<p class="muted">${t("unit.nothing_next")}</p>`;
  return html`<ul class="next-list">${ahead.slice(0, 8).map((one) => {
    const span = spanIn(one, unit.code);
    return html`<li><span class="strong">${rangeOf(span.from, span.to)}</span><span class="grow truncate soft">${whoOf(one)}</span>${badge(one.state)}</li>`;
  })}</ul>`;
}

/** @param {View} view @param {any} opened */
function foot(view, opened) {
  const { unit } = view;
  const block = blockNow(view, nowEachMinute());
  const condition = UNUSABLE.has(unit.condition) ? unit.condition : null;
  const isOut = condition !== null || (block !== null && may("block"));
  return html`${may("condition") ? (isOut
      ? html`<button type="button" class="button" @click=${() => backInUse(unit.code, may("block") ? block : null, condition)}>${icon("check")}${t("board.back_in_use")}</button>`
      : html`<button type="button" class="button" @click=${() => maintenance([unit.code])}>${icon("wrench")}${t("board.maintenance")}</button>`) : null}
    ${may("book") ? html`<button type="button" class="button" @click=${() => { opened.close(); openBookingForm({ unit: unit.code }); }}>${icon("calendar")}${t("board.new_booking")}</button>` : null}`;
}
