/** The booking page: who may book by themselves, who may make an account, and what customers are asked for. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { secretLine } from "../ui/copy.js";
import { icon } from "../ui/icon.js";
import { banner } from "../ui/status.js";
import { settingField, settingRow } from "./settings_fields.js";

/** @typedef {import("./settings_draft.js").Draft} Draft */
/** @typedef {{name: string, label: string, required?: boolean, is_reference?: boolean, choices?: string[], chars_max?: number}} Asked */

const FIELDS_MAX = 20;

/** @param {Draft} draft */
export function bookingPageEditor(draft) {
  return html`<section class="card settings-card"><h2>${t("settings.group_page")}</h2>${settingField(draft, "booking_page")}
      ${() => (draft.value("booking_page") === "off" ? html`<div class="setting-note">${banner("off", "info", html`<p>${t("settings.page_off")}</p>`)}</div>` : address(draft))}
      ${settingField(draft, "sign_up")}${settingRow(draft, "sign_up_domains", () => domains(draft))}</section>
    <section class="card settings-card"><h2>${t("settings.group_profile")}</h2>${settingRow(draft, "profile_fields", () => profile(draft))}</section>`;
}

/** Where the page is, once it is there. @param {Draft} draft */
function address(draft) {
  if (draft.known.value.settings.booking_page === "off") return null;
  const path = `/s/${page.site.slug}`;
  return html`<div class="setting-note stack"><p class="soft small">${t("settings.page_at")}</p>
    <div class="row wrap page-address"><div class="grow">${secretLine(`${location.origin}${path}`, t("settings.group_page"))}</div><a class="button" href=${path} target="_blank" rel="noopener">${icon("external")}${t("settings.page_open")}</a></div></div>`;
}

/** @param {Draft} draft */
function domains(draft) {
  // what is typed stays as it is typed
  return html`${() => { draft.round.value; return html`<input class="input" value=${draft.changes.peek().get("sign_up_domains")?.join(", ") ?? draft.value("sign_up_domains").join(", ")} placeholder="campus.example, school.example" aria-labelledby="label-sign_up_domains" aria-describedby="text-sign_up_domains"
    @change=${(/** @type {any} */ event) => draft.set("sign_up_domains", event.target.value.toLowerCase().split(/[\s,;]+/).filter(Boolean))}>`; }}`;
}

/** A name that the label comes to, which no other has. @param {string} label @param {string[]} taken */
export function nameOf(label, taken) {
  const plain = label.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 36) || "field";
  for (let at = 1; ; at += 1) {
    const name = at === 1 ? plain : `${plain}_${at}`;
    if (!taken.includes(name)) return name;
  }
}

/** @param {Draft} draft */
function profile(draft) {
  /** @returns {Asked[]} */
  const fields = () => draft.value("profile_fields");
  const write = (/** @type {Asked[]} */ after) => draft.set("profile_fields", after);
  const set = (/** @type {number} */ at, /** @type {Partial<Asked>} */ change) => write(fields().map((one, index) => {
    if (index === at) return { ...one, ...change };
    return change.is_reference ? { ...one, is_reference: false } : one;
  }));
  const relabel = (/** @type {number} */ at, /** @type {string} */ label) => {
    const one = fields()[at];
    // what customers gave is kept under the name: one that was saved keeps it
    const isKept = (draft.known.peek().settings.profile_fields ?? []).some((/** @type {Asked} */ known) => known.name === one.name);
    set(at, { label, ...(isKept ? {} : { name: nameOf(label, fields().filter((_, index) => index !== at).map(({ name }) => name)) }) });
  };
  const move = (/** @type {number} */ at, /** @type {number} */ by) => {
    const after = [...fields()];
    after.splice(at + by, 0, ...after.splice(at, 1));
    write(after);
  };
  const add = () => write([...fields(), { name: nameOf("field", fields().map(({ name }) => name)), label: t("settings.field_new"), required: false, is_reference: false, choices: [], chars_max: 100 }]);
  const row = (/** @type {Asked} */ one, /** @type {number} */ at) => html`<li class="profile-field"><div class="form-grid">
      <div class="field"><label for="field-label-${at}">${t("settings.field_label")}</label><input class="input" id="field-label-${at}" .value=${one.label} maxlength="100" @change=${(/** @type {any} */ event) => relabel(at, event.target.value.trim() || one.label)}></div>
      <div class="field"><label for="field-choices-${at}">${t("settings.field_choices")} <span class="optional">${t("form.optional")}</span></label><input class="input" id="field-choices-${at}" .value=${(one.choices ?? []).join(", ")} placeholder=${t("settings.field_choices_hint")} @change=${(/** @type {any} */ event) => set(at, { choices: event.target.value.split(",").map((/** @type {string} */ text) => text.trim()).filter(Boolean) })}></div></div>
    <div class="row wrap"><label class="check"><input type="checkbox" .checked=${one.required ?? false} @change=${(/** @type {any} */ event) => set(at, { required: event.target.checked })}><span>${t("settings.field_required")}</span></label>
      <label class="check" data-tip=${t("settings.field_reference_text")}><input type="checkbox" .checked=${one.is_reference ?? false} @change=${(/** @type {any} */ event) => set(at, { is_reference: event.target.checked })}><span>${t("settings.field_reference")}</span></label>
      <span class="grow"></span><button type="button" class="button quiet icon-only small" aria-label=${t("settings.field_up", { label: one.label })} ?disabled=${at === 0} @click=${() => move(at, -1)}>${icon("arrow-up")}</button>
      <button type="button" class="button quiet icon-only small" aria-label=${t("settings.field_down", { label: one.label })} ?disabled=${at === fields().length - 1} @click=${() => move(at, 1)}>${icon("arrow-down")}</button>
      <button type="button" class="button quiet icon-only small" aria-label=${t("settings.field_remove", { label: one.label })} @click=${() => write(fields().filter((_, index) => index !== at))}>${icon("trash")}</button></div></li>`;
  return html`<div class="stack">${fields().length === 0 ? null : html`<ul class="profile-fields">${fields().map(row)}</ul>`}
    ${fields().length < FIELDS_MAX ? html`<div class="row"><button type="button" class="button" @click=${add}>${icon("plus")}${t("settings.field_add")}</button></div>` : null}</div>`;
}
