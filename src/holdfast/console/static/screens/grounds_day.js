/**
 * A day of a sports ground: its slots, and who has which ground in each. The page's own snapshot serves the days it
 * holds; another day has a snapshot of its own, and the events behind it keep that true, too.
 *
 * @typedef {{name: string, index: number, from: number, to: number}} Slot
 * @typedef {{kind: "free" | "over" | "booking" | "block", booking: any, block: any, span: number, isFirst: boolean}} Cell
 */

import { ask, here } from "../core/api.js";
import { effect, signal } from "../core/signals.js";
import { holds } from "../core/replica.js";
import { Replica } from "../core/stream.js";
import { siteStore } from "../core/store.js";
import { instantOf } from "../core/time.js";
import { spanIn } from "./board_model.js";

const DAY_MS = 86_400_000;

/** The date some days from one. @param {string} date @param {number} days */
export const dateFrom = (date, days) => new Date(Date.parse(`${date}T00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** Where a day begins and ends, in milliseconds. @param {string} date */
const edgesOf = (date) => ({ from: instantOf(`${date}T00:00`), to: instantOf(`${dateFrom(date, 1)}T00:00`) });

/**
 * Follows a day. `version` changes whenever something of it may have; `replica` is null until it is there.
 * @param {import("../core/signals.js").Signal<string>} date
 */
export function followDay(date) {
  const store = siteStore();
  const version = signal(0);
  /** @type {import("../core/signals.js").Signal<Slot[] | null>} */ const slots = signal(null);
  /** @type {import("../core/signals.js").Signal<any>} */ const problem = signal(null);
  /** @type {Replica | null} */ let replica = null;
  /** @type {any[]} */ let heard = [];
  let wanted = 0;

  const load = async (/** @type {string} */ day) => {
    const turn = (wanted += 1);
    const { from, to } = edgesOf(day);
    const isHere = from >= store.replica.start && to <= store.replica.end;
    replica = isHere ? store.replica : null;
    heard = [];
    slots.value = null;
    problem.value = null;
    try {
      const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
      const [offer, board] = await Promise.all([
        ask("GET", `${here("availability")}?${new URLSearchParams({ date: day, limit: "1" })}`),
        isHere ? null : ask("GET", `${here("board")}?${query}`),
      ]);
      if (turn !== wanted) return;
      if (board !== null) {
        replica = new Replica(board.data);
        for (const event of heard) if (event.version > replica.version) replica.hear(event);
      }
      slots.value = offer.data.slots.map((/** @type {any} */ one) => ({ name: one.slot, index: one.index, from: Date.parse(one.from), to: Date.parse(one.to) }));
      version.value += 1;
    } catch (error) {
      if (turn === wanted) problem.value = error;
    }
  };

  let isYoung = true;
  let last = store.version.peek();
  const stops = [
    effect(() => { load(date.value); }),
    store.onEvent((event) => {
      last = event.version;
      if (replica === null) heard.push(event);
      else if (replica !== store.replica && event.version > replica.version) replica.hear(event);
    }),
    effect(() => {
      const now = store.version.value;
      version.value = version.peek() + 1;
      // a version that no event led to is a new snapshot: what was kept beside it is old
      if (!isYoung && now >= 0 && now !== last) {
        last = now;
        load(date.peek());
      }
      isYoung = false;
    }),
  ];
  return { version, slots, problem, get replica() { return replica; }, close() { for (const stop of stops) stop(); } };
}

/**
 * What is in each slot of a ground. What covers several slots is told once, with how many.
 * @param {Replica} replica @param {string} code @param {Slot[]} slots @param {number} now @returns {Cell[]}
 */
export function cellsOf(replica, code, slots, now) {
  const bookings = [...replica.bookings.values()].filter((one) => holds(one) && one.units.includes(code));
  const blocks = [...replica.blocks.values()].filter((one) => one.units.includes(code));
  /** @type {Cell[]} */ const cells = [];
  for (const slot of slots) {
    const booking = bookings.find((one) => { const span = spanIn(one, code); return span.from < slot.to && span.to > slot.from; }) ?? null;
    // a booking that was there first keeps its time within a block
    const block = blocks.find((one) => Date.parse(one.from) < slot.to && Date.parse(one.to) > slot.from) ?? null;
    const before = cells.findLast((one) => one.isFirst);
    const isSame = before !== undefined && before.booking === booking && (booking !== null || (block !== null && before.block === block));
    if (isSame && before) before.span += 1;
    const kind = booking !== null ? "booking" : block !== null ? "block" : slot.from <= now ? "over" : "free";
    cells.push({ kind, booking, block, span: 1, isFirst: !isSame });
  }
  return cells;
}
