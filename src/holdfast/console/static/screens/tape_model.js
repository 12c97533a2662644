/**
 * What a tape chart shows, as values: rooms with their stays and blocks, placed on a line of days. A place on that line is
 * a number of days since 1970 in the site's zone; the middle of a day is where guests change, from check-out to check-in.
 * Values stay the same objects while nothing of them changes, so that only what changed is drawn again.
 *
 * @typedef {{key: string, booking: any, unit: string, from: number, to: number, first: string, last: string, nights: number,
 *   isLast: boolean, isMovable: boolean}} Stay a stretch of a booking in one room
 * @typedef {{key: string, block: any, unit: string, from: number, to: number}} Hatch
 * @typedef {{unit: any, stays: Stay[], hatches: Hatch[], windowKey: string}} Row
 * @typedef {{category: string, rows: Row[], free: number[]}} Group
 * @typedef {{stay: Stay, why: "out_of_use" | "blocked" | "occupied"}} Trouble
 */

import { collator } from "../core/i18n.js";
import { holds, unitsOf } from "../core/replica.js";
import { localOf } from "../core/time.js";
import { page } from "../core/page.js";
import { isRunning } from "./board_model.js";

export const DAY_MS = 86_400_000;
export const UNUSABLE = new Set(["under_maintenance", "out_of_service"]);
const STAY_MIN = 0.3;
const TROUBLE_MIN = 3;
const HISTORY = new Set(["CheckedOut"]);

/** @param {string} clock `15:00` */
const hours = (clock) => Number(clock.slice(0, 2)) + Number(clock.slice(3, 5)) / 60;
const arrival = hours(page.site?.settings?.check_in ?? "15:00");
const departure = hours(page.site?.settings?.check_out ?? "11:00");

/** @param {string} date @param {number} days */
export const addDays = (date, days) => new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10);
/** @param {string} date */
export const dayNumber = (date) => Math.round(Date.parse(date) / DAY_MS);
/** @param {number} day */
export const dateOfDay = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);
/** @param {string} date */
export const isWeekend = (date) => [0, 6].includes(new Date(date).getUTCDay());

/** @param {string} instant */
export const dateAt = (instant) => localOf(instant).slice(0, 10);

/** Where an instant lies on the line of days. @param {string} local as `localOf` tells it */
export function placeOfLocal(local) {
  const clock = hours(local.slice(11, 16));
  const share = clock <= departure ? (clock / departure) * 0.5 : clock < arrival ? 0.5 : 0.5 + ((clock - arrival) / (24 - arrival)) * 0.5;
  return dayNumber(local.slice(0, 10)) + share;
}

/** @param {string} instant */
export const placeOf = (instant) => placeOfLocal(localOf(instant));

/** @type {WeakMap<any, Stay[]>} */ const known = new WeakMap();

/** The stretches of a booking. @param {any} booking @returns {Stay[]} */
export function staysOf(booking) {
  const before = known.get(booking);
  if (before !== undefined) return before;
  const parts = booking.parts ?? booking.units.map((/** @type {string} */ unit) => ({ unit, from: booking.from, to: booking.to }));
  const canMove = booking.state === "Reserved" || booking.state === "CheckedIn";
  const made = parts.map((/** @type {any} */ part, /** @type {number} */ at) => {
    const to = booking.ended_at !== null && booking.ended_at < part.to ? booking.ended_at : part.to;
    const [from, first, last] = [placeOf(part.from), dateAt(part.from), dateAt(part.to)];
    const isLast = booking.parts ? at === parts.length - 1 : true;
    return {
      key: `${booking.id}/${part.unit}/${at}`, booking, unit: part.unit, from, to: Math.max(placeOf(to), from + STAY_MIN), first, last,
      nights: Math.max(1, dayNumber(last) - dayNumber(first)), isLast, isMovable: canMove && isLast && booking.units.includes(part.unit),
    };
  });
  known.set(booking, made);
  return made;
}

/** @type {WeakMap<any, Hatch[]>} */ const hatched = new WeakMap();

/** @param {any} block @returns {Hatch[]} */
function hatchesOf(block) {
  let found = hatched.get(block);
  if (found === undefined) {
    const [from, to] = [placeOf(block.from), placeOf(block.to)];
    found = block.units.map((/** @type {string} */ unit) => ({ key: `${block.id}/${unit}`, block, unit, from, to }));
    hatched.set(block, /** @type {Hatch[]} */ (found));
  }
  return /** @type {Hatch[]} */ (found);
}

/** Where a stay ends as it is: a guest past the time to leave is there still. @param {Stay} stay @param {number} now a place */
export const endOf = (stay, now) => (stay.isLast && isRunning(stay.booking) && stay.to < now ? now : stay.to);

/** Rows of the rooms there are, from one replica on. */
export class Rows {
  /** @type {Map<string, Row>} */ #known = new Map();

  /** @param {import("../core/stream.js").Replica} replica @param {number} start a day @param {number} nights @param {number} now a place
   * @returns {Row[]} by category and code */
  of(replica, start, nights, now) {
    /** @type {Map<string, Stay[]>} */ const stays = new Map();
    for (const booking of replica.bookings.values()) {
      if (!holds(booking) && !HISTORY.has(booking.state)) continue;
      for (const stay of staysOf(booking)) if (stay.from < start + nights && endOf(stay, now) > start) push(stays, stay.unit, stay);
    }
    /** @type {Map<string, Hatch[]>} */ const hatches = new Map();
    for (const block of replica.blocks.values()) {
      for (const hatch of hatchesOf(block)) if (hatch.from < start + nights && hatch.to > start) push(hatches, hatch.unit, hatch);
    }
    const parents = new Set([...replica.units.values()].map((unit) => unit.parent));
    const rooms = [...replica.units.values()].filter((unit) => !parents.has(unit.code))
      .sort((a, b) => collator.compare(a.category, b.category) || collator.compare(a.code, b.code));
    const rows = rooms.map((unit) => this.#row({
      unit, windowKey: `${start}/${nights}`, hatches: (hatches.get(unit.code) ?? []).sort(byFrom), stays: (stays.get(unit.code) ?? []).sort(byFrom),
    }));
    this.#known = new Map(rows.map((row) => [row.unit.code, row]));
    return rows;
  }

  /** @param {Row} made */
  #row(made) {
    const before = this.#known.get(made.unit.code);
    const isAlike = before !== undefined && before.unit === made.unit && before.windowKey === made.windowKey && isSame(before.stays, made.stays) && isSame(before.hatches, made.hatches);
    return isAlike ? before : made;
  }
}

