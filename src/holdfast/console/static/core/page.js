/**
 * What the server gave this page: who looks, at which site, on which screen, with which first state.
 *
 * @typedef {{id: number, slug: string, name: string, kind: string, time_zone: string}} SiteBrief
 * @typedef {SiteBrief & {version: number, settings: Record<string, any>}} Site
 * @typedef {{viewer: {name: string, rights: string[], sign_in: string | null, sign_out: string | null}, site: Site, sites: SiteBrief[], organisation: string | null,
 *   places: {name: string, icon: string}[], place?: string, organisations?: {id: string, name: string}[], homes?: Record<string, string>, events?: string[], alerts?: string[], screen: string, screens: {name: string, word: string, icon: string, address: string}[], module: string | null, board: any,
 *   look: {theme: string, density: string, language: string}, languages: Record<string, string>, program: string,
 *   words: string}} Page
 */

/** @returns {Page} */
const given = () => JSON.parse(document.getElementById("page-data")?.textContent ?? "{}");

export const page = given();

/** Whether the viewer may do that; for what to show. The server decides each request by itself.
 * @param {"read" | "names" | "book" | "condition" | "block" | "units" | "settings" | "find" | "import" | "sync" | "people" | "audit" | "sites" | "organisation" | "jobs" | "server"} right */
export const may = (right) => page.viewer.rights.includes(right);

/** A file of the console's own, at its versioned address. @param {string} name such as `ui/icons.svg` */
export const file = (name) => new URL(`../${name}`, import.meta.url).pathname;

/** Reads and writes what the address keeps of a screen (filters, date), without a new entry in the history.
 * @param {Record<string, string | null>} changes null takes a name out */
export function keepInAddress(changes) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  // a browser takes its time for it, even where nothing differs
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

/** @param {string} name @param {string} otherwise */
export const inAddress = (name, otherwise = "") => new URLSearchParams(location.search).get(name) ?? otherwise;
