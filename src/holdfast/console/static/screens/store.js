/** A store at a glance: what it stands on, how fresh each of its sources is against its schedule, what runs now. */

import { html, render } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { hotkeys } from "../core/hotkeys.js";
import { may, page } from "../core/page.js";
import { clock, second, zoneName } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { failed, lines } from "../ui/loading.js";
import { banner, empty } from "../ui/status.js";
import { table } from "../ui/table.js";
import { syncNow } from "./run_acts.js";
import { tookWords } from "./run_log.js";
import { stages } from "./run_stages.js";
import { runColumns } from "./run_table.js";
import { sourceCard } from "./store_cards.js";
import { openConnect } from "./store_connect.js";
import { openRates } from "./store_rates.js";
import { storeState, underWay } from "./store_state.js";
import { verification, verificationCard } from "./store_verification.js";
import { briefMoney, money, watermark } from "./store_words.js";

/** @typedef {import("./store_state.js").StoreView} StoreView */
/** @typedef {import("./store_state.js").Run} Run */

const LATEST = 5;

/** @param {string} screen */
const addressOf = (screen) => `/console/${page.site.slug}/${screen}`;

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const it = storeState();
  const verified = verification();
  const again = () => { it.view.now(); };
  const connect = () => openConnect(null, again);
  const keep = (/** @type {Run} */ run) => it.keep(run);
  place.removeAttribute("aria-busy");
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.overview")}</h1><p class="muted small">${t("store.times_in", { zone: zoneName() })}</p></div><span class="grow"></span>${() => tools(it.view.value.value, connect, keep)}</div>
    ${() => (it.view.problem.value === null ? null : failed(it.view.problem.value, it.view.now))}
    ${() => (it.view.value.value === null ? (it.view.problem.value === null ? lines() : null) : content(it.view.value.value, it, { again, connect, keep, verified }))}`, place);
  hotkeys(
    ...(may("sync") ? [{ keys: "n", label: t("sync.now"), group: t("screen.overview"), run: () => { syncNow(keep); } }] : []),
    ...(may("settings") ? [{ keys: "c", label: t("store.connect"), group: t("screen.overview"), run: connect }] : []),
  );
}

/** @param {StoreView | null} view @param {() => void} connect @param {(run: Run) => void} keep */
function tools(view, connect, keep) {
  if (view === null || view.connections.length === 0) return null;
  const isOn = view.connections.some(({ kind, is_enabled: on }) => kind !== "upload" && on);
  return html`<div class="row wrap">${may("settings") ? html`<button type="button" class="button" @click=${connect}>${icon("plus")}${t("store.connect")}</button>` : null}
    ${may("sync") ? html`<button type="button" class="button primary" ?disabled=${!isOn} @click=${() => syncNow(keep)}>${icon("refresh")}${t("sync.now")}</button>` : null}</div>`;
}

/** @param {StoreView} view @param {ReturnType<typeof storeState>} it @param {{again: () => void, connect: () => void, keep: (run: Run) => void, verified: ReturnType<typeof verification>}} acts */
function content(view, it, acts) {
  if (view.connections.length === 0) {
    return empty({
      icon: "store", title: t("store.none"), text: t(may("settings") ? "store.none_text" : "store.none_text_others"),
      action: may("settings") ? html`<button type="button" class="button primary" @click=${acts.connect}>${icon("plus")}${t("store.connect")}</button>` : null,
    });
  }
  return html`${figures(view)}${warnings(view, acts)}
    ${() => underWay(it.runs.value).map(goingOn)}
    <h2 class="sources-head">${t("store.sources")}</h2>
    <ul class="sources">${view.connections.map((connection) => sourceCard(connection, acts))}</ul>
    ${() => verificationCard(acts.verified)}
    ${() => latest([...it.runs.value.values()].slice(0, LATEST))}`;
}

/** @param {Run[]} runs */
const latest = (runs) => (runs.length === 0 ? null : html`<section class="run-history latest"><header class="row"><h2 class="grow">${t("store.latest")}</h2><a class="button small" href=${addressOf("runs")}>${t("store.all_runs")}${icon("arrow-right", "small")}</a></header>
  <div class="run-table">${table({ label: t("store.latest"), columns: runColumns(), rows: runs, key: ({ id }) => id, order: { name: "", down: false }, onOrder: () => {}, onOpen: ({ id }) => { location.assign(`${addressOf("runs")}?run=${id}`); } })}</div></section>`);

/** @param {StoreView} view */
function figures({ totals, ltv, rejects }) {
  const mean = totals.customers > 0 ? Number(totals.net) / totals.customers : null;
  return html`<dl class="figures store-figures">
    <div><dt>${t("store.customers")}</dt><dd>${number(totals.customers)}</dd></div>
    <div><dt>${t("store.orders")}</dt><dd>${number(totals.orders)}</dd></div>
    <div><dt>${t("store.net")}</dt><dd>${briefMoney(totals.net, ltv.currency)}</dd></div>
    <div><dt>${t("store.per_customer")}</dt><dd>${mean === null ? "–" : money(mean, ltv.currency)}</dd></div>
    <div class=${rejects > 0 ? "tone-soon is-marked" : ""}><dt>${t("store.set_aside")}</dt><dd>${rejects > 0 ? html`<a href=${addressOf("rejects")}>${number(rejects)}</a>` : number(0)}</dd></div></dl>
    <p class="small muted as-of">${icon("clock", "small")}${() => watermark(ltv)}</p>`;
}

/** What of the orders counts for nothing, and what to do. @param {StoreView} view @param {{again: () => void}} acts */
function warnings({ ltv }, { again }) {
  if (ltv.unconverted === 0) return null;
  return banner("soon", "warning", html`<div class="row wrap"><p class="grow">${t("store.unconverted", { n: ltv.unconverted })}</p>
    ${may("settings") ? html`<button type="button" class="button small" @click=${() => openRates(ltv.currency, again)}>${t("store.set_rate")}</button>` : null}</div>`);
}

/** @param {Run} run */
function goingOn(run) {
  return html`<section class="card run-now" data-run=${run.id}><header class="row wrap"><h2>${t(`sync.operation_${run.operation}`)}</h2><span class="soft small">${() => { second.value; return t("sync.since", { time: tookWords(run, clock.now()) }); }}</span><span class="grow"></span>
    <a class="button small" href=${`${addressOf("runs")}?run=${run.id}`}>${t("store.look_at_run")}${icon("arrow-right", "small")}</a></header>${stages(run, true)}</section>`;
}
