/**
 * What is done with stays: arrivals and departures in one press where nothing speaks against it, with a reason where
 * something does; other dates or another room, a stay divided, two exchanged.
 */

import { ask, here, Problem } from "../core/api.js";
import { holds } from "../core/replica.js";
import { html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { clock, dateOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { field, sending } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { toast } from "../ui/toast.js";
import { act, change, formDialog, tell } from "./board_acts.js";
import { isRunning } from "./board_model.js";
import { stayProblem } from "./stay_conflict.js";
import { dayWord, guestOf, spanWords } from "./stay_words.js";
import { addDays, dateAt, dayNumber, UNUSABLE } from "./tape_model.js";

/** Refusals that somebody may set aside, with a reason. */
const OVERRIDABLE = new Set(["wrong_day", "wrong_code"]);
const today = () => dateOf(clock.now());
/** @param {any} booking */
const rooms = (booking) => booking.units.join(", ");
/** @param {any} booking */
const unitsOf = (booking) => booking.units.map((/** @type {string} */ code) => siteStore().replica.units.get(code)).filter(Boolean);

/** @param {any} booking */
export async function checkIn(booking) {
  const dirty = unitsOf(booking).filter((/** @type {any} */ unit) => unit.condition === "dirty");
  if (dirty.length > 0) {
    const codes = dirty.map((/** @type {any} */ unit) => unit.code).join(", ");
    if (!(await confirmDialog({ title: t("hotel.dirty_title", { unit: codes }), text: t("hotel.dirty_text", { who: guestOf(booking) }), act: t("hotel.check_in_anyway") }))) return;
  }
  try {
    await act(booking, "check-in");
    toldIn(booking);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (OVERRIDABLE.has(error.code)) override(booking, error);
    else if (error.code === "unit_occupied" || error.code === "not_serviceable" || error.code === "slot_taken") otherRoom(booking, error);
    else tell(error, rooms(booking));
  }
}

/** @param {any} booking */
function toldIn(booking) {
  const undo = () => { act(booking, "undo").catch((/** @type {unknown} */ error) => tell(error, rooms(booking))); };
  toast(t("hotel.done_in", { who: guestOf(booking), unit: rooms(booking) }), { act: { label: t("act.undo"), run: undo } });
}

/** @param {any} booking @param {Problem} why */
function override(booking, why) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await act(booking, "check-in", values.code ? { code: values.code } : { override: true, reason: values.reason ?? "" });
    toldIn(booking);
    opened.close();
  });
  const opened = formDialog({
    title: t("hotel.override_title", { who: guestOf(booking) }), form, go: t("hotel.check_in_anyway"),
    fields: () => html`<div class="whole">${stayProblem(why)}</div>${why.code === "wrong_day" ? html`<p class="soft whole">${t("hotel.override_day", { date: dayWord(dateAt(booking.from)) })}</p>` : field({ name: "code", label: t("booking.code"), required: false })}
      ${field({ name: "reason", label: t("booking.reason"), required: why.code === "wrong_day", autofocus: true, whole: true })}`,
  });
}

/** The room cannot be had: others that can, for the same nights. @param {any} booking @param {Problem} why */
async function otherRoom(booking, why) {
  const free = booking.units.length > 1 ? [] : await freeRooms(today() > dateAt(booking.from) ? today() : dateAt(booking.from), dateAt(booking.to));
  const ranked = free.filter(({ category }) => category === booking.category || booking.category === null).concat(free.filter(({ category }) => category !== booking.category && booking.category !== null));
  const opened = openDialog({
    title: t("hotel.not_in", { unit: rooms(booking) }), under: html`<p class="muted small">${t("hotel.nothing_changed")}</p>`,
    body: html`${stayProblem(why)}${ranked.length === 0 ? html`<p class="soft">${t("hotel.no_alternatives")}</p>` : html`<p class="soft">${t("hotel.other_rooms")}</p>
      <div class="choices">${ranked.slice(0, 12).map((unit) => html`<button type="button" class="button" @click=${() => { opened.close(); moveIn(booking, unit.code); }}>${unit.code} <span class="muted small">${unit.category}</span></button>`)}</div>`}`,
  });
}

/** @param {any} booking @param {string} unit */
async function moveIn(booking, unit) {
  try {
    const moved = await act(booking, "move", { unit });
    await checkIn(moved);
  } catch (error) {
    tell(error, unit);
  }
}

/** Rooms that are free for all of some nights. @param {string} from @param {string} to @returns {Promise<{code: string, category: string}[]>} */
export async function freeRooms(from, to) {
  if (to <= from) return [];
  const { data } = await ask("GET", `${here("availability")}?${new URLSearchParams({ from, to, limit: "500" })}`);
  return [...data.units].sort((a, b) => collator.compare(a.code, b.code));
}

/** @param {any} booking */
export async function checkOut(booking) {
  const last = dateAt(booking.to);
  if (last > today()) {
    const text = t("hotel.early_text", { who: guestOf(booking), date: dayWord(last) });
    if (!(await confirmDialog({ title: t("hotel.early_title", { unit: rooms(booking) }), text, act: t("act.check-out"), danger: true }))) return;
  }
  try {
    await act(booking, "check-out");
    toast(t("hotel.done_out", { who: guestOf(booking), unit: rooms(booking) }));
  } catch (error) {
    tell(error, rooms(booking));
  }
}

