/** Rows set aside: what could not be read and why, never guessed; tried again once a mapping was put right. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { computed, effect, signal } from "../core/signals.js";
import { hasWords, language, number, t } from "../core/i18n.js";
import { inAddress, keepInAddress, may } from "../core/page.js";
import { fullOf, whenOf } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { openDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { failed, lines, loading } from "../ui/loading.js";
import { banner, empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { retryRejects } from "./run_acts.js";
import { openConnect } from "./store_connect.js";
import { stageWord } from "./store_words.js";

const ROWS = 500;

/** @typedef {{connection_id: number, stream: string, id: string, reason: string, raw: string, updated_at: string | null, at: string}} Reject */

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const reason = signal(inAddress("reason"));
  const order = signal({ name: "", down: false });
  const list = loading(async (given) => {
    const [{ data: found }, { data: known }] = await Promise.all([ask("GET", `${here("rejects")}?limit=${ROWS}`, { signal: given }), ask("GET", here("connections"), { signal: given })]);
    return { rejects: /** @type {Reject[]} */ (found.rejects), total: Number(found.total), connections: /** @type {import("./store_state.js").Connection[]} */ (known.connections) };
  });
  siteStore().onEvent(({ type, data }) => { if (type === "orders.changed" || type === "connection.changed" || type === "sync.ended" || (type === "sync.progressed" && data.rejects > 0)) list.again(); });
  siteStore().onRenew(() => { list.now(); });
  effect(() => keepInAddress({ reason: reason.value }));
  list.now();
  const shown = computed(() => (list.value.value?.rejects ?? []).filter((one) => reason.value === "" || one.reason === reason.value));
  place.removeAttribute("aria-busy");
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.rejects")}</h1><p class="muted small">${t("rejects.text")}</p></div><span class="grow"></span>
      <div class="row">${csvButton(() => saveCsv("rejects.csv", columns(list.value.peek()?.connections ?? []), shown.peek()))}
      ${may("sync") ? html`<button type="button" class="button primary" ?disabled=${() => (list.value.value?.total ?? 0) === 0} @click=${() => retryRejects(() => list.now())}>${icon("redo")}${t("rejects.retry")}</button>` : null}</div></div>
    <div aria-busy=${() => String(list.busy.value)}>${() => content({ list, shown, reason, order })}</div>`, place);
}

/** @param {any} o */
function content({ list, shown, reason, order }) {
  if (list.problem.value !== null) return failed(list.problem.value, list.now);
  const found = list.value.value;
  if (found === null) return lines();
  if (found.rejects.length === 0) return empty({ icon: "check-circle", title: t("rejects.none"), text: t("rejects.none_text") });
  /** @type {Map<string, number>} */ const counts = new Map();
  for (const { reason: why } of found.rejects) counts.set(why, (counts.get(why) ?? 0) + 1);
  const chips = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
  return html`${chips.length > 1 ? html`<div class="chips reject-reasons" role="group" aria-label=${t("rejects.reasons")}>${chips.map(([why, n]) => html`<button type="button" class="chip" aria-pressed=${String(reason.value === why)} @click=${() => { reason.value = reason.peek() === why ? "" : why; }}><span class="truncate">${whyWords(why)}</span><span class="count">${number(n)}</span></button>`)}</div>` : null}
    <div class="reject-table">${table({
      label: t("screen.rejects"), columns: columns(found.connections), rows: shown.value, key: (row) => `${row.connection_id} ${row.stream} ${row.id}`, order: order.value, onOrder: (next) => { order.value = next; },
      onOpen: (row) => openReject(row, found.connections),
    })}</div>
    <p class="muted small pager">${found.total > found.rejects.length ? t("rejects.latest", { shown: found.rejects.length, n: found.total }) : t("pager.all", { n: shown.value.length })}</p>`;
}

/** Why, as far as it can be said in the viewer's language: the server's sentences are English. @param {string} reason */
function whyWords(reason) {
  const missing = /^(\w+) is missing$/.exec(reason)?.[1];
  if (missing) return t("rejects.missing", { name: hasWords(`store.member_${missing}`) ? t(`store.member_${missing}`) : missing });
  return language === "en" ? html`${reason}` : html`<span lang="en">${reason}</span>`;
}

/** @param {Reject} row @param {import("./store_state.js").Connection[]} connections */
const sourceOf = (row, connections) => connections.find(({ id }) => id === row.connection_id)?.name ?? String(row.connection_id);

/** @param {import("./store_state.js").Connection[]} connections @returns {import("../ui/table.js").Column<Reject>[]} */
const columns = (connections) => [
  { name: "id", label: t("rejects.row"), isHead: true, draw: (row) => html`<span class="two-lines"><span class="mono strong">${row.id || "–"}</span><span class="small muted">${sourceOf(row, connections)} · ${stageWord(row.stream)}</span></span>`, value: (row) => row.id },
  { name: "reason", label: t("rejects.why"), draw: (row) => html`<span class="reject-why">${whyWords(row.reason)}</span>`, value: (row) => row.reason },
  { name: "raw", label: t("rejects.raw"), wide: true, draw: (row) => html`<code class="small raw-start">${row.raw.slice(0, 90)}</code>`, csv: (row) => row.raw },
  { name: "at", label: t("rejects.at"), wide: true, draw: (row) => html`<time datetime=${row.at}>${whenOf(row.at)}</time>`, value: (row) => row.at },
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
