/** Whose jobs are shown: of one organisation, or of all that the viewer reaches; who runs the server sees those of none, too. */

import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { inAddress, may, page } from "../core/page.js";

const theirs = page.organisations ?? [];

/** The organisation that is looked at; empty for all. */
export const organisation = signal(theirs.some(({ id }) => id === inAddress("organisation")) ? inAddress("organisation") : "");

/** Whether it has to be said whose something is. */
export const isOfSeveral = theirs.length > 1 || (may("server") && theirs.length > 0);

/** What a list is asked with. @returns {Record<string, string>} */
export const tenantWanted = () => (organisation.peek() ? { tenant: organisation.peek() } : {});

/** Whose something is. @param {string} tenant */
export const ownerName = (tenant) => (tenant === "" ? t("jobs.of_server") : theirs.find(({ id }) => id === tenant)?.name ?? tenant);

/** The same behind a name, where it has to be said. @param {string} tenant */
export const ownerLine = (tenant) => (isOfSeveral ? html`<span class="small muted">${ownerName(tenant)}</span>` : null);

/** Whose something new may be. @returns {{value: string, label: string}[]} */
export const owners = () => [...(may("server") ? [{ value: "", label: t("jobs.of_server") }] : []), ...theirs.map(({ id, name }) => ({ value: id, label: name }))];

/** A choice of organisations, where there is one. */
export const organisationChoice = () => (isOfSeveral ? html`<select class="input filter" aria-label=${t("jobs.organisation")} @change=${(/** @type {any} */ event) => { organisation.value = event.target.value; }}>
  <option value="">${t("jobs.all_organisations")}</option>${theirs.map(({ id, name }) => html`<option value=${id} ?selected=${id === organisation.peek()}>${name}</option>`)}</select>` : null);
