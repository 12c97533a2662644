/** The fitted numbers of the models, each with what it says of the store's customers. */

import { html } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { icon } from "../ui/icon.js";
import { saveCsv, table } from "../ui/table.js";
import { money } from "./store_words.js";

/** @typedef {import("./forecast.js").Prediction} Prediction */
/** @typedef {{name: string, value: number, says: string}} Fitted */

const WEEKS_A_YEAR = 365.25 / 7;

/** @param {Prediction} found */
export function fittedTable(found) {
  const rows = fitted(found);
  return html`<section class="card curve forecast-models"><header class="row"><span class="grow"><h2>${t("forecast.models")}</h2><p class="small soft">${t("forecast.models_text")}</p></span>
      <button type="button" class="button quiet icon-only" aria-label=${t("ltv.csv_of", { title: t("forecast.models") })} data-tip=${t("table.csv")} @click=${() => saveCsv("forecast-models.csv", columns(), rows)}>${icon("download")}</button></header>
    ${table({ label: t("forecast.models"), columns: columns().map(({ value: _, ...column }) => column), rows, key: ({ name }) => name, order: { name: "", down: false }, onOrder: () => {} })}
    ${found.gamma_gamma === null ? html`<p class="small soft">${t("forecast.no_value_text")}</p>` : null}</section>`;
}

/** All that is shown of a forecast, as names and values for a sheet. @param {Prediction} found @returns {[string, string | number][]} */
export function ofFigures(found) {
  const rest = /** @type {[string, any][]} */ (Object.entries(found).filter(([, value]) => value === null || typeof value !== "object").map(([name, value]) => [name, value ?? ""]));
  return [...rest, ...fitted(found).map(({ name, value }) => /** @type {[string, number]} */ ([name, value]))];
}

/** @param {Prediction} found @returns {Fitted[]} */
function fitted({ bg_nbd: orders, gamma_gamma: values, currency }) {
  const short = (/** @type {number} */ value) => number(value, { maximumFractionDigits: 1 });
  const leaves = orders.a / (orders.a + orders.b);
  return [
    { name: "BG/NBD r", value: orders.r, says: t(orders.r < 1 ? "forecast.says_r_apart" : "forecast.says_r_alike") },
    { name: "BG/NBD α", value: orders.alpha, says: t("forecast.says_alpha", { rate: short((orders.r / orders.alpha) * WEEKS_A_YEAR) }) },
    { name: "BG/NBD a", value: orders.a, says: t("forecast.says_a", { share: number(leaves, { style: "percent", maximumFractionDigits: 0 }) }) },
    { name: "BG/NBD b", value: orders.b, says: t("forecast.says_b") },
    ...(values === null ? [] : [
      { name: "Gamma-Gamma p", value: values.p, says: t("forecast.says_p") }, { name: "Gamma-Gamma q", value: values.q, says: t("forecast.says_q") },
      { name: "Gamma-Gamma γ", value: values.gamma, says: t("forecast.says_gamma", { value: money((values.p * values.gamma) / (values.q - 1), currency) }) },
    ]),
  ];
}

/** @returns {import("../ui/table.js").Column<Fitted>[]} */
const columns = () => [
  { name: "name", label: t("forecast.model"), isHead: true, draw: ({ name, says }) => html`<span class="forecast-number">${name}</span><span class="narrow-only small soft">${says}</span>`, value: ({ name }) => name },
  { name: "value", label: t("forecast.is"), number: true, narrow: true, draw: ({ value }) => number(value, { minimumSignificantDigits: 3, maximumSignificantDigits: 4 }), value: ({ value }) => value },
  { name: "says", label: t("forecast.says"), wide: true, draw: ({ says }) => html`<span class="soft">${says}</span>`, value: ({ says }) => says },
];
