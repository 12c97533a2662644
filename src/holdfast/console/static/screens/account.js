/** One's own account: who one is, how one gets in, where one is signed in, and what one may. */

import { ask } from "../core/api.js";
import { each, html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { language, t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { clock, distanceOf, fullOf } from "../core/time.js";
import { setLanguage } from "../frame/look.js";
import { confirmDialog } from "../ui/dialog.js";
import { errorAt, field, sending, typedOf, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { passwordField } from "../ui/password.js";
import { empty, tag } from "../ui/status.js";
import { toast } from "../ui/toast.js";
import { factorCard } from "./account_factor.js";
import { tell } from "./board_acts.js";
import { problemNote } from "./conflict.js";

const ACTIVE_MS = 120_000;

/** @typedef {{id: string, created_at: string, seen_at: string, ends_at: string, address: string, agent: string, is_this: boolean}} Session */

export async function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const [{ data: me }, { data: mine }, { data: sites }] = await Promise.all([ask("GET", "/api/session"), ask("GET", "/api/organisations?limit=500"), ask("GET", "/api/sites?limit=500")]);
  place.removeAttribute("aria-busy");
  if (me.account === null) {
    render(html`<div class="page-head"><h1>${t("account.title")}</h1></div>${empty({ icon: "user", title: t("account.none"), text: t("account.none_text"), action: html`<a class="button primary" href="/set-up">${t("account.none_act")}</a>` })}`, place);
    return;
  }
  const account = signal(me.account);
  render(html`<div class="account"><div class="page-head"><div class="titles"><h1>${t("account.title")}</h1><p class="muted">${me.account.email}</p></div></div>
    <div class="account-cards"><div class="stack">${profileCard(account)}${passwordCard(account)}</div><div class="stack">${factorCard(account)}${rolesCard(me.grants, mine.organisations, sites.sites)}</div></div>
    ${sessionsCard()}</div>`, place);
}

/** @param {string} title @param {string} text @param {any} content */
export const card = (title, text, content) => html`<section class="card stack"><div><h2>${title}</h2>${text ? html`<p class="soft">${text}</p>` : null}</div>${content}</section>`;

/** @param {import("../core/signals.js").Signal<any>} account */
function profileCard(account) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const { data } = await ask("PATCH", "/api/account", { body: { name: values.name ?? "", phone: values.phone ?? null, language: values.language } });
    account.value = data;
    if (values.language !== language) return setLanguage(values.language);
    toast(t("account.saved"));
  });
  return card(t("account.profile"), "", html`<form class="stack" @submit=${submit(form)}>
    ${() => field({ name: "name", label: t("account.name"), value: account.peek().name, autocomplete: "name", required: true, error: errorAt(form.problem.value, "name") })}
    ${() => field({ name: "phone", label: t("account.phone"), type: "tel", value: account.peek().phone ?? "", autocomplete: "tel", required: false, error: errorAt(form.problem.value, "phone") })}
    ${field({ name: "language", label: t("account.language"), value: account.peek().language, hint: t("account.language_hint"), options: Object.entries(page.languages).map(([value, label]) => ({ value, label })) })}
    ${others(form, ["name", "phone"])}${foot(form, t("account.save"))}</form>`);
}

/** @param {import("../core/signals.js").Signal<any>} account */
function passwordCard(account) {
  const round = signal(0);
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await ask("POST", "/api/account/password", { body: { new: values.new_password ?? "", ...(values.present ? { present: values.present } : {}) } });
    account.value = { ...account.peek(), has_password: true };
    round.value += 1;
    toast(t("account.password_changed"));
  });
  const wrong = () => (form.problem.value?.code === "wrong_credentials" ? t("account.password_wrong") : null);
  const weak = () => (form.problem.value?.code === "weak_password" ? form.problem.value.message : null);
  return card(t("account.password"), t("account.password_text"), html`${() => { round.value; return html`<form class="stack" @submit=${(/** @type {any} */ event) => { event.preventDefault(); form.submit(typedOf(event.target)); }}>
    <input type="hidden" autocomplete="username" value=${account.peek().email}>
    ${account.peek().has_password ? passwordField({ name: "present", label: t("account.password_present"), error: wrong }) : null}
    ${passwordField({ name: "new_password", label: t("account.password_new"), isNew: true, hint: t("form.password_hint"), near: [account.peek().email, account.peek().name], error: weak })}
    ${() => (form.problem.value && !wrong() && !weak() ? problemNote(form.problem.value) : null)}${foot(form, t("account.password_change"))}</form>`; }}`);
}

