/**
 * Icons of our own sprite; words stand beside them, or in `label` where the icon stands alone. Each drawing is copied into
 * the page: a <use> of another file costs ten times as much, and a board shows a thousand icons.
 */

import { file } from "../core/page.js";
import { html } from "../core/html.js";

const sprite = file("ui/icons.svg");
const SYMBOL = /<symbol id="([^"]+)" viewBox="([^"]+)">(.*?)<\/symbol>/g;
/** @type {Map<string, {box: string, shape: string}>} */ const shapes = new Map();
/** @type {Map<string, import("../core/html.js").Template>} */ const known = new Map();

/** Loads the drawings; the page has asked for them beforehand. */
export async function loadIcons() {
  const response = await fetch(sprite);
  if (!response.ok) return;
  for (const [, name, box, shape] of (await response.text()).matchAll(SYMBOL)) shapes.set(name, { box, shape });
}

/** @param {string} name @param {string} size "", "small" or "large" */
export function icon(name, size = "") {
  const key = `${name} ${size}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const drawing = shapes.get(name);
  if (drawing === undefined) return html`<svg class="icon ${size}" aria-hidden="true" focusable="false"><use href="${sprite}#${name}"></use></svg>`;
  const text = `<svg class="icon ${size}" viewBox="${drawing.box}" aria-hidden="true" focusable="false">${drawing.shape}</svg>`;
  const made = { strings: /** @type {any} */ (Object.freeze([text])), values: [], isSvg: false };
  known.set(key, made);
  return made;
}
