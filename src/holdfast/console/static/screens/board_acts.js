/**
 * The acts of boards and panels: asked of the server, told when done, offered back where there is a way. What is refused
 * keeps its form and shows what was free instead.
 */

import { ask, here, Problem } from "../core/api.js";
import { siteStore } from "../core/store.js";
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clock, lengthOf, localOf, timeOf, whenOf } from "../core/time.js";
import { page } from "../core/page.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { field, sending, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { toast } from "../ui/toast.js";
import { alternatives, problemNote } from "./conflict.js";
import { whoOf } from "./board_model.js";

/** Sends a change and waits until this screen has heard of it. @param {string} method @param {string} path @param {any} body */
export async function change(method, path, body) {
  const { data, version } = await ask(method, path, { body });
  await siteStore().until(version);
  return data;
}

/** @param {any} booking @param {string} name @param {any} body */
export const act = (booking, name, body = {}) => change("POST", here("bookings", booking.id, name), body);

/** Tells why something was not done. @param {unknown} error @param {string} subject */
export function tell(error, subject) {
  if (!(error instanceof Problem)) throw error;
  toast(`${subject}: ${error.message}`, { tone: "bad" });
}

/** @param {any} booking */
const placesOf = (booking) => booking.units.join(", ");

/** Starts a session; asks for the code where the site has codes. @param {any} booking */
export async function start(booking) {
  if (page.site.settings.start_code) return startWithCode(booking);
  try {
    await act(booking, "start");
    toldStart(booking);
  } catch (error) {
    tell(error, placesOf(booking));
  }
}

/** @param {any} booking */
function toldStart(booking) {
  const undo = () => act(booking, "undo").catch((/** @type {unknown} */ error) => tell(error, placesOf(booking)));
  toast(t("booking.done_start", { unit: placesOf(booking) }), { act: { label: t("act.undo"), run: undo } });
}

/** @param {any} booking */
function startWithCode(booking) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await act(booking, "start", values.code ? { code: values.code } : { override: true, reason: values.reason ?? "" });
    toldStart(booking);
    opened.close();
  });
  const opened = formDialog({
    title: `${t("act.start")} · ${placesOf(booking)}`, form, go: t("act.start"),
    fields: () => html`${field({ name: "code", label: t("booking.code"), hint: t("booking.code_hint"), autofocus: true, required: false })}
      ${field({ name: "reason", label: t("booking.reason"), required: false })}`,
  });
}

/** Moves the end. A conflict offers to go on somewhere else. @param {any} booking @param {number} minutes */
export async function extend(booking, minutes) {
  try {
    const after = await act(booking, "extend", { minutes });
    toast(t("booking.done_extend", { unit: placesOf(booking), to: timeOf(after.to) }));
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "slot_taken") return tell(error, placesOf(booking));
    const shown = openDialog({
      title: t("booking.extended_not", { unit: placesOf(booking) }),
      body: html`${problemNote(error)}${alternatives(error, (one) => { shown.close(); moveTo(booking, one.unit, one); })}`,
    });
  }
}

/** @param {any} booking @param {string} unit @param {{from: string, to: string} | null} span also another time */
export async function moveTo(booking, unit, span = null) {
  try {
    const isThere = booking.started_at !== null;
    await act(booking, "move", { unit, ...(span ? { to: span.to, ...(isThere ? {} : { from: span.from }) } : {}) });
    toast(t("booking.done_move", { unit }));
  } catch (error) {
    tell(error, unit);
  }
}

/** @param {any} booking */
export async function end(booking) {
  const left = Date.parse(booking.to) - clock.now();
  const text = left > 0 ? t("booking.end_text", { who: whoOf(booking), left: lengthOf(left) }) : t("booking.end_text_over");
  if (!(await confirmDialog({ title: t("booking.end_title", { unit: placesOf(booking) }), text, act: t("act.end"), danger: true }))) return;
  await actNow(booking, "end", t("booking.done_end", { unit: placesOf(booking) }));
}

/** Does an act that needs nothing more. @param {any} booking @param {string} name @param {string} told @param {any} body */
export async function actNow(booking, name, told, body = {}) {
  try {
    await act(booking, name, body);
    toast(told);
  } catch (error) {
    tell(error, placesOf(booking));
  }
}

/** Asks why, then does it: cancel, reject, no-show, revoke. @param {any} booking @param {string} name @param {boolean} isRequired */
export function actWithReason(booking, name, isRequired = false) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await act(booking, name, values.reason ? { reason: values.reason } : {});
    toast(t("booking.done_act", { unit: placesOf(booking), act: t(`act.${name}`) }));
    opened.close();
  });
  const about = { who: whoOf(booking), units: placesOf(booking), from: whenOf(booking.from) };
  const opened = formDialog({
    title: name === "cancel" ? t("booking.cancel_title") : `${t(`act.${name}`)} · ${placesOf(booking)}`, form, go: t(`act.${name}`), danger: name !== "revoke",
    fields: () => html`<p class="soft">${name === "cancel" ? t("booking.cancel_text", about) : `${about.who}, ${about.units}, ${about.from}`}</p>
      ${field({ name: "reason", label: t("booking.reason"), required: isRequired, autofocus: true, whole: true })}`,
  });
}

