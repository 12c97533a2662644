/** Stores in words: what the ends of runs look like, how fresh a stream is against its schedule, schedules, money. */

import { html } from "../core/html.js";
import { hasWords, language, number, t } from "../core/i18n.js";
import { clock, clockWords, distanceOf, lengthOf, minute, whenOf } from "../core/time.js";
import { tag } from "../ui/status.js";

/** @typedef {import("./store_state.js").Connection} Connection */
/** @typedef {import("./store_state.js").Stream} Stream */

const GRACE_MS = 120_000;

/** @type {Record<string, [tone: string, icon: string]>} */
const LOOKS = {
  waiting: ["next", "clock"], running: ["busy", "refresh"],
  verified: ["free", "check-circle"], done: ["free", "check"], left_out: ["off", "minus"],
  drift: ["soon", "warning"], unverifiable: ["wait", "question"], rejects: ["soon", "inbox"],
  cancelled: ["off", "stop"], failed: ["bad", "alert"], paused: ["soon", "pause"],
};

/** How a run or a stage stands. @param {string} state @param {number} n rows that differ or are set aside */
export function syncLook(state, n = 0) {
  const [tone, name] = LOOKS[state] ?? ["off", "question"];
  const word = n > 0 && hasWords(`sync.state_${state}_n#other`) ? t(`sync.state_${state}_n`, { n }) : hasWords(`sync.state_${state}`) ? t(`sync.state_${state}`) : state;
  return { tone, icon: name, word };
}

/** @param {string} state @param {number} [n] */
export function syncBadge(state, n = 0) {
  const look = syncLook(state, n);
  return tag(look.tone, look.icon, look.word);
}

/** @param {string} stage */
export const stageWord = (stage) => t(`sync.stage_${stage}`);

/** @type {Record<string, string>} */ const KIND_ICONS = { shopify: "store", meta_ads: "chart", google_ads: "chart", rest: "globe", upload: "upload", resource: "command" };
/** @param {string} kind */ export const sourceIcon = (kind) => KIND_ICONS[kind] ?? "store";

/** Why a stage ended so, as the server says it: its sentences are English. @param {string | null | undefined} reason */
export function reasonWords(reason) {
  if (!reason) return null;
  const known = REASONS.find(([pattern]) => pattern.test(reason));
  if (known) return t(known[1], known[2]?.(known[0].exec(reason) ?? []) ?? {});
  return language === "en" ? html`${reason}` : html`<span lang="en">${reason}</span>`;
}

