/**
 * The site on this page as it is: a replica made of the page's snapshot and the events behind it. Nothing polls.
 */

import { signal } from "./signals.js";
import { openStream, Replica } from "./stream.js";
import { ask, here } from "./api.js";
import { clock, dateOf, learnFromPage, minute } from "./time.js";
import { effect } from "./signals.js";
import { page } from "./page.js";

const WAIT_MS = 500;
const FRAME_MS = 16;
const WAIT_MAX_MS = 10_000;
const DAY_MS = 86_400_000;

/** @typedef {import("./stream.js").JournalEvent} JournalEvent */

/**
 * `replica` is read after `version` has been: a draw that reads `version.value` is repeated on every change.
 * @typedef {{replica: Replica, version: import("./signals.js").Signal<number>,
 *   state: import("./signals.js").Signal<import("./stream.js").State>, problem: import("./signals.js").Signal<any>,
 *   changedAt: import("./signals.js").Signal<number>, until: (version: number | null) => Promise<void>,
 *   onEvent: (hear: (event: JournalEvent) => void) => () => void, onRenew: (hear: () => void) => () => void, close: () => void}} Store
 */

/** @type {Store | null} */ let opened = null;

/** The page's store; opened at the first call. @returns {Store} */
export function siteStore() {
  opened ??= open();
  return opened;
}

/** @returns {Store} */
function open() {
  const board = page.board;
  learnFromPage(board.now);
  const replica = new Replica(board);
  const version = signal(replica.version);
  /** @type {import("./signals.js").Signal<import("./stream.js").State>} */ const state = signal("offline");
  /** @type {import("./signals.js").Signal<any>} */ const problem = signal(null);
  const changedAt = signal(Date.parse(board.now));
  /** @type {Set<(event: JournalEvent) => void>} */ const hearers = new Set();
  /** @type {Set<() => void>} */ const renewers = new Set();
  const days = Math.round((Date.parse(board.to) - Date.parse(board.from)) / DAY_MS);
  /** @type {Set<{version: number, done: () => void}>} */ const awaiting = new Set();
  /** @type {ReturnType<typeof openStream> | null} */ let stream = null;
  let isClosed = false;
  let isRenewing = false;

  let [toldAt, heardAt, isTelling] = [0, 0, false];
  /** Tells that something changed: at once, and while much does so once a frame, as more cannot be seen.
   * @param {number} at when */
  const changed = (at) => {
    heardAt = at;
    if (isTelling) return;
    if (performance.now() - toldAt >= FRAME_MS) return tell();
    isTelling = true;
    setTimeout(tell, FRAME_MS);
  };
  const tell = () => {
    isTelling = false;
    toldAt = performance.now();
    changedAt.value = heardAt;
    version.value = replica.version;
    for (const one of [...awaiting]) {
      if (one.version > replica.version) continue;
      awaiting.delete(one);
      one.done();
    }
  };

  const follow = () => {
    stream = openStream({
      site: page.site.slug,
      after: `${replica.epoch}:${replica.version}`,
      onEvent(event) {
        clock.atLeast(event.at);
        replica.hear(event);
        changed(Date.parse(event.at));
        for (const hear of hearers) hear(event);
      },
      onReset() { renew(); },
      onState(next, why) {
        state.value = next;
        problem.value = why ?? null;
      },
    });
  };

  /** Takes a new snapshot, however long that takes, and goes on behind it. */
  const renew = async () => {
    if (isRenewing) return;
    isRenewing = true;
    stream?.close();
    for (let failures = 1; !isClosed; failures += 1) {
      try {
        // as many days as the page brought
        const [from, to] = [0, days].map((ahead) => new Date(Date.parse(dateOf(clock.now())) + ahead * DAY_MS).toISOString().slice(0, 10));
        const { data } = await ask("GET", `${here("board")}?${new URLSearchParams({ from, to })}`);
        replica.take(data);
        // a restored site may stand at the same number as before: then it is drawn anew all the same
        version.value = -1;
        heardAt = Date.parse(data.now);
        tell();
        for (const hear of renewers) hear();
        if (!isClosed) follow();
        break;
      } catch {
        state.value = "offline";
        await new Promise((resolve) => setTimeout(resolve, Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** failures)));
      }
    }
    isRenewing = false;
  };

  follow();
  // the snapshot's window begins today: on another day it is another one
  const stopDays = effect(() => {
    if (dateOf(minute.value) !== dateOf(replica.start)) renew();
  });
  return {
    replica, version, state, problem, changedAt,
    until(wanted) {
      if (wanted === null || version.peek() >= wanted) return Promise.resolve();
      return new Promise((done) => {
        const one = { version: wanted, done: () => done(undefined) };
        awaiting.add(one);
        // a line that is down must not hold up whoever waits for it to be drawn
        setTimeout(() => { awaiting.delete(one); done(undefined); }, 3000);
      });
    },
    onEvent(hear) {
      hearers.add(hear);
      return () => hearers.delete(hear);
    },
    onRenew(hear) {
      renewers.add(hear);
      return () => renewers.delete(hear);
    },
    close() {
      isClosed = true;
      stopDays();
      stream?.close();
    },
  };
}
