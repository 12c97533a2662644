/** Lifetime value as a heat map of cohorts by months of life: one metric at a time, the same cells said in full. */

import { html } from "../core/html.js";
import { locale, number, t } from "../core/i18n.js";
import { heat } from "../ui/heat.js";
import { briefMoney, money } from "./store_words.js";

/**
 * @typedef {{month: number, is_partial: boolean, active: number, orders: number, gross: string, discounts: string, refunds: string, net: string, ltv: string, retention: string, aov: string | null}} Cell
 * @typedef {{months: number, ltv: string | null, ltv_to_cac: string | null}} Ratio
 * @typedef {{cohort: string, size: number, repeat_rate: string, spend: string | null, cac: string | null, payback_month: number | null, ratios: Ratio[], months: Cell[]}} Cohort
 * @typedef {{month: number, customers: number, ltv: string, retention: string}} Point
 * @typedef {{name: string, icon: string, value: (cell: Cell) => number | null, text: (value: number, currency: string) => string, fromZero: boolean}} Metric
 */

const months = new Intl.DateTimeFormat(locale, { month: "short", year: "numeric", timeZone: "UTC" });
/** A cohort's name: `Jan 2026`. @param {string} cohort */
export const monthName = (cohort) => months.format(new Date(`${cohort}T00:00:00Z`));

/** @type {Metric[]} */
export const METRICS = [
  { name: "ltv", icon: "chart", value: (cell) => Number(cell.ltv), text: briefMoney, fromZero: false },
  { name: "retention", icon: "redo", value: (cell) => Number(cell.retention), text: (value) => number(value, { style: "percent", minimumFractionDigits: value >= 0.1 ? 0 : 1, maximumFractionDigits: value >= 0.1 ? 0 : 1 }), fromZero: true },
  { name: "net", icon: "tag", value: (cell) => Number(cell.net), text: briefMoney, fromZero: true },
  { name: "orders", icon: "list", value: (cell) => cell.orders, text: (value) => number(value), fromZero: true },
  { name: "aov", icon: "ticket", value: (cell) => (cell.aov === null ? null : Number(cell.aov)), text: briefMoney, fromZero: false },
];

/** @param {string} name */
export const metricNamed = (name) => METRICS.find((one) => one.name === name) ?? METRICS[0];

/** @param {{cohorts: Cohort[], points: Point[], metric: Metric, currency: string, monthsMax: number}} o */
export function cohortHeat({ cohorts, points, metric, currency, monthsMax }) {
  const width = Math.min(monthsMax, Math.max(0, ...cohorts.map(({ months: cells }) => cells.length)));
  const scale = scaleOf(cohorts, metric, width);
  const hasCost = cohorts.some(({ cac }) => cac !== null);
  const rows = [...cohorts].reverse().map((cohort) => ({
    key: cohort.cohort, head: html`${monthName(cohort.cohort)}<span class="heat-size small muted">${number(cohort.size)}</span>`, lead: [number(cohort.size), ...(hasCost ? [cohort.cac === null ? "–" : money(cohort.cac, currency), paybackWords(cohort)] : [])],
    cells: Array.from({ length: width }, (_, at) => cellOf(cohort, cohort.months[at], metric, scale, currency)),
  }));
  const sum = meanRow(points, metric, scale, width, currency, hasCost, cohorts);
  return heat({
    label: t("ltv.table", { metric: t(`ltv.metric_${metric.name}`) }), corner: t("ltv.cohort"), hint: t("ltv.hint"), partial: t("ltv.partial"),
    leads: [{ label: t("ltv.size"), isWide: true }, ...(hasCost ? [{ label: t("ltv.cac"), isWide: true }, { label: t("ltv.payback"), isWide: true }] : [])],
    columns: Array.from({ length: width }, (_, at) => String(at)), rows: sum === null ? rows : [sum, ...rows],
  });
}

/** In which of the columns: the server counts the first month as one, the columns as nought. @param {Cohort} cohort */
function paybackWords(cohort) {
  if (cohort.cac === null) return "–";
  return cohort.payback_month === null ? html`<span class="muted">${t("ltv.not_paid")}</span>` : t("ltv.in_month", { month: cohort.payback_month - 1 });
}

/** From which to which value cells are coloured. The first month is every customer's: of how many came again it says nothing.
 * @param {Cohort[]} cohorts @param {Metric} metric @param {number} width */
