/** A schedule from close by: what it means, when it runs next, its rules in words, and its ledger: a line for every due instant. */

import { actorName } from "../core/actors.js";
import { html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { following } from "../core/follow.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { icon } from "../ui/icon.js";
import { openDialog } from "../ui/dialog.js";
import { empty } from "../ui/status.js";
import { openJob } from "./job_panel.js";
import { clockWords, DASH, drawn, inZone, jobBadge, jobLook, ticksToCome, tickWords, when, written, zoneWords } from "./jobs_words.js";
import { ruleWords } from "./rule_words.js";
import { pauseOrResume, remove, runNow } from "./schedule_acts.js";
import { openBackfill } from "./schedule_backfill.js";
import { openScheduleForm } from "./schedule_form.js";
import { preview } from "./schedules_list.js";

const EVERY_MS = 5_000;
const STEP = 60;
const TICKS_MAX = 500;
const SHOWN = 5;
const ASKED = 100;
const STATES = ["fired", "late", "skipped", "missed", "backfilled", "manual"];

/** @typedef {{at: string, state: string, reason: string | null, job: number | null, outcome: string | null}} Tick */

/** @param {number} id @param {() => void} then after each change */
export function openSchedule(id, then) {
  const [state, limit] = [signal(""), signal(STEP)];
  let [toCome, toComeOf] = [/** @type {any} */ (null), ""];
  const followed = following(async () => {
    const query = `limit=${limit.peek()}${state.peek() ? `&state=${state.peek()}` : ""}`;
    const [{ data: one }, { data: ledger }] = await Promise.all([ask("GET", `/api/schedules/${id}`), ask("GET", `/api/schedules/${id}/ticks?${query}`)]);
    const wanted = [one.schedule, one.time_zone, one.gap, one.fold, one.next_at].join("|");
    if (toComeOf !== wanted) [toCome, toComeOf] = [await preview(one, ASKED).catch(() => null), wanted];
    return { one, ticks: /** @type {Tick[]} */ (ledger.ticks), hasMore: ledger.next !== null && limit.peek() < TICKS_MAX, toCome };
  }, EVERY_MS);
  followed.start();
  const again = () => { followed.now(); then(); };
  const stop = effect(() => { state.value; limit.value; followed.now(); });
  const one = () => followed.value.value?.one;
  const opened = openDialog({
    kind: "drawer", title: () => one()?.name ?? t("jobs.schedule"),
    under: () => { const found = one(); return found ? html`<p class="row wrap">${jobBadge(found.active ? "on" : "paused")}<span class="soft">${ruleWords(found.means)}</span></p>` : null; },
    body: () => drawn(followed, (value) => body(value, { state, limit, again })),
    foot: () => { const found = one(); return found ? foot(found, again, () => opened.close()) : null; },
  });
  opened.element.classList.add("roomy");
  opened.closed.then(() => { stop(); followed.stop(); });
  return opened;
}

/** @param {any} one @param {() => void} again @param {() => void} close */
const foot = (one, again, close) => html`
  <button type="button" class="button quiet danger-text" @click=${async () => { if (await remove(one, again)) close(); }}>${icon("trash")}${t("schedule.remove")}</button>
  <span class="grow wide-only"></span>
  <button type="button" class="button" @click=${() => openScheduleForm(one, again)}>${icon("edit")}${t("schedule.edit")}</button>
  <button type="button" class="button" @click=${() => pauseOrResume(one, again)}>${icon(one.active ? "pause" : "redo")}${t(one.active ? "schedule.pause" : "schedule.resume")}</button>
  <button type="button" class="button primary" @click=${() => runNow(one, again)}>${icon("play")}${t("schedule.run")}</button>`;

/** @param {{one: any, ticks: Tick[], hasMore: boolean, toCome: any}} value @param {any} ledger */
function body({ one, ticks, hasMore, toCome }, ledger) {
  return html`
    <section class="section"><h3>${t("schedule.to_come", { zone: zoneWords(one.time_zone) })}</h3>
      ${!one.active ? html`<p class="soft">${t("schedule.paused_text")}</p>` : toCome ? ticksToCome(toCome, one.time_zone, SHOWN) : html`<p class="soft">${t("schedule.no_ticks")}</p>`}</section>
    <section class="section"><h3>${t("schedule.what")}</h3><dl class="facts">
      <dt>${t("schedule.rule")}</dt><dd><code>${one.schedule}</code></dd>
      <dt>${t("jobs.function")}</dt><dd class="mono small">${one.function}</dd>
      <dt>${t("jobs.args")}</dt><dd>${written(one.args)}</dd>
      <dt>${t("schedule.missed")}</dt><dd>${t(`schedule.missed_${one.missed}`)}</dd>
      <dt>${t("schedule.overlap")}</dt><dd>${t(`schedule.overlap_${one.overlap}`)}</dd>
      <dt>${t("schedule.clocks")}</dt><dd>${clockWords(one.when_clocks_change)}</dd>
      <dt>${t("schedule.runs")}</dt><dd>${t("schedule.ended_well", { well: one.runs - one.failures, n: one.runs })}</dd>
      ${one.last_error ? html`<dt>${t("jobs.error")}</dt><dd class="mono small">${one.last_error}</dd>` : null}
      <dt>${t("schedule.changed")}</dt><dd>${when(one.changed_at)}${one.changed_by ? ` · ${actorName(one.changed_by)}` : ""}</dd></dl></section>
    <section class="section"><div class="row ledger-head"><h3 class="grow">${t("schedule.ledger")}</h3>
      <button type="button" class="button small" @click=${() => openBackfill(one, ledger.again)}>${icon("history", "small")}${t("schedule.backfill")}</button></div>
      ${chips(ledger)}
      ${ticks.length === 0 ? empty({ icon: "history", title: t(ledger.state.value ? "jobs.none_match" : "schedule.no_lines"), text: t("schedule.no_lines_text") }) : html`${strip(ticks)}${lines(ticks, one, ledger)}`}
      ${hasMore ? html`<p class="more"><button type="button" class="button small" @click=${() => { ledger.limit.value = Math.min(TICKS_MAX, ledger.limit.peek() + 2 * STEP); }}>${t("jobs.more")}</button></p>` : null}</section>`;
}

/** States to choose from; the strip's legend, too. @param {any} ledger */
const chips = (ledger) => html`<div class="chips small-chips" role="group" aria-label=${t("schedule.filter")}>${STATES.map((state) => {
  const look = jobLook(state);
  return html`<button type="button" class="chip tone-${look.tone}" aria-pressed=${String(ledger.state.value === state)} @click=${() => { ledger.state.value = ledger.state.peek() === state ? "" : state; }}>${icon(look.icon)}${look.word}</button>`;
})}</div>`;

/** The newest at the right, as calendars have it. @param {Tick[]} ticks */
function strip(ticks) {
  const shown = ticks.slice(0, STEP).reverse();
  /** @type {Map<string, number>} */ const counts = new Map();
  for (const { state } of shown) counts.set(state, (counts.get(state) ?? 0) + 1);
  const label = [...counts].map(([state, n]) => `${n} ${jobLook(state).word}`).join(", ");
  return html`<div class="tick-strip" role="img" aria-label=${label}>${shown.map(({ state, outcome }) => html`<i class="tone-${jobLook(state).tone} tick-${state} ${outcome && !["succeeded", "waiting", "running"].includes(outcome) ? "went-wrong" : ""}"></i>`)}</div>`;
}

/** @param {Tick[]} ticks @param {any} one @param {any} ledger */
const lines = (ticks, one, ledger) => html`<div class="table-wrap"><table class="table ledger" aria-label=${t("schedule.ledger")}>
  <thead><tr><th scope="col">${t("schedule.instant")}</th><th scope="col">${t("schedule.became")}</th><th scope="col">${t("jobs.job")}</th></tr></thead>
  <tbody>${ticks.map((tick) => html`<tr><th scope="row"><time datetime=${tick.at}>${inZone(tick.at, one.time_zone)}</time></th>
    <td><span class="two-lines">${jobBadge(tick.state)}${tick.reason ? html`<span class="small soft">${tickWords(tick.reason)}</span>` : null}</span></td>
    <td>${tick.job === null ? DASH : html`<button type="button" class="button quiet small job-link" @click=${() => openJob(/** @type {number} */ (tick.job), ledger.again)}>${tick.outcome ? jobBadge(tick.outcome) : null}<span class="mono">#${tick.job}</span></button>`}</td></tr>`)}</tbody></table></div>`;
