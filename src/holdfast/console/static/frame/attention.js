/** What waits for a person, as numbers in the navigation: open findings, and requests to decide. Counted once, then kept by events. */

import { ask, here } from "../core/api.js";
import { html, render } from "../core/html.js";
import { signal } from "../core/signals.js";
import { number, t } from "../core/i18n.js";
import { may, page } from "../core/page.js";
import { siteStore } from "../core/store.js";

const COUNTED_MAX = 99;
const ASKED = COUNTED_MAX + 1;
const AGAIN_MS = 500;

/** @typedef {{screen: string, words: string, ask: () => Promise<any[]>, concerns: (event: import("../core/stream.js").JournalEvent) => boolean}} Count */

/** @type {Count[]} */
const COUNTS = [
  {
    screen: "findings", words: "frame.open_findings", concerns: ({ type }) => type === "finding.opened" || type === "finding.closed",
    ask: async () => (await ask("GET", `${here("findings")}?state=open&limit=${ASKED}`)).data.findings,
  },
  {
    screen: "approvals", words: "frame.to_decide", concerns: ({ type, data }) => type.startsWith("booking.") && (data.booking?.state === "Pending" || data.from === "Pending" || /approved|rejected|expired|cancelled|revoked/.test(type)),
    ask: async () => (await ask("GET", `${here("bookings")}?state=Pending&limit=${ASKED}`)).data.bookings,
  },
  {
    screen: "rejects", words: "frame.rejects", concerns: ({ type, data }) => type === "orders.changed" || type === "sync.ended" || (type === "sync.progressed" && data.rejects > 0),
    ask: async () => (await ask("GET", `${here("rejects")}?limit=${ASKED}`)).data.rejects,
  },
];

/** Puts the numbers at the links of the navigation. */
export function showAttention() {
  if (!may("names")) return;
  for (const count of COUNTS) {
    const link = page.screens.find(({ name }) => name === count.screen);
    const place = link ? document.querySelector(`.side a[href="${CSS.escape(link.address)}"]`) : null;
    if (place !== null) follow(count, place);
  }
}

/** @param {Count} count @param {Element} link */
function follow(count, link) {
  const open = signal(0);
  /** @type {any} */ let timer = null;
  const look = async () => {
    // what cannot be counted now is counted at the next change
    const found = await count.ask().catch(() => null);
    if (found !== null) open.value = found.length;
  };
  siteStore().onEvent((event) => {
    if (!count.concerns(event)) return;
    clearTimeout(timer);
    timer = setTimeout(look, AGAIN_MS);
  });
  look();
  const mark = document.createElement("span");
  link.append(mark);
  render(html`${() => (open.value === 0 ? null : html`<span class="count" aria-hidden="true">${open.value > COUNTED_MAX ? `${COUNTED_MAX}+` : number(open.value)}</span>
    <span class="visually-hidden">${t(count.words, { n: open.value })}</span>`)}`, mark);
}
