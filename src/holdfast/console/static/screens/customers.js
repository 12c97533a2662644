/** Customers by what they brought, with the segment each is in: filtered, paged, saved; drawn anew when a run counted them. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { number, t } from "../core/i18n.js";
import { inAddress, keepInAddress } from "../core/page.js";
import { dateNameOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { pager } from "../ui/pager.js";
import { empty } from "../ui/status.js";
import { table } from "../ui/table.js";
import { SEGMENTS, segmentTag } from "./customer_words.js";
import { monthName } from "./ltv_table.js";
import { briefMoney, money, watermark } from "./store_words.js";

const ROWS = 50;
/** @typedef {{customer: string, segment: string, cohort: string, first_at: string, last_at: string, orders: number, net: string, email: string | null}} Customer */
/** @typedef {{segment: string, meaning: string, customers: number, orders: number, net: string}} Segment */

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const segment = signal(inAddress("segment") in SEGMENTS ? inAddress("segment") : "");
  const cursors = signal([""]);
  const list = loading(async (given) => {
    const cursor = cursors.peek()[cursors.peek().length - 1];
    const query = new URLSearchParams({ limit: String(ROWS), ...(segment.peek() ? { segment: segment.peek() } : {}), ...(cursor ? { cursor } : {}) });
    return (await ask("GET", `${here("ltv", "customers")}?${query}`, { signal: given })).data;
  });
  const segments = loading(async (given) => (await ask("GET", here("ltv", "segments"), { signal: given })).data);
  effect(() => {
    keepInAddress({ segment: segment.value });
    cursors.value = [""];
    list.now();
  });
  segments.now();
  siteStore().onEvent(({ type }) => { if (type === "ltv.counted") { list.again(); segments.again(); } });
  siteStore().onRenew(() => { list.now(); segments.now(); });
  const turn = (/** @type {string[]} */ next) => { cursors.value = next; list.now(); };
  place.removeAttribute("aria-busy");
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.customers")}</h1><p class="muted small as-of">${icon("clock", "small")}${() => (list.value.value === null ? t("loading.waiting") : watermark(list.value.value.watermark))}</p></div><span class="grow"></span>
      ${() => html`<a class="button" href=${`${here("ltv", "export")}?${new URLSearchParams({ of: "customers", ...(segment.value ? { segment: segment.value } : {}) })}`} download>${icon("download")}${t("ltv.csv")}</a>`}</div>
    ${() => segmentCards(segments.value.value, segment)}
    <div aria-busy=${() => String(list.busy.value)}>${() => content({ list, segment, cursors, turn })}</div>`, place);
}

/** @param {any} told @param {import("../core/signals.js").Signal<string>} segment */
function segmentCards(told, segment) {
  if (told === null) return null;
  /** @type {Segment[]} */ const found = told.segments;
  const all = found.reduce((sum, { customers }) => sum + customers, 0);
  if (all === 0) return null;
  const ordered = Object.keys(SEGMENTS).map((name) => found.find((one) => one.segment === name)).filter((one) => one !== undefined);
  return html`<div class="segment-cards" role="group" aria-label=${t("customers.segments")}>${ordered.map((one) => {
    const [tone, name] = SEGMENTS[one.segment];
    return html`<button type="button" class=${`segment-card tone-${tone}`} aria-pressed=${String(segment.value === one.segment)} data-segment=${one.segment} @click=${() => { segment.value = segment.peek() === one.segment ? "" : one.segment; }}>
      <span class="row">${icon(name, "small")}<span class="strong">${t(`customers.segment_${one.segment}`)}</span></span>
      <span class="segment-count">${number(one.customers)}<span class="muted small">${number(one.customers / all, { style: "percent", maximumFractionDigits: 1 })}</span></span>
      <span class="segment-share" aria-hidden="true"><i style:--share=${(one.customers / all).toFixed(4)}></i></span>
      <span class="small soft">${briefMoney(one.net, told.watermark.currency)}</span><span class="small muted">${t(`customers.segment_${one.segment}_text`)}</span></button>`;
  })}</div>`;
}

/** @param {any} o */
function content({ list, segment, cursors, turn }) {
  if (list.problem.value !== null) return failed(list.problem.value, list.now);
  const found = list.value.value;
  if (found === null) return lines();
  if (found.customers.length === 0) {
    return empty({
      icon: "users", title: t(segment.value ? "customers.none_of" : "customers.none"), text: t(segment.value ? "customers.none_of_text" : "customers.none_text"),
      action: segment.value ? html`<button type="button" class="button" @click=${() => { segment.value = ""; }}>${t("customers.show_all")}</button>` : null,
    });
  }
  return html`${table({ label: t("screen.customers"), columns: columns(found.watermark.currency), rows: found.customers, key: (/** @type {Customer} */ { customer }) => customer, order: { name: "", down: false }, onOrder: () => {} })}
    ${pager({ number: cursors.value.length, count: found.customers.length, hasNext: found.next !== null, onBack: () => turn(cursors.peek().slice(0, -1)), onNext: () => turn([...cursors.peek(), found.next]) })}`;
}

/** @param {string} currency @returns {import("../ui/table.js").Column<Customer>[]} */
const columns = (currency) => [
  { name: "customer", label: t("customers.customer"), isHead: true, draw: (row) => html`<span class="two-lines"><span class="mono">${row.customer}</span>${row.email ? html`<span class="small muted">${row.email}</span>` : null}</span>` },
  { name: "segment", label: t("customers.segment"), draw: (row) => segmentTag(row.segment) },
  { name: "orders", label: t("store.orders"), number: true, wide: true, draw: (row) => number(row.orders) },
  { name: "net", label: t("store.net"), number: true, draw: (row) => html`<span class="strong">${money(row.net, currency)}</span><span class="narrow-only small muted">${t("customers.orders", { n: row.orders })}</span>` },
  { name: "mean", label: t("customers.per_order"), number: true, wide: true, draw: (row) => money(Number(row.net) / Math.max(1, row.orders), currency) },
  { name: "first", label: t("customers.first"), wide: true, draw: (row) => dateNameOf(row.first_at) },
  { name: "last", label: t("customers.last"), wide: true, draw: (row) => dateNameOf(row.last_at) },
  { name: "cohort", label: t("ltv.cohort"), wide: true, draw: (row) => monthName(row.cohort) },
];
