/**
 * Server-Sent Events of what stands in no journal, such as who is there: each connection begins with all that is so, and
 * goes on with what changes. There is nothing to resume; a new connection begins anew.
 */

import { Parser, QUIET_MS } from "./stream.js";

const WAIT_MS = 500;
const WAIT_MAX_MS = 10_000;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504, 507]);

/**
 * @typedef {import("./stream.js").State} State
 * @typedef {{address: string, onTold: (data: any, isWhole: boolean) => void, onState: (state: State, problem?: any) => void}} ToldOptions
 */

/**
 * `onTold` gets each event's data, and whether it is all there is (the first one of a connection). `onState` tells `live`;
 * `stale` when nothing came for 35 s; `offline` when the line is down, with the problem document when the server refused
 * for good.
 * @param {ToldOptions} options
 */
export function listenTo({ address, onTold, onState }) {
  let isClosed = false;
  let failures = 0;
  let controller = new AbortController();
  /** @type {() => void} */ let wake = () => {};

  const connect = async () => {
    controller = new AbortController();
    let heardAt = Date.now();
    // by Date: a laptop that slept has not heard anything in that time either
    const watch = setInterval(() => {
      if (Date.now() - heardAt <= QUIET_MS) return;
      onState("stale");
      controller.abort();
    }, 1_000);
    try {
      const response = await fetch(address, { headers: { Accept: "text/event-stream" }, cache: "no-store", signal: controller.signal });
      if (response.status !== 200 || response.body === null) return await refused(response);
      const [parser, decoder, reader] = [new Parser(), new TextDecoder(), response.body.getReader()];
      for (let isWhole = true; ;) {
        const { done, value } = await reader.read();
        if (done || isClosed) return parser.retryMs ?? WAIT_MS;
        heardAt = Date.now();
        for (const block of parser.feed(decoder.decode(value, { stream: true }))) {
          if (block.data === null) continue;
          failures = 0;
          onState("live");
          onTold(JSON.parse(block.data), isWhole);
          isWhole = false;
        }
      }
    } finally {
      clearInterval(watch);
      controller.abort();
    }
  };

  /** @param {Response} response @returns {Promise<number>} */
  const refused = async (response) => {
    const problem = await response.json().catch(() => ({ code: `http_${response.status}`, status: response.status }));
    if (!PASSING.has(response.status)) {
      isClosed = true;
      onState("offline", problem);
    }
    throw Object.assign(new Error(problem.code), { waitMs: Number(response.headers.get("retry-after") ?? "0") * 1000 || 0 });
  };

  const run = async () => {
    while (!isClosed) {
      let waitMs = 0;
      try {
        waitMs = await connect();
      } catch (/** @type {any} */ error) {
        failures += 1;
        waitMs = Math.max(error?.waitMs ?? 0, Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** Math.min(failures, 8)) * (0.5 + Math.random() / 2));
        // one that was stale is made anew at once; when that fails, too, it is down
        if (!isClosed && !(failures === 1 && error?.name === "AbortError")) onState("offline");
      }
      if (isClosed) return;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        wake = () => { clearTimeout(timer); resolve(undefined); };
      });
    }
  };

  globalThis.addEventListener?.("online", () => wake());
  run();
  return {
    close() {
      isClosed = true;
      controller.abort();
      wake();
    },
  };
}
