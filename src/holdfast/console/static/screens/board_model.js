/**
 * What a tile shows, as far as no clock is needed: a unit with the booking, the block and the ones to come. A view stays
 * the same object while nothing of it changes, so that only what changed is drawn again.
 *
 * @typedef {{unit: any, booking: any, session: any, blocks: any[], ahead: any[]}} View
 */

import { t } from "../core/i18n.js";
import { holds } from "../core/replica.js";

/** When a booking comes to a unit and when it leaves it: a moved one has parts. @param {any} booking @param {string} code */
export function spanIn(booking, code) {
  const parts = (booking.parts ?? []).filter((/** @type {any} */ part) => part.unit === code);
  const own = parts.length > 0 ? parts : [booking];
  return { from: Date.parse(own[0].from), to: Date.parse(own[own.length - 1].to) };
}

/** Whether somebody is there by it now. @param {any} booking */
export const isRunning = (booking) => booking.started_at !== null && booking.ended_at === null && holds(booking);

/** Views of all units, from one replica on. */
export class Views {
  /** @type {Map<string, View>} */ #known = new Map();
  /** @type {View[]} */ #last = [];

  /** @param {import("../core/stream.js").Replica} replica @param {number} now milliseconds @returns {View[]} in the order of their codes */
  of(replica, now) {
    /** @type {Map<string, any[]>} */ const bookings = new Map();
    for (const booking of replica.bookings.values()) {
      // one that has moved on has been in other units, and names only those where it is or will be
      if (holds(booking)) for (const code of booking.units) push(bookings, code, booking);
    }
    /** @type {Map<string, any[]>} */ const blocks = new Map();
    for (const block of replica.blocks.values()) {
      if (Date.parse(block.to) > now) for (const code of block.units) push(blocks, code, block);
    }
    const views = [...replica.units.values()].map((unit) => this.#view(unit, bookings.get(unit.code) ?? [], blocks.get(unit.code) ?? [], now));
    const isSame = views.length === this.#last.length && views.every((view, at) => view === this.#last[at]);
    this.#known = new Map(views.map((view) => [view.unit.code, view]));
    if (!isSame) this.#last = views;
    return this.#last;
  }

  /** @param {any} unit @param {any[]} bookings @param {any[]} blocks @param {number} now */
  #view(unit, bookings, blocks, now) {
    const { code } = unit;
    const own = bookings.filter((one) => spanIn(one, code).to > now || isRunning(one)).sort((a, b) => spanIn(a, code).from - spanIn(b, code).from);
    const booking = own.find((one) => one.id === unit.booking) ?? null;
    const made = {
      unit, booking,
      session: booking !== null && isRunning(booking) ? booking : null,
      blocks: blocks.sort((a, b) => Date.parse(a.from) - Date.parse(b.from)),
      ahead: own.filter((one) => one !== booking),
    };
    const before = this.#known.get(code);
    return before !== undefined && isAlike(before, made) ? before : made;
  }
}

/** @param {Map<string, any[]>} map @param {string} key @param {any} value */
function push(map, key, value) {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** @param {View} a @param {View} b */
function isAlike(a, b) {
  const isList = (/** @type {any[]} */ one, /** @type {any[]} */ other) => one.length === other.length && one.every((item, at) => item === other[at]);
  return a.unit === b.unit && a.booking === b.booking && isList(a.blocks, b.blocks) && isList(a.ahead, b.ahead);
}

/** The block that holds a unit now. @param {View} view @param {number} now */
export const blockNow = (view, now) => view.blocks.find((one) => Date.parse(one.from) <= now && now < Date.parse(one.to)) ?? null;

/** What comes next to a unit: a booking or a block, in milliseconds; null when nothing does. @param {View} view @param {number} now */
export function nextAt(view, now) {
  const starts = [
    ...view.ahead.map((one) => spanIn(one, view.unit.code).from),
    ...(view.session === null && view.booking !== null ? [spanIn(view.booking, view.unit.code).from] : []),
    ...view.blocks.map((one) => Date.parse(one.from)),
  ].filter((at) => at > now);
  return starts.length === 0 ? null : Math.min(...starts);
}

/** How much of a time is over, 0 to 1. @param {{from: number, to: number}} span @param {number} now */
export const shareOf = ({ from, to }, now) => (to <= from ? 1 : Math.min(1, Math.max(0, (now - from) / (to - from))));

/** How urgent an end is: "" until ten minutes before. @param {number} leftMs @returns {"" | "ten" | "five" | "one"} */
export const urgencyOf = (leftMs) => (leftMs <= 60_000 ? "one" : leftMs <= 300_000 ? "five" : leftMs <= 600_000 ? "ten" : "");

/** Who a booking is for; null for no booking. @param {any} booking @returns {string | null} */
export function whoOf(booking) {
  if (booking === null) return null;
  const { name, reference, email } = booking.customer ?? {};
  return name ?? reference ?? email ?? t(isRunning(booking) ? "board.walk_in" : "booking.no_name");
}

/** Whether it is a place that holds others: a room with seats. @param {View} view @param {Set<string>} parents */
export const isPlace = (view, parents) => parents.has(view.unit.code);
