/** What is shown once and has to be taken along: copied, also where there is no secure connection, or saved as a file. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { announce } from "../core/announcer.js";
import { icon } from "./icon.js";

const SHOWN_MS = 2_500;

/** @param {string} text @returns {Promise<boolean>} whether it is in the clipboard */
export async function copyText(text) {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // refused: by hand, then
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  return isDone;
}

/** @param {string} text @param {string} label */
export function copyButton(text, label = t("form.copy")) {
  const isDone = signal(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    isDone.value = true;
    announce(t("form.copied"));
    setTimeout(() => { isDone.value = false; }, SHOWN_MS);
  };
  return html`<button type="button" class="button" @click=${copy}>${() => (isDone.value ? html`${icon("check")}${t("form.copied")}` : html`${icon("copy")}${label}`)}</button>`;
}

/** A secret on a line of its own, with a button that copies it. @param {string} text @param {string} label */
export const secretLine = (text, label) => html`<div class="secret-line"><code tabindex="0" aria-label=${label}>${text}</code>${copyButton(text)}</div>`;

/** @param {string} name of the file @param {string} text @param {string} type */
export function saveText(name, text, type = "text/plain") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
