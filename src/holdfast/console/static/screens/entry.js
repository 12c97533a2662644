/**
 * The entry pages where there are scripts: forms that need the secret of a link, passwords that can be looked at, how good
 * a new one is, waits that count down.
 */

import { ask, Problem } from "../core/api.js";
import { loadWords, t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { setTheme, theme, keepLanguage } from "../frame/look.js";
import { strengthOf } from "../ui/password.js";

const root = document.documentElement;
const secret = root.dataset.secret ?? "";
if (secret !== "") root.dataset.secret = "read";

/** @param {ParentNode} place @param {string} what @returns {HTMLElement[]} */
const all = (place, what) => /** @type {HTMLElement[]} */ ([...place.querySelectorAll(what)]);

/** @param {HTMLElement} form @param {boolean} isBusy */
function busy(form, isBusy) {
  for (const button of all(form, "button.primary")) button.setAttribute("aria-busy", String(isBusy));
}

/** Says at its field, or above the form, why nothing was done. @param {HTMLElement} form @param {Problem} problem */
function refuse(form, problem) {
  forgive(form);
  const name = String(problem.data?.field ?? (problem.code === "weak_password" ? "password" : ""));
  const control = form.querySelector(`[name="${CSS.escape(name)}"]`);
  const place = control === null ? form.querySelector("[data-refused]") : form.querySelector(`#${CSS.escape(name)}-error`);
  if (!(place instanceof HTMLElement)) return;
  place.hidden = false;
  const text = place.querySelector("p, span");
  if (text !== null) text.textContent = problem.message;
  if (control instanceof HTMLElement) {
    control.setAttribute("aria-invalid", "true");
    control.focus();
  }
  if (problem.code === "too_many_requests") countDown(place, Number(problem.data.retry_after_s ?? 1));
}

/** @param {HTMLElement} form */
function forgive(form) {
  for (const place of all(form, "[data-refused], .error")) place.hidden = true;
  for (const control of all(form, "[aria-invalid]")) control.removeAttribute("aria-invalid");
}

/** @param {HTMLElement} place of the refusal @param {number} seconds */
function countDown(place, seconds) {
  const form = place.closest("form");
  const text = place.querySelector("p");
  const until = performance.now() + seconds * 1000;
  const show = () => {
    const left = Math.ceil((until - performance.now()) / 1000);
    for (const button of form === null ? [] : all(form, "button.primary")) if (button instanceof HTMLButtonElement) button.disabled = left > 0;
    if (text !== null) text.textContent = left > 0 ? t("entry.wait", { wait: left < 120 ? t("entry.seconds", { n: left }) : t("entry.minutes", { n: Math.ceil(left / 60) }) }) : t("entry.wait_over");
    if (left > 0) setTimeout(show, 500);
  };
  show();
}

/** Sends what a form holds, with the secret, and goes on. @param {HTMLFormElement} form */
async function send(form) {
  if (form.querySelector("button.primary[aria-busy=true]") !== null) return;
  busy(form, true);
  forgive(form);
  /** @type {Record<string, any>} */ const body = { secret };
  for (const [name, value] of new FormData(form)) body[name] = value;
  try {
    const { data } = await ask("POST", form.dataset.api ?? "", { body });
    // what is not signed in by it is told where to sign in
    location.assign(data.actor === undefined ? form.dataset.otherwise ?? "/sign-in" : form.dataset.then ?? "/console");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    busy(form, false);
    refuse(form, error);
  }
}

/** Shows to what somebody is invited, before they say yes. @param {HTMLFormElement} form */
async function look(form) {
  const waiting = document.querySelector("[data-looking]");
  try {
    const { data } = await ask("POST", form.dataset.look ?? "", { body: { secret } });
    for (const place of all(form, "[data-said]")) place.textContent = place.dataset.said === "role" ? t(`role.${data.role}`) : data[place.dataset.said ?? ""];
    for (const part of all(form, "[data-if]")) part.hidden = !data[part.dataset.if ?? ""];
    for (const part of all(form, "[data-unless]")) if (data[part.dataset.unless ?? ""]) part.remove();
    for (const control of all(form, "[data-value]")) if (control instanceof HTMLInputElement) control.value = data[control.dataset.value ?? ""];
    const title = document.querySelector("[data-title]");
    if (title !== null) title.textContent = t("entry.invited_to", { organisation: data.organisation });
    waiting?.remove();
    form.hidden = false;
    form.querySelector("input")?.focus();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    waiting?.replaceChildren(document.createTextNode(error.message));
    waiting?.classList.add("failed");
  }
}

/** Signs in by the link that led here; one that does not work leaves the form. */
async function byLink() {
  const place = document.querySelector("[data-by-link]");
  if (place === null) return;
  try {
    await ask("POST", "/api/session", { body: { secret } });
    location.replace(/** @type {any} */ (page).next);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    delete root.dataset.secret;
    const note = document.createElement("div");
    note.className = "banner tone-soon";
    note.setAttribute("role", "alert");
    note.textContent = error.message;
    document.querySelector("h1")?.after(note);
  }
}

/** @param {HTMLElement} button */
function showing(button) {
  const control = document.getElementById(button.dataset.show ?? "");
  if (!(control instanceof HTMLInputElement)) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const isShown = control.type === "password";
    control.type = isShown ? "text" : "password";
    button.setAttribute("aria-pressed", String(isShown));
    control.focus();
  });
  // a password that was looked at is kept by browsers only as one
  control.form?.addEventListener("submit", () => { control.type = "password"; button.setAttribute("aria-pressed", "false"); }, { capture: true });
}

/** @param {HTMLElement} control */
function measuring(control) {
  const place = document.querySelector(`[data-strength-of="${control.id}"]`);
  if (!(control instanceof HTMLInputElement) || !(place instanceof HTMLElement)) return;
  control.addEventListener("input", () => {
    const near = all(document, "[name=email], [name=name]").map((one) => (one instanceof HTMLInputElement ? one.value : ""));
    const { share, tone, word } = strengthOf(control.value, near);
    place.hidden = control.value === "";
    place.className = `strength tone-${tone}`;
    place.style.setProperty("--share", String(share));
    const text = place.querySelector("[role=status]");
    if (text !== null && text.textContent !== word) text.textContent = word;
  });
}

async function start() {
  await loadWords();
  for (const button of all(document, "[data-show]")) showing(button);
  for (const control of all(document, "[data-strength]")) measuring(control);
  for (const place of all(document, "[data-wait]")) countDown(place, Number(place.dataset.wait));
  for (const link of all(document, "[data-language]")) link.addEventListener("click", (event) => {
    if (secret === "") return;
    event.preventDefault();
    keepLanguage(link.dataset.language ?? "en");
    history.replaceState(history.state, "", `#${secret}`);
    location.reload();
  });
  for (const button of all(document, "[data-theme-button]")) {
    button.hidden = false;
    button.addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
  }
  for (const form of all(document, "form")) {
    if (!(form instanceof HTMLFormElement)) continue;
    form.addEventListener("submit", (event) => {
      if (form.dataset.api === undefined) return busy(form, true);
      event.preventDefault();
      send(form);
    });
    if (secret !== "" && form.dataset.look !== undefined) await look(form);
  }
  addEventListener("pageshow", () => { for (const form of all(document, "form")) busy(form, false); });
  if (secret !== "") await byLink();
  root.dataset.ready = "true";
}

const isDark = () => (theme.peek() === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : theme.peek() === "dark");

start();
