/** Dead letters: jobs that were given up, by queue, with why; sent again or let go, one or all of a queue. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { following } from "../core/follow.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { icon } from "../ui/icon.js";
import { empty } from "../ui/status.js";
import { csvButton, saveCsv, table } from "../ui/table.js";
import { discard, discardQueue, redrive, redriveQueue } from "./job_acts.js";
import { openJob } from "./job_panel.js";
import { organisation, ownerLine, tenantWanted } from "./jobs_of.js";
import { drawn, when } from "./jobs_words.js";

const EVERY_MS = 5_000;
const SHOWN_MAX = 500;

/** @returns {import("./jobs.js").Tab} */
export function deadTab() {
  const order = signal({ name: "died", down: true });
  const followed = following(async () => (await ask("GET", `/api/dead-letters?${new URLSearchParams({ limit: String(SHOWN_MAX), ...tenantWanted() })}`)).data.dead, EVERY_MS);
  const again = () => followed.now();
  const group = (/** @type {string} */ queue, /** @type {any[]} */ letters) => html`<section class="tile-group"><header class="group-head"><h2>${queue}</h2><span class="muted grow">${t("jobs.letters", { n: letters.length })}</span>
      <button type="button" class="button small" aria-label=${t("jobs.redrive_all_of", { queue })} @click=${() => (organisation.peek() ? redrive(letters, again) : redriveQueue(queue, again))}>${icon("redo", "small")}${t("jobs.redrive_all")}</button>
      <button type="button" class="button small danger" aria-label=${t("jobs.discard_all_of", { queue })} @click=${() => (organisation.peek() ? discard(letters, again) : discardQueue(queue, again))}>${icon("trash", "small")}${t("jobs.discard_all")}</button></header>
    ${table({ label: t("jobs.dead_of", { queue }), columns: columns(again), rows: letters, key: ({ id }) => id, order: order.value, onOrder: (next) => { order.value = next; }, onOpen: ({ id }) => openJob(id, again) })}</section>`;
  return {
    name: "dead", icon: "inbox", followed, count: () => followed.value.value?.length ?? null,
    tools: () => html`<p class="soft">${t("jobs.dead_text")}</p><span class="push">${csvButton(() => saveCsv("dead-letters.csv", columns(again), followed.value.peek() ?? []))}</span>`,
    draw: () => drawn(followed, (/** @type {any[]} */ letters) => {
      if (letters.length === 0) return empty({ icon: "check-circle", title: t("jobs.none_dead"), text: t("jobs.none_dead_text") });
      /** @type {Map<string, any[]>} */ const queues = new Map();
      for (const letter of letters) queues.set(letter.queue, [...(queues.get(letter.queue) ?? []), letter]);
      return html`${[...queues].map(([queue, found]) => group(queue, found))}${letters.length >= SHOWN_MAX ? html`<p class="more muted small">${t("jobs.most", { n: SHOWN_MAX })}</p>` : null}`;
    }),
  };
}

/** @param {() => void} again @returns {import("../ui/table.js").Column<any>[]} */
const columns = (again) => [
  { name: "function", label: t("jobs.function"), isHead: true, draw: (row) => html`<span class="two-lines"><span class="strong">${row.function}</span><span class="small muted mono">#${row.id}</span>${ownerLine(row.tenant)}</span>`, value: (row) => row.function, csv: (row) => `${row.function} #${row.id}` },
  { name: "error", label: t("jobs.error"), draw: (row) => html`<span class="two-lines"><span class="mono small clamped">${row.error ?? "–"}</span><span class="small muted">${t(`jobs.dead_${row.reason}`)} · ${t("jobs.attempts_used", { n: row.attempts })}</span></span>`, csv: (row) => row.error ?? "" },
  { name: "died", label: t("jobs.died"), wide: true, draw: (row) => when(row.died_at), value: (row) => row.died_at },
  { name: "acts", label: t("jobs.acts"), isQuiet: true, narrow: true, wide: true, draw: (row) => html`<span class="row row-acts">
    <button type="button" class="button quiet icon-only" aria-label=${t("jobs.redrive_of", { job: `#${row.id}` })} data-tip=${t("jobs.redrive")} @click=${() => redrive([row], again)}>${icon("redo")}</button>
    <button type="button" class="button quiet icon-only" aria-label=${t("jobs.discard_of", { job: `#${row.id}` })} data-tip=${t("jobs.discard")} @click=${() => discard([row], again)}>${icon("trash")}</button></span>` },
];
