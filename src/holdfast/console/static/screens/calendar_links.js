/** Our own calendars, for others to follow: the address of a unit's, or of the whole site's. Whoever has one may read it. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { collator, t } from "../core/i18n.js";
import { effect, signal } from "../core/signals.js";
import { siteStore } from "../core/store.js";
import { secretLine } from "../ui/copy.js";
import { checkbox } from "../ui/form.js";
import { failed, lines, loading } from "../ui/loading.js";

export function ownCalendars() {
  const unit = signal("");
  const names = signal(false);
  const link = loading(async (given) => {
    const query = new URLSearchParams({ ...(unit.peek() ? { unit: unit.peek() } : {}), ...(names.peek() ? { names: "true" } : {}) });
    const { data } = await ask("GET", `${here("calendar-link")}?${query}`, { signal: given });
    return `${location.origin}${data.path}`;
  });
  effect(() => {
    unit.value;
    names.value;
    link.now();
  });
  const codes = [...siteStore().replica.units.values()].map(({ code }) => code).sort(collator.compare);
  return html`<section class="card settings-card own-calendars"><h2>${t("calendars.own")}</h2><p class="muted small">${t("calendars.own_text")}</p>
    <div class="form-grid"><div class="field"><label for="own-calendar">${t("calendars.own_of")}</label><select class="input" id="own-calendar" @change=${(/** @type {any} */ event) => { unit.value = event.target.value; }}>
      <option value="">${t("calendars.own_site")}</option>${codes.map((code) => html`<option value=${code}>${code}</option>`)}</select></div></div>
    ${checkbox({ name: "own-names", label: t("calendars.own_names"), onChange: (isOn) => { names.value = isOn; } })}
    <div aria-busy=${() => String(link.busy.value)}>${() => {
      if (link.problem.value !== null) return failed(link.problem.value, link.now);
      return link.value.value === null ? lines(1) : secretLine(link.value.value, t("calendars.own_address"));
    }}</div></section>`;
}
