/** Queues with what waits in them, their workers and their limits: pause, let go on, allow more or less. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { following } from "../core/follow.js";
import { number, t } from "../core/i18n.js";
import { distanceOf } from "../core/time.js";
import { ask } from "../core/api.js";
import { icon } from "../ui/icon.js";
import { empty, meter } from "../ui/status.js";
import { done, toast } from "../ui/toast.js";
import { table } from "../ui/table.js";
import { openLimit } from "./jobs_limit.js";
import { DASH, drawn, jobBadge, took, when } from "./jobs_words.js";

const EVERY_MS = 5_000;
const LIMITS_MAX = 500;

/** @returns {import("./jobs.js").Tab} */
export function queuesTab() {
  const [order, crew] = [signal({ name: "queue", down: false }), signal({ name: "name", down: false })];
  const followed = following(async () => {
    const [{ data }, { data: limited }] = await Promise.all([ask("GET", "/api/queues"), ask("GET", `/api/limits?limit=${LIMITS_MAX}`)]);
    return { ...data, limits: limited.limits };
  }, EVERY_MS);
  const again = () => followed.now();
  return {
    name: "queues", icon: "menu", followed,
    draw: () => drawn(followed, ({ queues, workers, limits }) => html`
      <section class="tile-group"><header class="group-head"><h2>${t("jobs.tab_queues")}</h2></header>
        ${table({ label: t("jobs.tab_queues"), columns: queueColumns(limits, again), rows: queues, key: ({ queue }) => queue, order: order.value, onOrder: (next) => { order.value = next; } })}</section>
      <section class="tile-group"><header class="group-head"><h2>${t("jobs.workers")}</h2></header>
        ${workers.length === 0 ? empty({ icon: "offline", title: t("jobs.no_workers"), text: t("jobs.no_workers_text") }) : table({ label: t("jobs.workers"), columns: workerColumns(), rows: workers, key: ({ id }) => id, order: crew.value, onOrder: (next) => { crew.value = next; } })}</section>
      <section class="tile-group"><header class="group-head"><h2 class="grow">${t("jobs.limits")}</h2><button type="button" class="button small" @click=${() => openLimit(null, again)}>${icon("plus", "small")}${t("jobs.new_limit")}</button></header>
        ${limits.length === 0 ? html`<p class="soft">${t("jobs.no_limits")}</p>` : table({ label: t("jobs.limits"), columns: limitColumns(again), rows: limits, key: ({ key }) => key, order: { name: "key", down: false }, onOrder: () => {}, onOpen: (limit) => openLimit(limit, again) })}</section>`),
  };
}

/** @param {any} row @param {() => void} again */
const pauseOrResume = (row, again) => done(async () => {
  const act = (/** @type {boolean} */ pause) => ask("POST", `/api/queues/${encodeURIComponent(row.queue)}/${pause ? "pause" : "resume"}`);
  const isPaused = row.paused_at !== null;
  await act(!isPaused);
  toast(t(isPaused ? "jobs.queue_resumed" : "jobs.queue_paused", { queue: row.queue }), { act: { label: t("jobs.undo"), run: () => { done(async () => { await act(isPaused); }, again); } } });
}, again);