/** Another room, or nights, by a form: for fingers, and for dates beyond the chart. @param {any} booking */
export function changeStay(booking) {
  const [isHere, unit, first, last] = [isRunning(booking), booking.units[0], dateAt(booking.from), dateAt(booking.to)];
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const isOther = values.unit !== undefined && values.unit !== unit;
    const from = values.from ?? first;
    const to = values.to ?? last;
    if (!isOther && from === first) await act(booking, "extend", { to });
    else await act(booking, "move", { ...(isOther ? { unit: values.unit } : {}), ...(isHere ? {} : { from }), ...(isHere && to === last ? {} : { to }) });
    toast(t("hotel.done_move", { who: guestOf(booking), unit: values.unit ?? unit, span: spanWords(from, to) }));
    opened.close();
  });
  const codes = [...siteStore().replica.units.values()].sort((a, b) => collator.compare(a.code, b.code));
  const opened = formDialog({
    title: t("hotel.change_title", { who: guestOf(booking) }), form, go: t("hotel.save"),
    fields: () => html`${field({ name: "from", label: t("hotel.arrival"), type: "date", value: first, disabled: isHere || booking.parts, required: true })}
      ${field({ name: "to", label: t("hotel.departure"), type: "date", value: last, min: addDays(first, 1), required: true, autofocus: true })}
      ${booking.units.length > 1 || (booking.parts && !isHere) ? null : field({ name: "unit", label: t("hotel.room"), value: unit, options: codes.map((one) => ({ value: one.code, label: `${one.code} · ${one.category}` })) })}`,
  });
}

/** @param {any} booking */
export function splitStay(booking) {
  const [first, last] = [dateAt(booking.from), dateAt(booking.to)];
  const begin = first < today() ? today() : first;
  const dates = Array.from({ length: Math.max(0, dayNumber(last) - dayNumber(begin) - (begin === first ? 1 : 0)) }, (_, at) => addDays(begin, at + (begin === first ? 1 : 0)));
  const at = signal(dates[0] ?? last);
  /** @type {import("../core/signals.js").Signal<{code: string, category: string}[] | null>} */ const free = signal(null);
  const stop = effect(() => { const from = at.value; free.value = null; freeRooms(from, last).then((found) => { if (at.peek() === from) free.value = found; }, () => { free.value = []; }); });
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await act(booking, "split", { at: values.at, unit: values.unit });
    toast(t("hotel.done_split", { who: guestOf(booking), unit: values.unit, date: dayWord(values.at) }));
    opened.close();
  });
  const opened = formDialog({
    title: t("hotel.split_title", { who: guestOf(booking) }), form, go: t("act.split"),
    fields: () => html`<p class="soft whole">${t("hotel.split_text", { unit: rooms(booking) })}</p>
      ${field({ name: "at", label: t("hotel.split_from"), value: at.peek(), options: dates.map((date) => ({ value: date, label: dayWord(date) })), onInput: (value) => { at.value = value; } })}
      ${() => (free.value !== null && free.value.length === 0 ? html`<p class="soft">${t("hotel.no_alternatives")}</p>`
        : field({ name: "unit", label: t("hotel.room"), disabled: free.value === null, options: (free.value ?? []).map((one) => ({ value: one.code, label: `${one.code} · ${one.category}` })) }))}`,
  });
  opened.closed.then(stop);
}

/** @param {any} booking */
export function swapStay(booking) {
  const others = [...siteStore().replica.bookings.values()].filter((other) => other.id !== booking.id && holds(other) && !other.parts && other.state !== "Held"
    && other.units.length === booking.units.length && other.from < booking.to && other.to > booking.from).sort((a, b) => collator.compare(rooms(a), rooms(b)));
  if (others.length === 0) return void toast(t("hotel.no_swap"), { tone: "bad" });
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await act(booking, "swap", { other: values.other });
    toast(t("hotel.done_swap", { who: guestOf(booking) }));
    opened.close();
  });
  const opened = formDialog({
    title: t("hotel.swap_title", { who: guestOf(booking), unit: rooms(booking) }), form, go: t("act.swap"),
    fields: () => field({ name: "other", label: t("hotel.swap_with"), whole: true, options: others.map((other) => ({ value: other.id, label: `${rooms(other)} · ${guestOf(other)} · ${spanWords(dateAt(other.from), dateAt(other.to))}` })) }),
  });
}

/** Says how a room is; what was before is a press away. @param {any} unit @param {string | null} condition */
export async function setCondition(unit, condition) {
  const before = unit.condition;
  try {
    await change("PATCH", here("units", unit.code), { condition });
    const undo = () => { change("PATCH", here("units", unit.code), { condition: before }).catch((/** @type {unknown} */ error) => tell(error, unit.code)); };
    toast(t(`housekeeping.done_${condition ?? "none"}`, { unit: unit.code }), { act: { label: t("act.undo"), run: undo } });
  } catch (error) {
    tell(error, unit.code);
  }
}

/** Whether a room can take its guest now. @param {any} unit */
export const isReady = (unit) => unit.condition !== "dirty" && !UNUSABLE.has(unit.condition) && unit.shown_status !== "OCCUPIED" && unit.shown_status !== "MAINTENANCE" && unit.shown_status !== "OUT_OF_SERVICE";

/** @param {any} booking @param {() => void} run @param {string} name @param {boolean} isFirst */
export const quick = (booking, run, name, isFirst = true) => html`<button type="button" class="button small ${isFirst ? "primary" : ""}" aria-label=${`${t(`act.${name}`)}: ${guestOf(booking)}, ${rooms(booking)}`} @click=${run}>${icon(name === "check-in" ? "login" : "logout", "small")}${t(`act.${name}`)}</button>`;
