/**
 * HTML from tagged templates. Data only ever becomes text, an attribute or a property, so nothing in it can become
 * markup. A template drawn again in the same place changes what differs and keeps the elements, with their focus.
 *
 *   html`<p class=${kind}>${text}</p>`            text, attributes (null and false leave an attribute out)
 *   html`<input .value=${text} ?disabled=${no}>`  properties; attributes that are there or not
 *   html`<button @click=${act}>`                  events
 *   html`<i style:--share=${0.4}></i>`            custom properties, by CSSOM: style attributes are forbidden
 *   html`<div ref=${(element) => …}>`             the element, once it is made
 *   html`${() => count.value}`, html`${count}`    a function or signal: drawn again by itself when it changes
 *   each(rows, (row) => row.id, (row) => html`…`) a keyed list; a row that is the same object is not drawn again
 *
 * Inside a tag, static text holds no ">" but the tag's own. `.value` may not stand in <title>, <style> or <textarea>.
 *
 * @typedef {{strings: TemplateStringsArray, values: any[], isSvg: boolean}} Template
 * @typedef {(element: any, values: any[]) => void} Write
 * @typedef {{index: number, name: string, pieces: string[], write: Write | null}} Place without a name: between two tags
 * @typedef {{element: HTMLTemplateElement, places: Place[], isClosed: boolean}} Compiled `isClosed`: begins and ends with what stays
 * @typedef {{set: (values: any[], at: number) => number, dispose: () => void}} Part
 */

import { effect, isSignal } from "./signals.js";
import { Child, Each, setDraw } from "./html_child.js";

export { Each };

const MARK = "h\u{1F}";
/** @type {WeakMap<TemplateStringsArray, Compiled>} */ const compiled = new WeakMap();
/** @type {WeakMap<Node, Child>} */ const roots = new WeakMap();

/** @param {TemplateStringsArray} strings @param {...any} values @returns {Template} */
export const html = (strings, ...values) => ({ strings, values, isSvg: false });

/** What stands inside an <svg>. @param {TemplateStringsArray} strings @param {...any} values @returns {Template} */
export const svg = (strings, ...values) => ({ strings, values, isSvg: true });

/** @template T @param {Iterable<T>} items @param {(item: T) => string | number} key @param {(item: T) => any} draw */
export const each = (items, key, draw) => new Each(items, key, draw);

/** Draws into an element, in place of whatever was there. @param {any} value @param {Element} container */
export function render(value, container) {
  let root = roots.get(container);
  if (root === undefined) {
    container.textContent = "";
    const end = container.appendChild(document.createComment(""));
    root = new Child(end);
    roots.set(container, root);
  }
  root.show(value);
}

/** Takes what was drawn away again, and stops its effects. @param {Element} container */
export function unrender(container) {
  roots.get(container)?.clear();
  roots.delete(container);
  container.textContent = "";
}

