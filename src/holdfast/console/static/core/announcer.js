/** Says things to people who listen rather than look, by the two live regions of the frame. */

/** @param {string} text @param {"polite" | "assertive"} how */
export function announce(text, how = "polite") {
  const region = document.getElementById(how === "assertive" ? "announce-now" : "announce");
  if (region === null) return;
  // the same words again are only said when they are new to the region
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 50);
}
