/** What customers will yet bring: of all, of a mean one, of each; beside it how far the same models were off for weeks that are known. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { number, t } from "../core/i18n.js";
import { inAddress, keepInAddress } from "../core/page.js";
import { clock, dateNameOf, minute, whenOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { segments } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { pager } from "../ui/pager.js";
import { empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { segmentTag } from "./customer_words.js";
import { fittedTable, ofFigures } from "./forecast_models.js";
import { offBy, trialFigure } from "./forecast_trial.js";
import { briefMoney, money } from "./store_words.js";

/**
 * @typedef {{until: string, foretold: number, real: number}} Step
 * @typedef {{r: number, alpha: number, a: number, b: number, log_likelihood: number}} BgNbd
 * @typedef {{p: number, q: number, gamma: number, log_likelihood: number}} GammaGamma
 * @typedef {{customers: number, customers_total: number, weeks: number, currency: string, orders_per_customer: number, orders_total: number, value_per_customer: number | null, value_total: number | null,
 *   order_value: number | null, alive_share: number, held_out_weeks: number, held_out_after: string, held_out_until: string, held_out_customers: number, held_out_foretold: number, held_out_real: number,
 *   held_out_error: number | null, held_out_value_foretold: number | null, held_out_value_real: number, held_out_value_error: number | null, held_out: Step[], bg_nbd: BgNbd, gamma_gamma: GammaGamma | null, orders_as_of: string}} Prediction
 * @typedef {{customer: string, segment: string, last_at: string, orders: number, net: string, alive: number | null, expected_orders: number | null, expected_value: number | null, email: string | null}} Customer
 */

