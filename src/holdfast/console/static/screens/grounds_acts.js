/** What is done at a sports ground: book a slot, move a booking to another, take grounds out for an event, give them back. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { clock, dateOf, dayOf, rangeOf, timeOf, whenOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { field, sending, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { empty } from "../ui/status.js";
import { toast } from "../ui/toast.js";
import { act, change, tell } from "./board_acts.js";
import { whoOf } from "./board_model.js";
import { teamField, teamOf } from "./booking_team.js";
import { alternatives, problemNote } from "./conflict.js";

/** @typedef {import("./grounds_day.js").Slot} Slot */

/** @param {{code: string, name: string}} unit */
export const nameOf = (unit) => (unit.name && unit.name !== unit.code ? unit.name : unit.code);

/** The grounds in the order of their names. */
export const groundsOf = () => [...siteStore().replica.units.values()].sort((a, b) => collator.compare(nameOf(a), nameOf(b)));

/** The grounds of a booking by name. @param {{units: string[]}} booking */
export const groundsIn = ({ units }) => units.map((code) => nameOf(siteStore().replica.units.get(code) ?? { code, name: code })).join(", ");

const unitOptions = () => groundsOf().map((unit) => ({ value: unit.code, label: nameOf(unit) }));

/** @param {Slot} slot */
const labelOf = (slot) => `${timeOf(slot.from)} – ${timeOf(slot.to)}`;

/**
 * A new booking, approved at once unless that is not wanted.
 * @param {{date: string, slots: Slot[], unit?: string, slot?: number}} given
 */
export function bookSlot({ date, slots, unit, slot }) {
  /** @type {{unit: string, from: string, to: string} | null} */ let instead = null;
  const coming = slots.filter(({ from }) => from > clock.now());
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const first = slots[Number(values.slot)];
    const last = slots[Math.min(slots.length - 1, Number(values.slot) + Number(values.count) - 1)];
    const time = instead ?? { from: new Date(first.from).toISOString(), to: new Date(last.to).toISOString() };
    const customer = Object.fromEntries(["name", "email", "phone"].filter((name) => values[name]).map((name) => [name, values[name]]));
    const team = teamOf(values.team);
    const body = {
      unit: instead?.unit ?? values.unit, from: time.from, to: time.to, ...(Object.keys(customer).length > 0 ? { customer } : {}),
      ...(values.note ? { note: values.note } : {}), ...(team.length > 0 ? { details: { team } } : {}),
    };
    const booked = await change("POST", here("bookings"), body);
    opened.close();
    if (values.approve === "on") await act(booked, "approve").catch((/** @type {unknown} */ error) => tell(error, booked.reference));
    toast(t("booking.booked", { units: booked.units.join(", "), from: whenOf(booked.from), to: timeOf(booked.to) }));
  });
  /** @param {HTMLFormElement} element */
  const send = (element) => form.submit(valuesOf(element)).finally(() => { instead = null; });
  const opened = openDialog({
    title: t("board.new_booking"), under: html`<p class="muted">${dayOf(slots[0]?.from ?? clock.now())}</p>`,
    body: coming.length === 0 ? html`<p class="soft">${t("grounds.day_over")}</p>` : html`<form id="slot-form" class="form-grid" @submit=${(/** @type {any} */ event) => { event.preventDefault(); send(event.target); }}>
      ${field({ name: "unit", label: t("grounds.ground"), value: unit ?? "", options: unitOptions() })}
      ${field({ name: "slot", label: t("grounds.slot"), value: String(slot ?? coming[0].index), options: coming.map((one) => ({ value: String(slots.indexOf(one)), label: labelOf(one) })) })}
      ${field({ name: "name", label: t("booking.name"), autofocus: true, required: false })}
      ${field({ name: "email", label: t("booking.email"), type: "email", required: false })}
      ${field({ name: "phone", label: t("booking.phone"), type: "tel", required: false })}
      ${field({ name: "count", label: t("grounds.count"), value: "1", options: [1, 2, 3, 4].map((n) => ({ value: String(n), label: t("grounds.slots", { n }) })) })}
      ${teamField({ problem: form.problem })}
      ${field({ name: "note", label: t("booking.note"), type: "textarea", required: false, whole: true })}
      <label class="check whole"><input type="checkbox" name="approve" checked><span>${t("grounds.approve_at_once")}</span></label>
      <div class="whole stack">${() => (form.problem.value === null ? null : html`${problemNote(form.problem.value)}${alternatives(form.problem.value, (one) => { instead = one; const element = document.getElementById("slot-form"); if (element instanceof HTMLFormElement) send(element); })}`)}</div></form>`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      ${coming.length === 0 ? null : html`<button class="button primary" form="slot-form" aria-busy=${() => String(form.busy.value)}>${icon("check")}${t("booking.book")}</button>`}`,
  });
  return opened;
}

/** Takes grounds out of use for slots of a day. @param {{date: string, slots: Slot[], unit?: string, slot?: number}} given */
export function blockSlots({ slots, unit, slot }) {
  const coming = slots.filter(({ to }) => to > clock.now());
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const units = groundsOf().map(({ code }) => code).filter((code) => values[`unit-${code}`] === "on");
    if (units.length === 0) throw Object.assign(new Error(t("grounds.block_none")), { data: {} });
    const [from, to] = [Math.max(slots[Number(values.from)].from, clock.now()), slots[Math.max(Number(values.from), Number(values.to))].to];
    await change("POST", here("blocks"), {
      units, from: new Date(from).toISOString(), to: new Date(to).toISOString(), kind: values.kind, reason: values.reason, allow_conflicts: values.allow === "on",
    });
    toast(t("grounds.blocked", { units: units.join(", ") }));
    opened.close();
  });
  const options = coming.map((one) => ({ value: String(slots.indexOf(one)), label: labelOf(one) }));
  const opened = openDialog({
    title: t("grounds.block_title"), under: html`<p class="muted">${dayOf(slots[0]?.from ?? clock.now())}</p>`,
    body: html`<form id="block-form" class="form-grid" @submit=${(/** @type {any} */ event) => { event.preventDefault(); form.submit(valuesOf(event.target)); }}>
      ${field({ name: "reason", label: t("grounds.block_reason"), autofocus: true, required: true, whole: true })}
      <fieldset class="whole field"><legend class="label">${t("grounds.grounds")}</legend><div class="row wrap">${groundsOf().map((one) => html`<label class="check"><input type="checkbox" name="unit-${one.code}" ?checked=${one.code === unit}><span>${nameOf(one)}</span></label>`)}</div></fieldset>
      ${field({ name: "from", label: t("grounds.from_slot"), value: String(slot ?? slots.indexOf(coming[0])), options })}
      ${field({ name: "to", label: t("grounds.to_slot"), value: String(slot ?? slots.indexOf(coming[coming.length - 1])), options })}
      ${field({ name: "kind", label: t("grounds.block_kind"), value: "event", options: ["event", "maintenance"].map((value) => ({ value, label: t(value === "event" ? "grounds.kind_event" : "grounds.kind_maintenance") })) })}
      <label class="check whole"><input type="checkbox" name="allow"><span>${t("booking.allow_conflicts")}</span></label>
      <div class="whole">${() => (form.problem.value ? problemNote(form.problem.value) : null)}</div></form>`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button class="button primary" form="block-form" aria-busy=${() => String(form.busy.value)}>${icon("ban")}${t("grounds.block")}</button>`,
  });
  return opened;
}

