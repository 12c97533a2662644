/**
 * Time as the site has it: instants in its zone, and a second that ticks by the server's clock, not by the screen's.
 */

import { Clock } from "./stream.js";
import { signal } from "./signals.js";
import { locale, t } from "./i18n.js";
import { page } from "./page.js";

export const clock = new Clock();
/** The server's time in milliseconds; changes on each of its whole seconds. */
export const second = signal(clock.now());
/** The same, of each whole minute: for what need not be drawn every second. */
export const minute = signal(floor(clock.now(), 60_000));

/** @param {number} value @param {number} step */
function floor(value, step) { return value - (value % step); }

/** The server's time, to the millisecond; whoever reads it is told again each minute. */
export function nowEachMinute() {
  minute.value;
  return clock.now();
}

/** Begins to tick; once per page. */
export function startTicking() {
  const tick = () => {
    const now = clock.now();
    // a timer may come a few milliseconds before its second
    second.value = floor(now + 20, 1000);
    minute.value = floor(now + 20, 60_000);
    setTimeout(tick, 1000 - ((now + 20) % 1000) + 1);
  };
  tick();
}

/** Takes the server's time from a page that has just come. @param {string} told */
export function learnFromPage(told) {
  const [way] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  if (way === undefined || way.responseStart === 0) return;
  clock.sample(performance.timeOrigin + way.requestStart, performance.timeOrigin + way.responseStart, told);
  second.value = floor(clock.now(), 1000);
  minute.value = floor(clock.now(), 60_000);
}

const NO_BREAK = "\u00a0";
const zone = page.site?.time_zone;
/** @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(locale, { ...(zone ? { timeZone: zone } : {}), ...options });

/** What a format writes of an instant, in its parts. `AM` is not parted from its time at the end of a line.
 * @param {Intl.DateTimeFormat} made @param {Date | number} at */
function partsOf(made, at) {
  const found = made.formatToParts(at);
  const half = found.findIndex(({ type }) => type === "dayPeriod");
  if (half > 0 && found[half - 1].value === " ") found[half - 1].value = NO_BREAK;
  return found;
}

/** An instant as a format writes it, each time in one line. @param {Intl.DateTimeFormat} made @param {Date | number} at */
export const inOneLine = (made, at) => partsOf(made, at).map(({ value }) => value).join("");

