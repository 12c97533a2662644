/**
 * A schedule's rule in the page's language. The server explains it in English, in sentences put together from few parts:
 * each part is said anew, in its place. A sentence with a part that is not known stays as the server said it.
 */

import { html } from "../core/html.js";
import { language, t } from "../core/i18n.js";
import { clockWords } from "../core/time.js";
import { asSaid } from "./jobs_words.js";

const SERVER_LANGUAGE = "en";
const DAY_MS = 86_400_000;
/** A Sunday, by which days of the week get their names. */
const SUNDAY = Date.UTC(2023, 0, 1);
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAY = `(${DAYS.join("|")})`;

/** @param {Intl.DateTimeFormatOptions} form @param {number} at */
const named = (form, at) => new Intl.DateTimeFormat(language, { ...form, timeZone: "UTC" }).format(at);
/** @param {string} day */
const dayName = (day) => named({ weekday: "long" }, SUNDAY + DAYS.indexOf(day) * DAY_MS);
/** @param {string} month */
const monthName = (month) => named({ month: "long" }, Date.UTC(2023, MONTHS.indexOf(month), 1));

/** A time of the clock without seconds, which people in many places write otherwise. */
const CLOCK = /(?<![\d:])([01]\d|2[0-3]):[0-5]\d(?![\d:])/g;

/** What a sentence is put together from, the longer part before the shorter. @type {[RegExp, (found: RegExpExecArray) => string][]} */
const PARTS = [
  [/^, /, () => ", "],
  [/^every day\b/, () => t("rule.every_day")],
  [/^every second\b/, () => t("rule.every_second")],
  [/^every minute\b/, () => t("rule.every_minute")],
  [/^every hour\b/, () => t("rule.every_hour")],
  [/^(?:of )?every (\d+) seconds/, ([, n]) => t("rule.every_seconds", { count: n })],
  [/^(?:of )?every (\d+) minutes/, ([, n]) => t("rule.every_minutes", { count: n })],
  [/^(?:of )?every (\d+) hours/, ([, n]) => t("rule.every_hours", { count: n })],
  [/^every (\d+) days/, ([, n]) => t("rule.every_days", { count: n })],
  [/^every(?= \d)/, () => t("rule.every")],
  [/^(\d+) seconds?/, ([, n]) => t("rule.seconds", { n: Number(n) })],
  [/^(\d+) minutes?/, ([, n]) => t("rule.minutes", { n: Number(n) })],
  [/^(\d+) hours?/, ([, n]) => t("rule.hours", { n: Number(n) })],
  [/^(\d+) days?/, ([, n]) => t("rule.days", { n: Number(n) })],
  [/^counted from/, () => t("rule.counted_from")],
  [/^at seconds?\b/, () => t("rule.at_second")],
  [/^at minutes?\b/, () => t("rule.at_minute")],
  [/^at(?= \d\d:)/, () => t("rule.at")],
  [/^on the hour, hours\b/, () => t("rule.on_the_hour")],
  [/^(?:of )?hours\b/, () => t("rule.of_hours")],
  [/^on day\b/, () => t("rule.on_day")],
  [/^on the last day\b/, () => t("rule.on_last_day")],
  [/^on the last weekday \(Monday to Friday\)/, () => t("rule.on_last_weekday")],
  [/^on the weekday \(Monday to Friday\) nearest to day\b/, () => t("rule.on_nearest")],
  [new RegExp(`^on the (first|second|third|fourth|fifth|last) ${DAY}`), ([, which, day]) => t(`rule.on_${which}`, { day: dayName(day) })],
  [/^of the month\b/, () => t("rule.of_the_month")],
  [new RegExp(`^on ${DAY} to ${DAY}`), ([, from, to]) => t("rule.on_range", { from: dayName(from), to: dayName(to) })],
  [new RegExp(`^on ${DAY}`), ([, day]) => t("rule.on", { day: dayName(day) })],
  [new RegExp(`^${DAY}`), ([, day]) => dayName(day)],
  [new RegExp(`^in (${MONTHS.join("|")})`), ([, month]) => t("rule.in", { month: monthName(month) })],
  [new RegExp(`^(${MONTHS.join("|")})`), ([, month]) => monthName(month)],
  [/^if it is on\b|^and on\b/, ([said]) => t(said.startsWith("if") ? "rule.if_on" : "rule.and_on")],
  [/^to\b/, () => t("rule.to")],
  [/^and\b/, () => t("rule.and")],
  [/^\d[\d:-]*(?: UTC)?/, ([said]) => said.replace(CLOCK, clockWords)],
  [/^ /, () => " "],
];

/** The sentence in the page's language; null when it has a part that is not known. @param {string} said */
export function ruleText(said) {
  if (language === SERVER_LANGUAGE) return said.replace(CLOCK, clockWords);
  let [rest, text] = [said, ""];
  while (rest !== "") {
    const part = PARTS.map(([pattern, word]) => ({ found: pattern.exec(rest), word })).find(({ found }) => found !== null);
    if (part === undefined || part.found === null) return null;
    text += part.word(part.found);
    rest = rest.slice(part.found[0].length);
  }
  return text;
}

/** @param {string} said */
export const ruleWords = (said) => { const text = ruleText(said); return text === null ? asSaid(said) : html`${text}`; };
