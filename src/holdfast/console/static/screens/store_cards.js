/** A source of a store: what it brings, up to when that is complete, how its last read ended, when the next one is, and what can be done. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { clock, fullOf, whenOf } from "../core/time.js";
import { confirmDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { tag } from "../ui/status.js";
import { toast } from "../ui/toast.js";
import { openBackfill, openVerify, refused, syncNow } from "./run_acts.js";
import { openConnect } from "./store_connect.js";
import { openUpload } from "./store_upload.js";
import { asOf, farOff, freshness, reasonWords, scheduleWords, sourceIcon, stageWord, syncBadge } from "./store_words.js";

/** @typedef {import("./store_state.js").Connection} Connection */
/** @typedef {import("./store_state.js").Stream} Stream */
/** @typedef {{again: () => void, keep: (run: import("./store_state.js").Run) => void}} Acts */

/** @param {Connection} connection @param {Acts} acts */
export function sourceCard(connection, acts) {
  return html`<li class="card source" data-connection=${connection.name}>
    <header class="row"><span class="source-mark">${icon(sourceIcon(connection.kind))}</span><div class="grow"><h3 class="truncate">${connection.name}</h3><p class="small muted">${t(`store.kind_${connection.kind}`)}</p></div>${menu(connection, acts)}</header>
    ${connection.streams.map((stream) => streamLines(connection, stream))}
    ${may("sync") ? html`<footer class="row wrap">${connection.kind === "upload"
      ? html`<button type="button" class="button small" aria-label=${t("store.upload_of", { name: connection.name })} @click=${() => openUpload(connection, acts.again)}>${icon("upload", "small")}${t("store.upload")}</button>`
      : html`<button type="button" class="button small" aria-label=${t("store.sync_of", { name: connection.name })} ?disabled=${!connection.is_enabled} @click=${() => syncNow(acts.keep, connection)}>${icon("refresh", "small")}${t("sync.now")}</button>`}
      ${may("settings") && connection.kind !== "upload" ? html`<button type="button" class="button small quiet" aria-label=${t(connection.is_enabled ? "store.pause_of" : "store.go_on_of", { name: connection.name })} @click=${() => change(connection, { is_enabled: !connection.is_enabled }, acts)}>${icon(connection.is_enabled ? "pause" : "play", "small")}${t(connection.is_enabled ? "store.pause" : "store.go_on")}</button>` : null}</footer>` : null}</li>`;
}

/** @param {Connection} connection @param {Stream} stream */
function streamLines(connection, stream) {
  return html`<section class="source-stream" data-stream=${stream.name}>
    <p class="row wrap"><span class="strong grow">${stageWord(stream.name)}</span>${() => { const look = freshness(connection, stream); return html`<span data-fresh=${look.is}>${tag(look.tone, look.icon, look.word)}</span>`; }}</p>
    <dl class="facts">
      <dt>${t("store.complete_until")}</dt><dd>${stream.complete_until === null ? html`<span class="muted">${t("store.not_yet")}</span>` : html`<time datetime=${stream.complete_until} data-tip=${fullOf(stream.complete_until)}>${() => asOf(stream.complete_until)}</time> <span class="muted">${() => farOff(/** @type {string} */ (stream.complete_until))}</span>`}</dd>
      <dt>${t("store.last_read")}</dt><dd>${stream.last === null ? html`<span class="muted">${t("store.not_yet")}</span>` : html`<span class="two-lines"><a class="badge-link" href=${`/console/${page.site.slug}/runs?run=${stream.last.run}`} aria-label=${t("store.its_run")}>${syncBadge(stream.last.state, stream.last.n)}</a>${stream.last.reason ? html`<span class="small soft">${reasonWords(stream.last.reason)}</span>` : null}</span>`}</dd>
      <dt>${t("store.proved")}</dt><dd>${stream.verified_at === null ? html`<span class="muted">${t("store.never")}</span>` : html`${() => whenOf(/** @type {string} */ (stream.verified_at))}`}</dd>
      <dt>${t("store.schedule")}</dt><dd>${scheduleWords(connection, stream)}</dd>
      ${stream.next_at === null ? null : html`<dt>${t("store.next")}</dt><dd>${() => nextWords(connection, stream)}</dd>`}</dl></section>`;
}

/** @param {Connection} connection @param {Stream} stream */
function nextWords(connection, { next_at: at }) {
  if (at === null) return "";
  if (connection.paused_until === at) return t("store.next_try", { at: whenOf(at), off: farOff(at), n: connection.failures });
  if (Date.parse(at) <= clock.now()) return t("store.fresh_due");
  return html`${whenOf(at)} <span class="muted">${farOff(at)}</span>`;
}

/** @param {Connection} connection @param {Acts} acts */
function menu(connection, acts) {
  const { kind, name } = connection;
  const items = [
    may("sync") && kind !== "upload" ? html`<button type="button" role="menuitem" @click=${() => openVerify([connection], acts.keep)}>${icon("check-circle")}${t("sync.verify")}</button><button type="button" role="menuitem" @click=${() => openBackfill([connection], acts.keep)}>${icon("history")}${t("sync.backfill")}</button>` : null,
    may("settings") ? html`<button type="button" role="menuitem" @click=${() => openConnect(connection, acts.again)}>${icon("edit")}${t("store.edit")}</button>
      ${kind === "upload" ? null : connection.streams.map((stream) => html`<button type="button" role="menuitem" @click=${() => change(connection, { schedules: { [stream.name]: { when: stream.schedule.when === "always" ? "while_watched" : "always" } } }, acts)}>${icon(stream.schedule.when === "always" ? "eye" : "clock")}${t(stream.schedule.when === "always" ? "store.only_watched" : "store.always")}</button>`)}
      <hr role="separator"><button type="button" role="menuitem" class="danger" @click=${() => remove(connection, acts)}>${icon("trash")}${t("store.remove")}</button>` : null,
  ].filter(Boolean);
  if (items.length === 0) return null;
  return html`<hf-menu><button type="button" class="button quiet icon-only" aria-label=${t("store.more_of", { name })} data-tip=${t("store.more")}>${icon("more")}</button><div class="menu" role="menu" aria-label=${t("store.more_of", { name })}>${items}</div></hf-menu>`;
}

/** @param {Connection} connection @param {any} body @param {Acts} acts */
async function change(connection, body, { again }) {
  try {
    await ask("PATCH", here("connections", String(connection.id)), { body });
    if (body.is_enabled !== undefined) toast(t(body.is_enabled ? "store.is_on" : "store.is_off", { name: connection.name }));
    else toast(t("store.is_changed", { name: connection.name }));
    again();
  } catch (error) {
    refused(error);
  }
}

/** @param {Connection} connection @param {Acts} acts */
async function remove(connection, { again }) {
  if (!(await confirmDialog({ title: t("store.remove_title", { name: connection.name }), text: t("store.remove_text"), act: t("store.remove"), danger: true }))) return;
  try {
    await ask("DELETE", here("connections", String(connection.id)));
    toast(t("store.is_removed", { name: connection.name }));
    again();
  } catch (error) {
    refused(error);
  }
}
