/** Icons of our own sprite; words stand beside them, or in `label` where the icon stands alone. */

import { file } from "../core/page.js";
import { html } from "../core/html.js";

const sprite = file("ui/icons.svg");

/** @param {string} name @param {string} size "", "small" or "large" */
export const icon = (name, size = "") =>
  html`<svg class="icon ${size}" aria-hidden="true" focusable="false"><use href="${sprite}#${name}"></use></svg>`;
