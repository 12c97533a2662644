/** Theme, density and language: kept in cookies, so that the server draws the next page in them from its first byte. */

import { page } from "../core/page.js";
import { signal } from "../core/signals.js";

const YEAR_S = 365 * 24 * 3600;

export const theme = signal(page.look.theme);
export const density = signal(page.look.density);

/** @param {string} name @param {string} value */
function keep(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR_S}; samesite=lax`;
}

/** @param {string} value auto, light or dark */
export function setTheme(value) {
  theme.value = value;
  document.documentElement.dataset.theme = value;
  keep("theme", value);
}

/** @param {string} value comfortable or compact */
export function setDensity(value) {
  density.value = value;
  document.documentElement.dataset.density = value;
  keep("density", value);
}

/** From the next page on. @param {string} value */
export const keepLanguage = (value) => keep("language", value);

/** The page comes anew in that language. @param {string} value */
export function setLanguage(value) {
  keepLanguage(value);
  location.reload();
}
