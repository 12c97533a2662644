/** Rows set aside: what could not be read and why, never guessed; found, paged, saved, tried again once a mapping was put right. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { hasWords, language, number, t } from "../core/i18n.js";
import { inAddress, keepInAddress, may } from "../core/page.js";
import { fullOf, whenOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { filters } from "../ui/filters.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { pager } from "../ui/pager.js";
import { banner, empty } from "../ui/status.js";
import { table } from "../ui/table.js";
import { retryRejects } from "./run_acts.js";
import { openConnect } from "./store_connect.js";
import { stageWord } from "./store_words.js";

const ROWS = 50;
const TYPED_MS = 300;
const CHIPS = 8;
const STREAMS = ["orders", "ads"];

/** @typedef {{connection_id: number, stream: string, id: string, reason: string, raw: string, updated_at: string | null, at: string}} Reject */
/** @typedef {{reason: string, rows: number}} Reason */
/** @typedef {Record<"connection" | "stream" | "reason", import("../core/signals.js").Signal<string>>} Filter */

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  /** @type {Filter} */ const filter = { connection: signal(inAddress("connection")), stream: signal(STREAMS.includes(inAddress("stream")) ? inAddress("stream") : ""), reason: signal(inAddress("reason")) };
  const cursors = signal([""]);
  const list = loading(async (given) => (await ask("GET", `${here("rejects")}?${questionOf(filter, cursors.peek()[cursors.peek().length - 1])}`, { signal: given })).data);
  const sources = loading(async (given) => /** @type {import("./store_state.js").Connection[]} */ ((await ask("GET", here("connections"), { signal: given })).data.connections));
  siteStore().onEvent(({ type, data }) => {
    if (type === "connection.changed") sources.again();
    if (type === "orders.changed" || type === "sync.ended" || (type === "sync.progressed" && data.rejects > 0)) list.again();
  });
  siteStore().onRenew(() => { list.now(); sources.now(); });
  effect(() => {
    keepInAddress({ connection: filter.connection.value, stream: filter.stream.value, reason: filter.reason.value });
    cursors.value = [""];
    list.now();
  });
  sources.now();
  const turn = (/** @type {string[]} */ next) => { cursors.value = next; list.now(); };
  const isChosen = () => Object.values(filter).some(({ value }) => value !== "");
  place.removeAttribute("aria-busy");
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.rejects")}</h1><p class="muted small">${t("rejects.text")}</p></div><span class="grow"></span>
      <div class="row">${() => html`<a class="button" href=${`${here("rejects", "export")}?${chosenOf(filter)}`} download>${icon("download")}${t("ltv.csv")}</a>`}
      ${may("sync") ? html`<button type="button" class="button primary" ?disabled=${() => (list.value.value?.total ?? 0) === 0 && !isChosen()} @click=${() => retryRejects(() => list.now())}>${icon("redo")}${t("rejects.retry")}</button>` : null}</div></div>
    ${tools(filter, sources)}
    <div aria-busy=${() => String(list.busy.value)}>${() => content({ list, connections: sources.value.value ?? [], filter, isChosen: isChosen(), cursors, turn })}</div>`, place);
}

/** What is chosen, as an address says it. @param {Filter} filter */
const chosenOf = (filter) => new URLSearchParams(Object.entries(filter).map(([name, { value }]) => [name, value.trim()]).filter(([, value]) => value !== ""));

/** @param {Filter} filter @param {string} cursor */
const questionOf = (filter, cursor) => new URLSearchParams([...chosenOf(filter), ["limit", String(ROWS)], ...(cursor ? [["cursor", cursor]] : [])]);

/** @param {Filter} filter @param {{value: import("../core/signals.js").Signal<import("./store_state.js").Connection[] | null>}} sources */
function tools(filter, sources) {
  /** @type {any} */ let timer = null;
  const later = (/** @type {string} */ value) => { clearTimeout(timer); timer = setTimeout(() => { filter.reason.value = value; }, TYPED_MS); };
  const choose = (/** @type {import("../core/signals.js").Signal<string>} */ held, /** @type {string} */ label, /** @type {() => [string, string][]} */ options) => html`<select class="input" aria-label=${label} @change=${(/** @type {any} */ event) => { held.value = event.target.value; }}>
    ${() => options().map(([value, word]) => html`<option value=${value} .selected=${value === held.value}>${word}</option>`)}</select>`;
  const first = html`<div class="search">${icon("search")}<input class="input" type="search" maxlength="200" aria-label=${t("rejects.find")} placeholder=${t("rejects.find")} .value=${() => filter.reason.value} @input=${(/** @type {any} */ event) => later(event.target.value)}></div>`;
  const more = html`${choose(filter.connection, t("rejects.source"), () => [["", t("rejects.any_source")], .../** @type {[string, string][]} */ ((sources.value.value ?? []).map(({ id, name }) => [String(id), name]))])}
    ${choose(filter.stream, t("rejects.stream"), () => [["", t("rejects.any_stream")], .../** @type {[string, string][]} */ (STREAMS.map((name) => [name, stageWord(name)]))])}`;
  return filters(first, more, () => [filter.connection, filter.stream].filter(({ value }) => value !== "").length);
}

/** @param {any} o */
function content({ list, connections, filter, isChosen, cursors, turn }) {
  if (list.problem.value !== null) return failed(list.problem.value, list.now);
  const found = list.value.value;
  if (found === null) return lines();
  const rows = /** @type {Reject[]} */ (found.rejects);
  if (rows.length === 0 && !isChosen) return empty({ icon: "check-circle", title: t("rejects.none"), text: t("rejects.none_text") });
  if (rows.length === 0) {
    return html`${chips(found.reasons, filter)}${empty({
      icon: "search", title: t("rejects.none_such"), text: t("rejects.none_such_text"),
      action: html`<button type="button" class="button" @click=${() => { for (const one of ["connection", "stream", "reason"]) filter[one].value = ""; }}>${t("rejects.show_all")}</button>`,
    })}`;
  }
  return html`${chips(found.reasons, filter)}<p class="muted small reject-total" role="status">${t("rejects.total", { n: found.total })}</p>
    <div class="reject-table">${table({
      label: t("screen.rejects"), columns: columns(connections), rows, key: (row) => `${row.connection_id} ${row.stream} ${row.id}`, order: { name: "", down: false }, onOrder: () => {},
      onOpen: (row) => openReject(row, connections),
    })}</div>
    ${pager({ number: cursors.value.length, count: rows.length, hasNext: found.next !== null, onBack: () => turn(cursors.peek().slice(0, -1)), onNext: () => turn([...cursors.peek(), found.next]) })}`;
}

/** The reasons of most rows, each a choice. @param {Reason[]} reasons @param {Filter} filter */
function chips(reasons, filter) {
  if (reasons.length < 2 && filter.reason.value === "") return null;
  return html`<div class="chips reject-reasons" role="group" aria-label=${t("rejects.reasons")}>${reasons.slice(0, CHIPS).map(({ reason, rows }) => html`<button type="button" class="chip" aria-pressed=${String(filter.reason.value === reason)}
    @click=${() => { filter.reason.value = filter.reason.peek() === reason ? "" : reason; }}><span class="truncate">${whyWords(reason)}</span><span class="count">${number(rows)}</span></button>`)}</div>`;
}

/** What is usual, said of a column, and perhaps of what it holds. @type {[RegExp, string][]} */
const USUAL = [
  [/^(\w+) is missing$/, "rejects.missing"], [/^(\w+) is no amount: (.*)$/, "rejects.no_amount"], [/^(\w+) is no instant: (.*)$/, "rejects.no_instant"],
  [/^(\w+) does not say its offset from UTC: (.*)$/, "rejects.no_offset"], [/^(\w+) is no date: (.*)$/, "rejects.no_date"],
];

/** Why, as far as it can be said in the viewer's language: the server's sentences are English. @param {string} reason */
function whyWords(reason) {
  for (const [pattern, key] of USUAL) {
    const [, name, given] = pattern.exec(reason) ?? [];
    if (name !== undefined) return t(key, { name: hasWords(`store.member_${name}`) ? t(`store.member_${name}`) : name, given: given ?? "" });
  }
  return language === "en" ? html`${reason}` : html`<span lang="en">${reason}</span>`;
}

/** @param {Reject} row @param {import("./store_state.js").Connection[]} connections */
const sourceOf = (row, connections) => connections.find(({ id }) => id === row.connection_id)?.name ?? String(row.connection_id);

/** @param {import("./store_state.js").Connection[]} connections @returns {import("../ui/table.js").Column<Reject>[]} */
const columns = (connections) => [
  { name: "id", label: t("rejects.row"), isHead: true, draw: (row) => html`<span class="two-lines"><span class="mono strong">${row.id || "–"}</span><span class="small muted">${sourceOf(row, connections)} · ${stageWord(row.stream)}</span></span>` },
  { name: "reason", label: t("rejects.why"), draw: (row) => html`<span class="reject-why">${whyWords(row.reason)}</span>` },
  { name: "raw", label: t("rejects.raw"), wide: true, draw: (row) => html`<code class="small raw-start">${row.raw.slice(0, 90)}</code>` },
  { name: "at", label: t("rejects.at"), wide: true, draw: (row) => html`<time datetime=${row.at}>${whenOf(row.at)}</time>` },
];

/** @param {Reject} row @param {import("./store_state.js").Connection[]} connections */
function openReject(row, connections) {
  const connection = connections.find(({ id }) => id === row.connection_id);
  const opened = openDialog({
    kind: "drawer", title: html`<span class="mono">${row.id || t("rejects.without_id")}</span>`, under: html`<p class="soft">${sourceOf(row, connections)} · ${stageWord(row.stream)}</p>`,
    body: html`${banner("soon", "warning", html`<p>${whyWords(row.reason)}</p>`)}<p class="soft">${t("rejects.advice")}</p>
      <dl class="facts"><dt>${t("rejects.at")}</dt><dd>${fullOf(row.at)}</dd>${row.updated_at ? html`<dt>${t("rejects.changed_at")}</dt><dd>${fullOf(row.updated_at)}</dd>` : null}</dl>
      <section class="section"><h3>${t("rejects.raw")}</h3><pre class="code reject-raw" tabindex="0" aria-label=${t("rejects.raw")}>${pretty(row.raw)}</pre></section>`,
    foot: html`${connection && may("settings") ? html`<button type="button" class="button" @click=${() => { opened.close(); openConnect(connection, () => {}); }}>${icon("edit")}${t("store.edit")}</button>` : null}
      ${may("sync") ? html`<button type="button" class="button primary" @click=${() => retryRejects(() => opened.close())}>${icon("redo")}${t("rejects.retry")}</button>` : null}`,
  });
}

/** @param {string} raw */
function pretty(raw) {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    // cut off, or never JSON
    return raw;
  }
}
