/** One setting: what it is, what it means, its control, its default and the way back to it. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clockWords } from "../core/time.js";
import { icon } from "../ui/icon.js";

/** @typedef {import("./settings_draft.js").Draft} Draft */

/** @type {Record<string, string>} name → unit of a number */
const UNITS = { horizon_days: "days", hold_s_max: "seconds", walk_in_hours_max: "hours", quota_per_person: "bookings", team_max: "people" };
const SWITCHES = ["auto_start", "start_code", "show_clean", "mail_bookings", "sign_up"];
const TIMES = ["check_in", "check_out", "cut_off"];
/** @type {Record<string, string[]>} */
const CHOICES = { booking_page: ["off", "accounts", "guests"], language: ["en", "de"] };

/** A setting as a row: words at the left, the control at the right. @param {Draft} draft @param {string} name @param {() => any} control */
export function settingRow(draft, name, control) {
  return html`<div class="setting"><div class="setting-words"><p class="strong" id="label-${name}">${t(`setting.${name}`)}</p><p class="muted small" id="text-${name}">${t(`setting.${name}_text`)}</p></div>
    <div class="setting-control">${control}${() => (draft.errorAt(name) ? html`<p class="error" id="error-${name}">${icon("alert")}${draft.errorAt(name)}</p>` : null)}${() => standing(draft, name)}</div></div>`;
}

/** @param {Draft} draft @param {string} name */
export function settingField(draft, name) { return settingRow(draft, name, controlOf(draft, name)); }

/** What holds without the owner, and the way back to it. @param {Draft} draft @param {string} name */
function standing(draft, name) {
  const told = toldDefault(draft, name);
  if (!draft.isOwn(name)) return html`<p class="hint">${told === null ? t("settings.is_default") : t("settings.is_default_value", { value: told })}</p>`;
  return html`<p class="hint">${told === null ? null : t("settings.default", { value: told })} <button type="button" class="link-button" aria-label=${t("settings.back_of", { name: t(`setting.${name}`) })} @click=${() => draft.reset(name)}>${t("settings.back")}</button></p>`;
}

/** @param {Draft} draft @param {string} name @returns {string | null} null when it is too much to be said in a word */
function toldDefault(draft, name) {
  const value = draft.byDefault(name);
  if (typeof value === "boolean") return t(value ? "settings.on" : "settings.off");
  if (name in CHOICES) return t(`settings.${name}_${value}`);
  if (name === "look_ahead") return typeof value === "string" ? t(`settings.look_ahead_${value}`) : t("settings.minutes", { n: value });
  if (typeof value === "number") return t(`settings.${UNITS[name] ?? "minutes"}`, { n: value });
  if (TIMES.includes(name)) return clockWords(value);
  return typeof value === "string" ? value : null;
}

/** @param {Draft} draft @param {string} name */
const described = (draft, name) => (draft.errorAt(name) ? `text-${name} error-${name}` : `text-${name}`);

/** @param {Draft} draft @param {string} name @returns {() => any} */
function controlOf(draft, name) {
  const invalid = () => (draft.errorAt(name) ? "true" : null);
  if (SWITCHES.includes(name)) {
    return () => html`<label class="check"><input type="checkbox" role="switch" class="switch" .checked=${draft.value(name)} aria-labelledby="label-${name}" aria-describedby=${described(draft, name)} @change=${(/** @type {any} */ event) => draft.set(name, event.target.checked)}><span>${t(draft.value(name) ? "settings.on" : "settings.off")}</span></label>`;
  }
  if (name in CHOICES) {
    return () => html`<select class="input" aria-labelledby="label-${name}" aria-describedby=${described(draft, name)} @change=${(/** @type {any} */ event) => draft.set(name, event.target.value)}>
      ${CHOICES[name].map((value) => html`<option value=${value} .selected=${value === draft.value(name)}>${t(`settings.${name}_${value}`)}</option>`)}</select>`;
  }
  if (name === "look_ahead") return () => lookAhead(draft);
  if (TIMES.includes(name)) {
    return () => html`<input class="input" type="time" .value=${draft.value(name)} aria-labelledby="label-${name}" aria-describedby=${described(draft, name)} aria-invalid=${invalid()} @change=${(/** @type {any} */ event) => { if (event.target.value) draft.set(name, event.target.value); }}>`;
  }
  if (name === "currency") {
    return () => html`<input class="input currency" .value=${draft.value(name)} maxlength="3" autocapitalize="characters" spellcheck="false" aria-labelledby="label-${name}" aria-describedby=${described(draft, name)} aria-invalid=${invalid()}
      @input=${(/** @type {any} */ event) => draft.set(name, event.target.value.trim().toUpperCase())}>`;
  }
  const [low, high] = draft.known.peek().limits[name] ?? [0, 1_000_000];
  return () => html`<span class="with-unit"><input class="input" type="number" inputmode="numeric" min=${low} max=${high} step="1" .value=${String(draft.value(name))} aria-labelledby="label-${name}" aria-describedby=${described(draft, name)} aria-invalid=${invalid()}
    @input=${(/** @type {any} */ event) => { if (event.target.value !== "") draft.set(name, Number(event.target.value)); }}><span class="muted">${t(`settings.unit_${UNITS[name] ?? "minutes"}`)}</span></span>`;
}

/** Minutes; hotels know two words more. @param {Draft} draft */
function lookAhead(draft) {
  const value = draft.value("look_ahead");
  const isWord = typeof value === "string";
  const words = typeof draft.byDefault("look_ahead") === "string" ? ["today", "any"] : [];
  return html`${words.length === 0 ? null : html`<select class="input" aria-labelledby="label-look_ahead" @change=${(/** @type {any} */ event) => draft.set("look_ahead", event.target.value === "minutes" ? 60 : event.target.value)}>
      ${[...words, "minutes"].map((word) => html`<option value=${word} .selected=${word === (isWord ? value : "minutes")}>${t(`settings.look_ahead_${word}`)}</option>`)}</select>`}
    ${isWord ? null : html`<span class="with-unit"><input class="input" type="number" min="0" step="1" .value=${String(value)} aria-labelledby="label-look_ahead" aria-describedby=${described(draft, "look_ahead")} @input=${(/** @type {any} */ event) => { if (event.target.value !== "") draft.set("look_ahead", Number(event.target.value)); }}><span class="muted">${t("settings.unit_minutes")}</span></span>`}`;
}
