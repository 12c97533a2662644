/**
 * The requests that wait for a decision, as they are: read once, then kept true by the site's events. Each with what
 * speaks against it: a block over its time, or another booking of the same person then.
 */

import { ask, here } from "../core/api.js";
import { effect, signal } from "../core/signals.js";
import { siteStore } from "../core/store.js";

const PAGE = 500;
const PAGES_MAX = 10;

/** Under what a person's bookings belong together; "" for nobody in particular. @param {any} booking */
export function personOf({ customer = {} }) {
  return (customer.email || customer.reference || customer.phone || "").toLowerCase();
}

/** @param {any} one @param {any} other */
const meets = (one, other) => Date.parse(one.from) < Date.parse(other.to) && Date.parse(one.to) > Date.parse(other.from);

/** Follows the live bookings and blocks of the site. */
export function followRequests() {
  const store = siteStore();
  const version = signal(0);
  /** @type {import("../core/signals.js").Signal<any>} */ const problem = signal(null);
  const isThere = signal(false);
  /** @type {Map<string, any>} */ let bookings = new Map();
  /** @type {Map<string, any>} */ let blocks = new Map();
  /** @type {any[]} */ let heard = [];
  let wanted = 0;

  const all = async (/** @type {string} */ name, /** @type {Record<string, string>} */ query) => {
    /** @type {any[]} */ const found = [];
    let cursor = "";
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const { data } = await ask("GET", `${here(name)}?${new URLSearchParams({ ...query, limit: String(PAGE), ...(cursor ? { cursor } : {}) })}`);
      found.push(...data[name]);
      if (data.next === null) break;
      cursor = data.next;
    }
    return found;
  };

  const load = async () => {
    const turn = (wanted += 1);
    heard = [];
    try {
      const [live, blocked] = await Promise.all([all("bookings", { state: "live" }), all("blocks", {})]);
      if (turn !== wanted) return;
      bookings = new Map(live.map((one) => [one.id, one]));
      blocks = new Map(blocked.map((one) => [one.id, one]));
      heard.forEach(take);
      heard = [];
      problem.value = null;
      isThere.value = true;
      version.value += 1;
    } catch (error) {
      if (turn === wanted) problem.value = error;
    }
  };

  const take = (/** @type {any} */ event) => {
    const { booking, block } = event.data ?? {};
    if (booking?.id !== undefined) {
      const before = bookings.get(booking.id);
      if (before !== undefined && before.version > booking.version) return;
      if (["Pending", "Approved"].includes(booking.state)) bookings.set(booking.id, booking);
      else bookings.delete(booking.id);
    } else if (event.type === "block.created") blocks.set(block.id, block);
    else if (event.type === "block.removed") blocks.delete(event.data.id);
  };

  let last = store.version.peek();
  let isYoung = true;
  store.onEvent((event) => {
    last = event.version;
    // also while a list is under way: it may have been read before this happened
    heard.push(event);
    take(event);
    version.value += 1;
  });
  effect(() => {
    const now = store.version.value;
    if (isYoung || (now >= 0 && now !== last)) {
      last = now;
      load();
    }
    isYoung = false;
  });

  return {
    version, problem, isThere,
    /** What waits, the longest first. @returns {any[]} */
    pending: () => [...bookings.values()].filter(({ state }) => state === "Pending").sort((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at) || a.id.localeCompare(b.id)),
    /** What a request meets. @param {any} request */
    against(request) {
      const person = personOf(request);
      return {
        blocks: [...blocks.values()].filter((one) => meets(one, request) && one.units.some((/** @type {string} */ code) => request.units.includes(code))),
        own: person === "" ? [] : [...bookings.values()].filter((one) => one.id !== request.id && personOf(one) === person && meets(one, request)),
        held: person === "" ? 0 : [...bookings.values()].filter((one) => one.id !== request.id && personOf(one) === person).length,
      };
    },
  };
}
