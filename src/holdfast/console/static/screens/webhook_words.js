/** Endpoints and deliveries in words: what their states look like, which events are meant, who and when. */

import { html } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { whenOf } from "../core/time.js";
import { tag } from "../ui/status.js";

/**
 * @typedef {{id: string, url: string, events: string[], types: string[], site: string | null, description: string, active: boolean, paused_at: string | null,
 *   paused_by: string | null, failing_since: string | null, before_until: string | null, created_by: string, created_at: string, recent: string[], secret: string | null}} Webhook
 * @typedef {{id: string, type: string, state: string, attempts: number, status: number | null, error: string | null, created_at: string, ended_at: string | null}} Delivery
 */

const FAILURES = "failures";
const SHOWN = 3;

/** Whether it was paused by itself, as it took nothing for days. @param {Webhook} one */
export const isGivenUp = (one) => !one.active && one.paused_by === FAILURES;

/** @param {Webhook} one @returns {[tone: string, icon: string, word: string]} */
export function lookOfHook(one) {
  if (isGivenUp(one)) return ["bad", "alert", t("webhooks.is_given_up")];
  if (!one.active) return ["off", "pause", t("webhooks.is_paused")];
  if (one.failing_since) return ["soon", "warning", t("webhooks.is_failing")];
  return ["free", "check-circle", t("webhooks.is_active")];
}

/** @param {Webhook} one */
export const hookBadge = (one) => tag(...lookOfHook(one));

/** Since when that is so. @param {Webhook} one */
export function since(one) {
  const at = one.active ? one.failing_since : one.paused_at;
  return at ? t("webhooks.since", { at: whenOf(at) }) : "";
}

/** @type {Record<string, [tone: string, icon: string]>} */
const STATES = { waiting: ["next", "clock"], trying: ["soon", "refresh"], delivered: ["free", "check-circle"], failed: ["bad", "alert"], held: ["off", "pause"] };

/** The tone of a delivery's state. @param {string} state */
export const toneOf = (state) => STATES[state]?.[0] ?? "off";

/** @param {string} state */
export const stateWord = (state) => t(`webhooks.state_${state}`);

/** One that has been tried and waits says so. @param {Delivery} one */
export function deliveryBadge(one) {
  const state = one.state === "waiting" && one.attempts > 0 ? "trying" : one.state;
  const [tone, name] = STATES[state] ?? ["off", "question"];
  return tag(tone, name, stateWord(state));
}

/** What was answered last, or why nothing was. @param {{status: number | null, error: string | null}} one */
export const answerOf = (one) => (one.error && !(one.status && one.error === `answered ${one.status}`) ? one.error : one.status ? t("webhooks.answered", { status: one.status }) : "");

/** The events that an endpoint wants, in short. @param {Webhook} one */
export function eventsOf(one) {
  if (one.events.includes("*")) return t("webhooks.everything");
  const [first, rest] = [one.events.slice(0, SHOWN), one.events.length - SHOWN];
  return html`<span class="row wrap hook-events">${first.map((each) => html`<code>${each}</code>`)}${rest > 0 ? html`<span class="small muted">${t("webhooks.more_events", { n: rest })}</span>` : null}</span>`;
}

/** @param {string | null} slug */
export const siteName = (slug) => (slug === null ? t("webhooks.all_sites") : page.sites.find((one) => one.slug === slug)?.name ?? slug);

/** What became of the last deliveries, the newest at the right. @param {Webhook} one */
export function strip(one) {
  if (one.recent.length === 0) return html`<span class="muted">–</span>`;
  const taken = one.recent.filter((state) => state === "delivered").length;
  const words = t("webhooks.taken", { taken: number(taken), n: one.recent.length });
  return html`<span class="two-lines"><span class="hook-strip" role="img" aria-label=${words}>${[...one.recent].reverse().map((state) => html`<i class="tone-${toneOf(state)} is-${state}"></i>`)}</span><span class="small muted">${words}</span></span>`;
}

const BY_MAIL = "mailto:";

/** Whether somebody is told by mail, of alerts alone. @param {{url: string}} one */
export const isByMail = ({ url }) => url.startsWith(BY_MAIL);

/** @param {string} address */
export const mailTo = (address) => `${BY_MAIL}${address}`;

/** The host alone, as that is what tells endpoints apart; of mail who gets it. @param {string} url */
export function hostOf(url) {
  if (isByMail({ url })) return url.slice(BY_MAIL.length);
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}
