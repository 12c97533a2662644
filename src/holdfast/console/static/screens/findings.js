/** Findings: what is recorded otherwise than it should be. Repairs that were made, and what is a person's to judge. */

import { ask, here } from "../core/api.js";
import { actorName } from "../core/actors.js";
import { each, html, render } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { fullOf, lengthOf, nowEachMinute, whenOf } from "../core/time.js";
import { inAddress, keepInAddress, may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { field, sending, segments } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { pager } from "../ui/pager.js";
import { banner, empty, tag } from "../ui/status.js";
import { csvButton, saveCsv } from "../ui/table.js";
import { toast } from "../ui/toast.js";
import { change, formDialog, tell } from "./board_acts.js";
import { openBooking } from "./booking_drawer.js";
import { run } from "./booking_panel.js";
import { lookNow } from "./findings_look.js";
import { adviceOf, bookingOf, factsOf, isOfServer, meaningOf, subjectOf, titleOf, unitOf } from "./findings_words.js";
import { openUnitHere } from "./unit_here.js";

const ROWS = 50;
const STATES = ["open", "repaired", "resolved", "dismissed"];
/** @type {Record<string, [string, string]>} */ const LOOKS = { open: ["soon", "warning"], repaired: ["free", "check-circle"], resolved: ["off", "check"], dismissed: ["off", "eye-off"] };

/** @typedef {import("./findings_words.js").Finding} Finding */

export function open() {
  const state = signal(STATES.includes(inAddress("state")) ? inAddress("state") : "open");
  const cursors = signal([""]);
  const list = loading(async (given) => {
    const cursor = cursors.peek()[cursors.peek().length - 1];
    const query = new URLSearchParams({ state: state.peek(), limit: String(ROWS), ...(cursor ? { cursor } : {}) });
    return (await ask("GET", `${here("findings")}?${query}`, { signal: given })).data;
  });
  const last = loading(async (given) => (await ask("GET", here("reconcile"), { signal: given })).data);
  effect(() => {
    keepInAddress({ state: state.value === "open" ? null : state.value });
    cursors.value = [""];
    list.now();
  });
  last.now();
  siteStore().onEvent(({ type }) => { if (type.startsWith("finding.")) { list.again(); last.again(); } });
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  const turn = (/** @type {string[]} */ next) => { cursors.value = next; list.now(); };
  render(screen({ state, list, last, cursors, turn }), place);
}

/** @param {any} it */
function screen(it) {
  const { state, list, last } = it;
  const look = (/** @type {boolean} */ isDry) => lookNow(isDry).then(() => { list.again(); last.again(); });
  return html`<div class="page-head"><div class="titles"><h1>${t("screen.findings")}</h1><p class="muted small">${() => lastPass(last.value.value)}</p></div><span class="grow"></span>
      <div class="row">${csvButton(() => save(state.peek(), list.value.peek()?.findings ?? []))}${may("find") ? html`<button type="button" class="button" data-tip=${t("findings.dry_tip")} @click=${() => look(true)}>${icon("eye")}${t("findings.dry")}</button>
        <button type="button" class="button primary" data-tip=${t("findings.look_tip")} @click=${() => look(false)}>${icon("refresh")}${t("findings.look")}</button>` : null}</div></div>
    <div class="filters">${() => segments({ label: t("board.col_status"), value: state.value, onChange: (value) => { state.value = value; }, options: STATES.map((value) => ({ value, label: t(`findings.state_${value}`), icon: LOOKS[value][1] })) })}</div>
    <div aria-busy=${() => String(list.busy.value)}>${() => content(it)}</div>`;
}

/** @param {any} told */
function lastPass(told) {
  if (told === null) return "";
  const every = told.every_s ? t("findings.every", { time: lengthOf(told.every_s * 1000) }) : t("findings.never");
  if (told.at === null) return `${t("findings.not_yet")} ${every}`;
  nowEachMinute();
  return `${t("findings.last", { at: whenOf(told.at), took: t("findings.ms", { ms: Math.max(1, Math.round(told.took_ms)) }) })} ${every}`;
}

/** @param {any} it */
function content({ state, list, cursors, turn }) {
  if (list.problem.value !== null) return failed(list.problem.value, list.now);
  const found = list.value.value;
  if (found === null) return lines();
  if (found.findings.length === 0) return empty({ icon: "check-circle", title: t(`findings.none_${state.value}`), text: t("findings.none_text") });
  return html`<ul class="finding-list">${each(found.findings.map((/** @type {Finding} */ finding) => ({ finding })), ({ finding }) => finding.id, ({ finding }) => card(finding))}</ul>
    ${pager({ number: cursors.value.length, count: found.findings.length, hasNext: found.next !== null, onBack: () => turn(cursors.peek().slice(0, -1)), onNext: () => turn([...cursors.peek(), found.next]) })}`;
}

/** @param {Finding} finding */
const about = (finding) => subjectOf(finding, siteStore().replica.bookings);

/** @param {string} state @param {Finding[]} findings */
const save = (state, findings) => saveCsv(`${page.site.slug}-findings-${state}.csv`, [
  ["findings.rule", (/** @type {Finding} */ one) => one.rule], ["audit.col_what", (/** @type {Finding} */ one) => titleOf(one.rule)], ["audit.col_subject", about],
  ["findings.csv_facts", (/** @type {Finding} */ one) => factsOf(one).map(([label, value]) => `${label}: ${value}`).join("; ")],
  ["findings.csv_found", (/** @type {Finding} */ one) => one.opened_at], ["findings.csv_closed", (/** @type {Finding} */ one) => one.closed_at ?? ""], ["booking.reason", (/** @type {Finding} */ one) => one.reason ?? ""],
].map(([label, value]) => ({ name: String(label), label: t(String(label)), draw: () => "", value: /** @type {any} */ (value) })), findings);

/** @param {Finding} finding */
function card(finding) {
  const [tone, name] = LOOKS[finding.state] ?? LOOKS.open;
  const isOpen = finding.state === "open";
  const facts = factsOf(finding);
  return html`<li class="card finding tone-${tone}" data-rule=${finding.rule}>
    <header class="row wrap"><h2>${titleOf(finding.rule)}</h2><span class="strong">${about(finding)}</span><span class="grow"></span>${tag(tone, name, t(`findings.is_${finding.state}`))}</header>
    <p class="soft">${meaningOf(finding.rule)}</p>
    ${facts.length > 0 ? html`<dl class="facts">${facts.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>` : null}
    ${isOpen ? html`<p class="finding-advice">${icon("info", "small")}<span>${adviceOf(finding.rule)}</span></p>` : null}
    ${finding.closed_at ? html`<p class="small soft">${t("findings.closed", { at: fullOf(finding.closed_at) })} ${() => (finding.closed_by ? t("event.by", { actor: actorName(finding.closed_by) }) : "")}${finding.reason && finding.reason !== finding.data.reason ? `: ${finding.reason}` : ""}</p>` : null}
    <footer class="row wrap">${acts(finding, isOpen)}<span class="grow"></span><span class="muted small">${t("findings.found_at", { at: whenOf(finding.opened_at) })} · ${isOfServer(finding.rule) ? t("findings.of_server") : t("findings.rule")} <span class="mono">${finding.rule}</span></span></footer></li>`;
}

/** @param {Finding} finding @param {boolean} isOpen */
function acts(finding, isOpen) {
  const booking = bookingOf(finding);
  const unit = unitOf(finding, siteStore().replica.units);
  /** @type {string[]} */ const proposed = isOpen && booking !== null && may("book") ? finding.data.acts ?? [] : [];
  return html`${proposed.map((name, at) => html`<button type="button" class="button small ${at === 0 ? "primary" : ""}" @click=${() => withBooking(booking, (one) => propose(one, name))}>${t(`act.${name}`)}</button>`)}
    ${booking !== null ? html`<button type="button" class="button small" @click=${() => withBooking(booking, (one) => { openBooking(one.id); })}>${icon("calendar", "small")}${t("findings.booking")}</button>` : null}
    ${unit !== null ? html`<button type="button" class="button small" @click=${() => openUnitHere(unit)}>${icon("pin", "small")}${unit}</button>` : null}
    ${isOpen && may("find") ? html`<button type="button" class="button small" @click=${() => settle(finding, "resolve")}>${icon("check", "small")}${t("findings.resolve")}</button>
      <button type="button" class="button small quiet" @click=${() => settle(finding, "dismiss")}>${icon("eye-off", "small")}${t("findings.dismiss")}</button>` : null}`;
}

/** Finds the booking as it is now. @param {{id: string | null, reference: string | null} | null} named @param {(booking: any) => void} use */
async function withBooking(named, use) {
  if (named === null) return;
  try {
    let { id } = named;
    if (id === null) id = (await ask("GET", `${here("bookings")}?${new URLSearchParams({ reference: named.reference ?? "", limit: "1" })}`)).data.bookings[0]?.id ?? null;
    if (id === null) return toast(t("findings.gone"), { tone: "bad" });
    use((await ask("GET", here("bookings", id))).data);
  } catch (error) {
    tell(error, named.reference ?? t("booking.title"));
  }
}

/** Does what was proposed, if it is still possible; else shows what is. @param {any} booking @param {string} name */
function propose(booking, name) {
  if (booking.may.includes(name) && !["extend", "swap", "split"].includes(name)) return run(booking, name);
  openBooking(booking.id);
}

/** @param {Finding} finding @param {"resolve" | "dismiss"} verdict */
function settle(finding, verdict) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    await change("POST", here("findings", finding.id, verdict), { reason: values.reason ?? "" });
    toast(t(`findings.done_${verdict}`, { subject: about(finding) }));
    opened.close();
  });
  const opened = formDialog({
    title: `${titleOf(finding.rule)} · ${about(finding)}`, form, go: t(`findings.${verdict}`),
    fields: () => html`<div class="whole">${banner("accent", "info", html`<p>${t(`findings.about_${verdict}`)}</p>`)}</div>
      ${field({ name: "reason", label: t("booking.reason"), required: true, autofocus: true, whole: true, hint: t("findings.reason_hint") })}`,
  });
}
