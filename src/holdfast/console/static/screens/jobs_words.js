/** Jobs, attempts and ticks in words: what their states look like, times in a schedule's zone, reasons in the viewer's language. */

import { html } from "../core/html.js";
import { hasWords, language, locale, number, t } from "../core/i18n.js";
import { clock, distanceOf, inOneLine, lengthOf, minute, whenOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { banner, tag } from "../ui/status.js";

/** @type {Record<string, [tone: string, icon: string]>} */
const LOOKS = {
  waiting: ["next", "clock"], running: ["busy", "play"],
  succeeded: ["free", "check-circle"], failed: ["soon", "warning"], dead: ["bad", "alert"], cancelled: ["off", "cross"], lost: ["soon", "offline"], stopped: ["off", "stop"],
  fired: ["free", "check"], late: ["soon", "clock"], skipped: ["off", "minus"], missed: ["bad", "eye-off"], backfilled: ["wait", "history"], manual: ["next", "user"],
  on: ["free", "check-circle"], paused: ["soon", "pause"], live: ["free", "live"], silent: ["bad", "offline"], stopping: ["off", "stop"],
};

/** The look of a job, an attempt, a tick, a schedule, a worker. @param {string} state */
export function jobLook(state) {
  const [tone, name] = LOOKS[state] ?? ["off", "question"];
  return { tone, icon: name, word: hasWords(`jobs.state_${state}`) ? t(`jobs.state_${state}`) : state };
}

/** @param {string} state */
export function jobBadge(state) {
  const look = jobLook(state);
  return tag(look.tone, look.icon, look.word);
}

export const DASH = html`<span class="muted">–</span>`;

/** The zone of the browser: jobs are of no site. */
export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** @param {string} zone */
export const zoneWords = (zone) => zone.replaceAll("_", " ");

/** @type {Map<string, {day: Intl.DateTimeFormat, time: Intl.DateTimeFormat, seconds: Intl.DateTimeFormat, date: Intl.DateTimeFormat}>} */ const zones = new Map();

/** An instant as the clocks of a zone show it, with the day where it is not today there. @param {string} at @param {string} zone */
export function inZone(at, zone) {
  let found = zones.get(zone);
  if (found === undefined) {
    const format = (/** @type {Intl.DateTimeFormatOptions} */ options) => new Intl.DateTimeFormat(locale, { timeZone: zone, ...options });
    found = {
      day: format({ weekday: "short", day: "numeric", month: "short" }), date: format({ dateStyle: "short" }),
      time: format({ hour: "2-digit", minute: "2-digit" }), seconds: format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    };
    zones.set(zone, found);
  }
  const instant = new Date(at);
  const time = inOneLine(instant.getUTCSeconds() === 0 ? found.time : found.seconds, instant);
  return found.date.format(instant) === found.date.format(clock.now()) ? time : `${found.day.format(instant)}, ${time}`;
}

/** How far off an instant is: "in 5 min", "5 min ago"; counted along. @param {string} at */
export function farOff(at) {
  minute.value;
  const ms = Date.parse(at) - clock.now();
  if (Math.abs(ms) < 60_000) return t(ms > 0 ? "jobs.in_a_minute" : "jobs.just_now");
  return t(ms > 0 ? "jobs.in" : "jobs.ago", { length: distanceOf(Math.abs(ms)) });
}

/** @param {string | null | undefined} at */
export const when = (at) => (at ? html`<time datetime=${at} title=${() => farOff(at)}>${whenOf(at)}</time>` : DASH);

/** How long something took: 420 ms, 3.2 s, 4 min. @param {number} ms */
export function took(ms) {
  if (ms < 1000) return `${number(Math.round(ms))} ms`;
  return ms < 60_000 ? `${number(ms / 1000, { maximumFractionDigits: 1 })} s` : lengthOf(ms);
}

/** A sentence that only the server can make: it says it in English. @param {string} text */
export const asSaid = (text) => (language === "en" ? html`${text}` : html`<span lang="en">${text}</span>`);

/** Why a job is not running. @param {{why: string, says: string, data: any}} reason */
export function whyWords({ why, says, data }) {
  const key = `jobs.why_${why}`;
  if (!hasWords(key)) return asSaid(says);
  const holders = (data.holders ?? []).slice(0, 5).join(", ") || "–";
  const state = data.state ? jobLook(data.state).word : "";
  return html`${t(`jobs.why_${why}`, { ...data, job: String(data.job ?? ""), holders, state, n: data.ahead ?? data.unfinished ?? 0, at: data.at ? whenOf(data.at) : "", attempt: data.attempt ?? 0 })}${data.by && why === "queue_paused" ? ` (${data.by})` : ""}`;
}

/** @type {[RegExp, string, string[]][]} */
const TICK_REASONS = [
  [/^paused by (.+)$/, "jobs.tick_paused", ["by"]], [/^(?:overlap|unique): job (\d+) has not ended$/, "jobs.tick_overlap", ["job"]],
  [/^asked for by (.+)$/, "jobs.tick_asked", ["by"]], [/^overlap: the one before it has not ended$/, "jobs.tick_overlap_one", []], [/^overlap: replaced/, "jobs.tick_replaced", []],
  [/^([\d.]+) s late$/, "jobs.tick_late", ["seconds"]], [/^down: .* missed ticks are skipped$/, "jobs.tick_down_skip", []],
  [/^down: .* before the catch-up window$/, "jobs.tick_down_old", []], [/^down: .* only the last missed tick/, "jobs.tick_down_last", []],
];

/** Why a tick did not do what it says on the calendar. @param {string} reason as the ledger has it */
export function tickWords(reason) {
  for (const [pattern, key, names] of TICK_REASONS) {
    const found = pattern.exec(reason);
    if (found) return t(key, Object.fromEntries(names.map((name, at) => [name, found[at + 1]])));
  }
  return asSaid(reason);
}

/** What changes of clocks do to a schedule. @param {string} said */
export function clockWords(said) {
  if (!said.startsWith("a time that clocks skip")) return said === "" ? "" : t("jobs.clocks_none");
  const gap = t(said.includes("right after the gap") ? "jobs.gap_runs" : "jobs.gap_not");
  return t("jobs.clocks", { gap, fold: t(said.includes("both times") ? "jobs.fold_both" : "jobs.fold_once") });
}

/** A tick that a change of clocks moves, drops or doubles. @param {{kind: string, says: string, at: string}} warned @param {string} zone */
export function warningWords(warned, zone) {
  const local = /^(\S+ \S+) /.exec(warned.says)?.[1];
  const key = `jobs.warn_${warned.kind}`;
  return local && hasWords(key) ? t(`jobs.warn_${warned.kind}`, { local, at: inZone(warned.at, zone), zone: zoneWords(zone) }) : asSaid(warned.says);
}

/** Ticks to come, each with what a change of clocks does to it. @param {{ticks: {at: string}[], warnings: any[]}} preview @param {string} zone @param {number} count */
export const ticksToCome = (preview, zone, count) => html`
  <ol class="tick-list">${preview.ticks.slice(0, count).map(({ at }) => html`<li><time datetime=${at} class="grow">${inZone(at, zone)}</time><span class="muted small">${() => farOff(at)}</span></li>`)}</ol>
  ${preview.warnings.slice(0, 3).map((warned) => banner("soon", "warning", html`<p>${warningWords(warned, zone)}</p>`))}`;

/** Why nothing can be shown, with a way to ask again. @param {any} problem @param {() => void} again */
export const failed = (problem, again) => html`<div role="alert">${banner("bad", "alert", html`<p class="strong">${problem.message}</p>
  <p><button type="button" class="button small" @click=${again}>${icon("refresh", "small")}${t("jobs.again")}</button></p>`)}</div>`;

/** Lines where something will stand. */
export const waitingLines = () => html`<div class="stack" role="status" aria-label=${t("jobs.loading")}>${[0, 1, 2, 3, 4].map((at) => html`<div class=${`skeleton line ${at % 3 === 2 ? "short" : ""}`}></div>`)}</div>`;

/** What was followed, or why there is nothing yet. @template T @param {{value: {value: T | null}, problem: {value: any}, now: () => void}} followed @param {(value: T) => any} draw */
export function drawn(followed, draw) {
  const value = followed.value.value;
  const problem = followed.problem.value;
  if (value === null) return problem ? failed(problem, followed.now) : waitingLines();
  return html`${problem ? failed(problem, followed.now) : null}${draw(value)}`;
}

/** JSON as people read it, or nothing for an empty object. @param {any} value */
export function written(value) {
  if (value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0)) return DASH;
  return html`<pre class="code" tabindex="0">${JSON.stringify(value, null, 2)}</pre>`;
}

/** @param {any} progress of a running job */
export const shareOf = (progress) => (progress?.total > 0 ? Math.min(1, progress.done / progress.total) : 0);
