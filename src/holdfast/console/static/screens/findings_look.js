/** Looks at the site now: what was checked, what was repaired or would be, what is somebody's to judge, and how long it took. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { number, t } from "../core/i18n.js";
import { openDialog } from "../ui/dialog.js";
import { failed, lines } from "../ui/loading.js";
import { badge, banner } from "../ui/status.js";
import { titleOf } from "./findings_words.js";

const SHOWN_MAX = 100;

/** @param {boolean} isDry nothing is written, and what would be done is told @returns {Promise<void>} once it is over */
export async function lookNow(isDry) {
  /** @type {import("../core/signals.js").Signal<any>} */ const report = signal(null);
  /** @type {import("../core/signals.js").Signal<any>} */ const problem = signal(null);
  const run = async () => {
    [report.value, problem.value] = [null, null];
    try {
      report.value = (await ask("POST", `${here("reconcile")}?dry_run=${isDry}`)).data;
    } catch (error) {
      problem.value = error;
    }
  };
  openDialog({
    title: t(isDry ? "findings.dry" : "findings.look"),
    body: () => {
      if (problem.value !== null) return failed(problem.value, run);
      return report.value === null ? html`<p class="soft" role="status">${t("findings.looking")}</p>${lines(3)}` : told(report.value);
    },
  });
  await run();
}

/** @param {any} report */
function told(report) {
  const isClean = report.fixed === 0 && report.discrepancies.length === 0;
  const fixed = t(report.dry_run ? "findings.would_fix" : "findings.fixed_n", { n: report.fixed });
  return html`<dl class="figures" role="status">${[[t("findings.checked"), number(report.checked)], [t("findings.checked_bookings"), number(report.bookings)], [t(report.dry_run ? "findings.to_fix" : "findings.repaired"), number(report.fixed)], [t("findings.took"), t("findings.ms", { ms: Math.max(1, Math.round(report.took_ms)) })]].map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
    ${isClean ? banner("free", "check-circle", html`<p>${t("findings.clean")}</p>`) : banner("soon", "warning", html`<p>${fixed} ${t("findings.to_judge", { n: report.discrepancies.length })}</p>`)}
    ${Object.keys(report.failed).length > 0 ? banner("bad", "alert", html`<p>${t("findings.could_not")}</p>`) : null}
    ${part(t(report.dry_run ? "findings.to_fix" : "findings.repaired"), report.details)}${part(t("findings.state_open"), report.discrepancies)}
    ${report.left_out > 0 ? html`<p class="muted small">${t("findings.left_out", { n: report.left_out })}</p>` : null}`;
}

/** @param {string} title @param {any[]} found */
function part(title, found) {
  if (found.length === 0) return null;
  return html`<section class="section"><h3>${title}</h3><ul class="next-list">${found.slice(0, SHOWN_MAX).map((one) => html`<li><span class="grow"><span class="strong">${one.unit ?? one.reference ?? titleOf(one.rule)}</span>
    <span class="soft">${one.reason ?? titleOf(one.rule)}</span></span>${one.from && one.to && !/^\d{4}-/.test(one.from) ? html`<span class="row">${badge(one.from)}→${badge(one.to)}</span>` : null}</li>`)}</ul></section>`;
}
