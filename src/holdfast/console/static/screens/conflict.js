/** What stands in the way, and what was free instead while the site was locked. The form beside it keeps what was typed. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { rangeOf, timeOf, whenOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { banner } from "../ui/status.js";

const IN_THE_WAY_MAX = 3;

/** @typedef {{unit: string, from: string, to: string}} Free */

/** @param {import("../core/api.js").Problem} problem */
export const problemNote = (problem) => html`<div role="alert" ref=${(/** @type {HTMLElement} */ element) => element.scrollIntoView({ block: "start" })}>${banner("bad", "alert", html`<p class="strong">${problem.message}</p>
  ${(problem.data?.blocking ?? []).slice(0, IN_THE_WAY_MAX).map((/** @type {Free} */ one) => html`<p>${t("booking.in_the_way", { unit: one.unit, from: whenOf(one.from), to: timeOf(one.to) })}</p>`)}`)}</div>`;

/** The alternatives as buttons. @param {import("../core/api.js").Problem} problem @param {(free: Free) => void} choose */
export function alternatives(problem, choose) {
  /** @type {Free[]} */ const found = problem.data?.alternatives ?? [];
  if (problem.code !== "slot_taken") return null;
  if (found.length === 0) return html`<p class="soft">${t("booking.no_alternatives")}</p>`;
  return html`<section class="alternatives" aria-label=${t("booking.conflict")}><h3>${t("booking.conflict")}</h3><p class="muted small">${t("booking.conflict_text")}</p>
    <ul class="stack">${found.map((one) => html`<li><button type="button" class="button wide alternative" @click=${() => choose(one)}>
      <span class="strong">${one.unit}</span><span class="grow">${rangeOf(one.from, one.to)}</span>${icon("arrow-right", "small")}</button></li>`)}</ul></section>`;
}