const WEEKS = ["13", "26", "52", "104"];
const ROWS = 25;
/** Fitting takes the server a second: what is as young as this is not asked for anew whenever orders come in. */
const FRESH_MS = 600_000;

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const weeks = signal(WEEKS.includes(inAddress("weeks")) ? inAddress("weeks") : "52");
  const cursors = signal([""]);
  const told = loading(async (given) => /** @type {Prediction} */ ((await ask("GET", `${here("ltv", "prediction")}?weeks=${weeks.peek()}`, { signal: given })).data));
  const list = loading(async (given) => {
    const cursor = cursors.peek()[cursors.peek().length - 1];
    const query = new URLSearchParams({ weeks: weeks.peek(), limit: String(ROWS), ...(cursor ? { cursor } : {}) });
    return (await ask("GET", `${here("ltv", "prediction", "customers")}?${query}`, { signal: given })).data;
  });
  const all = () => { told.now(); list.now(); };
  effect(() => {
    keepInAddress({ weeks: weeks.value === "52" ? null : weeks.value });
    cursors.value = [""];
    all();
  });
  siteStore().onEvent(({ type }) => {
    const found = told.value.peek();
    if (type === "ltv.counted" && (found === null || clock.now() - Date.parse(found.orders_as_of) > FRESH_MS)) { told.again(); list.again(); }
  });
  siteStore().onRenew(all);
  const turn = (/** @type {string[]} */ next) => { cursors.value = next; list.now(); };
  place.removeAttribute("aria-busy");
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.forecast")}</h1><p class="muted small as-of">${icon("clock", "small")}${() => asOf(told)}</p></div><span class="grow"></span>
      ${() => saving(told.problem.value === null ? told.value.value : null)}</div>
    <div class="filters">${() => segments({ label: t("forecast.horizon"), value: weeks.value, onChange: (value) => { weeks.value = value; }, options: WEEKS.map((value) => ({ value, label: t(`forecast.weeks_${value}`) })) })}</div>
    <div aria-busy=${() => String(told.busy.value)}>${() => content(told)}</div>
    <div aria-busy=${() => String(list.busy.value)}>${() => (told.problem.value === null && told.value.value !== null ? customers(list, told.value.value.currency, cursors, turn) : null)}</div>`, place);
}

/** What there is to be saved. @param {Prediction | null} found */
const saving = (found) => (found === null ? null : html`<div class="row">${csvButton(() => saveCsv(`forecast-${found.weeks}-weeks.csv`, sheet(), ofFigures(found)))}
  <a class="button" href=${`${here("ltv", "export")}?of=predictions&weeks=${found.weeks}`} download>${icon("download")}${t("ltv.csv_all")}</a></div>`);

/** @param {{value: import("../core/signals.js").Signal<Prediction | null>, problem: import("../core/signals.js").Signal<any>}} told */
function asOf({ value, problem }) {
  minute.value;
  if (value.value === null) return problem.value === null ? t("loading.waiting") : t("forecast.none");
  return t("forecast.as_of", { at: whenOf(value.value.orders_as_of) });
}

/** @param {any} told */
function content(told) {
  const problem = told.problem.value;
  if (problem?.code === "too_little_past") return tooLittle(problem.data);
  if (problem !== null) return failed(problem, told.now);
  /** @type {Prediction | null} */ const found = told.value.value;
  if (found === null) return lines();
  return html`${figures(found)}<p class="soft forecast-whom">${t(found.customers < found.customers_total ? "forecast.whom_sample" : "forecast.whom", { n: found.customers_total, sample: found.customers })}</p>
    <div class="curves">${trialFigure(found)}${fittedTable(found)}</div>`;
}

/** What there is, and what it takes. @param {{days: number, days_min: number, customers: number, customers_min: number}} past */
function tooLittle(past) {
  const line = (/** @type {string} */ word, /** @type {number} */ is, /** @type {number} */ min) => html`<li><span class="row"><span class="grow">${word}</span><span class="strong">${t("forecast.of", { is: number(is), min: number(min) })}</span></span>
    <span class="meter" role="progressbar" aria-label=${word} aria-valuemin="0" aria-valuemax=${min} aria-valuenow=${Math.min(is, min)}><i style:--share=${Math.min(1, is / min).toFixed(3)}></i></span></li>`;
  return empty({
    icon: "hourglass", title: t("forecast.none"), text: t("forecast.none_text"),
    action: html`<ul class="stack forecast-needs">${line(t("forecast.needs_days"), past.days, past.days_min)}${line(t("forecast.needs_customers"), past.customers, past.customers_min)}</ul>`,
  });
}

/** @param {Prediction} found */
function figures(found) {
  const off = offBy(found.held_out_error);
  const each = (/** @type {any} */ text) => html`<span class="small soft">${text}</span>`;
  return html`<dl class="figures store-figures forecast-figures">
    <div><dt>${t("forecast.orders")}</dt><dd>${number(found.orders_total, { maximumFractionDigits: 0 })}${each(t("forecast.per_customer", { each: number(found.orders_per_customer, { maximumFractionDigits: 2 }) }))}</dd></div>
    <div><dt>${t("forecast.value")}</dt><dd>${found.value_total === null ? "–" : briefMoney(found.value_total, found.currency)}${each(found.value_per_customer === null ? t("forecast.no_value") : t("forecast.per_customer", { each: money(found.value_per_customer, found.currency) }))}</dd></div>
    <div><dt>${t("forecast.alive")}</dt><dd>${number(found.alive_share, { style: "percent", maximumFractionDigits: 0 })}${each(t("forecast.alive_text", { n: Math.round(found.alive_share * found.customers_total) }))}</dd></div>
    <div class=${`tone-${off.tone} is-marked`} data-off=${off.is}><dt>${t("forecast.off")}</dt><dd>${off.word}${each(t(`forecast.off_${off.is}`))}</dd></div></dl>`;
}

/** @param {any} list @param {string} currency @param {import("../core/signals.js").Signal<string[]>} cursors @param {(next: string[]) => void} turn */
function customers(list, currency, cursors, turn) {
  if (list.problem.value !== null) return failed(list.problem.value, list.now);
  const found = list.value.value;
  if (found === null) return lines();
  const rows = /** @type {Customer[]} */ (found.customers);
  return html`<section class="forecast-customers"><header class="row"><span class="grow"><h2>${t("forecast.each")}</h2><p class="small soft">${t("forecast.each_text")}</p></span>
      <button type="button" class="button quiet icon-only" aria-label=${t("ltv.csv_of", { title: t("forecast.each") })} data-tip=${t("table.csv")} @click=${() => saveCsv(`forecast-customers-${found.weeks}-weeks.csv`, columns(currency), rows)}>${icon("download")}</button></header>
    ${table({ label: t("forecast.each"), columns: columns(currency).map(({ value: _, ...column }) => column), rows, key: ({ customer }) => customer, order: { name: "", down: false }, onOrder: () => {} })}
    ${pager({ number: cursors.value.length, count: rows.length, hasNext: found.next !== null, onBack: () => turn(cursors.peek().slice(0, -1)), onNext: () => turn([...cursors.peek(), found.next]) })}</section>`;
}

/** @param {number | null} value @param {(value: number) => string} told */
const orDash = (value, told) => (value === null ? "–" : told(value));
const percent = (/** @type {number} */ value) => number(value, { style: "percent", maximumFractionDigits: 0 });

/** @param {string} currency @returns {import("../ui/table.js").Column<Customer>[]} */
const columns = (currency) => [
  { name: "customer", label: t("customers.customer"), isHead: true, draw: (row) => html`<span class="two-lines"><span class="mono">${row.customer}</span>${row.email ? html`<span class="small muted">${row.email}</span>` : null}<span class="narrow-only small muted">${t("forecast.alive_brief", { share: orDash(row.alive, percent) })}</span></span>`, value: (row) => row.customer },
  { name: "segment", label: t("customers.segment"), wide: true, draw: (row) => segmentTag(row.segment), value: (row) => t(`customers.segment_${row.segment}`) },
  { name: "last", label: t("customers.last"), wide: true, draw: (row) => dateNameOf(row.last_at), value: (row) => row.last_at },
  { name: "orders", label: t("forecast.orders_so_far"), number: true, wide: true, draw: (row) => number(row.orders), value: (row) => row.orders },
  { name: "net", label: t("forecast.net_so_far"), number: true, wide: true, draw: (row) => money(row.net, currency), value: (row) => row.net },
  { name: "alive", label: t("forecast.alive_one"), number: true, wide: true, draw: (row) => orDash(row.alive, percent), value: (row) => row.alive },
  { name: "expected_orders", label: t("forecast.orders"), number: true, draw: (row) => orDash(row.expected_orders, (value) => number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 })), value: (row) => row.expected_orders },
  { name: "expected_value", label: t("forecast.value"), number: true, draw: (row) => html`<span class="strong">${orDash(row.expected_value, (value) => money(value, currency))}</span>`, value: (row) => row.expected_value },
];

/** A figure a row: what it is called, what it is. @returns {import("../ui/table.js").Column<[string, string | number]>[]} */
const sheet = () => [
  { name: "name", label: t("forecast.figure"), draw: () => null, csv: ([name]) => name },
  { name: "value", label: t("forecast.is"), draw: () => null, csv: ([, value]) => String(value) },
];
