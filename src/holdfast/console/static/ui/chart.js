/**
 * Lines over steps, drawn as SVG in the page's own colours. What is under the pointer, or gone to with the arrows, is told in the
 * legend in figures, so that nothing has to be read off an axis. As many pixels wide as there is room.
 *
 * @typedef {{name: string, values: (number | null)[], tone?: string, isDashed?: boolean, isThin?: boolean}} Series a thin one is drawn behind, without a place in the legend
 * @typedef {{label: string, steps: string[], stepLabel: string, series: Series[], format: (value: number) => string, tick?: (value: number) => string, marks?: {at: number, value: number, text: string}[], height?: number}} Chart
 */

import { html, svg } from "../core/html.js";
import { computed, signal } from "../core/signals.js";

const HEIGHT = 260;
const TICKS = 4;
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 16, 14, 30];
const STEP_PX_MIN = 44;
/** As much as a letter takes, and half as much again: the last word of the axis ends where others have their middle. */
const LETTER_PX = 9;

/** What of a chart outlives its being drawn again: how wide it is, and which step is looked at (-1: the last one). */
export const chartState = () => ({ width: signal(0), looked: signal(-1) });

/** @param {Chart} o @param {ReturnType<typeof chartState>} state */
export function lineChart(o, state) {
  const { width, looked } = state;
  const last = Math.max(0, ...o.series.filter(({ isThin }) => !isThin).map(({ values }) => values.findLastIndex((value) => value !== null)));
  const at = computed(() => (looked.value < 0 || looked.value >= o.steps.length ? last : looked.value));
  const box = computed(() => boxOf(o, width.value));
  const told = () => o.series.filter(({ isThin }) => !isThin);
  const words = () => `${o.stepLabel} ${o.steps[at.value]}: ${told().map(({ name, values }) => `${name} ${textOf(o, values[at.value])}`).join(", ")}`;
  const go = (/** @type {number} */ next) => { looked.value = Math.max(0, Math.min(o.steps.length - 1, next)); };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    /** @type {Record<string, number>} */ const ways = { ArrowRight: at.peek() + 1, ArrowLeft: at.peek() - 1, ArrowUp: at.peek() + 1, ArrowDown: at.peek() - 1, Home: 0, End: o.steps.length - 1 };
    if (ways[event.key] === undefined) return;
    event.preventDefault();
    go(ways[event.key]);
  };
  const point = (/** @type {PointerEvent} */ event) => {
    const area = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    const { stepPx } = box.peek();
    if (stepPx > 0) go(Math.round((event.clientX - area.left - LEFT) / stepPx));
  };
  return html`<div class="chart"><ul class="chart-legend"><li class="soft">${() => `${o.stepLabel} ${o.steps[at.value] ?? ""}`}</li>${told().map((one) => html`<li class=${`tone-${one.tone ?? "accent"}`}><i class=${one.isDashed ? "is-dashed" : ""} aria-hidden="true"></i>${one.name} <strong>${() => textOf(o, one.values[at.value])}</strong></li>`)}</ul>
    <div class="chart-area" role="slider" tabindex="0" aria-label=${o.label} aria-valuemin="0" aria-valuemax=${o.steps.length - 1} aria-valuenow=${() => at.value} aria-valuetext=${words} @keydown=${keys} @pointermove=${point}
      ref=${(/** @type {HTMLElement} */ element) => { new ResizeObserver(([entry]) => { width.value = Math.round(entry.contentRect.width); }).observe(element); }}>
      ${() => (box.value.width > 0 ? drawing(o, box.value, at) : null)}</div></div>`;
}

/** @param {Chart} o @param {number | null | undefined} value */
const textOf = (o, value) => (value === null || value === undefined ? "–" : o.format(value));

