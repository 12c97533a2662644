/** What the server is asked for a screen: asked again when what is wanted changes, the latest question alone counts. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";
import { banner } from "./status.js";

const AGAIN_MS = 250;

/**
 * `value` is null until there is an answer; `again` asks once more, soon, however often it is called.
 * @template T @param {(signal: AbortSignal) => Promise<T>} ask
 */
export function loading(ask) {
  /** @type {import("../core/signals.js").Signal<T | null>} */ const value = signal(/** @type {T | null} */ (null));
  /** @type {import("../core/signals.js").Signal<any>} */ const problem = signal(null);
  const busy = signal(false);
  let controller = new AbortController();
  /** @type {any} */ let timer = null;
  const now = async () => {
    clearTimeout(timer);
    controller.abort();
    controller = new AbortController();
    const { signal: given } = controller;
    busy.value = true;
    try {
      const answer = await ask(given);
      if (given.aborted) return;
      value.value = answer;
      problem.value = null;
    } catch (error) {
      if (given.aborted) return;
      problem.value = error;
    } finally {
      if (!given.aborted) busy.value = false;
    }
  };
  const again = () => { clearTimeout(timer); timer = setTimeout(now, AGAIN_MS); };
  return { value, problem, busy, now, again };
}

/** Lines where something will stand. @param {number} count */
export const lines = (count = 6) => html`<div class="stack loading-lines" role="status" aria-label=${t("loading.waiting")}>${Array.from({ length: count }, (_, at) => html`<div class=${`skeleton line ${at % 3 === 2 ? "short" : ""}`}></div>`)}</div>`;

/** Why there is nothing, with a way to ask again. @param {any} problem @param {() => void} again */
export const failed = (problem, again) => html`<div role="alert">${banner("bad", "alert", html`<p class="strong">${problem.message}</p>
  <p><button type="button" class="button small" @click=${again}>${icon("refresh", "small")}${t("loading.again")}</button></p>`)}</div>`;
