/** The customers of the site: found by a part of their name or address, a page at a time. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { dateNameOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { failed, org } from "./people.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {import("./people.js").Circle} Circle */

const PAGE = 50;
const WAIT_MS = 250;

/** @param {Circle} circle */
export function customersTab(circle) {
  /** @type {import("../core/signals.js").Signal<Person[] | null>} */ const found = signal(null);
  /** @type {import("../core/signals.js").Signal<string | null>} */ const next = signal(null);
  const problem = signal(/** @type {unknown} */ (null));
  const order = signal({ name: "", down: false });
  let wanted = "";
  /** @type {any} */ let timer = null;
  const read = async (/** @type {string | null} */ cursor) => {
    const asked = wanted;
    const query = new URLSearchParams({ customers: "true", site: page.site.slug, limit: String(PAGE), ...(asked ? { search: asked } : {}), ...(cursor ? { cursor } : {}) });
    const { data } = await ask("GET", `${org("people")}?${query}`);
    // an answer to what is no longer asked
    if (asked !== wanted) return;
    found.value = cursor === null ? data.people : [...(found.peek() ?? []), ...data.people];
    next.value = data.next;
    problem.value = null;
  };
  const load = (/** @type {string | null} */ cursor) => read(cursor).catch((error) => { problem.value = error; });
  // whoever has gone on to later pages reads them in peace
  circle.again.set("customers", async () => { if ((found.peek() ?? []).length <= PAGE) await read(null); });
  load(null);
  const columns = [
    { name: "name", label: t("people.name"), isHead: true, draw: (/** @type {Person} */ one) => one.name, value: (/** @type {Person} */ one) => one.name },
    { name: "email", label: t("people.email"), draw: (/** @type {Person} */ one) => one.email, value: (/** @type {Person} */ one) => one.email },
    { name: "since", label: t("people.since"), narrow: true, wide: true, draw: (/** @type {Person} */ one) => html`<span class="muted">${dateNameOf(one.granted_at)}</span>`, value: (/** @type {Person} */ one) => one.granted_at },
    { name: "seen", label: t("people.signed_in"), narrow: true, wide: true, draw: (/** @type {Person} */ one) => html`<span class="muted">${one.signed_in_at ? dateNameOf(one.signed_in_at) : t("people.never")}</span>`, value: (/** @type {Person} */ one) => one.signed_in_at },
  ];
  const typed = (/** @type {any} */ event) => {
    clearTimeout(timer);
    timer = setTimeout(() => { wanted = event.target.value.trim(); load(null); }, WAIT_MS);
  };
  const list = () => {
    if (problem.value) return failed(problem.value);
    if (found.value === null) return html`<div class="skeleton line"></div>`;
    if (found.value.length === 0) return wanted ? empty({ icon: "search", title: t("people.nobody_found"), text: t("people.nobody_found_text", { wanted }) }) : empty({ icon: "users", title: t("people.no_customers"), text: t("people.no_customers_text") });
    return html`${table({ label: t("people.tab_customers"), columns, rows: found.value, key: (one) => one.account, order: order.value, onOrder: (to) => { order.value = to; } })}
      ${next.value ? html`<div class="row"><button type="button" class="button" @click=${() => load(next.peek())}>${t("people.more_lines")}</button></div>` : null}`;
  };
  return html`<div class="stack"><div class="row wrap"><div class="search grow people-search">${icon("search")}<input class="input" type="search" aria-label=${t("people.find")} placeholder=${t("people.find")} @input=${typed}></div>
    ${csvButton(() => saveCsv(`${page.site.slug}-customers.csv`, columns, found.peek() ?? []))}</div>${list}</div>`;
}