/** Shows where a booking could go on, and moves it there. @param {any} booking */
export async function move(booking) {
  const isThere = booking.started_at !== null;
  const from = isThere ? localOf(clock.now()) : booking.from;
  const query = new URLSearchParams({ from, to: booking.to, category: booking.category ?? "", limit: "100" });
  if (!booking.category) query.delete("category");
  /** @type {any} */ let found;
  try {
    found = (await ask("GET", `${here("availability")}?${query}`)).data;
  } catch (error) {
    return tell(error, placesOf(booking));
  }
  // free for all of what is left
  const units = found.units.filter((/** @type {any} */ unit) => unit.free.some((/** @type {any} */ span) => Date.parse(span.from) <= Date.parse(found.from) && Date.parse(span.to) >= Date.parse(booking.to)));
  const opened = openDialog({
    title: t("booking.move_title", { who: whoOf(booking), unit: placesOf(booking) }),
    body: units.length === 0 ? html`<p class="soft">${t("booking.move_none")}</p>` : html`<p class="soft">${t("booking.move_text", { to: whenOf(booking.to) })}</p>
      <div class="choices">${units.map((/** @type {any} */ unit) => html`<button type="button" class="button" @click=${() => { opened.close(); moveTo(booking, unit.code); }}>${unit.code}</button>`)}</div>`,
  });
}

/** Seats whoever stands there, now. @param {string} unit @param {number | null} minutes null: until the next booking */
export async function walkIn(unit, minutes) {
  const to = minutes === null ? {} : { to: new Date(clock.now() + minutes * 60_000).toISOString() };
  try {
    await change("POST", here("bookings"), { unit, walk_in: true, ...to });
    toast(t("booking.done_walk_in", { unit }));
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "slot_taken") return tell(error, unit);
    const shown = openDialog({
      title: error.message,
      body: html`${problemNote(error)}${alternatives(error, (one) => { shown.close(); walkIn(one.unit, minutes); })}`,
    });
  }
}

/** Takes units out of use: for a time by a block, or until further notice by their condition. @param {string[]} codes */
export function maintenance(codes) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const reason = values.reason ?? t("event.none");
    if (values.until === "notice") {
      for (const code of codes) await change("PATCH", here("units", code), { condition: "under_maintenance", reason });
    } else {
      const [from, to] = [clock.now(), clock.now() + Number(values.until) * 3_600_000].map((at) => new Date(at).toISOString());
      await change("POST", here("blocks"), { units: codes, from, to, kind: "maintenance", reason, allow_conflicts: values.allow === "on" });
    }
    toast(t("booking.done_maintenance", { unit: codes.join(", ") }));
    opened.close();
  });
  const opened = formDialog({
    title: t("booking.maintenance_title", { units: codes.join(", ") }), form, go: t("board.maintenance"),
    fields: () => html`${field({ name: "reason", label: t("booking.reason"), autofocus: true, required: true, hint: t("booking.maintenance_hint"), whole: true })}
      ${field({ name: "until", label: t("booking.maintenance_until"), value: "notice", options: [
        { value: "notice", label: t("booking.further_notice") }, ...[1, 2, 4, 8, 24].map((n) => ({ value: String(n), label: t("booking.hours", { n }) }))] })}
      <label class="check whole"><input type="checkbox" name="allow"><span>${t("booking.allow_conflicts")}</span></label>`,
  });
}

/** Puts a unit back in use: whatever keeps it out now. @param {string} code @param {any} block @param {string | null} condition */
export async function backInUse(code, block, condition) {
  try {
    if (block !== null) await change("DELETE", here("blocks", block.id), undefined);
    if (condition !== null) await change("PATCH", here("units", code), { condition: null });
    toast(t("booking.done_back", { unit: code }));
  } catch (error) {
    tell(error, code);
  }
}

/** A dialog with a form that keeps what was typed when it is refused.
 * @param {{title: string, form: any, fields: () => any, go: string, danger?: boolean}} o */
export function formDialog({ title, form, fields, go, danger = false }) {
  const id = `form-${go.replace(/\W/g, "")}`;
  const opened = openDialog({
    title,
    body: html`<form id=${id} class="form-grid" @submit=${(/** @type {any} */ event) => { event.preventDefault(); form.submit(valuesOf(event.target)); }}>
      ${fields()}<div class="whole">${() => (form.problem.value ? problemNote(form.problem.value) : null)}</div></form>`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button class="button primary ${danger ? "danger" : ""}" form=${id} aria-busy=${() => String(form.busy.value)}>${danger ? null : icon("check")}${go}</button>`,
  });
  return opened;
}
