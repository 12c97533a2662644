/** Blocks: units out of use for a time. Those that are and those to come, made and removed; what stands in the way is told. */

import { ask, here } from "../core/api.js";
import { actorName } from "../core/actors.js";
import { html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { hotkeys } from "../core/hotkeys.js";
import { endsOf, nowEachMinute, rangeOf, whenOf, zoneName } from "../core/time.js";
import { inAddress, keepInAddress, may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { field, segments, sending } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { empty, lookOf, tag } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { toast } from "../ui/toast.js";
import { change, formDialog } from "./board_acts.js";
import { kindWord, openBlockForm } from "./block_form.js";

const PAGES_MAX = 10;
const ROWS = 500;

export function open() {
  const shown = signal(inAddress("show", "all"));
  const order = signal({ name: "from", down: false });
  const list = loading(blocks);
  list.now();
  siteStore().onEvent(({ type }) => { if (type.startsWith("block.")) list.again(); });
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  render(screen({ list, shown, order }), place);
  if (may("block")) hotkeys({ keys: "n", label: t("blocks.new"), group: t("screen.blocks"), run: () => { openBlockForm(); } });
}

/** All blocks that are not over. @param {AbortSignal} given @returns {Promise<any[]>} */
async function blocks(given) {
  /** @type {any[]} */ const found = [];
  for (let [cursor, round] = ["", 0]; round < PAGES_MAX; round += 1) {
    const query = new URLSearchParams({ limit: String(ROWS), ...(cursor ? { cursor } : {}) });
    const { data } = await ask("GET", `${here("blocks")}?${query}`, { signal: given });
    found.push(...data.blocks);
    if (data.next === null) break;
    cursor = data.next;
  }
  return found;
}

/** @param {any} block @param {number} now */
const isNow = (block, now) => Date.parse(block.from) <= now;

/** @param {any} it */
function screen(it) {
  const { list, shown } = it;
  const rows = () => filtered(list.value.value ?? [], shown.value);
  return html`<div class="page-head"><div class="titles"><h1>${t("screen.blocks")}</h1><p class="muted small">${t("board.times_in", { zone: zoneName() })}</p></div><span class="grow"></span>
      <div class="row">${() => segments({ label: t("blocks.show"), value: shown.value, options: [["all", "list"], ["now", "ban"], ["ahead", "clock"]].map(([value, name]) => ({ value, label: t(`blocks.show_${value}`), icon: name })), onChange: (value) => { shown.value = value; keepInAddress({ show: value === "all" ? null : value }); } })}
      ${csvButton(() => saveCsv(`${page.site.slug}-blocks.csv`, columns(), rows()))}
      ${may("block") ? html`<button type="button" class="button primary" @click=${() => openBlockForm()}>${icon("plus")}${t("blocks.new")}</button>` : null}</div></div>
    <div aria-busy=${() => String(list.busy.value)}>${() => content(it, rows())}</div>`;
}

/** @param {any[]} all @param {string} shown */
function filtered(all, shown) {
  const now = nowEachMinute();
  return all.filter((one) => Date.parse(one.to) > now && (shown === "all" || (shown === "now") === isNow(one, now)));
}

/** @param {any} it @param {any[]} rows */
function content({ list, shown, order }, rows) {
  if (list.problem.value !== null) return failed(list.problem.value, list.now);
  if (list.value.value === null) return lines();
  if (rows.length === 0) return empty({ icon: "ban", title: t(`blocks.none_${shown.value}`), text: t("blocks.none_text") });
  return table({ label: t("screen.blocks"), columns: columns(), rows, key: (row) => row.id, order: order.value, onOrder: (next) => { order.value = next; } });
}

/** @returns {import("../ui/table.js").Column<any>[]} */
const columns = () => [
  { name: "units", label: t("booking.units"), isHead: true, draw: (row) => html`${units(row)}<span class="narrow-only small soft">${rangeOf(row.from, row.to)}<br>${row.reason ?? kindWord(row.kind)}</span>`, value: (row) => row.units.join(", ") },
  { name: "from", wide: true, label: t("bookings.time"), draw: (row) => endsOf(row.from, row.to).map((end) => html`<span class="one-line">${end}</span> `), value: (row) => Date.parse(row.from), csv: (row) => row.from },
  { name: "when", label: t("board.col_status"), draw: (row) => html`${() => (isNow(row, nowEachMinute()) ? tag("off", "ban", t("blocks.is_now")) : tag("next", "clock", t("blocks.is_ahead")))}`, csv: (row) => row.to },
  { name: "kind", wide: true, label: t("blocks.kind"), draw: (row) => kindWord(row.kind), value: (row) => kindWord(row.kind) },
  { name: "reason", wide: true, label: t("booking.reason"), draw: (row) => row.reason ?? html`<span class="muted">${t("event.none")}</span>`, value: (row) => row.reason },
  { name: "return", wide: true, label: t("blocks.return"), draw: (row) => (row.return_condition === null ? html`<span class="muted">${t("blocks.unchanged")}</span>` : lookOf(row.return_condition).word), csv: (row) => row.return_condition ?? "" },
  { name: "by", wide: true, label: t("booking.by"), draw: (row) => html`<span class="soft">${() => actorName(row.created_by)}, ${whenOf(row.created_at)}</span>`, csv: (row) => row.created_by },
  ...(may("block") ? [{ name: "acts", label: t("blocks.acts"), isQuiet: true, narrow: true, draw: (/** @type {any} */ row) => html`<button type="button" class="button small" aria-label=${t("blocks.remove_of", { units: row.units.join(", ") })} @click=${() => remove(row)}>${icon("trash", "small")}<span class="wide-only">${t("blocks.remove")}</span></button>` }] : []),
];

const UNITS_SHOWN = 4;

/** @param {any} block */
function units(block) {
  const more = block.units.length - UNITS_SHOWN;
  return more > 0 ? html`<span data-tip=${block.units.join(", ")}>${block.units.slice(0, UNITS_SHOWN).join(", ")} ${t("blocks.more", { n: more })}</span>` : block.units.join(", ");
}

/** @param {any} block */
function remove(block) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const query = values.reason ? `?${new URLSearchParams({ reason: values.reason })}` : "";
    await change("DELETE", `${here("blocks", block.id)}${query}`, undefined);
    toast(t("blocks.removed", { units: block.units.join(", ") }));
    opened.close();
  });
  const opened = formDialog({
    title: t("blocks.remove_of", { units: block.units.join(", ") }), form, go: t("blocks.remove"), danger: true,
    fields: () => html`<p class="soft whole">${block.return_condition === null ? t("blocks.remove_text") : t("blocks.remove_text_condition", { condition: lookOf(block.return_condition).word })}</p>
      ${field({ name: "reason", label: t("booking.reason"), required: true, autofocus: true, whole: true })}`,
  });
}
