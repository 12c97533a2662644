/** The trial: repeat orders of the weeks the models were not shown, foretold and real, as a curve, as a table and in words. */

import { html } from "../core/html.js";
import { locale, number, t } from "../core/i18n.js";
import { chartState, lineChart } from "../ui/chart.js";
import { icon } from "../ui/icon.js";
import { saveCsv, table } from "../ui/table.js";
import { money } from "./store_words.js";

/** @typedef {import("./forecast.js").Prediction} Prediction */
/** @typedef {import("./forecast.js").Step} Step */

const [NEAR, ROUGH, EXACT] = [0.1, 0.25, 0.0005];
const state = chartState();
const brief = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
const full = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** A day as people write it, without a zone. @param {string} day @param {Intl.DateTimeFormat} format */
const dayName = (day, format = full) => format.format(new Date(`${day}T00:00:00Z`));
const percent = (/** @type {number} */ value) => number(value, { style: "percent", maximumFractionDigits: 1 });

/** How far off, and what that means. @param {number | null} error @returns {{is: string, tone: string, word: string}} */
export function offBy(error) {
  if (error === null) return { is: "unknown", tone: "off", word: "–" };
  const size = Math.abs(error);
  const word = number(error, { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" });
  if (size <= NEAR) return { is: "near", tone: "free", word };
  return size <= ROUGH ? { is: "rough", tone: "soon", word } : { is: "far", tone: "bad", word };
}

/** @param {number | null} error @param {string} what */
function direction(error, what) {
  if (error === null) return t(`forecast.${what}_none`);
  return Math.abs(error) < EXACT ? t(`forecast.${what}_exact`) : t(error > 0 ? `forecast.${what}_over` : `forecast.${what}_under`, { share: percent(Math.abs(error)) });
}

/** @param {Prediction} found */
export function trialFigure(found) {
  const steps = [{ until: found.held_out_after, foretold: 0, real: 0 }, ...found.held_out];
  const whole = (/** @type {number} */ value) => number(value, { maximumFractionDigits: 0 });
  return html`<figure class="card curve" data-curve="trial"><figcaption class="row"><span class="grow"><h2>${t("forecast.trial")}</h2><p class="small soft">${t("forecast.trial_text", { after: dayName(found.held_out_after), until: dayName(found.held_out_until) })}</p></span>
      <button type="button" class="button quiet icon-only" aria-label=${t("ltv.csv_of", { title: t("forecast.trial") })} data-tip=${t("table.csv")} @click=${() => saveCsv("forecast-trial.csv", columns(), found.held_out)}>${icon("download")}</button></figcaption>
    <p class="forecast-verdict">${t("forecast.trial_orders", { foretold: whole(found.held_out_foretold), real: whole(found.held_out_real), n: found.held_out_customers })} <strong>${direction(found.held_out_error, "orders")}</strong>
      ${found.held_out_value_foretold === null ? null : html`${t("forecast.trial_value", { foretold: money(found.held_out_value_foretold, found.currency), real: money(found.held_out_value_real, found.currency) })} <strong>${direction(found.held_out_value_error, "value")}</strong>`}</p>
    ${lineChart({
      label: t("forecast.trial"), stepLabel: t("forecast.until"), steps: steps.map(({ until }) => dayName(until, brief)), format: whole,
      series: [{ name: t("forecast.real"), tone: "accent", values: steps.map(({ real }) => real) }, { name: t("forecast.foretold"), tone: "soon", isDashed: true, values: steps.map(({ foretold }) => foretold) }],
    }, state)}
    <details class="run-details"><summary>${icon("chevron-right", "small")}${t("forecast.numbers")}</summary>
      <div class="forecast-steps">${table({ label: t("forecast.trial"), columns: columns().map(({ value: _, ...column }) => column), rows: found.held_out, key: ({ until }) => until, order: { name: "", down: false }, onOrder: () => {} })}</div></details></figure>`;
}

/** @returns {import("../ui/table.js").Column<Step>[]} */
const columns = () => [
  { name: "until", label: t("forecast.until"), isHead: true, draw: ({ until }) => dayName(until), value: ({ until }) => until },
  { name: "foretold", label: t("forecast.foretold"), number: true, draw: ({ foretold }) => number(foretold, { minimumFractionDigits: 1, maximumFractionDigits: 1 }), value: ({ foretold }) => foretold },
  { name: "real", label: t("forecast.real"), number: true, draw: ({ real }) => number(real), value: ({ real }) => real },
  { name: "off", label: t("forecast.off"), number: true, draw: ({ foretold, real }) => offBy(real === 0 ? null : (foretold - real) / real).word, value: ({ foretold, real }) => (real === 0 ? null : Number(((foretold - real) / real).toFixed(4))) },
];
