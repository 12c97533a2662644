/** Codes of many units from a short pattern: `PC01–PC20`, `101-110, 201-210`, `Lobby`. Digits keep their width. */

const CODES_MAX = 1_000;

/** @param {string} pattern @returns {string[]} each once, at most a thousand */
export function codesOf(pattern) {
  /** @type {Set<string>} */ const found = new Set();
  for (const part of pattern.split(/[,;\n]+/).map((text) => text.trim()).filter(Boolean)) {
    for (const code of spread(part)) if (found.size < CODES_MAX) found.add(code);
  }
  return [...found];
}

/** @param {string} part @returns {string[]} */
function spread(part) {
  // a hyphen may belong to the codes themselves, as in PS5-1–PS5-4: the first that makes a range counts
  for (const { index, 0: mark } of part.matchAll(/\s*(?:[-–—]|\.\.+|…)\s*/g)) {
    const first = /^(.*?)(\d+)$/.exec(part.slice(0, index));
    const last = /^(.*?)(\d+)$/.exec(part.slice(index + mark.length));
    if (first === null || last === null || (last[1] !== "" && last[1] !== first[1])) continue;
    const [from, to] = [Number(first[2]), Number(last[2])];
    if (to < from || to - from >= CODES_MAX) continue;
    const width = first[2].startsWith("0") ? first[2].length : 0;
    return Array.from({ length: to - from + 1 }, (_, at) => `${first[1]}${String(from + at).padStart(width, "0")}`);
  }
  return [part];
}
