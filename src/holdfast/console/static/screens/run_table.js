/** Runs as rows: when each began, what it was to do, how it ended, what it read, how long that took, who asked for it. */

import { actorName } from "../core/actors.js";
import { html } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { clock, fullOf, second, whenOf } from "../core/time.js";
import { tookWords } from "./run_log.js";
import { rowsChanged, rowsRead } from "./run_stages.js";
import { reasonWords, syncBadge } from "./store_words.js";

/** @typedef {import("./store_state.js").Run} Run */

/** The stage that made a run end as it did. @param {Run} run */
export const worst = (run) => run.stages.find(({ state }) => state === run.state);

/** How long a run has taken so far, counted along. @param {Run} run */
export function ticking(run) {
  second.value;
  return tookWords(run, clock.now());
}

/** @returns {import("../ui/table.js").Column<Run>[]} */
export const runColumns = () => [
  { name: "started", label: t("sync.col_started"), isHead: true, draw: (run) => html`<span class="two-lines"><time datetime=${run.started_at} data-tip=${fullOf(run.started_at)}>${whenOf(run.started_at)}</time><span class="small muted">${t(`sync.operation_${run.operation}`)}</span></span>`, csv: (run) => run.started_at },
  { name: "state", label: t("sync.col_state"), draw: (run) => html`<span class="two-lines">${syncBadge(run.state, worst(run)?.n)}${run.reason ? html`<span class="small soft clamped">${reasonWords(run.reason)}</span>` : null}<span class="narrow-only small muted">${t("sync.rows_in", { n: rowsRead(run) })}</span></span>`, csv: (run) => run.state },
  { name: "read", label: t("sync.col_read"), number: true, wide: true, draw: (run) => number(rowsRead(run)), csv: (run) => String(rowsRead(run)) },
  { name: "changed", label: t("sync.col_changed"), number: true, wide: true, draw: (run) => number(rowsChanged(run)), csv: (run) => String(rowsChanged(run)) },
  { name: "took", label: t("sync.col_took"), number: true, wide: true, draw: (run) => html`${() => (run.ended_at ? tookWords(run, 0) : ticking(run))}`, csv: (run) => (run.ended_at ? String((Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000) : "") },
  { name: "by", label: t("sync.col_by"), wide: true, draw: (run) => html`${() => actorName(run.actor)}`, csv: (run) => actorName(run.actor) },
];
