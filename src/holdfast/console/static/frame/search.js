/**
 * What the search finds beside commands: units and bookings of this site. What the page holds is found at once; the
 * server is asked a few bounded questions once somebody has stopped typing.
 */

import { ask, here } from "../core/api.js";
import { bring } from "../core/bring.js";
import { collator, t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";
import { clock, rangeOf } from "../core/time.js";
import { lookOf } from "../ui/status.js";
import { offer, seekWith } from "../ui/palette.js";

const FOUND_MAX = 8;
const BEHIND_MS = 30 * 24 * 3_600_000;

/** @typedef {import("../ui/palette.js").Command} Command */

/** Lets the search find this site's units and bookings. */
export function searchSite() {
  if (page.screen !== "board") offer(units);
  if (may("names")) seekWith(bookings);
}

/** @returns {Command[]} */
function units() {
  const all = [...siteStore().replica.units.values()].sort((a, b) => collator.compare(a.code, b.code));
  return all.map((unit) => ({
    label: unit.code, icon: lookOf(unit.shown_status).icon, hint: lookOf(unit.shown_status).word,
    run: async () => { (await bring("screens/unit_here.js")).openUnitHere(unit.code); },
  }));
}

/** @param {string} typed @param {AbortSignal} signal @returns {Promise<Command[]>} */
async function bookings(typed, signal) {
  const asked = questions(typed).map((question) => {
    const query = new URLSearchParams({ ...question, limit: String(FOUND_MAX) });
    return ask("GET", `${here("bookings")}?${query}`, { signal });
  });
  const answers = await Promise.all(asked);
  /** @type {Map<string, any>} */ const found = new Map();
  for (const { data } of answers) for (const one of data.bookings) found.set(one.id, one);
  return [...found.values()].slice(0, FOUND_MAX).map(command);
}

/** What to ask of the server: by reference and by who it is for exactly, by part of a name from a month ago on.
 * @param {string} typed @returns {Record<string, string>[]} */
function questions(typed) {
  const exact = typed.includes("@") || /\d{4}/.test(typed) ? [{ customer: typed }] : [];
  const name = /[\p{L}]/u.test(typed) && !typed.includes("@") ? [{ name: typed, from: new Date(clock.now() - BEHIND_MS).toISOString() }] : [];
  const reference = /\s|@/.test(typed) ? [] : [{ reference: typed.toUpperCase() }];
  return [...reference, ...exact, ...name];
}

/** @param {any} booking @returns {Command} */
function command(booking) {
  const { name, reference, email } = booking.customer ?? {};
  const who = name ?? reference ?? email;
  return {
    label: [booking.reference, who].filter(Boolean).join(" · "), icon: lookOf(booking.state).icon,
    hint: `${booking.units.join(", ")} · ${rangeOf(booking.from, booking.to)} · ${lookOf(booking.state).word}`,
    run: async () => { (await bring("screens/booking_drawer.js")).openBooking(booking.id, t("booking.title")); },
  };
}
