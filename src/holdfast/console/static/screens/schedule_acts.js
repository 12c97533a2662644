/** What can be done with a schedule in one step: run it now, pause it, let it go on, remove it. */

import { t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { confirmDialog } from "../ui/dialog.js";
import { done, toast } from "../ui/toast.js";
import { openJob } from "./job_panel.js";

/** @param {any} schedule @param {() => void} then */
export const runNow = (schedule, then) => done(async () => {
  const { data } = await ask("POST", `/api/schedules/${schedule.id}/run`);
  toast(t("schedule.is_run", { name: schedule.name }), { act: { label: t("jobs.look"), run: () => openJob(data.id, then) } });
}, then);

/** @param {any} schedule @param {() => void} then */
export const pauseOrResume = (schedule, then) => done(async () => {
  const change = (/** @type {boolean} */ active) => ask("PATCH", `/api/schedules/${schedule.id}`, { body: { active } });
  await change(!schedule.active);
  const words = schedule.active ? "schedule.is_paused" : "schedule.is_resumed";
  toast(t(words, { name: schedule.name }), { act: { label: t("jobs.undo"), run: () => { done(async () => { await change(schedule.active); }, then); } } });
}, then);

/** @param {any} schedule @param {() => void} then @returns {Promise<boolean>} whether it is gone */
export async function remove(schedule, then) {
  const text = t("schedule.remove_text", { name: schedule.name });
  if (!await confirmDialog({ title: t("schedule.remove_title"), text, act: t("schedule.remove"), danger: true })) return false;
  return await done(async () => {
    await ask("DELETE", `/api/schedules/${schedule.id}`);
    toast(t("schedule.is_removed", { name: schedule.name }));
  }, then);
}
