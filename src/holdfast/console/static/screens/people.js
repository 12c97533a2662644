/** Who may what here: the team, open invitations, customers, programs with tokens, and what happened with all of them. */

import { ask } from "../core/api.js";
import { following } from "../core/follow.js";
import { html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { inAddress, keepInAddress, may, page } from "../core/page.js";
import { banner, empty } from "../ui/status.js";
import { customersTab } from "./people_customers.js";
import { logTab } from "./people_log.js";
import { teamTab } from "./people_team.js";
import { tokensTab } from "./people_tokens.js";

/** @typedef {{account: string, email: string, name: string, site: string | null, role: string, is_disabled: boolean,
 *   has_second_factor: boolean, signed_in_at: string | null, granted_by: string, granted_at: string}} Person one role of one person */
/** @typedef {{role: string, rights: string[]}} Role */
/** `isWide`: whether the viewer looks after the whole organisation, or this site alone.
 * `again` asks a tab's list anew while that tab is looked at: accounts stand in no site's journal.
 * @typedef {{me: any, roles: Role[], isWide: boolean, names: Map<string, string>, again: Map<string, () => Promise<void>>}} Circle */

const EVERY_MS = 10_000;

/** An address of the site's organisation. @param {...string} parts */
export const org = (...parts) => ["/api/organisations", page.organisation, ...parts].join("/");

/** The name of a place of roles. @param {string | null} slug null is all sites */
export const placeName = (slug) => (slug === null ? t("people.all_sites") : page.sites.find((one) => one.slug === slug)?.name ?? slug);

/** Where the viewer may give roles. @param {Circle} circle @returns {{value: string, label: string}[]} */
export const places = ({ isWide }) => (isWide ? [{ value: "", label: t("people.all_sites") }, ...page.sites.map(({ slug, name }) => ({ value: slug, label: name }))] : [{ value: page.site.slug, label: page.site.name }]);

/** The roles that the viewer may give: only those whose rights they hold. @param {Circle} circle */
export const grantable = ({ roles }) => roles.filter(({ role, rights }) => role !== "customer" && rights.every((right) => may(/** @type {any} */ (right))) && (role !== "owner" || may("organisation")));

export async function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const [{ data: me }, { data: roles }] = await Promise.all([ask("GET", "/api/session"), ask("GET", "/api/roles")]);
  const isWide = me.has_everything || me.grants.some((/** @type {any} */ grant) => grant.organisation === page.organisation && grant.site_id === null && grant.rights.includes("people"));
  /** @type {Circle} */ const circle = { me, roles: roles.roles, isWide, names: new Map(), again: new Map() };
  /** @type {[name: string, draw: (circle: Circle) => any, isShown: boolean][]} */
  const tabs = [["team", teamTab, true], ["customers", customersTab, true], ["tokens", tokensTab, isWide], ["log", logTab, isWide && may("audit")]];
  const shown = tabs.filter(([, , isShown]) => isShown);
  const chosen = signal(shown.some(([name]) => name === inAddress("tab")) ? inAddress("tab") : "team");
  // a tab is drawn when it is first looked at
  const drawn = new Map();
  const content = (/** @type {string} */ name, /** @type {(circle: Circle) => any} */ draw) => () => {
    if (chosen.value !== name && !drawn.has(name)) return null;
    if (!drawn.has(name)) drawn.set(name, draw(circle));
    return drawn.get(name);
  };
  const followed = following(async () => { await circle.again.get(chosen.peek())?.(); }, EVERY_MS);
  // what was drawn has asked for itself
  setTimeout(() => followed.start(), EVERY_MS);
  place.removeAttribute("aria-busy");
  render(html`<div class="page-head"><h1>${t("screen.people")}</h1></div>
    ${() => (followed.problem.value === null ? null : banner("soon", "stale", html`<p>${followed.problem.value.message}</p>`))}
    <hf-tabs @choose=${(/** @type {any} */ event) => { chosen.value = event.detail.replace("tab-", ""); keepInAddress({ tab: chosen.peek() === "team" ? null : chosen.peek() }); }}>
      <div class="tabs" role="tablist" aria-label=${t("screen.people")}>${shown.map(([name]) => html`<button type="button" role="tab" id="tab-${name}" aria-controls="panel-${name}" aria-selected=${String(name === chosen.peek())}>${t(`people.tab_${name}`)}</button>`)}</div>
      ${shown.map(([name, draw]) => html`<div role="tabpanel" id="panel-${name}" aria-labelledby="tab-${name}">${content(name, draw)}</div>`)}</hf-tabs>`, place);
}

/** What stands where a list could not be had. @param {unknown} error */
export const failed = (error) => empty({ icon: "warning", title: t("people.failed"), text: error instanceof Error ? error.message : String(error) });
