/** A booking from close by, on any screen: what it is, what may be done with it now, who did what. It follows the site. */

import { ask, here, Problem } from "../core/api.js";
import { actorName } from "../core/actors.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { fullOf, rangeOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { badge, banner, lookOf } from "../ui/status.js";
import { bookingActs, timeline } from "./booking_panel.js";
import { openUnitHere } from "./unit_here.js";
import { whoOf } from "./board_model.js";

/** @param {string} id @param {string} title until it has come */
export function openBooking(id, title = t("booking.title")) {
  /** @type {import("../core/signals.js").Signal<any>} */ const booking = signal(null);
  /** @type {import("../core/signals.js").Signal<Problem | null>} */ const problem = signal(null);
  const load = async () => {
    try {
      booking.value = (await ask("GET", here("bookings", id))).data;
      problem.value = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.value = error;
    }
  };
  load();
  const stop = siteStore().onEvent((event) => { if (event.subject === id) load(); });
  const opened = openDialog({
    kind: "drawer",
    title: () => (booking.value === null ? title : whoOf(booking.value)),
    under: () => (booking.value === null ? null : html`<div class="row">${badge(booking.value.state)}<span class="mono muted">${booking.value.reference}</span></div>`),
    body: () => {
      if (booking.value !== null) return content(booking.value);
      if (problem.value !== null) return banner("bad", "alert", html`<p>${problem.value.message}</p>`);
      return html`<div class="stack" aria-busy="true"><div class="skeleton line"></div><div class="skeleton line short"></div></div>`;
    },
  });
  opened.closed.then(stop);
  return opened;
}

/** @param {any} booking */
function content(booking) {
  return html`<section class="who-now tone-${lookOf(booking.state).tone}"><p class="who">${rangeOf(booking.from, booking.to)}</p>
      <div class="row wrap">${places(booking).map(place)}</div></section>
    ${bookingActs(booking, () => booking.may)}
    ${booking.notes?.length ? booking.notes.map((/** @type {string} */ note) => banner("accent", "info", html`<p>${note}</p>`)) : null}
    <section class="section"><h3>${t("booking.title")}</h3><dl class="facts">${facts(booking).map(([key, value]) => html`<dt>${t(key)}</dt><dd>${value}</dd>`)}</dl></section>
    <section class="section"><h3>${t("bookings.history")}</h3>${timeline([...booking.history].reverse())}
      ${booking.older ? html`<p class="muted small">${t("bookings.older")}</p>` : null}</section>`;
}

/** Where, and when where it is in several units in turn. @param {any} booking @returns {{code: string, when: string}[]} */
function places(booking) {
  if (!booking.parts) return booking.units.map((/** @type {string} */ code) => ({ code, when: "" }));
  return booking.parts.map((/** @type {any} */ part) => ({ code: part.unit, when: rangeOf(part.from, part.to) }));
}

/** @param {{code: string, when: string}} place */
const place = ({ code, when }) => html`<button type="button" class="button small" @click=${() => openUnitHere(code)}>${icon("pin", "small")}<span class="strong">${code}</span>${when}</button>`;

/** @param {any} booking @returns {[string, any][]} */
function facts(booking) {
  const { customer = {} } = booking;
  /** @type {[string, any][]} */ const all = [
    ["booking.name", customer.name], ["booking.email", customer.email ? html`<a href="mailto:${customer.email}">${customer.email}</a>` : null],
    ["booking.phone", customer.phone ? html`<a href="tel:${customer.phone}">${customer.phone}</a>` : null], ["bookings.customer_reference", customer.reference],
    ["bookings.category", booking.category], ["booking.party", booking.party], ["booking.note", booking.note],
    ["booking.expires", booking.expires_at ? fullOf(booking.expires_at) : null], ["bookings.made", fullOf(booking.created_at)],
    ["booking.by", booking.requested_by ? html`${() => actorName(booking.requested_by)}` : null],
    ["bookings.decided", booking.decided_by ? html`${() => actorName(booking.decided_by)}` : null], ["booking.reason", booking.decision_reason],
    ...Object.entries(booking.details ?? {}).filter(([, value]) => ["string", "number"].includes(typeof value)).map(([name, value]) => /** @type {[string, any]} */ ([name, String(value)])),
  ];
  return all.filter(([, value]) => value !== null && value !== undefined && value !== "");
}
