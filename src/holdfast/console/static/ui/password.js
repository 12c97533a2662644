/** Fields for passwords: they can be looked at, and say how good a new one is: roughly and at once; the server decides. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";

const CHARS_MIN = 10;
const CHARS_GOOD = 16;
const NEAR_CHARS_MIN = 4;

/** @param {string} text @param {string[]} near words that it should not be made of, such as one's own address
 * @returns {{share: number, tone: "bad" | "soon" | "next" | "free", word: string}} */
export function strengthOf(text, near = []) {
  const length = [...text].length;
  const small = text.toLowerCase();
  if (length < CHARS_MIN) return { share: (length / CHARS_MIN) * 0.3, tone: "bad", word: t("form.password_short", { n: CHARS_MIN - length }) };
  const isOwn = near.flatMap((one) => one.toLowerCase().split(/[\s@.]+/)).some((part) => part.length >= NEAR_CHARS_MIN && small.includes(part));
  if (isOwn) return { share: 0.35, tone: "soon", word: t("form.password_own") };
  const kinds = new Set(small).size;
  if (kinds < 6 || /^(.{1,4})\1+$/.test(small) || /^[0-9]+$/.test(small)) return { share: 0.35, tone: "soon", word: t("form.password_plain") };
  return length < CHARS_GOOD ? { share: 0.65, tone: "next", word: t("form.password_fair") } : { share: 1, tone: "free", word: t("form.password_good") };
}

/**
 * @param {{name: string, label: string, isNew?: boolean, near?: string[], hint?: string, error?: () => string | null}} o
 */
export function passwordField({ name, label, isNew = false, near = [], hint = "", error = () => null }) {
  const text = signal("");
  const isShown = signal(false);
  const id = `field-${name}`;
  const strength = () => {
    if (!isNew || text.value === "") return null;
    const { share, tone, word } = strengthOf(text.value, near);
    return html`<div class="strength tone-${tone}" style:--share=${share}><span class="meter"><i></i></span><span class="small" role="status">${word}</span></div>`;
  };
  return html`<div class="field"><label for=${id}>${label}</label><div class="secret-field">
      <input class="input" id=${id} name=${name} type=${() => (isShown.value ? "text" : "password")} autocomplete=${isNew ? "new-password" : "current-password"} required spellcheck="false" autocapitalize="none"
        aria-describedby="${id}-hint ${id}-error" aria-invalid=${() => (error() ? "true" : null)} @input=${(/** @type {any} */ event) => { text.value = event.target.value; }}>
      <button type="button" class="button quiet icon-only" aria-pressed=${() => String(isShown.value)} aria-label=${t("form.show_password")} @click=${() => { isShown.value = !isShown.peek(); }}>${icon("eye")}</button></div>
    ${strength}${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : null}
    ${() => (error() ? html`<p class="error" id="${id}-error">${icon("alert")}${error()}</p>` : null)}</div>`;
}
