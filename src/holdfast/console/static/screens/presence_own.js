/** What one says of oneself: busy, away, not to be shown; until then, or until one says otherwise. */

import { ask } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { clock, localOf, timeOf } from "../core/time.js";
import { field, sending } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { toast } from "../ui/toast.js";
import { formDialog } from "./board_acts.js";
import { RANKS } from "./presence_words.js";

const SAYABLE = ["auto", "active", "busy", "away", "offline"];
const HOURS = ["", "0.5", "1", "2", "4", "8"];
const HOUR_MS = 3_600_000;

/** @param {import("../core/signals.js").Signal<any>} me */
export function openOwnStatus(me) {
  const chosen = signal(me.peek()?.said ?? "auto");
  const form = sending(async (/** @type {Record<string, string>} */ values) => {
    const hours = Number(values.hours ?? "0");
    const until = hours > 0 && chosen.peek() !== "auto" ? new Date(clock.now() + hours * HOUR_MS).toISOString() : null;
    const { data } = await ask("PUT", "/api/presence/status", { body: { status: chosen.peek(), ...(until === null ? {} : { until }) } });
    me.value = data;
    opened.close();
    toast(t("presence.said"));
  });
  const until = me.peek()?.said_until;
  const opened = formDialog({
    title: t("presence.own"), form, go: t("presence.say"),
    fields: () => html`<fieldset class="whole choices-list"><legend class="label">${t("presence.how")}</legend>${SAYABLE.map((value) => html`<label class="choice"><input type="radio" name="status" value=${value} ?checked=${value === chosen.peek()} @change=${() => { chosen.value = value; }}>
        <span><span class="strong row">${icon(value === "auto" ? "live" : RANKS[value].icon, "small")}${t(`presence.say_${value}`)}</span><span class="muted small">${t(`presence.say_${value}_text`)}</span></span></label>`)}</fieldset>
      ${() => (chosen.value === "auto" ? null : field({ name: "hours", label: t("presence.until"), value: "", whole: true, options: HOURS.map((value) => ({ value, label: value === "" ? t("presence.until_changed") : t("presence.until_time", { time: timeOf(clock.now() + Number(value) * HOUR_MS) }) })) }))}
      ${until ? html`<p class="whole small muted">${t("presence.until_now", { at: localOf(until).replace("T", " ") })}</p>` : null}`,
  });
}
