/**
 * The tape chart by pointer: a bar is dragged to another room or other nights, an edge to another night. By finger after a
 * short hold, so that the chart still scrolls. A press on a free cell chooses it, a second one books there.
 */

import { flush } from "../core/signals.js";
import { may } from "../core/page.js";
import { addDays, dateOfDay } from "./tape_model.js";
import { openStay } from "./stay_panel.js";
import { openStayForm } from "./stay_form.js";

/** @typedef {import("./tape_state.js").Tape} Tape */
/** @typedef {import("./tape_model.js").Stay} Stay */
/** @typedef {{stay: Stay, edge: "start" | "end" | "", x: number, y: number, scrolled: number, isDragging: boolean, timer: any, pointer: number}} Grip */

const SLOP_PX = 5;
const EDGE_PX = 9;
const FINGER_EDGE_PX = 18;
const HOLD_MS = 350;
const SCROLL_EDGE_PX = 36;
const SCROLL_PX = 14;

/** @param {Tape} tape @param {HTMLElement} box */
export function dragging(tape, box) {
  /** @type {Grip | null} */ let grip = null;
  let wasDragged = false;

  const stayOf = (/** @type {Element} */ bar) => {
    const key = bar instanceof HTMLElement ? bar.dataset.stay : undefined;
    return tape.all.peek().flatMap(({ stays }) => stays).find((stay) => stay.key === key);
  };
  const cellWidth = () => (box.querySelector(".tape-days")?.getBoundingClientRect().width ?? 1) / tape.nights.peek();

  const begin = (/** @type {Grip} */ held) => {
    held.isDragging = true;
    wasDragged = true;
    tape.planner.begin(held.stay);
    box.classList.add("is-dragging");
    box.setPointerCapture(held.pointer);
  };
  const end = () => {
    clearTimeout(grip?.timer);
    box.classList.remove("is-dragging");
    grip = null;
  };

  box.addEventListener("pointerdown", (event) => {
    wasDragged = false;
    const bar = event.target instanceof Element ? event.target.closest(".stay.movable") : null;
    const stay = bar === null ? undefined : stayOf(bar);
    if (bar === null || stay === undefined || event.button !== 0 || tape.planner.isSaving.peek()) return;
    tape.planner.cancel();
    const at = bar.getBoundingClientRect();
    const reach = event.pointerType === "touch" ? FINGER_EDGE_PX : EDGE_PX;
    const isEdge = at.width > reach * 3;
    const edge = isEdge && at.right - event.clientX < reach ? "end" : isEdge && event.clientX - at.left < reach && stay.booking.started_at === null ? "start" : "";
    const held = { stay, edge: /** @type {Grip["edge"]} */ (edge), x: event.clientX, y: event.clientY, scrolled: box.scrollLeft, isDragging: false, timer: null, pointer: event.pointerId };
    grip = held;
    if (event.pointerType === "touch") grip.timer = setTimeout(() => begin(held), HOLD_MS);
  });

  box.addEventListener("pointermove", (event) => {
    if (grip === null) return;
    if (!grip.isDragging) {
      if (Math.hypot(event.clientX - grip.x, event.clientY - grip.y) < SLOP_PX) return;
      if (event.pointerType === "touch") return end();
      begin(grip);
    }
    // the chart may have scrolled beneath the pointer
    const days = Math.round((event.clientX - grip.x + box.scrollLeft - grip.scrolled) / cellWidth());
    const { stay, edge } = grip;
    const row = document.elementFromPoint(event.clientX, event.clientY)?.closest(".tape-row[data-unit]");
    const unit = edge === "" && row instanceof HTMLElement ? row.dataset.unit : undefined;
    if (edge === "end") tape.planner.change({ last: addDays(stay.last, days) });
    else if (edge === "start") tape.planner.change({ first: addDays(stay.first, Math.min(days, stay.nights - 1)) });
    else {
      const moved = stay.booking.started_at === null ? { first: addDays(stay.first, days), last: addDays(stay.last, days) } : {};
      tape.planner.change({ ...moved, ...(unit === undefined ? {} : { unit }) });
    }
    scrollAtEdge(box, event);
    flush();
  });

  box.addEventListener("pointerup", () => {
    if (grip?.isDragging) tape.planner.commit();
    end();
  });
  box.addEventListener("pointercancel", () => { if (grip?.isDragging) tape.planner.cancel(); end(); });
  // a finger that holds a bar must neither open the browser's menu nor scroll the page
  box.addEventListener("contextmenu", (event) => { if (grip !== null) event.preventDefault(); });
  box.addEventListener("touchmove", (event) => { if (grip?.isDragging && event.cancelable) event.preventDefault(); }, { passive: false });
  box.addEventListener("keydown", (event) => { if (event.key === "Escape" && grip?.isDragging) { tape.planner.cancel(); end(); } });

  box.addEventListener("click", (event) => {
    if (wasDragged || !(event.target instanceof Element)) return;
    const bar = event.target.closest(".stay");
    const stay = bar === null ? undefined : stayOf(bar);
    if (stay !== undefined) {
      tape.at.value = null;
      openStay(stay.booking);
      return;
    }
    const lane = event.target.closest(".lane");
    const row = event.target.closest(".tape-row");
    if (lane === null || !(row instanceof HTMLElement) || row.dataset.unit === undefined) return;
    const at = lane.getBoundingClientRect();
    tape.at.value = { code: row.dataset.unit, day: tape.start.peek() + Math.floor(((event.clientX - at.left) / at.width) * tape.nights.peek()) };
    box.focus({ preventScroll: true });
  });
  box.addEventListener("dblclick", (event) => {
    const isFree = event.target instanceof Element && event.target.closest(".lane") !== null && event.target.closest(".stay, .hatch") === null;
    const cell = tape.at.peek();
    if (isFree && cell !== null && may("book")) openStayForm({ unit: cell.code, date: dateOfDay(cell.day) });
  });
}

/** @param {HTMLElement} box @param {PointerEvent} event */
function scrollAtEdge(box, event) {
  const at = box.getBoundingClientRect();
  const down = event.clientY > at.bottom - SCROLL_EDGE_PX ? SCROLL_PX : event.clientY < at.top + SCROLL_EDGE_PX * 2 ? -SCROLL_PX : 0;
  const lane = at.left + (box.querySelector(".tape-corner")?.getBoundingClientRect().width ?? 0);
  const across = event.clientX > at.right - SCROLL_EDGE_PX ? SCROLL_PX : event.clientX < lane + SCROLL_EDGE_PX && event.clientX > at.left ? -SCROLL_PX : 0;
  if (down !== 0 || across !== 0) box.scrollBy(across, down);
}
