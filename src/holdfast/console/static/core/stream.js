/**
 * A site in a browser as it is: its events over as many connections as it takes, and a replica made of a snapshot and
 * those events. Each event comes once, in order; what cannot be told is one reset, never a silent hole.
 *
 * It reads the stream with `fetch`, not with `EventSource`: that shows neither the marks of a quiet line, so that a dead
 * one looks alive, nor events of a type nobody named, and it never comes back from a 503.
 *
 * @typedef {{epoch: string | null, version: number}} Position
 * @typedef {{site: string, version: number, at: string, effective_at: string, type: string, subject: string,
 *   actor: string, cause: string, data: any, prev?: string}} JournalEvent
 * @typedef {"live" | "stale" | "offline"} State
 * @typedef {{reason: string, position: string}} Reset
 * @typedef {{event: string, data: string | null, id: string}} Block
 * @typedef {{site: string, after?: string | number | null, types?: string[], unit?: string | null, base?: string,
 *   headers?: Record<string, string>, quietMs?: number, onEvent?: (event: JournalEvent, position: string) => void,
 *   onReset?: (reset: Reset, replica?: any) => void, onState?: (state: State, problem?: any) => void}} StreamOptions
 */

import { Replica } from "./replica.js";

export { Replica };

/** The server marks a quiet line every 15 s; one on which nothing came for so long is dead. */
export const QUIET_MS = 35_000;
const CHARACTERS_MAX = 4 * 1024 * 1024;
const WAIT_MS = 250;
const WAIT_MAX_MS = 10_000;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504, 507]);

/** @param {string} text @returns {Position} */
export function positionOf(text) {
  const cut = text.lastIndexOf(":");
  const version = text.slice(cut + 1);
  if (!/^[0-9]{1,15}$/.test(version)) throw new Error(`${text} is no position`);
  return { epoch: cut > 0 ? text.slice(0, cut) : null, version: Number(version) };
}

/** @param {Position} position */
export const textOf = (position) => (position.epoch === null ? `${position.version}` : `${position.epoch}:${position.version}`);

/** Server-Sent Events by the HTML standard, from pieces of text however they are cut. */
export class Parser {
  /** @type {number | null} */ retryMs = null;
  #rest = "";
  #afterCr = false;
  #event = "";
  /** @type {string[]} */ #data = [];
  #size = 0;
  #id = "";
  #hasId = false;

