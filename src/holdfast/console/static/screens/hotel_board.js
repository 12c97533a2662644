/** The board of a hotel: the tape chart, and the lists of the day; live, by pointer and by keys. */

import { html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { dateOf, minute, timeOf, zoneName } from "../core/time.js";
import { inAddress, keepInAddress, may, page } from "../core/page.js";
import { offer } from "../ui/palette.js";
import { segments } from "../ui/form.js";
import { csvButton, saveCsv } from "../ui/table.js";
import { icon } from "../ui/icon.js";
import { empty, lookOf } from "../ui/status.js";
import { chart, legend } from "./tape_chart.js";
import { dragging } from "./tape_drag.js";
import { chartKeys, tapeHotkeys } from "./tape_keys.js";
import { lifting } from "./tape_overlay.js";
import { dateOfDay, dayOfHotel } from "./tape_model.js";
import { openTape, WINDOWS } from "./tape_state.js";
import { dayList, saveDayList } from "./hotel_lists.js";
import { openStay } from "./stay_panel.js";
import { openStayForm } from "./stay_form.js";
import { openRoom } from "./room_panel.js";
import { dayWord, fullDayWord, guestOf, spanWords } from "./stay_words.js";

/** @typedef {import("./tape_state.js").Tape} Tape */
/** @typedef {"chart" | "arrivals" | "departures" | "house"} Shown */

const VIEWS = /** @type {Shown[]} */ (["chart", "arrivals", "departures", "house"]);

export function open() {
  const tape = openTape();
  const asked = /** @type {Shown} */ (inAddress("view", "chart"));
  const view = signal(VIEWS.includes(asked) ? asked : "chart");
  const order = signal({ name: inAddress("sort", "room"), down: inAddress("down") === "1" });
  const day = computed(() => { tape.store.version.value; return dayOfHotel(tape.store.replica, dateOf(minute.value)); });
  effect(() => keepInAddress({ view: view.value === "chart" ? null : view.value, sort: order.value.name === "room" ? null : order.value.name, down: order.value.down ? "1" : null }));
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  /** @type {HTMLElement | null} */ let box = null;
  const onBox = (/** @type {HTMLElement} */ element) => { box = element; dragging(tape, element); };
  render(screen({ tape, view, order, day, onBox, onKey: chartKeys(tape) }), place);
  lifting(tape);
  tapeHotkeys(tape, () => box?.focus({ preventScroll: true }));
  offer(() => commands(tape));
}

/** @typedef {{tape: Tape, view: import("../core/signals.js").Signal<Shown>, order: any, day: import("../core/signals.js").Computed<any>,
 *   onBox: (element: HTMLElement) => void, onKey: (event: KeyboardEvent) => void}} Shell */

/** @param {Shell} shell */
function screen(shell) {
  const { tape, view, day } = shell;
  const counts = () => ({ chart: null, arrivals: day.value.arrivals.length, departures: day.value.departures.length, house: day.value.inHouse.length });
  const bookings = () => ({ chart: [], arrivals: day.value.arrivals, departures: day.value.departures, house: day.value.inHouse })[view.value];
  const save = () => { if (view.value === "chart") saveChart(tape); else saveDayList(view.value, bookings()); };
  const fresh = () => { const cell = tape.at.peek(); openStayForm(cell === null || view.peek() !== "chart" ? {} : { unit: cell.code, date: dateOfDay(cell.day) }); };
  return html`<div class="page-head hotel-head"><div class="titles"><h1>${() => (view.value === "chart" ? t("screen.board") : t(`hotel.${view.value}`))}<span class="print-only"> · ${page.site.name}</span></h1>
      <p class="muted small"><span class="long-day">${() => fullDayWord(tape.today.value)}</span><span class="short-day">${() => dayWord(tape.today.value)}</span> · ${() => timeOf(minute.value)} · ${zoneName()}</p></div>
      <span class="grow"></span>
      <div class="row wrap no-print view-tabs">${() => segments({ label: t("board.view"), value: view.value, onChange: (value) => { view.value = /** @type {Shown} */ (value); },
        options: VIEWS.map((name) => ({ value: name, label: counts()[name] === null ? t(`hotel.${name}`) : t("hotel.counted", { what: t(`hotel.${name}`), count: counts()[name] }) })) })}</div>
      <div class="row no-print">${csvButton(save)}<button type="button" class="button quiet icon-only" aria-label=${t("hotel.print")} data-tip=${t("hotel.print")} @click=${() => window.print()}>${icon("print")}</button></div>
      ${may("book") ? html`<button type="button" class="button primary no-print" @click=${fresh}>${icon("plus")}${t("board.new_booking")}</button>` : null}</div>
    ${() => (view.value === "chart" ? chartPart(shell) : html`<div>${() => (view.value === "chart" ? null : dayList(view.value, bookings(), shell.order))}</div>`)}`;
}

/** @param {Shell} shell */
function chartPart({ tape, onBox, onKey }) {
  if (tape.store.replica.units.size === 0) return empty({ icon: "bed", title: t("hotel.no_rooms"), text: t("hotel.no_rooms_text", { site: page.site.slug }) });
  const goTo = (/** @type {any} */ event) => { if (event.target.value) tape.from.value = event.target.value === tape.today.peek() ? null : event.target.value; };
  return html`<div class="tape-tools no-print">
      <div class="row"><button type="button" class="button icon-only" aria-label=${t("hotel.week_before")} data-tip=${t("hotel.week_before")} @click=${() => tape.step(-7)}>${icon("chevron-left")}</button>
        <button type="button" class="button" aria-pressed=${() => String(tape.isToday.value)} @click=${() => { tape.from.value = null; }}>${t("hotel.today")}</button>
        <button type="button" class="button icon-only" aria-label=${t("hotel.week_after")} data-tip=${t("hotel.week_after")} @click=${() => tape.step(7)}>${icon("chevron-right")}</button></div>
      <input class="input date" type="date" aria-label=${t("hotel.first_night")} .value=${() => tape.from.value ?? tape.today.value} @change=${goTo}>
      ${() => segments({ label: t("hotel.window"), value: String(tape.nights.value), onChange: (value) => { tape.nights.value = Number(value); }, options: WINDOWS.map((n, at) => ({ value: String(n), label: at < WINDOWS.length - 1 ? String(n) : t("hotel.nights", { n }) })) })}
      <div class="search">${icon("search")}<input class="input" type="search" aria-label=${t("hotel.search")} placeholder=${t("hotel.search")} .value=${tape.find.peek()} @input=${(/** @type {any} */ event) => { tape.find.value = event.target.value; }}></div>
    </div>
    ${() => (tape.shown.value.length === 0 && tape.find.value !== "" ? empty({ icon: "search", title: t("board.none_match"), text: t("hotel.none_match_text") }) : null)}
    ${chart(tape, { ref: onBox, onKey })}${legend()}`;
}

/** The chart's stays as rows. @param {Tape} tape */
function saveChart(tape) {
  const stays = tape.shown.peek().flatMap(({ stays: own }) => own);
  saveCsv(`${page.site.slug}-${dateOfDay(tape.start.peek())}.csv`, [
    { name: "room", label: t("hotel.room"), draw: () => "", value: (stay) => stay.unit },
    { name: "guest", label: t("hotel.guest"), draw: () => "", value: ({ booking }) => guestOf(booking) },
    { name: "state", label: t("board.col_status"), draw: () => "", value: ({ booking }) => lookOf(booking.state).word },
    { name: "from", label: t("hotel.arrival"), draw: () => "", value: (stay) => stay.first },
    { name: "to", label: t("hotel.departure"), draw: () => "", value: (stay) => stay.last },
    { name: "nights", label: t("hotel.nights_label"), draw: () => "", value: (stay) => stay.nights },
  ], stays);
}

/** @param {Tape} tape */
function commands(tape) {
  const stays = tape.all.peek().flatMap(({ stays: own }) => own);
  return [
    ...(may("book") ? [{ label: t("board.new_booking"), icon: "plus", hint: "n", run: () => { openStayForm(); } }] : []),
    ...tape.all.peek().map(({ unit }) => ({ label: unit.code, icon: "bed", hint: `${unit.category} · ${lookOf(unit.shown_status).word}`, run: () => { openRoom(unit.code); } })),
    ...(may("names") ? stays.map((stay) => ({ label: guestOf(stay.booking), icon: lookOf(stay.booking.state).icon, hint: `${stay.unit} · ${spanWords(stay.first, stay.last)} · ${stay.booking.reference}`, run: () => { openStay(stay.booking); } })) : []),
  ];
}

