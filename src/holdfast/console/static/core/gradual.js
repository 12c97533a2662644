/**
 * First what is seen, then the rest: a long list is drawn as far as a screen shows it, painted, and then drawn on bit by
 * bit, so that nobody waits for what lies below. Once all was drawn everything is, at once.
 */

import { signal } from "./signals.js";

const PAINT_MAX_MS = 120;

/** How many of a list may be drawn by now. @param {number} first @param {number} step @param {() => number} count of all
 * @returns {import("./signals.js").Readable<number>} */
export function gradually(first, step, count) {
  const shown = signal(first);
  const on = () => {
    shown.value = shown.peek() + step;
    if (shown.peek() >= count()) shown.value = Infinity;
    else afterPaint(on);
  };
  if (count() <= first) shown.value = Infinity;
  else afterPaint(on);
  return shown;
}

/** Runs when what was drawn has been painted; on a page that nobody looks at, soon. @param {() => void} run */
function afterPaint(run) {
  let isDone = false;
  const once = () => {
    if (!isDone) run();
    isDone = true;
  };
  requestAnimationFrame(() => setTimeout(once, 0));
  setTimeout(once, PAINT_MAX_MS);
}
