/** The day's lists: who arrives, who leaves, who is in the house; to act on, to save, to print. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clock, dateOf, timeOf } from "../core/time.js";
import { may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { badge, empty, lookOf, tag } from "../ui/status.js";
import { saveCsv, table } from "../ui/table.js";
import { isRunning } from "./board_model.js";
import { checkIn, checkOut, isReady, quick } from "./stay_acts.js";
import { openStay } from "./stay_panel.js";
import { dayWord, guestOf, nightsBetween } from "./stay_words.js";
import { dateAt } from "./tape_model.js";

/** @typedef {"arrivals" | "departures" | "house"} List */
/** @typedef {import("../ui/table.js").Column<any>} Column */

const DASH = "–";
const ICONS = { arrivals: "login", departures: "logout", house: "bed" };

/** @param {any} booking */
const rooms = (booking) => booking.units.join(", ");
/** @param {any} booking */
const unitsOf = (booking) => booking.units.map((/** @type {string} */ code) => siteStore().replica.units.get(code)).filter(Boolean);

/** How the rooms of somebody who comes are. @param {any} booking */
function readiness(booking) {
  const waiting = unitsOf(booking).filter((/** @type {any} */ unit) => !isReady(unit));
  if (waiting.length === 0) return tag("free", "check", t("hotel.ready"));
  const [unit] = waiting;
  return badge(["OCCUPIED", "MAINTENANCE", "OUT_OF_SERVICE"].includes(unit.shown_status) ? unit.shown_status : unit.condition);
}

/** @param {any} booking */
const isLate = (booking) => isRunning(booking) && Date.parse(booking.to) < clock.now();

/** @param {string} at an instant */
const timeOrDay = (at) => html`<span class="one-line">${dateAt(at) === dateOf(clock.now()) ? timeOf(at) : dayWord(dateAt(at))}</span>`;

/** @type {Record<string, (list: List) => Column>} */
const COLUMNS = {
  room: () => ({ name: "room", label: t("hotel.room"), narrow: true, draw: (one) => html`<span class="strong">${rooms(one)}</span>`, value: rooms }),
  guest: () => ({ name: "guest", label: t("hotel.guest"), isHead: true, draw: guestOf, value: guestOf }),
  ready: () => ({ name: "ready", label: t("hotel.room_is"), draw: readiness, value: (one) => (unitsOf(one).every(isReady) ? t("hotel.ready") : lookOf(unitsOf(one)[0]?.condition ?? "").word) }),
  from: () => ({ name: "from", label: t("hotel.arrival"), wide: true, draw: (one) => timeOrDay(one.from), value: (one) => one.from }),
  to: () => ({ name: "to", label: t("hotel.departure"), draw: (one) => (isLate(one) ? tag("bad", "bell", t("hotel.overdue")) : timeOrDay(one.to)), value: (one) => one.to }),
  last: () => ({ name: "last", label: t("hotel.departure"), wide: true, draw: (one) => html`<span class="one-line">${dayWord(dateAt(one.to))}</span>`, value: (one) => one.to }),
  nights: () => ({ name: "nights", label: t("hotel.nights_label"), wide: true, number: true, draw: nightsOf, value: nightsOf }),
  party: () => ({ name: "party", label: t("hotel.party"), wide: true, number: true, draw: (one) => one.party ?? DASH, value: (one) => one.party ?? null }),
  note: () => ({ name: "note", label: t("booking.note"), wide: true, draw: (one) => one.note ?? html`<span class="muted">${DASH}</span>`, value: (one) => one.note ?? null }),
  reference: () => ({ name: "reference", label: t("hotel.reference"), wide: true, draw: (one) => html`<span class="mono">${one.reference || DASH}</span>`, value: (one) => one.reference }),
  act: (list) => ({ name: "act", label: t("hotel.act"), narrow: true, draw: (one) => (list === "arrivals" ? quick(one, () => checkIn(one), "check-in", unitsOf(one).every(isReady)) : quick(one, () => checkOut(one), "check-out", list === "departures")) }),
};
/** @type {Record<List, string[]>} */
const SHOWN = {
  arrivals: ["room", "guest", "ready", "from", "last", "nights", "party", "note", "reference"],
  departures: ["room", "guest", "to", "nights", "party", "note", "reference"],
  house: ["room", "guest", "from", "to", "nights", "party", "note", "reference"],
};
/** What only who sees names is told. */
const OF_PEOPLE = new Set(["note", "reference", "party"]);

/** @param {any} booking */
const nightsOf = (booking) => Math.max(1, nightsBetween(dateAt(booking.from), dateAt(booking.to)));

/** @param {List} list */
const columnsOf = (list) => [...SHOWN[list].filter((name) => may("names") || !OF_PEOPLE.has(name)), ...(may("book") ? ["act"] : [])].map((name) => COLUMNS[name](list));

/** @param {List} list @param {any[]} bookings @param {import("../core/signals.js").Signal<import("../ui/table.js").Order>} order */
export function dayList(list, bookings, order) {
  if (bookings.length === 0) return empty({ icon: ICONS[list], title: t(`hotel.no_${list}`), text: t(`hotel.no_${list}_text`) });
  return html`<div class="day-list">${table({
    label: t(`hotel.${list}`), columns: columnsOf(list), rows: bookings, key: (one) => one.id, order: order.value,
    onOrder: (next) => { order.value = next; }, onOpen: openStay,
  })}</div>`;
}

/** @param {List} list @param {any[]} bookings */
export const saveDayList = (list, bookings) => saveCsv(`${page.site.slug}-${list}-${dateOf(clock.now())}.csv`, columnsOf(list), bookings);
