/**
 * Endpoints: where an organisation is told of what happens. They and their deliveries stand in no journal (a line for each
 * delivery would call for the next one), so what is looked at asks again by itself.
 */

import { ask } from "../core/api.js";
import { html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { following } from "../core/follow.js";
import { hotkeys } from "../core/hotkeys.js";
import { inAddress, keepInAddress, page } from "../core/page.js";
import { secondsOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { failed, lines } from "../ui/loading.js";
import { offer } from "../ui/palette.js";
import { banner, empty, tag } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { ownZone, zoneWords } from "./jobs_words.js";
import { pauseOrResume, resume, sendTest } from "./webhook_acts.js";
import { openWebhookForm } from "./webhook_form.js";
import { openWebhook } from "./webhook_panel.js";
import { eventsOf, hookBadge, hostOf, isGivenUp, lookOfHook, since, siteName, strip } from "./webhook_words.js";

/** @typedef {import("./webhook_words.js").Webhook} Webhook */

const EVERY_MS = 4_000;

/** The address of an organisation's endpoints. @param {string} organisation @param {...string} parts */
export const hooksOf = (organisation, ...parts) => ["/api/organisations", organisation, "webhooks", ...parts].join("/");

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const theirs = page.organisations ?? [];
  const wished = inAddress("organisation");
  const chosen = signal(theirs.some(({ id }) => id === wished) ? wished : theirs[0]?.id ?? "");
  const order = signal({ name: "", down: false });
  const followed = following(async () => {
    const organisation = chosen.peek();
    const { data } = await ask("GET", hooksOf(organisation));
    return { organisation, webhooks: /** @type {Webhook[]} */ (data.webhooks) };
  }, EVERY_MS);
  // what was asked for another organisation is not shown for this one
  const hooks = computed(() => (followed.value.value?.organisation === chosen.value ? followed.value.value.webhooks : null));
  let isFirst = true;
  effect(() => {
    keepInAddress({ organisation: chosen.value === theirs[0]?.id ? null : chosen.value });
    if (chosen.value !== "" && isFirst) followed.start();
    else if (chosen.value !== "") followed.now();
    isFirst = false;
  });
  const it = { chosen, order, followed, hooks, again: () => { followed.now(); } };
  place.removeAttribute("aria-busy");
  render(screen(it), place);
  const create = () => openWebhookForm(chosen.peek(), null, it.again);
  const group = t("webhooks.title");
  hotkeys({ keys: "n", label: t("webhooks.new"), group, run: create }, { keys: "r", label: t("jobs.again"), group, run: it.again });
  offer(() => [
    { label: t("webhooks.new"), icon: "plus", hint: "n", run: create },
    ...(hooks.peek() ?? []).map((one) => ({ label: one.description || hostOf(one.url), icon: "hook", hint: hostOf(one.url), run: () => { openWebhook(chosen.peek(), one.id, it.again); } })),
  ]);
  if (inAddress("webhook") && chosen.peek()) openWebhook(chosen.peek(), inAddress("webhook"), it.again, inAddress("delivery"));
}

/** @param {any} it */
function screen(it) {
  const { chosen, followed } = it;
  const theirs = page.organisations ?? [];
  const choose = theirs.length < 2 ? null : html`<select class="input filter" aria-label=${t("webhooks.organisation")} @change=${(/** @type {any} */ event) => { chosen.value = event.target.value; }}>
    ${theirs.map(({ id, name }) => html`<option value=${id} ?selected=${id === chosen.peek()}>${name}</option>`)}</select>`;
  return html`<div class="page-head"><div class="titles"><h1>${t("webhooks.title")}</h1><p class="muted small">${theirs.length === 1 ? `${theirs[0].name} · ` : ""}${t("webhooks.times_in", { zone: zoneWords(ownZone) })}</p></div><span class="grow"></span>
      <div class="row wrap">${() => asOf(followed)}${choose}${csvButton(() => saveCsv("webhooks.csv", columns(it), it.hooks.peek() ?? []))}
      <button type="button" class="button primary" ?disabled=${theirs.length === 0} @click=${() => openWebhookForm(chosen.peek(), null, it.again)}>${icon("plus")}${t("webhooks.new")}</button></div></div>
    <div class="hooks stack">${() => content(it)}</div>`;
}

/** When what is shown was so; said as a state once it cannot be asked for. @param {any} followed */
function asOf({ at, problem }) {
  if (problem.value) return tag("bad", "offline", t("jobs.as_of", { at: at.value === 0 ? "–" : secondsOf(at.value) }));
  return at.value === 0 ? null : html`<span class="muted small">${t("jobs.as_of", { at: secondsOf(at.value) })}</span>`;
}

/** @param {any} it */
function content(it) {
  const { chosen, followed, hooks, order, again } = it;
  if (chosen.value === "") return empty({ icon: "building", title: t("webhooks.no_organisation"), text: t("webhooks.no_organisation_text") });
  const found = hooks.value;
  if (found === null) return followed.problem.value ? failed(followed.problem.value, again) : lines();
  if (found.length === 0) {
    return empty({ icon: "hook", title: t("webhooks.none"), text: t("webhooks.none_text"), action: html`<button type="button" class="button primary" @click=${() => openWebhookForm(chosen.peek(), null, again)}>${icon("plus")}${t("webhooks.new")}</button>` });
  }
  return html`${followed.problem.value ? failed(followed.problem.value, again) : null}
    ${found.filter(isGivenUp).slice(0, 3).map((/** @type {Webhook} */ one) => notice(it, one))}
    ${table({ label: t("webhooks.title"), columns: columns(it), rows: found, key: ({ id }) => id, order: order.value, onOrder: (next) => { order.value = next; }, onOpen: (one) => { openWebhook(chosen.peek(), one.id, again); } })}
    <p class="soft small hooks-text">${t("webhooks.about")}</p>`;
}

/** @param {any} it @param {Webhook} one */
const notice = (it, one) => banner("bad", "alert", html`<p class="strong">${t("webhooks.given_up_title", { host: hostOf(one.url) })}</p><p>${t("webhooks.given_up_text", { since: since(one) })}</p>
  <p class="row wrap"><button type="button" class="button small" @click=${() => resume(it.chosen.peek(), one, it.again)}>${icon("redo", "small")}${t("webhooks.resume")}</button>
    <button type="button" class="button small" @click=${() => { openWebhook(it.chosen.peek(), one.id, it.again); }}>${icon("search", "small")}${t("webhooks.look")}</button></p>`);

/** @param {any} it @returns {import("../ui/table.js").Column<Webhook>[]} */
const columns = (it) => [
  { name: "url", label: t("webhooks.endpoint"), isHead: true, value: (one) => one.description || one.url, csv: (one) => one.url, draw: (one) => html`<span class="two-lines hook-name"><span class="strong">${one.description || hostOf(one.url)}</span><span class="small muted mono">${one.url}</span></span>` },
  { name: "site", label: t("webhooks.where"), wide: true, value: (one) => siteName(one.site), draw: (one) => siteName(one.site) },
  { name: "events", label: t("webhooks.events"), wide: true, draw: eventsOf, csv: (one) => one.events.join(" ") },
  { name: "state", label: t("webhooks.state"), value: (one) => lookOfHook(one)[2], draw: (one) => html`<span class="two-lines">${hookBadge(one)}${since(one) ? html`<span class="small muted">${since(one)}</span>` : null}</span>` },
  { name: "recent", label: t("webhooks.recent"), wide: true, draw: strip },
  { name: "acts", label: t("table.acts"), isQuiet: true, narrow: true, wide: true, draw: (one) => html`<span class="row row-acts">
    <button type="button" class="button quiet icon-only" aria-label=${t("webhooks.test_of", { host: hostOf(one.url) })} data-tip=${t("webhooks.test")} ?disabled=${!one.active} @click=${() => sendTest(it.chosen.peek(), one, it.again)}>${icon("play")}</button>
    <button type="button" class="button quiet icon-only" aria-label=${t(one.active ? "webhooks.pause_of" : "webhooks.resume_of", { host: hostOf(one.url) })} data-tip=${t(one.active ? "webhooks.pause" : "webhooks.resume")} @click=${() => pauseOrResume(it.chosen.peek(), one, it.again)}>${icon(one.active ? "pause" : "redo")}</button></span>` },
];
