/** The settings as they would be: what holds, what was changed on this screen and not yet sent, and why it was refused. */

import { ask, here, Problem } from "../core/api.js";
import { signal } from "../core/signals.js";
import { page } from "../core/page.js";

/** @typedef {{settings: Record<string, any>, own: Record<string, any>, defaults: Record<string, any>, limits: Record<string, [number, number]>,
 *   mails: Record<string, {placeholders: string[], texts: Record<string, {subject: string, body: string}>}>}} Known */

/** Names that a refusal may give and that have a place on this screen. @type {Set<string>} */
export const knownFields = new Set(["name", "time_zone"]);

/** @param {any} a @param {any} b */
const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class Draft {
  /** @type {import("../core/signals.js").Signal<Known>} */ known;
  /** Name → value; null is back to the default. @type {import("../core/signals.js").Signal<Map<string, any>>} */ changes = signal(new Map());
  place = signal({ name: page.site.name, time_zone: page.site.time_zone });
  busy = signal(false);
  /** @type {import("../core/signals.js").Signal<any>} */ problem = signal(null);
  isSaved = false;
  /** Counts up when all of it is to be drawn anew. */
  round = signal(0);

  /** @param {Known} known */
  constructor(known) {
    this.known = signal(known);
    for (const name of Object.keys(known.settings)) knownFields.add(name);
  }

  /** @param {string} name */
  value(name) {
    const changes = this.changes.value;
    if (!changes.has(name)) return this.known.value.settings[name];
    return changes.get(name) ?? this.known.value.defaults[name];
  }

  /** @param {string} name @returns {any} */
  byDefault(name) { return this.known.value.defaults[name]; }

  /** Whether it is the owner's own value. @param {string} name */
  isOwn(name) { return this.changes.value.has(name) ? this.changes.value.get(name) !== null : name in this.known.value.own; }

  /** @param {string} name @param {any} value null is back to the default */
  set(name, value) {
    const after = new Map(this.changes.peek());
    const { settings, own } = this.known.peek();
    const isAsItWas = value === null ? !(name in own) : isSame(value, settings[name]);
    if (isAsItWas) after.delete(name);
    else after.set(name, value);
    this.changes.value = after;
    const refused = String(this.problem.peek()?.data?.field ?? "");
    if (refused.split(/[.[]/)[0] === name) this.problem.value = null;
  }

  /** @param {string} name */
  reset(name) {
    this.set(name, null);
    this.round.value += 1;
  }

  /** @param {{name?: string, time_zone?: string}} change */
  setPlace(change) { this.place.value = { ...this.place.peek(), ...change }; }

  count() {
    const { name, time_zone } = this.place.value;
    return this.changes.value.size + (name === page.site.name ? 0 : 1) + (time_zone === page.site.time_zone ? 0 : 1);
  }

  discard() {
    this.changes.value = new Map();
    this.place.value = { name: page.site.name, time_zone: page.site.time_zone };
    this.problem.value = null;
    this.round.value += 1;
  }

  /** Takes in what holds now; what was changed here and not sent yet is kept. */
  async learn() {
    try {
      this.known.value = (await ask("GET", here("settings"))).data;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return;
    }
    if (this.changes.peek().size === 0) this.round.value += 1;
  }

  /** Why the field was refused, if it was; a refusal of a part of it counts. @param {string} name @returns {string | null} */
  errorAt(name) {
    const problem = this.problem.value;
    return problem !== null && String(problem.data?.field ?? "").split(/[.[]/)[0] === name ? problem.message : null;
  }

  /** Sends what was changed, and nothing else. @returns {Promise<boolean>} whether it was taken */
  async save() {
    if (this.busy.peek()) return false;
    this.busy.value = true;
    this.problem.value = null;
    const { name, time_zone } = this.place.peek();
    const body = {
      ...(name === page.site.name ? {} : { name }), ...(time_zone === page.site.time_zone ? {} : { time_zone }),
      ...(this.changes.peek().size === 0 ? {} : { settings: Object.fromEntries(this.changes.peek()) }),
    };
    try {
      const { data } = await ask("PATCH", here(), { body });
      this.isSaved = true;
      page.site.settings = data.settings;
      this.known.value = (await ask("GET", here("settings"))).data;
      this.changes.value = new Map();
      this.isSaved = data.name !== page.site.name || data.time_zone !== page.site.time_zone;
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem.value = error;
      return false;
    } finally {
      this.busy.value = false;
    }
  }
}
