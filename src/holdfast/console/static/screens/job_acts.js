/** What can be done with a job: cancel it, let it start now, send it again or let it go once it was given up. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { clock } from "../core/time.js";
import { confirmDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { done, toast } from "../ui/toast.js";

const PAGE = 500;
const PAGES_MAX = 200;

/** @param {any} job */
const nameOf = (job) => `${job.function} #${job.id}`;

/** Whether it waits for a time, so that it may start before it. @param {any} job */
export const canStart = (job) => Boolean(job?.run_at) && Date.parse(job.run_at) > clock.now();

/** @param {any} detail @param {() => void} then */
export function jobActs(detail, then) {
  if (detail.state === "dead") {
    return html`<button type="button" class="button danger" @click=${() => discard([detail], then)}>${icon("trash")}${t("jobs.discard")}</button>
      <button type="button" class="button primary" @click=${() => redrive([detail], then)}>${icon("redo")}${t("jobs.redrive")}</button>`;
  }
  if (!["waiting", "running"].includes(detail.state)) return null;
  return html`<button type="button" class="button danger" ?disabled=${Boolean(detail.job?.cancelled_by)} @click=${() => cancel(detail, then)}>${icon("cross")}${t("jobs.cancel")}</button>
    ${detail.state === "waiting" && canStart(detail.job) ? html`<button type="button" class="button primary" @click=${() => startNow(detail, then)}>${icon("play")}${t("jobs.start")}</button>` : null}`;
}

/** @param {any} job @param {() => void} then */
export const startNow = (job, then) => done(async () => {
  await ask("POST", `/api/jobs/${job.id}/start`);
  toast(t("jobs.is_started", { job: nameOf(job) }));
}, then);

/** @param {any} job @param {() => void} then */
export async function cancel(job, then) {
  const isRunning = job.state === "running";
  const text = t(isRunning ? "jobs.cancel_running_text" : "jobs.cancel_waiting_text", { job: nameOf(job) });
  if (!await confirmDialog({ title: t("jobs.cancel_title"), text, act: t("jobs.cancel"), danger: true })) return;
  await done(async () => {
    await ask("POST", `/api/jobs/${job.id}/cancel`);
    toast(t(isRunning ? "jobs.is_asked" : "jobs.is_cancelled", { job: nameOf(job) }));
  }, then);
}

/** @param {any[]} letters @param {() => void} then */
export const redrive = (letters, then) => done(async () => {
  const { data } = await ask("POST", "/api/dead-letters/redrive", { body: { ids: letters.map(({ id }) => id) } });
  toast(t("jobs.are_sent", { n: data.jobs.length }));
}, then);

/** All of a queue, a thousand at a time as the server takes them. @param {string} queue @param {() => void} then */
export async function redriveQueue(queue, then) {
  if (!await confirmDialog({ title: t("jobs.redrive_all_title", { queue }), text: t("jobs.redrive_all_text"), act: t("jobs.redrive_all") })) return;
  await done(async () => {
    let n = 0;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const { data } = await ask("POST", "/api/dead-letters/redrive", { body: { queue } });
      n += data.jobs.length;
      // those of which there may be one only stay where they are
      if (data.jobs.length < 2 * PAGE) break;
    }
    toast(t("jobs.are_sent", { n }));
  }, then);
}

/** @param {any[]} letters @param {() => void} then */
export async function discard(letters, then) {
  if (!await confirmDialog({ title: t("jobs.discard_title", { n: letters.length }), text: t("jobs.discard_text"), act: t("jobs.discard"), danger: true })) return;
  await done(async () => {
    const { data } = await ask("POST", "/api/dead-letters/discard", { body: { ids: letters.map(({ id }) => id) } });
    toast(t("jobs.are_discarded", { n: data.discarded }));
  }, then);
}

/** All of a queue that are there when it is asked: what dies meanwhile stays. @param {string} queue @param {() => void} then */
export async function discardQueue(queue, then) {
  /** @type {number[]} */ const ids = [];
  const isRead = await done(async () => {
    for (let page = 0, after = 0; page < PAGES_MAX; page += 1) {
      const { data } = await ask("GET", `/api/dead-letters?${new URLSearchParams({ queue, after: String(after), limit: String(PAGE) })}`);
      ids.push(...data.dead.map((/** @type {any} */ { id }) => id));
      if (data.next === null) break;
      after = data.next;
    }
  }, () => {});
  if (!isRead || ids.length === 0) return then();
  if (!await confirmDialog({ title: t("jobs.discard_all_title", { n: ids.length, queue }), text: t("jobs.discard_text"), act: t("jobs.discard"), danger: true })) return;
  await done(async () => {
    let n = 0;
    for (let from = 0; from < ids.length; from += PAGE) n += (await ask("POST", "/api/dead-letters/discard", { body: { ids: ids.slice(from, from + PAGE) } })).data.discarded;
    toast(t("jobs.are_discarded", { n }));
  }, then);
}
