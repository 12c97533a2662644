/**
 * The viewer's language. A message is found by its key; `{name}` in it stands for a value, and where a value `n` is
 * given, the form of its number is taken (`key#one`, `key#other`), as the language counts.
 */

import { page } from "./page.js";

export const language = page.look?.language ?? "en";
/** @type {Record<string, string>} */ let words = {};
/** The language as the viewer's region writes it: it decides how days are ordered and whether there are 24 hours. */
export const locale = navigator.languages.find((one) => one.startsWith(language)) ?? language;
// made when they are first needed: each takes milliseconds
/** @type {Intl.PluralRules | undefined} */ let plurals;
/** @type {Intl.NumberFormat | undefined} */ let numbers;
/** @type {Intl.Collator | undefined} */ let ordered;

/** Loads the messages; the page has asked for them beforehand. */
export async function loadWords() {
  const response = await fetch(page.words);
  if (!response.ok) throw new Error(`the words cannot be had: ${response.status}`);
  words = await response.json();
}

/** @param {string} key @param {Record<string, any>} values */
export function t(key, values = {}) {
  const counted = "n" in values ? words[`${key}#${(plurals ??= new Intl.PluralRules(language)).select(Number(values.n))}`] ?? words[`${key}#other`] : undefined;
  const message = counted ?? words[key];
  if (message === undefined) return key;
  if (!message.includes("{")) return message;
  return message.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? plainNumber(value) : String(value ?? "");
  });
}

/** @param {number} value */
const plainNumber = (value) => (Number.isInteger(value) && value >= 0 && value < 1000 ? String(value) : (numbers ??= new Intl.NumberFormat(locale)).format(value));

/** Whether there is such a message. @param {string} key */
export const hasWords = (key) => key in words;

const PLAIN = /^[a-z0-9 ]*$/;
const RUNS = /\d+|\D+/g;
const REMEMBERED_MAX = 5_000;
/** Texts in runs of digits and of others; null for what only the language can put in order.
 * @type {Map<string, (string | number)[] | null>} */
const runs = new Map();

/** Words in the order of the language, numbers in them by their value. */
export const collator = {
  /** @param {string} a @param {string} b */
  compare(a, b) {
    if (a === b) return 0;
    const [one, other] = [runsOf(a), runsOf(b)];
    // codes, of which there are many, need nothing of the language
    if (one !== null && other !== null) return compareRuns(one, other);
    ordered ??= new Intl.Collator(language, { numeric: true, sensitivity: "base" });
    return ordered.compare(a, b);
  },
};

/** @param {string} text */
function runsOf(text) {
  let found = runs.get(text);
  if (found === undefined) {
    if (runs.size >= REMEMBERED_MAX) runs.clear();
    const small = text.toLowerCase();
    found = PLAIN.test(small) ? (small.match(RUNS) ?? []).map((run) => (run[0] >= "0" && run[0] <= "9" ? Number(run) : run)) : null;
    runs.set(text, found);
  }
  return found;
}

/** @param {(string | number)[]} one @param {(string | number)[]} other */
function compareRuns(one, other) {
  for (let at = 0; at < Math.min(one.length, other.length); at += 1) {
    const [x, y] = [one[at], other[at]];
    if (x === y) continue;
    if (typeof x === "number" && typeof y === "number") return x - y;
    // a blank stands before digits, and digits before letters
    return String(x) < String(y) ? -1 : 1;
  }
  return one.length - other.length;
}

/** @param {number} value @param {Intl.NumberFormatOptions} options */
export const number = (value, options = {}) => new Intl.NumberFormat(locale, options).format(value);
