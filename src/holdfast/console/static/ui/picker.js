/**
 * Several of many, by ticking: found by typing, whole groups at once. What is chosen is in `chosen`; in a form it is the
 * values of `name`.
 */

import { each, html } from "../core/html.js";
import { computed, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";

/** @typedef {{value: string, label: string, group: string}} Choice */

/** @param {{label: string, choices: Choice[], chosen: import("../core/signals.js").Signal<Set<string>>}} o */
export function picker({ label, choices, chosen }) {
  const typed = signal("");
  const found = computed(() => choices.filter((one) => `${one.label} ${one.group}`.toLowerCase().includes(typed.value.toLowerCase())));
  const groups = computed(() => [...new Set(found.value.map(({ group }) => group))].map((name) => ({ name, members: found.value.filter(({ group }) => group === name) })));
  const put = (/** @type {Choice[]} */ ones, /** @type {boolean} */ isChosen) => {
    const next = new Set(chosen.peek());
    for (const { value } of ones) if (isChosen) next.add(value); else next.delete(value);
    chosen.value = next;
  };
  const tick = (/** @type {string} */ name, /** @type {() => boolean} */ isOn, /** @type {(on: boolean) => void} */ turn, /** @type {() => boolean} */ isPart = () => false) => html`<label class="check"><input type="checkbox" .checked=${isOn} .indeterminate=${isPart}
    @change=${(/** @type {any} */ event) => turn(event.target.checked)}><span>${name}</span></label>`;
  return html`<fieldset class="picker"><legend class="row"><span class="strong small grow">${label}</span><span class="muted small" role="status">${() => t("picker.chosen", { n: chosen.value.size })}</span></legend>
    <div class="search">${icon("search")}<input class="input" type="search" aria-label=${t("picker.find")} placeholder=${t("picker.find")} @input=${(/** @type {any} */ event) => { typed.value = event.target.value; }}></div>
    <div class="picker-list" tabindex="0" role="group" aria-label=${label}>${() => each(groups.value, ({ name }) => name, ({ name, members }) => {
      const count = () => members.filter(({ value }) => chosen.value.has(value)).length;
      return html`<div class="picker-group">${tick(name, () => count() === members.length, (on) => put(members, on), () => count() > 0 && count() < members.length)}
        <div class="picker-members">${members.map((one) => tick(one.label, () => chosen.value.has(one.value), (on) => put([one], on)))}</div></div>`;
    })}</div></fieldset>`;
}
