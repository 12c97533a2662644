/** What a state looks like: a tone, an icon and a word, the same on every screen, so that no state is told by colour alone. */

import { html } from "../core/html.js";
import { hasWords, t } from "../core/i18n.js";
import { icon } from "./icon.js";

/** @typedef {{tone: string, icon: string, word: string}} Look */

/** @type {Record<string, [tone: string, icon: string]>} */
const LOOKS = {
  available: ["free", "circle"], vacant: ["free", "circle"], clean: ["free", "sparkle"], inspected: ["free", "check-circle"],
  active: ["busy", "play"], occupied: ["busy", "user"], checkedin: ["busy", "user"],
  reserved: ["next", "clock"], booked: ["next", "calendar"], approved: ["next", "check"],
  pending: ["wait", "hourglass"], held: ["wait", "hourglass"],
  dirty: ["used", "broom"],
  under_maintenance: ["off", "wrench"], maintenance: ["off", "wrench"], out_of_service: ["off", "ban"], blocked: ["off", "ban"],
  closed: ["off", "lock"],
  completed: ["off", "check"], checkedout: ["off", "logout"], cancelled: ["off", "cross"], expired: ["off", "hourglass"],
  rejected: ["bad", "cross"], noshow: ["bad", "eye-off"],
};

/** The look of a shown status, a condition or a booking's state. @param {string} word as the server says it @returns {Look} */
export function lookOf(word) {
  const key = word.toLowerCase().replace(/[ -]/g, "_");
  const [tone, name] = LOOKS[key] ?? LOOKS[key.replaceAll("_", "")] ?? ["off", "question"];
  return { tone, icon: name, word: hasWords(`status.${key}`) ? t(`status.${key}`) : word };
}

/** @param {string} word as the server says it */
export function badge(word) {
  const look = lookOf(word);
  return tag(look.tone, look.icon, look.word);
}

/** A badge of one's own. @param {string} tone @param {string} name of an icon @param {any} word */
export const tag = (tone, name, word) => html`<span class="badge tone-${tone}">${icon(name)}${word}</span>`;

/** How much of something is over, from 0 to 1. @param {() => number} share @param {string | (() => string)} label */
export const meter = (share, label) => html`<span class="meter" role="progressbar" aria-valuemin="0" aria-valuemax="100"
  aria-valuenow=${() => Math.round(share() * 100)} aria-label=${label}><i style:--share=${() => share().toFixed(3)}></i></span>`;

/** @param {string} tone @param {string} name of an icon @param {any} content */
export const banner = (tone, name, content) => html`<div class="banner tone-${tone}" role="note">${icon(name)}<div class="grow">${content}</div></div>`;

/** What stands where there is nothing yet: what that means, and what to do. @param {{icon: string, title: string, text: string, action?: any}} told */
export const empty = (told) => html`<div class="empty">${icon(told.icon)}<h2>${told.title}</h2><p>${told.text}</p>${told.action ?? null}</div>`;
