/** Units as a table: the end, what remains with its bar, a dash where nobody is; sortable, and the CSV of what is shown. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clock, lengthOf, minute, nowEachMinute, second, whenOf } from "../core/time.js";
import { badge, lookOf, meter } from "../ui/status.js";
import { saveCsv, table } from "../ui/table.js";
import { blockNow, nextAt, shareOf, spanIn, urgencyOf, whoOf } from "./board_model.js";

/** @typedef {import("./board_model.js").View} View */

const DASH = "–";

/** @param {View} view */
const endOf = (view) => (view.session !== null ? spanIn(view.session, view.unit.code).to : null);

/** @param {View} view */
const shownNext = (view) => { const at = nextAt(view, nowEachMinute()); return at === null ? DASH : whenOf(at); };

/** @param {View} view */
function remaining(view) {
  const end = endOf(view);
  if (end === null) return html`<span class="muted">${DASH}</span>`;
  const span = spanIn(view.session, view.unit.code);
  const kind = () => { const urgency = urgencyOf(end - second.value); return urgency ? `rest ends-${urgency}` : "rest tone-busy"; };
  return html`<span class=${kind}><span>${() => (end > second.value ? lengthOf(end - second.value, true) : t("board.over"))}</span>
    ${meter(() => shareOf(span, second.value), () => `${view.unit.code}: ${lengthOf(Math.max(0, end - minute.value))}`)}</span>`;
}

/** On a phone who is there stands below. @param {View} view */
const unitCell = (view) => { const name = who(view); return html`${view.unit.code}${name === null ? null : html`<span class="narrow-only list-who">${name}</span>`}`; };

/** @returns {import("../ui/table.js").Column<View>[]} */
export const columns = () => [
  { name: "unit", label: t("board.col_unit"), isHead: true, narrow: true, draw: unitCell, value: ({ unit }) => unit.code },
  { name: "room", wide: true, label: t("board.col_room"), draw: ({ unit }) => unit.parent ?? DASH, value: ({ unit }) => unit.parent },
  { name: "status", label: t("board.col_status"), draw: ({ unit }) => badge(unit.shown_status), value: ({ unit }) => lookOf(unit.shown_status).word },
  { name: "customer", wide: true, label: t("board.col_customer"), draw: (view) => who(view) ?? html`<span class="muted">${DASH}</span>`, value: who },
  { name: "end", wide: true, label: t("board.col_end"), draw: (view) => { const at = endOf(view); return at === null ? html`<span class="muted">${DASH}</span>` : whenOf(at); }, value: endOf, csv: (view) => iso(endOf(view)) },
  { name: "left", label: t("board.col_left"), draw: remaining, value: endOf, csv: (view) => { const at = endOf(view); return at === null ? "" : String(Math.max(0, Math.ceil((at - clock.now()) / 60_000))); } },
  { name: "next", wide: true, label: t("board.col_next"), draw: (view) => html`${() => shownNext(view)}`, value: (view) => nextAt(view, clock.now()), csv: (view) => iso(nextAt(view, clock.now())) },
];

/** @param {number | null} at */
const iso = (at) => (at === null ? "" : new Date(at).toISOString());

/** @param {View} view */
const who = (view) => (view.booking !== null ? whoOf(view.booking) : blockNow(view, clock.now())?.reason ?? null);

/** @param {View[]} views @param {{open: (code: string) => void, order: import("../core/signals.js").Signal<import("../ui/table.js").Order>}} board */
export const list = (views, board) => table({
  label: t("screen.board"), columns: columns(), rows: views, key: ({ unit }) => unit.code, order: board.order.value,
  onOrder: (order) => { board.order.value = order; }, onOpen: ({ unit }) => board.open(unit.code),
});

/** @param {string} name @param {View[]} views */
export const saveList = (name, views) => saveCsv(name, columns(), views);
