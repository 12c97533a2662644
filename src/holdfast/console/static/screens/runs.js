/** Sync runs of a store: the one that is looked at, live, with its stages and what it tells; and those before it. */

import { actorName } from "../core/actors.js";
import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { hotkeys } from "../core/hotkeys.js";
import { inAddress, keepInAddress, may } from "../core/page.js";
import { dayOf, whenOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { pager } from "../ui/pager.js";
import { empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { openBackfill, openVerify, stopRun, syncNow } from "./run_acts.js";
import { runLines, runLog, tookWords } from "./run_log.js";
import { stages } from "./run_stages.js";
import { runColumns, ticking, worst } from "./run_table.js";
import { storeState, underWay } from "./store_state.js";
import { reasonWords, syncBadge, syncLook } from "./store_words.js";

const ROWS = 25;

/** @typedef {import("./store_state.js").Run} Run */

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const it = storeState();
  const chosen = signal(inAddress("run"));
  const cursors = signal([""]);
  const history = loading(async (given) => {
    const before = cursors.peek()[cursors.peek().length - 1];
    return (await ask("GET", `${here("sync", "runs")}?${new URLSearchParams({ limit: String(ROWS), ...(before ? { before } : {}) })}`, { signal: given })).data;
  });
  siteStore().onEvent(({ type }) => { if (type === "sync.started" || type === "sync.ended") history.again(); });
  siteStore().onRenew(() => { history.now(); });
  history.now();
  const shown = shownRun(it, chosen);
  effect(() => keepInAddress({ run: chosen.value }));
  const look = (/** @type {Run} */ run) => { it.keep(run); chosen.value = run.id; };
  place.removeAttribute("aria-busy");
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.runs")}</h1></div><span class="grow"></span>${may("sync") ? () => tools(it, look) : null}</div>
    ${() => running(shown.value, it)}
    <section class="run-history"><header class="row"><h2 class="grow">${t("sync.history")}</h2>${csvButton(() => saveCsv("sync-runs.csv", runColumns(), history.value.peek()?.runs ?? []))}</header>
      <div aria-busy=${() => String(history.busy.value)}>${() => past({ it, history, cursors, chosen, shown, look })}</div></section>`, place);
  const group = t("screen.runs");
  if (may("sync")) {
    hotkeys(
      { keys: "n", label: t("sync.now"), group, run: () => { syncNow(look); } },
      { keys: "b", label: t("sync.backfill"), group, run: () => { openBackfill(it.view.value.peek()?.connections ?? [], look); } },
      { keys: "v", label: t("sync.verify"), group, run: () => { openVerify(it.view.value.peek()?.connections ?? [], look); } },
    );
  }
}

/** The run that was chosen, else the one under way, else the last one. @param {ReturnType<typeof storeState>} it @param {import("../core/signals.js").Signal<string>} chosen */
function shownRun(it, chosen) {
  effect(() => {
    const id = chosen.value;
    if (id === "" || it.runs.value.has(id)) return;
    // from long ago, so that the snapshot does not hold it
    ask("GET", here("sync", "runs", id)).then(({ data }) => it.keep(data), () => { chosen.value = ""; });
  });
  return computed(() => {
    const runs = it.runs.value;
    return runs.get(chosen.value) ?? underWay(runs)[0] ?? [...runs.values()][0] ?? null;
  });
}

/** @param {ReturnType<typeof storeState>} it @param {(run: Run) => void} look */
function tools(it, look) {
  const connections = it.view.value.value?.connections ?? [];
  const fetched = connections.some(({ kind }) => kind !== "upload");
  const isOn = connections.some(({ kind, is_enabled: on }) => kind !== "upload" && on);
  return html`<div class="row wrap">
    <button type="button" class="button" ?disabled=${!fetched} @click=${() => openBackfill(connections, look)}>${icon("history")}${t("sync.backfill")}</button>
    <button type="button" class="button" ?disabled=${!fetched} @click=${() => openVerify(connections, look)}>${icon("check-circle")}${t("sync.verify")}</button>
    <button type="button" class="button primary" ?disabled=${!isOn} @click=${() => syncNow(look)}>${icon("refresh")}${t("sync.now")}</button></div>`;
}

/** What is told of the run that was looked at last. @type {{id: string, told: ReturnType<typeof runLines>} | null} */ let followed = null;

/** @param {Run} run */
function linesOf(run) {
  if (followed?.id !== run.id) {
    followed?.told.stop();
    followed = { id: run.id, told: runLines(run) };
  }
  return followed.told;
}

/** @param {Run | null} run @param {ReturnType<typeof storeState>} it */
function running(run, it) {
  if (run === null) {
    const { value } = it.view;
    if (it.view.problem.value !== null && value.value === null) return failed(it.view.problem.value, it.view.now);
    return value.value === null ? lines(4) : null;
  }
  const keep = (/** @type {Run} */ told) => it.keep(told);
  return html`<section class="card run" data-run=${run.id} data-state=${run.state}>
    <header class="row wrap run-head"><h2>${t(`sync.operation_${run.operation}`)}</h2>${syncBadge(run.state, worst(run)?.n)}
      <span class="soft small">${whenOf(run.started_at)} · ${() => t("event.by", { actor: actorName(run.actor) })} · ${() => t(run.ended_at ? "sync.took" : "sync.since", { time: run.ended_at ? tookWords(run, 0) : ticking(run) })}</span><span class="grow"></span>
      ${!run.ended_at && may("sync") ? html`<button type="button" class="button small danger" ?disabled=${Boolean(run.is_stopping)} @click=${() => stopRun(run, keep)}>${icon("stop", "small")}${t(run.is_stopping ? "sync.stopping" : "sync.stop")}</button>` : null}</header>
    ${run.since || run.until ? html`<p class="soft small">${t("sync.range", { from: run.since ? dayOf(run.since) : t("sync.beginning"), to: run.until ? dayOf(run.until) : t("sync.until_now") })}</p>` : null}
    ${verdict(run)}
    ${stages(run)}
    <details class="run-details" open><summary>${icon("chevron-right", "small")}${t("sync.log")}</summary>${runLog(linesOf(run))}</details></section>`;
}

/** What its end means, and what to do. @param {Run} run */
function verdict(run) {
  if (!run.ended_at) return null;
  const look = syncLook(run.state);
  return html`<div class=${`run-verdict tone-${look.tone}`} role="note">${icon(look.icon)}<div class="grow"><p>${t(`sync.means_${run.state}`)}</p>${run.reason && !run.stages.some(({ reason }) => reason === run.reason) ? html`<p class="small">${reasonWords(run.reason)}</p>` : null}</div></div>`;
}

/** @param {any} o */
function past({ it, history, cursors, chosen, shown, look }) {
  if (history.problem.value !== null) return failed(history.problem.value, history.now);
  const found = history.value.value;
  if (found === null) return lines();
  const known = it.runs.value;
  const runs = found.runs.map((/** @type {Run} */ run) => known.get(run.id) ?? run);
  if (runs.length === 0 && known.size === 0) {
    return empty({ icon: "refresh", title: t("sync.none"), text: t((it.view.value.value?.connections.length ?? 0) > 0 ? "sync.none_text" : "sync.no_source_text") });
  }
  const turn = (/** @type {string[]} */ next) => { cursors.value = next; history.now(); };
  return html`<div class="run-table">${table({
    label: t("sync.history"), columns: runColumns(), rows: runs, key: ({ id }) => id, order: { name: "", down: false }, onOrder: () => {}, isSelected: ({ id }) => id === shown.value?.id,
    onOpen: (run) => { look(run); document.querySelector(".run")?.scrollIntoView({ block: "nearest" }); },
  })}</div>${pager({ number: cursors.value.length, count: runs.length, hasNext: found.next !== null, onBack: () => turn(cursors.peek().slice(0, -1)), onNext: () => turn([...cursors.peek(), found.next]) })}`;
}
