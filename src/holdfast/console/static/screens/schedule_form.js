/** A schedule to be made or changed. While its rule is typed the server says what it means, when it runs, and what clocks do to that. */

import { html } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { page } from "../core/page.js";
import { icon } from "../ui/icon.js";
import { openDialog } from "../ui/dialog.js";
import { field, sending, valuesOf } from "../ui/form.js";
import { toast } from "../ui/toast.js";
import { argumentFields, argumentsOf } from "./job_arguments.js";
import { problemNote } from "./conflict.js";
import { isOfSeveral, organisation, owners } from "./jobs_of.js";
import { clockWords, ownZone, ticksToCome, zoneWords } from "./jobs_words.js";
import { ruleWords } from "./rule_words.js";

const TYPING_MS = 250;
const SHOWN = 5;
/** So many that a change of clocks months ahead is told of, too. */
const ASKED = 100;
const PRESETS = { five: "*/5 * * * *", hour: "0 * * * *", night: "30 2 * * *", workday: "0 8 * * mon-fri", month: "0 6 1 * *", last: "0 18 L * *" };
/** @type {Record<string, string[]>} */
const RULES = { missed: ["last", "all", "skip"], overlap: ["skip", "queue", "allow", "replace"], gap: ["cron", "after", "skip"], fold: ["cron", "once", "both"] };
const AT_FIELD = ["invalid_schedule", "already_exists"];

