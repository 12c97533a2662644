/** What other currencies are worth in the store's own: known rates, and a form for one more. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clock, dateOf } from "../core/time.js";
import { errorAt, field, sending } from "../ui/form.js";
import { loading } from "../ui/loading.js";
import { toast } from "../ui/toast.js";
import { formDialog } from "./board_acts.js";

/** @param {string} own the store's currency @param {() => void} then */
export function openRates(own, then) {
  const known = loading(async (given) => (await ask("GET", here("rates"), { signal: given })).data.rates);
  known.now();
  const form = sending(async (/** @type {Record<string, string>} */ { currency = "", day = "", rate = "" }) => {
    const { data } = await ask("PUT", here("rates"), { body: { currency: currency.toUpperCase(), day, rate } });
    toast(t("store.rate_is_set", { currency: data.currency }));
    opened.close();
    then();
  });
  const opened = formDialog({
    title: t("store.rates"), form, go: t("store.set_rate"),
    fields: () => html`<p class="soft whole">${t("store.rates_text", { own })}</p>
      ${field({ name: "currency", label: t("store.currency"), required: true, autofocus: true, placeholder: "GBP", error: errorAt(form.problem.value, "currency") })}
      ${field({ name: "rate", label: t("store.rate", { own }), required: true, placeholder: "1.0834", error: errorAt(form.problem.value, "rate") })}
      ${field({ name: "day", label: t("store.rate_from"), type: "date", required: true, value: dateOf(clock.now() - 365 * 86_400_000) })}
      <div class="whole">${() => ((known.value.value ?? []).length === 0 ? null : html`<h3>${t("store.rates_known")}</h3><ul>${known.value.value.slice(0, 20).map((/** @type {any} */ one) => html`<li class="small">${t("store.rate_line", { currency: one.currency, rate: one.rate, own, day: one.day })}</li>`)}</ul>`)}</div>`,
  });
}
