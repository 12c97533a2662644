/** The other half of the design system: lists and what is asked for them, secrets, live marks, and the parts of screens. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { copyButton, secretLine } from "../ui/copy.js";
import { filters } from "../ui/filters.js";
import { field } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { failed, lines } from "../ui/loading.js";
import { pager } from "../ui/pager.js";
import { passwordField } from "../ui/password.js";
import { picker } from "../ui/picker.js";
import { badge, banner, meter, tag } from "../ui/status.js";
import { toast } from "../ui/toast.js";

const page = signal(1);
const chosen = signal(new Set(["PC01"]));
const CHOICES = ["PC01", "PC02", "PC03"].map((value) => ({ value, label: value, group: "Arena" })).concat([{ value: "PS5", label: "PS5", group: "Lounge" }]);

const lists = () => html`${filters(html`<div class="search">${icon("search")}<input class="input" type="search" aria-label="Search the list" placeholder="Search"></div>`,
    html`<label class="row"><span class="muted small">State</span><select class="input"><option>All</option><option>Booked</option></select></label>`, () => 1)}
  ${() => pager({ number: page.value, count: 25, hasNext: page.value < 3, onBack: () => { page.value -= 1; }, onNext: () => { page.value += 1; } })}
  ${picker({ label: "Units", choices: CHOICES, chosen })}`;

const asked = () => html`${lines(3)}${failed({ message: "The server cannot be reached." }, () => toast("Asked again"))}`;

const secrets = () => html`<div class="form-grid">${passwordField({ name: "old", label: "Password" })}${passwordField({ name: "new", label: "New password", isNew: true, hint: "At least 10 characters.", error: () => "Too easy to guess." })}</div>
  ${secretLine("hf_3f9c1d7a", "Token")}<div class="row wrap">${copyButton("A1B2-C3D4", "Copy all")}</div><pre class="terminal" tabindex="0" aria-label="Terminal">Authorization: Bearer hf_3f9c1d7a…</pre>`;

/** @param {string} tone @param {string} name @param {string} word */
const mark = (tone, name, word) => html`<span class="live tone-${tone}">${icon(name)}<span class="word">${word}</span><span class="when">14:32:07</span></span>`;
const marks = () => html`<div class="row wrap">${mark("free", "live", "Live")}${mark("soon", "stale", "Stale")}${mark("bad", "offline", "Offline")}</div>
  ${banner("bad", "offline", html`<p><span class="strong">Offline.</span> What is shown is as of 14:32:07.</p>`)}`;

/** @param {{code: string, state: string, tone: string, who: string, strong: string, end: string, kind?: string}} o */
const tile = ({ code, state, tone, who, strong, end, kind = "" }) => html`<li class="tile tone-${tone} ${kind}"><div class="tile-head"><span class="tile-open">${code}</span>${badge(state)}</div>
  <p class="tile-who truncate">${who}</p><div class="tile-foot"><p class="tile-line"><span class="strong">${strong}</span><span class="end">${end}</span></p>${tone === "busy" ? meter(() => 0.6, code) : null}</div></li>`;
const tiles = () => html`<ul class="tiles">${tile({ code: "PC01", state: "Active", tone: "busy", who: "Ann Lee", strong: "42 min left", end: "18:30" })}
  ${tile({ code: "PC02", state: "Active", tone: "busy", who: "Ben Oh", strong: "4:12 left", end: "17:52", kind: "ends-five" })}
  ${tile({ code: "PC03", state: "Available", tone: "free", who: "–", strong: "", end: "Free until 20:00" })}
  ${tile({ code: "PC04", state: "Under Maintenance", tone: "off", who: "New fan", strong: "", end: "Until further notice" })}</ul>`;

/** A stay from one share of the row to another. @param {string} tone @param {string} name @param {string} who @param {number} from @param {number} to @param {string} kind */
const stay = (tone, name, who, from, to, kind = "") => html`<span class="stay tone-${tone} ${kind}" style:--from=${from} style:--to=${to}>${icon(name, "small")}<span class="who">${who}</span></span>`;
const stays = () => html`<div class="tape" tabindex="0" role="group" aria-label="Stays" style:--nights=${7}><div class="tape-row"><div class="room"><span class="code">101</span><span class="words"><span class="status tone-used">${icon("broom", "small")}<span class="truncate">Dirty</span></span></span></div>
    <div class="lane">${stay("busy", "user", "Ann Lee", 0, 1.5, "cut-start")}${stay("next", "calendar", "Ben Oh", 2.5, 4.5)}<div class="hatch" style:--from=${5} style:--to=${7}>${icon("wrench", "small")}<span class="truncate">Tiles</span></div></div></div>
  <div class="tape-row"><div class="room"><span class="code">102</span><span class="words"><span class="status tone-free">${icon("sparkle", "small")}<span class="truncate">Clean</span></span></span></div>
    <div class="lane">${stay("wait", "hourglass", "Held", 1.5, 2.5)}${stay("next", "calendar", "Chris Rao", 3.5, 7, "cut-end")}</div></div></div>`;

const TICKS = ["free", "free", "next", "off", "bad", "free", "wait"];
const jobs = () => html`<div class="tick-strip" role="img" aria-label="Seven ticks, one of them failed">${TICKS.map((tone) => html`<i class=${`tone-${tone} ${tone === "bad" ? "went-wrong" : ""} ${tone === "off" ? "tick-skipped" : ""}`}></i>`)}</div>
  <div class="preview"><p class="meaning">${icon("clock")}Every day at 02:30</p><ol class="tick-list"><li><span class="grow">Tue 9 Mar, 02:30</span><span class="muted small">in 9 h</span></li></ol>
    ${banner("soon", "warning", html`<p>On 28 March 02:30 does not exist: it runs at 03:00.</p>`)}</div>
  <div class="why-not tone-soon"><p class="row">${icon("question")}<span class="strong">All three slots of “mail” are taken.</span></p><p class="muted small">It is the second in line.</p></div>
  <div class="log" tabindex="0" role="log" aria-label="Lines of a job"><p><span class="muted">02:30:01</span><span></span><span>page 12 of 40</span></p><p class="level-warning"><span class="muted">02:30:04</span>${icon("warning", "small")}<span>one row was rejected</span></p></div>`;

const choice = () => html`<div class="choices-list"><label class="choice"><input type="checkbox" checked><span><code class="strong">read</code><span class="muted small">See boards and lists</span></span></label></div>
  ${field({ name: "switch-off", label: "Closes at", type: "time", value: "23:00" })}
  <div class="row wrap">${tag("free", "check", "verified")}${tag("soon", "warning", "drift (3)")}${tag("off", "question", "unverifiable")}</div>`;

/** @type {[title: string, draw: () => any][]} */
export const MORE = [
  ["Filters, pages, several of many", lists], ["Asking and not getting", asked], ["Passwords and secrets", secrets], ["Live marks", marks],
  ["Tiles", tiles], ["Stays and blocks", stays], ["Jobs: ticks, preview, why not, lines", jobs], ["Choices with their meaning", choice],
];
