/** What stood in the way of a stay, and the rooms and nights that were free instead, each one press away. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { openDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { banner } from "../ui/status.js";
import { act, tell } from "./board_acts.js";
import { isRunning } from "./board_model.js";
import { dateAt } from "./tape_model.js";
import { nightsBetween, nightsWords, spanWords } from "./stay_words.js";
import { toast } from "../ui/toast.js";

const SHOWN_MAX = 3;

/** @typedef {import("./conflict.js").Free} Free */
/** @typedef {import("../core/api.js").Problem} Problem */

/** @param {Problem} problem */
export const stayProblem = (problem) => html`<div role="alert">${banner("bad", "alert", html`<p class="strong">${problem.message}</p>
  ${(problem.data?.blocking ?? []).slice(0, SHOWN_MAX).map((/** @type {Free} */ one) => html`<p>${t("hotel.in_the_way", { unit: one.unit, span: spanWords(dateAt(one.from), dateAt(one.to)) })}</p>`)}`)}</div>`;

/** @param {Problem} problem @param {(free: Free) => void} choose */
export function stayAlternatives(problem, choose) {
  /** @type {Free[]} */ const found = problem.data?.alternatives ?? [];
  if (problem.code !== "slot_taken") return null;
  if (found.length === 0) return html`<p class="soft">${t("hotel.no_alternatives")}</p>`;
  return html`<section class="alternatives" aria-label=${t("booking.conflict")}><h3>${t("booking.conflict")}</h3>
    <ul class="stack">${found.map((one) => { const [first, last] = [dateAt(one.from), dateAt(one.to)]; return html`<li><button type="button" class="button wide alternative" @click=${() => choose(one)}>
      <span class="strong">${one.unit}</span><span class="grow">${spanWords(first, last)} · ${nightsWords(Math.max(1, nightsBetween(first, last)))}</span>${icon("arrow-right", "small")}</button></li>`; })}</ul></section>`;
}

/** Nothing has been changed; what is chosen is. @param {Problem} problem @param {{title: string, booking: any}} o */
export function refusedDialog(problem, { title, booking }) {
  const opened = openDialog({
    title, under: html`<p class="muted small">${t("hotel.nothing_changed")}</p>`,
    body: html`${stayProblem(problem)}${booking.units.length === 1 ? stayAlternatives(problem, (one) => { opened.close(); goTo(booking, one); }) : null}`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.close")}</button>`,
  });
}

/** @param {any} booking @param {Free} free */
async function goTo(booking, free) {
  const [first, last] = [dateAt(free.from), dateAt(free.to)];
  try {
    await act(booking, "move", { unit: free.unit, to: last, ...(isRunning(booking) ? {} : { from: first }) });
    toast(t("hotel.done_move", { who: booking.customer?.name ?? booking.reference, unit: free.unit, span: spanWords(first, last) }));
  } catch (error) {
    tell(error, free.unit);
  }
}
