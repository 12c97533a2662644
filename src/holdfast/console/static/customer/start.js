/**
 * Begins a customer's page: the same steps as without scripts, in place. The review and the good end are dialogs, a form
 * goes once however often it is pressed, and what others take is seen at once.
 */

import { announce, ask, remember, show, step, word } from "./swap.js";
import { count, follow } from "./follow.js";

let isBusy = false;

/** @param {Element} button @param {boolean} busy */
const mark = (button, busy) => button.setAttribute("aria-busy", String(busy));

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.dataset.whole !== undefined || !inStep(form)) return;
  event.preventDefault();
  send(form, event.submitter);
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copies]") : null;
  if (button instanceof HTMLElement) return copy(button);
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.dataset.whole !== undefined || link.origin !== location.origin) return;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || !inStep(link)) return;
  if (!link.pathname.startsWith(`/s/${document.body.dataset.site}`)) return;
  event.preventDefault();
  go(link.href);
});

document.addEventListener("change", (event) => {
  const { target } = event;
  const note = document.getElementById("taken");
  if (note !== null && target instanceof HTMLInputElement && target.name === "pick") note.hidden = true;
  if (!(target instanceof HTMLSelectElement) || target.dataset.again === undefined) return;
  const again = document.getElementById("again");
  if (again instanceof HTMLButtonElement) target.form?.requestSubmit(again);
});

addEventListener("popstate", () => {
  closeDialogs();
  go(location.href, true);
});

/** @param {Element} element */
const inStep = (element) => element.closest("#step, .head, dialog") !== null;

/** @param {string} address */
async function go(address, isBack = false) {
  if (isBusy) return;
  isBusy = true;
  remember();
  try {
    const { page, response } = await ask(address);
    closeDialogs();
    show(page, { address: response.url, isBack });
  } catch {
    location.assign(address);
  } finally {
    isBusy = false;
  }
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
async function send(form, submitter) {
  if (isBusy) return;
  isBusy = true;
  remember();
  const button = submitter ?? form.querySelector("button") ?? form;
  mark(button, true);
  const isPost = (submitter?.getAttribute("formmethod") ?? form.method).toLowerCase() === "post";
  const address = new URL(submitter?.getAttribute("formaction") ?? form.action, location.href);
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) if (typeof value === "string") fields.append(name, value);
  if (!isPost) address.search = fields.toString();
  try {
    const { page, response } = await ask(address.href, isPost ? fields : null);
    const refused = page.querySelector("[data-refused]");
    // nothing has heard of the form: it stays as it is, to be sent again
    if (refused !== null) tell(form, refused.textContent ?? "");
    else answered(page, response);
  } catch {
    tell(form, word("unreachable"));
  } finally {
    isBusy = false;
    mark(button, false);
  }
}

/** What came of a form: the review opens over its step, all else takes its place. @param {Document} page @param {Response} response */
function answered(page, response) {
  const review = page.getElementById("review");
  if (review !== null) return openReview(review);
  closeDialogs();
  const done = page.getElementById("done");
  done?.remove();
  show(page, { address: response.url });
  if (done !== null) openDialog(done);
}

/** @param {HTMLElement} review */
function openReview(review) {
  closeDialogs();
  const dialog = openDialog(review);
  // what was typed stands behind it still
  review.querySelector("[data-back]")?.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
}

/** @param {HTMLElement} content */
function openDialog(content) {
  const dialog = document.createElement("dialog");
  dialog.className = "sheet";
  const title = content.querySelector("h1, h2");
  if (title !== null) {
    title.id ||= "dialog-title";
    dialog.setAttribute("aria-labelledby", title.id);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = content.querySelector("[data-onwards]") === null ? "button primary" : "button quiet";
  close.textContent = word("close");
  close.addEventListener("click", () => dialog.close());
  content.classList.remove("card");
  dialog.append(document.adoptNode(content));
  if (content.id === "done") dialog.append(close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector(".primary");
  if (first instanceof HTMLElement) first.focus();
  return dialog;
}

function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/** @param {HTMLFormElement} form @param {string} text */
function tell(form, text) {
  let note = form.querySelector(".told");
  if (note === null) {
    note = document.createElement("p");
    note.className = "told banner tone-bad";
    note.setAttribute("role", "alert");
    form.prepend(note);
  }
  note.textContent = text;
  announce(text);
}

/** Puts what a field holds into the clipboard, also where there is no secure connection. @param {HTMLElement} button */
async function copy(button) {
  const field = document.getElementById(button.dataset.copies ?? "");
  const label = button.querySelector("span");
  if (!(field instanceof HTMLInputElement) || label === null) return;
  field.select();
  const isDone = await (navigator.clipboard?.writeText(field.value).then(() => true, () => document.execCommand("copy")) ?? document.execCommand("copy"));
  if (!isDone) return;
  label.textContent = word("copied");
  announce(word("copied"));
}

/** A guest's link brings its secret behind #: it goes into a cookie of that booking, and out of the address. */
function unlock() {
  const key = location.hash.slice(1);
  if (key === "") return;
  history.replaceState(null, "", location.pathname);
  const form = document.getElementById("unlock");
  const field = document.getElementById("key");
  if (!(form instanceof HTMLFormElement) || !(field instanceof HTMLInputElement)) return;
  field.value = key;
  form.submit();
}

function begun() {
  document.documentElement.dataset.step = step()?.dataset.address ?? "";
  follow();
}

document.addEventListener("step", begun);
if (/\/booking\/[0-9a-f-]{36}$/.test(location.pathname)) unlock();
const done = document.getElementById("done");
if (done !== null) {
  // reloading must not celebrate again
  history.replaceState(null, "", location.pathname);
  openDialog(done);
}
begun();
setInterval(() => count(word("over")), 1000);
document.documentElement.dataset.ready = "true";
