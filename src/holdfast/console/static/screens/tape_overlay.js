/** What lies over the bars of a tape chart: the cell that the keys are at, and the ghost of a stay that is being moved. */

import { html } from "../core/html.js";
import { effect } from "../core/signals.js";
import { icon } from "../ui/icon.js";
import { dayNumber } from "./tape_model.js";
import { guestOf } from "./stay_words.js";
import { planWords, verdictWords } from "./tape_plan.js";

/** @typedef {import("./tape_state.js").Tape} Tape */

const LOOKS = { same: ["off", "drag"], asking: ["accent", "hourglass"], free: ["free", "check"], refused: ["bad", "alert"] };

/** The row of a room. @param {string} code @returns {HTMLElement | null} */
export const rowElement = (code) => document.querySelector(`.tape-row[data-unit="${CSS.escape(code)}"]`);

/** Shows the bars of a stay that is being moved as taken up. @param {Tape} tape */
export const lifting = (tape) => effect(() => {
  const plan = tape.planner.plan.value;
  for (const bar of document.querySelectorAll(".stay.lifted")) bar.classList.remove("lifted");
  if (plan !== null) for (const bar of document.querySelectorAll(`.stay[data-stay="${CSS.escape(plan.stay.key)}"]`)) bar.classList.add("lifted");
});

/** @param {Tape} tape */
export const overlay = (tape) => html`<div class="tape-over" aria-hidden="true">${() => cursor(tape)}${() => ghost(tape)}</div>`;

/** @param {Tape} tape */
function cursor(tape) {
  // rows may have come or gone above it
  tape.groups.value;
  tape.troubles.value;
  const cell = tape.at.value;
  const row = cell === null ? null : rowElement(cell.code);
  if (cell === null || row === null || tape.planner.plan.value !== null) return null;
  return html`<i class="tape-cursor" style:--top=${`${row.offsetTop}px`} style:--height=${`${row.offsetHeight}px`} style:--from=${cell.day - tape.start.value} style:--to=${cell.day - tape.start.value + 1}></i>`;
}

/** @param {Tape} tape */
function ghost(tape) {
  const plan = tape.planner.plan.value;
  const row = plan === null ? null : rowElement(plan.unit);
  if (plan === null || row === null) return null;
  const [tone, name] = LOOKS[plan.verdict];
  const start = tape.start.value;
  return html`<div class="ghost tone-${tone}" style:--top=${`${row.offsetTop}px`} style:--height=${`${row.offsetHeight}px`}
      style:--from=${dayNumber(plan.first) + 0.5 - start} style:--to=${dayNumber(plan.last) + 0.5 - start}>${icon(name, "small")}<span class="who">${guestOf(plan.stay.booking)}</span></div>
    <div class="ghost-words tone-${tone}" style:--top=${`${row.offsetTop}px`} style:--height=${`${row.offsetHeight}px`} style:--from=${Math.max(0, dayNumber(plan.first) - start)}>
      <span class="strong">${planWords(plan)}</span><span>${icon(name, "small")}${verdictWords(plan)}</span></div>`;
}
