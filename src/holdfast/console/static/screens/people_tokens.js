/** Tokens for programs: made with as little as they need, shown once, revoked at once. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { clock, dateNameOf, fullOf } from "../core/time.js";
import { secretLine } from "../ui/copy.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { errorAt, field, sending } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { banner, empty, tag } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { toast } from "../ui/toast.js";
import { formDialog, tell } from "./board_acts.js";
import { failed, org, placeName, places } from "./people.js";
import { all } from "./people_team.js";

/** @typedef {import("./people.js").Circle} Circle */
/** @typedef {{id: string, name: string, site_id: number | null, scopes: string[], created_by: string | null, created_at: string, expires_at: string | null,
 *   used_at: string | null, revoked_at: string | null, token?: string}} Token */

/** Rights by what they are about, as the dialog shows them. @type {[group: string, rights: string[]][]} */
const GROUPS = [
  ["see", ["public", "read", "names", "audit"]], ["act", ["own", "book", "condition", "observe", "block", "find"]],
  ["change", ["units", "settings", "import", "sync", "jobs"]], ["rule", ["people", "sites", "organisation"]],
];
const DAYS = ["30", "90", "365", ""];
const DAY_MS = 86_400_000;

/** @param {Circle} circle */
export function tokensTab(circle) {
  /** @type {import("../core/signals.js").Signal<Token[] | null>} */ const tokens = signal(null);
  const problem = signal(/** @type {unknown} */ (null));
  const order = signal({ name: "made", down: true });
  const again = async () => {
    tokens.value = await all(org("tokens"), "tokens");
    problem.value = null;
  };
  const load = () => again().catch((error) => { problem.value = error; });
  circle.again.set("tokens", again);
  load();
  const revoke = async (/** @type {Token} */ one) => {
    if (!(await confirmDialog({ title: t("people.revoke_title", { name: one.name }), text: t("people.revoke_text"), act: t("people.revoke"), danger: true }))) return;
    try {
      await ask("DELETE", org("tokens", one.id));
      toast(t("people.revoked", { name: one.name }));
    } catch (error) {
      tell(error, one.name);
    }
    await load();
  };
  const site = (/** @type {Token} */ one) => (one.site_id === null ? null : page.sites.find(({ id }) => id === one.site_id)?.slug ?? "");
  const columns = [
    { name: "name", label: t("people.token"), isHead: true, value: (/** @type {Token} */ one) => one.name, draw: (/** @type {Token} */ one) => html`<span class="person"><span><span class="strong">${one.name}</span><span class="muted small">${placeName(site(one))}</span></span></span>` },
    { name: "scopes", label: t("people.scopes"), wide: true, draw: (/** @type {Token} */ one) => html`<span class="row wrap scope-list">${one.scopes.map((scope) => html`<code data-tip=${t(`right.${scope}`)}>${scope}</code>`)}</span>` },
    { name: "used", label: t("people.used"), narrow: true, wide: true, value: (/** @type {Token} */ one) => one.used_at, draw: (/** @type {Token} */ one) => html`<span class="muted">${one.used_at ? fullOf(one.used_at) : t("people.never")}</span>` },
    { name: "made", label: t("people.made"), narrow: true, wide: true, value: (/** @type {Token} */ one) => one.created_at, draw: (/** @type {Token} */ one) => html`<span class="muted">${dateNameOf(one.created_at)}</span>` },
    { name: "state", label: t("people.state"), narrow: true, draw: stateOf },
    { name: "act", label: t("table.acts"), isQuiet: true, narrow: true, draw: (/** @type {Token} */ one) => (isOver(one) ? null : html`<button type="button" class="button small" aria-label=${t("people.revoke_of", { name: one.name })} @click=${() => revoke(one)}>${t("people.revoke")}</button>`) },
  ];
  const list = () => {
    if (problem.value) return failed(problem.value);
    if (tokens.value === null) return html`<div class="skeleton line"></div>`;
    if (tokens.value.length === 0) return empty({ icon: "token", title: t("people.no_tokens"), text: t("people.no_tokens_text") });
    return table({ label: t("people.tab_tokens"), columns, rows: tokens.value, key: (one) => one.id, order: order.value, onOrder: (to) => { order.value = to; } });
  };
  /** @type {import("../ui/table.js").Column<Token>[]} */ const told = [
    ...columns.filter(({ value }) => value !== undefined), { name: "scopes", label: t("people.scopes"), draw: () => "", value: (one) => one.scopes.join(" ") },
    { name: "until", label: t("people.state"), draw: () => "", value: (one) => (one.revoked_at === null ? one.expires_at : t("people.token_revoked")) },
  ];
  return html`<div class="stack"><div class="row wrap"><p class="soft grow">${t("people.tokens_text")}</p>${csvButton(() => saveCsv(`${page.site.slug}-tokens.csv`, told, tokens.peek() ?? []))}<button type="button" class="button primary" @click=${() => make(circle, load)}>${icon("plus")}${t("people.make_token")}</button></div>${list}</div>`;
}

