/** A unit's panel on any screen that holds the site. */

import { computed } from "../core/signals.js";
import { nowEachMinute } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { Views } from "./board_model.js";
import { openUnit } from "./unit_panel.js";

/** @param {string} code */
export function openUnitHere(code) {
  const store = siteStore();
  const views = new Views();
  const all = computed(() => { store.version.value; return views.of(store.replica, nowEachMinute()); });
  return openUnit(() => all.value.find(({ unit }) => unit.code === code), code);
}
