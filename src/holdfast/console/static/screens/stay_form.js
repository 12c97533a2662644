/** A new stay: a kind of room or one room, nights, a guest. It says what is free while one types; refused, it keeps it all. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { clock, dateOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { checkbox, field, sending, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { toast } from "../ui/toast.js";
import { change } from "./board_acts.js";
import { stayAlternatives, stayProblem } from "./stay_conflict.js";
import { addDays, dateAt } from "./tape_model.js";
import { nightsBetween, nightsWords, spanWords } from "./stay_words.js";
import { openStay } from "./stay_panel.js";

const PAUSE_MS = 200;
const NIGHTS_MAX = 90;
const ROOMS_MAX = 20;

/** Kinds and rooms to choose from. */
function places() {
  const units = [...siteStore().replica.units.values()].sort((a, b) => collator.compare(a.code, b.code));
  const kinds = [...new Set(units.map(({ category }) => category))].sort(collator.compare);
  return [
    ...kinds.map((category) => ({ value: `any:${category}`, label: t("booking.any_of", { category }) })),
    ...units.map(({ code, category }) => ({ value: code, label: `${code} · ${category}` })),
  ];
}

/** @param {string} place */
const categoryOf = (place) => (place.startsWith("any:") ? place.slice(4) : null);

/** @param {Record<string, string>} values @param {{unit: string, from: string, to: string} | null} instead */
function bodyOf(values, instead) {
  const category = categoryOf(values.place);
  const customer = Object.fromEntries(["name", "email", "phone"].filter((name) => values[name]).map((name) => [name, values[name]]));
  const count = category !== null && Number(values.count ?? "1") > 1 && instead === null ? { count: Number(values.count) } : {};
  const nights = instead === null ? { date: values.date, nights: Number(values.nights) } : { date: dateAt(instead.from), nights: Math.max(1, nightsBetween(dateAt(instead.from), dateAt(instead.to))) };
  return {
    ...(instead !== null ? { unit: instead.unit } : category !== null ? { category } : { unit: values.place }), ...count, ...nights,
    ...(values.here === "on" ? { walk_in: true } : {}), ...(Object.keys(customer).length > 0 ? { customer } : {}),
    ...(values.party ? { party: Number(values.party) } : {}), ...(values.note ? { note: values.note } : {}),
  };
}