/** Made when it is first needed: each takes milliseconds. @param {Intl.DateTimeFormatOptions} options */
const lazy = (options) => {
  /** @type {Intl.DateTimeFormat | undefined} */ let made;
  return { format: (/** @type {Date} */ at) => inOneLine((made ??= format(options)), at), parts: (/** @type {Date} */ at) => partsOf((made ??= format(options)), at) };
};
const formats = {
  time: lazy({ hour: "2-digit", minute: "2-digit" }),
  clock: lazy({ timeZone: "UTC", hour: "2-digit", minute: "2-digit" }),
  seconds: lazy({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  day: lazy({ weekday: "short", day: "numeric", month: "short" }),
  long: lazy({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
  date: lazy({ dateStyle: "medium" }),
};
const parts = new Intl.DateTimeFormat("en-CA", {
  ...(zone ? { timeZone: zone } : {}), year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

/** @typedef {string | number} Instant RFC 3339, or milliseconds since 1970 */
/** @param {Instant} at */
const date = (at) => new Date(at);

/** @type {Map<number, string>} */ const times = new Map();

/** @param {Instant} at */
export function timeOf(at) {
  const minutes = Math.floor(date(at).getTime() / 60_000);
  let found = times.get(minutes);
  if (found === undefined) {
    if (times.size >= REMEMBERED_MAX) times.clear();
    found = formats.time.format(date(at));
    times.set(minutes, found);
  }
  return found;
}
/** @param {Instant} at */ export const secondsOf = (at) => formats.seconds.format(date(at));
/** The same in three: up to the minute, the seconds with what parts them from it, and what follows. @param {Instant} at */
export function splitSecondsOf(at) {
  const parts = formats.seconds.parts(date(at));
  const second = parts.findIndex(({ type }) => type === "second");
  const text = (/** @type {number} */ from, /** @type {number} */ to) => parts.slice(from, to).map(({ value }) => value).join("");
  return { minute: text(0, second - 1), second: text(second - 1, second + 1), rest: text(second + 1, parts.length) };
}
/** @param {Instant} at */ export const dayOf = (at) => formats.day.format(date(at));
/** @param {Instant} at */ export const longDayOf = (at) => formats.long.format(date(at));
/** The day with its year, in short. @param {Instant} at */ export const dateNameOf = (at) => formats.date.format(date(at));
/** @param {Instant} at */ export const fullOf = (at) => `${dateNameOf(at)}, ${secondsOf(at)}`;

const QUARTER_MS = 900_000;
const REMEMBERED_MAX = 5_000;
/** @type {Map<number, number>} */ const offsets = new Map();

/** A local time of the site as forms and the API take it: `2027-03-08T18:00`. Zones change at whole quarters of an hour:
 * one question a quarter is enough, where a chart has thousands of instants. @param {Instant} at */
export function localOf(at) {
  const ms = date(at).getTime();
  const quarter = Math.floor(ms / QUARTER_MS) * QUARTER_MS;
  let offset = offsets.get(quarter);
  if (offset === undefined) {
    if (offsets.size >= REMEMBERED_MAX) offsets.clear();
    const found = Object.fromEntries(parts.formatToParts(quarter).map(({ type, value }) => [type, value]));
    offset = Date.parse(`${found.year}-${found.month}-${found.day}T${found.hour}:${found.minute}Z`) - quarter;
    offsets.set(quarter, offset);
  }
  return new Date(ms + offset).toISOString().slice(0, 16);
}

/** The instant of a local time of the site; of one that exists twice the first. @param {string} local @returns {number} */
export function instantOf(local) {
  const wanted = Date.parse(`${local}Z`);
  let found = wanted;
  // twice, because the offset may be another one beyond a change of the clocks
  for (let round = 0; round < 2; round += 1) found += wanted - Date.parse(`${localOf(found)}Z`);
  return found;
}

/** The site's date of an instant: `2027-03-08`. @param {Instant} at */
export const dateOf = (at) => localOf(at).slice(0, 10);

/** A time of the clock as the API has it, `03:20`, as people write it. @param {string} clock */
export const clockWords = (clock) => formats.clock.format(date(`1970-01-01T${clock}Z`));

/** The day where it is not today, to stand before a time. @param {Instant} at */
export const unlessToday = (at) => (dateOf(at) === dateOf(clock.now()) ? "" : `${dayOf(at)}, `);

/** The time, with the day where it is not today. @param {Instant} at */
export const whenOf = (at) => `${unlessToday(at)}${timeOf(at)}`;

/** From when to when, with the days where they are not today, or not the same. @param {Instant} from @param {Instant} to */
export const rangeOf = (from, to) => endsOf(from, to).join(" ");

/** The same in two, for where there may be no room beside each other. @param {Instant} from @param {Instant} to */
export const endsOf = (from, to) => [`${whenOf(from)} –`, `${dateOf(from) === dateOf(to) ? "" : `${dayOf(to)}, `}${timeOf(to)}`];

/** A length in words: `1 h 5 min`, `12 min`; under ten minutes `4:59`, for what counts down. @param {number} ms */
export function lengthOf(ms, counting = false) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (counting && seconds < 600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return lengthWords(Math.ceil(seconds / 60), false);
}

/** A length after `in` and `ago`, where German has its days in another form: `in 2 Tagen`. @param {number} ms */
export const distanceOf = (ms) => lengthWords(Math.max(0, Math.ceil(ms / 60_000)), true);

/** @param {number} minutes @param {boolean} isAway */
function lengthWords(minutes, isAway) {
  if (minutes < 60) return t("time.minutes", { minutes });
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  if (days > 0) return hours > 0 ? t(isAway ? "time.away_days_hours" : "time.days_hours", { n: days, hours }) : t(isAway ? "time.away_days" : "time.days", { n: days });
  return rest === 0 ? t("time.hours", { hours }) : t("time.hours_minutes", { hours, minutes: rest });
}

/** The zone as people say it, with its offset now: `Europe/Berlin (GMT+1)`. */
export function zoneName() {
  if (!zone) return "";
  const found = format({ timeZoneName: "short" }).formatToParts(date(clock.now())).find(({ type }) => type === "timeZoneName");
  const name = zone.replaceAll("_", " ");
  return found === undefined || found.value === name ? name : `${name} (${found.value})`;
}
