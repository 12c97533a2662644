/**
 * <hf-menu>: a button and a popover `.menu` of [role=menuitem]; arrows, Home, End, letters and Escape work as in a menu.
 * Put the button first, then the menu:
 *
 *   <hf-menu><button class="button">…</button><div class="menu" role="menu">…</div></hf-menu>
 *
 * Just before it opens it tells `open`: then what is in it may be drawn.
 */

import { newId } from "./form.js";

const MARGIN = 6;

class Menu extends HTMLElement {
  connectedCallback() {
    // its children come right behind it
    queueMicrotask(() => this.#set());
  }

  #set() {
    const { button, menu } = this;
    if (button === null || menu === null || menu.id !== "") return;
    menu.id = newId("menu");
    menu.popover = "auto";
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-controls", menu.id);
    button.addEventListener("click", () => (menu.matches(":popover-open") ? menu.hidePopover() : this.open()));
    button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown") return;
      event.preventDefault();
      this.open();
    });
    menu.addEventListener("toggle", (event) => {
      button.setAttribute("aria-expanded", String(/** @type {ToggleEvent} */ (event).newState === "open"));
    });
    menu.addEventListener("keydown", (event) => this.#key(event));
    menu.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("[role^=menuitem]") && !event.defaultPrevented) this.close();
    });
  }

  /** @returns {HTMLElement | null} */
  get button() { return this.querySelector("button"); }
  /** @returns {HTMLElement | null} */
  get menu() { return this.querySelector(".menu"); }
  /** @returns {HTMLElement[]} */
  get items() { return [...(this.menu?.querySelectorAll("[role^=menuitem]:not([hidden])") ?? [])].filter((one) => one instanceof HTMLElement); }

  /** At once, so that the next key is the menu's already. */
  open() {
    this.dispatchEvent(new Event("open"));
    this.menu?.showPopover();
    this.#place();
    const first = this.menu?.querySelector("[autofocus]") ?? this.items[0];
    if (first instanceof HTMLElement) first.focus();
  }

  close() {
    if (this.menu?.matches(":popover-open")) this.menu.hidePopover();
  }

  #place() {
    const { button, menu } = this;
    if (button === null || menu === null) return;
    const at = button.getBoundingClientRect();
    const size = menu.getBoundingClientRect();
    const left = Math.max(MARGIN, Math.min(at.left, innerWidth - size.width - MARGIN));
    const isBelow = at.bottom + MARGIN + size.height <= innerHeight || at.top < size.height;
    menu.style.setProperty("left", `${left}px`);
    menu.style.setProperty("top", `${isBelow ? at.bottom + MARGIN : at.top - size.height - MARGIN}px`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { items } = this;
    const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const isTyping = event.target instanceof HTMLInputElement;
    let next = -1;
    if (event.key === "ArrowDown") next = (at + 1) % items.length;
    else if (event.key === "ArrowUp") next = (at - 1 + items.length) % items.length;
    else if (event.key === "Home" && !isTyping) next = 0;
    else if (event.key === "End" && !isTyping) next = items.length - 1;
    else if (event.key === "Tab") this.close();
    else if (!isTyping && event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
      const letter = event.key.toLowerCase();
      next = [...items.keys()].map((one) => (at + 1 + one) % items.length).find((one) => items[one].textContent?.trim().toLowerCase().startsWith(letter)) ?? -1;
    }
    if (next < 0) return;
    event.preventDefault();
    event.stopPropagation();
    items[next]?.focus();
  }
}

customElements.define("hf-menu", Menu);
