/** Followed calendars in words: how one stands, what was in the way, how often it is read. */

import { html } from "../core/html.js";
import { hasWords, language, t } from "../core/i18n.js";
import { lengthOf, whenOf } from "../core/time.js";
import { tag } from "../ui/status.js";

/**
 * @typedef {{id: string, name: string, unit: string, host: string, every_minutes: number, active: boolean, paused_by: string | null, tried_at: string | null, read_at: string | null, next_at: string,
 *   state: string, stale_at: string, failures: number, error: string | null, blocks: number, conflicts: number, unread: number, created_by: string, created_at: string}} Calendar
 */

/** @type {Record<string, [tone: string, icon: string]>} */
const LOOKS = { fresh: ["free", "check-circle"], waiting: ["next", "hourglass"], partial: ["soon", "warning"], stale: ["soon", "stale"], failing: ["bad", "alert"], paused: ["off", "pause"] };
/** What the server says of a reading that failed, and the words for it. @type {[RegExp, string][]} */
const REASONS = [
  [/^answered (\d{3})$/, "calendars.why_answered"], [/^no whole answer within (\S+) s$/, "calendars.why_slow"], [/^what was sent is no calendar/, "calendars.why_none"], [/^nothing was sent$/, "calendars.why_nothing"],
  [/^the calendar is cut off/, "calendars.why_cut_off"], [/^ConnectError/, "calendars.why_unreached"], [/^it redirects to an address that is not https/, "calendars.why_redirects"],
];

/** @param {Calendar} one */
export function lookOf({ state }) {
  const [tone, name] = LOOKS[state] ?? ["off", "question"];
  return { tone, icon: name, word: hasWords(`calendars.state_${state}`) ? t(`calendars.state_${state}`) : state };
}

/** Why it stands so; null where there is nothing to say. @param {Calendar} one */
function whyWords(one) {
  if (one.state === "failing") return reasonOf(one.error ?? "");
  if (one.state === "partial") return t("calendars.why_partial", { n: one.unread });
  if (one.state === "stale") return one.read_at === null ? t("calendars.why_never") : t("calendars.why_stale", { at: whenOf(one.read_at) });
  return one.state === "paused" && one.conflicts + one.blocks > 0 ? t("calendars.why_paused") : null;
}

/** How it stands, and why. @param {Calendar} one */
export function stateOf(one) {
  const { tone, icon: name, word } = lookOf(one);
  const why = whyWords(one);
  return html`<span class="two-lines calendar-state" data-state=${one.state}>${tag(tone, name, word)}${why ? html`<span class="small soft">${why}</span>` : null}
    ${one.conflicts > 0 ? html`<span class="small calendar-conflicts">${t("calendars.why_conflicts", { n: one.conflicts })}</span>` : null}</span>`;
}

/** The server's own sentences are English. @param {string} error */
function reasonOf(error) {
  for (const [pattern, key] of REASONS) {
    const found = pattern.exec(error);
    if (found !== null) return t(key, { given: found[1] ?? "" });
  }
  return language === "en" ? error : html`<span lang="en">${error}</span>`;
}

/** @param {Calendar} one */
export const paceWords = ({ every_minutes: minutes }) => paceOf(minutes);

/** @param {number} minutes */
export const paceOf = (minutes) => t("calendars.every_of", { length: lengthOf(minutes * 60_000) });
