/**
 * The board as it was at any moment that the journal still tells of: moved to with a slider, or typed. Nothing can be
 * changed there, and every unit says what it shows now.
 */

import { ask, here } from "../core/api.js";
import { each, html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { clock, fullOf, instantOf, localOf, whenOf } from "../core/time.js";
import { may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { segments } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { badge, banner, empty, lookOf } from "../ui/status.js";
import { whoOf } from "./board_model.js";

const PAGES_MAX = 10;
const ROWS = 500;
const STEPS = 1000;
const HOUR_MS = 3_600_000;
/** @type {Record<string, number>} */ const SPANS = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 168 * HOUR_MS, month: 720 * HOUR_MS };

/** @typedef {{units: any[], bookings: Map<string, any>}} Then */

/** @param {import("../core/signals.js").Signal<string>} at a local time of the site; "" is now @param {(until: number) => void} showLines */
export function then(at, showLines) {
  const span = signal("day");
  const end = clock.now();
  const moment = () => (at.value === "" ? null : instantOf(at.value));
  const list = loading((given) => read(moment() ?? clock.now(), given));
  const start = () => Math.max(end - SPANS[span.value], Date.parse(/** @type {any} */ (page.site).created_at));
  const share = () => { const now = moment(); return now === null ? STEPS : Math.round(Math.max(0, Math.min(1, (now - start()) / (end - start()))) * STEPS); };
  const go = (/** @type {number} */ step) => { at.value = step >= STEPS ? "" : localOf(start() + ((end - start()) * step) / STEPS); };
  return html`<section class="card then" ref=${() => { effect(() => { at.value; list.again(); }); }}>
      <div class="row wrap">${() => segments({ label: t("audit.span"), value: span.value, onChange: (value) => { span.value = value; }, options: Object.keys(SPANS).map((value) => ({ value, label: t(`audit.span_${value}`) })) })}
        <label class="row day-field"><span class="muted small">${t("audit.moment")}</span><input class="input" type="datetime-local" .value=${() => at.value || localOf(clock.now())} max=${localOf(end)} @change=${(/** @type {any} */ event) => { at.value = event.target.value; }}></label>
        <span class="grow"></span>${() => (at.value === "" ? null : html`<button type="button" class="button small" @click=${() => showLines(moment() ?? clock.now())}>${icon("list", "small")}${t("audit.lines_then")}</button>`)}</div>
      <div class="slider"><span class="muted small">${() => whenOf(start())}</span>
        <input type="range" min="0" max=${STEPS} step="1" aria-label=${t("audit.slider")} aria-valuetext=${() => { const now = moment(); return now === null ? t("audit.now") : fullOf(now); }} .value=${() => String(share())} @input=${(/** @type {any} */ event) => go(Number(event.target.value))}>
        <span class="muted small">${t("audit.now")}</span></div></section>
    ${() => { const now = moment(); return now === null ? banner("free", "live", html`<p>${t("audit.is_now")}</p>`) : banner("soon", "history", html`<div class="row wrap"><p class="grow"><span class="strong">${t("audit.as_of", { at: fullOf(now) })}</span> ${t("audit.as_of_text")}</p>
      <button type="button" class="button" @click=${() => { at.value = ""; }}>${icon("redo")}${t("audit.back")}</button></div>`); }}
    <div class="then-board" aria-busy=${() => String(list.busy.value)}>${() => board(list)}</div>`;
}

/** Units as they showed then, and the bookings that were behind them. @param {number} at @param {AbortSignal} signal @returns {Promise<Then>} */
async function read(at, signal) {
  const instant = new Date(at).toISOString();
  /** @type {any[]} */ const units = [];
  for (let [cursor, round] = ["", 0]; round < PAGES_MAX; round += 1) {
    const { data } = await ask("GET", `${here("units")}?${new URLSearchParams({ at: instant, limit: String(ROWS), ...(cursor ? { cursor } : {}) })}`, { signal });
    units.push(...data.units);
    if (data.next === null) break;
    cursor = data.next;
  }
  if (!may("names") || !units.some(({ booking }) => booking)) return { units, bookings: new Map() };
  const query = new URLSearchParams({ from: instant, to: new Date(at + 60_000).toISOString(), limit: String(ROWS) });
  const { data } = await ask("GET", `${here("bookings")}?${query}`, { signal });
  return { units, bookings: new Map(data.bookings.map((/** @type {any} */ one) => [one.id, one])) };
}

/** @param {any} list */
function board(list) {
  if (list.problem.value !== null) return failed(list.problem.value, list.now);
  const found = list.value.value;
  if (found === null) return lines();
  if (found.units.length === 0) return empty({ icon: "history", title: t("audit.nothing_then"), text: t("audit.nothing_then_text") });
  /** @type {Map<string, any[]>} */ const groups = new Map();
  const parents = new Set(found.units.map((/** @type {any} */ { parent }) => parent).filter(Boolean));
  for (const unit of found.units) if (!parents.has(unit.code)) groups.set(unit.parent ?? unit.category, [...(groups.get(unit.parent ?? unit.category) ?? []), unit]);
  return [...groups].sort(([a], [b]) => collator.compare(a, b)).map(([name, units]) => html`<section class="tile-group"><header class="group-head"><h2>${name}</h2></header>
    <ul class="tiles">${each(units.map((unit) => ({ unit })), ({ unit }) => unit.code, ({ unit }) => tile(unit, found.bookings))}</ul></section>`);
}

/** @param {any} unit @param {Map<string, any>} bookings */
function tile(unit, bookings) {
  const look = lookOf(unit.shown_status);
  const booking = bookings.get(unit.booking) ?? siteStore().replica.bookings.get(unit.booking);
  const now = () => { siteStore().version.value; return siteStore().replica.units.get(unit.code)?.shown_status; };
  return html`<li class="tile past tone-${look.tone}"><div class="tile-head"><span class="tile-open">${unit.code}</span>${badge(unit.shown_status)}</div>
    <p class="tile-who truncate">${unit.booking ? (booking ? nameOf(booking) : t("audit.somebody")) : "–"}</p>
    <div class="tile-foot"><p class="tile-next">${t("unit.since", { time: whenOf(unit.shown_since) })}</p>
      ${() => { const status = now(); return status !== undefined && status !== unit.shown_status ? html`<p class="tile-line"><span class="muted">${t("audit.now_shows")}</span> <span class="row">${icon(lookOf(status).icon, "small")}${lookOf(status).word}</span></p>` : null; }}</div></li>`;
}

/** @param {any} booking */
const nameOf = (booking) => booking.customer?.name ?? booking.customer?.reference ?? whoOf(booking);
