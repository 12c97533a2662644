/** A site in a minute: its kind, its name and zone, its units, and it is there. */

import { ask } from "../core/api.js";
import { html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { may } from "../core/page.js";
import { kindIcon } from "../frame/menus.js";
import { field, sending } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { empty } from "../ui/status.js";
import { problemNote } from "./conflict.js";
import { codesOf } from "./unit_codes.js";

const KINDS = ["cafe", "hotel", "grounds", "store"];
const STEPS = ["kind", "place", "units"];
/** What most have, to begin with. @type {Record<string, {codes: string, category: string}[]>} */
const USUAL = {
  cafe: [{ codes: "PC01–PC12", category: "pc" }, { codes: "PS5-1–PS5-2", category: "console" }],
  hotel: [{ codes: "101–108", category: "double" }, { codes: "201–204", category: "suite" }],
  grounds: [{ codes: "G1–G4", category: "ground" }],
  // has none: what it has is connected on its own screen
  store: [],
};
const HOUSE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export async function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  if (!may("sites")) {
    render(html`<div class="page-head"><h1>${t("new.title")}</h1></div>${empty({ icon: "building", title: t("new.not_allowed"), text: t("new.not_allowed_text") })}`, place);
    return;
  }
  const organisations = (await ask("GET", "/api/organisations?limit=500")).data.organisations;
  const step = signal(0);
  const given = signal({ kind: "", name: "", time_zone: HOUSE, organisation: organisations[0]?.id ?? "", groups: /** @type {{codes: string, category: string}[]} */ ([]) });
  const set = (/** @type {Partial<typeof given.held>} */ change) => { given.value = { ...given.peek(), ...change }; };
  /** @type {string | null} */ let made = null;
  const form = sending(async (/** @type {boolean} */ withUnits) => {
    const { kind, name, time_zone, organisation, groups } = given.peek();
    // a second try after the units were refused makes no second site
    made ??= (await ask("POST", "/api/sites", { body: { kind, name, time_zone, ...(organisation ? { organisation } : {}) } })).data.slug;
    const units = groups.flatMap(({ codes, category }) => codesOf(codes).map((code) => ({ code, category })));
    if (withUnits && units.length > 0) await ask("POST", `/api/sites/${made}/units`, { body: { units } });
    location.assign(`/console/${made}`);
  });
  const go = (/** @type {number} */ to) => {
    form.problem.value = null;
    step.value = to;
    queueMicrotask(() => { /** @type {HTMLElement | null} */ (place.querySelector("[data-first]"))?.focus(); });
  };
  const draw = () => [kinds, naming, unitsStep][step.value]({ given, set, go, form, organisations });
  render(html`<div class="wizard"><div class="page-head"><h1>${t("new.title")}</h1></div>
    ${() => html`<ol class="steps">${stepsOf(given.value.kind).map((name, at) => html`<li class=${at < step.value ? "done" : ""} aria-current=${at === step.value ? "step" : null}>${t(`new.step_${name}`)}</li>`)}</ol>`}
    <section class="card stack">${draw}</section></div>`, place);
}

/** @param {string} kind */
const stepsOf = (kind) => (kind === "store" ? STEPS.slice(0, 2) : STEPS);

/** @param {any} o */
function kinds({ given, set, go }) {
  return html`<h2>${t("new.kind")}</h2><div class="kind-choices">${KINDS.map((kind, at) => html`<button type="button" class="kind-choice" data-first=${at === 0 ? "" : null} aria-pressed=${() => String(given.value.kind === kind)}
      @click=${() => { if (given.peek().kind !== kind) set({ kind, groups: USUAL[kind].map((one) => ({ ...one })) }); go(1); }}>
    <span class="site-mark">${icon(kindIcon(kind))}</span><span class="strong">${t(`kind.${kind}`)}</span><span class="muted small">${t(`new.kind_${kind}`)}</span></button>`)}</div>`;
}

