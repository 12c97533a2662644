/** Words beside what only shows an icon: `data-tip="…"`, on hover and on keyboard focus. It has its own label as well. */

const WAIT_MS = 450;
const MARGIN = 6;
/** @type {HTMLElement | null} */ let tip = null;
/** @type {any} */ let timer = null;

/** @param {HTMLElement} element */
function show(element) {
  if (tip === null) {
    tip = document.createElement("div");
    tip.className = "tip";
    tip.popover = "manual";
    tip.setAttribute("aria-hidden", "true");
  }
  // inside an open dialog, so that it lies over it
  (element.closest("dialog") ?? document.body).append(tip);
  tip.textContent = element.dataset.tip ?? "";
  tip.showPopover();
  const at = element.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  const left = Math.max(MARGIN, Math.min(at.left + at.width / 2 - size.width / 2, innerWidth - size.width - MARGIN));
  const isBelow = at.bottom + MARGIN + size.height < innerHeight;
  tip.style.setProperty("left", `${left}px`);
  tip.style.setProperty("top", `${isBelow ? at.bottom + MARGIN : at.top - size.height - MARGIN}px`);
}

function hide() {
  clearTimeout(timer);
  if (tip?.matches(":popover-open")) tip.hidePopover();
}

/** @param {EventTarget | null} target */
const tipped = (target) => (target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest("[data-tip]")) : null);

document.addEventListener("pointerover", (event) => {
  const element = tipped(event.target);
  if (element === null || event.pointerType === "touch") return;
  clearTimeout(timer);
  timer = setTimeout(() => element.isConnected && show(element), WAIT_MS);
});
document.addEventListener("pointerout", (event) => { if (tipped(event.target)) hide(); });
document.addEventListener("pointerdown", hide);
document.addEventListener("focusin", (event) => {
  const element = tipped(event.target);
  hide();
  if (element?.matches(":focus-visible")) show(element);
});
document.addEventListener("focusout", hide);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
