/** Filters of a list: the one that is used most in full, the others behind a button where there is little room. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { newId } from "./form.js";
import { icon } from "./icon.js";

/** @param {any} first what is always shown @param {any} more @param {() => number} count how many of `more` are set */
export function filters(first, more, count) {
  const isOpen = signal(false);
  const id = newId("filters");
  return html`<search class="filters">${first}
    <button type="button" class="button filters-toggle" aria-expanded=${() => String(isOpen.value)} aria-controls=${id} @click=${() => { isOpen.value = !isOpen.peek(); }}>${icon("filter", "small")}${() => (count() > 0 ? t("filters.set", { n: count() }) : t("filters.more"))}</button>
    <div id=${id} class=${() => `filters-more ${isOpen.value ? "is-open" : ""}`}>${more}</div></search>`;
}
