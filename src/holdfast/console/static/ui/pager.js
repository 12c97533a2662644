/** Pages by cursor: which page is shown, whether there is one before and behind it. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";

/** @typedef {{number: number, count: number, hasNext: boolean, onBack: () => void, onNext: () => void}} Paged */

/** @param {Paged} o */
export function pager({ number, count, hasNext, onBack, onNext }) {
  if (number === 1 && !hasNext) return html`<p class="muted small pager">${t("pager.all", { n: count })}</p>`;
  return html`<nav class="row pager" aria-label=${t("pager.label")}>
    <span class="muted small grow">${t("pager.page", { number, count })}</span>
    <button type="button" class="button small" ?disabled=${number === 1} @click=${onBack}>${icon("chevron-left", "small")}${t("pager.back")}</button>
    <button type="button" class="button small" ?disabled=${!hasNext} @click=${onNext}>${t("pager.next")}${icon("chevron-right", "small")}</button></nav>`;
}
