/** A booking from close by: the acts that the server says are possible, who it is for, its history. */

import { actorName } from "../core/actors.js";
import { html } from "../core/html.js";
import { hasWords, t } from "../core/i18n.js";
import { fullOf, whenOf } from "../core/time.js";
import { may, page } from "../core/page.js";
import { icon } from "../ui/icon.js";
import { lookOf } from "../ui/status.js";
import { actNow, actWithReason, end, extend, move, start } from "./board_acts.js";
import { changeTeam, teamLines } from "./booking_team.js";
import { moveSlot } from "./grounds_acts.js";

const ICONS = {
  confirm: "check", start: "play", "check-in": "login", "check-out": "logout", end: "stop", move: "move", cancel: "cross", "no-show": "eye-off",
  approve: "check", reject: "cross", revoke: "undo", undo: "undo", amend: "users",
};
/** Those that lead on come first, those that end something last. */
const ORDER = ["start", "check-in", "approve", "confirm", "extend", "end", "check-out", "move", "amend", "undo", "revoke", "no-show", "reject", "cancel"];

/** @param {any} booking @param {() => string[]} possible as the server says */
export function bookingActs(booking, possible) {
  if (!may("book")) return null;
  return html`<div class="acts">${() => ORDER.filter((name) => possible().includes(name)).map((name) => button(booking, name))}</div>`;
}

/** @param {any} booking @param {string} name */
function button(booking, name) {
  if (name === "extend") {
    return html`<span class="extend" role="group" aria-label=${t("act.extend")}>${[15, 30, 60].map((minutes) => html`<button type="button" class="button" aria-label=${t("board.extend_by", { minutes })}
      @click=${() => extend(booking, minutes)}>${icon("plus", "small")}${minutes} min</button>`)}</span>`;
  }
  const isFirst = ["start", "check-in", "approve", "confirm"].includes(name);
  const isLast = ["end", "cancel", "reject", "no-show"].includes(name);
  return html`<button type="button" class="button ${isFirst ? "primary" : isLast ? "danger" : ""}" @click=${() => run(booking, name)}>${icon(/** @type {Record<string, string>} */ (ICONS)[name] ?? "play")}${t(`act.${name}`)}</button>`;
}

/** Does an act, asking first for what it needs. @param {any} booking @param {string} name */
export function run(booking, name) {
  if (name === "start") return start(booking);
  if (name === "end") return end(booking);
  if (name === "amend") return changeTeam(booking);
  if (name === "move") return page.site.settings.slots ? moveSlot(booking) : move(booking);
  if (["cancel", "no-show", "reject", "revoke"].includes(name)) return actWithReason(booking, name, name === "reject");
  return actNow(booking, name, t("booking.done_act", { unit: booking.units.join(", "), act: t(`act.${name}`) }));
}

/** @param {any} booking as GET …/bookings/{id} tells it */
export function bookingFacts(booking) {
  const { customer = {} } = booking;
  const facts = [
    ["booking.email", customer.email ? html`<a href="mailto:${customer.email}">${customer.email}</a>` : null],
    ["booking.phone", customer.phone ? html`<a href="tel:${customer.phone}">${customer.phone}</a>` : null],
    ["booking.note", booking.note], ["booking.team", teamLines(booking).length > 0 ? teamLines(booking).join(", ") : null], ["booking.units", booking.units.length > 1 ? booking.units.join(", ") : null], ["booking.party", booking.party],
    ["booking.expires", booking.expires_at ? whenOf(booking.expires_at) : null], ["booking.by", booking.requested_by ? html`${() => actorName(booking.requested_by)}` : null],
  ].filter(([, value]) => value);
  return html`<section class="section"><h3>${t("booking.title")}</h3><dl class="facts">${facts.map(([key, value]) => html`<dt>${t(String(key))}</dt><dd>${value}</dd>`)}</dl>
    <div class="booking-history">${timeline([...booking.history].reverse())}</div></section>`;
}

/** What happened, newest first: who, when, why, from which state to which. @param {any[]} events of a booking's history or the journal */
export const timeline = (events) => html`<ol class="timeline">${events.map((event) => {
  const key = `event.${event.type.replace(".", "_")}`;
  const [from, to, reason] = [event.from ?? event.data?.from, event.to ?? event.data?.to, event.reason ?? event.data?.reason];
  return html`<li><p><span class="strong">${hasWords(key) ? t(key) : event.type}</span>${to && from !== to ? html` <span class="soft">${from ? `${lookOf(String(from)).word} → ` : "· "}${lookOf(String(to)).word}</span>` : null}</p>
    <p class="muted small"><time datetime=${event.effective_at}>${fullOf(event.effective_at)}</time> · ${event.actor === "clock" ? t("event.by_clock") : html`${() => t("event.by", { actor: actorName(event.actor) })}`} · <span class="mono">v${event.version}</span></p>
    ${reason ? html`<p class="small soft">${reason}</p>` : null}</li>`;
})}</ol>`;

