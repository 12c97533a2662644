/** Lines of the journal as a table, each of which opens to what it changed. */

import { actorName } from "../core/actors.js";
import { each, html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { fullOf, splitSecondsOf, unlessToday } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { lines as waiting } from "../ui/loading.js";
import { before } from "./audit_reading.js";
import { change, differences, familyWord, subjectWord, typeWord } from "./audit_words.js";
import { openBooking } from "./booking_drawer.js";

const LATE_MS = 1000;
const COLUMNS = 6;

/** @typedef {import("../core/stream.js").JournalEvent} JournalEvent */

/** @param {JournalEvent[]} events @param {import("../core/signals.js").Signal<Set<number>>} opened */
export const lineTable = (events, opened) => html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("screen.audit")}><table class="table journal" aria-label=${t("screen.audit")}>
  <thead><tr>${["version", "at", "what", "subject", "who", "why"].map((name) => html`<th scope="col" class=${["subject", "who", "why"].includes(name) ? "wide-only" : null}>${t(`audit.col_${name}`)}</th>`)}</tr></thead>
  ${each(events, ({ version }) => version, (event) => line(event, opened))}</table></div>`;

/** @param {JournalEvent} event @param {import("../core/signals.js").Signal<Set<number>>} opened */
function line(event, opened) {
  const isOpen = () => opened.value.has(event.version);
  const toggle = () => {
    const next = new Set(opened.peek());
    if (!next.delete(event.version)) next.add(event.version);
    opened.value = next;
  };
  const id = `line-${event.version}`;
  const led = change(event);
  return html`<tbody class=${() => (isOpen() ? "is-open" : "")}><tr @click=${(/** @type {any} */ click) => { if (!click.target.closest("button, a") && String(getSelection()) === "") toggle(); }}>
    <th scope="row" class="narrow"><button type="button" class="opener" aria-expanded=${() => String(isOpen())} aria-controls=${id} aria-label=${t("audit.open_line", { version: event.version })} @click=${toggle}>${icon("chevron-right", "small")}<span class="mono">${event.version}</span></button></th>
    <td class="narrow"><time datetime=${event.at} data-tip=${fullOf(event.at)}>${toTheSecond(event.at)}</time></td>
    <td><span class="muted small">${familyWord(event.type)}</span> <span class="strong">${typeWord(event.type)}</span>${led ? html` <span class="soft">${led[0]} → ${led[1]}</span>` : null}<span class="narrow-only small soft">${subjectWord(event)} · ${() => actorName(event.actor)}</span></td>
    <td class="wide-only">${subjectWord(event)}</td><td class="wide-only">${() => actorName(event.actor)}</td><td class="wide-only soft">${event.data.reason ?? ""}</td></tr>
    <tr id=${id} class="line-more" ?hidden=${() => !isOpen()}><td colspan=${COLUMNS}>${() => (isOpen() ? more(event) : null)}</td></tr></tbody>`;
}

/** @param {string} at */
function toTheSecond(at) {
  const { minute, second, rest } = splitSecondsOf(at);
  return html`${unlessToday(at)}${minute}<span class="muted">${second}</span>${rest}`;
}

/** @param {JournalEvent} event */
function more(event) {
  const { booking } = event.data;
  const isLate = Date.parse(event.at) - Date.parse(event.effective_at) > LATE_MS;
  return html`<div class="stack">${isLate ? html`<p class="small">${t("audit.true_from", { at: fullOf(event.effective_at) })}</p>` : null}
    ${event.data.reason ? html`<p><span class="muted">${t("booking.reason")}:</span> ${event.data.reason}</p>` : null}
    ${booking ? bookingDiff(event) : null}
    <div class="row wrap">${booking ? html`<button type="button" class="button small" @click=${() => openBooking(booking.id)}>${icon("calendar", "small")}${t("findings.booking")}</button>` : null}
      <span class="muted small">${t("audit.cause", { cause: event.cause })} · ${() => actorName(event.actor)} · <span class="mono">${event.subject}</span></span></div>
    <details><summary class="small">${t("audit.raw")}</summary><pre class="raw" tabindex="0">${JSON.stringify(event.data, null, 2)}</pre></details></div>`;
}

/** What the line changed of its booking. @param {JournalEvent} event */
function bookingDiff(event) {
  const isFirst = event.type === "booking.created";
  /** @type {import("../core/signals.js").Signal<any>} */ const older = signal(isFirst ? { data: { booking: null } } : undefined);
  if (!isFirst) before(event).then((found) => { older.value = found; }, () => { older.value = null; });
  return html`${() => {
    if (older.value === undefined) return waiting(2);
    const rows = differences(older.value?.data.booking ?? null, event.data.booking);
    const hasBefore = older.value?.data.booking;
    if (rows.length === 0) return null;
    return html`${older.value === null ? html`<p class="muted small">${t("audit.no_before")}</p>` : null}
      <table class="diff"><thead><tr><th scope="col">${t("audit.field")}</th>${hasBefore ? html`<th scope="col">${t("audit.before")}</th>` : null}<th scope="col">${t(hasBefore ? "audit.after" : "audit.value")}</th></tr></thead>
      <tbody>${rows.map(({ name, from, to }) => html`<tr><th scope="row">${name}</th>${hasBefore ? html`<td><del>${from ?? "–"}</del></td>` : null}<td><ins>${to ?? "–"}</ins></td></tr>`)}</tbody></table>`;
  }}`;
}
