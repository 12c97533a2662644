/** Deciding on requests: one or several, told with what was not done and why, taken back while there is a way. */

import { Problem } from "../core/api.js";
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { whenOf } from "../core/time.js";
import { openDialog } from "../ui/dialog.js";
import { field, sending, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { toast } from "../ui/toast.js";
import { act, tell } from "./board_acts.js";
import { whoOf } from "./board_model.js";
import { groundsIn } from "./grounds_acts.js";

const AT_ONCE = 4;
/** The way back from a decision. @type {Record<string, string>} */ const BACK = { approve: "revoke", reject: "undo" };

/** @type {{decided: any[], name: string} | null} */ let last = null;
/** The decision that is being made. The list shows it before its answer is here, and what is to be taken back then is
 * this one. @type {Promise<any>} */ let underWay = Promise.resolve();

/** @param {any} one */
const aboutOf = (one) => `${whoOf(one)}, ${groundsIn(one)}, ${whenOf(one.from)}`;

/** @param {any} one @param {"approve" | "reject"} name @param {any} body @returns {Promise<boolean>} whether it was done */
export function decide(one, name, body = {}) {
  const work = async () => {
    try {
      await act(one, name, body);
    } catch (error) {
      tell(error, aboutOf(one));
      return false;
    }
    told([one], name);
    return true;
  };
  const done = work();
  underWay = done.catch(() => {});
  return done;
}

/** @param {any[]} decided @param {"approve" | "reject"} name */
function told(decided, name) {
  last = { decided, name };
  const said = decided.length === 1 ? aboutOf(decided[0]) : t("booking.many_done", { n: decided.length });
  toast(`${t(name === "approve" ? "approvals.approved" : "approvals.rejected")} · ${said}`, { act: { label: t("act.undo"), run: undoLast } });
}

/** Decides on each, a few at a time; tells which were not and why. @param {any[]} many @param {"approve" | "reject"} name @param {any} body */
export function decideAll(many, name, body = {}) {
  if (many.length === 1) return decide(many[0], name, body);
  const work = async () => {
    const { done, failed } = await forEach(many, (one) => act(one, name, body));
    if (done.length > 0) told(done, name);
    report(done, failed);
    return done.length > 0;
  };
  const done = work();
  underWay = done.catch(() => {});
  return done;
}

/** Takes the last decision back, as far as that is still possible. */
export async function undoLast() {
  await underWay;
  if (last === null) return;
  const { decided, name } = last;
  last = null;
  const { done, failed } = await forEach(decided, (one) => act(one, BACK[name]));
  if (done.length > 0) toast(t("approvals.undone", { n: done.length }));
  report(done, failed);
}

/** Asks why, then rejects. Resolves whether it was done. @param {any[]} many @returns {Promise<boolean>} */
export async function rejectAll(many) {
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    opened.close(values.reason ?? "");
  });
  const opened = openDialog({
    title: many.length === 1 ? `${t("act.reject")} · ${whoOf(many[0])}` : t("approvals.reject_many", { n: many.length }),
    under: many.length === 1 ? html`<p class="muted">${groundsIn(many[0])}, ${whenOf(many[0].from)}</p>` : null,
    body: html`<form id="reject-form" @submit=${(/** @type {any} */ event) => { event.preventDefault(); form.submit(valuesOf(event.target)); }}>
      ${field({ name: "reason", label: t("booking.reason"), required: true, autofocus: true, hint: t("approvals.reason_hint"), whole: true })}</form>`,
    foot: html`<button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button><button class="button primary danger" form="reject-form">${icon("cross")}${t("act.reject")}</button>`,
  });
  const reason = await opened.closed;
  return reason === undefined ? false : decideAll(many, "reject", { reason });
}

/** @param {any[]} many @param {(one: any) => Promise<any>} run */
async function forEach(many, run) {
  /** @type {any[]} */ const done = [];
  /** @type {{one: any, why: string}[]} */ const failed = [];
  const waiting = [...many];
  const work = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      try {
        await run(one);
        done.push(one);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        failed.push({ one, why: error.message });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, failed };
}

/** @param {any[]} done @param {{one: any, why: string}[]} failed */
function report(done, failed) {
  if (failed.length === 0) return;
  openDialog({
    title: t("booking.many_title", { done: done.length, failed: failed.length }),
    body: html`<p class="soft">${t("booking.many_text")}</p><dl class="facts">${failed.map(({ one, why }) => html`<dt class="strong">${whoOf(one)}, ${groundsIn(one)}</dt><dd>${why}</dd>`)}</dl>`,
  });
}
