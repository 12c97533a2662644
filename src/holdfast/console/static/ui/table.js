/**
 * A table whose head stays, whose columns sort, and whose rows can be gone through with the arrows and opened.
 *
 * @template R
 * @typedef {{name: string, label: string, draw: (row: R) => any, value?: (row: R) => string | number | null, csv?: (row: R) => string,
 *   number?: boolean, narrow?: boolean, wide?: boolean, isHead?: boolean, isQuiet?: boolean}} Column `value` makes it sortable; the label of an `isQuiet` one is only heard; `isHead` names the row;
 *   `wide` leaves it out on a phone
 */

import { each, html } from "../core/html.js";
import { collator, t } from "../core/i18n.js";
import { icon } from "./icon.js";

/** @typedef {{name: string, down: boolean}} Order */

/**
 * @template R
 * @param {{label: string, columns: Column<R>[], rows: R[], key: (row: R) => string | number, order: Order, onOrder: (order: Order) => void,
 *   onOpen?: (row: R) => void, isSelected?: (row: R) => boolean}} o
 */
export function table(o) {
  // without rows to go through the whole is what the keyboard scrolls
  return html`<div class="table-wrap" role=${o.onOpen ? null : "region"} tabindex=${o.onOpen ? null : "0"} aria-label=${o.onOpen ? null : o.label}><table class="table" aria-label=${o.label} @keydown=${arrows}>
    <thead><tr>${o.columns.map((column) => head(column, o.order, o.onOrder))}</tr></thead>
    <tbody>${each(sorted(o.rows, o.columns, o.order).map((row) => ({ row })), ({ row }) => o.key(row), ({ row }) => line(o, row))}</tbody>
  </table></div>`;
}

/** @param {Column<any>} column @param {Order} order @param {(order: Order) => void} onOrder */
function head(column, order, onOrder) {
  const isOurs = order.name === column.name;
  const kind = kindOf(column);
  if (column.value === undefined) return html`<th scope="col" class=${kind}>${column.isQuiet ? html`<span class="visually-hidden">${column.label}</span>` : column.label}</th>`;
  return html`<th scope="col" class=${kind} aria-sort=${isOurs ? (order.down ? "descending" : "ascending") : "none"}>
    <button type="button" class="sorter" @click=${() => onOrder({ name: column.name, down: isOurs && !order.down })}>${column.label}${icon("arrow-up", "small")}</button></th>`;
}

/** @param {Column<any>} column */
const kindOf = ({ number, narrow, wide }) => [number && "number", narrow && "narrow", wide && "wide-only"].filter(Boolean).join(" ");

/** @param {any} o @param {any} row */
function line(o, row) {
  return html`<tr tabindex=${o.onOpen ? "0" : null} aria-selected=${o.isSelected?.(row) ? "true" : null}
    @click=${(/** @type {any} */ event) => { if (!event.target.closest("button, a, input, hf-menu")) o.onOpen?.(row); }}
    @keydown=${(/** @type {any} */ event) => { if (event.key === "Enter" && event.target === event.currentTarget) o.onOpen?.(row); }}>
    ${o.columns.map((/** @type {Column<any>} */ column) => {
      const kind = kindOf(column);
      return column.isHead ? html`<th scope="row" class=${kind}>${column.draw(row)}</th>` : html`<td class=${kind}>${column.draw(row)}</td>`;
    })}</tr>`;
}

/** @template R @param {R[]} rows @param {Column<R>[]} columns @param {Order} order */
export function sorted(rows, columns, order) {
  const value = columns.find(({ name }) => name === order.name)?.value;
  if (value === undefined) return rows;
  const way = order.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [one, other] = [value(a), value(b)];
    // what has no value stands at the end, whichever way
    if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;
    return way * (typeof one === "number" && typeof other === "number" ? one - other : collator.compare(String(one), String(other)));
  });
}

/** @param {KeyboardEvent} event */
function arrows(event) {
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || !(event.target instanceof HTMLElement)) return;
  const row = event.target.closest("tr");
  if (event.target !== row) return;
  const next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
  event.preventDefault();
  if (next instanceof HTMLElement) next.focus();
}

/** Saves what is shown as CSV. @template R @param {string} name of the file @param {Column<R>[]} columns @param {R[]} rows */
export function saveCsv(name, columns, rows) {
  const told = columns.filter((column) => column.csv ?? column.value);
  const lines = [told.map(({ label }) => label), ...rows.map((row) => told.map((column) => String((column.csv ?? column.value)?.(row) ?? "")))];
  const text = lines.map((line) => line.map(quoted).join(",")).join("\r\n");
  // a mark at the start, by which spreadsheets know the encoding
  saveText(name, `\u{FEFF}${text}\r\n`, "text/csv");
}

/** @param {string} name of the file @param {string} text @param {string} media */
export function saveText(name, text, media) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: media }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {string} text */
function quoted(text) {
  // what begins like a formula is text to a spreadsheet only behind an apostrophe
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {() => void} save */
export const csvButton = (save) => html`<button type="button" class="button quiet icon-only" aria-label=${t("table.csv")} data-tip=${t("table.csv")} @click=${save}>${icon("download")}</button>`;
