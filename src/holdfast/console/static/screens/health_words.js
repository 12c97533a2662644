/** What the server's figures mean: well, worth a look, or bad; in a sentence, with what to do. Asks nothing. */

import { number, t } from "../core/i18n.js";
import { distanceOf, fullOf, lengthOf, whenOf } from "../core/time.js";

/** @typedef {{level: "well" | "look" | "bad", text: string, todo?: string}} Verdict */

const OVERDUE_BAD_S = 60;
const SLOW_MS = 100;
const QUEUE_SHARE = 0.5;
const BYTES = 1024 ** 3;

/** @param {number} seconds */
const ago = (seconds) => t("health.ago", { time: seconds < 60 ? t("health.seconds", { seconds: number(seconds, { maximumFractionDigits: 1 }) }) : distanceOf(seconds * 1000) });

/** @param {any} loop @returns {Verdict & {beat: string}} */
export function loopVerdict(loop) {
  const beat = loop.last_beat_s === null ? t("health.no_beat") : ago(loop.last_beat_s);
  if (!loop.running) return { level: "bad", text: t("health.loop_ended"), todo: t("health.loop_ended_todo"), beat };
  if (loop.lateness_s > 0) return { level: "bad", text: t("health.loop_silent", { time: lengthOf(loop.lateness_s * 1000) }), todo: t("health.loop_silent_todo"), beat };
  if (loop.failures > 0) return { level: "look", text: t("health.loop_fails", { n: loop.failures }), todo: t("health.loop_fails_todo"), beat };
  return { level: "well", text: t("health.loop_runs"), beat };
}

/** @param {any} told @returns {(Verdict & {name: string, icon: string, figure: string})[]} */
export const partVerdicts = (told) => [
  { name: "clock", icon: "clock", ...clockVerdict(told.overdue) },
  { name: "queue", icon: "list", ...queueVerdict(told.queue) },
  { name: "database", icon: "database", ...databaseVerdict(told.database) },
  { name: "disk", icon: "disk", ...diskVerdict(told.disk) },
  { name: "journal", icon: "history", ...journalVerdict(told.journal) },
  { name: "findings", icon: "search", ...findingsVerdict(told.findings.open, told.reconciling) },
];

/** @param {any} overdue @returns {Verdict & {figure: string}} */
function clockVerdict({ oldest, seconds }) {
  if (oldest === null) return { level: "well", figure: t("health.on_time"), text: t("health.clock_well") };
  const figure = t("health.behind", { time: lengthOf(seconds * 1000) });
  return { level: seconds > OVERDUE_BAD_S ? "bad" : "look", figure, text: t("health.clock_late", { at: fullOf(oldest) }), todo: t(seconds > OVERDUE_BAD_S ? "health.clock_bad_todo" : "health.clock_todo") };
}

/** @param {any} queue @returns {Verdict & {figure: string}} */
function queueVerdict({ waiting, waiting_max: most }) {
  const figure = t("health.waiting", { n: waiting });
  if (waiting < most * QUEUE_SHARE) return { level: "well", figure, text: t("health.queue_well", { most }) };
  return { level: "look", figure, text: t("health.queue_full", { most }), todo: t("health.queue_todo") };
}

/** @param {any} database @returns {Verdict & {figure: string}} */
function databaseVerdict({ reachable, latency_ms: latency, embedded }) {
  if (!reachable) return { level: "bad", figure: t("health.away"), text: t("health.database_away"), todo: t("health.database_todo") };
  const figure = t("health.answers_in", { ms: number(latency ?? 0, { maximumFractionDigits: 1 }) });
  const kind = t(embedded ? "health.embedded" : "health.of_its_own");
  if ((latency ?? 0) < SLOW_MS) return { level: "well", figure, text: `${t("health.database_well")} ${kind}` };
  return { level: "look", figure, text: `${t("health.database_slow")} ${kind}`, todo: t("health.database_slow_todo") };
}

/** @param {any} disk @returns {Verdict & {figure: string}} */
function diskVerdict({ free_bytes: free, low, commands_refused: refused }) {
  const figure = free === null ? t(low || refused ? "health.little_room" : "health.room") : t("health.free", { gib: number(free / BYTES, { maximumFractionDigits: 1 }) });
  if (refused) return { level: "bad", figure, text: t("health.disk_full"), todo: t("health.disk_todo") };
  if (low) return { level: "look", figure, text: t("health.disk_low"), todo: t("health.disk_todo") };
  return { level: "well", figure, text: t("health.disk_well") };
}

/** @param {any} journal @returns {Verdict & {figure: string}} */
const journalVerdict = ({ version, written_at: at, per_minute: rate }) => ({
  level: "well", figure: t("health.lines_a_minute", { n: rate, rate: number(rate, { maximumFractionDigits: 1 }) }),
  text: at === null ? t("health.journal_empty") : t("health.journal_well", { version, at: whenOf(at) }),
});

/** @param {number | null} open @param {any} pass @returns {Verdict & {figure: string}} */
function findingsVerdict(open, { at, took_ms: took }) {
  const looked = at === null ? t("health.not_looked") : t("health.looked", { at: whenOf(at), ms: Math.max(1, Math.round(took)) });
  const figure = t("health.open_findings", { n: open ?? 0 });
  return open ? { level: "look", figure, text: looked, todo: t("health.findings_todo") } : { level: "well", figure, text: looked };
}
