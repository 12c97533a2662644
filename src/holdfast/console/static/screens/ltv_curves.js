/** Lifetime value as curves: what a customer brings by month of life against what one costs, who comes again, cost by cohort. */

import { html } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { chartState, lineChart } from "../ui/chart.js";
import { icon } from "../ui/icon.js";
import { saveCsv } from "../ui/table.js";
import { meanCost, monthName } from "./ltv_table.js";
import { money, watermark } from "./store_words.js";

/** @typedef {import("./ltv_table.js").Cohort} Cohort */
/** @typedef {import("./ltv_table.js").Point} Point */
/** @typedef {import("./store_state.js").Watermark} Watermark */

const COHORTS_DRAWN = 36;
const states = { ltv: chartState(), retention: chartState(), cost: chartState() };
const HORIZONS = /** @type {[number, string][]} */ ([[1, "next"], [3, "busy"], [6, "wait"], [12, "free"]]);

/** @param {{cohorts: Cohort[], points: Point[], mark: Watermark, monthsMax: number}} o */
export function curves({ cohorts, points, mark, monthsMax }) {
  const shown = points.slice(0, monthsMax);
  if (shown.length === 0) return null;
  return html`<div class="curves">${value(cohorts, shown, mark)}${retention(cohorts, shown, mark)}${cost(cohorts, mark)}</div>`;
}

/** @param {{name: string, title: string, text: string, mark: Watermark, chart: any, save: () => void}} o */
const figure = ({ name, title, text, mark, chart, save }) => html`<figure class="card curve" data-curve=${name}><figcaption class="row"><span class="grow"><h2>${title}</h2><p class="small soft">${text}</p></span>
    <button type="button" class="button quiet icon-only" aria-label=${t("ltv.csv_of", { title })} data-tip=${t("table.csv")} @click=${save}>${icon("download")}</button></figcaption>
  ${chart}<p class="small muted as-of">${icon("clock", "small")}${() => watermark(mark)}</p></figure>`;

/** @param {Cohort[]} cohorts @param {Point[]} points @param {Watermark} mark */
function value(cohorts, points, mark) {
  const { currency } = mark;
  const mean = meanCost(cohorts);
  const values = points.map(({ ltv }) => Number(ltv));
  const paid = mean === null ? -1 : values.findIndex((one) => one >= mean);
  const thin = cohorts.slice(-COHORTS_DRAWN).map((cohort) => ({ name: monthName(cohort.cohort), isThin: true, values: points.map((_, at) => (cohort.months[at] && !cohort.months[at].is_partial ? Number(cohort.months[at].ltv) : null)) }));
  return figure({
    name: "ltv", title: t("ltv.curve_ltv"), text: t(mean === null ? "ltv.curve_ltv_text" : paid < 0 ? "ltv.curve_not_paid" : "ltv.curve_paid", { month: paid }), mark,
    chart: lineChart({
      label: t("ltv.curve_ltv"), stepLabel: t("ltv.month_label"), steps: points.map(({ month }) => String(month)), format: (one) => money(one, currency), tick: (one) => money(one, currency, { maximumFractionDigits: 0 }),
      series: [...thin, { name: t("ltv.metric_ltv"), tone: "accent", values }, ...(mean === null ? [] : [{ name: t("ltv.cac"), tone: "soon", isDashed: true, values: points.map(() => mean) }])],
      marks: paid < 0 || mean === null ? [] : [{ at: paid, value: values[paid], text: t("ltv.paid_back") }],
    }, states.ltv),
    save: () => saveCsv("ltv-curve.csv", [column(t("ltv.month_label"), ({ month }) => month), column(t("ltv.size"), ({ customers }) => customers), column(t("ltv.metric_ltv"), ({ ltv }) => ltv), column(t("ltv.cac"), () => mean?.toFixed(2))], points),
  });
}

/** @param {Cohort[]} cohorts @param {Point[]} points @param {Watermark} mark */
function retention(cohorts, points, mark) {
  const later = points.filter(({ month }) => month > 0);
  if (later.length === 0) return null;
  const percent = (/** @type {number} */ one) => number(one, { style: "percent", maximumFractionDigits: 1 });
  const thin = cohorts.slice(-COHORTS_DRAWN).map((cohort) => ({ name: monthName(cohort.cohort), isThin: true, values: later.map(({ month }) => (cohort.months[month] && !cohort.months[month].is_partial ? Number(cohort.months[month].retention) : null)) }));
  return figure({
    name: "retention", title: t("ltv.curve_retention"), text: t("ltv.curve_retention_text"), mark,
    chart: lineChart({
      label: t("ltv.curve_retention"), stepLabel: t("ltv.month_label"), steps: later.map(({ month }) => String(month)), format: percent, tick: (one) => number(one, { style: "percent", maximumFractionDigits: 0 }),
      series: [...thin, { name: t("ltv.metric_retention"), tone: "busy", values: later.map(({ retention: share }) => Number(share)) }],
    }, states.retention),
    save: () => saveCsv("retention-curve.csv", [column(t("ltv.month_label"), ({ month }) => month), column(t("ltv.size"), ({ customers }) => customers), column(t("ltv.metric_retention"), ({ retention: share }) => share)], points),
  });
}

/** What customers cost and brought, by the month in which they came. @param {Cohort[]} cohorts @param {Watermark} mark */
function cost(cohorts, mark) {
  const { currency } = mark;
  if (!cohorts.some(({ cac }) => cac !== null)) {
    return html`<section class="card curve no-cost"><h2>${t("ltv.curve_cost")}</h2><p class="soft">${t(mark.ads_as_of === null ? "ltv.no_ads" : "ltv.no_cost")}</p></section>`;
  }
  const money0 = (/** @type {number} */ one) => money(one, currency, { maximumFractionDigits: 0 });
  const at = (/** @type {Cohort} */ cohort, /** @type {number} */ months) => { const found = cohort.ratios.find((one) => one.months === months)?.ltv; return found === null || found === undefined ? null : Number(found); };
  const horizons = HORIZONS.filter(([months]) => cohorts.some((cohort) => at(cohort, months) !== null));
  return figure({
    name: "cost", title: t("ltv.curve_cost"), text: t("ltv.curve_cost_text"), mark,
    chart: lineChart({
      label: t("ltv.curve_cost"), stepLabel: t("ltv.cohort"), steps: cohorts.map(({ cohort }) => monthName(cohort)), format: (one) => money(one, currency), tick: money0,
      series: [...horizons.map(([months, tone]) => ({ name: t("ltv.ltv_after", { n: months }), tone, values: cohorts.map((cohort) => at(cohort, months)) })),
        { name: t("ltv.cac"), tone: "soon", isDashed: true, values: cohorts.map(({ cac }) => (cac === null ? null : Number(cac))) }],
    }, states.cost),
    save: () => saveCsv("cost-by-cohort.csv", [column(t("ltv.cohort"), ({ cohort }) => cohort.slice(0, 7)), column(t("ltv.size"), ({ size }) => size), column(t("ltv.spend"), ({ spend }) => spend), column(t("ltv.cac"), ({ cac }) => cac), column(t("ltv.payback"), ({ payback_month: month }) => (month === null ? null : month - 1)),
      ...HORIZONS.map(([months]) => column(t("ltv.ltv_after", { n: months }), (/** @type {Cohort} */ cohort) => at(cohort, months)))], cohorts),
  });
}

/** @param {string} label @param {(row: any) => any} value */
const column = (label, value) => ({ name: label, label, draw: () => null, csv: (/** @type {any} */ row) => String(value(row) ?? "") });
