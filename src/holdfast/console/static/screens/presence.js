/**
 * Who of the team is there, and which devices: as the server reads it from leases, told by its stream as it changes.
 * What is in the address: the state, the words searched for, the order.
 */

import { ask } from "../core/api.js";
import { html, render } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { collator, number, t } from "../core/i18n.js";
import { hotkeys } from "../core/hotkeys.js";
import { inAddress, keepInAddress, page } from "../core/page.js";
import { sentenceOf } from "../core/problems.js";
import { clock, secondsOf, zoneName } from "../core/time.js";
import { listenTo } from "../core/told.js";
import { segments } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { failed, lines } from "../ui/loading.js";
import { banner, empty, tag } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { openOwnStatus } from "./presence_own.js";
import { avatar, isThere, lastSeen, RANKS, statusBadge, statusWord } from "./presence_words.js";

/**
 * @typedef {{account: string, name: string, status: string, live_status: string, last_seen: string | null}} Person
 * @typedef {{token: string, name: string, device: string, status: string, live_status: string, last_seen: string}} Device
 * @typedef {{people: Map<string, Person>, devices: Map<string, Device>}} Known
 */

const STATES = ["", "there", "away", "offline"];
const LIVE = { live: ["free", "live"], stale: ["soon", "stale"], offline: ["bad", "offline"] };
const YOUNG_MS = 1_500;

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const it = {
    known: signal(/** @type {Known | null} */ (null)), me: signal(/** @type {any} */ (null)),
    state: signal(/** @type {import("../core/told.js").State} */ ("live")), problem: signal(/** @type {any} */ (null)), at: signal(0),
    shown: signal(STATES.includes(inAddress("state")) ? inAddress("state") : ""), find: signal(inAddress("find")),
    order: signal({ name: inAddress("order", "status"), down: inAddress("down") === "1" }), deviceOrder: signal({ name: "program", down: false }),
  };
  effect(() => keepInAddress({ state: it.shown.value, find: it.find.value, order: it.order.value.name === "status" ? null : it.order.value.name, down: it.order.value.down ? "1" : null }));
  follow(it);
  // programs and who runs the server have no presence of their own
  if (page.viewer.sign_out) ask("GET", "/api/presence/me").then(({ data }) => { it.me.value = data; }, () => {});
  place.removeAttribute("aria-busy");
  render(screen(it), place);
  const group = t("screen.presence");
  hotkeys(
    { keys: "f", label: t("presence.find"), group, run: () => { document.getElementById("find")?.focus(); } },
    ...(page.viewer.sign_out ? [{ keys: "n", label: t("presence.own"), group, run: () => openOwnStatus(it.me) }] : []),
  );
}

/** @param {any} it */
function follow(it) {
  const began = Date.now();
  listenTo({
    address: `/api/presence/events?site=${encodeURIComponent(page.site.slug)}`,
    onTold(told, isWhole) {
      clock.atLeast(told.now);
      it.known.value = apply(isWhole ? null : it.known.peek(), told);
      it.problem.value = null;
      it.at.value = Date.parse(told.now);
      const own = told.people.find((/** @type {Person} */ one) => one.account === it.me.peek()?.account);
      if (own) it.me.value = { ...it.me.peek(), status: own.status, live_status: own.live_status };
    },
    onState(state, problem) {
      // while the first connection is being made nothing is wrong yet
      if (problem !== undefined) it.problem.value = Object.assign(new Error(sentenceOf(problem)), problem);
      if (state === "live" || problem !== undefined || Date.now() - began > YOUNG_MS) it.state.value = state;
    },
  });
}

/** What is known once that was told. @param {Known | null} before null when it is all there is @param {any} told @returns {Known} */
export function apply(before, told) {
  const [people, devices] = [new Map(before?.people), new Map(before?.devices)];
  for (const one of told.people) people.set(one.account, one);
  for (const one of told.devices) devices.set(`${one.token} ${one.device}`, one);
  for (const { account, token, device } of told.gone) {
    if (account) people.delete(account);
    else devices.delete(`${token} ${device}`);
  }
  return { people, devices };
}

/** @param {any} it */
function screen(it) {
  const save = () => saveCsv(`${page.site.slug}-presence.csv`, csvColumns(), [...people(it), ...devices(it)]);
  return html`<div class="page-head"><div class="titles"><h1>${t("screen.presence")}</h1><p class="muted small">${t("board.times_in", { zone: zoneName() })}</p></div><span class="grow"></span>
      <div class="row">${() => lineBadge(it)}${csvButton(save)}
      ${page.viewer.sign_out ? html`<button type="button" class="button" @click=${() => openOwnStatus(it.me)}>${() => (it.me.value ? icon(RANKS[it.me.value.said ?? it.me.value.status]?.icon ?? "user") : icon("user"))}${t("presence.own")}</button>` : null}</div></div>
    ${() => (it.state.value === "live" || it.known.value === null ? null : html`<div class="presence-stale">${banner(LIVE[/** @type {"stale"} */ (it.state.value)][0], LIVE[/** @type {"stale"} */ (it.state.value)][1], html`<p><span class="strong">${t(`live.${it.state.value}`)}.</span> ${t("live.strip", { at: secondsOf(it.at.value) })}</p>`)}</div>`)}
    ${() => (it.known.value === null ? (it.problem.value ? failed(it.problem.value, () => location.reload()) : lines()) : content(it))}`;
}

/** @param {any} it */
function lineBadge(it) {
  if (it.known.value === null) return null;
  const [tone, name] = LIVE[/** @type {"live"} */ (it.state.value)];
  return tag(tone, name, html`${t(`live.${it.state.value}`)}<span class="wide-only"> · ${secondsOf(it.at.value)}</span>`);
}

