/**
 * A heat map that is a table: the deeper a cell's ground, the more it holds. What is not over yet is hatched, what is marked has a
 * mark and a word; each cell can be gone to with the arrows, and the one that is looked at is told in full above.
 *
 * @typedef {{text: string, share: number, about: string, isPartial?: boolean, mark?: string | null}} HeatCell `share` from 0 to 1; `about` is all that is to be said of it
 * @typedef {{key: string, head: any, lead: any[], cells: (HeatCell | null)[], isSum?: boolean}} HeatRow
 * @typedef {{label: string, corner: string, leads: {label: string, isWide?: boolean}[], columns: string[], rows: HeatRow[], hint: string, partial: string}} Heat
 */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";

/** @param {Heat} o */
export function heat(o) {
  const about = signal("");
  const look = (/** @type {Event} */ event) => {
    const cell = event.target instanceof Element ? event.target.closest("td.heat-cell") : null;
    if (cell instanceof HTMLElement) about.value = cell.dataset.about ?? "";
  };
  return html`<p class="heat-about small" aria-hidden="true">${() => about.value || o.hint}</p>
    <div class="table-wrap heat-wrap"><table class="heat" aria-label=${o.label} @keydown=${arrows} @focusin=${look} @pointerover=${look}>
      <thead><tr><th scope="col" class="heat-corner">${o.corner}</th>${o.leads.map((lead) => html`<th scope="col" class=${`number ${lead.isWide ? "wide-only" : ""}`}>${lead.label}</th>`)}${o.columns.map((column) => html`<th scope="col" class="heat-head">${column}</th>`)}</tr></thead>
      <tbody>${o.rows.map((row, at) => line(o, row, at))}</tbody></table></div>`;
}

/** @param {Heat} o @param {HeatRow} row @param {number} at */
function line(o, row, at) {
  return html`<tr class=${row.isSum ? "heat-sum" : ""} data-row=${row.key}><th scope="row">${row.head}</th>${row.lead.map((value, index) => html`<td class=${`number heat-lead ${o.leads[index].isWide ? "wide-only" : ""}`}>${value}</td>`)}
    ${row.cells.map((cell, index) => (cell === null ? html`<td class="heat-none"></td>` : html`<td class=${`heat-cell ${cell.isPartial ? "is-partial" : ""} ${cell.mark ? "is-marked" : ""}`} style:--share=${cell.share.toFixed(3)} tabindex=${at === 0 && index === 0 ? "0" : "-1"} data-about=${cell.about}>
      ${cell.mark ? html`<i class="heat-mark" aria-hidden="true"></i>` : null}${cell.text}${cell.isPartial ? html`<span class="visually-hidden"> ${o.partial}</span>` : null}${cell.mark ? html`<span class="visually-hidden"> ${cell.mark}</span>` : null}</td>`))}</tr>`;
}

/** One cell takes part in the order of the Tab key; the arrows go on from there. @param {KeyboardEvent} event */
function arrows(event) {
  const cell = event.target;
  if (!(cell instanceof HTMLTableCellElement) || !cell.classList.contains("heat-cell")) return;
  const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
  const rows = [.../** @type {HTMLTableSectionElement} */ (row.parentElement).rows];
  const inRow = (/** @type {HTMLTableRowElement | undefined} */ one) => [...(one?.querySelectorAll("td.heat-cell") ?? [])];
  const [own, at] = [inRow(row), inRow(row).indexOf(cell)];
  const beside = (/** @type {number} */ step) => { const cells = inRow(rows[rows.indexOf(row) + step]); return cells[Math.min(at, cells.length - 1)]; };
  /** @type {Record<string, () => Element | undefined>} */
  const ways = { ArrowRight: () => own[at + 1], ArrowLeft: () => own[at - 1], Home: () => own[0], End: () => own[own.length - 1], ArrowDown: () => beside(1), ArrowUp: () => beside(-1) };
  const next = ways[event.key]?.();
  if (ways[event.key] !== undefined) event.preventDefault();
  if (!(next instanceof HTMLElement)) return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
