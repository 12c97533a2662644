/** All keys of the page in a dialog, as they are registered: the list cannot be out of date. */

import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { allHotkeys } from "../core/hotkeys.js";
import { openDialog } from "../ui/dialog.js";

const isMac = /mac|iphone|ipad/i.test(navigator.userAgent);

/** @param {string} keys */
const told = (keys) => keys.split(" ").map((one) => html`<kbd class="key">${one.length > 1 ? nameOf(one) : one}</kbd> `);

/** @param {string} key */
const nameOf = (key) => key.replace(/^Mod\+(.)/, (_, letter) => `${isMac ? "⌘" : "Ctrl"} ${letter.toUpperCase()}`).replace("ArrowDown", "↓").replace("Escape", "Esc");

export function showShortcuts() {
  /** @type {Map<string, import("../core/hotkeys.js").Hotkey[]>} */ const groups = new Map();
  for (const one of allHotkeys()) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  openDialog({
    title: t("frame.shortcuts"),
    body: [...groups].map(([group, keys]) => html`<section class="section"><h3>${group}</h3><dl class="facts">
      ${keys.map((one) => html`<dt>${told(one.keys)}</dt><dd>${one.label}</dd>`)}</dl></section>`),
  });
}
