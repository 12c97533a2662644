/** A limit: how many may run at once and how many may start in a second, of a queue, a function or a key of the jobs' own. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { openDialog } from "../ui/dialog.js";
import { field, sending, valuesOf } from "../ui/form.js";
import { done, toast } from "../ui/toast.js";
import { problemNote } from "./conflict.js";

/** @param {any} limit null for a new one; `isNew` where only its key is known @param {() => void} then */
export function openLimit(limit, then) {
  const isThere = limit !== null && !limit.isNew;
  const sent = sending(async (/** @type {Record<string, string>} */ given) => {
    const key = limit?.key ?? given.key;
    const whole = (/** @type {string | undefined} */ text) => (text === undefined ? null : Number(text));
    await ask("PUT", `/api/limits/${encodeURIComponent(key)}`, { body: { running_max: whole(given.running_max), rate_per_s: whole(given.rate_per_s), burst: Number(given.burst ?? 1) } });
    toast(t("jobs.limit_set", { key }));
    opened.close();
    then();
  });
  const drop = async () => { if (await done(async () => { await ask("DELETE", `/api/limits/${encodeURIComponent(limit.key)}`); toast(t("jobs.limit_gone", { key: limit.key })); }, then)) opened.close(); };
  const opened = openDialog({
    title: isThere || limit ? t("jobs.limit_of", { key: limit.key }) : t("jobs.new_limit"),
    body: html`${() => (sent.problem.value ? problemNote(sent.problem.value) : null)}<p class="soft">${t("jobs.limit_text")}</p>
      <form id="limit-form" class="form-grid" @submit=${(/** @type {any} */ event) => { event.preventDefault(); sent.submit(valuesOf(event.target)); }}>
        ${limit ? null : field({ name: "key", id: "limit-key", label: t("jobs.limited"), required: true, whole: true, hint: t("jobs.limited_hint") })}
        ${field({ name: "running_max", label: t("jobs.running_max"), type: "number", min: "1", step: "1", required: false, value: limit?.running_max ?? "" })}
        ${field({ name: "rate_per_s", label: t("jobs.rate_per_s"), type: "number", min: "0", step: "any", required: false, value: limit?.rate_per_s ?? "" })}
        ${field({ name: "burst", label: t("jobs.burst"), type: "number", min: "1", step: "1", value: limit?.burst ?? 1, hint: t("jobs.burst_hint") })}</form>`,
    foot: () => html`${isThere ? html`<button type="button" class="button danger" @click=${drop}>${t("jobs.limit_drop")}</button><span class="grow"></span>` : null}
      <button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button type="submit" form="limit-form" class="button primary" aria-busy=${String(sent.busy.value)}>${t("schedule.save")}</button>`,
  });
}
