/** Mails: whether customers are told, in which language, and the owner's own words with what they would look like. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { icon } from "../ui/icon.js";
import { tag } from "../ui/status.js";
import { settingField } from "./settings_fields.js";

/** @typedef {import("./settings_draft.js").Draft} Draft */

const KINDS = ["booking_received", "booking_confirmed", "booking_approved", "booking_moved", "booking_cancelled", "booking_rejected", "booking_revoked"];

/** @param {Draft} draft */
export function mailEditor(draft) {
  const kind = signal(KINDS[0]);
  const language = signal(String(draft.value("language")));
  const own = (/** @type {string} */ one, /** @type {string} */ spoken) => draft.value("mail_texts")?.[one]?.[spoken] ?? {};
  const write = (/** @type {{subject?: string, body?: string}} */ change) => {
    const [one, spoken] = [kind.peek(), language.peek()];
    const ours = draft.known.peek().mails[one].texts[spoken];
    const text = { ...own(one, spoken), ...change };
    const kept = Object.fromEntries(Object.entries(text).filter(([part, value]) => value !== undefined && String(value).trim() !== "" && value.trim() !== ours[/** @type {"subject" | "body"} */ (part)].trim()));
    const texts = { ...draft.value("mail_texts"), [one]: { ...(draft.value("mail_texts")?.[one] ?? {}), [spoken]: kept } };
    if (Object.keys(kept).length === 0) delete texts[one][spoken];
    if (Object.keys(texts[one]).length === 0) delete texts[one];
    draft.set("mail_texts", Object.keys(texts).length === 0 ? null : texts);
  };
  const shown = signal({ subject: "", body: "" });
  const editor = () => {
    draft.round.value;
    const [one, spoken] = [kind.value, language.value];
    const { placeholders, texts } = draft.known.peek().mails[one];
    const given = own(one, spoken);
    shown.value = { subject: given.subject ?? texts[spoken].subject, body: given.body ?? texts[spoken].body.trim() };
    const put = (/** @type {"subject" | "body"} */ part) => (/** @type {any} */ event) => { shown.value = { ...shown.peek(), [part]: event.target.value }; write({ [part]: event.target.value }); };
    return html`<div class="stack"><div class="field"><label for="mail-subject">${t("settings.mail_subject")}</label><input class="input" id="mail-subject" maxlength="200" .value=${shown.peek().subject} aria-invalid=${() => (draft.errorAt("mail_texts") ? "true" : null)} @input=${put("subject")}></div>
      <div class="field"><label for="mail-body">${t("settings.mail_body")}</label><textarea class="input mail-body" id="mail-body" rows="12" maxlength="4000" aria-describedby="mail-placeholders" @input=${put("body")} ref=${(/** @type {any} */ element) => { element.value = shown.peek().body; }}></textarea></div>
      ${() => (draft.errorAt("mail_texts") ? html`<p class="error">${icon("alert")}${draft.errorAt("mail_texts")}</p>` : null)}
      <div id="mail-placeholders" class="row wrap"><span class="muted small">${t("settings.placeholders")}</span>${placeholders.map((name) => html`<code class="placeholder">{${name}}</code>`)}</div>
      <div class="row"><button type="button" class="link-button" @click=${() => { write({ subject: "", body: "" }); draft.round.value += 1; }}>${t("settings.mail_ours")}</button></div></div>`;
  };
  const choice = (/** @type {string} */ one) => html`<option value=${one} .selected=${one === kind.peek()}>${t(`settings.mail_${one}`)}</option>`;
  return html`<section class="card settings-card"><h2>${t("settings.group_mail")}</h2>${settingField(draft, "mail_bookings")}${settingField(draft, "language")}</section>
    <section class="card settings-card"><div class="row wrap"><h2 class="grow">${t("settings.group_texts")}</h2>${() => (Object.keys(own(kind.value, language.value)).length > 0 ? tag("accent", "edit", t("settings.mail_own")) : tag("off", "mail", t("settings.mail_default")))}</div>
      <div class="form-grid"><div class="field"><label for="mail-kind">${t("settings.mail_kind")}</label><select class="input" id="mail-kind" @change=${(/** @type {any} */ event) => { kind.value = event.target.value; }}>${KINDS.map(choice)}</select></div>
        <div class="field"><label for="mail-language">${t("setting.language")}</label><select class="input" id="mail-language" @change=${(/** @type {any} */ event) => { language.value = event.target.value; }}>${["en", "de"].map((one) => html`<option value=${one} .selected=${one === language.peek()}>${t(`settings.language_${one}`)}</option>`)}</select></div></div>
      <div class="mail-editor">${() => { const drawn = `${kind.value} ${language.value}`; return html`<div data-mail=${drawn}>${editor}</div>`; }}
        <div class="mail-preview" role="region" aria-label=${t("settings.preview")}><p class="muted small">${t("settings.preview")}</p><p class="strong">${() => filled(shown.value.subject)}</p><div class="mail-text">${() => filled(shown.value.body)}</div></div></div></section>`;
}

/** A text with an example for each placeholder; a line whose placeholders all have none is left out, as in the mail.
 * @param {string} text */
export function filled(text) {
  /** @type {Record<string, string>} */
  const values = {
    greeting: t("settings.sample_greeting"), name: "Ann Lee", site: page.site.name, reference: "9TDFYW", units: page.site.kind === "hotel" ? "101" : page.site.kind === "grounds" ? "G1" : "PC01", when: t("settings.sample_when"),
    from: "18:00", to: "20:00", reason: t("settings.sample_reason"), when_before: t("settings.sample_before"), units_before: "PC02",
  };
  return text.split("\n").map((line) => line.replace(/\{([^{}\n]*)\}/g, (whole, name) => values[name] ?? whole)).join("\n");
}
