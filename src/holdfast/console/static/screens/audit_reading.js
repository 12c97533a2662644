/**
 * The journal read backwards, newest first, in bounded questions: it is kept and asked for in the order it was written,
 * so each question is of a stretch before the one asked last, longer where little was found.
 */

import { ask, here } from "../core/api.js";

const EVENTS_MAX = 1000;
const STRETCH = 500;
const STRETCH_MAX = 20_000;
const QUESTIONS_MAX = 25;

/** @typedef {import("../core/stream.js").JournalEvent} JournalEvent */
/** `from` and `to` are instants in milliseconds or null.
 * @typedef {{types: string[], subject: string, actor: string, from: number | null, to: number | null}} Wanted */
/** `upto`: where to go on from; 0 when there is nothing before. `isTrimmed`: what is before is no longer kept.
 * @typedef {{events: JournalEvent[], upto: number, isTrimmed: boolean}} Read */

/** @type {Wanted} */ export const ALL = { types: [], subject: "", actor: "", from: null, to: null };

/** What is asked of the server. @param {Wanted} wanted @returns {Record<string, string>} */
export function queryOf({ types, subject, actor, from, to }) {
  return {
    ...(types.length > 0 ? { types: types.join(",") } : {}), ...(subject ? { subject } : {}), ...(actor ? { actor } : {}),
    ...(from === null ? {} : { from: new Date(from).toISOString() }), ...(to === null ? {} : { to: new Date(to).toISOString() }),
  };
}

/** Whether a line is wanted. @param {Wanted} wanted @param {JournalEvent} event */
export function passes({ types, subject, actor, from, to }, event) {
  const at = Date.parse(event.at);
  return (types.length === 0 || types.includes(event.type)) && (subject === "" || event.subject === subject) && (actor === "" || event.actor === actor)
    && (from === null || at >= from) && (to === null || at < to);
}

/** Up to `count` wanted lines at or before a version. @param {Wanted} wanted @param {number} upto @param {number} count @param {AbortSignal} [signal]
 * @returns {Promise<Read>} */
export async function readBack(wanted, upto, count, signal) {
  /** @type {JournalEvent[]} */ const events = [];
  const query = queryOf(wanted);
  let stretch = STRETCH;
  for (let asked = 0; asked < QUESTIONS_MAX && upto > 0 && events.length < count; asked += 1) {
    const after = Math.max(0, upto - stretch);
    const { data } = await ask("GET", `${here("journal")}?${new URLSearchParams({ ...query, after: String(after), limit: String(EVENTS_MAX) })}`, signal ? { signal } : {});
    if (data.reset === "trimmed") {
      if (stretch === 1) return { events, upto: 0, isTrimmed: true };
      stretch = Math.max(1, Math.floor(Math.min(stretch, upto) / 2));
      continue;
    }
    if (data.events.length === EVENTS_MAX && data.next < upto && stretch > 1) {
      // more than one answer holds: of a shorter stretch it is all
      stretch = Math.max(1, Math.floor(stretch / 4));
      continue;
    }
    const found = data.events.filter((/** @type {JournalEvent} */ event) => event.version <= upto);
    events.push(...found.filter((/** @type {JournalEvent} */ event) => passes(wanted, event)).reverse());
    const oldest = found[0];
    upto = after;
    if (oldest !== undefined && wanted.from !== null && Date.parse(oldest.at) < wanted.from) upto = 0;
    if (events.length < count / 4) stretch = Math.min(STRETCH_MAX, stretch * 2);
  }
  if (events.length <= count) return { events, upto, isTrimmed: false };
  const told = events.slice(0, count);
  return { events: told, upto: told[told.length - 1].version - 1, isTrimmed: false };
}

/** The line of the same subject before this one that tells all of a booking; null when there is none that is kept.
 * @param {JournalEvent} event @returns {Promise<JournalEvent | null>} */
export async function before(event) {
  const { events } = await readBack({ ...ALL, subject: event.subject }, event.version - 1, 5);
  return events.find(({ data }) => data.booking) ?? null;
}