/** @param {any} schedule null for a new one @param {() => void} then */
export async function openScheduleForm(schedule, then) {
  const first = schedule ?? { name: "", schedule: PRESETS.night, time_zone: page.sites[0]?.time_zone ?? ownZone, missed: "last", overlap: "skip", gap: "cron", fold: "cron", catch_up_s: 86_400, args: {} };
  /** @type {any} */ const typed = {};
  for (const name of ["name", "schedule", "time_zone", "function", "missed", "overlap", "gap", "fold"]) typed[name] = signal(first[name] ?? "");
  typed.tenant = signal(first.tenant ?? (organisation.peek() || (owners()[0]?.value ?? "")));
  typed.hours = signal(String(first.catch_up_s / 3600));
  const shown = { preview: signal(/** @type {any} */ (null)), problem: signal(/** @type {any} */ (null)), functions: signal(/** @type {any[]} */ ([])) };
  const stop = previewing(typed, shown);
  const sent = sending(async (/** @type {any} */ body) => {
    const { data } = schedule ? await changed(schedule, body) : await ask("POST", "/api/schedules", { body });
    opened.close();
    toast(t(schedule ? "schedule.is_changed" : "schedule.is_made", { name: data.name }));
    then();
  });
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const body = bodyOf(event.target, typed, shown.functions.peek());
    if (body instanceof Error) sent.problem.value = Object.assign(body, { code: "invalid_arguments", data: {} });
    else sent.submit(body);
  };
  const opened = openDialog({
    kind: "dialog wide", title: t(schedule ? "schedule.edit_title" : "schedule.new"),
    body: html`<form id="schedule-form" class="stack" @submit=${submit}>${() => (sent.problem.value && !AT_FIELD.includes(sent.problem.value.code) ? problemNote(sent.problem.value) : null)}${fields(typed, shown, first, sent, schedule)}</form>`,
    foot: () => html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button type="submit" form="schedule-form" class="button primary" aria-busy=${String(sent.busy.value)}>${t(schedule ? "schedule.save" : "schedule.make")}</button>`,
  });
  opened.closed.then(stop);
  try {
    shown.functions.value = (await ask("GET", "/api/functions")).data.functions;
    if (typed.function.peek() === "") typed.function.value = shown.functions.peek()[0]?.name ?? "";
  } catch (error) {
    sent.problem.value = error;
  }
}

/** That it is so already is what was wanted. @param {any} schedule @param {any} body */
async function changed(schedule, body) {
  try {
    return await ask("PATCH", `/api/schedules/${schedule.id}`, { body });
  } catch (error) {
    if (/** @type {any} */ (error).code === "nothing_to_change") return { data: schedule };
    throw error;
  }
}

/** Asks what the rule means, a moment after the last key. @param {any} typed @param {any} shown @returns {() => void} what stops it */
function previewing(typed, shown) {
  let controller = new AbortController();
  /** @type {any} */ let timer;
  let isFirst = true;
  const stop = effect(() => {
    const query = new URLSearchParams({ schedule: typed.schedule.value, time_zone: typed.time_zone.value, gap: typed.gap.value, fold: typed.fold.value, count: String(ASKED) });
    controller.abort();
    controller = new AbortController();
    const { signal: given } = controller;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        const { data } = await ask("GET", `/api/schedules/preview?${query}`, { signal: given });
        if (!given.aborted) [shown.preview.value, shown.problem.value] = [data, null];
      } catch (error) {
        if (!given.aborted) [shown.preview.value, shown.problem.value] = [null, error];
      }
    }, isFirst ? 0 : TYPING_MS);
    isFirst = false;
  });
  return () => { stop(); controller.abort(); clearTimeout(timer); };
}

/** What is sent, or why it cannot be. @param {HTMLFormElement} form @param {any} typed @param {any[]} functions */
function bodyOf(form, typed, functions) {
  const given = valuesOf(form);
  const args = argumentsOf(form, functions.find(({ name }) => name === typed.function.peek()));
  if (args instanceof Error) return args;
  const rules = Object.fromEntries(Object.keys(RULES).map((name) => [name, typed[name].peek()]));
  return {
    ...(typed.tenant.peek() ? { tenant: typed.tenant.peek() } : {}),
    name: given.name ?? "", schedule: given.schedule ?? "", function: typed.function.peek(), time_zone: typed.time_zone.peek(), args, ...rules,
    ...(typed.missed.peek() === "skip" ? {} : { catch_up_s: Math.round(Number(typed.hours.peek()) * 3600) }),
  };
}

/** @param {any} typed @param {any} shown @param {any} first @param {any} sent @param {any} schedule null for a new one */
function fields(typed, shown, first, sent, schedule) {
  const on = (/** @type {string} */ name) => (/** @type {string} */ value) => { typed[name].value = value; };
  const refused = (/** @type {string} */ code) => (sent.problem.value?.code === code ? sent.problem.value.message : null);
  const functions = () => {
    const names = shown.functions.value.map((/** @type {any} */ { name }) => name);
    const known = typed.function.value === "" || names.includes(typed.function.value) ? names : [typed.function.value, ...names];
    return field({ name: "function", label: t("jobs.function"), value: typed.function.value, onInput: on("function"), options: known.map((/** @type {string} */ value) => ({ value, label: value })) });
  };
  const rule = (/** @type {string} */ name) => () => field({
    name, label: t(`schedule.${name}`), value: typed[name].value, onInput: on(name), hint: t(`schedule.${name}_${typed[name].value}`),
    options: RULES[name].map((value) => ({ value, label: t(`schedule.choose_${name}_${value}`) })),
  });
  return html`<div class="form-grid">
      ${() => field({ name: "name", label: t("schedule.name"), value: typed.name.peek(), onInput: on("name"), required: true, autofocus: true, error: refused("already_exists") })}
      ${functions}
      ${schedule === null && isOfSeveral ? field({ name: "tenant", label: t("jobs.organisation"), value: typed.tenant.peek(), onInput: on("tenant"), options: owners(), hint: t("jobs.of_hint") }) : null}</div>
    ${() => argumentFields(shown.functions.value.find((/** @type {any} */ { name }) => name === typed.function.value), typed.function.value === first.function ? first.args : {})}
    <div class="form-grid">
      ${() => field({ name: "schedule", label: t("schedule.rule"), value: typed.schedule.value, onInput: on("schedule"), required: true, hint: t("schedule.rule_hint"), error: refused("invalid_schedule") ?? shown.problem.value?.message ?? null })}
      ${() => field({ name: "time_zone", label: t("schedule.zone"), value: typed.time_zone.value, onInput: on("time_zone"), options: zones(typed.time_zone.value) })}</div>
    <div class="chips small-chips" role="group" aria-label=${t("schedule.presets")}>${() => Object.entries(PRESETS).map(([name, text]) => html`<button type="button" class="chip" aria-pressed=${String(typed.schedule.value === text)} @click=${() => { typed.schedule.value = text; }}>${t(`schedule.preset_${name}`)}</button>`)}</div>
    <div class="preview" aria-live="polite" aria-label=${t("schedule.preview")} role="group">${() => meaning(shown, typed)}</div>
    <details class="rules" ?open=${first.id !== undefined}><summary>${icon("chevron-right", "small")}${t("schedule.rules")}</summary><div class="form-grid">
      ${rule("missed")}${rule("overlap")}${rule("gap")}${rule("fold")}
      ${() => (typed.missed.value === "skip" ? null : field({ name: "hours", label: t("schedule.catch_up"), type: "number", min: "0", step: "any", value: typed.hours.peek(), onInput: on("hours"), hint: t("schedule.catch_up_hint") }))}</div></details>`;
}

/** @param {any} shown @param {any} typed */
function meaning(shown, typed) {
  const found = shown.preview.value;
  if (found === null) return html`<p class="muted">${shown.problem.value ? t("schedule.no_preview") : t("jobs.loading")}</p>`;
  return html`<p class="meaning">${icon("clock")}<span class="grow">${ruleWords(found.means)}</span></p>
    ${ticksToCome(found, found.time_zone, SHOWN)}<p class="small soft">${clockWords(found.when_clocks_change)}</p>`;
}

/** @param {string} chosen */
function zones(chosen) {
  const known = new Set(["UTC", chosen, ...Intl.supportedValuesOf("timeZone")]);
  return [...known].map((value) => ({ value, label: zoneWords(value) }));
}