/** @param {any} o */
function naming({ given, set, go, form, organisations }) {
  const isLast = stepsOf(given.peek().kind).length === 2;
  const zones = Intl.supportedValuesOf("timeZone");
  return html`<h2>${t("new.place")}</h2><form class="stack" @submit=${(/** @type {any} */ event) => { event.preventDefault(); if (isLast) form.submit(false); else go(2); }}>
    <div class="field"><label for="new-name">${t("new.name")}</label><input class="input" id="new-name" data-first required maxlength="200" autocomplete="organization" value=${given.peek().name} placeholder=${t(`new.name_${given.peek().kind}`)} @input=${(/** @type {any} */ event) => set({ name: event.target.value.trim() })}></div>
    ${field({ name: "zone", label: t("new.zone"), hint: t("new.zone_text"), value: given.peek().time_zone, options: (zones.includes(given.peek().time_zone) ? zones : [given.peek().time_zone, ...zones]).map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") })), onInput: (time_zone) => set({ time_zone }) })}
    ${organisations.length > 1 ? field({ name: "organisation", label: t("new.organisation"), value: given.peek().organisation, options: organisations.map((/** @type {any} */ one) => ({ value: one.id, label: one.name })), onInput: (organisation) => set({ organisation }) }) : null}
    <div class="row wizard-foot"><button type="button" class="button" @click=${() => go(0)}>${icon("arrow-left")}${t("new.back")}</button>${isLast ? html`<button class="button primary" aria-busy=${() => String(form.busy.value)}>${icon("check")}${t("new.make")}</button>` : html`<button class="button primary">${t("new.next")}${icon("arrow-right")}</button>`}</div>
    ${() => (isLast && form.problem.value ? problemNote(form.problem.value) : null)}</form>`;
}

/** @param {any} o */
function unitsStep({ given, set, go, form }) {
  const change = (/** @type {number} */ at, /** @type {any} */ part) => set({ groups: given.peek().groups.map((/** @type {any} */ one, /** @type {number} */ index) => (index === at ? { ...one, ...part } : one)) });
  const count = () => given.value.groups.reduce((/** @type {number} */ sum, /** @type {any} */ { codes }) => sum + codesOf(codes).length, 0);
  const rows = () => given.value.groups.map((/** @type {any} */ one, /** @type {number} */ at) => html`<li class="form-grid unit-group">
      <div class="field"><label for="codes-${at}">${t("new.codes")}</label><input class="input" id="codes-${at}" data-first=${at === 0 ? "" : null} .value=${one.codes} @input=${(/** @type {any} */ event) => change(at, { codes: event.target.value })}></div>
      <div class="field"><label for="category-${at}">${t("new.category")}</label><span class="row"><input class="input" id="category-${at}" .value=${one.category} required maxlength="60" @input=${(/** @type {any} */ event) => change(at, { category: event.target.value.trim() })}>
        <button type="button" class="button quiet icon-only" aria-label=${t("new.remove", { codes: one.codes })} @click=${() => set({ groups: given.peek().groups.filter((/** @type {any} */ _, /** @type {number} */ index) => index !== at) })}>${icon("trash")}</button></span></div></li>`);
  return html`<h2>${t("new.units")}</h2><p class="soft">${t("new.units_text")}</p><form class="stack" @submit=${(/** @type {any} */ event) => { event.preventDefault(); form.submit(true); }}>
    <ul class="stack">${rows}</ul><div class="row wrap"><button type="button" class="button small" @click=${() => set({ groups: [...given.peek().groups, { codes: "", category: USUAL[given.peek().kind][0].category }] })}>${icon("plus", "small")}${t("new.more")}</button>
      <span class="grow muted" role="status">${() => t("new.count", { n: count() })}</span></div>
    ${() => (form.problem.value ? problemNote(form.problem.value) : null)}
    <div class="row wrap wizard-foot"><button type="button" class="button" @click=${() => go(1)}>${icon("arrow-left")}${t("new.back")}</button><span class="grow"></span><button type="button" class="button quiet" @click=${() => form.submit(false)}>${t("new.without")}</button>
      <button class="button primary" aria-busy=${() => String(form.busy.value)}>${icon("check")}${t("new.make")}</button></div></form>`;
}
