/** Findings in plain words: what was found, what was expected, by which rule, and what can be done. */

import { hasWords, t } from "../core/i18n.js";
import { fullOf, lengthOf, rangeOf, whenOf } from "../core/time.js";
import { number } from "../core/i18n.js";
import { lookOf } from "../ui/status.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;
/** Whose reason says no more than what the rule means. */
const SAID = new Set(["no_arrival", "late_check_out", "booked_but_idle", "occupied_not_booked", "agent_offline"]);
const SERVER_RULES = new Set(["transition_late", "loop_silent", "repairs_many", "disk_low"]);

/** @typedef {{id: string, rule: string, subject: string, state: string, opened_at: string, closed_at: string | null, closed_by: string | null, reason: string | null, data: any}} Finding */

/** The rule in a few words. @param {string} rule */
export const titleOf = (rule) => (hasWords(`finding.${rule}`) ? t(`finding.${rule}`) : rule.replaceAll("_", " "));

/** What it means. @param {string} rule */
export const meaningOf = (rule) => (hasWords(`finding.${rule}_means`) ? t(`finding.${rule}_means`) : "");

/** What a person may do about it. @param {string} rule */
export const adviceOf = (rule) => (hasWords(`finding.${rule}_do`) ? t(`finding.${rule}_do`) : t("findings.do_look"));

/** Whether it is about the server, and not about this site. @param {string} rule */
export const isOfServer = (rule) => SERVER_RULES.has(rule);

/** What it is about. @param {Finding} finding @param {Map<string, any>} bookings those that are known, for their names */
export function subjectOf({ subject, data }, bookings) {
  const units = data.unit ?? data.units?.join(", ");
  if (UUID.test(subject)) return [bookings.get(subject)?.customer?.name, units, data.reference].filter(Boolean).join(" · ") || t("findings.something");
  return subject === "clock" ? t("event.by_clock") : [subject, data.reference].filter(Boolean).join(" · ");
}

/** The booking it is about, by id or reference; null when it is about none. @param {Finding} finding */
export function bookingOf({ subject, rule, data }) {
  if (UUID.test(subject) && rule !== "poisoned_block") return { id: subject, reference: data.reference ?? null };
  const reference = data.reference ?? data.references?.[0];
  return reference ? { id: null, reference } : null;
}

/** The unit it is about; null when it is about none or several. @param {Finding} finding @param {Map<string, any>} units */
export function unitOf({ subject, data }, units) {
  return [data.unit, subject, data.units?.length === 1 ? data.units[0] : undefined].find((code) => units.has(code)) ?? null;
}

/** What was found, and what was expected. @param {Finding} finding @returns {[string, string][]} */
export function factsOf({ rule, data }) {
  /** @type {[string, string][]} */ const facts = [];
  const put = (/** @type {string} */ key, /** @type {any} */ value) => { if (value !== null && value !== undefined && value !== "") facts.push([t(key), String(value)]); };
  if (isTime(data.from) && isTime(data.to)) put("bookings.time", rangeOf(data.from, data.to));
  else {
    put("findings.found", data.from ? lookOf(String(data.from)).word : null);
    put("findings.expected", data.to ? lookOf(String(data.to)).word : null);
  }
  put("findings.seen", data.seen ? t(`findings.seen_${data.seen}`) : null);
  put("findings.since", data.since ? whenOf(data.since) : null);
  put("findings.seen_at", data.seen_at ? fullOf(data.seen_at) : null);
  put("findings.late", data.late_s ? lengthOf(data.late_s * 1000) : null);
  put("findings.loop", data.loop);
  put("findings.silent", data.silent_s ? lengthOf(data.silent_s * 1000) : null);
  put("findings.fixed", data.fixed === undefined ? null : `${number(data.fixed)} / ${number(data.checked)}`);
  put("findings.free", data.free_mb ? Object.entries(data.free_mb).map(([name, free]) => `${name} ${number(Number(free))} MB`).join(", ") : null);
  put("findings.error", data.error);
  put("findings.why", data.reason && data.reason !== data.error && !SAID.has(rule) ? data.reason : null);
  return facts;
}

/** @param {any} value */
const isTime = (value) => typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value);
