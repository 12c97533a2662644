/** When a store is verified by itself: seen, switched off and on, put at another time or over other days. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { whenOf } from "../core/time.js";
import { errorAt, field, sending } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { loading } from "../ui/loading.js";
import { tag } from "../ui/status.js";
import { toast } from "../ui/toast.js";
import { formDialog } from "./board_acts.js";
import { refused } from "./run_acts.js";
import { farOff, ruleWords, syncBadge } from "./store_words.js";

/** @typedef {{rule: string, days: number | null, is_enabled: boolean, next_at: string | null, asked_at: string | null, run: string | null, state: string | null, ended_at: string | null}} Verification */

/** What is known of it, kept true by the store's events. */
export function verification() {
  const told = loading(async (given) => /** @type {Verification} */ ((await ask("GET", here("sync", "verification"), { signal: given })).data));
  siteStore().onEvent(({ type }) => { if (type === "connection.changed" || type === "sync.started" || type === "sync.ended") told.again(); });
  siteStore().onRenew(() => { told.now(); });
  told.now();
  return told;
}

/** @param {ReturnType<typeof verification>} told */
export function verificationCard(told) {
  const found = told.value.value;
  if (found === null) return null;
  return html`<section class="card verification"><span class="source-mark">${icon("check-circle")}</span><div class="grow"><h3>${t("store.verification")}</h3>
      <p class="small soft">${found.is_enabled ? html`${ruleWords(found.rule)}, ${daysWords(found.days)}` : t("store.verification_off")}</p></div>
    <dl class="facts">${found.is_enabled && found.next_at ? html`<dt>${t("store.next")}</dt><dd>${() => whenOf(/** @type {string} */ (found.next_at))} <span class="muted">${() => farOff(/** @type {string} */ (found.next_at))}</span></dd>` : null}
      <dt>${t("store.last_read")}</dt><dd>${found.run === null ? html`<span class="muted">${t("store.not_yet")}</span>` : html`<a class="badge-link" href=${`/console/${page.site.slug}/runs?run=${found.run}`} aria-label=${t("store.its_run")}>${found.state ? syncBadge(found.state) : tag("off", "minus", "–")}</a>`}</dd></dl>
    ${may("settings") ? html`<div class="row"><button type="button" class="button small" aria-label=${t("store.verification_change")} @click=${() => change(found, told.now)}>${icon("edit", "small")}${t("store.edit")}</button>
      <button type="button" class="button small quiet" aria-label=${t(found.is_enabled ? "store.verification_pause" : "store.verification_go_on")} @click=${() => put({ is_enabled: !found.is_enabled }, told.now)}>${icon(found.is_enabled ? "pause" : "play", "small")}${t(found.is_enabled ? "store.pause" : "store.go_on")}</button></div>` : null}</section>`;
}

/** Of how many days rows are compared. @param {number | null} days */
function daysWords(days) {
  if (days === null) return t("store.days_all");
  return days === 0 ? t("store.days_none") : t("store.days", { n: days });
}

/** @param {any} body @param {() => void} then */
async function put(body, then) {
  try {
    await ask("PATCH", here("sync", "verification"), { body });
    toast(t("store.verification_is_changed"));
    then();
  } catch (error) {
    refused(error);
  }
}

/** @param {Verification} found @param {() => void} then */
function change(found, then) {
  const form = sending(async (/** @type {Record<string, string>} */ { rule = "", days }) => {
    await ask("PATCH", here("sync", "verification"), { body: { rule, days: days === undefined ? null : Number(days), is_enabled: true } });
    opened.close();
    toast(t("store.verification_is_changed"));
    then();
  });
  const opened = formDialog({
    title: t("store.verification_change"), form, go: t("store.save"),
    fields: () => html`<p class="soft whole">${t("sync.verify_text")}</p>
      ${field({ name: "rule", label: t("store.rule"), required: true, autofocus: true, value: found.rule, hint: t("store.rule_hint"), error: errorAt(form.problem.value, "rule") })}
      ${field({ name: "days", label: t("store.days_label"), type: "number", min: "0", required: false, value: found.days === null ? "" : String(found.days), hint: t("store.days_hint") })}`,
  });
}
