/** What happened with accounts, roles and tokens: who, when, from what network. Newest first. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { hasWords, t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { fullOf } from "../core/time.js";
import { field } from "../ui/form.js";
import { empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { failed, org, placeName } from "./people.js";
import { all } from "./people_team.js";

/** @typedef {import("./people.js").Circle} Circle */
/** @typedef {{id: string, at: string, account_id: string | null, actor: string, action: string, address: string | null, data: any}} Line */

const PAGE = 100;
const ACTIONS = ["signed_in", "sign_in_failed", "signed_out", "signed_out_everywhere", "password_changed", "password_reset", "reset_asked", "second_factor_on", "second_factor_off", "recovery_code_used", "set_up",
  "account_created", "account_changed", "account_disabled", "account_enabled", "account_erased", "account_exported", "invited", "invitation_withdrawn", "invitation_accepted", "role_given", "role_taken", "token_made",
  "token_revoked", "organisation_made", "organisation_renamed", "log_exported"];

/** @param {Circle} circle */
export function logTab(circle) {
  /** @type {import("../core/signals.js").Signal<Line[] | null>} */ const lines = signal(null);
  /** @type {import("../core/signals.js").Signal<string | null>} */ const next = signal(null);
  const problem = signal(/** @type {unknown} */ (null));
  let action = "";
  const read = async (/** @type {string | null} */ cursor) => {
    const query = new URLSearchParams({ limit: String(PAGE), ...(action ? { action } : {}), ...(cursor ? { cursor } : {}) });
    if (circle.names.size === 0) for (const { account, name } of await all(org("people"), "people")) circle.names.set(account, name);
    const { data } = await ask("GET", `${org("log")}?${query}`);
    lines.value = cursor === null ? data.lines : [...(lines.peek() ?? []), ...data.lines];
    next.value = data.next;
    problem.value = null;
  };
  const load = (/** @type {string | null} */ cursor) => read(cursor).catch((error) => { problem.value = error; });
  circle.again.set("log", async () => { if ((lines.peek() ?? []).length <= PAGE) await read(null); });
  load(null);
  const named = (/** @type {string | null} */ id) => (id === null ? "" : circle.names.get(id) ?? t("people.somebody"));
  const who = (/** @type {Line} */ line) => (line.actor.startsWith("account:") ? named(line.actor.slice(8)) : hasWords(`people.actor_${line.actor}`) ? t(`people.actor_${line.actor}`) : line.actor.split(":")[0]);
  const about = (/** @type {Line} */ line) => [
    line.account_id !== null && line.actor !== `account:${line.account_id}` ? named(line.account_id) : "",
    line.data.role ? t(`role.${line.data.role}`) : "", line.data.name ?? "", line.data.site ? placeName(line.data.site) : "", line.data.scopes ? line.data.scopes.join(", ") : "",
  ].filter(Boolean).join(" · ");
  const columns = [
    { name: "at", label: t("people.when"), narrow: true, draw: (/** @type {Line} */ line) => html`<span class="muted">${fullOf(line.at)}</span>`, csv: (/** @type {Line} */ line) => line.at },
    { name: "who", label: t("people.who"), narrow: true, wide: true, draw: who, csv: who },
    { name: "action", label: t("people.what"), isHead: true, narrow: true, draw: (/** @type {Line} */ line) => html`${t(`log.${line.action}`)}<span class="narrow-only muted small">${who(line)}</span>`, csv: (/** @type {Line} */ line) => line.action },
    { name: "about", label: t("people.about"), wide: true, draw: about, csv: about },
    { name: "address", label: t("people.network"), narrow: true, wide: true, draw: (/** @type {Line} */ line) => html`<span class="muted mono small">${line.address ?? ""}</span>`, csv: (/** @type {Line} */ line) => line.address ?? "" },
  ];
  const list = () => {
    if (problem.value) return failed(problem.value);
    if (lines.value === null) return html`<div class="skeleton line"></div>`;
    if (lines.value.length === 0) return empty({ icon: "history", title: t("people.no_log"), text: t("people.no_log_text") });
    return html`${table({ label: t("people.tab_log"), columns, rows: lines.value, key: (line) => line.id, order: { name: "", down: false }, onOrder: () => {} })}
      ${next.value ? html`<div class="row"><button type="button" class="button" @click=${() => load(next.peek())}>${t("people.more_lines")}</button></div>` : null}`;
  };
  return html`<div class="stack"><div class="row wrap log-filter"><div class="grow">${field({ name: "action", label: t("people.what"), value: "", options: [{ value: "", label: t("people.everything") }, ...ACTIONS.map((value) => ({ value, label: t(`log.${value}`) }))], onInput: (value) => { action = value; load(null); } })}</div>
    ${csvButton(() => saveCsv(`${page.site.slug}-accounts.csv`, columns, lines.peek() ?? []))}</div>${list}</div>`;
}
