/** The inbox of requests: what waits, the longest first, decided one by one or several at once, by mouse or by keys. */

import { each, html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { announce } from "../core/announcer.js";
import { hotkeys } from "../core/hotkeys.js";
import { dayOf, distanceOf, fullOf, nowEachMinute, rangeOf, timeOf, zoneName } from "../core/time.js";
import { inAddress, keepInAddress, may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { empty, tag } from "../ui/status.js";
import { icon } from "../ui/icon.js";
import { csvButton, saveCsv } from "../ui/table.js";
import { decide, decideAll, rejectAll, undoLast } from "./approvals_acts.js";
import { whoOf } from "./board_model.js";
import { teamLines } from "./booking_team.js";
import { problemNote } from "./conflict.js";
import { groundsIn, groundsOf, nameOf } from "./grounds_acts.js";
import { openBooking } from "./grounds.js";
import { followRequests } from "./approvals_model.js";

export function open() {
  const requests = followRequests();
  const ground = signal(inAddress("ground"));
  const at = signal("");
  /** @type {import("../core/signals.js").Signal<Set<string>>} */ const selected = signal(new Set());
  const shown = computed(() => {
    requests.version.value;
    return requests.pending().filter((one) => ground.value === "" || one.units.includes(ground.value));
  });
  const inbox = { requests, ground, at, selected, shown };
  effect(() => keepInAddress({ ground: ground.value }));
  let known = -1;
  effect(() => {
    const now = shown.value;
    const ids = new Set(now.map(({ id }) => id));
    if (known >= 0 && now.length > known) announce(t("approvals.new"));
    known = requests.isThere.peek() ? now.length : -1;
    const left = [...selected.peek()].filter((id) => ids.has(id));
    if (left.length !== selected.peek().size) selected.value = new Set(left);
  });
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  render(screen(inbox), place);
  keys(inbox);
}

/** @param {any} inbox */
function screen(inbox) {
  return html`<div class="page-head"><div class="titles"><h1>${t("screen.approvals")}</h1><p class="muted small">${() => t("approvals.waiting", { n: inbox.shown.value.length })} · ${t("board.times_in", { zone: zoneName() })}</p></div><span class="grow"></span>
      <div class="row"><label class="row group-by-ground"><span class="muted small wide-only" aria-hidden="true">${t("grounds.ground")}</span><select class="input" aria-label=${t("grounds.ground")} @change=${(/** @type {any} */ event) => { inbox.ground.value = event.target.value; }}>
        <option value="">${t("approvals.all_grounds")}</option>${() => { siteStore().version.value; return groundsOf().map((unit) => html`<option value=${unit.code} ?selected=${unit.code === inbox.ground.peek()}>${nameOf(unit)}</option>`); }}</select></label>${csvButton(() => save(inbox.shown.peek()))}</div></div>
    <div class="inbox">${() => content(inbox)}</div>
    ${() => bar(inbox)}`;
}

/** What waits, as rows. @param {any[]} requests */
const save = (requests) => saveCsv(`${page.site.slug}-requests.csv`, [
  ["bookings.reference", (/** @type {any} */ one) => one.reference], ["board.col_customer", whoOf], ["booking.email", (/** @type {any} */ one) => one.customer.email ?? ""],
  ["grounds.ground", groundsIn], ["grounds.from_slot", (/** @type {any} */ one) => one.from], ["grounds.to_slot", (/** @type {any} */ one) => one.to],
  ["booking.team", (/** @type {any} */ one) => teamLines(one).join(", ")], ["booking.note", (/** @type {any} */ one) => one.note ?? ""], ["bookings.made", (/** @type {any} */ one) => one.created_at],
].map(([label, value]) => ({ name: String(label), label: t(String(label)), draw: () => "", value: /** @type {any} */ (value) })), requests);

/** @param {any} inbox */
function content(inbox) {
  if (inbox.requests.problem.value !== null && !inbox.requests.isThere.value) return problemNote(inbox.requests.problem.value);
  if (!inbox.requests.isThere.value) return html`<div class="stack" aria-hidden="true">${Array.from({ length: 4 }, () => html`<div class="skeleton request-skeleton"></div>`)}</div>`;
  const waiting = inbox.shown.value;
  if (waiting.length === 0) return empty({ icon: "inbox", title: t("approvals.none"), text: t("approvals.none_text") });
  return html`<ol class="requests" aria-label=${t("screen.approvals")}>${each(waiting, (one) => one.id, (one) => request(inbox, one))}</ol>`;
}

/** @param {any} inbox @param {any} one */
function request(inbox, one) {
  const { id } = one;
  const units = groundsIn(one);
  const { customer } = one;
  const team = teamLines(one);
  const about = [customer.reference, customer.email, customer.phone].filter((text) => text && text !== whoOf(one));
  return html`<li class=${() => `request card ${inbox.selected.value.has(id) ? "is-selected" : ""}`} data-request=${id} tabindex="-1" @focusin=${() => { inbox.at.value = id; }}
      @keydown=${(/** @type {any} */ event) => { if (event.key === "Enter" && event.target === event.currentTarget) openBooking(one); }}>
    <input type="checkbox" class="tick" aria-label=${t("approvals.select", { who: whoOf(one) })} .checked=${() => inbox.selected.value.has(id)} @change=${() => toggle(inbox, id)}>
    <div class="request-when"><p class="strong">${dayOf(one.from)}</p><p>${timeOf(one.from)} – ${timeOf(one.to)}</p><p class="soft">${units}</p></div>
    <div class="request-who"><p class="row wrap"><button type="button" class="request-open" @click=${() => openBooking(one)}>${whoOf(one)}</button>${one.party ? html`<span class="muted small">${t("approvals.party", { n: one.party })}</span>` : null}</p>
      ${about.length > 0 ? html`<p class="muted small">${about.join(" · ")}</p>` : null}
      ${team.length > 0 ? html`<p class="request-team soft small">${icon("users", "small")}<span>${team.join(", ")}</span></p>` : null}
      ${one.note ? html`<p class="request-note">${one.note}</p>` : null}
      <p class="row wrap">${() => { inbox.requests.version.value; return against(inbox, one); }}</p></div>
    <p class="request-age muted small"><time datetime=${one.created_at} title=${fullOf(one.created_at)}>${() => t("approvals.asked", { time: distanceOf(Math.max(60_000, nowEachMinute() - Date.parse(one.created_at))) })}</time>
      <span>${() => t("approvals.starts_in", { time: distanceOf(Math.max(0, Date.parse(one.from) - nowEachMinute())) })}</span></p>
    ${may("book") ? html`<div class="request-acts"><button type="button" class="button primary" @click=${() => go(inbox, one, () => decide(one, "approve"))}>${icon("check")}${t("act.approve")}</button>
      <button type="button" class="button danger" @click=${() => go(inbox, one, () => rejectAll([one]))}>${icon("cross")}${t("act.reject")}</button></div>` : null}</li>`;
}

/** What speaks against a request, in words. @param {any} inbox @param {any} one */
function against(inbox, one) {
  const { blocks, own, held } = inbox.requests.against(one);
  return html`${blocks.map((/** @type {any} */ block) => tag("bad", "ban", t("approvals.in_block", { reason: block.reason ?? t("status.blocked"), when: rangeOf(block.from, block.to) })))}
    ${own.map((/** @type {any} */ other) => tag("soon", "warning", t("approvals.same_time", { units: groundsIn(other) })))}
    ${blocks.length + own.length === 0 ? tag("free", "check", t("approvals.no_collision")) : null}
    ${held > 0 ? html`<span class="muted small">${t("approvals.held", { n: held })}</span>` : null}`;
}

/** Does it and keeps the place in the list: the next one is at hand. @param {any} inbox @param {any} one @param {() => Promise<any> | any} run */
async function go(inbox, one, run) {
  const ids = inbox.shown.peek().map((/** @type {any} */ { id }) => id);
  const next = ids[ids.indexOf(one.id) + 1] ?? ids[ids.indexOf(one.id) - 1] ?? "";
  if (await run()) focus(inbox, next);
}

/** @param {any} inbox @param {string} id */
function focus(inbox, id) {
  inbox.at.value = id;
  // once the list is drawn anew
  requestAnimationFrame(() => {
    const row = document.querySelector(`[data-request="${CSS.escape(id)}"]`);
    if (row instanceof HTMLElement) row.focus();
  });
}

/** @param {any} inbox @param {string} id */
function toggle(inbox, id) {
  const next = new Set(inbox.selected.peek());
  if (!next.delete(id)) next.add(id);
  inbox.selected.value = next;
}

/** @param {any} inbox */
function bar(inbox) {
  const chosen = inbox.shown.value.filter((/** @type {any} */ { id }) => inbox.selected.value.has(id));
  if (chosen.length === 0 || !may("book")) return null;
  const clear = () => { inbox.selected.value = new Set(); };
  return html`<div class="many-bar" role="toolbar" aria-label=${t("board.selected", { n: chosen.length })}><span class="strong">${t("board.selected", { n: chosen.length })}</span>
    ${chosen.length < inbox.shown.value.length ? html`<button type="button" class="button quiet small" @click=${() => { inbox.selected.value = new Set(inbox.shown.peek().map((/** @type {any} */ { id }) => id)); }}>${t("approvals.select_all")}</button>` : null}
    <button type="button" class="button small primary" @click=${() => decideAll(chosen, "approve").then(clear)}>${icon("check", "small")}${t("act.approve")}</button>
    <button type="button" class="button small danger" @click=${() => rejectAll(chosen).then((isDone) => { if (isDone) clear(); })}>${icon("cross", "small")}${t("act.reject")}</button>
    <button type="button" class="button quiet small" @click=${clear}>${icon("cross", "small")}${t("board.clear")}</button></div>`;
}

/** @param {any} inbox */
function keys(inbox) {
  const group = t("screen.approvals");
  const here = () => inbox.shown.peek().find((/** @type {any} */ { id }) => id === inbox.at.peek());
  const step = (/** @type {number} */ by) => {
    const ids = inbox.shown.peek().map((/** @type {any} */ { id }) => id);
    const at = ids.indexOf(inbox.at.peek());
    const next = ids[at < 0 ? 0 : Math.max(0, Math.min(ids.length - 1, at + by))];
    if (next !== undefined) focus(inbox, next);
  };
  const chosen = () => inbox.shown.peek().filter((/** @type {any} */ { id }) => inbox.selected.peek().has(id));
  hotkeys(
    { keys: "j", label: t("approvals.key_next"), group, run: () => step(1) },
    { keys: "k", label: t("approvals.key_before"), group, run: () => step(-1) },
    { keys: "x", label: t("approvals.key_select"), group, run: () => { const one = here(); if (one) toggle(inbox, one.id); } },
    { keys: "Escape", label: t("board.key_clear"), group, run: () => { inbox.selected.value = new Set(); } },
  );
  if (!may("book")) return;
  const run = (/** @type {(many: any[]) => Promise<any>} */ all, /** @type {(one: any) => Promise<any>} */ single) => {
    const many = chosen();
    const one = here();
    if (many.length > 0) all(many);
    else if (one) go(inbox, one, () => single(one));
  };
  hotkeys(
    { keys: "a", label: t("act.approve"), group, run: () => run((many) => decideAll(many, "approve"), (one) => decide(one, "approve")) },
    { keys: "r", label: t("act.reject"), group, run: () => run(rejectAll, (one) => rejectAll([one])) },
    { keys: "u", label: t("approvals.key_undo"), group, run: () => { undoLast(); } },
  );
}
