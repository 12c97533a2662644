/** A new booking: unit or any of a kind, start, length, customer. Refused, it keeps all that was typed and offers what is free. */

import { here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { clock, instantOf, lengthOf, localOf, timeOf, whenOf } from "../core/time.js";
import { page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { field, sending, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { toast } from "../ui/toast.js";
import { change } from "./board_acts.js";
import { alternatives, problemNote } from "./conflict.js";

const LENGTHS = [30, 60, 90, 120, 180, 240, 360];

/** The grid's next instant. */
function nextStart() {
  const step = Math.max(page.site.settings.grid_minutes, 15) * 60_000;
  return localOf(Math.ceil(clock.now() / step) * step);
}

/** Units and kinds to choose from. */
function places() {
  const units = [...siteStore().replica.units.values()].sort((a, b) => collator.compare(a.code, b.code));
  const kinds = [...new Set(units.map(({ category }) => category))];
  return [
    ...kinds.map((category) => ({ value: `any:${category}`, label: t("booking.any_of", { category }) })),
    ...units.map(({ code, category }) => ({ value: code, label: `${code} · ${category}` })),
  ];
}

/** @param {Record<string, string>} values @param {{unit: string, from: string, to: string} | null} instead */
function bodyOf(values, instead) {
  const [isAny, category] = [values.unit.startsWith("any:"), values.unit.slice(4)];
  const customer = Object.fromEntries(["name", "email", "phone"].filter((name) => values[name]).map((name) => [name, values[name]]));
  const time = instead ?? { from: values.start, to: new Date(instantOf(values.start) + Number(values.length) * 60_000).toISOString() };
  return {
    ...(instead ? { unit: instead.unit } : isAny ? { category } : { unit: values.unit }),
    from: time.from, to: time.to, ...(Object.keys(customer).length > 0 ? { customer } : {}), ...(values.note ? { note: values.note } : {}),
  };
}

/** @param {{unit?: string, start?: string}} given */
export function openBookingForm(given = {}) {
  /** @type {{unit: string, from: string, to: string} | null} */ let instead = null;
  const chosen = signal(given.unit ?? places()[0]?.value ?? "");
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const booked = await change("POST", here("bookings"), bodyOf(values, instead));
    toast(t("booking.booked", { units: booked.units.join(", "), from: whenOf(booked.from), to: timeOf(booked.to) }));
    opened.close();
  });
  /** @param {HTMLFormElement} element */
  const send = (element) => form.submit(valuesOf(element)).finally(() => { instead = null; });
  const opened = openDialog({
    title: t("board.new_booking"),
    body: html`<form id="booking-form" class="form-grid" @submit=${(/** @type {any} */ event) => { event.preventDefault(); send(event.target); }}>
      ${field({ name: "unit", label: t("booking.unit"), value: chosen.peek(), options: places() })}
      ${field({ name: "start", label: t("booking.start"), type: "datetime-local", value: given.start ?? nextStart(), required: true })}
      ${field({ name: "length", label: t("booking.length"), value: "60", options: LENGTHS.map((minutes) => ({ value: String(minutes), label: lengthOf(minutes * 60_000) })) })}
      ${field({ name: "name", label: t("booking.name"), autofocus: true, required: false })}
      ${field({ name: "phone", label: t("booking.phone"), type: "tel", required: false })}
      ${field({ name: "email", label: t("booking.email"), type: "email", required: false })}
      ${field({ name: "note", label: t("booking.note"), type: "textarea", required: false, whole: true })}
      <div class="whole stack">${() => {
        const problem = form.problem.value;
        if (problem === null) return null;
        return html`${problemNote(problem)}${alternatives(problem, (one) => { instead = one; const element = document.getElementById("booking-form"); if (element instanceof HTMLFormElement) send(element); })}`;
      }}</div></form>`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button class="button primary" form="booking-form" aria-busy=${() => String(form.busy.value)}>${icon("check")}${t("booking.book")}</button>`,
  });
  return opened;
}
