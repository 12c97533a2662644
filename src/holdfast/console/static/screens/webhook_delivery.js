/** One delivery from close by: what was sent, each attempt with what was answered, and sending it again. Followed while it
 * is still being tried. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { effect } from "../core/signals.js";
import { following } from "../core/follow.js";
import { t } from "../core/i18n.js";
import { keepInAddress } from "../core/page.js";
import { fullOf } from "../core/time.js";
import { openDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { tag } from "../ui/status.js";
import { done, toast } from "../ui/toast.js";
import { drawn, took, written } from "./jobs_words.js";
import { answerOf, deliveryBadge } from "./webhook_words.js";
import { hooksOf } from "./webhooks.js";

const EVERY_MS = 2_000;

/** @typedef {{number: number, at: string, status: number | null, took_ms: number, error: string | null, answer: string | null}} Attempt */

/** @param {string} organisation @param {string} hook @param {string} id @param {() => void} then after each change */
export function openDelivery(organisation, hook, id, then) {
  const path = hooksOf(organisation, hook, "deliveries", id);
  const followed = following(async () => (await ask("GET", path)).data, EVERY_MS);
  let isOpen = true;
  followed.start();
  const stop = effect(() => {
    const state = followed.value.value?.delivery.state;
    if (state === undefined || !isOpen) return;
    if (state === "waiting") followed.start();
    else followed.stop();
  });
  const again = () => { followed.now(); then(); };
  const redeliver = () => done(async () => {
    await ask("POST", `${path}/redeliver`);
    toast(t("webhooks.sent_again"));
  }, again);
  keepInAddress({ delivery: id });
  const opened = openDialog({
    kind: "drawer", title: () => followed.value.value?.delivery.type ?? t("webhooks.delivery"),
    under: () => html`<p class="row wrap">${followed.value.value ? deliveryBadge(followed.value.value.delivery) : null}<span class="muted mono small broken">${id}</span></p>`,
    body: () => drawn(followed, ({ delivery, payload, tries }) => html`
      <section class="section"><h3>${t("jobs.attempts")}</h3>${attempts(tries)}</section>
      <section class="section"><h3>${t("webhooks.payload")}</h3><p class="muted small">${t("webhooks.put_in", { at: fullOf(delivery.created_at) })}</p>${written(payload)}</section>`),
    foot: () => (followed.value.value ? html`<span class="small muted grow">${t("webhooks.same_id")}</span><button type="button" class="button primary" @click=${redeliver}>${icon("refresh")}${t("webhooks.send_again")}</button>` : null),
  });
  opened.element.classList.add("roomy");
  opened.closed.then(() => { isOpen = false; stop(); followed.stop(); keepInAddress({ delivery: null }); });
  return opened;
}

/** The newest first. @param {Attempt[]} tries */
function attempts(tries) {
  if (tries.length === 0) return html`<p class="muted" role="status">${t("webhooks.not_yet")}</p>`;
  return html`<ol class="timeline">${[...tries].reverse().map((one) => {
    const isTaken = one.error === null && one.status !== null;
    return html`<li><p class="row wrap"><span class="strong">${one.number}.</span>${tag(isTaken ? "free" : "bad", isTaken ? "check-circle" : "alert", one.status === null ? t("webhooks.no_answer") : String(one.status))}<span class="soft small">${t("webhooks.took", { took: took(one.took_ms) })}</span></p>
      <p class="muted small">${fullOf(one.at)}</p>
      ${one.error === null || one.error === `answered ${one.status}` ? null : html`<p class="small broken">${answerOf(one)}</p>`}
      ${one.answer ? html`<details class="hook-answer"><summary class="small">${t("webhooks.answer")}</summary><pre class="code" tabindex="0">${one.answer}</pre></details>` : null}</li>`;
  })}</ol>`;
}
