/**
 * Pages of the server in place: a form that is sent or a link that is followed brings the next step into this page, so
 * that nothing blinks and what was typed is kept. What the server says is all there is to show.
 */

const ATTEMPTS_MAX = 4;
const WAIT_MS = 500;
const ANSWER_MS = 15_000;
const AGAIN = new Set([429, 502, 503, 504]);
const TYPED = "input[name=name], input[name=email], input[name=phone], input[name=party], textarea[name=note], #details textarea[name=team]";

/** @type {Map<string, string>} what was typed, for steps that do not carry it along */
const typed = new Map();

export const step = () => document.getElementById("step");

/** A word of the page's, in its language. @param {string} name */
export function word(name) {
  const words = document.getElementById("words");
  const found = words instanceof HTMLTemplateElement ? words.content.querySelector(`[data-word=${name}]`) : null;
  return found?.textContent ?? "";
}

/** @param {string} text */
export function announce(text) {
  const region = document.getElementById("announce");
  if (region !== null) region.textContent = text;
}

/**
 * Asks for a page. A form is sent again while its outcome is unknown: its key makes that the same wish.
 * @param {string} address @param {URLSearchParams | null} form
 */
export async function ask(address, form = null) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(address, {
        method: form === null ? "GET" : "POST", body: form, headers: { Accept: "text/html" }, cache: "no-store",
        credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (!AGAIN.has(response.status) || attempt >= ATTEMPTS_MAX) {
        const text = await response.text();
        const page = new DOMParser().parseFromString(text, "text/html");
        return { page, response };
      }
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS * 2 ** attempt));
  }
}

/** Remembers what was typed, before the form goes. */
export function remember() {
  for (const one of document.querySelectorAll(TYPED)) {
    if (one instanceof HTMLInputElement || one instanceof HTMLTextAreaElement) typed.set(one.name, one.value);
  }
}

/**
 * Shows the step of another page in this one.
 * @param {Document} page @param {{address?: string, isBack?: boolean}} options
 */
export function show(page, { address = "", isBack = false } = {}) {
  const next = page.getElementById("step");
  const now = step();
  if (next === null || now === null) {
    location.assign(address === "" ? location.href : address);
    return;
  }
  now.replaceWith(document.adoptNode(next));
  document.title = page.title;
  for (const one of next.querySelectorAll(TYPED)) {
    const kept = one instanceof HTMLInputElement || one instanceof HTMLTextAreaElement ? typed.get(one.name) : undefined;
    // a hidden field says what the server was told; an empty one that can be seen, what it was not
    if (kept !== undefined && /** @type {HTMLInputElement} */ (one).value === "" && one.getAttribute("type") !== "hidden") /** @type {HTMLInputElement} */ (one).value = kept;
  }
  const shown = next.dataset.address ?? address;
  if (!isBack && shown !== "") history.pushState(null, "", shown);
  const focus = next.querySelector("[data-focus], [aria-invalid=true]") ?? next.querySelector("h1");
  if (focus instanceof HTMLElement) {
    if (!focus.matches("input, button, [tabindex]")) focus.tabIndex = -1;
    focus.focus({ preventScroll: true });
  }
  if (!isBack) scrollTo({ top: 0 });
  document.dispatchEvent(new CustomEvent("step"));
}

/**
 * Takes from another page those parts that follow the site, and leaves all else: the form that is being filled in, what
 * is chosen, and where the focus is.
 * @param {Document} page
 */
export function freshen(page) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    if (fresh === null || fresh.isEqualNode(old)) continue;
    const chosen = old.querySelector("input:checked");
    const pick = chosen instanceof HTMLInputElement ? chosen.value : null;
    const focused = document.activeElement instanceof HTMLInputElement && old.contains(document.activeElement) ? document.activeElement.value : null;
    const open = old.querySelector("details[open]") !== null;
    old.replaceWith(document.adoptNode(fresh));
    if (open) fresh.querySelector("details")?.setAttribute("open", "");
    const inputs = [...fresh.querySelectorAll("input")];
    const again = inputs.find((one) => one.value === pick);
    if (again !== undefined && !again.disabled) again.checked = true;
    if (pick !== null && (again === undefined || again.disabled)) lost();
    inputs.find((one) => one.value === focused && !one.disabled)?.focus({ preventScroll: true });
  }
}

/** Says that what was chosen is somebody else's now, until something else is. */
export function lost() {
  const note = document.getElementById("taken");
  if (note !== null) note.hidden = false;
  announce(word("taken"));
}
