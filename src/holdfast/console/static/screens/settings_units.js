/**
 * What can be booked here: looked through, changed in bulk, added many at a time, brought in and saved as CSV. The list is
 * the site's as it is, whoever changes it.
 */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { computed, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { errorAt, field, sending } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { badge, empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { toast } from "../ui/toast.js";
import { change as send, formDialog } from "./board_acts.js";
import { importUnits } from "./settings_import.js";
import { codesOf } from "./unit_codes.js";

/** @typedef {{code: string, name: string, category: string, parent: string | null, condition: string | null, shown_status: string, version: number}} Unit */

const CONDITIONS = ["clean", "dirty", "inspected", "under_maintenance", "out_of_service"];
const SHOWN_MAX = 8;

export function unitsTab() {
  const store = siteStore();
  const units = computed(() => {
    store.version.value;
    return /** @type {Unit[]} */ ([...store.replica.units.values()]);
  });
  /** @type {import("../core/signals.js").Signal<Set<string>>} */ const selected = signal(new Set());
  const order = signal({ name: "code", down: false });
  const wanted = signal("");
  const shown = computed(() => units.value.filter(({ code, name, category }) => `${code} ${name} ${category}`.toLowerCase().includes(wanted.value.toLowerCase())));
  const toggle = (/** @type {string[]} */ codes, /** @type {boolean} */ isOn) => {
    const after = new Set(selected.peek());
    for (const code of codes) if (isOn) after.add(code); else after.delete(code);
    selected.value = after;
  };
  const columns = [
    { name: "select", label: t("table.select"), isQuiet: true, narrow: true, draw: (/** @type {Unit} */ one) => html`<input type="checkbox" class="tick" .checked=${() => selected.value.has(one.code)} aria-label=${t("settings.select", { code: one.code })} @change=${(/** @type {any} */ event) => toggle([one.code], event.target.checked)}>` },
    { name: "code", label: t("settings.unit_code"), isHead: true, value: (/** @type {Unit} */ one) => one.code, draw: (/** @type {Unit} */ one) => html`${one.code}${one.name && one.name !== one.code ? html` <span class="muted">${one.name}</span>` : null}` },
    { name: "category", label: t("settings.unit_category"), value: (/** @type {Unit} */ one) => one.category, draw: (/** @type {Unit} */ one) => one.category },
    { name: "parent", label: t("settings.unit_parent"), wide: true, value: (/** @type {Unit} */ one) => one.parent ?? null, draw: (/** @type {Unit} */ one) => one.parent ?? html`<span class="muted">–</span>`, csv: (/** @type {Unit} */ one) => one.parent ?? "" },
    { name: "condition", label: t("settings.unit_condition"), value: (/** @type {Unit} */ one) => one.condition ?? null, draw: (/** @type {Unit} */ one) => (one.condition ? badge(one.condition) : html`<span class="muted">–</span>`), csv: (/** @type {Unit} */ one) => one.condition ?? "" },
  ];
  const save = () => saveCsv(`${page.site.slug}-units.csv`, [["code", "code"], ["category", "category"], ["name", "name"], ["parent", "parent"], ["condition", "condition"]].map(([name]) => ({ name, label: name, draw: () => null, csv: (/** @type {any} */ one) => one[name] ?? "" })), shown.peek());
  const list = () => {
    if (units.value.length === 0) return empty({ icon: "grid", title: t("settings.no_units"), text: t("settings.no_units_text"), action: html`<button type="button" class="button primary" @click=${() => addMany(units.peek())}>${icon("plus")}${t("settings.add_units")}</button>` });
    return table({ label: t("settings.tab_units"), columns, rows: shown.value, key: (one) => one.code, order: order.value, onOrder: (to) => { order.value = to; }, isSelected: (one) => selected.value.has(one.code) });
  };
  const bulk = () => (selected.value.size === 0 ? null : html`<div class="save-bar" role="region" aria-label=${t("settings.selected", { n: selected.value.size })}><span class="grow strong">${t("settings.selected", { n: selected.value.size })}</span>
    <button type="button" class="button" @click=${() => { selected.value = new Set(); }}>${t("settings.clear")}</button><button type="button" class="button primary" @click=${() => change(units.peek().filter(({ code }) => selected.peek().has(code)), units.peek(), () => { selected.value = new Set(); })}>${icon("edit")}${t("settings.change_units")}</button></div>`);
  return html`<div class="stack"><div class="row wrap"><div class="search grow people-search">${icon("search")}<input class="input" type="search" aria-label=${t("settings.find_unit")} placeholder=${t("settings.find_unit")} @input=${(/** @type {any} */ event) => { wanted.value = event.target.value; }}></div>
      <label class="check"><input type="checkbox" .checked=${() => shown.value.length > 0 && shown.value.every(({ code }) => selected.value.has(code))} @change=${(/** @type {any} */ event) => toggle(shown.peek().map(({ code }) => code), event.target.checked)}><span>${t("settings.select_all")}</span></label><span class="grow"></span>
      ${csvButton(save)}${may("import") ? html`<button type="button" class="button" @click=${() => importUnits()}>${icon("upload")}${t("settings.import")}</button>` : null}
      <button type="button" class="button primary" @click=${() => addMany(units.peek())}>${icon("plus")}${t("settings.add_units")}</button></div>${list}${bulk}</div>`;
}

/** What most of them are. @param {Unit[]} units @returns {string | undefined} */
function usualCategory(units) {
  /** @type {Map<string, number>} */ const counts = new Map();
  for (const { category } of units) counts.set(category, (counts.get(category) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** Changes only what is filled in. @param {Unit[]} chosen @param {Unit[]} units @param {() => void} done */
function change(chosen, units, done) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const body = { ...(values.category ? { category: values.category } : {}), ...(values.parent ? { parent: values.parent === "-" ? null : values.parent } : {}), ...(values.condition ? { condition: values.condition === "-" ? null : values.condition } : {}) };
    let last = null;
    if (Object.keys(body).length > 0) for (const { code } of chosen) last = (await ask("PATCH", here("units", code), { body })).version;
    await siteStore().until(last);
    toast(t("settings.units_changed", { n: chosen.length }));
    opened.close();
    done();
  });
  const codes = new Set(chosen.map(({ code }) => code));
  const rooms = units.filter(({ code, parent }) => !codes.has(code) && !parent).map(({ code }) => ({ value: code, label: code }));
  const opened = formDialog({
    title: t("settings.change_of", { codes: [...codes].slice(0, SHOWN_MAX).join(", ") + (codes.size > SHOWN_MAX ? " …" : "") }), form, go: t("settings.change_go"),
    fields: () => html`${() => field({ name: "category", label: t("settings.unit_category"), placeholder: t("settings.stays"), required: false, error: errorAt(form.problem.value, "category") })}
      ${field({ name: "parent", label: t("settings.unit_parent"), value: "", options: [{ value: "", label: t("settings.stays") }, { value: "-", label: t("settings.none") }, ...rooms] })}
      ${field({ name: "condition", label: t("settings.unit_condition"), value: "", options: [{ value: "", label: t("settings.stays") }, { value: "-", label: t("settings.none") }, ...CONDITIONS.map((value) => ({ value, label: t(`status.${value}`) }))] })}`,
  });
}

/** Many at a time, by a pattern of their codes. @param {Unit[]} units */
function addMany(units) {
  const pattern = signal("");
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const codes = codesOf(values.pattern ?? "");
    await send("POST", here("units"), { units: codes.map((code) => ({ code, category: values.category ?? "", ...(values.parent ? { parent: values.parent } : {}) })) });
    toast(t("settings.units_added", { n: codes.length }));
    opened.close();
  });
  const usual = /** @type {Record<string, string>} */ ({ cafe: "PC01–PC20", hotel: "101–110, 201–210", grounds: "G1–G4" })[page.site.kind] ?? "A1–A5";
  const told = () => {
    const codes = codesOf(pattern.value);
    const there = codes.filter((code) => units.some((unit) => unit.code === code));
    if (codes.length === 0) return null;
    return html`<p class="whole ${there.length > 0 ? "error" : "hint"}">${there.length > 0 ? t("settings.units_there", { codes: there.slice(0, SHOWN_MAX).join(", ") }) : t("settings.units_told", { n: codes.length, codes: codes.length > 4 ? `${codes.slice(0, 3).join(", ")} … ${codes.at(-1)}` : codes.join(", ") })}</p>`;
  };
  const opened = formDialog({
    title: t("settings.add_units"), form, go: t("settings.add_go"),
    fields: () => html`${field({ name: "pattern", label: t("settings.codes"), hint: t("settings.codes_hint", { usual }), placeholder: usual, required: true, autofocus: true, whole: true, onInput: (value) => { pattern.value = value; } })}${told}
      ${field({ name: "category", label: t("settings.unit_category"), value: usualCategory(units) ?? /** @type {Record<string, string>} */ ({ cafe: "pc", hotel: "double", grounds: "ground" })[page.site.kind] ?? "unit", required: true })}
      ${field({ name: "parent", label: t("settings.unit_parent"), value: "", options: [{ value: "", label: t("settings.none") }, ...units.filter(({ parent }) => !parent).map(({ code }) => ({ value: code, label: code }))] })}`,
  });
}