/** Where things lie. @param {Chart} o @param {number} width */
function boxOf(o, width) {
  const height = o.height ?? HEIGHT;
  const all = [...o.series.flatMap(({ values }) => values), ...(o.marks ?? []).map(({ value }) => value)].filter((value) => value !== null);
  const step = niceStep(Math.max(...all, 0) - Math.min(...all, 0));
  const [low, high] = [Math.floor(Math.min(...all, 0) / step) * step, Math.max(step, Math.ceil(Math.max(...all, 0) / step) * step)];
  const stepPx = o.steps.length > 1 ? (width - LEFT - RIGHT) / (o.steps.length - 1) : 0;
  return {
    width, height, stepPx, low, high, step,
    x: (/** @type {number} */ index) => (o.steps.length > 1 ? LEFT + index * stepPx : (LEFT + width - RIGHT) / 2),
    y: (/** @type {number} */ value) => TOP + (1 - (value - low) / (high - low)) * (height - TOP - BOTTOM),
  };
}

/** A step of 1, 2 or 5 times a power of ten. @param {number} span */
function niceStep(span) {
  const rough = Math.max(span, 1e-9) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  return (([1, 2, 2.5, 5].find((one) => one * power >= rough) ?? 10)) * power;
}

/** @param {Chart} o @param {ReturnType<typeof boxOf>} box @param {{value: number}} at */
function drawing(o, box, at) {
  const { width, height, x, y, low, high, step, stepPx } = box;
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, index) => low + index * step);
  const wordPx = Math.max(STEP_PX_MIN, ...o.steps.map((text) => text.length * LETTER_PX));
  const every = Math.max(1, Math.ceil(wordPx / Math.max(1, stepPx)));
  const thin = o.series.filter(({ isThin }) => isThin);
  const bold = o.series.filter(({ isThin }) => !isThin);
  return html`<svg class="chart-svg" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
    ${ticks.map((value) => svg`<line class="chart-grid" x1=${LEFT} x2=${width - RIGHT} y1=${y(value)} y2=${y(value)}></line><text class="chart-text" x=${LEFT - 8} y=${y(value) + 4} text-anchor="end">${(o.tick ?? o.format)(value)}</text>`)}
    ${o.steps.map((text, index) => (index % every === 0 ? svg`<text class="chart-text" x=${x(index)} y=${height - 8} text-anchor=${anchorOf(text, x(index), width)}>${text}</text>` : null))}
    ${thin.map((one) => svg`<path class="chart-line is-thin" d=${pathOf(one.values, x, y)}></path>`)}
    ${bold.map((one) => svg`<g class=${`tone-${one.tone ?? "accent"}`}><path class=${`chart-line ${one.isDashed ? "is-dashed" : ""}`} d=${pathOf(one.values, x, y)}></path>${one.values.filter((value) => value !== null).length === 1 ? one.values.map((value, index) => (value === null ? null : svg`<circle class="chart-dot" cx=${x(index)} cy=${y(value)} r="4"></circle>`)) : null}</g>`)}
    ${(o.marks ?? []).map((mark) => svg`<g class="chart-mark"><circle cx=${x(mark.at)} cy=${y(mark.value)} r="6"></circle><text class="chart-text is-strong" x=${anchored(x(mark.at), width)} y=${Math.max(TOP + 8, y(mark.value) - 14)} text-anchor=${x(mark.at) > width * 0.7 ? "end" : "start"}>${mark.text}</text></g>`)}
    ${() => svg`<line class="chart-cursor" x1=${x(at.value)} x2=${x(at.value)} y1=${TOP} y2=${height - BOTTOM}></line>${bold.map((one) => { const value = one.values[at.value]; return value === null || value === undefined ? null : svg`<g class=${`tone-${one.tone ?? "accent"}`}><circle class="chart-dot" cx=${x(at.value)} cy=${y(value)} r="4"></circle></g>`; })}`}</svg>`;
}

/** A long word at the side stays inside. @param {string} text @param {number} x @param {number} width */
const anchorOf = (text, x, width) => (x + text.length * 3.5 > width ? "end" : "middle");

/** @param {number} x @param {number} width */
const anchored = (x, width) => (x > width * 0.7 ? x - 4 : x + 4);

/** A line with a gap where nothing is known. @param {(number | null)[]} values @param {(at: number) => number} x @param {(value: number) => number} y */
function pathOf(values, x, y) {
  let isDown = false;
  return values.map((value, index) => {
    if (value === null) { isDown = false; return ""; }
    const part = `${isDown ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = true;
    return part;
  }).join("");
}
