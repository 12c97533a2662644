/** The second factor of one's account: set up with a picture and a code, recovery codes shown once, given up by password. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { openDialog } from "../ui/dialog.js";
import { copyButton, saveText, secretLine } from "../ui/copy.js";
import { field, sending, typedOf, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { passwordField } from "../ui/password.js";
import { banner, tag } from "../ui/status.js";
import { toast } from "../ui/toast.js";
import { problemNote } from "./conflict.js";

const NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"';

/** @param {import("../core/signals.js").Signal<any>} account */
export function factorCard(account) {
  /** @type {import("../core/signals.js").Signal<{secret: string, uri: string, svg: string} | null>} */ const begun = signal(null);
  /** @type {import("../core/signals.js").Signal<string[] | null>} */ const codes = signal(null);
  const beginning = sending(async () => { begun.value = (await ask("POST", "/api/account/second-factor")).data; });
  const confirming = sending(async (/** @type {Record<string, string>} */ values) => {
    const { data } = await ask("POST", "/api/account/second-factor/confirm", { body: { code: (values.code ?? "").replace(/\s/g, "") } });
    codes.value = data.codes;
    begun.value = null;
    account.value = { ...account.peek(), has_second_factor: true };
  });
  const content = () => {
    if (codes.value !== null) return recovery(codes.value, account.peek().email, () => { codes.value = null; });
    if (begun.value !== null) return setting(begun.value, confirming, () => { begun.value = null; });
    if (account.value.has_second_factor) return html`<div class="row wrap"><button type="button" class="button danger" @click=${() => giveUp(account)}>${t("account.factor_end")}</button></div>`;
    return html`${() => (beginning.problem.value ? problemNote(beginning.problem.value) : null)}
      <div class="row"><button type="button" class="button primary" aria-busy=${() => String(beginning.busy.value)} @click=${() => beginning.submit(undefined)}>${icon("shield")}${t("account.factor_begin")}</button></div>`;
  };
  return html`<section class="card stack" id="second-factor"><div class="row wrap"><h2 class="grow">${t("account.factor")}</h2>
    ${() => (account.value.has_second_factor ? tag("free", "check", t("account.factor_on")) : tag("off", "circle", t("account.factor_off")))}</div>
    <p class="soft">${t("account.factor_text")}</p>${content}</section>`;
}

/** @param {{secret: string, svg: string}} begun @param {any} form @param {() => void} cancel */
function setting({ secret, svg }, form, cancel) {
  const picture = svg.includes("xmlns=") ? svg : svg.replace("<svg", `<svg ${NAMESPACE}`);
  const wrong = () => (form.problem.value?.code === "wrong_credentials" ? t("account.factor_wrong") : null);
  return html`<ol class="factor-steps"><li><p>${t("account.factor_scan")}</p><img class="qr" alt=${t("account.factor_qr")} src=${`data:image/svg+xml,${encodeURIComponent(picture)}`}>
      <details><summary>${t("account.factor_by_hand")}</summary>${secretLine(secret, t("account.factor_secret"))}</details></li>
    <li><form class="stack" @submit=${(/** @type {any} */ event) => { event.preventDefault(); form.submit(valuesOf(event.target)); }}>
      ${() => field({ name: "code", label: t("account.factor_code"), required: true, autocomplete: "one-time-code", autofocus: true, error: wrong() })}
      ${() => (form.problem.value && !wrong() ? problemNote(form.problem.value) : null)}
      <div class="row wrap"><button class="button primary" aria-busy=${() => String(form.busy.value)}>${t("account.factor_confirm")}</button><button type="button" class="button" @click=${cancel}>${t("dialog.cancel")}</button></div></form></li></ol>`;
}

/** @param {string[]} codes @param {string} email @param {() => void} done */
function recovery(codes, email, done) {
  const text = `${t("account.codes_file", { email })}\n\n${codes.join("\n")}\n`;
  return html`${banner("soon", "warning", html`<p class="strong">${t("account.codes")}</p><p>${t("account.codes_text")}</p>`)}
    <ul class="recovery-codes" aria-label=${t("account.codes")}>${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
    <div class="row wrap">${copyButton(codes.join("\n"), t("account.codes_copy"))}
      <button type="button" class="button" @click=${() => printSheet(t("account.codes_file", { email }), codes)}>${icon("print")}${t("account.codes_print")}</button>
      <button type="button" class="button" @click=${() => saveText("holdfast-recovery-codes.txt", text)}>${icon("download")}${t("account.codes_save")}</button></div>
    <div class="row"><button type="button" class="button primary" @click=${done}>${icon("check")}${t("account.codes_done")}</button></div>`;
}

/** Prints the codes and nothing else. @param {string} title @param {string[]} codes */
function printSheet(title, codes) {
  const sheet = document.createElement("section");
  sheet.className = "print-sheet";
  const head = document.createElement("h1");
  head.textContent = title;
  const list = document.createElement("pre");
  list.textContent = codes.join("\n");
  sheet.append(head, list);
  document.body.append(sheet);
  document.documentElement.dataset.print = "sheet";
  addEventListener("afterprint", () => { sheet.remove(); delete document.documentElement.dataset.print; }, { once: true });
  print();
}

/** @param {import("../core/signals.js").Signal<any>} account */
function giveUp(account) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await ask("POST", "/api/account/second-factor/end", { body: { password: values.password ?? "" } });
    account.value = { ...account.peek(), has_second_factor: false };
    toast(t("account.factor_ended"));
    opened.close();
  });
  const wrong = () => (form.problem.value?.code === "wrong_credentials" ? t("account.password_wrong") : null);
  const opened = openDialog({
    title: t("account.factor_end"),
    body: html`<p class="soft">${t("account.factor_end_text")}</p><form id="factor-end" @submit=${(/** @type {any} */ event) => { event.preventDefault(); form.submit(typedOf(event.target)); }}>
      ${passwordField({ name: "password", label: t("account.password_present"), error: wrong })}</form>${() => (form.problem.value && !wrong() ? problemNote(form.problem.value) : null)}`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button class="button primary danger" form="factor-end" aria-busy=${() => String(form.busy.value)}>${t("account.factor_end")}</button>`,
  });
}
