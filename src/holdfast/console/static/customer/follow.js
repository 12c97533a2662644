/**
 * What others do, as it happens: events say which time has changed hands, the server says what is free then. A slot that
 * somebody takes is marked at once; the rest follows with a page of the server's, seldom enough for a crowd.
 */

import { Clock, openStream } from "../core/stream.js";
import { ask, freshen, lost, step } from "./swap.js";

const SOON_MS = 150;
const SPREAD_MS = 350;
const REST_MS = 2000;
const GONE = ["cancelled", "rejected", "expired", "completed", "no_show"];

export const clock = new Clock();
/** @type {ReturnType<typeof openStream> | null} */ let stream = null;
/** @type {any} */ let timer = null;
let freshAt = -Infinity;

/** Begins to follow the site behind what this page shows. */
export function follow() {
  const site = document.body.dataset.site;
  const position = step()?.dataset.position;
  const now = step()?.dataset.now;
  if (now) clock.atLeast(now);
  if (stream !== null || !site || !position) return;
  stream = openStream({
    site, after: position,
    onEvent(event) {
      clock.atLeast(event.at);
      hear(event);
    },
    onReset() { freshenSoon(); },
    onState(state, problem) {
      const mark = document.querySelector(".live-mark");
      // whoever may not listen is not told of a line that was never there
      if (mark instanceof HTMLElement) mark.dataset.state = problem ? "none" : state === "live" ? "live" : "stale";
    },
  });
}

/** @param {import("../core/stream.js").JournalEvent} event */
function hear(event) {
  const { from, to, booking } = step()?.dataset ?? {};
  const told = event.data?.booking ?? event.data?.block ?? {};
  if (booking !== undefined) {
    if (event.data?.booking?.id === booking) freshenSoon();
    return;
  }
  if (step()?.dataset.mine !== undefined) {
    if (event.type.startsWith("booking.")) freshenSoon();
    return;
  }
  if (from === undefined || to === undefined) return;
  const isAboutAll = event.type.startsWith("unit.") || event.type.startsWith("site.") || event.type === "block.removed";
  const spans = [told, { from: event.data?.from_start, to: event.data?.from_end }].filter((one) => one.from && one.to);
  const isNear = spans.some((one) => Date.parse(one.from) < Date.parse(to) && Date.parse(one.to) > Date.parse(from));
  if (!isNear && !isAboutAll) return;
  if (event.type.startsWith("booking.") && !GONE.includes(event.type.slice(8))) take(told);
  freshenSoon();
}

/** Marks what somebody has just taken. @param {any} told */
function take(told) {
  for (const pick of document.querySelectorAll(".pick.is-free[data-unit]")) {
    if (!(pick instanceof HTMLElement)) continue;
    const { unit, start, end } = pick.dataset;
    if (!told.units?.includes(unit) || Date.parse(start ?? "") >= Date.parse(told.to) || Date.parse(end ?? "") <= Date.parse(told.from)) continue;
    const input = pick.querySelector("input");
    const wasChosen = input?.checked ?? false;
    if (input) {
      input.checked = false;
      input.disabled = true;
    }
    pick.classList.replace("is-free", "is-going");
    if (wasChosen) lost();
  }
}

/** Asks for this step once more, soon, and not at the same moment as everybody else. */
export function freshenSoon() {
  if (timer !== null) return;
  const rest = Math.max(0, freshAt + REST_MS - performance.now());
  timer = setTimeout(async () => {
    timer = null;
    freshAt = performance.now();
    const address = step()?.dataset.address;
    if (!address) return;
    const { page, response } = await ask(address).catch(() => ({ page: null, response: null }));
    if (page !== null && response?.ok && step()?.dataset.address === address) freshen(page);
  }, rest + SOON_MS + Math.random() * SPREAD_MS);
}

/** Counts down to what is held until an instant; says when it is over. @param {string} over */
export function count(over) {
  for (const place of document.querySelectorAll("[data-until]")) {
    if (!(place instanceof HTMLElement)) continue;
    const left = Math.max(0, Math.ceil(clock.until(place.dataset.until ?? "") / 1000));
    place.textContent = left > 0 ? ` · ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : ` · ${over}`;
    if (left === 0) freshenSoon();
  }
}
