/** The board: every unit of a site as it is, as tiles or as a list, live. */

import { html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { announce } from "../core/announcer.js";
import { gradually } from "../core/gradual.js";
import { hotkeys } from "../core/hotkeys.js";
import { clock, dayOf, longDayOf, minute, nowEachMinute, second, timeOf, zoneName } from "../core/time.js";
import { inAddress, keepInAddress, may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { badge, empty, lookOf } from "../ui/status.js";
import { segments } from "../ui/form.js";
import { csvButton } from "../ui/table.js";
import { icon } from "../ui/icon.js";
import { offer } from "../ui/palette.js";
import { isPlace, Views, whoOf } from "./board_model.js";
import { tiles } from "./board_tiles.js";
import { list, saveList } from "./board_list.js";
import { manyBar } from "./board_many.js";
import { openUnit } from "./unit_panel.js";
import { openBookingForm } from "./booking_form.js";
import { end, extend, start } from "./board_acts.js";

/** @typedef {import("./board_model.js").View} View */

/** Tiles of a first look, and of each step after it. */
const [FIRST, STEP] = [60, 220];
const ENDING_MS = 10 * 60_000;
const ENDING = "ending";
/** @type {[number, string][]} */ const WARNINGS = [[60_000, "board.one_left"], [300_000, "board.five_left"], [600_000, "board.ten_left"]];

export function open() {
  const store = siteStore();
  const views = new Views();
  const all = computed(() => {
    store.version.value;
    return views.of(store.replica, nowEachMinute());
  });
  const drawn = gradually(FIRST, STEP, () => all.peek().length);
  const shown = {
    view: signal(inAddress("view", "tiles")), status: signal(inAddress("status")), group: signal(inAddress("group", "room")), find: signal(inAddress("find")),
    order: signal({ name: inAddress("sort", "unit"), down: inAddress("down") === "1" }),
  };
  const board = {
    ...shown, all, drawn, selected: signal(/** @type {Set<string>} */ (new Set())), at: signal(""), isSelecting: signal(false),
    open: (/** @type {string} */ code) => openUnit(() => all.value.find(({ unit }) => unit.code === code), code),
    toggle: (/** @type {string} */ code, /** @type {boolean} */ isRange) => toggle(board, code, isRange),
  };
  const parents = computed(() => new Set(all.value.map(({ unit }) => unit.parent).filter(Boolean)));
  const matching = computed(() => ordered(filtered(all.value, parents.value, board)));
  effect(() => keepInAddress({
    view: board.view.value === "tiles" ? null : board.view.value, status: board.status.value, group: board.group.value === "room" ? null : board.group.value,
    find: board.find.value, sort: board.order.value.name === "unit" ? null : board.order.value.name, down: board.order.value.down ? "1" : null,
  }));
  effect(() => { if (!matching.value.some(({ unit }) => unit.code === board.at.peek())) board.at.value = matching.value[0]?.unit.code ?? ""; });
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  render(screen(board, parents, matching), place);
  warn(all);
  keys(board);
  offer(() => commands(board));
}

/** The codes that were put in order last, and their order. @type {{codes: string[], order: number[]}} */
let known = { codes: [], order: [] };

/** @param {View[]} views */
function ordered(views) {
  const isKnown = views.length === known.codes.length && views.every(({ unit }, at) => unit.code === known.codes[at]);
  if (!isKnown) {
    const codes = views.map(({ unit }) => unit.code);
    known = { codes, order: codes.map((_, at) => at).sort((a, b) => collator.compare(codes[a], codes[b])) };
  }
  return known.order.map((at) => views[at]);
}

/** @param {any} board @param {string} code @param {boolean} isRange */
function toggle(board, code, isRange) {
  const next = new Set(board.selected.peek());
  const codes = [...document.querySelectorAll(".tile")].map((one) => /** @type {HTMLElement} */ (one).dataset.unit ?? "");
  const [from, to] = [codes.indexOf(board.at.peek()), codes.indexOf(code)].sort((a, b) => a - b);
  if (isRange && from >= 0) for (const one of codes.slice(from, to + 1)) next.add(one);
  else if (!next.delete(code)) next.add(code);
  board.at.value = code;
  board.selected.value = next;
}

/** @param {View} view */
const isEnding = (view) => view.session !== null && Date.parse(view.session.to) - nowEachMinute() <= ENDING_MS;

/** @param {View[]} views @param {Set<string>} parents @param {any} board */
function filtered(views, parents, board) {
  const [status, wanted] = [board.status.value, board.find.value.toLowerCase()];
  return views.filter((view) => !isPlace(view, parents)
    && (status === "" || (status === ENDING ? isEnding(view) : view.unit.shown_status === status))
    && (wanted === "" || `${view.unit.code} ${view.unit.name} ${view.unit.category} ${whoOf(view.booking) ?? ""} ${view.booking?.reference ?? ""}`.toLowerCase().includes(wanted)));
}

/** @param {any} board @param {any} parents @param {any} matching */
function screen(board, parents, matching) {
  const name = () => `${page.site.slug}-${new Date(clock.now()).toISOString().slice(0, 10)}.csv`;
  return html`<div class="page-head"><div class="titles"><h1>${t("screen.board")}</h1><p class="muted small"><span class="long-day">${() => longDayOf(minute.value)}</span><span class="short-day">${() => dayOf(minute.value)}</span> · ${zoneName()}</p></div>
      <p class="clock" aria-hidden="true">${() => timeOf(second.value)}</p><span class="grow"></span>
      <div class="row wrap">${() => (board.view.value === "tiles" ? html`<label class="group-by"><span class="visually-hidden">${t("board.group")}</span><select class="input" @change=${(/** @type {any} */ event) => { board.group.value = event.target.value; }}>
        ${["room", "category", "none"].map((value) => html`<option value=${value} ?selected=${value === board.group.peek()}>${t(`board.group_${value}`)}</option>`)}</select></label>` : null)}
      ${() => segments({ label: t("board.view"), value: board.view.value, onChange: (value) => { board.view.value = value; }, options: [{ value: "tiles", label: t("board.tiles"), icon: "grid" }, { value: "list", label: t("board.list"), icon: "list" }] })}
      <div class="row"><button type="button" class="button quiet icon-only" aria-label=${t("board.select_many")} data-tip=${t("board.select_many")} aria-pressed=${() => String(board.isSelecting.value)}
        @click=${() => { board.isSelecting.value = !board.isSelecting.peek(); if (!board.isSelecting.peek()) board.selected.value = new Set(); }}>${icon("check-circle")}</button>
      ${csvButton(() => saveList(name(), matching.value))}</div>
      ${may("book") ? html`<button type="button" class="button primary" @click=${() => openBookingForm()}>${icon("plus")}${t("board.new_booking")}</button>` : null}</div></div>
    <div class="board-tools">
      <div class="chips" role="group" aria-label=${t("board.filter")}>${() => chips(board, parents.value)}</div>
      <div class="search">${icon("search")}<input class="input" type="search" aria-label=${t("board.search")} placeholder=${t("board.search")} .value=${board.find.peek()} @input=${(/** @type {any} */ event) => { board.find.value = event.target.value; }}></div>
    </div>
    <div class=${() => `board ${board.isSelecting.value ? "is-selecting" : ""}`}>${() => content(board, parents.value, matching.value)}</div>
    ${() => manyBar(board.all.value.filter((/** @type {View} */ { unit }) => board.selected.value.has(unit.code)), () => { board.selected.value = new Set(); board.isSelecting.value = false; })}`;
}

/** Filters that are the legend, too. @param {any} board @param {Set<string>} parents */
function chips(board, parents) {
  const views = board.all.value.filter((/** @type {View} */ view) => !isPlace(view, parents));
  /** @type {Map<string, number>} */ const counts = new Map();
  for (const { unit } of views) counts.set(unit.shown_status, (counts.get(unit.shown_status) ?? 0) + 1);
  const ending = views.filter(isEnding).length;
  const chip = (/** @type {string} */ value, /** @type {string} */ tone, /** @type {string} */ name, /** @type {string} */ word, /** @type {number} */ count) => html`<button type="button" class="chip tone-${tone}" aria-pressed=${String(board.status.value === value)}
    @click=${() => { board.status.value = board.status.peek() === value ? "" : value; }}>${name ? icon(name) : null}${word}<span class="count">${count}</span></button>`;
  return html`${chip("", "accent", "", t("board.all"), views.length)}
    ${[...counts].sort(([a], [b]) => collator.compare(lookOf(a).word, lookOf(b).word)).map(([status, count]) => { const look = lookOf(status); return chip(status, look.tone, look.icon, look.word, count); })}
    ${ending > 0 || board.status.value === ENDING ? chip(ENDING, "soon", "bell", t("board.ending"), ending) : null}`;
}

/** @param {any} board @param {Set<string>} parents @param {View[]} views */
function content(board, parents, views) {
  if (board.all.value.length === 0) return empty({ icon: "pc", title: t("board.empty"), text: t("board.empty_text", { site: page.site.slug }) });
  if (views.length === 0) {
    const all = () => { board.status.value = ""; board.find.value = ""; const input = document.querySelector(".board-tools input"); if (input instanceof HTMLInputElement) input.value = ""; };
    return empty({ icon: "search", title: t("board.none_match"), text: t("board.none_match_text"), action: html`<button type="button" class="button" @click=${all}>${t("board.show_all")}</button>` });
  }
  if (board.view.value === "list") return list(views, board);
  /** @type {Map<string, View[]>} */ const groups = new Map();
  for (const view of views) {
    const key = board.group.value === "category" ? view.unit.category : board.group.value === "room" ? view.unit.parent ?? "" : "";
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [view]);
    else group.push(view);
  }
  const names = [...groups.keys()].sort((a, b) => (a === "" ? 1 : b === "" ? -1 : collator.compare(a, b)));
  let before = 0;
  return names.map((name) => {
    const own = groups.get(name) ?? [];
    before += own.length;
    const room = board.drawn.value - (before - own.length);
    return room > 0 ? group(board, name, own, room < own.length ? own.slice(0, room) : own) : null;
  });
}

/** @param {any} board @param {string} name @param {View[]} views @param {View[]} drawn as many of them as are drawn by now */
function group(board, name, views, drawn) {
  const free = views.filter(({ unit }) => lookOf(unit.shown_status).tone === "free").length;
  const place = board.all.value.find((/** @type {View} */ { unit }) => unit.code === name);
  return html`<section class="tile-group">${name === "" ? null : html`<header class="group-head"><h2>${place ? html`<button type="button" class="group-open" @click=${() => board.open(name)}>${name}${icon("chevron-right", "small")}</button>` : name}</h2>
    <span class="muted">${t("board.free_of", { free, n: views.length })}</span>${place && lookOf(place.unit.shown_status).tone !== "free" ? badge(place.unit.shown_status) : null}</header>`}
    ${tiles(drawn, board)}</section>`;
}

/** Says when ten, five and one minutes are left. @param {{value: View[]}} all */
function warn(all) {
  /** @type {Map<string, number>} */ const said = new Map();
  effect(() => {
    const now = second.value;
    for (const { unit, session } of all.value) {
      if (session === null) continue;
      const left = Date.parse(session.to) - now;
      const due = WARNINGS.find(([within]) => left > 0 && left <= within);
      if (due === undefined) { said.delete(unit.code); continue; }
      const [within, words] = due;
      // what was near its end when the page opened is on the screen already
      if ((said.get(unit.code) ?? Infinity) > within && within - left < 2000) announce(t(words, { unit: unit.code }), within === 60_000 ? "assertive" : "polite");
      said.set(unit.code, within);
    }
  });
}

/** @param {any} board */
function keys(board) {
  const group = t("board.keys");
  const focused = () => board.all.value.find((/** @type {View} */ { unit }) => unit.code === (document.activeElement instanceof HTMLElement ? document.activeElement.dataset.code : undefined));
  const on = (/** @type {string} */ key, /** @type {string} */ label, /** @type {(view: View) => void} */ run) => ({ keys: key, label, group, run: () => { const view = focused(); if (view) run(view); } });
  hotkeys(
    { keys: "ArrowDown", label: t("board.key_move"), group, run: () => { /** @type {HTMLElement | null} */ (document.querySelector(".tile-open[tabindex='0']"))?.focus(); } },
    on("x", t("board.key_select"), ({ unit }) => board.toggle(unit.code, false)),
    { keys: "v", label: t("board.key_view"), group, run: () => { board.view.value = board.view.peek() === "tiles" ? "list" : "tiles"; } },
    { keys: "Escape", label: t("board.key_clear"), group, run: () => { board.selected.value = new Set(); board.isSelecting.value = false; } },
  );
  if (!may("book")) return;
  hotkeys({ keys: "n", label: t("board.key_new"), group, run: () => { openBookingForm({ ...(focused() ? { unit: focused().unit.code } : {}) }); } });
  if (page.site.kind !== "cafe") return;
  hotkeys(
    on("w", t("board.key_walk_in"), ({ unit }) => /** @type {HTMLElement | null} */ (document.querySelector(`[data-walk-in="${CSS.escape(unit.code)}"]`))?.click()),
    on("s", t("board.key_start"), ({ booking, session }) => { if (booking && !session) start(booking); }),
    on("e", t("board.key_extend"), ({ session }) => { if (session) extend(session, 30); }),
    on("q", t("board.key_end"), ({ session }) => { if (session) end(session); }),
  );
}

/** @param {any} board */
function commands(board) {
  return [
    ...(may("book") ? [{ label: t("board.new_booking"), icon: "plus", hint: "n", run: () => { openBookingForm(); } }] : []),
    ...ordered(board.all.value).map((view) => ({ label: view.unit.code, icon: lookOf(view.unit.shown_status).icon, hint: [lookOf(view.unit.shown_status).word, whoOf(view.booking)].filter(Boolean).join(" · "), run: () => { board.open(view.unit.code); } })),
  ];
}

