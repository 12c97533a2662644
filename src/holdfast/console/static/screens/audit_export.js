/** The journal as files: what is shown at once, all that pass the filter by the server. */

import { here } from "../core/api.js";
import { actorName } from "../core/actors.js";
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { icon } from "../ui/icon.js";
import { saveCsv, saveText } from "../ui/table.js";
import { ALL, queryOf } from "./audit_reading.js";
import { subjectWord } from "./audit_words.js";

/** @typedef {import("../core/stream.js").JournalEvent} JournalEvent */

/** @param {import("../core/signals.js").Readable<JournalEvent[]>} events @param {import("./audit_reading.js").Wanted | null} wanted */
export function exportMenu(events, wanted) {
  const all = (/** @type {string} */ format) => `${here("journal", "export")}?${new URLSearchParams({ ...queryOf(wanted ?? ALL), format })}`;
  return html`<hf-menu><button type="button" class="button quiet">${icon("download")}<span class="wide-only">${t("audit.export")}</span><span class="narrow-only visually-hidden">${t("audit.export")}</span></button>
    <div class="menu" role="menu" aria-label=${t("audit.export")}>
      <button type="button" role="menuitem" @click=${() => saveCsv(`${page.site.slug}-journal.csv`, columns(), [...events.peek()])}>${icon("list")}${t("audit.shown_csv")}</button>
      <button type="button" role="menuitem" @click=${() => saveText(`${page.site.slug}-journal.jsonl`, events.peek().map((event) => `${JSON.stringify(event)}\n`).join(""), "application/jsonl")}>${icon("list")}${t("audit.shown_jsonl")}</button>
      <hr role="separator">
      <a role="menuitem" href=${all("csv")} download>${icon("download")}${t("audit.all_csv")}</a>
      <a role="menuitem" href=${all("jsonl")} download>${icon("download")}${t("audit.all_jsonl")}</a>
    </div></hf-menu>`;
}

/** @returns {import("../ui/table.js").Column<JournalEvent>[]} */
const columns = () => [
  ...["version", "at", "effective_at", "type", "subject"].map((name) => ({ name, label: name, draw: () => null, csv: (/** @type {any} */ event) => String(event[name]) })),
  { name: "about", label: "about", draw: () => null, csv: subjectWord },
  { name: "actor", label: "actor", draw: () => null, csv: ({ actor }) => actor }, { name: "actor_name", label: "actor_name", draw: () => null, csv: ({ actor }) => actorName(actor) },
  { name: "cause", label: "cause", draw: () => null, csv: ({ cause }) => cause }, { name: "data", label: "data", draw: () => null, csv: ({ data }) => JSON.stringify(data) },
];
