/** All bookings of a site: found, filtered, paged, opened, saved, printed. It follows the site as it changes. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { hotkeys } from "../core/hotkeys.js";
import { endsOf, rangeOf, zoneName } from "../core/time.js";
import { inAddress, may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { segments } from "../ui/form.js";
import { filters } from "../ui/filters.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { pager } from "../ui/pager.js";
import { badge, empty, lookOf } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { daysFrom, filterOf, keepFilter, LIVE, questionsOf, states, today } from "./bookings_filter.js";
import { openBooking } from "./booking_drawer.js";
import { openBookingForm } from "./booking_form.js";
import { printSheet } from "./bookings_sheet.js";

const ROWS = 100;
const TYPED_MS = 300;
const DASH = "–";

/** @typedef {import("./bookings_filter.js").Filter} Filter */

export function open() {
  const filter = filterOf();
  const cursors = signal(/** @type {string[]} */ ([""]));
  const order = signal({ name: "", down: false });
  const list = loading((given) => find(filter, cursors.peek()[cursors.peek().length - 1], given));
  effect(() => {
    keepFilter(filter);
    cursors.value = [""];
    list.now();
  });
  siteStore().onEvent(({ type }) => { if (type.startsWith("booking.")) list.again(); });
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  const turn = (/** @type {string[]} */ next) => { cursors.value = next; list.now(); };
  render(screen({ filter, list, order, cursors, turn }), place);
  if (inAddress("booking")) openBooking(inAddress("booking"));
  const group = t("bookings.keys");
  hotkeys(
    { keys: "f", label: t("bookings.key_find"), group, run: () => { document.getElementById("find")?.focus(); } },
    { keys: "p", label: t("bookings.print"), group, run: () => { printSheet(filter.from.peek() || today()); } },
    ...(may("book") ? [{ keys: "n", label: t("board.key_new"), group, run: () => { openBookingForm(); } }] : []),
  );
}

/** The first question that finds something. @param {Filter} filter @param {string} cursor @param {AbortSignal} given */
async function find(filter, cursor, given) {
  let answer = { bookings: [], next: null };
  for (const question of questionsOf(filter)) {
    const query = new URLSearchParams({ ...question, limit: String(ROWS), ...(cursor ? { cursor } : {}) });
    answer = (await ask("GET", `${here("bookings")}?${query}`, { signal: given })).data;
    if (answer.bookings.length > 0) break;
  }
  return answer;
}

/** @param {any} it */
function screen(it) {
  const { filter, list } = it;
  const rows = () => list.value.value?.bookings ?? [];
  return html`<div class="page-head"><div class="titles"><h1>${t("screen.bookings")}</h1><p class="muted small">${t("board.times_in", { zone: zoneName() })}</p></div><span class="grow"></span>
      <div class="row"><button type="button" class="button quiet" aria-label=${t("bookings.print")} @click=${() => printSheet(filter.from.peek() || today())}>${icon("print")}<span class="wide-only">${t("bookings.print")}</span></button>
      ${csvButton(() => saveCsv(`${page.site.slug}-bookings-${filter.from.peek() || "all"}.csv`, told(), rows()))}
      ${may("book") ? html`<button type="button" class="button primary" @click=${() => openBookingForm()}>${icon("plus")}${t("board.new_booking")}</button>` : null}</div></div>
    ${tools(filter)}
    <div class="booking-list" aria-busy=${() => String(list.busy.value)}>${() => content(it)}</div>`;
}

/** @param {Filter} filter */
function tools(filter) {
  /** @type {any} */ let timer = null;
  const later = (/** @type {string} */ value) => { clearTimeout(timer); timer = setTimeout(() => { filter.find.value = value; }, TYPED_MS); };
  const units = [...siteStore().replica.units.values()].sort((a, b) => collator.compare(a.code, b.code));
  const kinds = [...new Set(units.map(({ category }) => category))].sort(collator.compare);
  const choose = (/** @type {import("../core/signals.js").Signal<string>} */ held, /** @type {string} */ label, /** @type {[string, string][]} */ options) => html`<select class="input" aria-label=${label} @change=${(/** @type {any} */ event) => { held.value = event.target.value; }}>
    ${() => options.map(([value, word]) => html`<option value=${value} .selected=${value === held.value}>${word}</option>`)}</select>`;
  const day = (/** @type {import("../core/signals.js").Signal<string>} */ held, /** @type {string} */ label) => html`<label class="row day-field"><span class="muted small">${label}</span><input class="input" type="date" .value=${() => held.value}
    @change=${(/** @type {any} */ event) => { held.value = event.target.value; }}></label>`;
  const first = html`<div class="search">${icon("search")}<input class="input" type="search" id="find" aria-label=${t("bookings.find")} placeholder=${t("bookings.find")} .value=${filter.find.peek()} @input=${(/** @type {any} */ event) => later(event.target.value)}></div>
    ${() => segments({ label: t("bookings.days"), value: spanOf(filter), onChange: (value) => setSpan(filter, value), options: ["today", "tomorrow", "week", "any"].map((value) => ({ value, label: t(`bookings.span_${value}`) })) })}`;
  const more = html`${day(filter.from, t("bookings.from"))}${day(filter.to, t("bookings.to"))}
    ${choose(filter.state, t("bookings.state"), [["", t("bookings.any_state")], [LIVE, t("bookings.live")], .../** @type {[string, string][]} */ (states().map((state) => [state, lookOf(state).word]))])}
    ${choose(filter.unit, t("booking.unit"), [["", t("bookings.any_unit")], .../** @type {[string, string][]} */ (units.map(({ code }) => [code, code]))])}
    ${kinds.length > 1 ? choose(filter.category, t("bookings.category"), [["", t("bookings.any_category")], .../** @type {[string, string][]} */ (kinds.map((kind) => [kind, kind]))]) : null}`;
  return filters(first, more, () => [filter.state, filter.unit, filter.category].filter(({ value }) => value !== "").length);
}

