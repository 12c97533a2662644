/**
 * A store as it stands: one snapshot, and the events of its journal behind it. What a batch changes (how far a stage is)
 * is taken from its event; what ends, begins or is connected is asked for anew, once, when an event says so.
 *
 * @typedef {{stage: string, state: string, done: number, connection?: string, connection_id?: number, total?: number, eta_s?: number, changed?: number, rejects?: number, deleted?: number,
 *   n?: number, reason?: string, since?: string, until?: string, started_at?: string, ended_at?: string, heardAt?: number, rate?: number | null}} Stage
 * @typedef {{id: string, operation: string, state: string, actor: string, cause: string, started_at: string, stages: Stage[], reason?: string, since?: string, until?: string, ended_at?: string, joined?: boolean, is_stopping?: boolean}} Run
 * @typedef {{name: string, complete_until: string | null, verified_at: string | null, schedule: {rule: string, when: string, older_than_s: number, is_enabled: boolean}, was_due_at: string | null, next_at: string | null,
 *   last: {run: string, state: string, n: number, reason: string | null, ended_at: string} | null}} Stream
 * @typedef {{id: number, kind: string, name: string, config: any, has_secret: boolean, is_enabled: boolean, is_syncing: boolean, failures: number, paused_until: string | null, streams: Stream[], created_at: string}} Connection
 * @typedef {{currency: string, time_zone: string, orders_as_of: string | null, ads_as_of: string | null, counted_at: string | null, verified_at: string | null, without_customer: number, unconverted: number}} Watermark
 * @typedef {{version: number, now: string, connections: Connection[], runs: Run[], ltv: Watermark, totals: {customers: number, orders: number, net: string}, rejects: number}} StoreView
 * @typedef {import("../core/store.js").JournalEvent} JournalEvent
 */

import { ask, here } from "../core/api.js";
import { signal } from "../core/signals.js";
import { siteStore } from "../core/store.js";
import { loading } from "../ui/loading.js";

const ASKED_ANEW = new Set(["sync.started", "sync.stage_ended", "sync.ended", "connection.changed", "orders.changed", "ltv.counted"]);
const SAMPLES = 12;
const RUNS_KEPT = 50;

/** The page's store; one per page. */
export function storeState() {
  const store = siteStore();
  /** @type {import("../core/signals.js").Signal<Map<string, Run>>} */ const runs = signal(new Map());
  /** @type {Map<string, {at: number, done: number}[]>} */ const samples = new Map();
  const keep = (/** @type {Run[]} */ found) => {
    const all = new Map(runs.peek());
    for (const run of found) all.set(run.id, merged(all.get(run.id), run));
    const newest = [...all.values()].sort((a, b) => Date.parse(b.started_at) - Date.parse(a.started_at)).slice(0, RUNS_KEPT);
    runs.value = new Map(newest.map((run) => [run.id, run]));
  };
  const view = loading(async (given) => {
    const { data } = await ask("GET", here("sync"), { signal: given });
    if (!given.aborted) keep(data.runs);
    return /** @type {StoreView} */ (data);
  });
  const hear = (/** @type {JournalEvent} */ event) => {
    if (event.type === "sync.started") keep([begun(event)]);
    if (event.type === "sync.progressed") {
      const run = runs.peek().get(event.data.run);
      if (run !== undefined) runs.value = new Map(runs.peek()).set(run.id, progressed(run, event, samples));
    }
    if (ASKED_ANEW.has(event.type)) view.again();
  };
  store.onEvent(hear);
  store.onRenew(() => { view.now(); });
  view.now();
  return {
    view, runs,
    /** Takes in a run that was asked for beside the snapshot. @param {Run} run */
    keep: (run) => keep([run]),
  };
}

/** Runs that have not ended, the oldest first. @param {Map<string, Run>} runs */
export const underWay = (runs) => [...runs.values()].filter(({ ended_at: at }) => !at).reverse();

/** A run that has just been asked for; its stages' connections are told by the snapshot that follows. @param {JournalEvent} event @returns {Run} */
const begun = ({ data, actor, cause, at }) => ({
  id: data.run, operation: data.operation, state: "waiting", actor, cause, started_at: at,
  stages: data.stages.map((/** @type {string} */ stage) => ({ stage, state: "waiting", done: 0 })),
});

/** The newer of two tales of a run. An answer may have been on its way while events came: nothing runs backwards, and what
 * has ended does not begin again. @param {Run | undefined} known @param {Run} told @returns {Run} */
function merged(known, told) {
  if (known === undefined) return told;
  if (known.ended_at && !told.ended_at) return known;
  if (told.stages.length === known.stages.length && told.stages.every(({ connection_id: id, stage }) => id === undefined && stage !== "ltv")) return known;
  return { ...told, stages: told.stages.map((stage, at) => {
    const before = known.stages[at];
    if (before === undefined || before.connection_id !== stage.connection_id) return stage;
    if (before.ended_at && !stage.ended_at) return before;
    if (stage.state !== "running") return stage;
    const isNewer = stage.done >= before.done;
    return { ...(isNewer ? stage : { ...stage, done: before.done, ...(before.total === undefined ? {} : { total: before.total }) }), rate: before.rate ?? null, ...(isNewer || before.heardAt === undefined ? {} : { heardAt: before.heardAt }) };
  }) };
}

/** @param {Run} run @param {JournalEvent} event @param {Map<string, {at: number, done: number}[]>} samples @returns {Run} */
function progressed(run, { data, at }, samples) {
  const index = run.stages.findIndex(({ stage, connection, ended_at: end }) => stage === data.stage && !end && (connection === undefined || connection === data.connection));
  if (index < 0) return run;
  const before = run.stages[index];
  const done = Math.max(before.done, data.done);
  const key = `${run.id} ${index}`;
  const known = [...(samples.get(key) ?? []), { at: Date.parse(at), done }].slice(-SAMPLES);
  samples.set(key, known);
  const stage = {
    ...before, state: "running", connection: data.connection, done, heardAt: Date.parse(at), rate: rateOf(known), started_at: before.started_at ?? at,
    ...(data.total === null ? {} : { total: Math.max(data.total, done) }), ...(data.eta_s === null ? {} : { eta_s: data.eta_s }),
  };
  return { ...run, state: "running", stages: run.stages.with(index, stage) };
}

/** Rows a second over the latest batches; null while there is one only. @param {{at: number, done: number}[]} samples */
function rateOf(samples) {
  const [first, last] = [samples[0], samples[samples.length - 1]];
  return last.at - first.at < 200 ? null : ((last.done - first.done) * 1000) / (last.at - first.at);
}
