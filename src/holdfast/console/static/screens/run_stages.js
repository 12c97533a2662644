/** A run's stages side by side: how far each is, how fast, what it came to. A share is shown only where the source says of how many. */

import { html } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { clock, lengthOf, second } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { meter } from "../ui/status.js";
import { reasonWords, stageWord, syncLook, took } from "./store_words.js";

/** @typedef {import("./store_state.js").Run} Run */
/** @typedef {import("./store_state.js").Stage} Stage */

/** How a stage stands: one whose turn it is has begun, though nothing of it is written yet. @param {Run} run @param {number} at */
export function stateOf(run, at) {
  const { state } = run.stages[at];
  if (state !== "waiting" || run.ended_at) return state;
  return run.state === "running" && run.stages.slice(0, at).every(({ ended_at: end }) => end) ? "running" : state;
}

/** The stages in their order. @param {Run} run @param {boolean} [isBrief] */
export const stages = (run, isBrief = false) => html`<ol class=${`stages ${isBrief ? "is-brief" : ""}`} aria-label=${t("sync.stages")}>${run.stages.map((stage, at) => one(run, stage, at, isBrief))}</ol>`;

/** @param {Run} run @param {Stage} stage @param {number} at @param {boolean} isBrief */
function one(run, stage, at, isBrief) {
  const state = stateOf(run, at);
  const look = syncLook(state, stage.n);
  const isRunning = state === "running";
  return html`<li class=${`stage tone-${look.tone} is-${state}`} data-stage=${stage.stage} data-state=${state} aria-current=${isRunning ? "step" : null}>
    <header><span class="stage-mark">${icon(look.icon, "small")}</span><span class="stage-name"><span class="strong">${stageWord(stage.stage)}</span>${stage.connection ? html`<span class="muted small truncate">${stage.connection}</span>` : null}</span><span class="stage-state">${look.word}</span></header>
    ${isRunning && stage.total ? meter(() => stage.done / (stage.total ?? 1), () => t("sync.rows_of", { done: stage.done, total: stage.total ?? 0 })) : isRunning ? html`<span class="meter is-unknown" aria-hidden="true"><i></i></span>` : null}
    <p class="stage-count">${counted(stage, state)}</p>
    ${isRunning ? html`<p class="small soft">${() => pace(stage)}</p>` : null}
    ${isBrief ? null : came(stage, state)}
    ${!isBrief && stage.reason ? html`<p class="small stage-reason">${reasonWords(stage.reason)}</p>` : null}</li>`;
}

/** @param {Stage} stage @param {string} state */
function counted(stage, state) {
  if (stage.stage === "ltv") return html`<span class="soft">${t(state === "waiting" ? "sync.ltv_waits" : state === "running" ? "sync.ltv_running" : state === "left_out" ? "sync.ltv_left_out" : "sync.ltv_ended")}</span>`;
  if (state === "waiting") return html`<span class="soft">${t("sync.stage_waits")}</span>`;
  if (state === "running" && stage.done === 0 && stage.total === undefined) return html`<span class="soft">${t("sync.asks")}</span>`;
  if (stage.total !== undefined) return html`<strong>${number(stage.done)}</strong> ${t("sync.of_rows", { n: stage.total })}`;
  return html`<strong>${number(stage.done)}</strong> ${t("sync.rows", { n: stage.done })}`;
}

/** How fast, and how long yet, by what earlier runs took. @param {Stage} stage */
function pace(stage) {
  second.value;
  const said = [];
  const since = stage.started_at ? clock.now() - Date.parse(stage.started_at) : 0;
  const rate = stage.rate ?? (stage.done > 0 && since > 1000 ? (stage.done * 1000) / since : null);
  if (rate !== null && stage.stage !== "ltv") said.push(t("sync.rate", { n: Math.round(rate) }));
  if (stage.eta_s !== undefined && stage.total !== undefined) {
    const left = stage.eta_s * 1000 - (stage.heardAt ? clock.now() - stage.heardAt : 0);
    said.push(left < 1000 ? t("sync.eta_soon") : t("sync.eta", { length: left < 60_000 ? took(Math.ceil(left / 1000) * 1000) : lengthOf(left) }));
  } else if (stage.total === undefined && stage.done > 0) said.push(t("sync.no_total"));
  return said.join(" · ") || " ";
}

/** What it came to: new or changed rows, rows set aside, rows taken out, how long it took. @param {Stage} stage @param {string} state */
function came(stage, state) {
  if (state === "waiting" || state === "running" || state === "left_out") return null;
  const parts = [];
  if (stage.stage !== "ltv") parts.push(t("sync.changed", { n: stage.changed ?? 0 }));
  if (stage.deleted) parts.push(t("sync.deleted", { n: stage.deleted }));
  if (stage.rejects) parts.push(t("sync.set_aside", { n: stage.rejects }));
  if (stage.started_at && stage.ended_at) parts.push(took(Date.parse(stage.ended_at) - Date.parse(stage.started_at)));
  return parts.length > 0 ? html`<p class="small soft">${parts.join(" · ")}</p>` : null;
}

/** All rows that a run read. @param {Run} run */
export const rowsRead = (run) => run.stages.reduce((sum, { done }) => sum + done, 0);
/** All rows that came in new or otherwise. @param {Run} run */
export const rowsChanged = (run) => run.stages.reduce((sum, { changed }) => sum + (changed ?? 0), 0);
