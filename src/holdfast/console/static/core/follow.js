/**
 * For what stands in no journal, so that nothing tells of its changes: asked again every so often while somebody looks,
 * never while the page is hidden, never twice at once. What is in a journal is followed by the store instead.
 */

import { effect, signal } from "./signals.js";
import { clock } from "./time.js";

/**
 * @template T
 * @typedef {{value: import("./signals.js").Signal<T | null>, problem: import("./signals.js").Signal<any>, at: import("./signals.js").Signal<number>,
 *   now: () => Promise<void>, start: () => void, stop: () => void}} Followed
 */

/**
 * `value` is null until there is an answer, and stays while a later question fails; `at` is when it was so.
 * @template T @param {() => Promise<T>} ask @param {number} everyMs @returns {Followed<T>}
 */
export function following(ask, everyMs) {
  /** @type {import("./signals.js").Signal<T | null>} */ const value = signal(/** @type {T | null} */ (null));
  /** @type {import("./signals.js").Signal<any>} */ const problem = signal(null);
  const at = signal(0);
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;
  let [isOn, isAsking, isWanted] = [false, false, false];
  const now = async () => {
    clearTimeout(timer);
    isWanted = isAsking;
    if (isAsking) return;
    isAsking = true;
    try {
      value.value = await ask();
      problem.value = null;
      at.value = clock.now();
    } catch (error) {
      problem.value = error;
    }
    isAsking = false;
    // asked for while the question was under way: the answer may be older than the wish
    if (isWanted) await now();
    else if (isOn) timer = setTimeout(tick, everyMs);
  };
  const tick = () => { if (isOn && !document.hidden) now(); };
  const seen = () => { if (!document.hidden) tick(); };
  return {
    value, problem, at, now,
    start() {
      if (isOn) return;
      isOn = true;
      document.addEventListener("visibilitychange", seen);
      now();
    },
    stop() {
      isOn = false;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    },
  };
}

/** Follows while that is true. @param {{start: () => void, stop: () => void}} followed @param {() => boolean} is */
export const followedWhile = (followed, is) => effect(() => { if (is()) followed.start(); else followed.stop(); });
