/** An endpoint from close by: how it stands, what can be done with it, and what was sent to it, newest first. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { following } from "../core/follow.js";
import { number, t } from "../core/i18n.js";
import { keepInAddress } from "../core/page.js";
import { fullOf, whenOf } from "../core/time.js";
import { actorName } from "../core/actors.js";
import { openDialog } from "../ui/dialog.js";
import { segments } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { banner, empty } from "../ui/status.js";
import { table } from "../ui/table.js";
import { drawn } from "./jobs_words.js";
import { pauseOrResume, remove, rotate, sendTest } from "./webhook_acts.js";
import { openDelivery } from "./webhook_delivery.js";
import { openWebhookForm } from "./webhook_form.js";
import { answerOf, deliveryBadge, eventsOf, hookBadge, hostOf, isByMail, isGivenUp, since, siteName } from "./webhook_words.js";
import { hooksOf } from "./webhooks.js";

/** @typedef {import("./webhook_words.js").Webhook} Webhook */
/** @typedef {import("./webhook_words.js").Delivery} Delivery */

const EVERY_MS = 3_000;
const STEP = 50;
const SHOWN_MAX = 500;
const STATES = ["", "waiting", "failed", "delivered"];

/** @param {string} organisation @param {string} id @param {() => void} then after each change @param {string} delivery to open at once */
export function openWebhook(organisation, id, then, delivery = "") {
  const state = signal("");
  const limit = signal(STEP);
  const followed = following(async () => {
    const query = new URLSearchParams({ limit: String(limit.peek()), ...(state.peek() ? { state: state.peek() } : {}) });
    const [{ data: hook }, { data: sent }] = await Promise.all([ask("GET", hooksOf(organisation, id)), ask("GET", `${hooksOf(organisation, id, "deliveries")}?${query}`)]);
    return { hook: /** @type {Webhook} */ (hook), deliveries: /** @type {Delivery[]} */ (sent.deliveries), hasMore: sent.next !== null, of: state.peek() };
  }, EVERY_MS);
  const again = () => { followed.now(); then(); };
  let isFirst = true;
  const stop = effect(() => {
    state.value;
    limit.value;
    if (!isFirst) followed.now();
    isFirst = false;
  });
  followed.start();
  keepInAddress({ webhook: id });
  const opened = openDialog({
    kind: "drawer", title: () => { const hook = followed.value.value?.hook; return hook ? hook.description || hostOf(hook.url) : t("webhooks.endpoint"); },
    under: () => { const hook = followed.value.value?.hook; return hook ? html`<p class="row wrap">${hookBadge(hook)}<span class="muted mono small broken">${hook.url}</span></p>` : null; },
    body: () => drawn(followed, ({ hook }) => html`${notice(hook)}
      <section class="section"><h3>${t("webhooks.facts")}</h3>${facts(hook)}</section>
      <section class="section"><h3>${t("webhooks.deliveries")}</h3>${sentList({ organisation, id, followed, state, limit, again })}</section>`),
    foot: () => { const hook = followed.value.value?.hook; return hook ? acts(organisation, hook, again, () => opened.close()) : null; },
  });
  opened.element.classList.add("roomy");
  opened.closed.then(() => { stop(); followed.stop(); keepInAddress({ webhook: null }); });
  if (delivery) openDelivery(organisation, id, delivery, again);
  return opened;
}

/** @param {Webhook} hook */
function notice(hook) {
  if (isGivenUp(hook)) return banner("bad", "alert", html`<p class="strong">${t("webhooks.given_up_title", { host: hostOf(hook.url) })}</p><p>${t("webhooks.given_up_text", { since: since(hook) })}</p>`);
  if (!hook.active) return banner("off", "pause", html`<p>${t("webhooks.paused_text")}</p>`);
  return hook.failing_since ? banner("soon", "warning", html`<p>${t("webhooks.failing_text", { at: fullOf(hook.failing_since) })}</p>`) : null;
}

