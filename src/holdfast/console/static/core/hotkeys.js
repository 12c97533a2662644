/**
 * Keys of the page: one key (`/`), one with Ctrl or Cmd (`Mod+k`), or two after each other (`g b`). They rest while
 * somebody types or a dialog is open.
 *
 * @typedef {{keys: string, label: string, group: string, run: (event: KeyboardEvent) => void, always?: boolean}} Hotkey
 */

/** @type {Map<string, Hotkey>} */ const known = new Map();
const SECOND_KEY_MS = 1200;
let first = "";
let firstAt = 0;

/** Adds keys; the same ones again replace the earlier. Returns what takes them away. @param {...Hotkey} added */
export function hotkeys(...added) {
  for (const one of added) known.set(one.keys, one);
  return () => { for (const one of added) if (known.get(one.keys) === one) known.delete(one.keys); };
}

/** All keys there are, in the order they were added. */
export const allHotkeys = () => [...known.values()];

/** @param {EventTarget | null} target */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || event.isComposing) return;
  const isMod = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const pressed = isMod ? `Mod+${key}` : key;
  const isResting = isTyping(event.target) || document.querySelector("dialog[open]") !== null;
  const isSecond = first !== "" && performance.now() - firstAt < SECOND_KEY_MS;
  const found = (isSecond ? known.get(`${first} ${pressed}`) : undefined) ?? known.get(pressed);
  first = "";
  if (found !== undefined) {
    if (isResting && !found.always) return;
    event.preventDefault();
    found.run(event);
  } else if (!isResting && !isMod && [...known.keys()].some((keys) => keys.startsWith(`${pressed} `))) {
    first = pressed;
    firstAt = performance.now();
  }
});
