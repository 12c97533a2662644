/**
 * What stands between two tags: text, a template, a list, an element; or a function or signal of one. Used by html.js
 * alone.
 */

import { effect, isSignal } from "./signals.js";

/** @typedef {import("./html.js").Template} Template */
/** @typedef {{strings: TemplateStringsArray, content: DocumentFragment, isClosed: boolean, update: (values: any[]) => void, dispose: () => void}} Drawn */

/** @type {(template: Template) => Drawn} */ let drawTemplate;
const nothing = () => {};

/** Ties the two files together. @param {(template: Template) => Drawn} draw */
export function setDraw(draw) { drawTemplate = draw; }

/** A keyed list. @template T */
export class Each {
  /** @param {Iterable<T>} items @param {(item: T) => string | number} key @param {(item: T) => any} draw */
  constructor(items, key, draw) {
    this.items = items;
    this.key = key;
    this.draw = draw;
  }
}

/** The place before a comment. */
export class Child {
  /** @type {Comment} */ end;
  /** @type {Comment | null} */ start = null;
  /** @type {any} */ #shown = null;
  #stop = nothing;
  /** @type {any} */ #live = null;

  /** @param {Comment} end */
  constructor(end) { this.end = end; }

  /** @param {any[]} values @param {number} at */
  set(values, at) {
    this.show(values[at]);
    return at + 1;
  }

  /** @param {any} value */
  show(value) {
    const isLive = typeof value === "function" || isSignal(value);
    if (isLive && value === this.#live) return;
    this.#stop();
    this.#stop = nothing;
    this.#live = isLive ? value : null;
    if (isLive) this.#stop = effect(() => this.#put(isSignal(value) ? value.value : value()));
    else this.#put(value);
  }

  /** @param {any} value */
  #put(value) {
    if (value === null || value === undefined || value === false || value === true || value === "") {
      this.#empty();
    } else if (value instanceof Each || Array.isArray(value)) {
      this.#list(value instanceof Each ? value : new Each(value.map((one, at) => ({ one, at })), (item) => item.at, (item) => item.one));
    } else if (typeof value === "object" && "strings" in value) {
      this.#template(value);
    } else if (value instanceof Node) {
      if (this.#shown?.node === value) return;
      this.#empty();
      this.#shown = { kind: "node", node: value };
      this.#insert(value);
    } else {
      this.#text(typeof value === "object" && isSignal(value) ? String(value.peek()) : String(value));
    }
  }

  /** @param {string} text */
  #text(text) {
    if (this.#shown?.kind === "text") {
      if (this.#shown.node.data !== text) this.#shown.node.data = text;
      return;
    }
    this.#empty();
    const node = document.createTextNode(text);
    this.#shown = { kind: "text", node };
    this.#insert(node);
  }

  /** @param {Template} template */
  #template(template) {
    if (this.#shown?.kind === "template" && this.#shown.drawn.strings === template.strings) {
      this.#shown.drawn.update(template.values);
      return;
    }
    this.#empty();
    const drawn = drawTemplate(template);
    const { firstChild: first, lastChild: last } = drawn.content;
    // what begins and ends with nodes that stay needs no mark of where it begins
    this.#shown = { kind: "template", drawn, first: drawn.isClosed ? first : null, last };
    if (!drawn.isClosed) this.#mark();
    this.#insert(drawn.content);
  }

  /** @param {Each<any>} list */
  #list(list) {
    if (this.#shown?.kind !== "list") {
      this.#empty();
      this.#shown = { kind: "list", entries: new Map() };
    }
    /** @type {Map<string | number, {child: Child, item: any}>} */ const before = this.#shown.entries;
    /** @type {Map<string | number, {child: Child, item: any}>} */ const after = new Map();
    for (const item of list.items) {
      const key = list.key(item);
      const known = before.get(key);
      after.set(key, known ?? { child: this.#entry(), item: undefined });
      const entry = /** @type {{child: Child, item: any}} */ (after.get(key));
      if (known === undefined || known.item !== item) {
        entry.item = item;
        entry.child.show(list.draw(item));
      }
    }
    for (const [key, { child }] of before) if (!after.has(key)) child.leave();
    this.#order(after);
    this.#shown.entries = after;
  }

  #entry() {
    const child = new Child(document.createComment(""));
    child.start = document.createComment("");
    this.#insert(child.start);
    this.#insert(child.end);
    return child;
  }

  /** Puts the entries in order, from the last to the first. @param {Map<string | number, {child: Child, item: any}>} entries */
  #order(entries) {
    /** @type {Node} */ let behind = this.end;
    for (const { child } of [...entries.values()].reverse()) {
      if (child.end.nextSibling !== behind) child.moveBefore(behind);
      behind = /** @type {Comment} */ (child.start);
    }
  }

  /** @param {Node} place */
  moveBefore(place) {
    /** @type {Node[]} */ const nodes = [];
    for (let node = /** @type {Node | null} */ (this.start); node !== null && node !== this.end; node = node.nextSibling) nodes.push(node);
    for (const node of [...nodes, this.end]) place.parentNode?.insertBefore(node, place);
  }

  leave() {
    this.clear();
    this.start?.remove();
    this.end.remove();
  }

  /** @param {Node} node */
  #insert(node) { this.end.parentNode?.insertBefore(node, this.end); }

  /** What stands in front of it, so that it is known later where it begins. */
  #mark() {
    if (this.start === null) this.start = this.end.parentNode?.insertBefore(document.createComment(""), this.end) ?? null;
  }

  /** Takes away what is shown. */
  #empty() {
    const shown = this.#shown;
    this.#shown = null;
    if (shown === null) return;
    if (shown.kind === "list") for (const { child } of shown.entries.values()) child.leave();
    else if (shown.kind === "template") {
      shown.drawn.dispose();
      if (shown.first === null) this.#remove();
      else remove(shown.first, shown.last);
    } else shown.node.remove();
  }

  /** Removes all nodes between the two comments. */
  #remove() {
    for (let node = this.end.previousSibling; node !== null && node !== this.start; node = this.end.previousSibling) node.remove();
  }

  /** Takes all away, and follows nothing any more. */
  clear() {
    this.#stop();
    this.#stop = nothing;
    this.#live = null;
    this.#empty();
  }

  dispose() {
    this.#stop();
    this.#stop = nothing;
    if (this.#shown?.kind === "list") for (const { child } of this.#shown.entries.values()) child.dispose();
    else if (this.#shown?.kind === "template") this.#shown.drawn.dispose();
  }
}

/** @param {Node} first @param {ChildNode} last a later sibling, or the same */
function remove(first, last) {
  for (let node = /** @type {ChildNode | null} */ (last); node !== null;) {
    const before = node.previousSibling;
    node.remove();
    node = node === first ? null : before;
  }
}
