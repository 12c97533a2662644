/**
 * A change of a stay while it is being thought of, by pointer or by keys: where it would be, whether that would do, and the
 * way to make it so. The server is asked beforehand; what it refuses is not sent, and what was free instead is offered.
 *
 * @typedef {import("./tape_model.js").Stay} Stay
 * @typedef {{stay: Stay, unit: string, first: string, last: string, verdict: "same" | "asking" | "free" | "refused", problem: Problem | null}} Plan
 */

import { ask, here, Problem } from "../core/api.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { announce } from "../core/announcer.js";
import { toast } from "../ui/toast.js";
import { act, tell } from "./board_acts.js";
import { isRunning } from "./board_model.js";
import { addDays, dayNumber } from "./tape_model.js";
import { guestOf, nightsBetween, nightsWords, spanWords } from "./stay_words.js";
import { refusedDialog } from "./stay_conflict.js";

const PAUSE_MS = 120;

/** What to ask of the server; null when nothing changes. @param {Plan} plan @returns {{act: string, body: any} | null} */
export function requestOf({ stay, unit, first, last }) {
  const { booking } = stay;
  const [isOther, isShifted, isResized] = [unit !== stay.unit, first !== stay.first, last !== stay.last];
  if (!isOther && !isShifted && !isResized) return null;
  if (!isOther && !isShifted) return { act: "extend", body: { to: last } };
  const units = booking.units.map((/** @type {string} */ code) => (code === stay.unit ? unit : code));
  const times = isRunning(booking) ? (isResized ? { to: last } : {}) : { from: first, to: last };
  return { act: "move", body: { ...(isOther ? { units } : {}), ...times } };
}

/** Keeps to what can be: a guest who is here keeps the arrival, a divided stay its rooms. @param {Plan} plan @returns {Plan} */
function possible(plan) {
  const { booking, unit, first } = plan.stay;
  const isHere = isRunning(booking);
  const kept = { ...plan, ...(isHere || booking.parts ? { first } : {}), ...(booking.parts && !isHere ? { unit } : {}) };
  return dayNumber(kept.last) > dayNumber(kept.first) ? kept : { ...kept, last: addDays(kept.first, 1) };
}

/** A booking of several rooms cannot have one of them twice. @param {Plan} plan */
const ownRoom = ({ stay, unit }) => (unit !== stay.unit && stay.booking.units.includes(unit) ? new Problem(409, { code: "own_room", detail: t("hotel.own_room") }) : null);

/** @param {Plan} plan */
export const planWords = (plan) => `${plan.unit} · ${spanWords(plan.first, plan.last)} · ${nightsWords(nightsBetween(plan.first, plan.last))}`;

/** @param {Plan} plan */
export function verdictWords(plan) {
  if (plan.verdict === "refused") return plan.problem?.message ?? "";
  return t(`hotel.verdict_${plan.verdict}`);
}

export class Planner {
  /** @type {import("../core/signals.js").Signal<Plan | null>} */ plan = signal(null);
  isSaving = signal(false);
  #asked = 0;
  /** @type {Promise<void> | null} */ #asking = null;

  /** @param {Stay} stay */
  begin(stay) {
    this.#asked += 1;
    this.#asking = null;
    this.plan.value = { stay, unit: stay.unit, first: stay.first, last: stay.last, verdict: "same", problem: null };
  }

  /** @param {Partial<{unit: string, first: string, last: string}>} wish @returns {boolean} whether it is another plan now */
  change(wish) {
    const before = this.plan.peek();
    if (before === null || this.isSaving.peek()) return false;
    const next = possible({ ...before, ...wish });
    if (next.unit === before.unit && next.first === before.first && next.last === before.last) return false;
    this.#put(next);
    return true;
  }

  cancel() {
    this.#asked += 1;
    this.#asking = null;
    this.plan.value = null;
  }

  /** @param {Plan} next */
  #put(next) {
    this.#asked += 1;
    const own = this.#asked;
    const request = requestOf(next);
    const problem = ownRoom(next);
    this.plan.value = { ...next, verdict: request === null ? "same" : problem !== null ? "refused" : "asking", problem };
    this.#asking = request === null || problem !== null ? null : this.#check(next, request, own);
  }

  /** @param {Plan} plan @param {{act: string, body: any}} request @param {number} own */
  async #check(plan, request, own) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (own !== this.#asked) return;
    const problem = await check(plan.stay.booking, request);
    if (own !== this.#asked) return;
    const told = { ...plan, verdict: /** @type {"free" | "refused"} */ (problem === null ? "free" : "refused"), problem };
    this.plan.value = told;
    if (!this.isSaving.peek()) announce(`${planWords(told)}: ${verdictWords(told)}`);
  }

  /** Makes it so, once the server has said that it would do. */
  async commit() {
    if (this.plan.peek() === null || this.isSaving.peek()) return;
    this.isSaving.value = true;
    try {
      await this.#asking;
      const plan = this.plan.peek();
      const request = plan === null ? null : requestOf(plan);
      if (plan !== null && request !== null) {
        if (plan.problem !== null) refused(plan, plan.problem);
        else await carryOut(plan, request);
      }
    } finally {
      this.isSaving.value = false;
      this.cancel();
    }
  }
}

/** Why it would be refused now; null when it would be done. @param {any} booking @param {{act: string, body: any}} request */
export async function check(booking, request) {
  try {
    const { data } = await ask("POST", here("check"), { body: { booking: booking.id, act: request.act, ...request.body } });
    return data.allowed ? null : new Problem(409, data);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** @param {Plan} plan @param {{act: string, body: any}} request */
async function carryOut(plan, request) {
  const { stay } = plan;
  try {
    await act(stay.booking, request.act, request.body);
    toast(t("hotel.done_move", { who: guestOf(stay.booking), unit: plan.unit, span: spanWords(plan.first, plan.last) }), { ...back(plan, request) });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    refused(plan, error);
  }
}

/** The way back; a guest who has changed rooms left one that is not clean any more. @param {Plan} plan @param {{act: string, body: any}} request */
function back(plan, request) {
  const { booking } = plan.stay;
  if (isRunning(booking) && request.act !== "extend") return {};
  const body = request.act === "extend" ? { to: booking.to } : { from: booking.from, to: booking.to, ...(request.body.units ? { units: booking.units } : {}) };
  return { act: { label: t("act.undo"), run: () => { act(booking, request.act, body).catch((/** @type {unknown} */ error) => tell(error, plan.unit)); } } };
}

/** @param {Plan} plan @param {Problem} problem */
function refused(plan, problem) {
  refusedDialog(problem, { title: t("hotel.cannot", { who: guestOf(plan.stay.booking), span: spanWords(plan.first, plan.last) }), booking: plan.stay.booking });
}
