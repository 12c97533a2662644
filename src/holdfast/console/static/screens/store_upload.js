/** A file of orders or days of spend is handed in: read at once, as a run that everybody sees. */

import { here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { sentenceOf } from "../core/problems.js";
import { openDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { banner } from "../ui/status.js";
import { stages } from "./run_stages.js";
import { MEMBERS } from "./store_kinds.js";
import { syncBadge } from "./store_words.js";

/** @param {import("./store_state.js").Connection} connection @param {() => void} then */
export function openUpload(connection, then) {
  /** @type {import("../core/signals.js").Signal<File | null>} */ const file = signal(null);
  /** @type {import("../core/signals.js").Signal<import("./store_state.js").Run | null>} */ const run = signal(null);
  const refused = signal("");
  const busy = signal(false);
  const send = async () => {
    const chosen = file.peek();
    if (chosen === null || busy.peek()) return;
    busy.value = true;
    [refused.value, run.value] = ["", null];
    try {
      const type = /\.(jsonl|ndjson|json)$/i.test(chosen.name) ? "application/x-ndjson" : "text/csv";
      const response = await fetch(here("connections", String(connection.id), "upload"), { method: "POST", body: chosen, headers: { "Content-Type": type }, credentials: "same-origin" });
      const told = await response.json();
      if (response.ok) run.value = told;
      else refused.value = sentenceOf(told);
      then();
    } catch {
      refused.value = t("problem.unreachable_change");
    } finally {
      busy.value = false;
    }
  };
  const stream = connection.streams[0]?.name ?? "orders";
  const fields = connection.config.mapping?.fields ?? {};
  const { needed, more } = MEMBERS[stream] ?? MEMBERS.orders;
  const opened = openDialog({
    title: t("store.upload_of", { name: connection.name }), kind: "dialog wide",
    body: html`<p class="soft">${t("store.upload_text")}</p>
      <p class="small">${t("store.upload_columns")} ${needed.map((name) => html`<code class="column-name strong">${fields[name] ?? name}</code> `)}${more.map((name) => html`<code class="column-name">${fields[name] ?? name}</code> `)}</p>
      <div class="field"><label for="rows-file">${t("store.file")}</label><input class="input" id="rows-file" type="file" accept=".csv,.jsonl,.ndjson,.json,text/csv" @change=${(/** @type {any} */ event) => { file.value = event.target.files[0] ?? null; run.value = null; }}></div>
      ${() => (refused.value ? html`<div role="alert">${banner("bad", "alert", html`<p>${refused.value}</p>`)}</div>` : null)}
      ${() => (run.value === null ? null : html`<div role="status" class="stack"><p class="row wrap">${syncBadge(run.value.state, run.value.stages[0]?.n)}<a href=${`/console/${page.site.slug}/runs?run=${run.value.id}`}>${t("store.look_at_run")}</a>
        ${run.value.stages.some(({ rejects }) => rejects) ? html`<a href=${`/console/${page.site.slug}/rejects`}>${t("screen.rejects")}</a>` : null}</p>${stages(run.value)}</div>`)}`,
    foot: () => html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.close")}</button>
      <button type="button" class="button primary" ?disabled=${file.value === null} aria-busy=${String(busy.value)} @click=${send}>${icon("upload")}${t("store.upload")}</button>`,
  });
}
