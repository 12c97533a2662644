/** A short word that something was done, with a way back where there is one. Said aloud too; gone after a while. */

import { html, render } from "../core/html.js";
import { announce } from "../core/announcer.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";

const SHOWN_MS = 6_000;
const SHOWN_WITH_ACT_MS = 10_000;
const TOASTS_MAX = 4;

/** @returns {HTMLElement} */
function region() {
  const found = document.getElementById("toasts");
  if (found !== null) return found;
  const made = document.createElement("div");
  made.id = "toasts";
  made.className = "toasts";
  made.popover = "manual";
  // over everything and so in no landmark: it is one
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", t("frame.told"));
  document.body.append(made);
  return made;
}

/** @param {string} text @param {{tone?: "good" | "bad", act?: {label: string, run: () => void}}} options */
export function toast(text, { tone = "good", act } = {}) {
  const place = region();
  // shown anew each time: the last one to enter the top layer lies over open dialogs
  if (place.matches(":popover-open")) place.hidePopover();
  place.showPopover();
  const element = document.createElement("div");
  element.className = `toast ${tone}`;
  const leave = () => { element.remove(); if (place.childElementCount === 0) place.hidePopover(); };
  render(html`${icon(tone === "good" ? "check-circle" : "alert")}<span class="grow">${text}</span>
    ${act ? html`<button type="button" class="button small" @click=${() => { leave(); act.run(); }}>${act.label}</button>` : null}
    <button type="button" class="button quiet icon-only small" aria-label=${t("dialog.close")} @click=${leave}>${icon("cross", "small")}</button>`, element);
  place.append(element);
  while (place.childElementCount > TOASTS_MAX) place.firstElementChild?.remove();
  announce(text, tone === "bad" ? "assertive" : "polite");
  setTimeout(leave, act ? SHOWN_WITH_ACT_MS : SHOWN_MS);
}

/** Does it and says so; a refusal is said, too. @param {() => Promise<void>} run @param {() => void} then @returns {Promise<boolean>} whether it was done */
export async function done(run, then) {
  try {
    await run();
    return true;
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error), { tone: "bad" });
    return false;
  } finally {
    then();
  }
}
