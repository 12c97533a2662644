/** Units from a CSV file: sent as it is, and told row by row what became of it. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { sentenceOf } from "../core/problems.js";
import { openDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { banner, tag } from "../ui/status.js";

/** @typedef {{row: number, outcome: string, code?: string, why?: string}} Result */

const SHOWN_MAX = 500;
/** @type {Record<string, [tone: string, icon: string]>} */
const LOOKS = { created: ["free", "check"], there: ["off", "minus"], refused: ["bad", "cross"], skipped: ["off", "minus"] };

export function importUnits() {
  /** @type {import("../core/signals.js").Signal<File | null>} */ const file = signal(null);
  /** @type {import("../core/signals.js").Signal<Result[] | null>} */ const results = signal(null);
  const summary = signal(/** @type {any} */ (null));
  const refused = signal("");
  const busy = signal(false);
  const send = async () => {
    const chosen = file.peek();
    if (chosen === null || busy.peek()) return;
    busy.value = true;
    refused.value = "";
    try {
      const response = await fetch(`/api/import?${new URLSearchParams({ site: page.site.slug, format: "units" })}`, { method: "POST", body: chosen, headers: { "Content-Type": "text/csv" }, credentials: "same-origin" });
      const text = await response.text();
      if (!response.ok) {
        refused.value = sentenceOf(JSON.parse(text));
        return;
      }
      const lines = text.trim().split("\n").map((line) => JSON.parse(line));
      summary.value = lines.pop();
      results.value = lines;
    } catch {
      refused.value = t("problem.unreachable_change");
    } finally {
      busy.value = false;
    }
  };
  const told = () => {
    if (results.value === null) return null;
    // what needs a look comes first
    const lines = [...results.value].sort((a, b) => Number(b.outcome === "refused") - Number(a.outcome === "refused")).slice(0, SHOWN_MAX);
    return html`<div class="row wrap" role="status">${Object.entries(summary.value.outcomes).map(([outcome, n]) => tag((LOOKS[outcome] ?? LOOKS.skipped)[0], (LOOKS[outcome] ?? LOOKS.skipped)[1], `${t(`settings.import_${outcome}`)}: ${n}`))}</div>
      ${summary.value.stopped ? banner("bad", "alert", html`<p>${summary.value.stopped}</p>`) : null}
      <ul class="import-lines" tabindex="0" aria-label=${t("settings.import_lines")}>${lines.map((line) => html`<li><span class="muted">${t("settings.import_row", { n: line.row })}</span><span class="strong">${line.code ?? ""}</span><span class="grow">${line.why ?? t(`settings.import_${line.outcome}`)}</span></li>`)}</ul>`;
  };
  const opened = openDialog({
    title: t("settings.import"), kind: "dialog wide",
    body: html`<p class="soft">${t("settings.import_text")}</p><pre class="terminal" tabindex="0" aria-label=${t("settings.import_example")}>code,category,name,parent,condition
Arena,room,Arena,,
PC01,pc,,Arena,</pre>
      <div class="field"><label for="import-file">${t("settings.import_file")}</label><input class="input" id="import-file" type="file" accept=".csv,.jsonl,.gz,text/csv" @change=${(/** @type {any} */ event) => { file.value = event.target.files[0] ?? null; results.value = null; }}></div>
      ${() => (refused.value ? html`<div role="alert">${banner("bad", "alert", html`<p>${refused.value}</p>`)}</div>` : null)}${told}`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.close")}</button>
      <button type="button" class="button primary" ?disabled=${() => file.value === null || results.value !== null} aria-busy=${() => String(busy.value)} @click=${send}>${icon("upload")}${t("settings.import_go")}</button>`,
  });
}
