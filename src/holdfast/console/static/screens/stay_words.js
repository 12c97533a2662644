/** Nights, dates and rooms in words: what is written on bars and lists, and what is said aloud. */

import { locale, t } from "../core/i18n.js";
import { may } from "../core/page.js";
import { lookOf } from "../ui/status.js";
import { whoOf } from "./board_model.js";
import { dayNumber } from "./tape_model.js";

/** Made when it is first needed: each takes milliseconds. @param {Intl.DateTimeFormatOptions} options */
function lazy(options) {
  /** @type {Intl.DateTimeFormat | undefined} */ let made;
  return { format: (/** @type {number} */ at) => (made ??= new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options })).format(at) };
}
const short = lazy({ weekday: "short", day: "numeric", month: "short" });
const long = lazy({ weekday: "long", day: "numeric", month: "long" });
const full = lazy({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const weekday = lazy({ weekday: "short" });
const month = lazy({ month: "short" });
/** @type {Map<string, string>} */ const days = new Map();

/** `Mon 8 Mar`. @param {string} date of the site */
export function dayWord(date) {
  let found = days.get(date);
  if (found === undefined) {
    found = short.format(Date.parse(date));
    days.set(date, found);
  }
  return found;
}

/** @param {string} date */ export const longDayWord = (date) => long.format(Date.parse(date));
/** @param {string} date */ export const fullDayWord = (date) => full.format(Date.parse(date));
/** @param {string} date */ export const weekdayWord = (date) => weekday.format(Date.parse(date));
/** @param {string} date */ export const monthWord = (date) => month.format(Date.parse(date));

/** @param {string} first @param {string} last */
export const spanWords = (first, last) => `${dayWord(first)} – ${dayWord(last)}`;

/** @param {string} first @param {string} last */
export const nightsBetween = (first, last) => dayNumber(last) - dayNumber(first);

/** @param {number} n */
export const nightsWords = (n) => t("hotel.nights", { n });

/** Who stays, as far as the viewer may know. @param {any} booking */
export const guestOf = (booking) => (may("names") ? whoOf(booking) ?? "" : t("hotel.somebody"));

/** @param {import("./tape_model.js").Stay} stay */
export const stayWords = (stay) => `${guestOf(stay.booking)}, ${lookOf(stay.booking.state).word}, ${spanWords(stay.first, stay.last)}, ${nightsWords(stay.nights)}`;
