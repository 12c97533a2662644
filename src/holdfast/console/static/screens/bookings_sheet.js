/** A day on paper: who comes when and where, with room to tick. Nothing of it is on the screen. */

import { ask, here } from "../core/api.js";
import { html, render, unrender } from "../core/html.js";
import { t } from "../core/i18n.js";
import { clock, fullOf, instantOf, longDayOf, rangeOf } from "../core/time.js";
import { page } from "../core/page.js";
import { lookOf } from "../ui/status.js";
import { daysFrom } from "./bookings_filter.js";
import { tell } from "./board_acts.js";

const PAGES_MAX = 10;
const ROWS = 500;

/** Prints the live bookings of a day. @param {string} date of the site */
export async function printSheet(date) {
  /** @type {any[]} */ const bookings = [];
  let cursor = "";
  try {
    for (let round = 0; round < PAGES_MAX; round += 1) {
      const query = new URLSearchParams({ state: "live", from: date, to: daysFrom(date, 1), limit: String(ROWS), ...(cursor ? { cursor } : {}) });
      const { data } = await ask("GET", `${here("bookings")}?${query}`);
      bookings.push(...data.bookings);
      if (data.next === null) break;
      cursor = data.next;
    }
  } catch (error) {
    return tell(error, t("bookings.print"));
  }
  const sheet = document.createElement("section");
  sheet.className = "sheet";
  render(drawn(date, bookings), sheet);
  document.body.append(sheet);
  document.body.classList.add("prints-sheet");
  addEventListener("afterprint", () => {
    unrender(sheet);
    sheet.remove();
    document.body.classList.remove("prints-sheet");
  }, { once: true });
  print();
}

/** @param {string} date @param {any[]} bookings */
const drawn = (date, bookings) => html`<h1>${page.site.name}</h1><p>${longDayOf(instantOf(`${date}T12:00`))} · ${t("bookings.count", { n: bookings.length })}</p>
  <table class="table"><thead><tr><th></th>${["bookings.time", "booking.units", "board.col_customer", "booking.phone", "booking.party", "board.col_status", "booking.note", "bookings.reference"].map((key) => html`<th scope="col">${t(key)}</th>`)}</tr></thead>
  <tbody>${bookings.map((one) => html`<tr><td>☐</td><td>${rangeOf(one.from, one.to)}</td><td>${one.units.join(", ")}</td><td>${one.customer?.name ?? one.customer?.reference ?? ""}</td><td>${one.customer?.phone ?? ""}</td>
    <td>${one.party ?? ""}</td><td>${lookOf(one.state).word}</td><td>${one.note ?? ""}</td><td class="mono">${one.reference}</td></tr>`)}</tbody></table>
  <p class="small">${t("bookings.printed", { at: fullOf(clock.now()) })}</p>`;
