/**
 * Values that tell when they change. An effect runs now, and again after any signal it read has changed: once for all
 * changes of a task, in the microtask that follows. Nothing is owned: whoever starts an effect stops it.
 *
 * @template T @typedef {{value: T, peek: () => T}} Readable
 */

/** @typedef {{sources: Map<Source<any>, number>, stale: () => void}} Observer */

/** @type {Observer | null} */ let reading = null;
/** @type {Set<Effect>} */ const waiting = new Set();
const ROUNDS_MAX = 100;

/** @template T */
class Source {
  /** @type {Set<Observer>} */ observers = new Set();
  version = 0;
  /** @type {T} */ held;

  /** @param {T} held */
  constructor(held) { this.held = held; }

  /** Brings a derived value up to date. */
  refresh() {}

  read() {
    this.refresh();
    if (reading !== null) {
      reading.sources.set(this, this.version);
      this.observers.add(reading);
    }
    return this.held;
  }

  /** The value, without being told of its changes. */
  peek() {
    this.refresh();
    return this.held;
  }

  tell() {
    for (const observer of [...this.observers]) observer.stale();
  }
}

/** @template T @extends {Source<T>} */
export class Signal extends Source {
  get value() { return this.read(); }

  set value(next) {
    if (Object.is(next, this.held)) return;
    this.held = next;
    this.version += 1;
    this.tell();
  }
}

/** @template T @extends {Source<T>} */
export class Computed extends Source {
  /** @type {Map<Source<any>, number>} */ sources = new Map();
  #isStale = true;
  #isFirst = true;
  #derive;

  /** @param {() => T} derive */
  constructor(derive) {
    super(/** @type {any} */ (undefined));
    this.#derive = derive;
  }

  get value() { return this.read(); }

  stale() {
    if (this.#isStale) return;
    this.#isStale = true;
    this.tell();
  }

  refresh() {
    if (!this.#isStale) return;
    if (!this.#isFirst && !hasChanged(this)) {
      this.#isStale = false;
      return;
    }
    const next = track(this, this.#derive);
    this.#isStale = false;
    if (this.#isFirst || !Object.is(next, this.held)) {
      this.held = next;
      this.version += 1;
    }
    this.#isFirst = false;
  }
}

class Effect {
  /** @type {Map<Source<any>, number>} */ sources = new Map();
  isStopped = false;

  /** @param {() => void} run */
  constructor(run) { this.body = run; }

  stale() {
    if (this.isStopped) return;
    if (waiting.size === 0) queueMicrotask(flush);
    waiting.add(this);
  }

  run() {
    if (!this.isStopped) track(this, this.body);
  }

  stop() {
    this.isStopped = true;
    waiting.delete(this);
    forget(this);
  }
}

/** @param {Observer} observer */
function forget(observer) {
  for (const source of observer.sources.keys()) source.observers.delete(observer);
  observer.sources.clear();
}

/** @template T @param {Observer} observer @param {() => T} run @returns {T} */
function track(observer, run) {
  forget(observer);
  const before = reading;
  reading = observer;
  try {
    return run();
  } finally {
    reading = before;
  }
}

/** @param {Observer} observer */
function hasChanged(observer) {
  for (const [source, version] of observer.sources) {
    source.refresh();
    if (source.version !== version) return true;
  }
  return false;
}

/** Runs the effects that wait, now. */
export function flush() {
  for (let round = 0; waiting.size > 0; round += 1) {
    if (round === ROUNDS_MAX) throw new Error("effects set each other off without end");
    const turn = [...waiting];
    waiting.clear();
    for (const effect of turn) {
      try {
        if (!effect.isStopped && hasChanged(effect)) effect.run();
      } catch (error) {
        reportError(error);
      }
    }
  }
}

/** @template T @param {T} value @returns {Signal<T>} */
export const signal = (value) => new Signal(value);

/** A value that follows from others; worked out when somebody reads it. @template T @param {() => T} derive */
export const computed = (derive) => new Computed(derive);

/** Runs now and after each change of what it read. Returns what stops it. @param {() => void} run */
export function effect(run) {
  const made = new Effect(run);
  made.run();
  return () => made.stop();
}

/** @param {unknown} value @returns {value is Readable<any>} */
export const isSignal = (value) => value instanceof Source;
