/**
 * Signs of life of whoever is signed in: an open page is one by its connection, but only the page knows whether anybody
 * touches the machine. All pages of a browser are one device and share when it was touched last; one of them tells.
 */

import { page } from "./page.js";

const TOUCHED = "holdfast.touched";
const TOLD = "holdfast.told";
const LOOK_MS = 10_000;
const TOUCH_MS = 5_000;
const EVERY_MS = 60_000;
const AWAY_MS = 600_000;
const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

/** @param {string} name */
const kept = (name) => {
  try {
    return Number(localStorage.getItem(name) ?? "0") || 0;
  } catch {
    // where nothing may be kept each page tells for itself
    return memory[name] ?? 0;
  }
};
/** @type {Record<string, number>} */ const memory = {};

/** @param {string} name @param {number} value */
function keep(name, value) {
  memory[name] = value;
  try {
    localStorage.setItem(name, String(value));
  } catch {
    // told from memory, then
  }
}

/** Begins to tell; once per page. Only a person with an account is anybody who can be there. */
export function startBeating() {
  if (!page.viewer.sign_out) return;
  let touchedAt = 0;
  let everyMs = EVERY_MS;
  const tell = async () => {
    const now = Date.now();
    keep(TOLD, now);
    const idle_s = Math.max(0, Math.round((now - kept(TOUCHED)) / 1000));
    // by itself, not by `ask`: a sign that cannot be given may lead nobody away from what they are at. The next one tells.
    try {
      const response = await fetch("/api/presence/beat", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ idle_s }), credentials: "same-origin" });
      if (response.ok) everyMs = (await response.json()).beat_every_s * 1000;
    } catch {
      // the line is down: the badge says so
    }
  };
  const look = () => { if (Date.now() - kept(TOLD) >= everyMs) tell(); };
  const touched = () => {
    const now = Date.now();
    if (now - touchedAt < TOUCH_MS) return;
    touchedAt = now;
    const wasAway = now - kept(TOUCHED) >= AWAY_MS;
    keep(TOUCHED, now);
    // whoever comes back is told of at once
    if (wasAway) tell();
  };
  for (const kind of TOUCHES) document.addEventListener(kind, touched, { passive: true, capture: true });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) touched(); });
  touched();
  setInterval(look, LOOK_MS);
}
