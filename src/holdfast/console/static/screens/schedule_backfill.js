/** Makes up for the instants of a window that had no job: from when, until when, by the viewer's clock. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { clock, instantOf, localOf } from "../core/time.js";
import { openDialog } from "../ui/dialog.js";
import { field, sending, valuesOf } from "../ui/form.js";
import { toast } from "../ui/toast.js";
import { ownZone, zoneWords } from "./jobs_words.js";
import { problemNote } from "./conflict.js";

const DAY_MS = 24 * 3600_000;

/** @param {any} schedule @param {() => void} then */
export function openBackfill(schedule, then) {
  const now = clock.now();
  const sent = sending(async (/** @type {Record<string, string>} */ given) => {
    const body = { after: new Date(instantOf(given.after)).toISOString(), until: new Date(instantOf(given.until)).toISOString() };
    const { data } = await ask("POST", `/api/schedules/${schedule.id}/backfill`, { body });
    toast(t("schedule.is_backfilled", { n: (data.jobs ?? []).length }));
    opened.close();
    then();
  });
  const typed = signal({ after: localOf(now - DAY_MS), until: localOf(now) });
  const opened = openDialog({
    title: t("schedule.backfill"),
    body: () => html`${sent.problem.value ? problemNote(sent.problem.value) : null}<p class="soft">${t("schedule.backfill_text")}</p>
      <form id="backfill" class="form-grid" @submit=${(/** @type {any} */ event) => { event.preventDefault(); typed.value = /** @type {any} */ (valuesOf(event.target)); sent.submit(typed.peek()); }}>
        ${field({ name: "after", id: "backfill-after", label: t("schedule.after"), type: "datetime-local", required: true, value: typed.value.after, hint: zoneWords(ownZone) })}
        ${field({ name: "until", id: "backfill-until", label: t("schedule.until"), type: "datetime-local", required: true, value: typed.value.until })}</form>`,
    foot: () => html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button type="submit" form="backfill" class="button primary" aria-busy=${String(sent.busy.value)}>${t("schedule.backfill_do")}</button>`,
  });
}
