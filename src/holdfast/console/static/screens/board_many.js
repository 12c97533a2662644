/** Several units at once: what can be done with all that are selected, and what became of each. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { Problem } from "../core/api.js";
import { confirmDialog, openDialog } from "../ui/dialog.js";
import { toast } from "../ui/toast.js";
import { icon } from "../ui/icon.js";
import { act, maintenance } from "./board_acts.js";

const AT_ONCE = 4;

/** @typedef {import("./board_model.js").View} View */

/**
 * Does it for each, a few at a time, and tells how many were done and which were not, with the reason.
 * @param {View[]} views @param {(view: View) => Promise<any>} run
 */
async function forEach(views, run) {
  /** @type {{code: string, why: string}[]} */ const failed = [];
  const waiting = [...views];
  const work = async () => {
    for (let view = waiting.shift(); view !== undefined; view = waiting.shift()) {
      try {
        await run(view);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        failed.push({ code: view.unit.code, why: error.message });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const done = views.length - failed.length;
  if (failed.length === 0) return toast(t("booking.many_done", { n: done }));
  openDialog({
    title: t("booking.many_title", { done, failed: failed.length }),
    body: html`<p class="soft">${t("booking.many_text")}</p><dl class="facts">${failed.map(({ code, why }) => html`<dt class="strong">${code}</dt><dd>${why}</dd>`)}</dl>`,
  });
}

/** The bar of what can be done with the selected ones. @param {View[]} chosen @param {() => void} clear */
export function manyBar(chosen, clear) {
  if (chosen.length === 0) return null;
  const sessions = chosen.filter(({ session }) => session !== null);
  const coming = chosen.filter(({ session, booking }) => session === null && booking !== null);
  const isCafe = page.site.kind === "cafe";
  const codes = chosen.map(({ unit }) => unit.code);
  const end = async () => {
    if (!(await confirmDialog({ title: t("booking.end_many_title", { n: sessions.length }), text: t("booking.end_many_text", { units: sessions.map(({ unit }) => unit.code).join(", ") }), act: t("act.end"), danger: true }))) return;
    await forEach(sessions, ({ session }) => act(session, "end"));
    clear();
  };
  return html`<div class="many-bar" role="toolbar" aria-label=${t("board.selected", { n: chosen.length })}>
    <span class="strong">${t("board.selected", { n: chosen.length })}</span>
    ${may("book") && isCafe && sessions.length > 0 ? [15, 30, 60].map((minutes) => html`<button type="button" class="button small" aria-label=${t("board.extend_by", { minutes })}
      @click=${() => forEach(sessions, ({ session }) => act(session, "extend", { minutes }))}>${icon("plus", "small")}${minutes} min</button>`) : null}
    ${may("book") && isCafe && coming.length > 0 ? html`<button type="button" class="button small" @click=${() => forEach(coming, ({ booking }) => act(booking, "start"))}>${icon("play", "small")}${t("act.start")}</button>` : null}
    ${may("book") && isCafe && sessions.length > 0 ? html`<button type="button" class="button small danger" @click=${end}>${icon("stop", "small")}${t("act.end")}</button>` : null}
    ${may("condition") ? html`<button type="button" class="button small" @click=${() => maintenance(codes)}>${icon("wrench", "small")}${t("board.maintenance")}</button>` : null}
    <button type="button" class="button quiet small" @click=${clear}>${icon("cross", "small")}${t("board.clear")}</button></div>`;
}
