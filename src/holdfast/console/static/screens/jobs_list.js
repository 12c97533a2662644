/** Jobs that wait, that run, and attempts that have ended: why not, how far, how it went. */

import { html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { following } from "../core/follow.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { inAddress, keepInAddress } from "../core/page.js";
import { lengthOf, second } from "../core/time.js";
import { segments } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { empty, meter } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { cancel, canStart, startNow } from "./job_acts.js";
import { openJob } from "./job_panel.js";
import { ownerLine, tenantWanted } from "./jobs_of.js";
import { DASH, drawn, farOff, jobBadge, jobLook, shareOf, took, when } from "./jobs_words.js";

const EVERY_MS = 3_000;
const STEP = 100;
const SHOWN_MAX = 500;
const STAGES = ["waiting", "running", "ended"];
const OUTCOMES = ["succeeded", "failed", "dead", "cancelled", "lost", "stopped"];

/** @returns {import("./jobs.js").Tab} */
export function jobsTab() {
  const chosen = { stage: signal(STAGES.includes(inAddress("stage")) ? inAddress("stage") : "waiting"), queue: signal(inAddress("queue")), outcome: signal(inAddress("outcome")), limit: signal(STEP) };
  const order = signal({ name: "", down: false });
  const queues = signal(/** @type {string[]} */ ([]));
  const followed = following(() => load(chosen, queues), EVERY_MS);
  const again = () => followed.now();
  let isFirst = true;
  effect(() => {
    keepInAddress({ stage: chosen.stage.value === "waiting" ? null : chosen.stage.value, queue: chosen.queue.value, outcome: chosen.outcome.value });
    chosen.limit.value;
    // what was found for other wishes is not shown for these
    if (!isFirst) { followed.value.value = null; followed.now(); }
    isFirst = false;
  });
  return {
    name: "jobs", icon: "list", followed,
    tools: () => tools(chosen, queues, () => saveCsv(`jobs-${chosen.stage.peek()}.csv`, columnsOf(chosen.stage.peek(), again), followed.value.peek()?.rows ?? [])),
    draw: () => drawn(followed, (value) => {
      const { stage, rows } = value;
      if (rows.length === 0) return empty({ icon: stage === "running" ? "pause" : "check-circle", title: t(`jobs.none_${stage}`), text: t(`jobs.none_${stage}_text`) });
      return html`${table({
        label: jobLook(stage).word, columns: columnsOf(stage, again), rows, key: (row) => `${row.id ?? row.job}.${row.attempt}`, order: order.value,
        onOrder: (next) => { order.value = next; }, onOpen: (row) => openJob(row.id ?? row.job, again),
      })}${rows.length >= chosen.limit.value ? more(chosen) : null}`;
    }),
  };
}

/** @param {any} chosen */
const more = (chosen) => (chosen.limit.value >= SHOWN_MAX ? html`<p class="more muted small">${t("jobs.most", { n: SHOWN_MAX })}</p>`
  : html`<p class="more"><button type="button" class="button small" @click=${() => { chosen.limit.value = SHOWN_MAX; }}>${t("jobs.more")}</button></p>`);

/** @param {any} chosen @param {import("../core/signals.js").Signal<string[]>} queues */
async function load(chosen, queues) {
  const [stage, queue, outcome, limit] = [chosen.stage.peek(), chosen.queue.peek(), chosen.outcome.peek(), chosen.limit.peek()];
  const query = new URLSearchParams({ limit: String(limit), ...(queue ? { queue } : {}), ...tenantWanted() });
  if (queues.peek().length === 0) {
    const { data } = await ask("GET", "/api/functions");
    queues.value = [...new Set(data.functions.map((/** @type {any} */ one) => one.queue))].sort();
  }
  if (stage === "ended") {
    if (outcome) query.set("outcome", outcome);
    return { stage, rows: (await ask("GET", `/api/runs?${query}`)).data.runs };
  }
  query.set("state", stage);
  return { stage, rows: (await ask("GET", `/api/jobs?${query}`)).data.jobs };
}

/** @param {any} chosen @param {import("../core/signals.js").Signal<string[]>} queues @param {() => void} save */
function tools(chosen, queues, save) {
  const select = (/** @type {string} */ name, /** @type {string} */ label, /** @type {{value: string, label: string}[]} */ options) => html`<select class="input filter" aria-label=${label} @change=${(/** @type {any} */ event) => { chosen[name].value = event.target.value; }}>
    ${options.map((one) => html`<option value=${one.value} ?selected=${one.value === chosen[name].value}>${one.label}</option>`)}</select>`;
  const known = [...new Set([chosen.queue.value, ...queues.value])].filter(Boolean);
  return html`${segments({ label: t("jobs.stage"), value: chosen.stage.value, onChange: (value) => { chosen.stage.value = value; }, options: STAGES.map((value) => ({ value, label: t(`jobs.stage_${value}`), icon: { waiting: "clock", running: "play", ended: "check" }[value] ?? "list" })) })}
    ${select("queue", t("jobs.queue"), [{ value: "", label: t("jobs.all_queues") }, ...known.map((value) => ({ value, label: value }))])}
    ${chosen.stage.value === "ended" ? select("outcome", t("jobs.outcome"), [{ value: "", label: t("jobs.all_outcomes") }, ...OUTCOMES.map((value) => ({ value, label: jobLook(value).word }))]) : null}
    <span class="push">${csvButton(save)}</span>`;
}

/** @param {string} stage @param {() => void} again @returns {import("../ui/table.js").Column<any>[]} */
const columnsOf = (stage, again) => ({ waiting: waiting(again), running: running(again), ended: ended() })[stage] ?? [];

/** @param {any} row */
const name = (row) => html`<span class="two-lines"><span class="strong">${row.function}</span><span class="small muted mono">#${row.id ?? row.job}</span>${ownerLine(row.tenant)}</span>`;
const head = () => ({ name: "function", label: t("jobs.function"), isHead: true, draw: name, value: (/** @type {any} */ row) => row.function, csv: (/** @type {any} */ row) => `${row.function} #${row.id ?? row.job}` });
const queue = () => ({ name: "queue", label: t("jobs.queue"), wide: true, draw: (/** @type {any} */ row) => row.queue, value: (/** @type {any} */ row) => row.queue });
const attempt = () => ({ name: "attempt", label: t("jobs.attempt"), wide: true, number: true, draw: (/** @type {any} */ row) => row.attempt, value: (/** @type {any} */ row) => row.attempt });
/** @param {any} row @param {() => void} again */
const cancelButton = (row, again) => html`<button type="button" class="button quiet icon-only" aria-label=${t("jobs.cancel_of", { job: `#${row.id}` })} data-tip=${t("jobs.cancel")} ?disabled=${Boolean(row.cancelled_by)} @click=${() => cancel(row, again)}>${icon("cross")}</button>`;

/** @param {() => void} again @returns {import("../ui/table.js").Column<any>[]} */
const waiting = (again) => [
  head(),
  { name: "why", label: t("jobs.why_not"), draw: (row) => html`<span class="row why-cell"><span>${() => whyShort(row)}</span><button type="button" class="button quiet small" aria-label=${t("jobs.why_of", { job: `#${row.id}` })} @click=${() => openJob(row.id, again)}>${t("jobs.why")}</button></span>` },
  queue(),
  { name: "priority", label: t("jobs.priority"), wide: true, draw: (row) => t(`jobs.priority_${row.priority}`), value: (row) => row.priority },
  attempt(),
  { name: "created", label: t("jobs.created"), wide: true, draw: (row) => when(row.created_at), value: (row) => row.created_at },
  { name: "acts", label: t("jobs.acts"), isQuiet: true, narrow: true, wide: true, draw: (row) => html`<span class="row row-acts">${canStart(row) ? html`<button type="button" class="button quiet icon-only" aria-label=${t("jobs.start_of", { job: `#${row.id}` })} data-tip=${t("jobs.start")} @click=${() => startNow(row, again)}>${icon("play")}</button>` : null}${cancelButton(row, again)}</span>` },
];

/** What the list knows of it; all reasons are one click away. @param {any} row */
function whyShort(row) {
  if (row.waits_for) return t("jobs.waits_for", { n: row.waits_for });
  if (row.parked_on) return t("jobs.held_by", { key: row.parked_on });
  if (canStart(row)) return html`${t(row.attempt > 0 ? "jobs.tries_again" : "jobs.starts")} ${farOff(row.run_at)}`;
  return t("jobs.is_due");
}

/** @param {() => void} again @returns {import("../ui/table.js").Column<any>[]} */
const running = (again) => [
  head(),
  { name: "progress", label: t("jobs.how_far"), draw: (row) => progress(row), value: (row) => shareOf(row.progress) },
  { name: "since", label: t("jobs.since"), draw: (row) => html`${() => lengthOf(second.value - Date.parse(row.started_at), true)}`, value: (row) => row.started_at },
  queue(), attempt(),
  { name: "worker", label: t("jobs.worker"), wide: true, draw: (row) => html`<span class="mono small">${row.worker}</span>`, value: (row) => row.worker },
  { name: "acts", label: t("jobs.acts"), isQuiet: true, narrow: true, wide: true, draw: (row) => html`<span class="row row-acts">${row.cancelled_by ? html`<span class="small muted">${t("jobs.is_ending")}</span>` : null}${cancelButton(row, again)}</span>` },
];

/** @param {any} row */
function progress(row) {
  if (!row.progress) return html`<span class="muted">${t("jobs.says_nothing")}</span>`;
  const { done, total, note } = row.progress;
  const words = total ? t("jobs.progress", { done, total }) : t("jobs.done_so_far", { n: done });
  return html`<span class="two-lines progress-cell tone-busy">${total ? meter(() => shareOf(row.progress), words) : null}<span class="small soft">${note ? `${note} · ` : ""}${words}</span></span>`;
}

/** @returns {import("../ui/table.js").Column<any>[]} */
const ended = () => [
  head(),
  { name: "outcome", label: t("jobs.outcome"), draw: (row) => html`<span class="two-lines">${jobBadge(row.outcome)}${row.error ? html`<span class="small mono clamped">${row.error}</span>` : null}</span>`, value: (row) => row.outcome },
  { name: "finished", label: t("jobs.finished"), wide: true, draw: (row) => when(row.finished_at), value: (row) => row.finished_at },
  { name: "took", label: t("jobs.took"), wide: true, number: true, draw: (row) => (row.took_ms === undefined ? DASH : took(row.took_ms)), value: (row) => row.took_ms ?? null },
  { name: "waited", label: t("jobs.waited"), wide: true, number: true, draw: (row) => (row.waited_ms === undefined ? DASH : took(Math.max(0, row.waited_ms))), value: (row) => row.waited_ms ?? null },
  queue(), attempt(),
];
