/** The team with its roles at each site, and who is invited. */

import { ask } from "../core/api.js";
import { each, html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { dateNameOf, fullOf } from "../core/time.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { errorAt, field, sending, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { empty, tag } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { toast } from "../ui/toast.js";
import { formDialog, tell } from "./board_acts.js";
import { problemNote } from "./conflict.js";
import { failed, grantable, org, placeName, places } from "./people.js";

/** @typedef {import("./people.js").Circle} Circle */
/** @typedef {import("./people.js").Person} Role one role of one person */
/** @typedef {{account: string, email: string, name: string, roles: Role[], has_second_factor: boolean, is_disabled: boolean, signed_in_at: string | null}} Member */

/** @param {Role[]} lines @returns {Member[]} */
function members(lines) {
  /** @type {Map<string, Member>} */ const found = new Map();
  for (const line of lines) {
    const { account, email, name, has_second_factor, is_disabled, signed_in_at } = line;
    const one = found.get(account) ?? { account, email, name, roles: [], has_second_factor, is_disabled, signed_in_at };
    one.roles.push(line);
    found.set(account, one);
  }
  return [...found.values()];
}

/** All lines of a list that comes in pages. @param {string} path @param {string} name @returns {Promise<any[]>} */
export async function all(path, name) {
  const found = [];
  for (let cursor = ""; ; ) {
    const { data } = await ask("GET", `${path}${path.includes("?") ? "&" : "?"}limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    found.push(...data[name]);
    if (!data.next) return found;
    cursor = data.next;
  }
}

/** @param {Circle} circle */
export function teamTab(circle) {
  /** @type {import("../core/signals.js").Signal<Member[] | null>} */ const team = signal(null);
  /** @type {import("../core/signals.js").Signal<any[]>} */ const invited = signal([]);
  const problem = signal(/** @type {unknown} */ (null));
  const order = signal({ name: "name", down: false });
  const again = async () => {
    const lines = await all(`${org("people")}${circle.isWide ? "" : `?site=${page.site.slug}`}`, "people");
    for (const { account, name } of lines) circle.names.set(account, name);
    if (circle.isWide) invited.value = (await ask("GET", org("invitations"))).data.invitations;
    team.value = members(lines);
    problem.value = null;
  };
  const load = () => again().catch((error) => { problem.value = error; });
  circle.again.set("team", again);
  load();
  const columns = [
    { name: "name", label: t("people.name"), isHead: true, value: (/** @type {Member} */ one) => one.name, draw: (/** @type {Member} */ one) => html`<span class="person"><span class="avatar" aria-hidden="true">${initials(one.name)}</span><span><span class="strong">${one.name}</span>
      ${one.account === circle.me.account?.id ? tag("accent", "user", t("people.you")) : null}${one.is_disabled ? tag("off", "ban", t("people.closed")) : null}<span class="muted small">${one.email}</span></span></span>` },
    { name: "roles", label: t("people.roles"), draw: (/** @type {Member} */ one) => html`<span class="row wrap">${one.roles.map(({ role, site }) => html`<span class="role-chip">${t(`role.${role}`)}<span class="muted">${placeName(site)}</span></span>`)}</span>` },
    { name: "factor", label: t("people.factor"), wide: true, narrow: true, draw: (/** @type {Member} */ one) => (one.has_second_factor ? tag("free", "shield", t("people.factor_on")) : html`<span class="muted">${t("people.factor_off")}</span>`) },
    { name: "seen", label: t("people.signed_in"), wide: true, narrow: true, value: (/** @type {Member} */ one) => one.signed_in_at, draw: (/** @type {Member} */ one) => html`<span class="muted">${one.signed_in_at ? dateNameOf(one.signed_in_at) : t("people.never")}</span>` },
    { name: "open", label: t("table.acts"), isQuiet: true, narrow: true, draw: (/** @type {Member} */ one) => html`<button type="button" class="button quiet icon-only" aria-label=${t("people.change", { name: one.name })} @click=${() => memberPanel(circle, one, load)}>${icon("chevron-right")}</button>` },
  ];
  /** @type {import("../ui/table.js").Column<Member>[]} */ const told = [
    { name: "name", label: t("people.name"), draw: () => "", value: (one) => one.name }, { name: "email", label: t("booking.email"), draw: () => "", value: (one) => one.email },
    { name: "roles", label: t("people.roles"), draw: () => "", value: (one) => one.roles.map(({ role, site }) => `${t(`role.${role}`)} (${placeName(site)})`).join(", ") },
    { name: "factor", label: t("people.factor"), draw: () => "", value: (one) => t(one.has_second_factor ? "people.factor_on" : "people.factor_off") },
    { name: "seen", label: t("people.signed_in"), draw: () => "", value: (one) => one.signed_in_at },
  ];
  return html`<div class="stack"><div class="row wrap"><p class="soft grow">${circle.isWide ? t("people.team_text") : t("people.team_text_site", { site: page.site.name })}</p>
      ${csvButton(() => saveCsv(`${page.site.slug}-team.csv`, told, team.peek() ?? []))}<button type="button" class="button primary" @click=${() => invite(circle, load)}>${icon("plus")}${t("people.invite")}</button></div>
    ${() => (problem.value ? failed(problem.value) : team.value === null ? html`<div class="skeleton line"></div>` : table({ label: t("people.tab_team"), columns, rows: team.value, key: (one) => one.account, order: order.value, onOrder: (next) => { order.value = next; }, onOpen: (one) => memberPanel(circle, one, load) }))}
    ${() => (invited.value.length === 0 ? null : html`<section class="stack"><h2>${t("people.invitations")}</h2><ul class="card account-lines">${each(invited.value, ({ id }) => id, (one) => invitation(one, load))}</ul></section>`)}</div>`;
}

/** @param {string} name */
const initials = (name) => name.split(/\s+/).map((part) => part[0]).filter(Boolean).slice(0, 2).join("").toUpperCase();

/** @param {any} one @param {() => Promise<void>} load */
function invitation(one, load) {
  const withdraw = async () => {
    if (!(await confirmDialog({ title: t("people.withdraw_title"), text: t("people.withdraw_text", { email: one.email }), act: t("people.withdraw"), danger: true }))) return;
    try {
      await ask("DELETE", org("invitations", one.id));
      toast(t("people.withdrawn", { email: one.email }));
    } catch (error) {
      tell(error, one.email);
    }
    await load();
  };
  const site = one.site_id === null ? null : page.sites.find(({ id }) => id === one.site_id)?.slug ?? "";
  return html`<li>${icon("mail")}<span class="grow"><span class="strong">${one.email}</span><span class="muted small">${t("people.invited_text", { role: t(`role.${one.role}`), place: placeName(site), until: fullOf(one.expires_at) })}</span></span>
    <button type="button" class="button small" aria-label=${t("people.withdraw_of", { email: one.email })} @click=${withdraw}>${t("people.withdraw")}</button></li>`;
}

/** @param {Circle} circle @param {() => Promise<void>} load */
function invite(circle, load) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await ask("POST", org("invitations"), { body: { email: values.email ?? "", role: values.role ?? "", language: values.language, ...(values.site ? { site: values.site } : {}) } });
    toast(t("people.invited", { email: values.email }));
    opened.close();
    await load();
  });
  const roles = grantable(circle);
  const opened = formDialog({
    title: t("people.invite"), form, go: t("people.send"),
    fields: () => html`${() => field({ name: "email", label: t("people.email"), type: "email", required: true, autofocus: true, whole: true, error: errorAt(form.problem.value, "email") })}
      <fieldset class="whole choices-list"><legend class="label">${t("people.role")}</legend>${roles.map(({ role }) => html`<label class="choice"><input type="radio" name="role" value=${role} required ?checked=${role === "staff"}><span><span class="strong">${t(`role.${role}`)}</span><span class="muted small">${t(`people.may_${role}`)}</span></span></label>`)}</fieldset>
      ${field({ name: "site", label: t("people.where"), value: circle.isWide ? "" : page.site.slug, options: places(circle) })}
      ${field({ name: "language", label: t("people.mail_language"), value: page.look.language, options: Object.entries(page.languages).map(([value, label]) => ({ value, label })) })}`,
  });
}

/** @param {Circle} circle @param {Member} member @param {() => Promise<void>} load */
function memberPanel(circle, member, load) {
  const roles = signal(member.roles);
  const problem = signal(/** @type {any} */ (null));
  const allowed = grantable(circle);
  const mayTouch = (/** @type {Role} */ line) => (circle.isWide || line.site !== null) && allowed.some(({ role }) => role === line.role);
  const done = async (/** @type {string} */ word, /** @type {() => Promise<any>} */ work, /** @type {Role[]} */ after) => {
    problem.value = null;
    try {
      await work();
      roles.value = after;
      toast(word);
      await load();
    } catch (error) {
      problem.value = error;
    }
  };
  const give = (/** @type {string | null} */ site, /** @type {string} */ role) => done(t("people.given", { name: member.name, role: t(`role.${role}`) }), () => ask("PUT", org("people", member.account), { body: { role, ...(site === null ? {} : { site }) } }),
    [...roles.peek().filter((line) => line.site !== site), { ...member.roles[0], site, role }]);
  const take = async (/** @type {Role} */ line) => {
    const text = t("people.take_text", { name: member.name, role: t(`role.${line.role}`), place: placeName(line.site) });
    if (!(await confirmDialog({ title: t("people.take_title"), text, act: t("people.take"), danger: true }))) return;
    await done(t("people.taken", { name: member.name }), () => ask("DELETE", `${org("people", member.account)}${line.site === null ? "" : `?site=${encodeURIComponent(line.site)}`}`), roles.peek().filter((one) => one.site !== line.site));
  };
  const line = (/** @type {Role} */ one) => html`<li><span class="grow strong">${placeName(one.site)}</span>${mayTouch(one)
    ? html`<select class="input" aria-label=${t("people.role_at", { place: placeName(one.site) })} @change=${(/** @type {any} */ event) => give(one.site, event.target.value)}>${allowed.map(({ role }) => html`<option value=${role} ?selected=${role === one.role}>${t(`role.${role}`)}</option>`)}</select>
      <button type="button" class="button quiet icon-only" aria-label=${t("people.take_at", { place: placeName(one.site) })} data-tip=${t("people.take")} @click=${() => take(one)}>${icon("trash")}</button>`
    : html`<span class="role-chip">${t(`role.${one.role}`)}</span>`}</li>`;
  const more = () => {
    const free = places(circle).filter(({ value }) => !roles.value.some(({ site }) => (site ?? "") === value));
    if (free.length === 0 || allowed.length === 0) return null;
    return html`<form class="form-grid" @submit=${(/** @type {any} */ event) => { event.preventDefault(); const values = valuesOf(event.target); give(values.site ?? null, values.role ?? ""); }}>
      ${field({ name: "site", id: "more-site", label: t("people.where"), options: free })}${field({ name: "role", id: "more-role", label: t("people.role"), options: allowed.map(({ role }) => ({ value: role, label: t(`role.${role}`) })), value: "staff" })}
      <div class="whole"><button class="button">${icon("plus")}${t("people.give")}</button></div></form>`;
  };
  openDialog({
    kind: "drawer", title: member.name, under: html`<p class="muted">${member.email}</p>`,
    body: html`<section class="section stack"><h3>${t("people.roles")}</h3>${() => (problem.value ? problemNote(problem.value) : null)}
        ${() => (roles.value.length === 0 ? empty({ icon: "user", title: t("people.no_role"), text: t("people.no_role_text") }) : html`<ul class="account-lines">${roles.value.map(line)}</ul>`)}</section>
      <section class="section stack"><h3>${t("people.more")}</h3>${more}</section>
      <section class="section"><h3>${t("people.facts")}</h3><dl class="facts"><dt>${t("people.factor")}</dt><dd>${member.has_second_factor ? t("people.factor_on") : t("people.factor_off")}</dd>
        <dt>${t("people.signed_in")}</dt><dd>${member.signed_in_at ? fullOf(member.signed_in_at) : t("people.never")}</dd>
        <dt>${t("people.since")}</dt><dd>${fullOf(member.roles[0].granted_at)}</dd></dl></section>`,
  });
}
