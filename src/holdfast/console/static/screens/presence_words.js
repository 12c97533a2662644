/** Presence in words: what a status looks like, and when somebody was seen last. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clock, fullOf, lengthOf, minute, whenOf } from "../core/time.js";
import { tag } from "../ui/status.js";

const DAY_MS = 86_400_000;

/** From who can be asked now to who cannot. @type {Record<string, {rank: number, tone: string, icon: string}>} */
export const RANKS = {
  active: { rank: 0, tone: "free", icon: "check-circle" }, busy: { rank: 1, tone: "bad", icon: "ban" }, away: { rank: 2, tone: "next", icon: "moon" },
  unknown: { rank: 3, tone: "wait", icon: "question" }, offline: { rank: 4, tone: "off", icon: "circle" },
};

/** @param {{status: string}} one */
export const statusWord = ({ status }) => (RANKS[status] ? t(`presence.is_${status}`) : status);

/** @param {{status: string}} one */
export const statusBadge = (one) => tag(RANKS[one.status]?.tone ?? "off", RANKS[one.status]?.icon ?? "question", statusWord(one));

/** @param {{live_status: string}} one */
export const isThere = ({ live_status }) => live_status === "online";

/** Initials with a mark of the status; the badge says it in words. @param {{name: string, status: string}} one */
export const avatar = ({ name, status }) => html`<span class="avatar presence-avatar tone-${RANKS[status]?.tone ?? "off"}" aria-hidden="true">${name.split(/\s+/).map((part) => part[0]).filter(Boolean).slice(0, 2).join("").toUpperCase()}<i></i></span>`;

/** Of whoever is there: now. @param {{live_status: string, last_seen: string | null}} one */
export function lastSeen(one) {
  if (isThere(one)) return html`<span class="soft">${t("presence.now")}</span>`;
  const at = one.last_seen;
  if (at === null) return html`<span class="muted">${t("presence.never")}</span>`;
  return html`<time datetime=${at} title=${fullOf(at)} class="muted">${() => ago(at)}</time>`;
}

/** @param {string} at */
function ago(at) {
  minute.value;
  const ms = clock.now() - Date.parse(at);
  if (ms < 60_000) return t("presence.just_now");
  return ms < DAY_MS ? t("presence.ago", { length: lengthOf(ms) }) : whenOf(at);
}
