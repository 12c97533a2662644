/**
 * The viewer's language. A message is found by its key; `{name}` in it stands for a value, and where a value `n` is
 * given, the form of its number is taken (`key#one`, `key#other`), as the language counts.
 */

import { page } from "./page.js";

export const language = page.look?.language ?? "en";
/** @type {Record<string, string>} */ let words = {};
/** The language as the viewer's region writes it: it decides how days are ordered and whether there are 24 hours. */
export const locale = navigator.languages.find((one) => one.startsWith(language)) ?? language;
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(locale);

/** Loads the messages; the page has asked for them beforehand. */
export async function loadWords() {
  const response = await fetch(page.words);
  if (!response.ok) throw new Error(`the words cannot be had: ${response.status}`);
  words = await response.json();
}

/** @param {string} key @param {Record<string, any>} values */
export function t(key, values = {}) {
  const counted = "n" in values ? words[`${key}#${plurals.select(Number(values.n))}`] ?? words[`${key}#other`] : undefined;
  const message = counted ?? words[key];
  if (message === undefined) return key;
  return message.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : String(value ?? "");
  });
}

/** Whether there is such a message. @param {string} key */
export const hasWords = (key) => key in words;

/** Words in the order of the language. */
export const collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });

/** @param {number} value @param {Intl.NumberFormatOptions} options */
export const number = (value, options = {}) => new Intl.NumberFormat(locale, options).format(value);
