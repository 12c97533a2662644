/** Which bookings are wanted: what the address keeps, and what that asks of the server. */

import { inAddress, keepInAddress, page } from "../core/page.js";
import { signal } from "../core/signals.js";
import { clock, dateOf } from "../core/time.js";

/** States of each kind of site, in the order of a booking's life. @type {Record<string, string[]>} */
const STATES = {
  cafe: ["Held", "Booked", "Active", "Completed", "Cancelled", "NoShow", "Expired"],
  hotel: ["Held", "Reserved", "CheckedIn", "CheckedOut", "Cancelled", "NoShow", "Expired"],
  grounds: ["Pending", "Approved", "Completed", "Rejected", "Cancelled", "Expired"],
};
const NAMES = ["find", "state", "from", "to", "unit", "category"];

export const LIVE = "live";
export const states = () => STATES[page.site.kind] ?? [];

/** A local date some days from another. @param {string} date @param {number} days */
export function daysFrom(date, days) {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}

export const today = () => dateOf(clock.now());

/** The filter as the address has it: today, unless it says something. */
export function filterOf() {
  const isSaid = NAMES.some((name) => inAddress(name) !== "");
  const days = isSaid ? { from: inAddress("from"), to: inAddress("to") } : { from: today(), to: today() };
  return { find: signal(inAddress("find")), state: signal(inAddress("state")), unit: signal(inAddress("unit")), category: signal(inAddress("category")), from: signal(days.from), to: signal(days.to) };
}

/** @typedef {ReturnType<typeof filterOf>} Filter */

/** @param {Filter} filter */
export function keepFilter(filter) {
  keepInAddress({ find: filter.find.value, state: filter.state.value, unit: filter.unit.value, category: filter.category.value, from: filter.from.value, to: filter.to.value });
}

/** The questions that a filter may mean, the likeliest first: the first one that finds something counts. What names one
 * booking or one person is looked for at all times, a name within the days.
 * @param {Filter} filter @returns {Record<string, string>[]} */
export function questionsOf(filter) {
  const [find, from, to] = [filter.find.value.trim(), filter.from.value, filter.to.value];
  const rest = given({ state: filter.state.value, unit: filter.unit.value, category: filter.category.value });
  const days = given({ from, to: to ? daysFrom(to, 1) : "" });
  if (find === "") return [{ ...rest, ...days }];
  if (find.includes("@")) return [{ ...rest, customer: find }];
  const exact = /\s/.test(find) ? [] : [{ ...rest, reference: find.toUpperCase() }];
  const phone = /\d{4}/.test(find) ? [{ ...rest, customer: find }] : [];
  return [...exact, ...phone, { ...rest, ...days, name: find }];
}

/** @param {Record<string, string>} values */
const given = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
