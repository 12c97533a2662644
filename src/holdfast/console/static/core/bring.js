/** Loads what only some need, by its name below this folder's own. In packs it is found among what came along. */

/** @param {string} name such as `screens/board.js` @returns {Promise<any>} what that module exports */
export const bring = (name) => import(new URL(`../${name}`, import.meta.url).href);
