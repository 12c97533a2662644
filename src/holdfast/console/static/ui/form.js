/**
 * Fields: a label, a control, a hint, an error, tied together for everyone. A form keeps what was typed when the server
 * refuses, shows why at the field that is meant, and sends once however often it is pressed.
 */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";

let ids = 0;
/** A new id for elements that belong together. */
export const newId = (prefix = "f") => `${prefix}-${(ids += 1)}`;

/**
 * @typedef {{name: string, label: string, type?: string, value?: any, hint?: string, error?: string | null, required?: boolean,
 *   options?: {value: string, label: string}[], autofocus?: boolean, autocomplete?: string, step?: string, min?: string, max?: string,
 *   placeholder?: string, disabled?: boolean, onInput?: (value: string) => void, whole?: boolean, id?: string}} FieldOptions
 */

/** @param {FieldOptions} options */
export function field(options) {
  const id = options.id ?? `field-${options.name}`;
  const described = [options.hint ? `${id}-hint` : "", options.error ? `${id}-error` : ""].filter(Boolean).join(" ") || null;
  return html`<div class="field ${options.whole ? "whole" : ""}">
    <label for=${id}>${options.label}${options.required === false ? html` <span class="optional">${t("form.optional")}</span>` : null}</label>
    ${control(options, id, described)}
    ${options.hint ? html`<p class="hint" id="${id}-hint">${options.hint}</p>` : null}
    ${options.error ? html`<p class="error" id="${id}-error">${icon("alert")}${options.error}</p>` : null}
  </div>`;
}

/** @param {FieldOptions} o @param {string} id @param {string | null} described */
function control(o, id, described) {
  const told = (/** @type {any} */ event) => o.onInput?.(event.target.value);
  const invalid = o.error ? "true" : null;
  if (o.options !== undefined) {
    return html`<select class="input" id=${id} name=${o.name} ?disabled=${o.disabled} aria-describedby=${described} aria-invalid=${invalid} @change=${told}>
      ${o.options.map((one) => html`<option value=${one.value} ?selected=${one.value === o.value}>${one.label}</option>`)}
    </select>`;
  }
  if (o.type === "textarea") {
    return html`<textarea class="input" id=${id} name=${o.name} rows="3" ?disabled=${o.disabled} aria-describedby=${described} aria-invalid=${invalid}
      placeholder=${o.placeholder ?? null} @input=${told} ref=${(/** @type {any} */ element) => { element.value = o.value ?? ""; }}></textarea>`;
  }
  return html`<input class="input" id=${id} name=${o.name} type=${o.type ?? "text"} .value=${o.value ?? ""} ?disabled=${o.disabled}
    ?required=${o.required} ?autofocus=${o.autofocus} autocomplete=${o.autocomplete ?? "off"} step=${o.step ?? null} min=${o.min ?? null} max=${o.max ?? null}
    placeholder=${o.placeholder ?? null} aria-describedby=${described} aria-invalid=${invalid} @input=${told}>`;
}

/** @param {{name: string, label: string, checked?: boolean, onChange?: (checked: boolean) => void, disabled?: boolean}} o */
export const checkbox = (o) => html`<label class="check"><input type="checkbox" name=${o.name} .checked=${o.checked ?? false} ?disabled=${o.disabled}
  @change=${(/** @type {any} */ event) => o.onChange?.(event.target.checked)}><span>${o.label}</span></label>`;

/** A few choices of which one counts. @param {{label: string, value: string, options: {value: string, label: string, icon?: string}[], onChange: (value: string) => void}} o */
export const segments = (o) => html`<div class="segments" role="group" aria-label=${o.label}>
  ${o.options.map((one) => html`<button type="button" class="segment" aria-pressed=${String(one.value === o.value)} @click=${() => o.onChange(one.value)}>
    ${one.icon ? icon(one.icon) : null}<span class="word">${one.label}</span></button>`)}
</div>`;

/** What a form's controls hold, by name; empty ones left out. @param {HTMLFormElement} form @returns {Record<string, string>} */
export function valuesOf(form) {
  /** @type {Record<string, string>} */ const values = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string" && value.trim() !== "") values[name] = value.trim();
  return values;
}

/** The same as it was typed, spaces and all: for passwords. @param {HTMLFormElement} form @returns {Record<string, string>} */
export const typedOf = (form) => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));

/** Why a field was refused; null when it was another one, or none. @param {any} problem @param {string} name @returns {string | null} */
export const errorAt = (problem, name) => (problem?.data?.field === name ? problem.message : null);

/**
 * Sends once: while it is under way `busy` is true and further calls do nothing; a refusal is kept in `problem`.
 * @template A @param {(given: A) => Promise<void>} send
 */
export function sending(send) {
  const busy = signal(false);
  /** @type {import("../core/signals.js").Signal<any>} */ const problem = signal(null);
  return {
    busy, problem,
    /** @param {A} given @returns {Promise<boolean>} whether it was done */
    async submit(given) {
      if (busy.peek()) return false;
      busy.value = true;
      problem.value = null;
      try {
        await send(given);
        return true;
      } catch (error) {
        problem.value = error;
        return false;
      } finally {
        busy.value = false;
      }
    },
  };
}
