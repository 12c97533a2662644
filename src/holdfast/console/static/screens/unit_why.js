/** Why a unit shows what it shows: the derivation, who wrote the word at which version, by which rule, and when it was last checked. */

import { actorName } from "../core/actors.js";
import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { fullOf, nowEachMinute, whenOf } from "../core/time.js";
import { may, page } from "../core/page.js";
import { lookOf } from "../ui/status.js";
import { blockNow, whoOf } from "./board_model.js";

/** @type {Record<string, string>} */ const RULES = { cafe: "unit.rule_cafe", hotel: "unit.rule_hotel" };

/** @typedef {import("./board_model.js").View} View */
/** @typedef {ReturnType<typeof evidenceOf>} Evidence */

/** What is known of a word beside what this screen holds; asked for anew whenever the unit has changed. */
export function evidenceOf() {
  /** @type {import("../core/signals.js").Signal<any>} */ const written = signal(null);
  /** @type {import("../core/signals.js").Signal<string | null>} */ const checked = signal(null);
  return {
    written, checked,
    /** @param {any} unit */
    async of(unit) {
      const line = ask("GET", `${here("journal")}?${new URLSearchParams({ after: String(unit.version - 1), limit: "1", subject: unit.code })}`);
      const pass = may("names") ? ask("GET", here("reconcile")) : null;
      // what cannot be had now is left out; the derivation stands on the replica alone too
      written.value = (await line.catch(() => null))?.data.events[0] ?? null;
      checked.value = (await pass?.catch(() => null))?.data.at ?? null;
    },
  };
}

/** @param {View} view @param {Evidence} evidence */
export const whySection = (view, { written, checked }) => html`<section class="section"><h3>${t("unit.why", { status: lookOf(view.unit.shown_status).word })}</h3><div class="why">${why(view)}
  ${() => (written.value === null ? null : html`<p class="muted small">${t("unit.written", { version: written.value.version, by: byOf(written.value), time: fullOf(view.unit.shown_since) })}</p>`)}
  <p class="muted small">${t(RULES[page.site.kind] ?? "unit.rule_other")}</p>
  ${() => (checked.value === null ? null : html`<p class="muted small">${t("unit.checked", { time: whenOf(checked.value) })}</p>`)}</div></section>`;

/** @param {any} event */
const byOf = (event) => (event.actor === "clock" ? t("event.by_clock") : t("event.by", { actor: actorName(event.actor) }));

/** The derivation of the word, from what this screen holds. @param {View} view */
function why(view) {
  const { unit, booking, session } = view;
  const ahead = page.site.settings.look_ahead;
  const about = booking && { who: whoOf(booking), reference: booking.reference, from: whenOf(booking.from), to: whenOf(booking.to), minutes: ahead, state: lookOf(booking.state).word };
  if (session !== null) return html`<p>${t(page.site.kind === "hotel" ? "unit.why_stay" : "unit.why_session", about)}</p>`;
  const block = blockNow(view, nowEachMinute());
  if (lookOf(unit.shown_status).tone === "off" && block !== null) return html`<p>${t("unit.why_block", { from: whenOf(block.from), to: whenOf(block.to), reason: block.reason ?? t("event.none") })}</p>`;
  if (unit.condition !== null && booking === null) return html`<p>${t("unit.why_condition", { condition: lookOf(unit.condition).word })}</p>`;
  if (booking !== null) return html`<p>${page.site.kind === "cafe" ? t("unit.why_next", about) : t("unit.why_booking", about)}</p>`;
  return html`<p>${typeof ahead === "number" && ahead > 0 ? t("unit.why_none", { minutes: ahead }) : t("unit.why_nothing")}</p>`;
}
