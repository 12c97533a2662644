/**
 * Calendars of other systems that block units here: how each stands, why it cannot be read; and our own addresses, for others to
 * follow. Readings stand in no journal unless they change something, so what is looked at asks again by itself.
 */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { number, t } from "../core/i18n.js";
import { followedWhile, following } from "../core/follow.js";
import { may, page } from "../core/page.js";
import { minute, whenOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { failed, lines } from "../ui/loading.js";
import { empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { openCalendarForm, pauseOrResume, readNow } from "./calendar_acts.js";
import { ownCalendars } from "./calendar_links.js";
import { openCalendar } from "./calendar_panel.js";
import { lookOf, paceWords, stateOf } from "./calendar_words.js";

/** @typedef {import("./calendar_words.js").Calendar} Calendar */

const EVERY_MS = 4_000;

/** @param {() => boolean} isShown */
export function calendarsTab(isShown) {
  const followed = following(async () => /** @type {Calendar[]} */ ((await ask("GET", here("calendars"))).data.calendars), EVERY_MS);
  followedWhile(followed, isShown);
  const order = signal({ name: "", down: false });
  const again = () => { followed.now(); };
  const add = () => openCalendarForm(null, again);
  return html`<div class="stack calendars"><section class="card settings-card"><div class="row wrap"><span class="grow"><h2>${t("calendars.title")}</h2><p class="muted small">${t("calendars.text")}</p></span>
      <div class="row">${csvButton(() => saveCsv(`${page.site.slug}-calendars.csv`, sheet(), followed.value.peek() ?? []))}
      <button type="button" class="button primary" @click=${add}>${icon("plus")}${t("calendars.add")}</button></div></div>
    ${() => content(followed, order, again, add)}</section>
    ${may("names") ? ownCalendars() : null}</div>`;
}

/** @param {import("../core/follow.js").Followed<Calendar[]>} followed @param {import("../core/signals.js").Signal<import("../ui/table.js").Order>} order @param {() => void} again @param {() => void} add */
function content(followed, order, again, add) {
  minute.value;
  const found = followed.value.value;
  if (found === null) return followed.problem.value ? failed(followed.problem.value, again) : lines(3);
  if (found.length === 0) return empty({ icon: "calendar", title: t("calendars.none"), text: t("calendars.none_text"), action: html`<button type="button" class="button" @click=${add}>${icon("plus")}${t("calendars.add")}</button>` });
  return html`${followed.problem.value ? failed(followed.problem.value, again) : null}
    ${table({ label: t("calendars.title"), columns: columns(again), rows: found, key: ({ id }) => id, order: order.value, onOrder: (next) => { order.value = next; }, onOpen: ({ id }) => openCalendar(id, followed) })}
    ${found.some(({ conflicts }) => conflicts > 0) ? html`<p class="small"><a href=${`/console/${page.site.slug}/findings`}>${t("calendars.to_findings")}</a></p>` : null}`;
}

/** @param {string | null} at */
const atOr = (at) => (at === null ? html`<span class="muted">${t("calendars.never")}</span>` : html`<time datetime=${at}>${whenOf(at)}</time>`);

/** @param {() => void} again @returns {import("../ui/table.js").Column<Calendar>[]} */
const columns = (again) => [
  { name: "name", label: t("calendars.name"), isHead: true, value: (one) => one.name, draw: (one) => html`<span class="two-lines"><span class="strong">${one.name}</span><span class="small muted"><span class="narrow-only">${one.unit} · </span><span class="mono">${one.host}</span></span></span>` },
  { name: "unit", label: t("booking.unit"), wide: true, value: (one) => one.unit, draw: (one) => one.unit },
  { name: "state", label: t("calendars.state"), value: (one) => lookOf(one).word, draw: stateOf },
  { name: "read_at", label: t("calendars.read_at"), wide: true, value: (one) => (one.read_at === null ? null : Date.parse(one.read_at)), draw: (one) => atOr(one.read_at) },
  { name: "next_at", label: t("calendars.next_at"), wide: true, value: (one) => (one.active ? Date.parse(one.next_at) : null), draw: (one) => (one.active ? atOr(one.next_at) : html`<span class="muted">–</span>`) },
  { name: "blocks", label: t("calendars.blocks"), number: true, wide: true, value: (one) => one.blocks, draw: (one) => number(one.blocks) },
  { name: "conflicts", label: t("calendars.conflicts"), number: true, wide: true, value: (one) => one.conflicts, draw: (one) => (one.conflicts > 0 ? html`<strong class="calendar-conflicts">${number(one.conflicts)}</strong>` : html`<span class="muted">0</span>`) },
  { name: "acts", label: t("table.acts"), isQuiet: true, narrow: true, wide: true, draw: (one) => html`<span class="row row-acts">
    <button type="button" class="button quiet icon-only" aria-label=${t("calendars.read_now_of", { name: one.name })} data-tip=${t("calendars.read_now")} ?disabled=${!one.active} @click=${() => readNow(one, again)}>${icon("refresh")}</button>
    <button type="button" class="button quiet icon-only" aria-label=${t(one.active ? "calendars.pause_of" : "calendars.resume_of", { name: one.name })} data-tip=${t(one.active ? "calendars.pause" : "calendars.resume")} @click=${() => pauseOrResume(one, again)}>${icon(one.active ? "pause" : "play")}</button></span>` },
];

/** The same as a file, instants as such. @returns {import("../ui/table.js").Column<Calendar>[]} */
const sheet = () => /** @type {[string, (one: Calendar) => any][]} */ ([
  [t("calendars.name"), (one) => one.name], [t("booking.unit"), (one) => one.unit], [t("calendars.host"), (one) => one.host], [t("calendars.state"), (one) => lookOf(one).word], [t("calendars.why"), (one) => one.error],
  [t("calendars.read_at"), (one) => one.read_at], [t("calendars.next_at"), (one) => (one.active ? one.next_at : "")], [t("calendars.every"), paceWords], [t("calendars.blocks"), (one) => one.blocks], [t("calendars.conflicts"), (one) => one.conflicts],
]).map(([label, value]) => ({ name: label, label, draw: () => null, csv: (/** @type {Calendar} */ one) => String(value(one) ?? "") }));
