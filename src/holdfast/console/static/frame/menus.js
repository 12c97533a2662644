/** The top bar's menus: the site switcher with its search, what the page looks like, the account. */

import { html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { icon } from "../ui/icon.js";
import { density, setDensity, setLanguage, setTheme, theme } from "./look.js";
import { showShortcuts } from "./shortcuts.js";

const KINDS = { cafe: "pc", hotel: "bed", grounds: "ball", store: "store" };
const SEARCH_FROM = 8;
/** @param {string} kind */
export const kindIcon = (kind) => /** @type {Record<string, string>} */ (KINDS)[kind] ?? "building";

/** @param {HTMLElement} place */
export function showSwitcher(place) {
  const typed = signal("");
  const sites = () => {
    const wanted = typed.value.toLowerCase();
    return page.sites.filter(({ name, slug }) => `${name} ${slug}`.toLowerCase().includes(wanted)).slice(0, 60);
  };
  render(html`<hf-menu><button type="button" class="button quiet site-button" aria-label=${t("frame.switch_site", { site: page.site.name })}>
      ${icon(kindIcon(page.site.kind))}<span class="truncate">${page.site.name}</span>${icon("chevrons", "small")}</button>
    <div class="menu" role="menu" aria-label=${t("frame.sites")}>
      ${page.sites.length >= SEARCH_FROM ? html`<div class="search" role="presentation">${icon("search")}<input class="input" type="search" autofocus
        aria-label=${t("frame.find_site")} placeholder=${t("frame.find_site")} @input=${(/** @type {any} */ event) => { typed.value = event.target.value; }}></div>` : null}
      ${() => sites().map((site) => html`<a role="menuitem" href="/console/${site.slug}" aria-current=${site.slug === page.site.slug ? "true" : null}>
        ${icon(kindIcon(site.kind))}<span class="truncate">${site.name}</span>${site.slug === page.site.slug ? icon("check", "small") : null}</a>`)}
      <hr role="separator"><a role="menuitem" href="/console">${icon("building")}${t("frame.all_sites")}</a>
    </div></hf-menu>`, place);
}

/** @param {string} label @param {boolean} isChosen @param {string} name @param {() => void} run */
const choice = (label, isChosen, name, run) => html`<button type="button" role="menuitemradio" aria-checked=${String(isChosen)} @click=${run}>${icon(isChosen ? "check" : name)}${label}</button>`;

/** @param {HTMLElement} place */
export function showAccount(place) {
  render(html`<hf-menu><button type="button" class="button quiet icon-only" aria-label=${t("frame.account")} data-tip=${t("frame.account")}>${icon("user")}</button>
    <div class="menu" role="menu" aria-label=${t("frame.account")}>
      <div class="menu-head" role="presentation">${t("frame.signed_in_as", { name: page.viewer.name })}</div>
      ${page.viewer.sign_out ? html`<a role="menuitem" href="/console/account">${icon("user")}${t("frame.my_account")}</a>` : null}
      ${page.places.map(({ name, icon: picture }) => html`<a role="menuitem" href="/console/${name}" aria-current=${page.place === name ? "page" : null}>${icon(picture)}${t(`${name}.title`)}</a>`)}
      ${page.places.length > 0 || page.viewer.sign_out ? html`<hr role="separator">` : null}
      <div class="menu-head" role="presentation">${t("frame.theme")}</div>
      ${() => [["auto", "contrast"], ["light", "sun"], ["dark", "moon"]].map(([value, name]) => choice(t(`frame.theme_${value}`), theme.value === value, name, () => setTheme(value)))}
      <div class="menu-head" role="presentation">${t("frame.density")}</div>
      ${() => [["comfortable", "menu"], ["compact", "density"]].map(([value, name]) => choice(t(`frame.density_${value}`), density.value === value, name, () => setDensity(value)))}
      <div class="menu-head" role="presentation">${t("frame.language")}</div>
      ${Object.entries(page.languages).map(([value, name]) => choice(name, page.look.language === value, "globe", () => setLanguage(value)))}
      <hr role="separator">
      <button type="button" role="menuitem" @click=${showShortcuts}>${icon("keyboard")}${t("frame.shortcuts")}<kbd class="key">?</kbd></button>
      <a role="menuitem" href="/api/docs">${icon("external")}${t("frame.api")}</a>
      ${page.viewer.sign_out ? html`<form method="post" action=${page.viewer.sign_out}><button role="menuitem">${icon("logout")}${t("frame.sign_out")}</button></form>` : null}
    </div></hf-menu>`, place);
}
