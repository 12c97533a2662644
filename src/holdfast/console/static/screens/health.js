/** How the site is served: each part with its verdict in plain words and, where it is not well, what to do. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { t } from "../core/i18n.js";
import { fullOf, secondsOf } from "../core/time.js";
import { failed, lines, loading } from "../ui/loading.js";
import { icon } from "../ui/icon.js";
import { banner, tag } from "../ui/status.js";
import { loopVerdict, partVerdicts } from "./health_words.js";

const EVERY_MS = 5_000;
/** @type {Record<string, [string, string]>} */ const LOOKS = { well: ["free", "check-circle"], look: ["soon", "warning"], bad: ["bad", "alert"] };
/** @type {Record<string, string>} */ const STATUS = { OK: "well", DEGRADED: "look", FAILED: "bad" };

/** @typedef {import("./health_words.js").Verdict} Verdict */

export function open() {
  const health = loading(async (given) => (await ask("GET", here("health"), { signal: given })).data);
  // the one screen that asks again and again: how the server is stands in no journal, so no event can tell of it
  const look = () => { if (document.visibilityState === "visible") health.now(); };
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
  health.now();
  const place = document.getElementById("screen");
  if (place === null) return;
  place.removeAttribute("aria-busy");
  render(html`<div class="page-head"><div class="titles"><h1>${t("screen.health")}</h1><p class="muted small">${() => (health.value.value === null ? t("loading.waiting") : t("health.asked", { at: secondsOf(health.value.value.now), seconds: EVERY_MS / 1000 }))}</p></div><span class="grow"></span>
      <button type="button" class="button" @click=${health.now}>${icon("refresh")}${t("health.again")}</button></div>
    ${() => (health.problem.value === null ? null : failed(health.problem.value, health.now))}
    ${() => (health.value.value === null ? (health.problem.value === null ? lines() : null) : content(health.value.value))}`, place);
}

/** @param {any} told */
function content(told) {
  const [tone, name] = LOOKS[STATUS[told.status] ?? "bad"];
  return html`${banner(tone, name, html`<p class="strong">${t(`health.status_${told.status.toLowerCase()}`)}</p><p>${t(`health.status_${told.status.toLowerCase()}_text`)}</p>`)}
    ${told.warnings.length > 0 ? html`<ul class="card warnings">${told.warnings.map((/** @type {string} */ one) => html`<li class="row">${icon("warning", "small")}${one}</li>`)}</ul>` : null}
    <ul class="health-parts">${partVerdicts(told).map(part)}</ul>
    <section><h2>${t("health.loops")}</h2><p class="soft small">${t("health.loops_text")}</p><div class="table-wrap" tabindex="0" role="region" aria-label=${t("health.loops")}><table class="table" aria-label=${t("health.loops")}>
      <thead><tr><th scope="col">${t("health.loop")}</th><th scope="col">${t("health.verdict")}</th><th scope="col">${t("health.beat")}</th><th scope="col" class="wide-only">${t("health.next")}</th></tr></thead>
      <tbody>${Object.entries(told.loops).sort(([a], [b]) => (a < b ? -1 : 1)).map(([loop, state]) => loopRow(loop, state))}</tbody></table></div></section>
    <p class="muted small health-of">Holdfast ${told.version}${told.database.version ? ` · PostgreSQL ${told.database.version}` : ""}</p>`;
}

/** @param {Verdict & {name: string, icon: string, figure: string}} one */
const part = (one) => html`<li class="card health-part" data-part=${one.name}><header class="row">${icon(one.icon)}<h2 class="grow">${t(`health.${one.name}`)}</h2>${word(one.level)}</header>
  <p class="figure">${one.figure}</p><p class="soft">${one.text}</p>${one.todo ? html`<p class="todo"><span class="strong">${t("health.todo")}</span> ${one.todo}</p>` : null}</li>`;

/** @param {string} level */
const word = (level) => tag(LOOKS[level][0], LOOKS[level][1], t(`health.is_${level}`));

/** @param {string} name @param {any} loop */
function loopRow(name, loop) {
  const verdict = loopVerdict(loop);
  return html`<tr><th scope="row">${t(`health.loop_${name.replaceAll(" ", "_")}`) === `health.loop_${name.replaceAll(" ", "_")}` ? name : t(`health.loop_${name.replaceAll(" ", "_")}`)}</th><td><span class="row wrap">${word(verdict.level)}<span class="soft">${verdict.text}</span>${verdict.todo ? html`<span class="small">${verdict.todo}</span>` : null}</span></td>
    <td>${verdict.beat}</td><td class="wide-only">${loop.next_run ? html`<span data-tip=${fullOf(loop.next_run)}>${secondsOf(loop.next_run)}</span>` : "–"}</td></tr>`;
}