/** @param {Token} one */
const isOver = (one) => one.revoked_at !== null || (one.expires_at !== null && Date.parse(one.expires_at) <= clock.now());

/** @param {Token} one */
function stateOf(one) {
  if (one.revoked_at !== null) return tag("off", "ban", t("people.token_revoked"));
  if (isOver(one)) return tag("off", "hourglass", t("people.token_over"));
  return tag("free", "check", one.expires_at === null ? t("people.token_forever") : t("people.token_until", { until: dateNameOf(one.expires_at) }));
}

/** @param {Circle} circle @param {() => Promise<void>} load */
function make(circle, load) {
  const chosen = signal(new Set(["read"]));
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const days = Number(values.days ?? "0");
    const { data } = await ask("POST", org("tokens"), { body: {
      name: values.name ?? "", scopes: [...chosen.peek()], ...(values.site ? { site: values.site } : {}),
      ...(days ? { expires_at: new Date(clock.now() + days * DAY_MS).toISOString() } : {}),
    } });
    opened.close();
    show(data);
    await load();
  });
  const choose = (/** @type {string} */ scope, /** @type {boolean} */ isOn) => {
    const after = new Set(chosen.peek());
    if (isOn) after.add(scope); else after.delete(scope);
    chosen.value = after;
  };
  const opened = formDialog({
    title: t("people.make_token"), form, go: t("people.make"),
    fields: () => html`${() => field({ name: "name", label: t("people.token_name"), hint: t("people.token_name_hint"), required: true, autofocus: true, whole: true, error: errorAt(form.problem.value, "name") })}
      ${field({ name: "site", label: t("people.where"), value: page.site.slug, options: places(circle) })}
      ${field({ name: "days", label: t("people.expires"), value: "365", options: DAYS.map((value) => ({ value, label: value === "" ? t("people.expires_never") : t("people.expires_days", { n: Number(value) }) })) })}
      <div class="whole stack">${GROUPS.map(([group, rights]) => {
        const held = rights.filter((right) => may(/** @type {any} */ (right)));
        return held.length === 0 ? null : html`<fieldset class="choices-list"><legend class="label">${t(`people.group_${group}`)}</legend>${held.map((right) => html`<label class="choice"><input type="checkbox" name="scope-${right}" .checked=${chosen.peek().has(right)} @change=${(/** @type {any} */ event) => choose(right, event.target.checked)}>
          <span><code class="strong">${right}</code><span class="muted small">${t(`right.${right}`)}</span></span></label>`)}</fieldset>`;
      })}</div>`,
  });
}

/** @param {Token} made */
function show(made) {
  const opened = openDialog({
    title: made.name,
    body: html`${banner("soon", "warning", html`<p class="strong">${t("people.token_once")}</p><p>${t("people.token_once_text")}</p>`)}${secretLine(made.token ?? "", t("people.token"))}
      <p class="small muted">${t("people.token_use")}</p><pre class="terminal" tabindex="0" aria-label=${t("people.token_use")}>Authorization: Bearer ${(made.token ?? "").slice(0, 8)}…</pre>`,
    foot: html`<button type="button" class="button primary" @click=${() => opened.close()}>${icon("check")}${t("people.token_kept")}</button>`,
  });
}
