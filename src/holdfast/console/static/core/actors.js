/**
 * Who is behind what the journal says: it keeps no person's name, so that a person can be forgotten. Names are asked for
 * together, once, and are there when they have come; who is not known (any more) is told by what they are.
 */

import { ask, here } from "./api.js";
import { hasWords, t } from "./i18n.js";
import { may, page } from "./page.js";
import { signal } from "./signals.js";

const AT_ONCE_MAX = 200;
const KINDS = new Set(["account", "token"]);
/** @type {Map<string, import("./signals.js").Signal<string | null>>} */ const known = new Map();
/** @type {Set<string>} */ const wanted = new Set();
let isRefused = false;

/** What to call an actor; in a function of a template it is drawn again once the name is there. @param {string} actor */
export function actorName(actor) {
  const [kind] = actor.split(":");
  if (!actor.includes(":")) return hasWords(`actor.${actor}`) ? t(`actor.${actor}`) : actor;
  const otherwise = hasWords(`actor.${kind}`) ? t(`actor.${kind}`) : actor;
  if (!KINDS.has(kind) || !may("names") || !page.site) return otherwise;
  let name = known.get(actor);
  if (name === undefined) {
    name = signal(null);
    known.set(actor, name);
    if (wanted.size === 0) queueMicrotask(find);
    wanted.add(actor);
  }
  return name.value ?? otherwise;
}

/** Asks for all names that were wanted in this task. */
async function find() {
  const asked = [...wanted].slice(0, AT_ONCE_MAX);
  for (const actor of asked) wanted.delete(actor);
  if (isRefused || asked.length === 0) return;
  try {
    const { data } = await ask("GET", `${here("actors")}?${new URLSearchParams({ name: asked.join(",") })}`);
    for (const [actor, name] of Object.entries(data.actors)) {
      const held = known.get(actor);
      if (held !== undefined) held.value = String(name);
    }
  } catch {
    // without names everything else is told all the same
    isRefused = true;
  }
  if (wanted.size > 0) find();
}
