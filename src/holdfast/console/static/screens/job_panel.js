/**
 * A job from close by: where it is, why it is not running, its attempts, and what its handler says. Followed while it
 * waits or runs: its lines are written many times a second by any worker and stand in no journal, so they are asked for
 * again, behind the last one that is here, and no more once the job has ended.
 */

import { each, html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { following } from "../core/follow.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { fullOf, lengthOf, second, secondsOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { openDialog } from "../ui/dialog.js";
import { banner, meter } from "../ui/status.js";
import { jobActs } from "./job_acts.js";
import { DASH, drawn, farOff, jobBadge, shareOf, took, when, whyWords, written } from "./jobs_words.js";
import { openSchedule } from "./schedule_panel.js";

const EVERY_MS = 2_000;
const PAGES_MAX = 20;
const PAGE = 1_000;
const AT_END_PX = 24;

/** @typedef {{attempt: number, number: number, at: string, level: string, text: string}} Line */

/** @param {any} detail */
const isGoingOn = (detail) => ["waiting", "running"].includes(detail.state);

/** @param {number} id @param {() => void} then after each change */
export function openJob(id, then) {
  const lines = signal(/** @type {Line[]} */ ([]));
  const followed = following(async () => {
    const { data } = await ask("GET", `/api/jobs/${id}`);
    lines.value = lines.peek().length === 0 && data.lines.length < PAGE ? data.lines : await readOn(id, lines.peek());
    return data;
  }, EVERY_MS);
  let isOpen = true;
  followed.start();
  const stop = effect(() => {
    const detail = followed.value.value;
    if (detail === null || !isOpen) return;
    if (isGoingOn(detail)) followed.start();
    else followed.stop();
  });
  const again = () => { followed.now(); then(); };
  const opened = openDialog({
    kind: "drawer", title: () => followed.value.value?.function ?? t("jobs.job"),
    under: () => html`<p class="row wrap">${followed.value.value ? jobBadge(followed.value.value.state) : null}<span class="muted mono">#${id}</span></p>`,
    body: () => drawn(followed, (detail) => body(detail, lines, again)),
    foot: () => { const detail = followed.value.value; return detail ? jobActs(detail, again) : null; },
  });
  opened.element.classList.add("roomy");
  opened.closed.then(() => { isOpen = false; stop(); followed.stop(); });
  return opened;
}

/** All lines there are by now. @param {number} id @param {Line[]} known */
async function readOn(id, known) {
  let found = known;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const last = found.at(-1) ?? { attempt: 0, number: 0 };
    const { data } = await ask("GET", `/api/jobs/${id}/lines?attempt=${last.attempt}&number=${last.number}`);
    if (data.lines.length === 0) break;
    found = [...found, ...data.lines];
    if (data.lines.length < PAGE) break;
  }
  return found;
}

/** @param {any} detail @param {import("../core/signals.js").Signal<Line[]>} lines @param {() => void} again */
function body(detail, lines, again) {
  const { job } = detail;
  return html`
    ${detail.state === "waiting" ? why(detail, again) : null}
    ${job && detail.state === "running" ? running(job) : null}
    ${detail.error ? banner("bad", "alert", html`<p class="strong">${t("jobs.error")}</p><p class="mono small broken">${detail.error}</p>`) : null}
    <section class="section"><h3>${t("jobs.what")}</h3><dl class="facts">
      <dt>${t("jobs.queue")}</dt><dd>${detail.queue}</dd>
      <dt>${t("jobs.args")}</dt><dd>${written(detail.args)}</dd>
      ${job ? html`<dt>${t("jobs.priority")}</dt><dd>${t(`jobs.priority_${job.priority}`)}</dd><dt>${t("jobs.attempt")}</dt><dd>${t("jobs.attempt_of", { at: job.attempt, most: job.attempts_max })}</dd>
        <dt>${t("jobs.created")}</dt><dd>${when(job.created_at)}</dd>` : null}
      ${job?.schedule ? html`<dt>${t("jobs.schedule")}</dt><dd><button type="button" class="link" @click=${() => openSchedule(job.schedule, again)}>${t("jobs.its_schedule")}</button>${job.tick_at ? html` · ${when(job.tick_at)}` : null}</dd>` : null}
      ${detail.result !== null && detail.result !== undefined ? html`<dt>${t("jobs.result")}</dt><dd>${written(detail.result)}</dd>` : null}</dl></section>
    <section class="section"><h3>${t("jobs.lines")}${() => (isGoingOn(detail) ? html` <span class="muted small">${t("jobs.followed")}</span>` : null)}</h3>${log(lines)}</section>
    <section class="section"><h3>${t("jobs.attempts")}</h3>${attempts(detail)}</section>`;
}