/** @param {Filter} filter */
function spanOf(filter) {
  const [from, to, now] = [filter.from.value, filter.to.value, today()];
  if (from === "" && to === "") return "any";
  if (from === now && to === now) return "today";
  if (from === daysFrom(now, 1) && to === from) return "tomorrow";
  return from === now && to === daysFrom(now, 6) ? "week" : "";
}

/** @param {Filter} filter @param {string} span */
function setSpan(filter, span) {
  const now = today();
  const days = { today: [now, now], tomorrow: [daysFrom(now, 1), daysFrom(now, 1)], week: [now, daysFrom(now, 6)] };
  [filter.from.value, filter.to.value] = /** @type {Record<string, string[]>} */ (days)[span] ?? ["", ""];
  if (span === "any" && filter.state.peek() === "" && filter.find.peek() === "") filter.state.value = LIVE;
}

/** @param {any} it */
function content({ filter, list, order, cursors, turn }) {
  if (list.problem.value !== null) return failed(list.problem.value, list.now);
  const found = list.value.value;
  if (found === null) return lines();
  if (found.bookings.length === 0) {
    return empty({
      icon: "calendar", title: t("bookings.none"), text: t("bookings.none_text"),
      action: html`<button type="button" class="button" @click=${() => { for (const name of ["find", "state", "unit", "category"]) filter[name].value = ""; setSpan(filter, "week"); }}>${t("bookings.show_week")}</button>`,
    });
  }
  return html`${table({
    label: t("screen.bookings"), columns: columns(), rows: found.bookings, key: (row) => row.id, order: order.value,
    onOrder: (next) => { order.value = next; }, onOpen: (row) => openBooking(row.id),
  })}
    ${pager({ number: cursors.value.length, count: found.bookings.length, hasNext: found.next !== null, onBack: () => turn(cursors.peek().slice(0, -1)), onNext: () => turn([...cursors.peek(), found.next]) })}`;
}

/** @param {any} booking */
const whoIn = ({ customer = {} }) => customer.name ?? customer.reference ?? customer.email ?? customer.phone ?? null;

/** @returns {import("../ui/table.js").Column<any>[]} */
const columns = () => [
  { name: "reference", wide: true, narrow: true, label: t("bookings.reference"), draw: (row) => html`<span class="mono strong">${row.reference}</span>`, value: (row) => row.reference },
  { name: "customer", label: t("board.col_customer"), isHead: true, draw: (row) => html`${whoIn(row) ?? html`<span class="muted">${DASH}</span>`}<span class="narrow-only small soft">${row.units.join(", ")} · ${rangeOf(row.from, row.to)}</span>`, value: whoIn },
  { name: "units", wide: true, label: t("booking.units"), draw: (row) => row.units.join(", "), value: (row) => row.units.join(", ") },
  { name: "time", wide: true, label: t("bookings.time"), draw: (row) => endsOf(row.from, row.to).map((end) => html`<span class="one-line">${end}</span> `), value: (row) => Date.parse(row.from), csv: (row) => row.from },
  { name: "state", label: t("board.col_status"), draw: (row) => badge(row.state), value: (row) => lookOf(row.state).word },
  { name: "contact", wide: true, label: t("bookings.contact"), draw: (row) => row.customer?.phone ?? row.customer?.email ?? html`<span class="muted">${DASH}</span>`, value: (row) => row.customer?.phone ?? row.customer?.email ?? null },
  { name: "note", wide: true, label: t("booking.note"), draw: (row) => html`<span class="soft">${row.note ?? ""}</span>`, value: (row) => row.note ?? null },
];

/** The same as a file: from and to apart, all that was said of it. @returns {import("../ui/table.js").Column<any>[]} */
const told = () => [...columns().map((column) => (column.name === "time" ? { ...column, label: t("bookings.from") } : column)), ...["to", "created_at", "party", "id"].map((name) => ({
  name, label: t(`bookings.csv_${name}`), draw: () => null, csv: (/** @type {any} */ row) => String(row[name] ?? ""),
}))];
