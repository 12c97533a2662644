/** What is wrong with a room, told to all: a note, and whether the room is out of use, until when. */

import { here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { clock, dateOf, localOf } from "../core/time.js";
import { may } from "../core/page.js";
import { field, sending } from "../ui/form.js";
import { toast } from "../ui/toast.js";
import { change, formDialog } from "./board_acts.js";
import { addDays, UNUSABLE } from "./tape_model.js";

/** @param {any} unit @param {boolean} isOccupied a room with a guest in it stays in use */
export function report(unit, isOccupied) {
  const before = unit.attributes?.note ?? "";
  const today = dateOf(clock.now());
  const use = signal("stays");
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    // a note is one line wherever it is shown
    const note = values.note?.replace(/\s*\n\s*/g, " · ") ?? null;
    if ((note ?? "") !== before) await change("PATCH", here("units", unit.code), { note });
    const reason = note ?? t("event.none");
    if (UNUSABLE.has(values.use) && values.use !== unit.condition) await change("PATCH", here("units", unit.code), { condition: values.use, reason });
    if (values.use === "block") {
      await change("POST", here("blocks"), { units: [unit.code], from: localOf(clock.now()), to: values.until, kind: values.kind, reason, return_condition: "dirty", allow_conflicts: values.allow === "on" });
    }
    toast(t(note === null ? "housekeeping.done_note_gone" : "housekeeping.done_report", { unit: unit.code }));
    opened.close();
  });
  const uses = [
    { value: "stays", label: t("housekeeping.use_stays") },
    ...(isOccupied ? [] : [{ value: "under_maintenance", label: t("housekeeping.use_maintenance") }, { value: "out_of_service", label: t("housekeeping.use_out") }]),
    ...(may("block") ? [{ value: "block", label: t("housekeeping.use_block") }] : []),
  ];
  const opened = formDialog({
    title: t("housekeeping.report_title", { unit: unit.code }), form, go: t("housekeeping.save"),
    fields: () => html`${field({ name: "note", label: t("housekeeping.note"), type: "textarea", value: before, hint: t("housekeeping.note_hint"), required: false, whole: true })}
      ${field({ name: "use", label: t("housekeeping.use"), value: "stays", options: uses, whole: true, onInput: (value) => { use.value = value; } })}
      ${() => (use.value !== "block" ? null : html`${field({ name: "kind", label: t("housekeeping.kind"), value: "maintenance", options: [{ value: "maintenance", label: t("status.maintenance") }, { value: "out_of_service", label: t("status.out_of_service") }] })}
        ${field({ name: "until", label: t("housekeeping.until"), type: "date", value: addDays(today, 1), min: addDays(today, 1), required: true })}
        <label class="check whole"><input type="checkbox" name="allow"><span>${t("booking.allow_conflicts")}</span></label>`)}`,
  });
}
