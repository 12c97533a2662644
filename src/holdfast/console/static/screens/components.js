/** Every part of the design system in all its states, to look at and to copy from. */

import { html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { chartState, lineChart } from "../ui/chart.js";
import { checkbox, field, segments } from "../ui/form.js";
import { heat } from "../ui/heat.js";
import { icon } from "../ui/icon.js";
import { badge, banner, empty, meter, tag } from "../ui/status.js";
import { table } from "../ui/table.js";
import { toast } from "../ui/toast.js";
import { MORE } from "./components_more.js";
import { stages } from "./run_stages.js";

const STATES = ["Available", "Reserved", "Active", "Under Maintenance", "OCCUPIED", "DIRTY", "CLEAN", "inspected", "OUT_OF_SERVICE", "Vacant", "Pending", "Approved", "Booked", "Blocked",
  "Held", "Completed", "CheckedIn", "CheckedOut", "Cancelled", "NoShow", "Rejected", "Expired"];
const TONES = ["free", "busy", "next", "wait", "used", "off", "soon", "bad", "accent"];

/** @param {string} title @param {any} content */
const section = (title, content) => html`<section class="card stack"><h2>${title}</h2>${content}</section>`;

const buttons = () => html`<div class="row wrap"><button class="button primary">${icon("plus")}Primary</button><button class="button">${icon("move")}Plain</button><button class="button quiet">Quiet</button>
    <button class="button danger">${icon("stop")}Danger</button><button class="button danger primary">Danger, chosen</button><button class="button icon-only" aria-label="Save" data-tip="Save as CSV">${icon("download")}</button></div>
  <div class="row wrap"><button class="button small">Small</button><button class="button" disabled>Disabled</button><button class="button" aria-busy="true">Busy</button><button class="button primary" aria-busy="true">Busy</button>
    <button class="button" aria-pressed="true">Pressed</button><kbd class="key">Ctrl K</kbd></div>`;

const view = signal("tiles");
const choices = () => html`<div class="row wrap">${() => segments({ label: "View", value: view.value, onChange: (value) => { view.value = value; }, options: [{ value: "tiles", label: "Tiles", icon: "grid" }, { value: "list", label: "List", icon: "list" }] })}
  <button class="chip" aria-pressed="true">All<span class="count">24</span></button><button class="chip tone-busy" aria-pressed="false">${icon("play")}Active<span class="count">6</span></button></div>
  <hf-menu><button class="button">${icon("more")}Menu</button><div class="menu" role="menu" aria-label="Menu"><button role="menuitem">${icon("edit")}Edit</button><button role="menuitem">${icon("copy")}Copy<kbd class="key">C</kbd></button>
    <hr role="separator"><button role="menuitem" class="danger">${icon("trash")}Remove</button></div></hf-menu>`;

const fields = () => html`<div class="form-grid">${field({ name: "plain", label: "Name", hint: "As the customer says it.", required: false })}
  ${field({ name: "wrong", label: "E-mail", value: "ann@", error: "Needs a domain, such as example.org." })}
  ${field({ name: "choice", label: "Category", value: "pc", options: [{ value: "pc", label: "PC" }, { value: "console", label: "Console" }] })}
  ${field({ name: "time", label: "Start", type: "datetime-local", value: "2027-03-08T18:00" })}
  ${field({ name: "off", label: "Disabled", value: "PC01", disabled: true })}
  <div class="field"><div class="search">${icon("search")}<input class="input" type="search" aria-label="Search" placeholder="Search"></div></div>
  ${field({ name: "note", label: "Note", type: "textarea", whole: true, required: false })}</div>
  <div class="row wrap">${checkbox({ name: "one", label: "Chosen", checked: true })}${checkbox({ name: "two", label: "Not chosen" })}<label class="check"><input type="radio" name="r" checked><span>One</span></label><label class="check"><input type="radio" name="r"><span>Other</span></label></div>`;

const states = () => html`<div class="row wrap">${STATES.map(badge)}</div><div class="row wrap">${TONES.map((tone) => tag(tone, "dot", tone))}</div>
  <div class="stack">${["busy", "soon", "bad"].map((tone, at) => html`<div class="tone-${tone}">${meter(() => 0.35 + at * 0.3, tone)}</div>`)}</div>
  <progress class="progress" max="100" value="62" aria-label="Import"></progress>
  <ol class="steps"><li class="done">Place</li><li class="done">Day</li><li aria-current="step">Details</li><li>Confirm</li></ol>`;

const notes = () => html`${banner("accent", "info", html`<p>What is typed here is kept when the server refuses it.</p>`)}${banner("free", "check-circle", html`<p>Everything is as it should be.</p>`)}
  ${banner("soon", "warning", html`<p class="strong">The clocks change tonight.</p><p>02:30 exists twice.</p>`)}${banner("bad", "alert", html`<p class="strong">Somebody else has that time.</p><p>In the way: PC01, 18:00 to 20:00</p>`)}`;

const overlays = () => html`<div class="row wrap">
  <button class="button" @click=${() => { openDialog({ title: "A dialog", body: html`<p class="soft">Focus stays inside, Escape closes, focus returns.</p>` }); }}>Dialog</button>
  <button class="button" @click=${() => { openDialog({ kind: "drawer", title: "PC01", under: badge("Active"), body: html`<p class="soft">A drawer lies at the side, the screen stays legible.</p>` }); }}>Drawer</button>
  <button class="button" @click=${() => confirmDialog({ title: "End the session?", text: "It cannot be undone.", act: "End", danger: true })}>Question</button>
  <button class="button" @click=${() => toast("PC01: started", { act: { label: "Undo", run: () => toast("Taken back") } })}>Toast</button>
  <button class="button" @click=${() => toast("PC01: somebody is there", { tone: "bad" })}>Bad toast</button></div>`;

const order = signal({ name: "unit", down: false });
const ROWS = [{ unit: "PC01", state: "Active", left: 12 }, { unit: "PC02", state: "Available", left: null }, { unit: "PC10", state: "Reserved", left: 45 }];
const tables = () => html`${() => table({
  label: "Units", rows: ROWS, key: (row) => row.unit, order: order.value, onOrder: (next) => { order.value = next; }, onOpen: (row) => toast(row.unit),
  columns: [{ name: "unit", label: "Unit", isHead: true, draw: (row) => row.unit, value: (row) => row.unit }, { name: "state", label: "Status", draw: (row) => badge(row.state), value: (row) => row.state },
    { name: "left", label: "Minutes", number: true, draw: (row) => row.left ?? "–", value: (row) => row.left }],
})}`;

/** @param {number} share @param {Partial<import("../ui/heat.js").HeatCell>} more */
const cell = (share, more = {}) => ({ text: `${Math.round(share * 100)}%`, share, about: `${Math.round(share * 100)} of 100`, ...more });
const heatMap = () => heat({
  label: "Cohorts", corner: "Cohort", hint: "Point at a cell, or go there with the arrow keys.", partial: "not over yet", leads: [{ label: "Customers" }], columns: ["0", "1", "2", "3"],
  rows: [{ key: "all", head: "All", lead: ["240"], isSum: true, cells: [cell(1), cell(0.5), cell(0.3), null] }, { key: "a", head: "Jan 2027", lead: ["120"], cells: [cell(1), cell(0.55), cell(0.3, { mark: "paid back" }), cell(0.2, { isPartial: true })] },
    { key: "b", head: "Feb 2027", lead: ["120"], cells: [cell(1), cell(0.45), cell(0.1, { isPartial: true }), null] }],
});
const looked = chartState();
const chart = () => lineChart({
  label: "Value by month", stepLabel: "Month", steps: ["0", "1", "2", "3", "4", "5"], format: (value) => `$${value.toFixed(0)}`, marks: [{ at: 2, value: 34, text: "paid back" }],
  series: [{ name: "Jan", isThin: true, values: [18, 24, 30, 34, 40, null] }, { name: "Value", values: [20, 28, 34, 39, 43, 46] }, { name: "Cost", tone: "soon", isDashed: true, values: [32, 32, 32, 32, 32, 32] }],
}, looked);

/** @param {string} stage @param {string} state @param {any} more */
const step = (stage, state, more = {}) => ({ stage, state, done: 0, connection: "shop", ...more });
const AT = "2027-03-08T10:00:00Z";
const run = (/** @type {string} */ state, /** @type {any[]} */ steps) => stages({ id: "r", operation: "incremental", state, actor: "schedule", cause: "due", started_at: AT, ...(state === "running" ? {} : { ended_at: AT }), stages: steps });
const steps = () => html`${run("running", [step("orders", "running", { done: 41_000, total: 69_659, rate: 2480 }), step("ads", "waiting"), step("ltv", "waiting", { connection: undefined })])}
  ${run("drift", [step("orders", "drift", { done: 69_659, total: 69_659, n: 3, ended_at: AT }), step("ads", "failed", { reason: "somebody stopped it", ended_at: AT }), step("ltv", "done", { connection: undefined, ended_at: AT })])}`;

const tabs = () => html`<hf-tabs><div class="tabs" role="tablist" aria-label="Parts"><button role="tab" id="tab-a" aria-controls="panel-a" aria-selected="true">Details</button><button role="tab" id="tab-b" aria-controls="panel-b" aria-selected="false">History</button></div>
  <div role="tabpanel" id="panel-a" aria-labelledby="tab-a" tabindex="0"><dl class="facts"><dt>Reference</dt><dd class="mono">9TDFYW</dd><dt>Note</dt><dd>Two headsets</dd></dl></div>
  <div role="tabpanel" id="panel-b" aria-labelledby="tab-b" tabindex="0" hidden><ol class="timeline"><li><p class="strong">Started</p><p class="muted small">18:02 · by ann</p></li><li><p class="strong">Booked</p><p class="muted small">12:40 · by web</p></li></ol></div></hf-tabs>`;

const waiting = () => html`${empty({ icon: "inbox", title: "No requests wait", text: "New ones appear here by themselves.", action: html`<button class="button">Show decided ones</button>` })}
  <div class="stack" aria-hidden="true"><div class="skeleton line"></div><div class="skeleton line short"></div></div>`;

const text = () => html`<h1>Heading of a page</h1><h2>Heading of a part</h2><h3>Heading of a group</h3><p>Text. <a href="#main">A link</a>, <span class="soft">softer</span>, <span class="muted">muted</span>, <span class="mono">mono 0123</span>.</p>`;

/** @param {string} name */
const named = (name) => html`<li class="icon-name">${icon(name)}<span class="small muted">${name}</span></li>`;

export async function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  const sprite = await (await fetch(new URL("../ui/icons.svg", import.meta.url))).text();
  const icons = [...sprite.matchAll(/<symbol id="([^"]+)"/g)].map(([, name]) => name);
  render(html`<div class="page-head"><h1>${t("components.title")}</h1></div><div class="component-list">
    ${section("Text", text())}${section("Buttons", buttons())}${section("Choices", choices())}${section("Overlays", overlays())}${section("Fields", fields())}${section("States", states())}
    ${section("Banners", notes())}${section("Table", tables())}${section("Heat map", heatMap())}${section("Curves", chart())}${section("Stages of a run", steps())}${section("Tabs, facts, timeline", tabs())}${section("Empty and loading", waiting())}
    ${MORE.map(([title, draw]) => section(title, draw()))}
    ${section("Icons", html`<ul class="icon-list">${icons.map(named)}</ul>`)}</div>`, place);
}