function scaleOf(cohorts, metric, width) {
  const from = metric.name === "ltv" || metric.name === "aov" ? 0 : 1;
  const values = cohorts.flatMap((cohort) => cohort.months.slice(from, width).filter(({ is_partial: partial }) => !partial).map(metric.value)).filter((value) => value !== null);
  if (values.length === 0) return { low: 0, high: 1 };
  const [low, high] = [metric.fromZero ? 0 : Math.min(...values), Math.max(...values)];
  return high > low ? { low, high } : { low: low - 1, high: low };
}

/** @param {number} value @param {{low: number, high: number}} scale */
const shareOf = (value, { low, high }) => Math.max(0.04, Math.min(1, (value - low) / (high - low)));

/** @param {Cohort} cohort @param {Cell | undefined} cell @param {Metric} metric @param {{low: number, high: number}} scale @param {string} currency */
function cellOf(cohort, cell, metric, scale, currency) {
  if (cell === undefined) return null;
  const value = metric.value(cell);
  const isPaidBack = cohort.payback_month !== null && cell.month === cohort.payback_month - 1;
  const about = [
    `${monthName(cohort.cohort)}, ${t("ltv.month", { month: cell.month })}`, t("ltv.about_ltv", { ltv: money(cell.ltv, currency) }),
    t("ltv.about_active", { active: cell.active, n: cohort.size, share: number(Number(cell.retention), { style: "percent", maximumFractionDigits: 1 }) }),
    t("ltv.about_orders", { n: cell.orders, net: money(cell.net, currency) }), ...(Number(cell.refunds) !== 0 ? [t("ltv.about_refunds", { refunds: money(cell.refunds, currency) })] : []),
    ...(isPaidBack ? [t("ltv.paid_back")] : []), ...(cell.is_partial ? [t("ltv.partial")] : []),
  ].join(" · ");
  return { text: value === null ? "–" : metric.text(value, currency), share: value === null ? 0.04 : shareOf(value, scale), about, isPartial: cell.is_partial, mark: isPaidBack ? t("ltv.paid_back") : null };
}

/** All cohorts that have a month complete, where a mean of them says something. @param {Point[]} points @param {Metric} metric @param {{low: number, high: number}} scale
 * @param {number} width @param {string} currency @param {boolean} hasCost @param {Cohort[]} cohorts */
function meanRow(points, metric, scale, width, currency, hasCost, cohorts) {
  if (!["ltv", "retention"].includes(metric.name) || points.length === 0 || cohorts.length < 2) return null;
  const cost = meanCost(cohorts);
  const cells = Array.from({ length: width }, (_, at) => {
    const point = points[at];
    if (point === undefined) return null;
    const value = Number(metric.name === "ltv" ? point.ltv : point.retention);
    return { text: metric.text(value, currency), share: shareOf(value, scale), about: `${t("ltv.all")}, ${t("ltv.month", { month: at })} · ${t("ltv.about_ltv", { ltv: money(point.ltv, currency) })} · ${t("ltv.about_mean", { n: point.customers })}` };
  });
  return { key: "all", head: t("ltv.all"), lead: [number(cohorts.reduce((sum, { size }) => sum + size, 0)), ...(hasCost ? [cost === null ? "–" : money(cost, currency), "–"] : [])], cells, isSum: true };
}

/** What a customer cost in the mean, over the cohorts whose spend is known. @param {Cohort[]} cohorts */
export function meanCost(cohorts) {
  const known = cohorts.filter(({ spend }) => spend !== null);
  const size = known.reduce((sum, cohort) => sum + cohort.size, 0);
  return size === 0 ? null : known.reduce((sum, { spend }) => sum + Number(spend), 0) / size;
}

/** All cells of what is shown, one row for each cohort. @param {Cohort[]} cohorts @param {Metric} metric @param {number} monthsMax @returns {import("../ui/table.js").Column<Cohort>[]} */
export function csvColumns(cohorts, metric, monthsMax) {
  const width = Math.min(monthsMax, Math.max(0, ...cohorts.map(({ months: cells }) => cells.length)));
  const column = (/** @type {string} */ label, /** @type {(cohort: Cohort) => any} */ value) => ({ name: label, label, draw: () => null, csv: (/** @type {Cohort} */ cohort) => String(value(cohort) ?? "") });
  return [
    column(t("ltv.cohort"), ({ cohort }) => cohort.slice(0, 7)), column(t("ltv.size"), ({ size }) => size), column(t("ltv.cac"), ({ cac }) => cac), column(t("ltv.payback"), ({ payback_month: month }) => (month === null ? null : month - 1)),
    ...Array.from({ length: width }, (_, at) => column(t("ltv.month", { month: at }), (cohort) => { const cell = cohort.months[at]; return cell === undefined ? "" : metric.value(cell); })),
  ];
}
