/** What a tape chart is about: its window of nights, its rows, the cell that the keys are at, and the plan under way. */

import { computed, effect, signal } from "../core/signals.js";
import { clock, dateOf, instantOf, localOf, minute, nowEachMinute } from "../core/time.js";
import { gradually } from "../core/gradual.js";
import { inAddress, keepInAddress } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { siteWindow } from "../core/window.js";
import { addDays, dateOfDay, dayNumber, endOf, groupsOf, lanesOf, placeOfLocal, Rows, troublesOf } from "./tape_model.js";
import { guestOf } from "./stay_words.js";
import { Planner } from "./tape_plan.js";

export const WINDOWS = [7, 14, 30];
/** Rooms of a first look, and of each step after it: every step is styled, laid out and painted for itself. */
const [FIRST, STEP] = [16, 90];
const PHONE = "(max-width: 40rem)";
const NIGHTS = () => (matchMedia(PHONE).matches ? 7 : 14);
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** @typedef {ReturnType<typeof openTape>} Tape */
/** @typedef {{code: string, day: number}} Cell */

/** The window that the address asks for. */
function asked() {
  const [from, nights] = [inAddress("from"), Number(inAddress("nights"))];
  return { from: DATE.test(from) && !Number.isNaN(Date.parse(from)) ? from : null, nights: WINDOWS.includes(nights) ? nights : NIGHTS() };
}

export function openTape() {
  const store = siteStore();
  const view = siteWindow(store);
  const first = asked();
  const today = computed(() => dateOf(minute.value));
  /** null: from today on, whatever day that is. @type {import("../core/signals.js").Signal<string | null>} */ const from = signal(first.from);
  const nights = signal(first.nights);
  const find = signal(inAddress("find"));
  const start = computed(() => dayNumber(from.value ?? today.value));
  const now = computed(() => placeOfLocal(localOf(nowEachMinute())));
  /** @type {import("../core/signals.js").Signal<Cell | null>} */ const at = signal(null);
  const rows = new Rows();
  const all = computed(() => rows.of(view.replica.value.of, start.value, nights.value, now.value));
  const shown = computed(() => {
    const wanted = find.value.trim().toLowerCase();
    if (wanted === "") return all.value;
    return all.value.filter(({ unit, stays }) => `${unit.code} ${unit.name} ${unit.category} ${stays.map(({ booking }) => `${guestOf(booking)} ${booking.reference}`).join(" ")}`.toLowerCase().includes(wanted));
  });
  const groups = computed(() => groupsOf(shown.value, start.value, nights.value, now.value));
  const troubles = computed(() => troublesOf(all.value, dayNumber(today.value), now.value));
  effect(() => {
    keepInAddress({ from: from.value, nights: nights.value === NIGHTS() ? null : String(nights.value), find: find.value });
    const [begins, ends] = [dateOfDay(start.value), dateOfDay(start.value + nights.value + 1)].map((date) => instantOf(`${date}T00:00`));
    view.show(begins, ends);
  });
  return {
    store, view, today, from, nights, find, start, now, at, all, shown, groups, troubles, planner: new Planner(),
    drawn: gradually(FIRST, STEP, () => all.peek().length),
    lanes: computed(() => lanesOf(troubles.value)),
    /** @param {number} days */
    step(days) { from.value = dateOfDay(start.peek() + days); },
    /** @param {string} code */
    rowOf: (code) => all.peek().find(({ unit }) => unit.code === code),
    /** The stay of a cell, by the night that begins there, else by the day on which somebody leaves. @param {Cell} cell */
    stayAt({ code, day }) {
      const stays = all.peek().find(({ unit }) => unit.code === code)?.stays ?? [];
      const in_ = (/** @type {number} */ place) => stays.find((stay) => stay.from <= place && endOf(stay, now.peek()) > place);
      return in_(day + 0.75) ?? in_(day + 0.25) ?? null;
    },
    /** @param {string} id */
    bookingOf: (id) => { store.version.value; return store.replica.bookings.get(id) ?? view.replica.value.of.bookings.get(id) ?? null; },
    isToday: computed(() => from.value === null || from.value === today.value),
    clock, addDays,
  };
}