  /** @param {string} text @returns {Block[]} */
  feed(text) {
    if (this.#afterCr && text !== "") {
      this.#afterCr = false;
      if (text[0] === "\n") text = text.slice(1);
    }
    this.#rest += text;
    if (this.#rest.length + this.#size > CHARACTERS_MAX) throw new Error("an event is too large");
    if (!/[\r\n]/.test(text)) return [];
    this.#afterCr = this.#rest.endsWith("\r");
    const lines = this.#rest.split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? "";
    /** @type {Block[]} */ const blocks = [];
    for (const line of lines) this.#line(line, blocks);
    return blocks;
  }

  /** @param {string} line @param {Block[]} blocks */
  #line(line, blocks) {
    if (line === "") {
      if (this.#data.length > 0) {
        blocks.push({ event: this.#event || "message", data: this.#data.join("\n"), id: this.#id });
      } else if (this.#hasId) {
        blocks.push({ event: "", data: null, id: this.#id });
      }
      [this.#event, this.#data, this.#size, this.#hasId] = ["", [], 0, false];
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") {
      this.#data.push(value);
      this.#size += value.length + 1;
    } else if (name === "event") {
      this.#event = value;
    } else if (name === "id" && !value.includes("\0")) {
      [this.#id, this.#hasId] = [value, true];
    } else if (name === "retry" && /^[0-9]{1,9}$/.test(value)) {
      this.retryMs = Number(value);
    }
  }
}

/** The proof that nothing was left out: dense versions, or on a filtered stream each event's `prev`. */
class Chain {
  /** @param {Position | null} position @param {boolean} isWhole */
  constructor(position, isWhole) {
    this.position = position;
    this.last = position;
    this.isWhole = isWhole;
  }

  /** What a block says: an event, a reset, or null when it only moves the position.
   * @param {Block} block @returns {{event: JournalEvent} | {reset: Reset} | null} */
  follow(block) {
    const came = positionOf(block.id);
    const { position: known, last } = this;
    const isOther = known !== null && known.epoch !== null && known.epoch !== came.epoch;
    if (block.data === null) {
      const fits = known === null || (this.isWhole ? came.version === known.version : came.version >= known.version);
      if (isOther || !fits) return this.#gap(came);
      if (last === null || last.epoch === null) this.last = came;
      this.position = came;
      return null;
    }
    const told = JSON.parse(block.data);
    if (block.event === "reset") {
      this.position = this.last = came;
      return { reset: { reason: String(told.reason), position: block.id } };
    }
    if (isOther) return this.#gap(came);
    if (known !== null && last !== null) {
      if (came.version <= known.version) return null;
      const prev = told.prev === undefined ? null : positionOf(told.prev);
      const follows = this.isWhole
        ? came.version === known.version + 1
        : prev !== null && prev.version === last.version && (last.epoch === null || last.epoch === prev.epoch);
      if (!follows) return this.#gap(came);
    }
    this.position = this.last = came;
    return { event: told };
  }

  /** @param {Position} came @returns {{reset: Reset}} */
  #gap(came) {
    this.position = this.last = came;
    return { reset: { reason: "gap", position: textOf(came) } };
  }
}

/**
 * Listens to a site behind `after` (a position or version; from now on without one). `onReset` says that what lies
 * before its position was not told: whoever keeps a copy takes a new snapshot. `onState` tells `live`; `stale` when
 * nothing came for 35 s; `offline` when the line is down, with the problem document when the server refused for good.
 * @param {StreamOptions} options
 */
export function openStream({
  site, after = null, types = [], unit = null, base = "", headers = {}, quietMs = QUIET_MS, onEvent, onReset, onState,
}) {
  const query = new URLSearchParams();
  if (types.length > 0) query.set("types", types.join(","));
  if (unit !== null) query.set("unit", unit);
  const chainOf = (/** @type {Position | null} */ at) => new Chain(at, types.length === 0 && unit === null);
  let chain = chainOf(after === null ? null : positionOf(String(after)));
  /** @type {State} */ let state = "offline";
  let isClosed = false;
  let retryMs = WAIT_MS;
  let heardAt = 0;
  let hasHeard = false;
  let controller = new AbortController();
  let wake = () => {};

  const be = (/** @type {State} */ next, /** @type {any} */ problem = undefined) => {
    if (isClosed || (next === state && problem === undefined)) return;
    state = next;
    onState?.(next, problem);
  };

  const take = (/** @type {string} */ text, /** @type {Parser} */ parser) => {
    for (const block of parser.feed(text)) {
      if (isClosed) return;
      const told = chain.follow(block);
      if (told === null) continue;
      if ("reset" in told) onReset?.(told.reset);
      else onEvent?.(told.event, block.id);
    }
    if (parser.retryMs !== null) retryMs = Math.min(parser.retryMs, 60_000);
  };

  /** One connection until it ends. @returns {Promise<number>} how long to wait at least before the next, in ms */
  const connect = async () => {
    controller = new AbortController();
    heardAt = Date.now();
    hasHeard = false;
    // by Date: a laptop that slept has not heard anything in that time either
    const watch = setInterval(() => {
      if (Date.now() - heardAt > quietMs) {
        be("stale");
        controller.abort();
      }
    }, Math.min(1000, quietMs / 4));
    try {
      const from = new URLSearchParams(query);
      if (chain.position !== null) from.set("after", textOf(chain.position));
      const address = `${base}/api/sites/${encodeURIComponent(site)}/events?${from}`;
      const response = await fetch(address, {
        headers: { Accept: "text/event-stream", ...headers }, cache: "no-store", signal: controller.signal,
      });
      if (response.status !== 200 || response.body === null) return await refused(response);
      chain = chainOf(chain.position);
      const parser = new Parser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || isClosed) return retryMs;
        heardAt = Date.now();
        hasHeard = true;
        be("live");
        take(decoder.decode(value, { stream: true }), parser);
      }
    } finally {
      clearInterval(watch);
      controller.abort();
    }
  };

  const refused = async (/** @type {Response} */ response) => {
    const problem = await response.json().catch(() => ({ code: `http_${response.status}`, status: response.status }));
    if (!PASSING.has(response.status)) {
      be("offline", problem);
      isClosed = true;
    }
    const asked = Number(response.headers.get("retry-after") ?? "0");
    throw Object.assign(new Error(problem.code), { waitMs: Number.isFinite(asked) ? asked * 1000 : 0 });
  };

  const run = async () => {
    let failures = 0;
    while (!isClosed) {
      let waitMs = 0;
      try {
        waitMs = await connect();
        failures = 0;
      } catch (/** @type {any} */ error) {
        failures = hasHeard ? 1 : failures + 1;
        const longest = Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** Math.min(failures, 10));
        waitMs = Math.max(error?.waitMs ?? 0, longest * (0.5 + Math.random() / 2));
        if (state !== "stale" || failures > 1) be("offline");
      }
      if (isClosed) break;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        wake = () => { clearTimeout(timer); resolve(undefined); };
      });
    }
  };

