/** Audit: the journal, line by line, newest first and live; and the board as it was at any moment. */

import { html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { collator, t } from "../core/i18n.js";
import { actorName } from "../core/actors.js";
import { ask, here } from "../core/api.js";
import { instantOf, localOf, zoneName } from "../core/time.js";
import { inAddress, keepInAddress } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { icon } from "../ui/icon.js";
import { failed, lines } from "../ui/loading.js";
import { empty } from "../ui/status.js";
import { filters } from "../ui/filters.js";
import { segments } from "../ui/form.js";
import { exportMenu } from "./audit_export.js";
import { lineTable } from "./audit_lines.js";
import { passes, readBack } from "./audit_reading.js";
import { then } from "./audit_then.js";
import { familyWord, typesHere, typeWord } from "./audit_words.js";

const ROWS = 100;
const KEPT_MAX = 5000;
const TYPED_MS = 400;
const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** @typedef {import("../core/stream.js").JournalEvent} JournalEvent */
/** @typedef {import("./audit_reading.js").Wanted} Wanted */

export function open() {
  const filter = { type: signal(inAddress("type")), subject: signal(inAddress("subject")), actor: signal(inAddress("actor")), from: signal(inAddress("from")), to: signal(inAddress("to")) };
  const view = signal(inAddress("at") ? "then" : inAddress("view", "lines"));
  const at = signal(inAddress("at"));
  const log = reading(filter);
  effect(() => keepInAddress({
    type: filter.type.value, subject: filter.subject.value, actor: filter.actor.value, from: filter.from.value, to: filter.to.value,
    view: view.value === "lines" || at.value !== "" ? null : view.value, at: view.value === "then" ? at.value : null,
  }));
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  /** @param {number} until */
  const showUntil = (until) => { filter.to.value = localOf(until + 60_000); view.value = "lines"; };
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.audit")}</h1><p class="muted small">${t("board.times_in", { zone: zoneName() })}</p></div><span class="grow"></span>
      <div class="row">${() => segments({ label: t("board.view"), value: view.value, onChange: (value) => { view.value = value; }, options: [{ value: "lines", label: t("audit.lines"), icon: "list" }, { value: "then", label: t("audit.then"), icon: "history" }] })}
      ${() => (view.value === "lines" ? exportMenu(log.events, log.wanted.value) : null)}</div></div>
    ${() => (view.value === "then" ? then(at, showUntil) : html`${tools(filter, log)}${() => content(filter, log)}`)}`, place);
}

/** The lines that pass the filter, as far as they were read, and on as the site goes on. @param {Record<string, import("../core/signals.js").Signal<string>>} filter */
function reading(filter) {
  const store = siteStore();
  const events = signal(/** @type {JournalEvent[]} */ ([]));
  const state = signal(/** @type {{upto: number, isTrimmed: boolean, isBusy: boolean, problem: any}} */ ({ upto: 0, isTrimmed: false, isBusy: true, problem: null }));
  const opened = signal(/** @type {Set<number>} */ (new Set()));
  const wanted = signal(/** @type {Wanted | null} */ (null));
  let controller = new AbortController();
  const more = async () => {
    const [by, { signal: given }] = [wanted.peek(), controller];
    if (by === null) return;
    state.value = { ...state.peek(), isBusy: true, problem: null };
    try {
      const read = await readBack(by, state.peek().upto, ROWS, given);
      if (given.aborted) return;
      events.value = [...events.peek(), ...read.events];
      state.value = { upto: read.upto, isTrimmed: read.isTrimmed, isBusy: false, problem: null };
    } catch (problem) {
      if (!given.aborted) state.value = { ...state.peek(), isBusy: false, problem };
    }
  };
  const begin = async (/** @type {Record<string, string>} */ asked) => {
    controller.abort();
    controller = new AbortController();
    const { signal: given } = controller;
    const by = await wantedBy(asked).catch(() => null);
    if (given.aborted || by === null) return;
    wanted.value = by;
    [events.value, opened.value] = [[], new Set()];
    state.value = { upto: store.replica.version, isTrimmed: false, isBusy: true, problem: null };
    await more();
  };
  effect(() => { begin(Object.fromEntries(Object.entries(filter).map(([name, held]) => [name, held.value]))); });
  store.onEvent((event) => {
    const [by, known] = [wanted.peek(), events.peek()];
    if (by === null || !passes(by, event) || event.version <= (known[0]?.version ?? 0)) return;
    events.value = [event, ...known].slice(0, KEPT_MAX);
  });
  return { events, state, opened, wanted, more };
}

/** @param {Record<string, string>} asked @returns {Promise<Wanted>} */
async function wantedBy({ type, subject, actor, from, to }) {
  const types = typesHere().filter((one) => one === type || one.startsWith(`${type}.`));
  return { types, subject: await subjectOf(subject.trim()), actor, from: from ? instantOf(from) : null, to: to ? instantOf(to) : null };
}

/** A booking's reference as its id; what else is typed is a unit's code. @param {string} typed */
async function subjectOf(typed) {
  const { units } = siteStore().replica;
  const unit = [...units.keys()].find((code) => code.toLowerCase() === typed.toLowerCase());
  if (typed === "" || unit !== undefined || UUID.test(typed)) return unit ?? typed;
  const { data } = await ask("GET", `${here("bookings")}?${new URLSearchParams({ reference: typed.toUpperCase(), limit: "1" })}`);
  return data.bookings[0]?.id ?? typed;
}

/** @param {any} filter @param {any} log */
function tools(filter, log) {
  /** @type {any} */ let timer = null;
  const actors = computed(() => [...new Set([filter.actor.value, ...log.events.value.map((/** @type {JournalEvent} */ { actor }) => actor)].filter(Boolean))].sort(collator.compare));
  const later = (/** @type {string} */ value) => { clearTimeout(timer); timer = setTimeout(() => { filter.subject.value = value; }, TYPED_MS); };
  const families = [...new Set(typesHere().map((type) => type.split(".")[0]))];
  const time = (/** @type {string} */ name) => html`<label class="row day-field"><span class="muted small">${t(`bookings.${name}`)}</span><input class="input" type="datetime-local" .value=${() => filter[name].value} @change=${(/** @type {any} */ event) => { filter[name].value = event.target.value; }}></label>`;
  const first = html`<div class="search">${icon("search")}<input class="input" type="search" aria-label=${t("audit.subject")} placeholder=${t("audit.subject")} .value=${filter.subject.peek()} @input=${(/** @type {any} */ event) => later(event.target.value)}></div>`;
  const more = html`<select class="input" aria-label=${t("audit.col_what")} @change=${(/** @type {any} */ event) => { filter.type.value = event.target.value; }}><option value="">${t("audit.any_type")}</option>
      ${families.map((family) => html`<optgroup label=${familyWord(family)}><option value=${family} .selected=${() => filter.type.value === family}>${t("audit.all_of", { family: familyWord(family) })}</option>
        ${typesHere().filter((type) => type.startsWith(`${family}.`)).map((type) => html`<option value=${type} .selected=${() => filter.type.value === type}>${typeWord(type)}</option>`)}</optgroup>`)}</select>
    <select class="input" aria-label=${t("audit.col_who")} @change=${(/** @type {any} */ event) => { filter.actor.value = event.target.value; }}><option value="">${t("audit.anybody")}</option>
      ${() => actors.value.map((actor) => html`<option value=${actor} .selected=${actor === filter.actor.value}>${actorName(actor)}</option>`)}</select>
    ${time("from")}${time("to")}
    ${() => (Object.values(filter).some((/** @type {any} */ held) => held.value !== "") ? html`<button type="button" class="button quiet" @click=${() => clear(filter)}>${icon("cross", "small")}${t("audit.clear")}</button>` : null)}`;
  return filters(first, more, () => [filter.type, filter.actor, filter.from, filter.to].filter(({ value }) => value !== "").length);
}

/** @param {any} filter */
function clear(filter) {
  for (const held of Object.values(filter)) held.value = "";
  const input = document.querySelector(".filters input[type=search]");
  if (input instanceof HTMLInputElement) input.value = "";
}

/** @param {any} filter @param {any} log */
function content(filter, { events, state, opened, more }) {
  const { upto, isTrimmed, isBusy, problem } = state.value;
  if (problem !== null) return failed(problem, more);
  if (events.value.length === 0 && isBusy) return lines();
  const on = html`<div class="row more-lines">${upto > 0 ? html`<button type="button" class="button" aria-busy=${String(isBusy)} @click=${more}>${t("audit.more")}</button><span class="muted small">${t("audit.looked", { version: upto + 1 })}</span>`
    : html`<span class="muted small">${t(isTrimmed ? "audit.trimmed" : "audit.beginning")}</span>`}</div>`;
  if (events.value.length === 0) return html`${empty({ icon: "history", title: t("audit.none"), text: t("audit.none_text"), action: html`<button type="button" class="button" @click=${() => clear(filter)}>${t("audit.clear")}</button>` })}${on}`;
  return html`${lineTable(events.value, opened)}${on}`;
}
