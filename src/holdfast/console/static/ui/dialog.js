/**
 * Dialogs and drawers: native <dialog>, so that focus stays inside, Escape closes, and focus returns to where it was.
 *
 * @typedef {{close: (result?: any) => void, element: HTMLDialogElement, closed: Promise<any>, redraw: () => void}} Opened
 */

import { html, render, unrender } from "../core/html.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";
import { newId } from "./form.js";

/**
 * `body`, `foot`, `title` and `under` may be functions of what this returns: drawn again when signals they read change.
 * @param {{title: any, under?: any, body: any, foot?: any, kind?: "dialog" | "dialog wide" | "drawer"}} options @returns {Opened}
 */
export function openDialog({ title, under = null, body, foot = null, kind = "dialog" }) {
  const element = document.createElement("dialog");
  element.className = kind;
  const id = newId("dialog");
  element.setAttribute("aria-labelledby", id);
  document.body.append(element);
  const before = document.activeElement;
  /** @type {(result: any) => void} */ let done;
  const closed = new Promise((resolve) => { done = resolve; });
  /** @type {any} */ let result;
  const opened = {
    element, closed,
    close(/** @type {any} */ given = undefined) {
      result = given;
      element.close();
    },
    redraw() { render(content(), element); },
  };
  const live = (/** @type {any} */ part) => (typeof part === "function" ? () => part(opened) : part);
  const parts = { title: live(title), under: live(under), body: live(body), foot: live(foot) };
  // no <header> and <footer>: outside of <main> they would be the page's banner and its imprint a second time
  const content = () => html`
    <div class="dialog-head"><div class="grow"><h2 id=${id}>${parts.title}</h2>${parts.under}</div>
      <button type="button" class="button quiet icon-only" aria-label=${t("dialog.close")} @click=${() => opened.close()}>${icon("cross")}</button></div>
    <div class="dialog-body">${parts.body}</div>
    <div class="dialog-foot">${parts.foot}</div>`;
  opened.redraw();
  element.addEventListener("click", (event) => { if (event.target === element) opened.close(); });
  element.addEventListener("close", () => {
    unrender(element);
    element.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    done(result);
  });
  element.showModal();
  const inner = element.querySelector(".dialog-body");
  // text that is longer than its room is read on with the keys only where something in it can be gone to
  if (inner instanceof HTMLElement && inner.querySelector("a, button, input, select, textarea, [tabindex]") === null) inner.tabIndex = 0;
  focusFirst(element);
  return opened;
}

/** @param {HTMLElement} element */
function focusFirst(element) {
  const wanted = element.querySelector("[autofocus]") ?? element.querySelector(".dialog-body :is(input, select, textarea), .dialog-foot .primary");
  if (wanted instanceof HTMLElement) wanted.focus();
}

/** A question with one answer that does something. Resolves whether it was chosen.
 * @param {{title: string, text: any, act: string, danger?: boolean}} options @returns {Promise<boolean>} */
export async function confirmDialog({ title, text, act, danger = false }) {
  const opened = openDialog({
    title, body: html`<p class="soft">${text}</p>`,
    foot: html`<button type="button" class="button" @click=${() => opened.close(false)}>${t("dialog.cancel")}</button>
      <button type="button" class="button primary ${danger ? "danger" : ""}" autofocus @click=${() => opened.close(true)}>${act}</button>`,
  });
  return Boolean(await opened.closed);
}
