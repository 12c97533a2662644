/** Schedules: each in plain words, when it runs next and what clocks do to that, how its last runs ended; run, pause, open. */

import { html, svg } from "../core/html.js";
import { signal } from "../core/signals.js";
import { following } from "../core/follow.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { icon } from "../ui/icon.js";
import { empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { DASH, drawn, farOff, inZone, jobBadge, jobLook, ownZone, warningWords, when, zoneWords } from "./jobs_words.js";
import { ruleText, ruleWords } from "./rule_words.js";
import { pauseOrResume, runNow } from "./schedule_acts.js";
import { ownerLine, tenantWanted } from "./jobs_of.js";
import { openScheduleForm } from "./schedule_form.js";
import { openSchedule } from "./schedule_panel.js";

const EVERY_MS = 5_000;
const SHOWN_MAX = 500;
const RUNS_MAX = 500;
const BARS = 16;
const PREVIEWS_MAX = 100;
const SOON = 10;

/** @typedef {any} Schedule as the API tells it */

/** @type {Map<string, any>} What each rule means next; asked for once for each next tick. */ const previews = new Map();
const previewed = signal(0);

/** @param {Schedule} one */
const keyOf = (one) => [one.schedule, one.time_zone, one.gap, one.fold, one.next_at].join("|");

/** @returns {import("./jobs.js").Tab} */
export function schedulesTab() {
  const order = signal({ name: "next", down: false });
  const find = signal("");
  const followed = following(load, EVERY_MS);
  const again = () => followed.now();
  const shown = (/** @type {any} */ { schedules }) => {
    const wanted = find.value.toLowerCase();
    return schedules.filter((/** @type {Schedule} */ one) => `${one.name} ${one.function} ${ruleText(one.means) ?? one.means} ${one.schedule}`.toLowerCase().includes(wanted));
  };
  return {
    name: "schedules", icon: "clock", followed, count: () => followed.value.value?.schedules.length ?? null,
    tools: () => html`<div class="search">${icon("search")}<input class="input" type="search" aria-label=${t("schedule.find")} placeholder=${t("schedule.find")} .value=${find.peek()} @input=${(/** @type {any} */ event) => { find.value = event.target.value; }}></div>
      ${csvButton(() => saveCsv("schedules.csv", columns(new Map(), again), shown(followed.value.peek() ?? { schedules: [] })))}`,
    draw: () => drawn(followed, (value) => {
      if (value.schedules.length === 0) {
        return empty({ icon: "clock", title: t("schedule.none"), text: t("schedule.none_text"), action: html`<button type="button" class="button" @click=${() => openScheduleForm(null, again)}>${icon("plus")}${t("schedule.new")}</button>` });
      }
      const rows = shown(value);
      if (rows.length === 0) return empty({ icon: "search", title: t("jobs.none_match"), text: t("jobs.none_match_text") });
      return table({
        label: t("jobs.tab_schedules"), columns: columns(value.runs, again), rows, key: (one) => one.id, order: order.value,
        onOrder: (next) => { order.value = next; }, onOpen: (one) => openSchedule(one.id, again),
      });
    }),
  };
}

async function load() {
  const [{ data: page }, { data: past }] = await Promise.all([ask("GET", `/api/schedules?${new URLSearchParams({ limit: String(SHOWN_MAX), ...tenantWanted() })}`), ask("GET", `/api/runs?${new URLSearchParams({ limit: String(RUNS_MAX), ...tenantWanted() })}`)]);
  /** @type {Map<number, any[]>} */ const runs = new Map();
  for (const run of past.runs) if (run.schedule && (runs.get(run.schedule)?.length ?? 0) < BARS) runs.set(run.schedule, [run, ...(runs.get(run.schedule) ?? [])]);
  look(page.schedules);
  return { schedules: page.schedules, runs };
}

/** Asks what clocks do to the next ticks: of each rule once, one after the other. @param {Schedule[]} schedules */
async function look(schedules) {
  const wanted = new Map(schedules.filter(({ active }) => active).slice(0, PREVIEWS_MAX).map((one) => [keyOf(one), one]));
  for (const key of previews.keys()) if (!wanted.has(key)) previews.delete(key);
  for (const [key, one] of wanted) {
    if (previews.has(key)) continue;
    previews.set(key, null);
    try {
      previews.set(key, await preview(one, SOON));
      previewed.value += 1;
    } catch {
      // the row says what it says without it; the next look asks again
      previews.delete(key);
    }
  }
}

/** @param {Schedule} one @param {number} count */
export async function preview(one, count) {
  const query = new URLSearchParams({ schedule: one.schedule, time_zone: one.time_zone, gap: one.gap, fold: one.fold, count: String(count) });
  return (await ask("GET", `/api/schedules/preview?${query}`)).data;
}

/** @param {Map<number, any[]>} runs @param {() => void} again @returns {import("../ui/table.js").Column<Schedule>[]} */
const columns = (runs, again) => [
  { name: "name", label: t("schedule.name"), isHead: true, draw: (one) => html`<span class="two-lines"><span class="strong">${one.name}</span><span class="small soft means">${ruleWords(one.means)}</span>${ownerLine(one.tenant)}</span>`, value: (one) => one.name },
  { name: "rule", label: t("schedule.rule"), wide: true, draw: (one) => html`<span class="two-lines"><code>${one.schedule}</code><span class="small muted">${zoneWords(one.time_zone)}</span></span>`, value: (one) => one.schedule },
  { name: "function", label: t("jobs.function"), wide: true, draw: (one) => html`<span class="mono small">${one.function}</span>`, value: (one) => one.function },
  { name: "next", label: t("schedule.next"), draw: next, value: (one) => (one.active ? one.next_at : null), csv: (one) => one.next_at ?? "" },
  { name: "last", label: t("schedule.last"), draw: (one) => last(one), value: (one) => one.last_outcome },
  { name: "runs", label: t("schedule.runs"), wide: true, draw: (one) => bars(one, runs.get(one.id) ?? []), value: (one) => one.runs, csv: (one) => `${one.runs - one.failures}/${one.runs}` },
  { name: "acts", label: t("jobs.acts"), isQuiet: true, narrow: true, wide: true, draw: (one) => html`<span class="row row-acts">
    <button type="button" class="button quiet icon-only" aria-label=${t("schedule.run_of", { name: one.name })} data-tip=${t("schedule.run")} @click=${() => runNow(one, again)}>${icon("play")}</button>
    <button type="button" class="button quiet icon-only" aria-label=${t(one.active ? "schedule.pause_of" : "schedule.resume_of", { name: one.name })} data-tip=${t(one.active ? "schedule.pause" : "schedule.resume")} @click=${() => pauseOrResume(one, again)}>${icon(one.active ? "pause" : "redo")}</button></span>` },
];

/** @param {Schedule} one */
function next(one) {
  if (!one.active) return jobBadge("paused");
  if (one.next_at === null) return DASH;
  return html`<span class="two-lines"><time datetime=${one.next_at}>${inZone(one.next_at, one.time_zone)}</time><span class="small muted">${() => farOff(one.next_at)}${one.time_zone === ownZone ? null : ` · ${zoneWords(one.time_zone)}`}</span>
    ${() => { previewed.value; return warned(one); }}</span>`;
}

/** @param {Schedule} one */
function warned(one) {
  const [first] = previews.get(keyOf(one))?.warnings ?? [];
  return first ? html`<span class="small warned">${icon("warning", "small")}${warningWords(first, one.time_zone)}</span>` : null;
}

/** @param {Schedule} one */
function last(one) {
  if (one.last_outcome === null) return html`<span class="muted">${t("schedule.never")}</span>`;
  return html`<span class="two-lines">${jobBadge(one.last_outcome)}<span class="small muted">${when(one.last_run_at)}</span></span>`;
}

/** The last runs, oldest first: a bar's height is how long it took, its tone and shape how it ended. @param {Schedule} one @param {any[]} runs */
function bars(one, runs) {
  const ended = t("schedule.ended_well", { well: one.runs - one.failures, n: one.runs });
  if (runs.length === 0) return one.runs === 0 ? DASH : html`<span class="small muted">${ended}</span>`;
  const longest = Math.max(...runs.map(({ took_ms: ms }) => ms ?? 0), 1);
  return html`<span class="two-lines"><svg class="bars" viewBox="0 0 ${BARS * 6} 24" role="img" aria-label=${ended}>${runs.map((run, at) => {
    // by its root: one long run among short ones does not flatten all others
    const height = 4 + 18 * Math.sqrt((run.took_ms ?? 0) / longest);
    const isWell = run.outcome === "succeeded";
    return svg`<g class="tone-${jobLook(run.outcome).tone}"><rect x=${at * 6} y=${(24 - height).toFixed(1)} width="4" height=${height.toFixed(1)} rx="1"></rect>${isWell ? null : svg`<rect x=${at * 6} y="0" width="4" height="2" rx="1"></rect>`}</g>`;
  })}</svg><span class="small muted">${ended}</span></span>`;
}