/** @type {[RegExp, string, ((found: string[]) => Record<string, any>)?][]} */
const REASONS = [
  [/^the source has (\d+) rows, the store (\d+)$/, "sync.reason_counts", ([, theirs, ours]) => ({ theirs: Number(theirs), ours: Number(ours) })],
  [/^rows differed and were put right$/, "sync.reason_put_right"],
  [/^rows that could not be read are set aside$/, "sync.reason_rejects"],
  [/^the source does not say how many rows it has$/, "sync.reason_no_count"],
  [/^the source says that it has no rows where it had some$/, "sync.reason_no_rows"],
  [/^the source's total is not the sum of its days$/, "sync.reason_sum"],
  [/^somebody stopped it$/, "sync.reason_stopped"],
  [/^its connection is gone$/, "sync.reason_gone"],
  [/^its secret is missing$/, "sync.reason_no_secret"],
];

/** How far off an instant is: "in 5 min", "5 min ago"; counted along. @param {string | number} at */
export function farOff(at) {
  minute.value;
  const ms = (typeof at === "number" ? at : Date.parse(at)) - clock.now();
  if (Math.abs(ms) < 60_000) return t(ms > 0 ? "sync.in_a_minute" : "sync.just_now");
  return t(ms > 0 ? "sync.in" : "sync.ago", { length: distanceOf(Math.abs(ms)) });
}

/** When a stream was last due: by the clock here where that has gone on since the server told. @param {Stream} stream */
function dueAt({ next_at: next, was_due_at: was }) {
  if (next !== null && Date.parse(next) <= clock.now()) return Date.parse(next);
  return was === null ? null : Date.parse(was);
}

/** How fresh a stream is against its schedule. @param {Connection} connection @param {Stream} stream
 * @returns {{tone: string, icon: string, word: string, is: string}} */
export function freshness(connection, stream) {
  minute.value;
  const look = (/** @type {string} */ is, /** @type {string} */ tone, /** @type {string} */ name, values = {}) => ({ is, tone, icon: name, word: t(`store.fresh_${is}`, values) });
  if (connection.is_syncing) return look("syncing", "busy", "refresh");
  if (!connection.is_enabled) return look("off", "off", "ban");
  if (connection.paused_until !== null && Date.parse(connection.paused_until) > clock.now()) return look("paused", "soon", "pause", { at: whenOf(connection.paused_until) });
  if (stream.complete_until === null) return look("never", "next", "hourglass");
  if (connection.kind === "upload" || !stream.schedule.is_enabled) return look("by_hand", "off", "user");
  const due = dueAt(stream);
  if (due === null || Date.parse(stream.complete_until) >= due - stream.schedule.older_than_s * 1000) return look("fresh", "free", "check-circle");
  const late = clock.now() - due;
  if (late < GRACE_MS || stream.schedule.when === "while_watched") return look("due", "next", "clock");
  return look("late", "bad", "alert", { length: lengthOf(late) });
}

/** A cron rule of minutes and hours as people say it. @param {string} rule */
export function ruleWords(rule) {
  const [minutes, hours, ...rest] = rule.trim().split(/\s+/);
  if (rest.join(" ") !== "* * *" || hours === undefined) return html`<code>${rule}</code>`;
  const two = (/** @type {string} */ text) => text.padStart(2, "0");
  if (minutes === "*" && hours === "*") return t("store.rule_minute");
  const step = /^\*\/(\d+)$/.exec(minutes);
  if (step && hours === "*") return t("store.rule_minutes", { n: Number(step[1]) });
  if (/^\d+$/.test(minutes) && hours === "*") return t("store.rule_hour", { minute: two(minutes) });
  if (/^\d+$/.test(minutes) && /^\d+$/.test(hours)) return t("store.rule_day", { time: clockWords(`${two(hours)}:${two(minutes)}`) });
  return html`<code>${rule}</code>`;
}

/** @param {Connection} connection @param {Stream} stream */
export function scheduleWords(connection, { schedule }) {
  if (connection.kind === "upload") return t("store.by_files");
  if (!schedule.is_enabled) return t("store.schedule_off");
  return html`${ruleWords(schedule.rule)}, ${t(`store.when_${schedule.when}`)}${schedule.older_than_s > 0 ? html`, ${t("store.if_older", { length: lengthOf(schedule.older_than_s * 1000) })}` : null}`;
}

/** Up to when a stream is complete: "10:42". @param {string | null} at */
export const asOf = (at) => (at === null ? t("store.never") : whenOf(at));

/** What figures stand on: "as of orders 10:42, ads 10:40". @param {import("./store_state.js").Watermark} mark */
export function watermark(mark) {
  minute.value;
  if (mark.orders_as_of === null) return t("ltv.not_counted");
  return mark.ads_as_of === null ? t("ltv.as_of_orders", { orders: whenOf(mark.orders_as_of) }) : t("ltv.as_of", { orders: whenOf(mark.orders_as_of), ads: whenOf(mark.ads_as_of) });
}

/** An amount of the store's money. @param {string | number} value @param {string} currency @param {Intl.NumberFormatOptions} options */
export const money = (value, currency, options = {}) => number(Number(value), { style: "currency", currency, currencyDisplay: "narrowSymbol", ...options });

/** The same in as little room as tells it. @param {string | number} given @param {string} currency */
export function briefMoney(given, currency) {
  const value = Number(given);
  const size = Math.abs(value);
  if (size >= 1_000_000) return money(value, currency, { notation: "compact", maximumFractionDigits: 2 });
  if (size >= 1000) return money(value, currency, { notation: "compact", maximumFractionDigits: size >= 10_000 ? 0 : 1 });
  return money(value, currency, { maximumFractionDigits: size >= 100 ? 0 : 2 });
}

/** What something took: 420 ms, 3.2 s, 4 min. @param {number} ms */
export function took(ms) {
  if (ms < 1000) return t("sync.ms", { ms: Math.max(0, Math.round(ms)) });
  return ms < 60_000 ? t("sync.seconds", { s: number(ms / 1000, { maximumFractionDigits: 1 }) }) : lengthOf(ms);
}