/** @param {any} detail @param {() => void} again */
const why = (detail, again) => html`<section class="why-not"><h3>${t("jobs.why_not")}</h3><ul class="stack">${detail.reasons.map((/** @type {any} */ reason) => html`<li class="row">
  ${icon(reason.why === "due" ? "clock" : "hourglass")}<span class="grow">${whyWords(reason)}${reason.data?.at ? html` <span class="muted small">${() => farOff(reason.data.at)}</span>` : null}</span>
  ${[reason.data?.job, ...(reason.data?.holders ?? []).slice(0, 3)].filter(Boolean).map((id) => html`<button type="button" class="button small" @click=${() => openJob(id, again)}>#${id}</button>`)}</li>`)}</ul></section>`;

/** @param {any} job */
function running(job) {
  const { progress } = job;
  const since = () => lengthOf(second.value - Date.parse(job.started_at), true);
  return html`<section class="tone-busy running-now"><p class="row"><span class="grow strong">${progress?.note || t("jobs.state_running")}</span>${() => since()}</p>
    ${progress?.total ? html`${meter(() => shareOf(progress), () => t("jobs.progress", { done: progress.done, total: progress.total }))}<p class="small soft">${t("jobs.progress", { done: progress.done, total: progress.total })}</p>` : progress ? html`<p class="small soft">${t("jobs.done_so_far", { n: progress.done })}</p>` : null}
    ${job.cancelled_by ? html`<p class="small">${t("jobs.cancel_asked", { by: job.cancelled_by })}</p>` : null}</section>`;
}

/** Lines as they come; whoever reads at the end stays at the end. @param {import("../core/signals.js").Signal<Line[]>} lines */
function log(lines) {
  /** @type {HTMLElement | null} */ let place = null;
  let isAtEnd = true;
  return html`<div class="log" role="log" tabindex="0" aria-label=${t("jobs.lines")} ref=${(/** @type {HTMLElement} */ element) => { place = element; }}
    @scroll=${() => { if (place) isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight < AT_END_PX; }}>
    ${() => {
      const found = lines.value;
      if (isAtEnd) queueMicrotask(() => { if (place) place.scrollTop = place.scrollHeight; });
      return found.length === 0 ? html`<p class="muted">${t("jobs.no_lines")}</p>` : each(found, (line) => `${line.attempt}.${line.number}`, (line) => html`<p class=${`level-${line.level}`}><time class="muted" datetime=${line.at}>${secondsOf(line.at)}</time><span class="muted" title=${t("jobs.attempt")}>${line.attempt}</span><span class="broken">${line.text}</span></p>`);
    }}</div>`;
}

/** The newest first. @param {any} detail */
function attempts(detail) {
  if (detail.runs.length === 0 && detail.state !== "running") return html`<p class="muted">${t("jobs.no_attempts")}</p>`;
  return html`<ol class="timeline">
    ${detail.state === "running" && detail.job ? html`<li><p class="row wrap"><span class="strong">${detail.job.attempt}.</span>${jobBadge("running")}</p><p class="muted small">${fullOf(detail.job.started_at)}</p></li>` : null}
    ${[...detail.runs].reverse().map((run) => html`<li><p class="row wrap"><span class="strong">${run.attempt}.</span>${jobBadge(run.outcome)}<span class="soft small">${times(run)}</span></p>
      <p class="muted small">${fullOf(run.finished_at)}</p>${run.error ? html`<p class="small mono broken">${run.error}</p>` : null}</li>`)}</ol>`;
}

/** @param {any} run */
function times(run) {
  if (run.took_ms === undefined || run.took_ms === null) return DASH;
  return t("jobs.took_waited", { took: took(run.took_ms), waited: took(Math.max(0, run.waited_ms ?? 0)) });
}
