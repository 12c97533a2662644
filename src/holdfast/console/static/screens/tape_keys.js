/**
 * The tape chart by keys: arrows go from cell to cell and say what is there; Enter opens; M takes a stay up, arrows carry
 * it, + and − lengthen and shorten it, Enter puts it down, Escape leaves it where it was.
 */

import { flush } from "../core/signals.js";
import { hotkeys } from "../core/hotkeys.js";
import { t } from "../core/i18n.js";
import { announce } from "../core/announcer.js";
import { may } from "../core/page.js";
import { lookOf } from "../ui/status.js";
import { isRunning } from "./board_model.js";
import { addDays, dateOfDay, dayNumber, isTaken } from "./tape_model.js";
import { guestOf, longDayWord, nightsBetween, nightsWords, spanWords } from "./stay_words.js";
import { planWords } from "./tape_plan.js";
import { rowElement } from "./tape_overlay.js";
import { openStay } from "./stay_panel.js";
import { openStayForm } from "./stay_form.js";
import { openRoom } from "./room_panel.js";
import { checkIn, checkOut } from "./stay_acts.js";

/** @typedef {import("./tape_state.js").Tape} Tape */

const ROWS_OF_A_PAGE = 8;
/** @type {Record<string, [rows: number, days: number]>} */
const WAYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-ROWS_OF_A_PAGE, 0], PageDown: [ROWS_OF_A_PAGE, 0] };

/** The rooms in the order in which they stand. @param {Tape} tape */
const order = (tape) => tape.groups.peek().flatMap(({ rows }) => rows.map(({ unit }) => unit.code));

/** @param {Tape} tape */
const cellNow = (tape) => {
  const at = tape.at.peek();
  const codes = order(tape);
  if (at !== null && codes.includes(at.code)) return at;
  const today = dayNumber(tape.today.peek());
  const isShown = today >= tape.start.peek() && today < tape.start.peek() + tape.nights.peek();
  return { code: codes[0] ?? "", day: isShown ? today : tape.start.peek() };
};

/** @param {Tape} tape @param {import("./tape_state.js").Cell} cell */
function go(tape, { code, day }) {
  if (code === "") return;
  const end = tape.start.peek() + tape.nights.peek();
  if (day < tape.start.peek() || day >= end) tape.step(day < tape.start.peek() ? -7 : 7);
  tape.at.value = { code, day };
  flush();
  reveal(tape, code, day);
  announce(cellWords(tape, { code, day }));
}

/** Scrolls a cell out from under what is sticky. @param {Tape} tape @param {string} code @param {number} day */
export function reveal(tape, code, day) {
  const [row, box] = [rowElement(code), document.querySelector(".tape")];
  const lane = row?.querySelector(".lane");
  if (row === null || box === null || !(lane instanceof HTMLElement)) return;
  const [seen, at, nights] = [box.getBoundingClientRect(), lane.getBoundingClientRect(), tape.nights.peek()];
  const head = box.querySelector(".tape-head")?.getBoundingClientRect();
  const room = row.querySelector(".room")?.getBoundingClientRect();
  const [left, width] = [at.left + (at.width / nights) * (day - tape.start.peek()), at.width / nights];
  const [top, edge] = [head?.bottom ?? seen.top, room?.right ?? seen.left];
  const down = at.top < top ? at.top - top : Math.max(0, at.bottom - seen.bottom);
  const across = left < edge ? left - edge : Math.max(0, left + width - seen.right);
  box.scrollBy({ top: down, left: across });
  const shown = row.getBoundingClientRect();
  if (shown.top < 120 || shown.bottom > innerHeight - 20) row.scrollIntoView({ block: "center" });
}

/** @param {Tape} tape @param {import("./tape_state.js").Cell} cell */
function cellWords(tape, cell) {
  const row = tape.rowOf(cell.code);
  if (row === undefined) return "";
  const stay = tape.stayAt(cell);
  const about = { unit: cell.code, category: row.unit.category, status: lookOf(row.unit.shown_status).word, day: longDayWord(dateOfDay(cell.day)) };
  if (stay !== null) return t("hotel.cell_stay", { ...about, who: guestOf(stay.booking), state: lookOf(stay.booking.state).word, span: spanWords(stay.first, stay.last), nights: nightsWords(stay.nights) });
  return t(isTaken(row, cell.day, tape.now.peek()) ? "hotel.cell_blocked" : "hotel.cell_free", about);
}

/** @param {Tape} tape */
function takeUp(tape) {
  const stay = tape.stayAt(cellNow(tape));
  if (stay === null) return void announce(t("hotel.no_stay_here"));
  if (!stay.isMovable || !may("book")) return void announce(t("hotel.not_movable", { who: guestOf(stay.booking), state: lookOf(stay.booking.state).word }));
  tape.planner.begin(stay);
  announce(t("hotel.taken_up", { who: guestOf(stay.booking), span: spanWords(stay.first, stay.last) }), "assertive");
}

