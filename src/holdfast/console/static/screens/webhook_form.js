/** A new endpoint, or another address, description or other events for one there is. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { errorAt, field, segments, sending } from "../ui/form.js";
import { picker } from "../ui/picker.js";
import { toast } from "../ui/toast.js";
import { formDialog } from "./board_acts.js";
import { showSecret } from "./webhook_acts.js";
import { hostOf, isByMail, mailTo } from "./webhook_words.js";
import { hooksOf } from "./webhooks.js";

/** @typedef {import("./webhook_words.js").Webhook} Webhook */

const ALL = "*";

/** @param {string} type */
const groupOf = (type) => type.split(".")[0];
const types = () => page.events ?? [];

/** What an endpoint is to be told, as patterns: a whole group is named as one, so that later types of it count, too.
 * @param {Set<string>} chosen @returns {string[]} */
export function patternsOf(chosen) {
  const groups = [...new Set(types().map(groupOf))];
  return groups.flatMap((group) => {
    const members = types().filter((type) => groupOf(type) === group);
    return members.every((type) => chosen.has(type)) ? [`${group}.*`] : members.filter((type) => chosen.has(type));
  });
}

/** @param {string} organisation @param {Webhook | null} hook null for a new one @param {() => void} then */
export function openWebhookForm(organisation, hook, then) {
  const byMail = signal(hook !== null && isByMail(hook));
  const alerts = page.alerts ?? [];
  const isWhole = hook === null || hook.events.includes(ALL) || (isByMail(hook) && hook.types.length === alerts.length);
  const isAll = signal(isWhole);
  const chosen = signal(new Set(hook === null || isWhole ? [] : hook.types));
  // what may be told by mail is less, and is named type by type
  const wanted = () => (byMail.peek() ? (isAll.peek() ? alerts : alerts.filter((type) => chosen.peek().has(type))) : isAll.peek() ? [ALL] : patternsOf(chosen.peek()));
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const body = { url: byMail.peek() ? mailTo(values.mail ?? "") : values.url ?? "", description: values.description ?? "", events: wanted() };
    if (hook === null) {
      const { data } = await ask("POST", hooksOf(organisation), { body: { ...body, ...(values.site ? { site: values.site } : {}) } });
      opened.close();
      then();
      if (data.secret) await showSecret(data);
      else toast(t("webhooks.mail_made", { host: hostOf(data.url) }));
    } else {
      await ask("PATCH", hooksOf(organisation, hook.id), { body });
      opened.close();
      then();
      toast(t("webhooks.changed", { host: hostOf(body.url) }));
    }
  });
  const sites = page.sites.filter(({ id }) => page.homes?.[String(id)] === organisation);
  const choices = () => (byMail.value ? alerts : types()).map((type) => ({ value: type, label: type.slice(groupOf(type).length + 1), group: `${groupOf(type)}.*` }));
  const which = (/** @type {boolean} */ value, /** @type {string} */ word) => html`<label class="choice"><input type="radio" name="which" value=${String(value)} ?checked=${isAll.peek() === value} @change=${() => { isAll.value = value; }}>
    <span><span class="strong">${t(`webhooks.${word}`)}</span><span class="muted small">${() => t(byMail.value && value ? "webhooks.all_alerts" : `webhooks.${word}_text`)}</span></span></label>`;
  const opened = formDialog({
    title: t(hook === null ? "webhooks.new" : "webhooks.edit_title"), form, go: t(hook === null ? "webhooks.make" : "webhooks.save"),
    fields: () => html`${hook === null ? html`<div class="whole hook-which">${() => segments({ label: t("webhooks.whom"), value: byMail.value ? "mail" : "program", onChange: (value) => { byMail.value = value === "mail"; }, options: ["program", "mail"].map((value) => ({ value, label: t(`webhooks.whom_${value}`), icon: value === "mail" ? "mail" : "hook" })) })}</div>` : null}
      ${() => (byMail.value ? field({ name: "mail", label: t("people.email"), type: "email", hint: t("webhooks.mail_hint"), required: true, whole: true, value: hook ? hostOf(hook.url) : "", error: errorAt(form.problem.value, "url") }) : field({ name: "url", label: t("webhooks.url"), type: "url", hint: t("webhooks.url_hint"), placeholder: "https://", required: true, autofocus: true, whole: true, value: hook?.url ?? "", error: errorAt(form.problem.value, "url") }))}
      ${field({ name: "description", label: t("webhooks.description"), value: hook?.description ?? "", required: false, whole: hook !== null })}
      ${hook === null ? field({ name: "site", label: t("webhooks.where"), value: "", options: [{ value: "", label: t("webhooks.all_sites") }, ...sites.map(({ slug, name }) => ({ value: slug, label: name }))] }) : null}
      <fieldset class="whole choices-list"><legend class="label">${t("webhooks.events")}</legend>${which(true, "everything")}${which(false, "chosen")}</fieldset>
      ${() => (isAll.value ? null : html`<div class="whole hook-picker">${picker({ label: t("webhooks.events"), choices: choices(), chosen })}</div>`)}`,
  });
}
