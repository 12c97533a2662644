/** One followed calendar: how it stands, what it takes, and all that can be done with it. It follows its readings while it is open. */

import { html } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { actorName } from "../core/actors.js";
import { page } from "../core/page.js";
import { fullOf } from "../core/time.js";
import { openDialog } from "../ui/dialog.js";
import { icon } from "../ui/icon.js";
import { openCalendarForm, pauseOrResume, readNow, remove } from "./calendar_acts.js";
import { paceWords, stateOf } from "./calendar_words.js";

/** @typedef {import("./calendar_words.js").Calendar} Calendar */

/** @param {string} id @param {import("../core/follow.js").Followed<Calendar[]>} followed */
export function openCalendar(id, followed) {
  const again = () => { followed.now(); };
  const one = () => followed.value.value?.find((each) => each.id === id) ?? null;
  const drawn = (/** @type {(calendar: Calendar) => any} */ draw) => () => { const found = one(); return found === null ? null : draw(found); };
  const opened = openDialog({
    kind: "drawer", title: drawn(({ name }) => name), under: drawn(({ unit, host }) => html`<p class="soft">${unit} · <span class="mono">${host}</span></p>`),
    body: () => { const found = one(); return found === null ? html`<p class="soft">${t("problem.unknown_calendar")}</p>` : facts(found); },
    foot: drawn((found) => html`<button type="button" class="button danger" @click=${async () => { if (await remove(found, again)) opened.close(); }}>${icon("trash")}${t("calendars.remove")}</button>
      <button type="button" class="button" @click=${() => openCalendarForm(found, again)}>${icon("edit")}${t("calendars.change")}</button>
      <button type="button" class="button" @click=${() => pauseOrResume(found, again)}>${icon(found.active ? "pause" : "play")}${t(found.active ? "calendars.pause" : "calendars.resume")}</button>
      <button type="button" class="button primary" ?disabled=${!found.active} @click=${() => readNow(found, again)}>${icon("refresh")}${t("calendars.read_now")}</button>`),
  });
}

/** @param {Calendar} one */
function facts(one) {
  const at = (/** @type {string | null} */ instant) => (instant === null ? t("calendars.never") : fullOf(instant));
  return html`<div class="stack">${stateOf(one)}
    <dl class="facts"><dt>${t("calendars.read_at")}</dt><dd>${at(one.read_at)}</dd>
      ${one.tried_at !== null && one.tried_at !== one.read_at ? html`<dt>${t("calendars.tried_at")}</dt><dd>${at(one.tried_at)}</dd>` : null}
      ${one.failures > 0 ? html`<dt>${t("calendars.failures")}</dt><dd>${number(one.failures)}</dd>` : null}
      <dt>${t("calendars.next_at")}</dt><dd>${one.active ? at(one.next_at) : t("calendars.not_while_paused")}</dd>
      <dt>${t("calendars.every")}</dt><dd>${paceWords(one)}</dd>
      ${one.active ? html`<dt>${t("calendars.stale_at")}</dt><dd>${at(one.stale_at)}</dd>` : null}
      <dt>${t("calendars.blocks")}</dt><dd>${number(one.blocks)}</dd>
      <dt>${t("calendars.conflicts")}</dt><dd>${one.conflicts > 0 ? html`<a href=${`/console/${page.site.slug}/findings`}>${number(one.conflicts)}</a>` : number(0)}</dd>
      ${one.unread > 0 ? html`<dt>${t("calendars.unread")}</dt><dd>${number(one.unread)}</dd>` : null}
      <dt>${t("calendars.created")}</dt><dd>${fullOf(one.created_at)}, ${actorName(one.created_by)}</dd></dl>
    <p class="small muted">${t("calendars.address_kept")}</p></div>`;
}