  const onOnline = () => wake();
  globalThis.addEventListener?.("online", onOnline);
  run();
  return {
    get state() { return state; },
    get position() { return chain.position === null ? null : textOf(chain.position); },
    close() {
      isClosed = true;
      globalThis.removeEventListener?.("online", onOnline);
      controller.abort();
      wake();
    },
  };
}

/** The server's time, by the answer that came back fastest of late; right to half of what that took. */
export class Clock {
  /** @type {{took: number, offset: number}[]} */ #samples = [];
  #local;

  /** @param {() => number} local milliseconds that run evenly */
  constructor(local = () => performance.timeOrigin + performance.now()) {
    this.#local = local;
  }

  local() { return this.#local(); }

  /** @param {number} sentAt @param {number} cameAt @param {string} told the server's time between the two */
  sample(sentAt, cameAt, told) {
    this.#samples = [...this.#samples.slice(-7), { took: cameAt - sentAt, offset: Date.parse(told) - (sentAt + cameAt) / 2 }];
  }

  /** It is no earlier than `told`, as an event of that instant has come: a machine that slept learns the time so.
   * @param {string} told */
  atLeast(told) {
    const behind = Date.parse(told) - this.now();
    if (behind > 0) this.#samples = [{ took: Infinity, offset: this.offset + behind }];
  }

  get offset() {
    if (this.#samples.length === 0) return 0;
    return this.#samples.reduce((best, one) => (one.took <= best.took ? one : best)).offset;
  }

  /** Milliseconds since 1970, on the server. */
  now() { return this.#local() + this.offset; }

  /** @param {string} instant milliseconds until then, 0 when it is past */
  until(instant) { return Math.max(0, Date.parse(instant) - this.now()); }
}

/** Calls `onTick(milliseconds left)` now, on each whole second left, and at the end. Returns what stops it.
 * @param {Clock} clock @param {string} instant @param {(leftMs: number) => void} onTick */
export function countdown(clock, instant, onTick) {
  /** @type {any} */ let timer = null;
  const tick = () => {
    const left = clock.until(instant);
    // timers may come a little early: a second that is all but over is over
    const shown = left % 1000 < 20 ? left - (left % 1000) : left;
    onTick(shown);
    if (shown > 0) timer = setTimeout(tick, left % 1000 > 20 ? left % 1000 : Math.min(left, (left % 1000) + 1000));
  };
  tick();
  return () => clearTimeout(timer);
}

/**
 * Follows a site: a snapshot, then its events; after a reset a new snapshot. Resolves with the first one taken.
 * `onChange(event, replica)` comes once an event is taken in, `onReset(reset, replica)` once a new snapshot is there.
 * @param {StreamOptions & {from?: string, to?: string, clock?: Clock,
 *   onChange?: (event: JournalEvent, replica: Replica) => void}} options
 */
export async function openReplica({ onChange, onReset, clock = new Clock(), from, to, ...options }) {
  const { site, base = "", headers = {}, unit = null } = options;
  const query = new URLSearchParams();
  if (from !== undefined) query.set("from", from);
  if (to !== undefined) query.set("to", to);
  let isClosed = false;
  /** @type {ReturnType<typeof openStream> | null} */ let stream = null;

  const snapshot = async () => {
    const sentAt = clock.local();
    const address = `${base}/api/sites/${encodeURIComponent(site)}/board?${query}`;
    const signal = AbortSignal.timeout(15_000);
    const response = await fetch(address, { headers, cache: "no-store", signal });
    const told = await response.json();
    if (!response.ok) throw Object.assign(new Error(told.detail ?? response.statusText), { problem: told });
    clock.sample(sentAt, clock.local(), told.now);
    return told;
  };

  const follow = () => {
    stream = openStream({
      ...options,
      // without some of the events parts of it would grow old unseen
      types: [],
      after: `${replica.epoch}:${replica.version}`,
      onEvent(event) {
        clock.atLeast(event.at);
        replica.hear(event);
        onChange?.(event, replica);
      },
      onReset(reset) { begin(reset); },
    });
  };

  /** Hangs up, takes a new snapshot however long that takes, and goes on behind it. @param {Reset} reset */
  const begin = async (reset) => {
    stream?.close();
    for (let failures = 1; !isClosed; failures += 1) {
      try {
        replica.take(await snapshot());
        onReset?.(reset, replica);
        if (!isClosed) follow();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** failures)));
      }
    }
  };

  const replica = new Replica(await snapshot(), unit);
  follow();
  return {
    replica,
    clock,
    get state() { return stream?.state ?? "offline"; },
    get position() { return stream?.position ?? null; },
    close() {
      isClosed = true;
      stream?.close();
    },
  };
}