/** @param {{from: number}} a @param {{from: number}} b */
const byFrom = (a, b) => a.from - b.from;
/** @param {any[]} a @param {any[]} b */
const isSame = (a, b) => a.length === b.length && a.every((item, at) => item === b[at]);

/** @param {Map<string, any[]>} map @param {string} key @param {any} value */
function push(map, key, value) {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Whether a night of a room is taken; a night lasts from the middle of its day to the middle of the next.
 * @param {Row} row @param {number} day @param {number} now a place */
export const isTaken = (row, day, now) => UNUSABLE.has(row.unit.condition) || holdersOf(row, day + 0.5, day + 1.5, now).length > 0;

/** What of a row lies between two places. @param {Row} row @param {number} from @param {number} to @param {number} now a place
 * @returns {(Stay | Hatch)[]} */
export const holdersOf = (row, from, to, now) => [
  ...row.stays.filter((stay) => holds(stay.booking) && stay.from < to && endOf(stay, now) > from), ...row.hatches.filter((hatch) => hatch.from < to && hatch.to > from),
];

/** Rows by category, with how many rooms are free each night. @param {Row[]} rows @param {number} start @param {number} nights @param {number} now
 * @returns {Group[]} */
export function groupsOf(rows, start, nights, now) {
  /** @type {Map<string, Row[]>} */ const groups = new Map();
  for (const row of rows) push(groups, row.unit.category, row);
  return [...groups].map(([category, own]) => ({
    category, rows: own,
    free: Array.from({ length: nights }, (_, at) => own.reduce((free, row) => free + (isTaken(row, start + at, now) ? 0 : 1), 0)),
  }));
}

/** Stays that cannot be as they are planned: the room is blocked, out of use, or somebody has not left it.
 * @param {Row[]} rows @param {number} today a day @param {number} now a place @returns {Trouble[]} */
export function troublesOf(rows, today, now) {
  /** @type {Trouble[]} */ const found = [];
  for (const row of rows) {
    const isHeld = UNUSABLE.has(row.unit.condition) || row.hatches.length > 0 || row.stays.some(({ booking }) => isRunning(booking));
    for (const stay of isHeld ? row.stays : []) {
      if (!holds(stay.booking)) continue;
      const isComing = stay.booking.started_at === null;
      const isDue = isComing && dayNumber(stay.first) <= today;
      const isOccupied = isDue && row.stays.some((other) => other !== stay && isRunning(other.booking) && other.isLast && endOf(other, now) > stay.from && other.booking !== stay.booking);
      if (isDue && UNUSABLE.has(row.unit.condition)) found.push({ stay, why: "out_of_use" });
      else if (row.hatches.some((hatch) => hatch.from < stay.to && hatch.to > Math.max(stay.from, now))) found.push({ stay, why: "blocked" });
      else if (isOccupied) found.push({ stay, why: "occupied" });
    }
  }
  return found;
}

/** Packs stays into as few lanes as they need, each with room for its words. @param {Trouble[]} troubles @returns {Trouble[][]} */
export function lanesOf(troubles) {
  /** @type {Trouble[][]} */ const lanes = [];
  for (const trouble of [...troubles].sort((a, b) => a.stay.from - b.stay.from)) {
    const lane = lanes.find((one) => Math.max(one[one.length - 1].stay.to, one[one.length - 1].stay.from + TROUBLE_MIN) <= trouble.stay.from);
    if (lane === undefined) lanes.push([trouble]);
    else lane.push(trouble);
  }
  return lanes;
}

/** The lists of a day. @param {import("../core/stream.js").Replica} replica @param {string} date */
export function dayOfHotel(replica, date) {
  const live = [...replica.bookings.values()].filter(holds);
  const byRoom = (/** @type {any} */ a, /** @type {any} */ b) => collator.compare(a.units[0] ?? "", b.units[0] ?? "");
  const here = live.filter(isRunning);
  return {
    // one that is awaited since yesterday is an arrival of today as well
    arrivals: live.filter((one) => one.started_at === null && one.state === "Reserved" && dateAt(one.from) <= date).sort(byRoom),
    departures: here.filter((one) => dateAt(one.to) <= date).sort(byRoom),
    inHouse: here.sort(byRoom),
  };
}

/** When a room is needed next, and when it is left. @param {import("../core/stream.js").Replica} replica @returns {Map<string, {next: any, here: any}>} */
export function useOfRooms(replica) {
  /** @type {Map<string, {next: any, here: any}>} */ const use = new Map();
  for (const booking of replica.bookings.values()) {
    if (!holds(booking)) continue;
    for (const code of unitsOf(booking)) {
      const own = use.get(code) ?? { next: null, here: null };
      if (isRunning(booking)) { if (booking.units.includes(code)) own.here = booking; }
      else if (own.next === null || booking.from < own.next.from) own.next = booking;
      use.set(code, own);
    }
  }
  return use;
}
