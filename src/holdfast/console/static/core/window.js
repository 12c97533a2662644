/**
 * A window of the site beside the page's own: another week, another month. While the page's snapshot covers what is asked
 * for, that is shown and nothing is fetched; else a snapshot of the window is, and the same events keep it true.
 */

import { ask, here } from "./api.js";
import { computed, signal } from "./signals.js";
import { Replica } from "./stream.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {{start: number, end: number}} Span milliseconds */

/** @param {Store} store */
export function siteWindow(store) {
  /** @type {import("./signals.js").Signal<Replica | null>} */ const other = signal(null);
  const heard = signal(0);
  const isLoading = signal(false);
  /** @type {import("./signals.js").Signal<any>} */ const problem = signal(null);
  /** What came while a snapshot was on its way. @type {import("./stream.js").JournalEvent[]} */ let meanwhile = [];
  /** @type {Span} */ let wanted = { start: store.replica.start, end: store.replica.end };
  let asked = 0;

  const isCovered = () => wanted.start >= store.replica.start && wanted.end <= store.replica.end;
  /** @param {Replica} replica @param {import("./stream.js").JournalEvent} event */
  const hear = (replica, event) => { if (event.version > replica.version) replica.hear(event); };

  const load = async () => {
    asked += 1;
    const own = asked;
    if (isCovered()) {
      other.value = null;
      isLoading.value = false;
      return;
    }
    isLoading.value = true;
    meanwhile = [];
    const [from, to] = [wanted.start, wanted.end].map((at) => new Date(at).toISOString());
    try {
      const { data } = await ask("GET", `${here("board")}?${new URLSearchParams({ from, to })}`);
      if (own !== asked) return;
      const replica = new Replica(data);
      for (const event of meanwhile) hear(replica, event);
      other.value = replica;
      problem.value = null;
    } catch (error) {
      if (own === asked) problem.value = error;
    } finally {
      if (own === asked) isLoading.value = false;
    }
  };

  store.onEvent((event) => {
    if (isLoading.peek()) meanwhile.push(event);
    const replica = other.peek();
    if (replica === null) return;
    hear(replica, event);
    heard.value = event.version;
  });
  store.onRenew(() => { load(); });

  return {
    isLoading, problem,
    /** The replica to draw from; whoever reads it is told of every change. */
    replica: computed(() => {
      // a replica is the same object after a change: the pair of both is not
      return { of: other.value ?? store.replica, at: `${store.version.value}/${heard.value}` };
    }),
    /** @param {number} start @param {number} end milliseconds */
    show(start, end) {
      if (wanted.start === start && wanted.end === end && asked > 0) return Promise.resolve();
      wanted = { start, end };
      return load();
    },
  };
}
