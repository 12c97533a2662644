/**
 * The command palette: everything that can be done or opened here, found by typing. Screens add what they offer.
 *
 * @typedef {{label: string, icon: string, hint?: string, run: () => void}} Command
 */

import { html, render, unrender } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { icon } from "./icon.js";

const SHOWN_MAX = 50;
const SEEK_WAIT_MS = 200;
const SEEK_FROM = 2;
/** @type {Set<() => Command[]>} */ const sources = new Set();
/** @type {Set<Seek>} */ const seekers = new Set();

/** Finds what only the server knows. @typedef {(typed: string, signal: AbortSignal) => Promise<Command[]>} Seek */

/** Adds what is asked once somebody has stopped typing; what it finds stands below the commands. Returns what takes it
 * away. @param {Seek} seek */
export function seekWith(seek) {
  seekers.add(seek);
  return () => seekers.delete(seek);
}

/** Adds commands, asked for when the palette opens. Returns what takes them away. @param {() => Command[]} source */
export function offer(source) {
  sources.add(source);
  return () => sources.delete(source);
}

/** Those whose words hold all that was typed, the ones that begin with it first. @param {Command[]} commands @param {string} typed */
export function matching(commands, typed) {
  const wanted = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return commands.slice(0, SHOWN_MAX);
  const found = commands.filter(({ label, hint }) => wanted.every((part) => `${label} ${hint ?? ""}`.toLowerCase().includes(part)));
  const rank = (/** @type {Command} */ { label }) => (label.toLowerCase().startsWith(wanted[0]) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN_MAX);
}

/** Asks the seekers a while after the last key; each new word gives up the question before it.
 * @param {(found: Command[]) => void} show */
function seeking(show) {
  let controller = new AbortController();
  /** @type {any} */ let timer = null;
  const stop = () => { clearTimeout(timer); controller.abort(); };
  return {
    stop,
    ask(/** @type {string} */ typed) {
      stop();
      show([]);
      if (typed.trim().length < SEEK_FROM) return;
      controller = new AbortController();
      const { signal: given } = controller;
      timer = setTimeout(async () => {
        const found = await Promise.all([...seekers].map((seek) => seek(typed.trim(), given).catch(() => [])));
        if (!given.aborted) show(found.flat());
      }, SEEK_WAIT_MS);
    },
  };
}

/** @param {string} typed what stands in it at first */
export function openPalette(typed = "") {
  // one that was closed just now may still be there
  if (document.querySelector("dialog.palette[open]")) return;
  const commands = [...sources].flatMap((source) => source());
  const text = signal(typed);
  const at = signal(0);
  /** @type {import("../core/signals.js").Signal<Command[]>} */ const sought = signal([]);
  const seek = seeking((found) => { sought.value = found; });
  const shown = () => [...matching(commands, text.value), ...(sought.value)];
  const element = document.createElement("dialog");
  element.className = "palette";
  element.setAttribute("aria-label", t("palette.title"));
  document.body.append(element);
  const choose = (/** @type {Command | undefined} */ command) => {
    if (command === undefined) return;
    element.close();
    command.run();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const found = shown();
    if (event.key === "ArrowDown") at.value = Math.min(at.peek() + 1, found.length - 1);
    else if (event.key === "ArrowUp") at.value = Math.max(at.peek() - 1, 0);
    else if (event.key === "Enter") choose(found[at.peek()]);
    else return;
    event.preventDefault();
    queueMicrotask(() => element.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }));
  };
  render(html`<div class="palette-input">${icon("search")}<input type="text" role="combobox" autofocus autocomplete="off" spellcheck="false"
      aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list" aria-label=${t("palette.title")} placeholder=${t("palette.placeholder")}
      .value=${typed} aria-activedescendant=${() => `palette-${at.value}`} @keydown=${onKey}
      @input=${(/** @type {any} */ event) => { text.value = event.target.value; at.value = 0; seek.ask(text.peek()); }}><kbd class="key">Esc</kbd></div>
    <div class="palette-list" id="palette-list" role="listbox" tabindex="-1" aria-label=${t("palette.title")}>${() => {
      const found = shown();
      if (found.length === 0) return html`<p class="empty" role="option" aria-selected="false">${t("palette.nothing")}</p>`;
      return found.map((command, index) => html`<div role="option" id="palette-${index}" aria-selected=${() => String(at.value === index)}
        @pointermove=${() => { at.value = index; }} @click=${() => choose(command)}>${icon(command.icon)}<span>${command.label}</span><span class="muted">${command.hint ?? ""}</span></div>`);
    }}</div>`, element);
  element.addEventListener("click", (event) => { if (event.target === element) element.close(); });
  element.addEventListener("close", () => { seek.stop(); unrender(element); element.remove(); });
  element.showModal();
}
