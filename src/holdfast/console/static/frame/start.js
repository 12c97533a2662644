/** Begins each page: words, frame, keys, then the screen's own module, which exports `open(page)`. */

import { bring } from "../core/bring.js";
import { page } from "../core/page.js";
import { loadWords, t } from "../core/i18n.js";
import { hotkeys } from "../core/hotkeys.js";
import { startBeating } from "../core/beats.js";
import { startTicking } from "../core/time.js";
import { siteStore } from "../core/store.js";
import { offer, openPalette } from "../ui/palette.js";
import { openDialog } from "../ui/dialog.js";
import { html } from "../core/html.js";
import { loadIcons } from "../ui/icon.js";
import { density, setDensity, setTheme } from "./look.js";
import { kindIcon, showAccount, showSwitcher } from "./menus.js";
import { showShortcuts } from "./shortcuts.js";
import { showBadge } from "./badge.js";
import { showMore } from "./more.js";
import { showAttention } from "./attention.js";
import { searchSite } from "./search.js";
import "../ui/menu.js";
import "../ui/tabs.js";
import "../ui/tip.js";

/** @param {string} id @param {(place: HTMLElement) => void} draw */
function at(id, draw) {
  const place = document.getElementById(id);
  if (place !== null) draw(place);
}

function setKeys() {
  const group = t("keys.everywhere");
  hotkeys(
    { keys: "Mod+k", label: t("keys.palette"), group, run: () => openPalette() },
    { keys: "/", label: t("keys.search"), group, run: () => openPalette() },
    { keys: "?", label: t("keys.help"), group, run: showShortcuts },
    { keys: "t", label: t("keys.theme"), group, run: () => setTheme(getComputedStyle(document.body).colorScheme === "dark" || document.documentElement.dataset.theme === "dark" ? "light" : "dark") },
  );
  page.screens?.forEach(({ word, address }, index) => {
    if (index < 9) hotkeys({ keys: `g ${index + 1}`, label: t("keys.go", { screen: t(`screen.${word}`) }), group: t("keys.screens"), run: () => location.assign(address) });
  });
}

function setCommands() {
  offer(() => [
    ...(page.screens ?? []).map(({ word, icon, address }) => ({ label: t(`screen.${word}`), icon, hint: t("palette.screen"), run: () => location.assign(address) })),
    ...page.places.map(({ name, icon }) => ({ label: t(`${name}.title`), icon, hint: t("palette.screen"), run: () => location.assign(`/console/${name}`) })),
    ...page.sites.map((site) => ({ label: site.name, icon: kindIcon(site.kind), hint: t("palette.site"), run: () => location.assign(`/console/${site.slug}`) })),
    { label: t("frame.theme_light"), icon: "sun", hint: t("frame.theme"), run: () => setTheme("light") },
    { label: t("frame.theme_dark"), icon: "moon", hint: t("frame.theme"), run: () => setTheme("dark") },
    { label: t(density.peek() === "compact" ? "frame.density_comfortable" : "frame.density_compact"), icon: "density", hint: t("frame.density"), run: () => setDensity(density.peek() === "compact" ? "comfortable" : "compact") },
    { label: t("frame.shortcuts"), icon: "keyboard", hint: "?", run: showShortcuts },
  ]);
}

async function start() {
  await Promise.all([loadWords(), loadIcons()]);
  startTicking();
  startBeating();
  setKeys();
  setCommands();
  if (page.site) at("switcher", showSwitcher);
  at("account", showAccount);
  showMore();
  at("search", (place) => place.addEventListener("click", () => openPalette()));
  if (page.board) {
    at("live", (place) => { showBadge(siteStore(), place); });
    showAttention();
    searchSite();
  }
  if (page.module) {
    const screen = await bring(page.module);
    await screen.open(page);
  }
  document.documentElement.dataset.ready = "true";
}

start().catch((error) => {
  reportError(error);
  openDialog({ title: t("frame.failed"), body: html`<p class="soft">${t("frame.failed_text")}</p>` });
});
