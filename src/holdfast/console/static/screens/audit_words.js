/** Lines of the journal in words, and what differs between two states of a booking. */

import { actorName } from "../core/actors.js";
import { hasWords, t } from "../core/i18n.js";
import { page } from "../core/page.js";
import { fullOf } from "../core/time.js";
import { lookOf } from "../ui/status.js";

/** @typedef {import("../core/stream.js").JournalEvent} JournalEvent */

const TYPES = [
  "booking.created", "booking.confirmed", "booking.approved", "booking.rejected", "booking.revoked", "booking.started", "booking.extended", "booking.moved",
  "booking.completed", "booking.cancelled", "booking.no_show", "booking.expired", "booking.undone", "booking.amended", "unit.created", "unit.changed", "unit.condition_changed",
  "unit.status_changed", "unit.status_repaired", "block.created", "block.removed", "site.changed", "finding.opened", "finding.closed", "finding.repaired",
];
/** Those of a store, which has no bookings and no units. */
const STORE_TYPES = ["sync.started", "sync.progressed", "sync.stage_ended", "sync.ended", "orders.changed", "connection.changed", "ltv.counted", "site.changed", "finding.opened", "finding.closed"];

/** The types of line that there can be here. */
export const typesHere = () => (page.site.kind === "store" ? STORE_TYPES : TYPES);
const TIME = /^\d{4}-\d\d-\d\dT/;
const LEFT_OUT = new Set(["version", "site", "id"]);
const ORDER = ["state", "from", "to", "units", "parts", "category", "customer_name", "customer_email", "customer_phone", "customer_reference", "party", "note"];

/** @param {string} type */
export const typeWord = (type) => { const key = `event.${type.replace(".", "_")}`; return hasWords(key) ? t(key) : type; };

/** The family a type belongs to. @param {string} type */
export const familyWord = (type) => t(`audit.family_${type.split(".")[0]}`);

/** What a line is about, as people call it. @param {JournalEvent} event */
export function subjectWord({ type, subject, data }) {
  if (data.booking?.reference) return `${data.booking.reference} · ${data.booking.units.join(", ")}`;
  if (data.block?.units) return data.block.units.join(", ");
  if (type === "block.removed") return (data.units ?? []).join(", ");
  if (data.finding) return data.finding.data?.unit ?? data.finding.data?.reference ?? data.finding.subject;
  if (type.startsWith("sync.")) return [data.stage ? t(`sync.stage_${data.stage}`) : null, data.connection].filter(Boolean).join(" · ") || t(`sync.operation_${data.operation ?? "incremental"}`);
  return data.code ?? (type.startsWith("connection.") ? data.name : null) ?? subject;
}

/** From which word to which, when a line says so. @param {JournalEvent} event @returns {[string, string] | null} */
export function change({ type, data }) {
  const isWord = type.startsWith("unit.") && data.to !== undefined && data.from !== undefined;
  return isWord ? [wordOf(data.from), wordOf(data.to)] : null;
}

/** @param {any} word */
const wordOf = (word) => (word === null || word === undefined ? t("event.none") : lookOf(String(word)).word);

/** What of a booking is otherwise; all of it when there was none. @param {any} older @param {any} newer @returns {{name: string, from: string | null, to: string | null}[]} */
export function differences(older, newer) {
  const [left, right] = [flat(older ?? {}), flat(newer)];
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  const place = (/** @type {string} */ name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return names.sort((a, b) => place(a) - place(b)).filter((name) => !LEFT_OUT.has(name) && JSON.stringify(left[name] ?? null) !== JSON.stringify(right[name] ?? null))
    .map((name) => ({ name: nameOf(name), from: older === null ? null : valueOf(name, left[name]), to: valueOf(name, right[name]) }));
}

/** @param {any} booking @returns {Record<string, any>} */
function flat(booking) {
  const { customer, details, ...rest } = booking;
  const within = (/** @type {string} */ name, /** @type {any} */ told) => Object.fromEntries(Object.entries(told ?? {}).map(([key, value]) => [`${name}_${key}`, value]));
  return { ...rest, ...within("customer", customer), ...within("details", details) };
}

/** @param {string} name */
const nameOf = (name) => (hasWords(`audit.field_${name}`) ? t(`audit.field_${name}`) : name.replace(/^details_/, "").replaceAll("_", " "));

/** @param {string} name @param {any} value @returns {string | null} */
function valueOf(name, value) {
  if (value === null || value === undefined || value === "") return null;
  if (name === "state") return lookOf(value).word;
  if (name === "requested_by" || name === "decided_by") return actorName(value);
  if (name === "parts") return value.map((/** @type {any} */ part) => `${part.unit}: ${fullOf(part.from)} – ${fullOf(part.to)}`).join("; ");
  if (typeof value === "string" && TIME.test(value)) return fullOf(value);
  if (typeof value === "boolean") return t(value ? "audit.yes" : "audit.no");
  return Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
}
