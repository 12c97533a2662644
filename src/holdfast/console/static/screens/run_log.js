/** What a run tells as it goes: its lines of the store's journal, the latest of them, followed as they are written. */

import { actorName } from "../core/actors.js";
import { each, html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { signal } from "../core/signals.js";
import { siteStore } from "../core/store.js";
import { secondsOf } from "../core/time.js";
import { ALL, readBack } from "./audit_reading.js";
import { reasonWords, stageWord, syncLook, took } from "./store_words.js";

const LINES_MAX = 400;
const AT_END_PX = 24;

/** @typedef {import("../core/stream.js").JournalEvent} JournalEvent */
/** @typedef {import("./store_state.js").Run} Run */

/** Lines of a run; `stop` when nobody looks any more. @param {Run} run */
export function runLines(run) {
  /** @type {import("../core/signals.js").Signal<JournalEvent[]>} */ const lines = signal([]);
  /** @type {import("../core/signals.js").Signal<any>} */ const problem = signal(null);
  const isWhole = signal(true);
  const store = siteStore();
  const add = (/** @type {JournalEvent[]} */ found) => {
    const all = new Map([...lines.peek(), ...found].map((event) => [event.version, event]));
    const sorted = [...all.values()].sort((a, b) => a.version - b.version);
    if (sorted.length > LINES_MAX) isWhole.value = false;
    lines.value = sorted.slice(-LINES_MAX);
  };
  const stop = store.onEvent((event) => { if (event.subject === run.id) add([event]); });
  const load = async () => {
    try {
      const { events, upto } = await readBack({ ...ALL, subject: run.id, from: Date.parse(run.started_at) - 1000 }, store.replica.version, LINES_MAX);
      if (upto > 0 && events.length >= LINES_MAX) isWhole.value = false;
      add(events);
      problem.value = null;
    } catch (error) {
      problem.value = error;
    }
  };
  load();
  return { lines, problem, isWhole, stop };
}

/** Where the lines stand: drawn again for another run, the place is the same. @type {{place: HTMLElement | null, isAtEnd: boolean}} */
const view = { place: null, isAtEnd: true };
const toEnd = () => { if (view.place !== null) view.place.scrollTop = view.place.scrollHeight; };

/** The lines; whoever reads at the end stays at the end. @param {ReturnType<typeof runLines>} it */
export function runLog({ lines, problem, isWhole }) {
  return html`<div class="log run-log" role="log" tabindex="0" aria-label=${t("sync.log")} ref=${(/** @type {HTMLElement} */ element) => { view.place = element; toEnd(); }}
    @scroll=${() => { if (view.place) view.isAtEnd = view.place.scrollHeight - view.place.scrollTop - view.place.clientHeight < AT_END_PX; }}>
    ${() => (isWhole.value ? null : html`<p class="muted">${t("sync.log_cut", { n: LINES_MAX })}</p>`)}
    ${() => {
      const found = lines.value;
      if (view.isAtEnd) queueMicrotask(toEnd);
      if (found.length === 0) return html`<p class="muted">${problem.value ? problem.value.message : t("sync.log_none")}</p>`;
      return each(found, ({ version }) => version, line);
    }}</div>`;
}

/** @param {JournalEvent} event */
function line(event) {
  const look = lookOf(event);
  return html`<p class=${`tone-${look.tone} ${look.isStrong ? "is-strong" : ""}`}><time class="muted" datetime=${event.at}>${secondsOf(event.at)}</time><i class="log-dot" aria-hidden="true"></i><span class="broken">${words(event)}</span></p>`;
}

/** @param {JournalEvent} event */
function lookOf({ type, data }) {
  if (type === "sync.progressed") return { tone: data.rejects > 0 ? "soon" : "busy", isStrong: false };
  if (type === "sync.stage_ended" || type === "sync.ended") return { tone: syncLook(data.state).tone, isStrong: true };
  return { tone: "accent", isStrong: true };
}

/** A line in words. @param {JournalEvent} event */
function words({ type, data, actor }) {
  const at = data.stage ? [stageWord(data.stage), data.connection].filter(Boolean).join(" · ") : "";
  if (type === "sync.started") return html`${t(`sync.log_${data.operation}`)} ${() => t("event.by", { actor: actorName(actor) })}`;
  if (type === "sync.progressed") {
    const far = data.total === null ? t("sync.log_done", { n: data.done }) : t("sync.rows_of", { done: data.done, total: data.total });
    const more = [data.changed > 0 ? t("sync.changed", { n: data.changed }) : null, data.rejects > 0 ? t("sync.set_aside", { n: data.rejects }) : null].filter(Boolean).join(", ");
    return html`${at}: ${far}${more ? html` <span class="muted">(${more})</span>` : null}`;
  }
  const verdict = syncLook(data.state, data.n ?? 0).word;
  const why = data.reason ? html`: ${reasonWords(data.reason)}` : null;
  if (type === "sync.stage_ended") return html`${at}: ${verdict}${why}`;
  return html`${t("sync.log_ended", { state: verdict })}${why}`;
}

/** @param {Run} run how long it took, or has taken so far @param {number} now */
export function tookWords(run, now) {
  if (run.ended_at) return took(Date.parse(run.ended_at) - Date.parse(run.started_at));
  // what goes on is told in whole seconds
  return took(Math.floor(Math.max(0, now - Date.parse(run.started_at)) / 1000) * 1000);
}