/** @param {Person | Device} one @param {string} state of the filter */
const isOf = (one, state) => state === "" || (state === "there" ? one.status === "active" || one.status === "busy" : state === "offline" ? !isThere(one) : one.status === state);

/** @param {any} it @param {(Person | Device)[]} all */
function wanted(it, all) {
  const words = it.find.value.toLowerCase();
  return all.filter((one) => isOf(one, it.shown.value) && `${one.name} ${"device" in one ? one.device : ""}`.toLowerCase().includes(words));
}

/** @param {any} it @returns {any[]} */
const people = (it) => wanted(it, [...it.known.value.people.values()].sort((a, b) => collator.compare(a.name, b.name)));
/** @param {any} it @returns {any[]} */
const devices = (it) => wanted(it, [...it.known.value.devices.values()].sort((a, b) => collator.compare(`${a.name} ${a.device}`, `${b.name} ${b.device}`)));

/** @param {any} it */
function content(it) {
  const { known } = it;
  const count = (/** @type {string} */ state) => [...known.value.people.values()].filter((one) => isOf(one, state)).length;
  const first = html`<div class="search">${icon("search")}<input class="input" type="search" id="find" aria-label=${t("presence.find")} placeholder=${t("presence.find")} .value=${it.find.peek()} @input=${(/** @type {any} */ event) => { it.find.value = event.target.value; }}></div>
    ${() => segments({ label: t("presence.state"), value: it.shown.value, onChange: (value) => { it.shown.value = value; }, options: STATES.map((value) => ({ value, label: `${t(`presence.show_${value || "all"}`)} ${number(count(value))}` })) })}`;
  return html`${() => ([...known.value.people.values()].some(({ status }) => status === "unknown") ? html`<div class="presence-stale">${banner("soon", "question", html`<p class="strong">${t("presence.unknown_title")}</p><p>${t("presence.unknown_text")}</p>`)}</div>` : null)}
    <search class="filters">${first}</search>
    <section class="stack"><h2>${t("presence.people")}</h2>${() => peopleList(it)}</section>
    <section class="stack presence-devices"><h2>${t("presence.devices")}</h2>${() => deviceList(it)}</section>`;
}

/** @param {any} it */
function peopleList(it) {
  const rows = people(it);
  if (it.known.value.people.size === 0) return empty({ icon: "users", title: t("presence.nobody"), text: t("presence.nobody_text") });
  if (rows.length === 0) return empty({ icon: "search", title: t("presence.none"), text: t("presence.none_text"), action: html`<button type="button" class="button" @click=${() => { it.find.value = ""; it.shown.value = ""; /** @type {any} */ (document.getElementById("find")).value = ""; }}>${t("presence.show_everybody")}</button>` });
  return table({ label: t("presence.people"), columns: peopleColumns(it), rows, key: ({ account }) => account, order: it.order.value, onOrder: (order) => { it.order.value = order; } });
}

/** @param {any} it */
function deviceList(it) {
  const rows = devices(it);
  if (it.known.value.devices.size === 0) return html`<p class="soft presence-text">${t("presence.no_devices")}</p>`;
  if (rows.length === 0) return html`<p class="soft presence-text">${t("presence.none_text")}</p>`;
  return table({ label: t("presence.devices"), columns: deviceColumns(), rows, key: ({ token, device }) => `${token} ${device}`, order: it.deviceOrder.value, onOrder: (order) => { it.deviceOrder.value = order; } });
}

/** @param {any} it @returns {import("../ui/table.js").Column<Person>[]} */
const peopleColumns = (it) => [
  { name: "name", label: t("people.name"), isHead: true, value: (one) => one.name, draw: (one) => html`<span class="person">${avatar(one)}<span><span class="strong">${one.name}</span>${one.account === it.me.value?.account ? tag("accent", "user", t("people.you")) : null}<span class="narrow-only small muted">${lastSeen(one)}</span></span></span>` },
  { name: "status", label: t("presence.state"), value: (one) => RANKS[one.status]?.rank ?? 9, draw: statusBadge },
  { name: "seen", label: t("presence.seen"), wide: true, value: (one) => (isThere(one) ? Number.MAX_SAFE_INTEGER : one.last_seen === null ? null : Date.parse(one.last_seen)), draw: lastSeen },
];

/** @returns {import("../ui/table.js").Column<Device>[]} */
const deviceColumns = () => [
  { name: "device", label: t("presence.device"), isHead: true, value: (one) => one.device, draw: (one) => html`<span class="two-lines"><span class="strong">${one.device || t("presence.unnamed")}</span><span class="narrow-only small muted">${one.name}</span></span>` },
  { name: "program", label: t("presence.program"), wide: true, value: (one) => `${one.name} ${one.device}`, draw: (one) => one.name },
  { name: "status", label: t("presence.state"), value: (one) => RANKS[one.status]?.rank ?? 9, draw: statusBadge },
  { name: "seen", label: t("presence.seen"), value: (one) => (isThere(one) ? Number.MAX_SAFE_INTEGER : Date.parse(one.last_seen)), draw: lastSeen },
];

/** People and devices as one file. @returns {import("../ui/table.js").Column<any>[]} */
const csvColumns = () => [
  { name: "name", label: t("people.name"), draw: () => null, csv: (one) => one.name },
  { name: "device", label: t("presence.device"), draw: () => null, csv: (one) => one.device ?? "" },
  { name: "status", label: t("presence.state"), draw: () => null, csv: (one) => statusWord(one) },
  { name: "seen", label: t("presence.seen"), draw: () => null, csv: (one) => one.last_seen ?? "" },
];
