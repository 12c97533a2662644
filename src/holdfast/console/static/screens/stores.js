/**
 * All stores that somebody may see, one line each: how fresh it is against its schedule, how it was last read, when it is
 * read next, what it holds. Taken once, then asked for anew store by store as their events say.
 */

import { ask } from "../core/api.js";
import { html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { number, t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { clock, whenOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { failed, lines } from "../ui/loading.js";
import { empty, tag } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { toast } from "../ui/toast.js";
import { refused } from "./run_acts.js";
import { worst } from "./run_table.js";
import { briefMoney, farOff, freshness, syncBadge } from "./store_words.js";

const STORES_MAX = 100;
const AT_ONCE = 4;
const AGAIN_MS = 400;
const HUNG_UP_MS = 5_000;
const TYPES = ["sync.started", "sync.stage_ended", "sync.ended", "connection.changed", "orders.changed", "ltv.counted"];
/** The worst first: a store is as fresh as the stalest of what it is read from. */
const RANKS = ["late", "paused", "never", "due", "syncing", "fresh", "by_hand", "off"];

/** @typedef {import("./store_state.js").StoreView} StoreView */
/** @typedef {{slug: string, name: string, view: StoreView | null, problem: any}} Line */

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const sites = page.sites.filter(({ kind }) => kind === "store").slice(0, STORES_MAX);
  const order = signal({ name: "", down: false });
  /** @type {import("../core/signals.js").Signal<Map<string, Line>>} */ const held = signal(new Map(sites.map(({ slug, name }) => [slug, { slug, name, view: null, problem: null }])));
  const put = (/** @type {string} */ slug, /** @type {Partial<Line>} */ told) => { const line = held.peek().get(slug); if (line) held.value = new Map(held.peek()).set(slug, { ...line, ...told }); };
  const load = async (/** @type {string} */ slug) => {
    try {
      put(slug, { view: (await ask("GET", addressOf(slug))).data, problem: null });
    } catch (problem) {
      put(slug, { problem });
    }
  };
  const all = async () => {
    const waiting = sites.map(({ slug }) => slug);
    await Promise.all(Array.from({ length: AT_ONCE }, async () => { for (let slug = waiting.shift(); slug !== undefined; slug = waiting.shift()) await load(slug); }));
  };
  all();
  if (sites.length > 0) listen(sites.map(({ slug }) => slug), load, all);
  place.removeAttribute("aria-busy");
  const rows = () => [...held.value.values()];
  render(html`<div class="page-head"><div class="titles"><h1>${t("stores.title")}</h1></div><span class="grow"></span>${csvButton(() => saveCsv("stores.csv", columns(() => {}), rows()))}</div>
    ${() => content(rows(), order, load)}`, place);
}

/** @param {string} slug */
const addressOf = (slug) => `/api/sites/${encodeURIComponent(slug)}/sync`;

/** One line for all stores; the browser takes it up again behind the last event it heard. @param {string[]} slugs @param {(slug: string) => void} load @param {() => void} all */
function listen(slugs, load, all) {
  const source = new EventSource(`/api/events?${new URLSearchParams({ sites: slugs.join(","), types: TYPES.join(",") })}`);
  /** @type {Map<string, any>} */ const timers = new Map();
  const hear = (/** @type {MessageEvent} */ event) => {
    const { site } = JSON.parse(event.data);
    clearTimeout(timers.get(site));
    timers.set(site, setTimeout(() => load(site), AGAIN_MS));
  };
  for (const type of TYPES) source.addEventListener(type, hear);
  source.addEventListener("reset", all);
  source.addEventListener("error", () => {
    // one that was refused does not come back by itself
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { all(); listen(slugs, load, all); }, HUNG_UP_MS);
  });
}

/** @param {Line[]} rows @param {import("../core/signals.js").Signal<import("../ui/table.js").Order>} order @param {(slug: string) => void} load */
function content(rows, order, load) {
  if (rows.length === 0) {
    return empty({ icon: "store", title: t("stores.none"), text: t("stores.none_text"), action: may("sites") ? html`<a class="button primary" href="/console/new">${icon("plus")}${t("new.title")}</a>` : null });
  }
  if (rows.every(({ view, problem }) => view === null && problem === null)) return lines();
  const broken = rows.find(({ view, problem }) => view === null && problem !== null);
  return html`${broken ? failed(broken.problem, () => load(broken.slug)) : null}<div class="run-table">${table({
    label: t("stores.title"), columns: columns(load), rows, key: ({ slug }) => slug, order: order.value, onOrder: (next) => { order.value = next; }, onOpen: ({ slug }) => location.assign(`/console/${slug}`),
  })}</div>`;
}

/** The stalest of what a store is read from. @param {StoreView | null} view */
function staleness(view) {
  const looks = (view?.connections ?? []).flatMap((connection) => connection.streams.map((stream) => freshness(connection, stream)));
  return looks.sort((a, b) => RANKS.indexOf(a.is) - RANKS.indexOf(b.is))[0] ?? null;
}

/** When a store is read next. @param {StoreView | null} view */
const nextAt = (view) => (view?.connections ?? []).flatMap(({ streams }) => streams.map(({ next_at: at }) => at)).filter((at) => at !== null).sort()[0] ?? null;

/** @param {(slug: string) => void} load @returns {import("../ui/table.js").Column<Line>[]} */
const columns = (load) => [
  { name: "store", label: t("stores.store"), isHead: true, draw: (row) => html`<a href=${`/console/${row.slug}`}>${row.name}</a>`, value: (row) => row.name },
  { name: "fresh", label: t("stores.fresh"), draw: (row) => html`${() => fresh(row)}`, value: (row) => { const look = staleness(row.view); return look === null ? null : RANKS.indexOf(look.is); }, csv: (row) => staleness(row.view)?.is ?? "" },
  { name: "last", label: t("store.last_read"), draw: (row) => last(row.view), csv: (row) => row.view?.runs[0]?.state ?? "" },
  { name: "next", label: t("store.next"), wide: true, draw: (row) => html`${() => { const at = nextAt(row.view); if (at !== null && Date.parse(at) <= clock.now()) return t("store.fresh_due"); return at === null ? "–" : html`${whenOf(at)} <span class="muted">${farOff(at)}</span>`; }}`, value: (row) => nextAt(row.view) },
  { name: "customers", label: t("store.customers"), number: true, wide: true, draw: (row) => (row.view ? number(row.view.totals.customers) : "–"), value: (row) => row.view?.totals.customers ?? null },
  { name: "net", label: t("store.net"), number: true, wide: true, draw: (row) => (row.view ? briefMoney(row.view.totals.net, row.view.ltv.currency) : "–"), value: (row) => (row.view ? Number(row.view.totals.net) : null) },
  { name: "acts", label: t("jobs.acts"), isQuiet: true, narrow: true, draw: (row) => (may("sync") && row.view?.connections.some(({ kind, is_enabled: on }) => on && kind !== "upload") ? html`<button type="button" class="button quiet icon-only" aria-label=${t("store.sync_of", { name: row.name })} data-tip=${t("sync.now")} @click=${() => runNow(row, load)}>${icon("refresh")}</button>` : null) },
];

/** @param {Line} row */
function fresh({ view }) {
  if (view === null) return html`<span class="muted">–</span>`;
  const look = staleness(view);
  return look === null ? tag("off", "store", t("stores.no_source")) : tag(look.tone, look.icon, look.word);
}

/** @param {StoreView | null} view */
function last(view) {
  const run = view?.runs[0];
  if (run === undefined) return html`<span class="muted">${t("store.not_yet")}</span>`;
  return html`<span class="two-lines">${syncBadge(run.state, worst(run)?.n)}<span class="small muted">${() => farOff(run.started_at)}</span></span>`;
}

/** @param {Line} row @param {(slug: string) => void} load */
async function runNow({ slug, name }, load) {
  try {
    const { data } = await ask("POST", addressOf(slug), { body: {} });
    toast(`${name}: ${t(data.joined ? "sync.joined" : "sync.is_asked")}`);
    load(slug);
  } catch (error) {
    refused(error);
  }
}
