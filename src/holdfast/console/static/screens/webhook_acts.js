/** What can be done with an endpoint in one step: try it, pause it, let it go on, give it another secret, remove it. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { fullOf } from "../core/time.js";
import { secretLine } from "../ui/copy.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { banner } from "../ui/status.js";
import { done, toast } from "../ui/toast.js";
import { openDelivery } from "./webhook_delivery.js";
import { hostOf } from "./webhook_words.js";
import { hooksOf } from "./webhooks.js";

/** @typedef {import("./webhook_words.js").Webhook} Webhook */

/** Sends a test, and shows what becomes of it. @param {string} organisation @param {Webhook} hook @param {() => void} then */
export const sendTest = (organisation, hook, then) => done(async () => {
  const { data } = await ask("POST", hooksOf(organisation, hook.id, "test"));
  openDelivery(organisation, hook.id, data.id, then);
}, then);

/** @param {string} organisation @param {Webhook} hook @param {() => void} then */
export const resume = (organisation, hook, then) => done(async () => {
  await ask("POST", hooksOf(organisation, hook.id, "resume"));
  toast(t("webhooks.resumed", { host: hostOf(hook.url) }));
}, then);

/** @param {string} organisation @param {Webhook} hook @param {() => void} then */
export const pauseOrResume = (organisation, hook, then) => (hook.active ? done(async () => {
  await ask("POST", hooksOf(organisation, hook.id, "pause"));
  toast(t("webhooks.paused", { host: hostOf(hook.url) }), { act: { label: t("jobs.undo"), run: () => { resume(organisation, hook, then); } } });
}, then) : resume(organisation, hook, then));

/** @param {string} organisation @param {Webhook} hook @param {() => void} then */
export async function rotate(organisation, hook, then) {
  if (!await confirmDialog({ title: t("webhooks.rotate_title"), text: t("webhooks.rotate_text"), act: t("webhooks.rotate") })) return;
  await done(async () => {
    const { data } = await ask("POST", hooksOf(organisation, hook.id, "rotate"));
    showSecret(data);
  }, then);
}

/** @param {string} organisation @param {Webhook} hook @param {() => void} then @returns {Promise<boolean>} whether it is gone */
export async function remove(organisation, hook, then) {
  if (!await confirmDialog({ title: t("webhooks.remove_title"), text: t("webhooks.remove_text", { host: hostOf(hook.url) }), act: t("webhooks.remove"), danger: true })) return false;
  return await done(async () => {
    await ask("DELETE", hooksOf(organisation, hook.id));
    toast(t("webhooks.removed", { host: hostOf(hook.url) }));
  }, then);
}

const VERIFY = `from standardwebhooks import Webhook

def read(body: bytes, headers: dict[str, str]) -> dict:
    return Webhook(SECRET).verify(body, headers)`;

/** The secret, once. @param {Webhook} made @returns {Promise<any>} when it was put away */
export function showSecret(made) {
  const opened = openDialog({
    title: t("webhooks.secret_title"), kind: "dialog wide",
    body: html`${banner("soon", "warning", html`<p class="strong">${t("webhooks.secret_once")}</p><p>${made.before_until ? t("webhooks.secret_both", { until: fullOf(made.before_until) }) : t("webhooks.secret_once_text")}</p>`)}
      ${secretLine(made.secret ?? "", t("webhooks.secret"))}
      <p class="small muted">${t("webhooks.secret_use")}</p><pre class="terminal" tabindex="0" aria-label=${t("webhooks.secret_use")}>${VERIFY}</pre>`,
    foot: html`<button type="button" class="button primary" @click=${() => opened.close()}>${icon("check")}${t("webhooks.secret_kept")}</button>`,
  });
  return opened.closed;
}
