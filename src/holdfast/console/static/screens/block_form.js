/** A new block. Bookings in its way are told first; whoever goes on all the same gets the list of what to re-plan. */

import { here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { collator, hasWords, t } from "../core/i18n.js";
import { clock, localOf, rangeOf, timeOf, whenOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { field, sending, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { picker } from "../ui/picker.js";
import { banner, lookOf } from "../ui/status.js";
import { toast } from "../ui/toast.js";
import { change } from "./board_acts.js";
import { openBooking } from "./booking_drawer.js";
import { problemNote } from "./conflict.js";

const KINDS = ["maintenance", "out_of_service", "closed", "event"];
const CONDITIONS = ["clean", "dirty", "inspected", "under_maintenance", "out_of_service"];
const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 60 * 60_000;

/** What a block is called. @param {string} kind */
export const kindWord = (kind) => (hasWords(`blocks.kind_${kind}`) ? t(`blocks.kind_${kind}`) : kind);

/** @param {{units?: string[]}} given */
export function openBlockForm({ units = [] } = {}) {
  const chosen = signal(new Set(units));
  const choices = [...siteStore().replica.units.values()].sort((a, b) => collator.compare(a.code, b.code)).map(({ code, category }) => ({ value: code, label: code, group: category }));
  let isAllowed = false;
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const { from, to, kind, reason, condition } = values;
    const body = { units: [...chosen.peek()], from, to, kind, reason, allow_conflicts: isAllowed, ...(condition ? { return_condition: condition } : {}) };
    const made = await change("POST", here("blocks"), body);
    opened.close();
    if (made.to_replan?.length) replan(made.to_replan);
    else toast(t("blocks.made", { units: made.units.join(", ") }));
  });
  /** @param {boolean} allows */
  const send = (allows) => {
    const element = document.getElementById("block-form");
    if (!(element instanceof HTMLFormElement) || !element.reportValidity()) return;
    isAllowed = allows;
    form.submit(valuesOf(element));
  };
  const start = Math.floor(clock.now() / QUARTER_MS) * QUARTER_MS;
  const opened = openDialog({
    title: t("blocks.new"), kind: "dialog wide",
    body: html`<form id="block-form" class="block-form" @submit=${(/** @type {any} */ event) => { event.preventDefault(); send(false); }}>
      ${picker({ label: t("booking.units"), choices, chosen })}
      <div class="form-grid">
        ${field({ name: "from", label: t("bookings.from"), type: "datetime-local", value: localOf(start), required: true })}
        ${field({ name: "to", label: t("bookings.to"), type: "datetime-local", value: localOf(start + 2 * HOUR_MS), required: true })}
        ${field({ name: "kind", label: t("blocks.kind"), value: KINDS[0], options: KINDS.map((value) => ({ value, label: kindWord(value) })) })}
        ${field({ name: "condition", label: t("blocks.return"), value: "", options: [{ value: "", label: t("blocks.unchanged") }, ...CONDITIONS.map((value) => ({ value, label: lookOf(value).word }))] })}
        ${field({ name: "reason", label: t("booking.reason"), required: true, whole: true, hint: t("blocks.reason_hint") })}
        <div class="whole stack">${() => (form.problem.value === null ? null : inTheWay(form.problem.value, () => send(true)))}</div>
      </div></form>`,
    foot: () => html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button class="button primary" form="block-form" ?disabled=${chosen.value.size === 0} aria-busy=${String(form.busy.value)}>${icon("ban")}${t("blocks.block_n", { n: chosen.value.size })}</button>`,
  });
  return opened;
}

/** @param {import("../core/api.js").Problem} problem @param {() => void} goOn */
function inTheWay(problem, goOn) {
  if (problem.code !== "would_hit") return problemNote(problem);
  /** @type {any[]} */ const blocking = problem.data.blocking ?? [];
  return html`<div role="alert" ref=${(/** @type {HTMLElement} */ element) => element.scrollIntoView({ block: "nearest" })}>${banner("soon", "warning", html`<p class="strong">${t("blocks.in_the_way", { n: blocking.length })}</p>
    <ul class="next-list">${blocking.map((one, at) => html`<li><span class="strong">${one.unit}</span><span class="grow">${whenOf(one.from)} – ${timeOf(one.to)}</span>
      ${siteStore().replica.blocks.has(problem.data.holders?.[at]) ? html`<span class="soft">${t("blocks.already")}</span>` : problem.data.holders?.[at] ? html`<button type="button" class="button small" @click=${() => openBooking(problem.data.holders[at])}>${t("blocks.look")}</button>` : null}</li>`)}</ul>
    <p>${t("blocks.in_the_way_text")}</p><p><button type="button" class="button" @click=${goOn}>${t("blocks.go_on")}</button></p>`)}</div>`;
}

/** What now stands in the block. @param {string[]} ids */
function replan(ids) {
  const found = ids.map((id) => siteStore().replica.bookings.get(id) ?? { id });
  openDialog({
    title: t("blocks.replan", { n: ids.length }),
    body: html`<p class="soft">${t("blocks.replan_text")}</p><ul class="next-list">${found.map((one) => html`<li>
      <span class="grow">${one.reference ? html`<span class="strong">${one.customer?.name ?? one.reference}</span> <span class="soft">${one.units.join(", ")}, ${rangeOf(one.from, one.to)}</span>` : html`<span class="mono small">${one.id}</span>`}</span>
      <button type="button" class="button small" @click=${() => openBooking(one.id)}>${t("blocks.open")}</button></li>`)}</ul>`,
  });
}