/** A block from close by. @param {any} block @param {boolean} canRemove */
export function openBlock(block, canRemove) {
  const remove = async () => {
    try {
      await change("DELETE", here("blocks", block.id), undefined);
      toast(t("grounds.unblocked", { units: block.units.join(", ") }));
      opened.close();
    } catch (error) {
      tell(error, block.units.join(", "));
    }
  };
  const opened = openDialog({
    kind: "drawer", title: block.reason ?? t("status.blocked"),
    body: html`<dl class="facts"><dt>${t("grounds.grounds")}</dt><dd>${block.units.join(", ")}</dd><dt>${t("grounds.when")}</dt><dd>${rangeOf(block.from, block.to)}</dd><dt>${t("booking.by")}</dt><dd>${block.created_by}</dd></dl>`,
    foot: canRemove ? html`<button type="button" class="button danger" @click=${remove}>${icon("unlock")}${t("grounds.unblock")}</button>` : null,
  });
  return opened;
}

/** Shows the free slots of a day and moves a booking into the one that is chosen. @param {any} booking */
export function moveSlot(booking) {
  const date = signal(dateOf(booking.from) < dateOf(clock.now()) ? dateOf(clock.now()) : dateOf(booking.from));
  /** @type {import("../core/signals.js").Signal<any[] | null>} */ const found = signal(null);
  const load = async () => {
    found.value = null;
    try {
      found.value = (await ask("GET", `${here("availability")}?${new URLSearchParams({ date: date.peek(), limit: "500" })}`)).data.slots;
    } catch (error) {
      tell(error, booking.reference);
    }
  };
  const go = async (/** @type {any} */ slot, /** @type {string} */ unit) => {
    try {
      const moved = await act(booking, "move", { ...(booking.units.includes(unit) ? {} : { unit }), from: slot.from, to: slot.to });
      toast(t("grounds.moved", { unit, when: whenOf(moved.from) }));
      opened.close();
    } catch (error) {
      tell(error, unit);
      load();
    }
  };
  const line = (/** @type {any} */ slot) => {
    const free = slot.units.filter((/** @type {any} */ one) => one.bookable);
    if (free.length === 0) return null;
    return html`<div class="slot-line"><span class="strong">${timeOf(slot.from)} – ${timeOf(slot.to)}</span><div class="row wrap">${free.map((/** @type {any} */ one) => html`<button type="button" class="button small" @click=${() => go(slot, one.unit)}>${nameOf(siteStore().replica.units.get(one.unit) ?? { code: one.unit, name: one.unit })}</button>`)}</div></div>`;
  };
  load();
  const opened = openDialog({
    title: t("booking.move_title", { who: whoOf(booking), unit: booking.units.join(", ") }), under: html`<p class="muted">${rangeOf(booking.from, booking.to)}</p>`,
    body: html`${field({ name: "move-date", label: t("grounds.date"), type: "date", value: date.peek(), min: dateOf(clock.now()), onInput: (value) => { if (value !== "") { date.value = value; load(); } } })}
      ${() => {
        if (found.value === null) return html`<div class="skeleton line"></div>`;
        const lines = found.value.map(line).filter(Boolean);
        return lines.length === 0 ? empty({ icon: "calendar", title: t("grounds.nothing_free"), text: t("grounds.nothing_free_text") }) : html`<div class="slot-lines">${lines}</div>`;
      }}`,
  });
  return opened;
}