/** @param {any[]} limits @param {() => void} again @returns {import("../ui/table.js").Column<any>[]} */
const queueColumns = (limits, again) => [
  { name: "queue", label: t("jobs.queue"), isHead: true, draw: (row) => row.queue, value: (row) => row.queue },
  { name: "state", label: t("jobs.state"), draw: (row) => html`<span class="two-lines">${jobBadge(row.paused_at ? "paused" : "on")}${row.paused_at ? html`<span class="small muted">${when(row.paused_at)}${row.paused_by ? ` · ${row.paused_by}` : ""}</span>` : null}</span>`, value: (row) => (row.paused_at ? 0 : 1) },
  { name: "due", label: t("jobs.due"), number: true, draw: (row) => html`<span class="two-lines">${number(row.due)}${row.oldest_due_s > 5 ? html`<span class="small muted">${t("jobs.oldest", { length: row.oldest_due_s < 60 ? took(row.oldest_due_s * 1000) : distanceOf(row.oldest_due_s * 1000) })}</span>` : null}</span>`, value: (row) => row.due },
  { name: "later", label: t("jobs.later"), wide: true, number: true, draw: (row) => number(row.later), value: (row) => row.later },
  { name: "running", label: t("jobs.state_running"), wide: true, number: true, draw: (row) => number(row.running), value: (row) => row.running },
  { name: "dead", label: t("jobs.tab_dead"), wide: true, number: true, draw: (row) => number(row.dead), value: (row) => row.dead },
  { name: "workers", label: t("jobs.workers"), wide: true, number: true, draw: (row) => (row.workers === 0 && row.due > 0 ? html`<span class="warned">${icon("warning", "small")}0</span>` : number(row.workers)), value: (row) => row.workers },
  { name: "limit", label: t("jobs.limit"), wide: true, draw: (row) => html`<button type="button" class="button quiet small" aria-label=${t("jobs.limit_of", { key: row.queue })} @click=${() => openLimit(limitOf(limits, row) ?? { key: `queue:${row.queue}`, isNew: true }, again)}>${limitWords(limitOf(limits, row))}</button>` },
  { name: "acts", label: t("jobs.acts"), isQuiet: true, narrow: true, draw: (row) => html`<button type="button" class="button small" aria-label=${t(row.paused_at ? "jobs.resume_of" : "jobs.pause_of", { queue: row.queue })} @click=${() => pauseOrResume(row, again)}>${icon(row.paused_at ? "redo" : "pause", "small")}<span class="wide-only">${t(row.paused_at ? "schedule.resume" : "schedule.pause")}</span></button>` },
];

/** @param {any[]} limits @param {any} row */
const limitOf = (limits, row) => limits.find(({ key }) => key === `queue:${row.queue}`);

/** @param {any} limit */
function limitWords(limit) {
  if (!limit) return t("jobs.unlimited");
  return [limit.running_max === null ? "" : t("jobs.at_once", { n: limit.running_max }), limit.rate_per_s === null ? "" : t("jobs.per_second", { rate: limit.rate_per_s })].filter(Boolean).join(", ") || t("jobs.unlimited");
}

/** @returns {import("../ui/table.js").Column<any>[]} */
const workerColumns = () => [
  { name: "name", label: t("jobs.worker"), isHead: true, draw: (row) => html`<span class="mono small">${row.name}</span>`, value: (row) => row.name },
  { name: "state", label: t("jobs.state"), draw: (row) => jobBadge(!row.is_live ? "silent" : row.is_stopping ? "stopping" : "live"), value: (row) => (row.is_live ? 1 : 0) },
  { name: "load", label: t("jobs.load"), draw: (row) => html`<span class="two-lines progress-cell tone-busy">${meter(() => (row.capacity > 0 ? row.running / row.capacity : 0), `${row.running} / ${row.capacity}`)}<span class="small soft">${row.running} / ${row.capacity}</span></span>`, value: (row) => row.running },
  { name: "queues", label: t("jobs.tab_queues"), wide: true, draw: (row) => (row.queues ?? []).join(", ") || DASH },
  { name: "started", label: t("jobs.started"), wide: true, draw: (row) => when(row.started_at), value: (row) => row.started_at },
  { name: "beat", label: t("jobs.beat"), wide: true, draw: (row) => when(row.beat_at), value: (row) => row.beat_at },
];

/** @param {() => void} again @returns {import("../ui/table.js").Column<any>[]} */
const limitColumns = (again) => [
  { name: "key", label: t("jobs.limited"), isHead: true, draw: (row) => html`<code>${row.key}</code>` },
  { name: "allows", label: t("jobs.limit"), draw: limitWords },
  { name: "running", label: t("jobs.state_running"), number: true, draw: (row) => row.running },
  { name: "parked", label: t("jobs.held"), number: true, draw: (row) => row.parked },
  { name: "acts", label: t("jobs.acts"), isQuiet: true, narrow: true, draw: (row) => html`<button type="button" class="button quiet icon-only" aria-label=${t("jobs.limit_of", { key: row.key })} data-tip=${t("schedule.edit")} @click=${() => openLimit(row, again)}>${icon("edit")}</button>` },
];
