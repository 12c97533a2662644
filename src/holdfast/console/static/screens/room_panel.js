/** A room from close by: how it is and why it shows what it shows, who is in it, who comes, what was. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { nowEachMinute, whenOf } from "../core/time.js";
import { may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { badge, lookOf } from "../ui/status.js";
import { icon } from "../ui/icon.js";
import { backInUse } from "./board_acts.js";
import { blockNow, isRunning, Views } from "./board_model.js";
import { timeline } from "./booking_panel.js";
import { evidenceOf, whySection } from "./unit_why.js";
import { openStay } from "./stay_panel.js";
import { openStayForm } from "./stay_form.js";
import { report } from "./room_report.js";
import { isReady, quick, checkIn, checkOut, setCondition } from "./stay_acts.js";
import { guestOf, spanWords } from "./stay_words.js";
import { dateAt, UNUSABLE } from "./tape_model.js";

const CONDITIONS = ["dirty", "clean", "inspected"];
const HISTORY_BEHIND = 3000;
const HISTORY_MAX = 30;

/** @typedef {import("./board_model.js").View} View */

/** @param {string} code */
export function openRoom(code) {
  const store = siteStore();
  const views = new Views();
  const view = computed(() => { store.version.value; return views.of(store.replica, nowEachMinute()).find(({ unit }) => unit.code === code); });
  /** @type {import("../core/signals.js").Signal<any[] | null>} */ const history = signal(null);
  const evidence = evidenceOf();
  let asked = -1;
  const stop = effect(() => {
    const unit = view.value?.unit;
    if (unit === undefined || unit.version === asked) return;
    asked = unit.version;
    evidence.of(unit);
  });
  const shown = openDialog({
    kind: "drawer", title: code,
    under: () => { const now = view.value; return now ? html`<div class="row wrap">${badge(now.unit.shown_status)}<span class="muted small">${now.unit.category} · ${t("unit.since", { time: whenOf(now.unit.shown_since) })}</span></div>` : null; },
    body: (/** @type {any} */ opened) => { const now = view.value; return now ? content(now, history, evidence, opened) : null; },
    foot: (/** @type {any} */ opened) => { const now = view.value; return now ? foot(now, opened) : null; },
  });
  shown.closed.then(stop);
  return shown;
}

/** @param {View} view @param {any} history @param {import("./unit_why.js").Evidence} evidence @param {any} opened */
function content(view, history, evidence, opened) {
  const { unit, session, ahead, booking } = view;
  const coming = [...(booking !== null && session === null ? [booking] : []), ...ahead];
  return html`${unit.attributes?.note ? html`<p class="room-note">${icon("note", "small")}<span>${unit.attributes.note}</span></p>` : null}
    <section class="section"><h3>${t("hotel.condition")}</h3>${may("condition") ? html`<div class="condition-choice" role="group" aria-label=${t("hotel.condition")}>
      ${CONDITIONS.map((name) => { const look = lookOf(name); return html`<button type="button" class="button tone-${look.tone}" aria-pressed=${String(unit.condition === name)} @click=${() => { if (unit.condition !== name) setCondition(unit, name); }}>${icon(look.icon)}${look.word}</button>`; })}</div>` : null}
      ${UNUSABLE.has(unit.condition) || (unit.condition === null && !may("condition")) ? html`<p>${unit.condition === null ? t("hotel.no_condition") : badge(unit.condition)}</p>` : null}</section>
    ${session === null ? null : html`<section class="section"><h3>${t("hotel.here_now")}</h3>${stayLine(session, opened)}${may("book") ? quick(session, () => checkOut(session), "check-out") : null}</section>`}
    <section class="section"><h3>${t("hotel.coming")}</h3>${coming.length === 0 ? html`<p class="muted">${t("unit.nothing_next")}</p>` : html`<ul class="stay-lines">${coming.slice(0, 6).map((one) => html`<li>${stayLine(one, opened)}</li>`)}</ul>`}
      ${coming[0] && may("book") && coming[0].state === "Reserved" && unit.shown_status === "RESERVED" && isReady(unit) ? quick(coming[0], () => checkIn(coming[0]), "check-in") : null}</section>
    ${whySection(view, evidence)}
    <section class="section"><h3>${t("unit.history")}</h3>${() => (history.value === null
      ? html`<button type="button" class="button small" @click=${() => loadHistory(unit.code, history)}>${icon("history", "small")}${t("unit.show_history")}</button>` : timeline(history.value))}</section>`;
}

/** @param {any} booking @param {any} opened */
const stayLine = (booking, opened) => html`<button type="button" class="stay-line" @click=${() => { opened.close(); openStay(booking); }}><span class="grow"><span class="strong">${guestOf(booking)}</span>
  <span class="soft small">${spanWords(dateAt(booking.from), dateAt(booking.to))}${isRunning(booking) ? "" : ` · ${lookOf(booking.state).word}`}</span></span>${icon("chevron-right", "small")}</button>`;

/** @param {string} code @param {any} history */
async function loadHistory(code, history) {
  const after = String(Math.max(0, siteStore().replica.version - HISTORY_BEHIND));
  const found = await ask("GET", `${here("journal")}?${new URLSearchParams({ after, limit: "500", subject: code })}`).catch(() => null);
  history.value = (found?.data.events ?? []).reverse().slice(0, HISTORY_MAX);
}

/** @param {View} view @param {any} opened */
function foot(view, opened) {
  const { unit, session } = view;
  const block = blockNow(view, nowEachMinute());
  const condition = UNUSABLE.has(unit.condition) ? unit.condition : null;
  const isOut = condition !== null || (block !== null && may("block"));
  return html`${may("condition") && isOut ? html`<button type="button" class="button" @click=${() => backInUse(unit.code, may("block") ? block : null, condition)}>${icon("check")}${t("board.back_in_use")}</button>` : null}
    ${may("condition") ? html`<button type="button" class="button" @click=${() => report(unit, session !== null)}>${icon("wrench")}${t("housekeeping.report")}</button>` : null}
    ${may("book") && page.screen === "board" ? html`<button type="button" class="button" @click=${() => { opened.close(); openStayForm({ unit: unit.code }); }}>${icon("plus")}${t("board.new_booking")}</button>` : null}`;
}
