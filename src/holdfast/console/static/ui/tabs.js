/**
 * <hf-tabs>: `.tabs[role=tablist]` of [role=tab][aria-controls], and panels with those ids. Arrows, Home and End move.
 */

class Tabs extends HTMLElement {
  connectedCallback() {
    queueMicrotask(() => {
      this.addEventListener("click", (event) => {
        const tab = event.target instanceof Element ? event.target.closest("[role=tab]") : null;
        if (tab instanceof HTMLElement) this.choose(tab);
      });
      this.addEventListener("keydown", (event) => this.#key(event));
      const first = this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true") ?? this.tabs[0];
      if (first) this.choose(first, false);
    });
  }

  /** @returns {HTMLElement[]} */
  get tabs() { return [...this.querySelectorAll("[role=tab]")].filter((one) => one instanceof HTMLElement); }

  /** @param {HTMLElement} chosen */
  choose(chosen, isTold = true) {
    for (const tab of this.tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel !== null) panel.hidden = !isChosen;
    }
    // on a phone not all of them fit
    chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (isTold) this.dispatchEvent(new CustomEvent("choose", { detail: chosen.id }));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { tabs } = this;
    const at = tabs.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (at < 0) return;
    /** @type {Record<string, number>} */
    const ways = { ArrowRight: (at + 1) % tabs.length, ArrowLeft: (at - 1 + tabs.length) % tabs.length, Home: 0, End: tabs.length - 1 };
    const next = ways[event.key];
    if (next === undefined) return;
    event.preventDefault();
    tabs[next].focus();
    this.choose(tabs[next]);
  }
}

customElements.define("hf-tabs", Tabs);