/** @param {{unit?: string, date?: string, nights?: number}} given */
export function openStayForm(given = {}) {
  const today = dateOf(clock.now());
  /** @type {{unit: string, from: string, to: string} | null} */ let instead = null;
  const wish = { place: signal(given.unit ?? places()[0]?.value ?? ""), date: signal(given.date !== undefined && given.date > today ? given.date : today), nights: signal(given.nights ?? 1), count: signal(1) };
  const found = availability(wish);
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const booked = await change("POST", here("bookings"), bodyOf(values, instead));
    toast(t("hotel.booked", { unit: booked.units.join(", "), span: spanWords(dateAt(booked.from), dateAt(booked.to)) }), { act: { label: t("hotel.open"), run: () => { openStay(booked); } } });
    opened.close();
  });
  /** @param {HTMLFormElement} element */
  const send = (element) => form.submit(valuesOf(element)).finally(() => { instead = null; });
  const nightsNow = () => (Number.isInteger(wish.nights.value) && wish.nights.value > 0 ? wish.nights.value : 1);
  const opened = openDialog({
    title: t("board.new_booking"), under: () => html`<p class="muted small">${() => `${spanWords(wish.date.value, addDays(wish.date.value, nightsNow()))} · ${nightsWords(nightsNow())}`}</p>`,
    body: html`<form id="stay-form" class="form-grid" @submit=${(/** @type {any} */ event) => { event.preventDefault(); send(event.target); }}>
      ${field({ name: "place", label: t("hotel.room_or_kind"), value: wish.place.peek(), options: places(), onInput: (value) => { wish.place.value = value; } })}
      ${field({ name: "date", label: t("hotel.arrival"), type: "date", value: wish.date.peek(), min: today, required: true, onInput: (value) => { if (value) wish.date.value = value; } })}
      ${field({ name: "nights", label: t("hotel.nights_label"), type: "number", value: String(wish.nights.peek()), min: "1", max: String(NIGHTS_MAX), required: true, onInput: (value) => { wish.nights.value = Number(value); } })}
      ${() => (categoryOf(wish.place.value) === null ? null : field({ name: "count", label: t("hotel.room_count"), type: "number", value: String(wish.count.peek()), min: "1", max: String(ROOMS_MAX), onInput: (value) => { wish.count.value = Number(value); } }))}
      <p class="free-line whole" aria-live="polite">${() => freeLine(found.value, wish)}</p>
      ${field({ name: "name", label: t("hotel.guest"), autofocus: true, required: false })}
      ${field({ name: "party", label: t("hotel.party"), type: "number", min: "1", max: "99", required: false })}
      ${field({ name: "phone", label: t("booking.phone"), type: "tel", required: false })}
      ${field({ name: "email", label: t("booking.email"), type: "email", required: false })}
      ${field({ name: "note", label: t("booking.note"), type: "textarea", required: false, whole: true })}
      ${() => (wish.date.value === today ? html`<div class="whole">${checkbox({ name: "here", label: t("hotel.guest_is_here") })}</div>` : null)}
      <div class="whole stack">${() => {
        const problem = form.problem.value;
        if (problem === null) return null;
        return html`<div ref=${(/** @type {HTMLElement} */ element) => element.scrollIntoView({ block: "nearest" })}>${stayProblem(problem)}</div>${stayAlternatives(problem, (one) => { instead = one; const element = document.getElementById("stay-form"); if (element instanceof HTMLFormElement) send(element); })}`;
      }}</div></form>`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button class="button primary" form="stay-form" aria-busy=${() => String(form.busy.value)}>${icon("check")}${t("booking.book")}</button>`,
  });
  opened.closed.then(found.stop);
  return opened;
}

/** What is free for a wish, asked anew when it changes.
 * @param {{place: {value: string}, date: {value: string}, nights: {value: number}}} wish */
function availability(wish) {
  /** @type {import("../core/signals.js").Signal<string[] | null>} */ const free = signal(null);
  const question = computed(() => {
    const [category, nights] = [categoryOf(wish.place.value), wish.nights.value];
    if (!Number.isInteger(nights) || nights < 1 || nights > NIGHTS_MAX) return "";
    const query = new URLSearchParams({ from: wish.date.value, to: addDays(wish.date.value, nights), limit: "500" });
    if (category !== null) query.set("category", category);
    else query.set("units", wish.place.value);
    return String(query);
  });
  const stop = effect(() => {
    const asked = question.value;
    free.value = null;
    if (asked === "") return;
    setTimeout(async () => {
      if (question.peek() !== asked) return;
      const answer = await ask("GET", `${here("availability")}?${asked}`).catch(() => null);
      if (answer !== null && question.peek() === asked) free.value = answer.data.units.map((/** @type {any} */ unit) => unit.code);
    }, PAUSE_MS);
  });
  return { get value() { return free.value; }, stop };
}

/** @param {string[] | null} free @param {any} wish */
function freeLine(free, wish) {
  if (free === null) return html`<span class="muted">${t("hotel.looking")}</span>`;
  const [category, wanted] = [categoryOf(wish.place.value), wish.count.value];
  const isEnough = free.length >= (category === null ? 1 : wanted);
  const words = category === null ? t(free.length > 0 ? "hotel.room_free" : "hotel.room_taken", { unit: wish.place.value }) : t("hotel.rooms_free", { n: free.length });
  return html`<span class="verdict tone-${isEnough ? "free" : "bad"}">${icon(isEnough ? "check-circle" : "alert", "small")}<span>${words}</span>${category !== null && free.length > 0 ? html`<span class="muted">${free.slice(0, 6).join(", ")}${free.length > 6 ? " …" : ""}</span>` : null}</span>`;
}