/** @param {Webhook} hook */
const facts = (hook) => html`<dl class="facts">
  <dt>${t("webhooks.where")}</dt><dd>${siteName(hook.site)}</dd>
  <dt>${t("webhooks.events")}</dt><dd>${eventsOf(hook)}</dd>
  ${isByMail(hook) ? null : html`<dt>${t("webhooks.secret")}</dt><dd>${hook.before_until ? t("webhooks.both_until", { until: fullOf(hook.before_until) }) : t("webhooks.secret_hidden")}</dd>`}
  <dt>${t("webhooks.made")}</dt><dd>${fullOf(hook.created_at)} · ${actorName(hook.created_by)}</dd></dl>`;

/** @param {string} organisation @param {Webhook} hook @param {() => void} again @param {() => void} close */
const acts = (organisation, hook, again, close) => html`
  <button type="button" class="button danger" aria-label=${t("webhooks.remove")} @click=${async () => { if (await remove(organisation, hook, again)) close(); }}>${icon("trash")}<span class="wide-only">${t("webhooks.remove")}</span></button><span class="grow"></span>
  ${isByMail(hook) ? null : html`<button type="button" class="button" aria-label=${t("webhooks.rotate")} @click=${() => rotate(organisation, hook, again)}>${icon("key")}<span class="wide-only">${t("webhooks.rotate")}</span></button>`}
  <button type="button" class="button" aria-label=${t("webhooks.edit")} @click=${() => openWebhookForm(organisation, hook, again)}>${icon("edit")}<span class="wide-only">${t("webhooks.edit")}</span></button>
  <button type="button" class="button" @click=${() => pauseOrResume(organisation, hook, again)}>${icon(hook.active ? "pause" : "redo")}<span>${t(hook.active ? "webhooks.pause" : "webhooks.resume")}</span></button>
  <button type="button" class="button primary" ?disabled=${!hook.active} @click=${() => sendTest(organisation, hook, again)}>${icon("play")}<span>${t("webhooks.test")}</span></button>`;

/** @param {any} it */
function sentList({ organisation, id, followed, state, limit, again }) {
  const choice = () => segments({ label: t("webhooks.which"), value: state.value, onChange: (value) => { state.value = value; }, options: STATES.map((value) => ({ value, label: t(`webhooks.show_${value || "all"}`) })) });
  const rows = () => {
    const found = followed.value.value;
    if (found === null || found.of !== state.value) return html`<div class="skeleton line"></div>`;
    if (found.deliveries.length === 0) return empty({ icon: "mail", title: t(state.value === "" ? "webhooks.nothing_sent" : "webhooks.none_so"), text: t(state.value === "" ? "webhooks.nothing_sent_text" : "webhooks.none_so_text") });
    return html`${table({ label: t("webhooks.deliveries"), columns: columns(), rows: found.deliveries, key: (one) => one.id, order: { name: "", down: false }, onOrder: () => {}, onOpen: (one) => { openDelivery(organisation, id, one.id, again); } })}
      ${found.hasMore ? more(limit) : null}`;
  };
  return html`<div class="stack"><div class="hook-which">${choice}</div><div>${rows}</div></div>`;
}

/** @param {import("../core/signals.js").Signal<number>} limit */
const more = (limit) => (limit.value >= SHOWN_MAX ? html`<p class="more muted small">${t("webhooks.most", { n: number(SHOWN_MAX) })}</p>`
  : html`<p class="more"><button type="button" class="button small" @click=${() => { limit.value = SHOWN_MAX; }}>${t("jobs.more")}</button></p>`);

/** @returns {import("../ui/table.js").Column<Delivery>[]} */
const columns = () => [
  { name: "type", label: t("webhooks.event"), isHead: true, draw: (one) => html`<span class="two-lines"><code class="strong">${one.type}</code><span class="small muted">${whenOf(one.created_at)}</span></span>` },
  { name: "state", label: t("webhooks.state"), draw: (one) => html`<span class="two-lines">${deliveryBadge(one)}${answerOf(one) ? html`<span class="small muted clamped">${answerOf(one)}</span>` : null}</span>` },
  { name: "attempts", label: t("jobs.attempts"), wide: true, number: true, draw: (one) => one.attempts },
];
