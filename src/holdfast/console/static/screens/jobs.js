/**
 * Jobs and schedules, which are of no site. They stand in no journal (a line for each job would outweigh the journal of
 * all bookings), so the tab that is looked at asks again by itself.
 */

import { html, render } from "../core/html.js";
import { effect, signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { hotkeys } from "../core/hotkeys.js";
import { followedWhile } from "../core/follow.js";
import { inAddress, keepInAddress, may } from "../core/page.js";
import { secondsOf } from "../core/time.js";
import { icon } from "../ui/icon.js";
import { tag } from "../ui/status.js";
import { offer } from "../ui/palette.js";
import { ownZone, zoneWords } from "./jobs_words.js";
import { ruleText } from "./rule_words.js";
import { organisation, organisationChoice } from "./jobs_of.js";
import { deadTab } from "./jobs_dead.js";
import { jobsTab } from "./jobs_list.js";
import { queuesTab } from "./jobs_queues.js";
import { openJob } from "./job_panel.js";
import { openScheduleForm } from "./schedule_form.js";
import { openSchedule } from "./schedule_panel.js";
import { schedulesTab } from "./schedules_list.js";

/**
 * @typedef {import("../core/follow.js").Followed<any>} Followed
 * @typedef {{name: string, icon: string, followed: Followed, draw: () => any, tools?: () => any, count?: () => number | null}} Tab
 */

export function open() {
  const place = document.getElementById("screen");
  if (place === null) return;
  /** @type {Tab[]} */
  // queues and their limits are everybody's: for who runs the server alone
  const tabs = [schedulesTab(), jobsTab(), deadTab(), ...(may("server") ? [queuesTab()] : [])];
  const shown = signal(tabs.some(({ name }) => name === inAddress("tab")) ? inAddress("tab") : tabs[0].name);
  effect(() => keepInAddress({ tab: shown.value === tabs[0].name ? null : shown.value }));
  let isFirst = true;
  effect(() => {
    keepInAddress({ organisation: organisation.value });
    // what was found of others is not shown as this one's
    if (!isFirst) for (const tab of tabs) tab.followed.value.value = null;
    if (!isFirst) tabs.find(({ name }) => name === shown.peek())?.followed.now();
    isFirst = false;
  });
  for (const tab of tabs) followedWhile(tab.followed, () => shown.value === tab.name);
  place.removeAttribute("aria-busy");
  render(screen(tabs, shown), place);
  keys(tabs, shown);
  const [job, schedule] = [Number(inAddress("job")), Number(inAddress("schedule"))];
  if (job > 0) openJob(job, () => {});
  else if (schedule > 0) openSchedule(schedule, () => tabs[0].followed.now());
}

/** @param {Tab[]} tabs @param {import("../core/signals.js").Signal<string>} shown */
function screen(tabs, shown) {
  const current = () => tabs.find(({ name }) => name === shown.value) ?? tabs[0];
  const choose = (/** @type {any} */ event) => { shown.value = event.detail.replace("tab-", ""); };
  return html`<div class="page-head"><div class="titles"><h1>${t("jobs.title")}</h1><p class="muted small">${t("jobs.times_in", { zone: zoneWords(ownZone) })}</p></div>
      <span class="grow"></span><div class="row wrap">${() => asOf(current().followed)}${() => (shown.value === "queues" ? null : organisationChoice())}
      <button type="button" class="button quiet icon-only" aria-label=${t("jobs.again")} data-tip=${t("jobs.again")} @click=${() => current().followed.now()}>${icon("refresh")}</button></div>
      ${() => (shown.value === "schedules" ? html`<button type="button" class="button primary" @click=${() => openScheduleForm(null, () => tabs[0].followed.now())}>${icon("plus")}${t("schedule.new")}</button>` : null)}</div>
    <hf-tabs @choose=${choose}><div class="tabs" role="tablist" aria-label=${t("jobs.title")}>
      ${tabs.map((tab) => html`<button type="button" role="tab" id="tab-${tab.name}" aria-controls="panel-${tab.name}" aria-selected=${String(shown.peek() === tab.name)}>${t(`jobs.tab_${tab.name}`)}${() => count(tab)}</button>`)}</div>
    ${tabs.map((tab) => html`<div role="tabpanel" id="panel-${tab.name}" aria-labelledby="tab-${tab.name}" class="jobs-panel" ?hidden=${shown.peek() !== tab.name}>
      ${() => (shown.value === tab.name ? html`${tab.tools ? html`<div class="board-tools">${tab.tools}</div>` : null}<div>${tab.draw}</div>` : null)}</div>`)}</hf-tabs>`;
}

/** @param {Tab} tab */
function count(tab) {
  const found = tab.count?.() ?? null;
  return found === null ? null : html` <span class="tab-count">${found}</span>`;
}

/** When what is shown was so; said as a state once it cannot be asked for. @param {Followed} followed */
function asOf(followed) {
  const at = followed.at.value;
  if (followed.problem.value) return tag("bad", "offline", t("jobs.as_of", { at: at === 0 ? "–" : secondsOf(at) }));
  return at === 0 ? null : html`<span class="muted small">${t("jobs.as_of", { at: secondsOf(at) })}</span>`;
}

/** @param {Tab[]} tabs @param {import("../core/signals.js").Signal<string>} shown */
function keys(tabs, shown) {
  const group = t("jobs.title");
  const go = (/** @type {string} */ name) => /** @type {HTMLElement | null} */ (document.getElementById(`tab-${name}`))?.click();
  const create = () => openScheduleForm(null, () => tabs[0].followed.now());
  hotkeys(
    ...tabs.map(({ name }, at) => ({ keys: `g ${at + 1}`, label: t(`jobs.tab_${name}`), group, run: () => go(name) })),
    { keys: "r", label: t("jobs.again"), group, run: () => { tabs.find(({ name }) => name === shown.peek())?.followed.now(); } },
    { keys: "n", label: t("schedule.new"), group, run: create },
  );
  offer(() => [
    { label: t("schedule.new"), icon: "plus", hint: "n", run: create },
    ...tabs.map(({ name, icon: picture }) => ({ label: t(`jobs.tab_${name}`), icon: picture, hint: t("palette.screen"), run: () => go(name) })),
    .../** @type {any[]} */ (tabs[0].followed.value.peek()?.schedules ?? []).map((one) => ({ label: one.name, icon: "clock", hint: ruleText(one.means) ?? one.means, run: () => openSchedule(one.id, () => tabs[0].followed.now()) })),
  ]);
}