/** @param {Template} template @returns {Compiled} */
function compile({ strings, isSvg }) {
  const known = compiled.get(strings);
  if (known !== undefined) return known;
  let text = "";
  /** @type {string[]} */ const names = [];
  strings.forEach((piece, at) => {
    text += piece;
    if (at === strings.length - 1) return;
    const isInTag = text.lastIndexOf("<") > text.lastIndexOf(">");
    // the parser makes names small: the name as it was written counts
    const name = isInTag ? (/([^\s"'<>/=]+)=["']?[^"'=]*$/.exec(text)?.[1] ?? "") : "";
    names.push(name);
    text += isInTag ? `${MARK}${at}${MARK}` : `<!--${MARK}${at}-->`;
  });
  const element = document.createElement("template");
  element.innerHTML = isSvg ? `<svg>${text}</svg>` : text;
  if (isSvg) element.content.replaceChildren(...(element.content.firstChild?.childNodes ?? []));
  const { firstChild, lastChild } = element.content;
  const isClosed = firstChild !== null && ![firstChild, lastChild].some((node) => node instanceof Comment);
  const made = { element, places: placesIn(element.content, names), isClosed };
  compiled.set(strings, made);
  return made;
}

/** @param {DocumentFragment} content @param {string[]} names @returns {Place[]} */
function placesIn(content, names) {
  /** @type {Place[]} */ const places = [];
  const walker = document.createTreeWalker(content, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_COMMENT);
  for (let index = 0, node = walker.nextNode(); node !== null; index += 1, node = walker.nextNode()) {
    if (node instanceof Comment) {
      if (node.data.startsWith(MARK)) places.push({ index, name: "", pieces: [], write: null });
      continue;
    }
    for (const { name, value } of [.../** @type {Element} */ (node).attributes]) {
      if (!value.includes(MARK)) continue;
      /** @type {Element} */ (node).removeAttribute(name);
      const pieces = value.split(new RegExp(`${MARK}(\\d+)${MARK}`));
      const own = pieces.filter((_, at) => at % 2 === 0);
      places.push({ index, name: names[Number(pieces[1])], pieces: own, write: writer(names[Number(pieces[1])], own) });
    }
  }
  return places;
}

/** A template in the document, with the parts that change. */
class Drawn {
  /** @param {Template} template */
  constructor(template) {
    const { element, places, isClosed } = compile(template);
    this.strings = template.strings;
    this.isClosed = isClosed;
    this.content = document.importNode(element.content, true);
    /** @type {Part[]} */ this.parts = [];
    if (places.length === 0) return;
    const nodes = nodesAt(this.content, places);
    for (let at = 0; at < places.length; at += 1) {
      const place = places[at];
      this.parts.push(place.name === "" ? new Child(/** @type {Comment} */ (nodes[at])) : partOf(/** @type {any} */ (nodes[at]), place));
    }
    this.update(template.values);
  }

  /** @param {any[]} values */
  update(values) {
    let at = 0;
    for (const part of this.parts) at = part.set(values, at);
  }

  dispose() {
    for (const part of this.parts) part.dispose();
  }
}

/** The node of each place, which are in the order of the document. @param {DocumentFragment} content @param {Place[]} places */
function nodesAt(content, places) {
  const walker = document.createTreeWalker(content, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_COMMENT);
  let [node, index] = [walker.nextNode(), 0];
  return places.map((place) => {
    for (; index < place.index; index += 1) node = walker.nextNode();
    return node;
  });
}

/** @param {HTMLElement} element @param {Place} place @returns {Part} */
function partOf(element, place) {
  if (place.name.startsWith("@")) return listener(element, place.name.slice(1));
  return place.name === "ref" ? new Ref(element) : new Attribute(element, place);
}

/** Who is told of the element, once. */
class Ref {
  #isTold = false;

  /** @param {HTMLElement} element */
  constructor(element) { this.element = element; }

  /** @param {any[]} values @param {number} at */
  set(values, at) {
    // once the whole is in the document
    if (!this.#isTold) queueMicrotask(() => values[at]?.(this.element));
    this.#isTold = true;
    return at + 1;
  }

  dispose() {}
}

/** An attribute, property or custom property, of one value or of several with text between them. */
class Attribute {
  /** @type {any[] | null} */ #given = null;
  /** @type {any[] | null} */ #written = null;
  /** @type {(() => void) | null} */ #stop = null;

  /** @param {HTMLElement} element @param {Place} place */
  constructor(element, { name, pieces, write }) {
    this.element = element;
    this.count = pieces.length - 1;
    this.isProperty = name.startsWith(".");
    this.write = /** @type {Write} */ (write);
  }

  /** @param {any[]} values @param {number} at */
  set(values, at) {
    const end = at + this.count;
    const own = values.slice(at, end);
    if (this.#given !== null && areSame(own, this.#given)) return end;
    this.#given = own;
    this.dispose();
    if (own.some(isLive)) this.#stop = effect(() => this.#put(own.map(plain)));
    else this.#put(own);
    return end;
  }

  /** @param {any[]} values */
  #put(values) {
    // what ticks every second is rarely another word each time
    if (this.#written !== null && !this.isProperty && areSame(values, this.#written)) return;
    this.#written = values;
    this.write(this.element, values);
  }

  dispose() {
    this.#stop?.();
    this.#stop = null;
  }
}

/** @param {any[]} some @param {any[]} others as many */
const areSame = (some, others) => some.every((value, at) => Object.is(value, others[at]));
/** @param {any} value */
const isLive = (value) => typeof value === "function" || isSignal(value);
/** @param {any} value */
const plain = (value) => (isSignal(value) ? value.value : typeof value === "function" ? value() : value);

/** What writes the values of a place, which its template knows once for all its elements.
 * @param {string} name @param {string[]} pieces @returns {Write | null} */
function writer(name, pieces) {
  if (name.startsWith("@") || name === "ref") return null;
  const own = name.slice(1);
  if (name.startsWith(".")) return (element, values) => { element[own] = values[0]; };
  if (name.startsWith("?")) return (element, values) => { element.toggleAttribute(own, Boolean(values[0])); };
  if (name.startsWith("style:")) {
    const property = name.slice(6);
    return (element, values) => { element.style.setProperty(property, String(values[0])); };
  }
  if (pieces.length === 2 && pieces.every((piece) => piece === "")) {
    return (element, [value]) => {
      if (value === null || value === undefined || value === false) element.removeAttribute(name);
      else element.setAttribute(name, value === true ? "" : String(value));
    };
  }
  return (element, values) => { element.setAttribute(name, pieces.reduce((text, piece, at) => text + String(values[at - 1] ?? "") + piece)); };
}

/** @param {Element} element @param {string} name @returns {Part} */
function listener(element, name) {
  /** @type {any} */ let handler = null;
  element.addEventListener(name, (event) => handler?.call(element, event));
  return { set(values, at) { handler = values[at]; return at + 1; }, dispose() { handler = null; } };
}

setDraw((template) => new Drawn(template));
