/** The navigation of a phone: the first screens side by side, the others behind one more button, none out of sight. */

import { html, render } from "../core/html.js";
import { t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { icon } from "../ui/icon.js";

/** How many stand side by side when there are more than would fit. The style sheet knows this number, too. */
const BESIDE = 4;
const FITS = 5;

/** Puts the button at the end of the navigation; only a phone shows it. */
export function showMore() {
  const list = document.querySelector(".side ul");
  if (list === null || (page.screens ?? []).length <= FITS) return;
  const item = document.createElement("li");
  item.className = "side-more";
  list.append(item);
  list.classList.add("has-more");
  const others = page.screens.slice(BESIDE);
  const isOne = others.some(({ name }) => name === page.screen);
  render(html`<hf-menu><button type="button" aria-current=${isOne ? "true" : null}>${icon("more")}<span class="word">${t("frame.more")}</span></button>
    <div class="menu" role="menu" aria-label=${t("frame.more")}>${others.map(({ name, word, icon: picture, address }) => html`<a role="menuitem" href=${address} aria-current=${name === page.screen ? "page" : null}>
      ${icon(picture)}${t(`screen.${word}`)}</a>`)}</div></hf-menu>`, item);
}
