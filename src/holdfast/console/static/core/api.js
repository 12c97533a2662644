/**
 * Requests to the server. A change carries a key of its own and is sent again with it while its outcome is unknown, so it
 * happens once however often it has to be sent. A refusal is a `Problem` with a sentence for people.
 */

import { page } from "./page.js";
import { sentenceOf } from "./problems.js";
import { clock } from "./time.js";

const ATTEMPTS_MAX = 4;
const WAIT_MS = 400;
const WAIT_MAX_MS = 4_000;
const ANSWER_MS = 12_000;
const AGAIN = new Set([429, 502, 503, 504]);

/** Why the server did not do it. `code` decides, `message` is shown, `data` holds the facts (`alternatives`, …). */
export class Problem extends Error {
  /** @param {number} status @param {any} data */
  constructor(status, data) {
    super(sentenceOf(data));
    this.status = status;
    this.code = String(data.code ?? "unknown");
    this.data = data;
  }
}

/** A key for one wish of a person. Works on plain HTTP too, where `randomUUID` is missing. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} method @param {string} path from `/api` on
 * @param {{body?: any, key?: string, ifMatch?: number, signal?: AbortSignal}} options `key`: to repeat an earlier wish
 * @returns {Promise<{data: any, version: number | null}>} `version`: the site's, once it is done
 */
export async function ask(method, path, { body, key = newKey(), ifMatch, signal } = {}) {
  /** @type {Record<string, string>} */ const headers = { Accept: "application/json" };
  if (method !== "GET") headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (ifMatch !== undefined) headers["If-Match"] = `"${ifMatch}"`;
  for (let attempt = 1; ; attempt += 1) {
    const limit = AbortSignal.timeout(ANSWER_MS);
    const sentAt = clock.local();
    /** @type {Response} */ let response;
    try {
      response = await fetch(path, {
        method, headers, body: body === undefined ? null : JSON.stringify(body), cache: "no-store", credentials: "same-origin",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      if (attempt >= ATTEMPTS_MAX) throw new Problem(0, { code: method === "GET" ? "unreachable" : "unreachable_change" });
      await pause(WAIT_MS * 2 ** attempt);
      continue;
    }
    if (AGAIN.has(response.status) && attempt < ATTEMPTS_MAX) {
      await pause(Number(response.headers.get("retry-after") ?? "0") * 1000 || WAIT_MS * 2 ** attempt);
      continue;
    }
    return await answered(response, sentAt);
  }
}

/** @param {Response} response @param {number} sentAt */
async function answered(response, sentAt) {
  const cameAt = clock.local();
  const data = await response.json().catch(() => ({}));
  if (response.status === 401 && data.code === "unauthorised" && page.viewer.sign_in) {
    location.assign(`${page.viewer.sign_in}?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  if (!response.ok) throw new Problem(response.status, data);
  if (typeof data?.now === "string") clock.sample(sentAt, cameAt, data.now);
  const version = Number(response.headers.get("holdfast-version") ?? "NaN");
  return { data, version: Number.isNaN(version) ? null : version };
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, WAIT_MAX_MS)));

/** The address of something at this page's site. @param {...string} parts */
export const here = (...parts) => ["/api/sites", page.site.slug, ...parts].map((part, at) => (at === 0 ? part : encodeURIComponent(part))).join("/");
