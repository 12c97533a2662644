/** What can be done about runs: sync now, verify, read a range again, stop, try rows set aside again. */

import { ask, here, Problem } from "../core/api.js";
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { dateOf, instantOf, clock } from "../core/time.js";
import { confirmDialog } from "../ui/dialog.js";
import { checkbox, field, sending } from "../ui/form.js";
import { banner } from "../ui/status.js";
import { toast } from "../ui/toast.js";
import { formDialog } from "./board_acts.js";

const DAY_MS = 86_400_000;

/** @typedef {import("./store_state.js").Run} Run */
/** @typedef {import("./store_state.js").Connection} Connection */

/** Tells why something was not done. @param {unknown} error */
export function refused(error) {
  if (!(error instanceof Problem)) throw error;
  toast(error.message, { tone: "bad" });
}

/** Asks for a run, or joins the one under way. @param {any} body @param {(run: Run) => void} then */
export async function startRun(body, then) {
  try {
    const { data } = await ask("POST", here("sync"), { body });
    toast(t(data.joined ? "sync.joined" : "sync.is_asked"));
    then(data);
  } catch (error) {
    refused(error);
  }
}

/** @param {(run: Run) => void} then @param {Connection} [connection] */
export const syncNow = (then, connection) => startRun(connection ? { connections: [connection.id] } : {}, then);

/** @param {Run} run @param {(run: Run) => void} then */
export async function stopRun(run, then) {
  if (!(await confirmDialog({ title: t("sync.stop_title"), text: t("sync.stop_text"), act: t("sync.stop"), danger: true }))) return;
  try {
    then((await ask("POST", here("sync", "runs", run.id, "cancel"))).data);
  } catch (error) {
    refused(error);
  }
}

/** A run that compares row by row. @param {Connection[]} connections @param {(run: Run) => void} then */
export function openVerify(connections, then) {
  open("verify", connections, then, html`<div class="whole">${banner("accent", "info", html`<p>${t("sync.verify_text")}</p>`)}</div>`, (values) => range(values));
}

/** A run that reads a range again. @param {Connection[]} connections @param {(run: Run) => void} then */
export function openBackfill(connections, then) {
  open("backfill", connections, then, html`<p class="soft whole">${t("sync.backfill_text")}</p>`, range);
}

/** @param {string} operation @param {Connection[]} connections @param {(run: Run) => void} then @param {any} about @param {(values: Record<string, string>) => any} bodyOf */
function open(operation, connections, then, about, bodyOf) {
  // files that were handed in cannot be fetched again
  const known = connections.filter(({ kind }) => kind !== "upload");
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const chosen = known.filter(({ id }) => values[`of-${id}`] === "on").map(({ id }) => id);
    if (chosen.length === 0) throw new Problem(400, { code: "no_connections" });
    const { data } = await ask("POST", here("sync"), { body: { operation, connections: chosen, ...bodyOf(values) } });
    opened.close();
    toast(t(data.joined ? "sync.joined" : "sync.is_asked"));
    then(data);
  });
  const year = clock.now() - 365 * DAY_MS;
  const opened = formDialog({
    title: t(`sync.${operation}_title`), form, go: t(`sync.${operation}_go`),
    fields: () => html`${about}
      ${field({ name: "from", label: t("sync.range_from"), type: "date", required: false, value: operation === "backfill" ? dateOf(year) : "", hint: t("sync.range_from_hint") })}
      ${field({ name: "to", label: t("sync.range_to"), type: "date", required: false, hint: t("sync.range_to_hint") })}
      <fieldset class="whole source-choice"><legend class="label">${t("sync.of_sources")}</legend>${known.map(({ id, name }) => checkbox({ name: `of-${id}`, label: name, checked: true }))}</fieldset>`,
  });
}

/** Whole days of the store. @param {Record<string, string>} values */
const range = ({ from, to }) => ({
  ...(from ? { since: new Date(instantOf(`${from}T00:00`)).toISOString() } : {}),
  // the day that is named is in it
  ...(to ? { until: new Date(instantOf(`${dateOf(instantOf(`${to}T12:00`) + DAY_MS)}T00:00`)).toISOString() } : {}),
});

/** @param {() => void} then */
export async function retryRejects(then) {
  try {
    const { data } = await ask("POST", here("rejects", "retry"));
    toast(data.tried === 0 ? t("rejects.none_tried") : t("rejects.retried", { n: data.tried, read: data.read }), { tone: data.read > 0 || data.tried === 0 ? "good" : "bad" });
    then();
  } catch (error) {
    refused(error);
  }
}
