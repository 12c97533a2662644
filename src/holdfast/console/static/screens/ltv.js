/** Lifetime value: cohorts as a heat map, curves beside what customers cost. Each with what it stands on; drawn anew when a run counted it. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { announce } from "../core/announcer.js";
import { inAddress, keepInAddress } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { segments } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { empty } from "../ui/status.js";
import { csvButton, saveCsv } from "../ui/table.js";
import { curves } from "./ltv_curves.js";
import { cohortHeat, csvColumns, METRICS, metricNamed } from "./ltv_table.js";
import { watermark } from "./store_words.js";

const MONTHS = ["13", "25", "37", "240"];
const REFUNDS = ["order", "date"];

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const metric = signal(metricNamed(inAddress("metric")).name);
  const months = signal(MONTHS.includes(inAddress("months")) ? inAddress("months") : "25");
  const refunds = signal(REFUNDS.includes(inAddress("refunds")) ? inAddress("refunds") : "order");
  const told = loading(async (given) => {
    const query = new URLSearchParams({ refunds_by: refunds.peek() });
    const [{ data: table }, { data: curve }] = await Promise.all(["cohorts", "curves"].map((name) => ask("GET", `${here("ltv", name)}?${query}`, { signal: given })));
    return { ...table, points: curve.points };
  });
  effect(() => {
    keepInAddress({ metric: metric.value === "ltv" ? null : metric.value, months: months.value === "25" ? null : months.value });
  });
  effect(() => {
    keepInAddress({ refunds: refunds.value === "order" ? null : refunds.value });
    told.now();
  });
  siteStore().onEvent(({ type, data }) => {
    if (type !== "ltv.counted") return;
    told.again();
    if (data.customers > 0) announce(t("ltv.counted", { n: data.customers }));
  });
  siteStore().onRenew(() => { told.now(); });
  place.removeAttribute("aria-busy");
  const save = () => { const found = told.value.peek(); if (found) saveCsv(`cohorts-${metric.peek()}.csv`, csvColumns(found.cohorts, metricNamed(metric.peek()), Number(months.peek())), found.cohorts); };
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.ltv")}</h1><p class="muted small as-of" data-as-of=${() => told.value.value?.watermark.counted_at ?? ""}>${icon("clock", "small")}${() => (told.value.value === null ? t("loading.waiting") : watermark(told.value.value.watermark))}</p></div><span class="grow"></span>
      <div class="row">${csvButton(save)}<a class="button" href=${() => `${here("ltv", "export")}?of=cohorts&refunds_by=${refunds.value}`} download>${icon("download")}${t("ltv.csv_all")}</a></div></div>
    ${tools(metric, months, refunds)}
    <div aria-busy=${() => String(told.busy.value)}>${() => content(told, metric.value, Number(months.value))}</div>`, place);
}

/** @param {import("../core/signals.js").Signal<string>} metric @param {import("../core/signals.js").Signal<string>} months @param {import("../core/signals.js").Signal<string>} refunds */
function tools(metric, months, refunds) {
  const choose = (/** @type {import("../core/signals.js").Signal<string>} */ held, /** @type {string} */ label, /** @type {[string, string][]} */ options) => html`<select class="input" aria-label=${label} @change=${(/** @type {any} */ event) => { held.value = event.target.value; }}>
    ${options.map(([value, word]) => html`<option value=${value} ?selected=${value === held.peek()}>${word}</option>`)}</select>`;
  return html`<div class="filters">${() => segments({ label: t("ltv.metric"), value: metric.value, onChange: (value) => { metric.value = value; }, options: METRICS.map(({ name }) => ({ value: name, label: t(`ltv.metric_${name}`) })) })}
    ${choose(months, t("ltv.months"), MONTHS.map((value) => [value, value === "240" ? t("ltv.months_all") : t("ltv.months_of", { n: Number(value) - 1 })]))}
    ${choose(refunds, t("ltv.refunds"), REFUNDS.map((value) => [value, t(`ltv.refunds_${value}`)]))}</div>`;
}

/** @param {any} told @param {string} name @param {number} monthsMax */
function content(told, name, monthsMax) {
  if (told.problem.value !== null) return failed(told.problem.value, told.now);
  const found = told.value.value;
  if (found === null) return lines();
  if (found.cohorts.length === 0) return empty({ icon: "chart", title: t("ltv.none"), text: t("ltv.none_text") });
  const { cohorts, points, watermark: mark } = found;
  return html`<section class="cohorts">${cohortHeat({ cohorts, points, metric: metricNamed(name), currency: mark.currency, monthsMax })}${legend(cohorts)}${leftOut(mark)}</section>
    ${curves({ cohorts, points, mark, monthsMax })}`;
}

/** @param {import("./ltv_table.js").Cohort[]} cohorts */
const legend = (cohorts) => html`<ul class="heat-legend small soft"><li><i class="heat-scale" aria-hidden="true"></i>${t("ltv.legend_scale")}</li><li><i class="heat-swatch is-partial" aria-hidden="true"></i>${t("ltv.legend_partial")}</li>
  ${cohorts.some(({ payback_month: month }) => month !== null) ? html`<li><i class="heat-swatch is-marked" aria-hidden="true"><i class="heat-mark"></i></i>${t("ltv.legend_payback")}</li>` : null}</ul>`;

/** What counts for nobody. @param {import("./store_state.js").Watermark} mark */
const leftOut = (mark) => (mark.without_customer + mark.unconverted === 0 ? null : html`<p class="small muted">${mark.without_customer > 0 ? t("ltv.without_customer", { n: mark.without_customer }) : ""} ${mark.unconverted > 0 ? t("store.unconverted", { n: mark.unconverted }) : ""}</p>`);

