/** A stay from close by: who, where, which nights, what the server lets be done now, what is known, what was. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { clock, dateOf, whenOf } from "../core/time.js";
import { may } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { badge, banner } from "../ui/status.js";
import { icon } from "../ui/icon.js";
import { actNow, actWithReason } from "./board_acts.js";
import { isRunning } from "./board_model.js";
import { bookingFacts } from "./booking_panel.js";
import { addDays, dateAt } from "./tape_model.js";
import { changeStay, checkIn, checkOut, isReady, splitStay, swapStay } from "./stay_acts.js";
import { carryOutNights } from "./stay_nights.js";
import { guestOf, nightsBetween, nightsWords, spanWords } from "./stay_words.js";

/** @type {Record<string, string>} */
const ICONS = { confirm: "check", "check-in": "login", "check-out": "logout", move: "edit", split: "seat", swap: "swap", undo: "undo", "no-show": "eye-off", cancel: "cross" };
const ORDER = ["confirm", "check-in", "check-out", "extend", "move", "split", "swap", "undo", "no-show", "cancel"];

/** @param {any} given a booking as the replica has it */
export function openStay(given) {
  const booking = signal(given);
  /** @type {import("../core/signals.js").Signal<any>} */ const detail = signal(null);
  let asked = -1;
  const stopHearing = siteStore().onEvent((event) => { if (event.data?.booking?.id === given.id) booking.value = event.data.booking; });
  const stopLoading = effect(() => {
    const { version } = booking.value;
    if (version === asked || !may("names")) return;
    asked = version;
    // what cannot be had now is left out; the panel stands on the replica alone too
    ask("GET", here("bookings", given.id)).then(({ data }) => { if (version === asked) detail.value = data; }, () => {});
  });
  const opened = openDialog({
    kind: "drawer", title: () => guestOf(booking.value),
    under: () => html`<div class="row">${badge(booking.value.state)}<span class="muted small mono">${booking.value.reference}</span></div>`,
    body: () => content(booking.value, detail),
  });
  opened.closed.then(() => { stopHearing(); stopLoading(); });
  return opened;
}

/** @param {any} booking @param {import("../core/signals.js").Signal<any>} detail */
function content(booking, detail) {
  const [first, last] = [dateAt(booking.from), dateAt(booking.to)];
  return html`<section class="stay-now"><p class="who">${booking.units.join(", ")} <span class="muted">${booking.category ?? ""}</span></p>
      <p class="strong">${spanWords(first, last)} · ${nightsWords(Math.max(1, nightsBetween(first, last)))}</p>
      <p class="soft small">${t("hotel.from_to", { from: whenOf(booking.from), to: whenOf(booking.to) })}</p>
      ${booking.parts ? html`<ul class="stretches">${booking.parts.map((/** @type {any} */ part) => html`<li><span class="strong">${part.unit}</span> ${spanWords(dateAt(part.from), dateAt(part.to))}</li>`)}</ul>` : null}</section>
    ${() => notice(booking)}
    ${() => acts(booking, detail.value?.may ?? [])}
    ${() => (detail.value === null ? (booking.note ? html`<p>${booking.note}</p>` : null) : bookingFacts(detail.value))}`;
}

/** What somebody at the desk should know before they act. @param {any} booking */
function notice(booking) {
  siteStore().version.value;
  const today = dateOf(clock.now());
  if (isRunning(booking) && Date.parse(booking.to) < clock.now()) return banner("soon", "bell", html`<p>${t("hotel.overdue_text", { time: whenOf(booking.to) })}</p>`);
  if (booking.started_at !== null || dateAt(booking.from) > today || booking.state !== "Reserved") return null;
  const units = booking.units.map((/** @type {string} */ code) => siteStore().replica.units.get(code)).filter(Boolean);
  const waiting = units.filter((/** @type {any} */ unit) => !isReady(unit));
  if (waiting.length === 0) return banner("free", "check", html`<p>${t("hotel.room_ready", { unit: booking.units.join(", ") })}</p>`);
  return banner("used", "broom", html`${waiting.map((/** @type {any} */ unit) => html`<p class="row wrap"><span>${t("hotel.room_not_ready", { unit: unit.code })}</span>${badge(["OCCUPIED", "MAINTENANCE", "OUT_OF_SERVICE"].includes(unit.shown_status) ? unit.shown_status : unit.condition)}</p>`)}`);
}

/** @param {any} booking @param {string[]} possible as the server says */
function acts(booking, possible) {
  if (!may("book")) return null;
  // one night in one room has no day to change rooms on
  const isDivisible = booking.units.length === 1 && nightsBetween(dateAt(booking.from), dateAt(booking.to)) > 1;
  const shown = ORDER.filter((name) => possible.includes(name) && (name !== "split" || isDivisible) && (name !== "swap" || !booking.parts));
  return html`<div class="acts">${shown.map((name) => button(booking, name))}</div>`;
}

/** @param {any} booking @param {string} name */
function button(booking, name) {
  const last = dateAt(booking.to);
  if (name === "extend") {
    return html`<span class="extend" role="group" aria-label=${t("hotel.nights_label")}><button type="button" class="button" aria-label=${t("hotel.shorter")} data-tip=${t("hotel.shorter")} ?disabled=${nightsBetween(dateAt(booking.from), last) < 2} @click=${() => carryOutNights(booking, addDays(last, -1))}>${icon("minus", "small")}</button>
      <button type="button" class="button" aria-label=${t("hotel.longer")} @click=${() => carryOutNights(booking, addDays(last, 1))}>${icon("plus", "small")}${t("hotel.one_night")}</button></span>`;
  }
  const isFirst = ["check-in", "confirm", "check-out"].includes(name);
  const word = name === "move" ? t("hotel.change") : name === "undo" && isRunning(booking) ? t("hotel.undo_in") : t(`act.${name}`);
  return html`<button type="button" class="button ${isFirst ? "primary" : ["cancel", "no-show"].includes(name) ? "danger" : ""}" @click=${() => run(booking, name)}>${icon(ICONS[name] ?? "play")}${word}</button>`;
}

/** @param {any} booking @param {string} name */
function run(booking, name) {
  if (name === "check-in") return checkIn(booking);
  if (name === "check-out") return checkOut(booking);
  if (name === "move") return changeStay(booking);
  if (name === "split") return splitStay(booking);
  if (name === "swap") return swapStay(booking);
  if (name === "cancel" || name === "no-show") return actWithReason(booking, name);
  return actNow(booking, name, t("booking.done_act", { unit: booking.units.join(", "), act: t(`act.${name}`) }));
}
