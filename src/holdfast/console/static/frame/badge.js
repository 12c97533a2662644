/** The badge that says whether what is on the screen is so now: live, stale or offline, with version and last change. */

import { effect } from "../core/signals.js";
import { html, render } from "../core/html.js";
import { t } from "../core/i18n.js";
import { announce } from "../core/announcer.js";
import { fullOf, secondsOf, zoneName } from "../core/time.js";
import { page } from "../core/page.js";
import { icon } from "../ui/icon.js";
import { openDialog } from "../ui/dialog.js";
import { banner } from "../ui/status.js";

const LOOKS = { live: ["free", "live"], stale: ["soon", "stale"], offline: ["bad", "offline"] };
const WAIT_MS = 1500;

/** @param {import("../core/store.js").Store} store @param {HTMLElement} place */
export function showBadge(store, place) {
  let told = "";
  let isYoung = true;
  // while the first connection is being made nothing is wrong yet
  setTimeout(() => { isYoung = false; draw(); }, WAIT_MS);
  const draw = () => {
    const state = store.state.value;
    const shown = isYoung && state === "offline" ? "live" : state;
    const [tone, name] = LOOKS[shown];
    const at = secondsOf(store.changedAt.value);
    showStrip(shown, at);
    render(html`<button type="button" class="live tone-${tone}" @click=${() => explain(store)}
      aria-label=${t(`live.label_${shown}`, { version: store.version.value, at })}>${icon(name)}<span class="word">${t(`live.${shown}`)}</span><span class="when">${at}</span></button>`, place);
    if (told !== "" && told !== shown) announce(t(`live.said_${shown}`), shown === "live" ? "polite" : "assertive");
    told = shown;
  };
  return effect(draw);
}

/** A small badge may be overlooked from afar: while the screen may lie, it says so above everything.
 * @param {string} state @param {string} at when it last heard of a change */
function showStrip(state, at) {
  const strip = document.getElementById("strip");
  if (strip === null) return;
  strip.hidden = state === "live";
  const [tone, name] = state === "stale" ? LOOKS.stale : LOOKS.offline;
  if (state !== "live") render(banner(tone, name, html`<p><span class="strong">${t(`live.${state}`)}.</span> ${t("live.strip", { at })}</p>`), strip);
}

/** @param {import("../core/store.js").Store} store */
function explain(store) {
  openDialog({
    title: () => t(`live.${store.state.value}`),
    body: () => html`<p class="soft">${t(`live.about_${store.state.value}`)}</p>
      <dl class="facts"><dt>${t("live.version")}</dt><dd class="mono">${store.version.value}</dd>
      <dt>${t("live.changed")}</dt><dd>${fullOf(store.changedAt.value)}</dd>
      <dt>${t("live.epoch")}</dt><dd class="mono">${store.replica.epoch}</dd>
      <dt>${t("live.zone")}</dt><dd>${zoneName()}</dd>
      <dt>${t("live.program")}</dt><dd>Holdfast ${page.program}</dd></dl>`,
  });
}