/** @param {any} form */
const submit = (form) => (/** @type {any} */ event) => { event.preventDefault(); form.submit(valuesOf(event.target)); };

/** @param {any} form @param {string} word */
export const foot = (form, word) => html`<div class="row"><button class="button primary" aria-busy=${() => String(form.busy.value)}>${word}</button></div>`;

/** What is refused of no field that is shown. @param {any} form @param {string[]} names */
const others = (form, names) => html`${() => (form.problem.value && !names.includes(form.problem.value.data?.field) ? problemNote(form.problem.value) : null)}`;

/** @param {any[]} grants @param {{id: string, name: string}[]} organisations @param {any[]} sites */
function rolesCard(grants, organisations, sites) {
  const named = (/** @type {any} */ grant) => organisations.find(({ id }) => id === grant.organisation)?.name ?? "";
  const placed = (/** @type {any} */ grant) => (grant.site_id === null ? t("account.all_sites") : sites.find(({ id }) => id === grant.site_id)?.name ?? t("account.one_site"));
  return card(t("account.roles"), "", grants.length === 0 ? html`<p class="soft">${t("account.no_roles")}</p>` : html`<ul class="account-lines">${grants.map((grant) => html`<li>
    <span class="grow"><span class="strong">${named(grant)}</span><span class="muted small">${placed(grant)}</span></span>${tag("accent", "shield", t(`role.${grant.role}`))}</li>`)}</ul>`);
}

function sessionsCard() {
  /** @type {import("../core/signals.js").Signal<Session[] | null>} */ const sessions = signal(null);
  const load = async () => { sessions.value = (await ask("GET", "/api/account/sessions")).data.sessions; };
  load().catch((error) => tell(error, t("account.sessions")));
  const end = async (/** @type {Session} */ session) => {
    try {
      await ask("DELETE", `/api/account/sessions/${session.id}`);
      toast(t("account.session_ended"));
      await load();
    } catch (error) {
      tell(error, deviceOf(session.agent));
    }
  };
  const endAll = async () => {
    if (!(await confirmDialog({ title: t("account.end_all"), text: t("account.end_all_text"), act: t("account.end_all"), danger: true }))) return;
    await ask("DELETE", "/api/account/sessions");
    location.assign("/sign-in?told=out");
  };
  const line = (/** @type {Session} */ session) => html`<li>${icon(isPhone(session.agent) ? "phone" : "globe")}<span class="grow"><span class="row wrap"><span class="strong">${deviceOf(session.agent)}</span>${session.is_this ? tag("free", "check", t("account.this_one")) : null}</span>
    <span class="muted small">${t("account.session_text", { seen: seenOf(session), since: fullOf(session.created_at), address: session.address })}</span></span>
    ${session.is_this ? null : html`<button type="button" class="button small" aria-label=${t("account.end_of", { device: deviceOf(session.agent) })} @click=${() => end(session)}>${t("account.end")}</button>`}</li>`;
  return html`<section class="card stack account-sessions"><div class="row wrap"><h2 class="grow">${t("account.sessions")}</h2><button type="button" class="button danger" @click=${endAll}>${icon("logout")}${t("account.end_all")}</button></div>
    ${() => (sessions.value === null ? html`<div class="skeleton line"></div>` : html`<ul class="account-lines">${each(sessions.value, ({ id }) => id, line)}</ul>`)}</section>`;
}

/** @param {Session} session */
function seenOf(session) {
  const ago = clock.now() - Date.parse(session.seen_at);
  return session.is_this || ago < ACTIVE_MS ? t("account.seen_now") : t("account.seen_ago", { ago: distanceOf(ago) });
}

/** @param {string} agent */
const isPhone = (agent) => /mobile|android|iphone/i.test(agent);

/** The browser and the system that a User-Agent names, as people call them. @param {string} agent */
export function deviceOf(agent) {
  const browser = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]].find(([mark]) => agent.includes(mark))?.[1];
  const system = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["CrOS", "ChromeOS"], ["Linux", "Linux"]].find(([mark]) => agent.includes(mark))?.[1];
  if (browser === undefined) return agent.split(" ")[0] || t("account.unknown_device");
  return system === undefined ? browser : t("account.device", { browser, system });
}
