/** The settings of a site: each with what it means and what it is by default. Only what was changed is sent. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { inAddress, keepInAddress, may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { field } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { toast } from "../ui/toast.js";
import { problemNote } from "./conflict.js";
import { calendarsTab } from "./settings_calendars.js";
import { Draft, knownFields } from "./settings_draft.js";
import { settingField } from "./settings_fields.js";
import { hoursEditor } from "./settings_hours.js";
import { mailEditor } from "./settings_mail.js";
import { bookingPageEditor } from "./settings_page.js";
import { slotsEditor } from "./settings_slots.js";
import { unitsTab } from "./settings_units.js";

/** @type {[group: string, names: string[]][]} */
const RULES = [
  ["when", ["grid_minutes", "length_min_minutes", "length_max_minutes", "notice_minutes", "horizon_days", "buffer_minutes"]],
  ["limits", ["quota_per_person", "hold_s_max", "team_max", "walk_in_hours_max"]],
  ["stay", ["check_in", "check_out", "cut_off", "show_clean", "late_check_out_minutes", "late_arrival_minutes"]],
  ["clock", ["look_ahead", "no_show_grace_minutes", "auto_start", "start_code", "auto_end_idle_minutes", "observation_minutes"]],
];
/** A store takes no bookings. @type {typeof RULES} */
const STORE_RULES = [["money", ["currency"]]];
/** Settings that mean something at some kinds of site only. @type {Record<string, string[]>} */
const KINDS = {
  walk_in_hours_max: ["cafe"], auto_end_idle_minutes: ["cafe"], start_code: ["cafe"], auto_start: ["cafe"], team_max: ["grounds"], check_in: ["hotel"], check_out: ["hotel"], cut_off: ["hotel"],
  show_clean: ["hotel"], late_check_out_minutes: ["hotel"], late_arrival_minutes: ["hotel"], grid_minutes: ["cafe"],
};

/** @param {string} name */
const fits = (name) => KINDS[name]?.includes(page.site.kind) ?? true;

export async function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  const { data } = await ask("GET", here("settings"));
  const draft = new Draft(data);
  const tabs = page.site.kind === "store" ? ["rules"] : ["rules", "hours", "page", "mail", ...(may("units") ? ["units", "calendars"] : [])];
  const chosen = signal(tabs.includes(inAddress("tab")) ? inAddress("tab") : "rules");
  /** @type {Record<string, () => any>} */
  const draw = { rules: () => rules(draft), hours: () => html`${hoursEditor(draft)}${page.site.kind === "grounds" ? slotsEditor(draft) : null}`, page: () => bookingPageEditor(draft), mail: () => mailEditor(draft), units: unitsTab, calendars: () => calendarsTab(() => chosen.value === "calendars") };
  /** @type {Map<string, any>} */ const drawn = new Map();
  const content = (/** @type {string} */ name) => () => {
    if (chosen.value === name && !drawn.has(name)) drawn.set(name, draw[name]());
    return drawn.get(name) ?? null;
  };
  const save = async () => {
    const isDone = await draft.save();
    if (isDone) {
      toast(t("settings.saved"));
      // the frame shows the name, and all times are in the zone
      if (draft.place.peek().name !== page.site.name || draft.place.peek().time_zone !== page.site.time_zone) location.reload();
      return;
    }
    const tab = tabOf(draft.problem.peek());
    if (tab !== null) document.getElementById(`tab-${tab}`)?.click();
    queueMicrotask(() => { /** @type {HTMLElement | null} */ (document.querySelector("[aria-invalid=true]"))?.focus(); });
  };
  // what somebody else has changed meanwhile holds here, too; what is typed here stays
  siteStore().onEvent((event) => { if (event.type === "site.changed" && !draft.busy.peek()) draft.learn(); });
  addEventListener("beforeunload", (event) => { if (draft.count() > 0 && !draft.isSaved) event.preventDefault(); });
  place.removeAttribute("aria-busy");
  render(html`<div class="settings"><div class="page-head"><h1>${t("screen.settings")}</h1></div>
    <hf-tabs @choose=${(/** @type {any} */ event) => { chosen.value = event.detail.replace("tab-", ""); keepInAddress({ tab: chosen.peek() === "rules" ? null : chosen.peek() }); }}>
      <div class="tabs" role="tablist" aria-label=${t("screen.settings")}>${tabs.map((name) => html`<button type="button" role="tab" id="tab-${name}" aria-controls="panel-${name}" aria-selected=${String(name === chosen.peek())}>${t(`settings.tab_${name}`)}</button>`)}</div>
      ${tabs.map((name) => html`<div role="tabpanel" id="panel-${name}" aria-labelledby="tab-${name}">${content(name)}</div>`)}</hf-tabs>
    ${() => bar(draft, save)}</div>`, place);
}

/** @param {any} problem */
function tabOf(problem) {
  const name = String(problem?.data?.field ?? "").split(/[.[]/)[0];
  if (["hours", "slots"].includes(name)) return "hours";
  if (["booking_page", "sign_up", "sign_up_domains", "profile_fields"].includes(name)) return "page";
  if (["language", "mail_bookings", "mail_texts"].includes(name)) return "mail";
  return name === "" ? null : "rules";
}

/** What stands at the bottom while something is changed. @param {Draft} draft @param {() => void} save */
function bar(draft, save) {
  const count = draft.count();
  const problem = draft.problem.value;
  if (count === 0) return null;
  return html`<div class="save-bar" role="region" aria-label=${t("settings.changes")}>${problem !== null && !knownFields.has(String(problem.data?.field ?? "").split(/[.[]/)[0]) ? problemNote(problem) : null}
    <span class="grow strong">${t("settings.changed", { n: count })}</span>
    <button type="button" class="button" @click=${() => draft.discard()}>${t("settings.discard")}</button>
    <button type="button" class="button primary" aria-busy=${() => String(draft.busy.value)} @click=${save}>${icon("check")}${t("settings.save")}</button></div>`;
}

/** @param {Draft} draft */
function rules(draft) {
  const zones = Intl.supportedValuesOf("timeZone");
  return html`<section class="card settings-card"><h2>${t("settings.group_place")}</h2><div class="setting"><div class="setting-words"><p class="strong">${t("settings.name")}</p><p class="muted small">${t("settings.name_text")}</p></div>
      <div class="setting-control">${() => field({ name: "site-name", label: t("settings.name"), value: draft.place.value.name, required: true, error: draft.errorAt("name"), onInput: (name) => draft.setPlace({ name }) })}</div></div>
    <div class="setting"><div class="setting-words"><p class="strong">${t("settings.zone")}</p><p class="muted small">${t("settings.zone_text")}</p></div>
      <div class="setting-control">${() => field({ name: "site-zone", label: t("settings.zone"), value: draft.place.value.time_zone, options: (zones.includes(draft.place.value.time_zone) ? zones : [draft.place.value.time_zone, ...zones]).map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") })), error: draft.errorAt("time_zone"), onInput: (zone) => draft.setPlace({ time_zone: zone }) })}</div></div></section>
    ${(page.site.kind === "store" ? STORE_RULES : RULES).map(([group, names]) => {
      const shown = names.filter(fits);
      return shown.length === 0 ? null : html`<section class="card settings-card"><h2>${t(`settings.group_${group}`)}</h2>${shown.map((name) => settingField(draft, name))}</section>`;
    })}`;
}