/** @param {Tape} tape @param {number} nights */
function resize(tape, nights) {
  if (tape.planner.plan.peek() === null) takeUp(tape);
  const plan = tape.planner.plan.peek();
  if (plan === null) return;
  if (nightsBetween(plan.first, plan.last) + nights < 1) return announce(t("hotel.one_night_at_least"));
  carry(tape, { last: addDays(plan.last, nights) });
}

/** @param {Tape} tape @param {Partial<{unit: string, first: string, last: string}>} wish */
function carry(tape, wish) {
  if (!tape.planner.change(wish)) return announce(t("hotel.not_there"));
  flush();
  const plan = tape.planner.plan.peek();
  if (plan === null) return;
  reveal(tape, plan.unit, Math.min(dayNumber(plan.last), tape.start.peek() + tape.nights.peek() - 1));
  announce(planWords(plan));
}

/** Keys while a stay is taken up. @param {Tape} tape @param {KeyboardEvent} event @returns {boolean} */
function carrying(tape, event) {
  const plan = tape.planner.plan.peek();
  if (plan === null) return false;
  const way = WAYS[event.key];
  if (way !== undefined) {
    const codes = order(tape);
    const unit = codes[Math.min(codes.length - 1, Math.max(0, codes.indexOf(plan.unit) + way[0]))];
    if (way[1] !== 0 && isRunning(plan.stay.booking)) announce(t("hotel.arrival_stays"));
    else carry(tape, way[1] === 0 ? { unit } : { first: addDays(plan.first, way[1]), last: addDays(plan.last, way[1]) });
  } else if (event.key === "Enter") put(tape);
  else if (event.key === "Escape") leave(tape);
  else return false;
  return true;
}

/** @param {Tape} tape */
async function put(tape) {
  const plan = tape.planner.plan.peek();
  if (plan === null) return;
  await tape.planner.commit();
  if (tape.stayAt({ code: plan.unit, day: dayNumber(plan.first) })?.booking.id === plan.stay.booking.id) tape.at.value = { code: plan.unit, day: dayNumber(plan.first) };
}

/** @param {Tape} tape */
function leave(tape) {
  tape.planner.cancel();
  announce(t("hotel.left_alone"), "assertive");
}

/** What the chart itself hears. @param {Tape} tape @returns {(event: KeyboardEvent) => void} */
export const chartKeys = (tape) => (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
  const way = WAYS[event.key];
  const cell = cellNow(tape);
  if (carrying(tape, event)) { /* done there */ }
  else if (way !== undefined) {
    const codes = order(tape);
    // the first key goes to the cell, the next ones from it
    if (tape.at.peek() === null) go(tape, cell);
    else go(tape, { code: codes[Math.min(codes.length - 1, Math.max(0, codes.indexOf(cell.code) + way[0]))] ?? "", day: cell.day + way[1] });
  } else if (event.key === "Home" || event.key === "End") go(tape, { code: cell.code, day: event.key === "Home" ? tape.start.peek() : tape.start.peek() + tape.nights.peek() - 1 });
  else if (event.key === "Enter") { const stay = tape.stayAt(cell); if (stay === null) openRoom(cell.code); else openStay(stay.booking); }
  else if (event.key === "Escape" && tape.at.peek() !== null) tape.at.value = null;
  else return;
  event.preventDefault();
};

/** The letters, listed by `?`. @param {Tape} tape @param {() => void} focus */
export function tapeHotkeys(tape, focus) {
  const group = t("hotel.keys");
  const onStay = (/** @type {(stay: import("./tape_model.js").Stay) => void} */ run) => () => {
    const stay = tape.stayAt(cellNow(tape));
    if (stay === null) announce(t("hotel.no_stay_here"));
    else run(stay);
  };
  hotkeys(
    { keys: "ArrowDown", label: t("hotel.key_arrows"), group, run: () => { focus(); go(tape, cellNow(tape)); } },
    { keys: "[", label: t("hotel.key_before"), group, run: () => tape.step(-7) },
    { keys: "]", label: t("hotel.key_after"), group, run: () => tape.step(7) },
    { keys: "0", label: t("hotel.key_today"), group, run: () => { tape.from.value = null; } },
  );
  if (!may("book")) return;
  const isChart = (/** @type {() => void} */ run) => () => { if (document.querySelector(".tape") !== null) { focus(); run(); } };
  hotkeys(
    { keys: "m", label: t("hotel.key_move"), group, run: isChart(() => takeUp(tape)) },
    { keys: "+", label: t("hotel.key_longer"), group, run: isChart(() => resize(tape, 1)) },
    { keys: "-", label: t("hotel.key_shorter"), group, run: isChart(() => resize(tape, -1)) },
    { keys: "n", label: t("hotel.key_new"), group, run: () => { const cell = tape.at.peek(); openStayForm(cell === null || document.querySelector(".tape") === null ? {} : { unit: cell.code, date: dateOfDay(cell.day) }); } },
    { keys: "i", label: t("hotel.key_in"), group, run: isChart(onStay(({ booking }) => { if (booking.state === "Reserved") checkIn(booking); })) },
    { keys: "o", label: t("hotel.key_out"), group, run: isChart(onStay(({ booking }) => { if (isRunning(booking)) checkOut(booking); })) },
  );
}
