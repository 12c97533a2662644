/** A source is connected, or what it was told is changed. What is secret goes in and is never shown again. */

import { ask, here } from "../core/api.js";
import { html } from "../core/html.js";
import { signal } from "../core/signals.js";
import { t } from "../core/i18n.js";
import { clockWords } from "../core/time.js";
import { openDialog } from "../ui/dialog.js";
import { checkbox, errorAt, field, sending, valuesOf } from "../ui/form.js";
import { icon } from "../ui/icon.js";
import { toast } from "../ui/toast.js";
import { problemNote } from "./conflict.js";
import { KINDS, MEMBERS, NIGHT, RULES } from "./store_kinds.js";

/** @typedef {import("./store_state.js").Connection} Connection */
/** @typedef {import("./store_kinds.js").Told} Told */

const OTHER = "other";

/** @param {Connection | null} connection null for a new one @param {() => void} then */
export function openConnect(connection, then) {
  const kind = signal(connection?.kind ?? "");
  const stream = signal(connection?.config.stream ?? "orders");
  const rule = signal(ruleOf(connection));
  const sent = sending(async (/** @type {Record<string, string>} */ values) => {
    const body = bodyOf(kind.peek(), values, connection);
    const { data } = connection === null ? await ask("POST", here("connections"), { body }) : await ask("PATCH", here("connections", String(connection.id)), { body });
    opened.close();
    toast(t(connection === null ? "store.is_connected" : "store.is_changed", { name: data.name }));
    then();
  });
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    sent.submit(valuesOf(event.target));
  };
  const choose = (/** @type {string} */ next) => {
    kind.value = next;
    queueMicrotask(() => { /** @type {HTMLElement | null} */ (document.querySelector("#connect-form input"))?.focus(); });
  };
  const opened = openDialog({
    kind: "dialog wide",
    title: () => (kind.value === "" ? t("store.connect") : connection === null ? t("store.connect_kind", { kind: t(`store.kind_${kind.value}`) }) : t("store.edit_title", { name: connection.name })),
    body: () => (kind.value === "" ? kinds(choose) : html`<form id="connect-form" class="stack" @submit=${submit}>${() => (sent.problem.value && !isAtField(kind.value, sent.problem.value) ? problemNote(sent.problem.value) : null)}
      ${() => fields({ kind: kind.value, connection, stream, rule, problem: sent.problem.value })}</form>`),
    foot: () => (kind.value === "" ? null : html`${connection === null ? html`<button type="button" class="button quiet" @click=${() => { sent.problem.value = null; kind.value = ""; }}>${icon("arrow-left")}${t("store.other_kind")}</button><span class="grow wide-only"></span>` : null}
      <button type="button" class="button" @click=${() => opened.close()}>${t("dialog.cancel")}</button>
      <button type="submit" form="connect-form" class="button primary" aria-busy=${() => String(sent.busy.value)}>${icon("check")}${t(connection === null ? "store.connect_go" : "store.save")}</button>`),
  });
}

/** @param {(kind: string) => void} choose */
const kinds = (choose) => html`<p class="soft">${t("store.which_kind")}</p><div class="kind-choices">${Object.entries(KINDS).map(([name, { icon: picture }]) => html`<button type="button" class="kind-choice" @click=${() => choose(name)}>
  <span class="site-mark">${icon(picture)}</span><span class="strong">${t(`store.kind_${name}`)}</span><span class="muted small">${t(`store.kind_${name}_text`)}</span></button>`)}</div>`;

/** The rule a connection has now, by its name; "other" for one of its own. @param {Connection | null} connection */
function ruleOf(connection) {
  const own = connection?.streams[0]?.schedule;
  if (own && !own.is_enabled) return "off";
  return own ? RULES.find(([, rule]) => rule === own.rule)?.[0] ?? OTHER : "hour";
}

/** @param {{kind: string, connection: Connection | null, stream: import("../core/signals.js").Signal<string>, rule: import("../core/signals.js").Signal<string>, problem: any}} o */
function fields({ kind, connection, stream, rule, problem }) {
  const told = KINDS[kind];
  const open = told.fields.filter(({ secret }) => !secret);
  const secrets = told.fields.filter(({ secret }) => secret);
  return html`<div class="form-grid">${field({ name: "name", label: t("store.name"), required: true, value: connection?.name ?? "", hint: t("store.name_hint"), error: errorAt(problem, "name"), placeholder: t(`store.kind_${kind}`) })}
      ${open.map((one) => openField(one, connection, stream, problem))}</div>
    ${secrets.length > 0 ? html`<fieldset class="arguments"><legend class="strong">${icon("lock", "small")}${t("store.secrets")}</legend><p class="small muted">${t(connection?.has_secret ? "store.secrets_kept" : "store.secrets_text")}</p>
      <div class="form-grid">${secrets.map((one) => field({ name: `secret.${one.name}`, label: t(`store.field_${one.name}`), type: "password", autocomplete: "off", required: Boolean(one.required) && !connection?.has_secret, error: fieldError(problem, "secret", one.name) }))}</div></fieldset>` : null}
    ${told.hasMapping ? mapping(connection, stream, problem) : null}
    ${kind === "upload" ? null : schedule(connection, rule, problem)}`;
}

/** @param {Told} one @param {Connection | null} connection @param {import("../core/signals.js").Signal<string>} stream @param {any} problem */
function openField(one, connection, stream, problem) {
  const label = t(`store.field_${one.name}`);
  const value = connection?.config[one.name] ?? one.first ?? "";
  const common = { name: `config.${one.name}`, label, value, required: one.required ?? false, error: fieldError(problem, "config", one.name) };
  if (one.list) {
    return field({ ...common, required: true, disabled: one.name === "stream" && connection !== null, options: one.list.map((each) => ({ value: each, label: t(`store.${one.name}_${each}`) })), onInput: (next) => { if (one.name === "stream") stream.value = next; } });
  }
  if (one.kind === "zone") return field({ ...common, options: [{ value: "", label: t("store.zone_of_store") }, ...Intl.supportedValuesOf("timeZone").map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") }))] });
  return field({ ...common, type: one.kind === "url" ? "url" : "text", placeholder: one.placeholder ?? "" });
}

/** Where our members stand in their rows. @param {Connection | null} connection @param {import("../core/signals.js").Signal<string>} stream @param {any} problem */
function mapping(connection, stream, problem) {
  const known = connection?.config.mapping?.fields ?? {};
  const { needed, more } = MEMBERS[stream.value] ?? MEMBERS.orders;
  const isSet = Object.keys(known).length > 0 || Boolean(connection?.config.mapping?.currency);
  return html`<details class="rules" ?open=${isSet || problem?.data?.field?.startsWith?.("mapping") || problem?.data?.field === "config"}><summary>${icon("chevron-right", "small")}${t("store.mapping")}</summary><p class="small muted">${t("store.mapping_text")}</p>
    <div class="form-grid mapping-grid">${[...needed, ...more].map((name) => field({ name: `map.${name}`, label: t(`store.member_${name}`), required: false, value: known[name] ?? "", placeholder: name }))}
    ${field({ name: "map-currency", label: t("store.all_currency"), required: false, value: connection?.config.mapping?.currency ?? "", placeholder: "EUR", hint: t("store.all_currency_hint") })}</div></details>`;
}

/** @param {Connection | null} connection @param {import("../core/signals.js").Signal<string>} rule @param {any} problem */
function schedule(connection, rule, problem) {
  const own = connection?.streams[0]?.schedule;
  return html`<div class="form-grid">${field({ name: "rule-name", label: t("store.schedule"), value: rule.value, options: [...RULES.map(([name]) => ({ value: name, label: t(`store.preset_${name}`, { time: clockWords(NIGHT) }) })), { value: OTHER, label: t("store.preset_other") }, { value: "off", label: t("store.preset_off") }], onInput: (next) => { rule.value = next; } })}
    ${rule.value === OTHER ? field({ name: "rule", label: t("store.rule"), required: true, value: own?.rule ?? "0 * * * *", hint: t("store.rule_hint"), error: errorAt(problem, "rule") }) : null}
    ${rule.value === "off" ? null : html`${field({ name: "older_than", label: t("store.older_than"), type: "number", min: "0", required: false, value: own?.older_than_s ? String(Math.round(own.older_than_s / 60)) : "", hint: t("store.older_than_hint") })}
    <div class="whole">${checkbox({ name: "watched", label: t("store.only_watched"), checked: own?.when === "while_watched" })}</div>`}</div>`;
}

/** Why a field was refused: the server names the member in its own way. @param {any} problem @param {string} part @param {string} name */
function fieldError(problem, part, name) {
  const where = /\$\.([a-z_]+)/.exec(problem?.data?.problem ?? "")?.[1] ?? /field `([a-z_]+)`/.exec(problem?.data?.problem ?? "")?.[1];
  return problem?.data?.field === part && where === name ? problem.message : null;
}

/** @param {string} kind @param {any} problem */
const isAtField = (kind, problem) => ["name", "rule"].includes(problem.data?.field) || KINDS[kind].fields.some(({ name, secret }) => fieldError(problem, secret ? "secret" : "config", name) !== null);

/** What is sent. A secret is left as it is unless one was typed. @param {string} kind @param {Record<string, string>} values @param {Connection | null} connection */
function bodyOf(kind, values, connection) {
  const starting = (/** @type {string} */ start) => Object.fromEntries(Object.entries(values).filter(([name]) => name.startsWith(start)).map(([name, value]) => [name.slice(start.length), value]));
  const fieldsHere = new Set(KINDS[kind].fields.map(({ name }) => name));
  // what a program set beside the fields here stays
  const kept = Object.fromEntries(Object.entries(connection?.config ?? {}).filter(([name]) => !fieldsHere.has(name) && name !== "mapping"));
  /** @type {any} */ const config = { ...kept, ...starting("config."), ...(connection?.config.stream ? { stream: connection.config.stream } : {}) };
  if (KINDS[kind].hasMapping) {
    const { fields: before = {}, currency: _, ...rest } = connection?.config.mapping ?? {};
    const shown = new Set(Object.values(MEMBERS).flatMap(({ needed, more }) => [...needed, ...more]));
    const others = Object.fromEntries(Object.entries(before).filter(([name]) => !shown.has(name)));
    config.mapping = { ...rest, fields: { ...others, ...starting("map.") }, ...(values["map-currency"] ? { currency: values["map-currency"].toUpperCase() } : {}) };
  }
  const secret = starting("secret.");
  return {
    ...(connection === null ? { kind } : {}), name: values.name ?? "", config, ...(Object.keys(secret).length > 0 ? { secret } : {}),
    ...(kind === "upload" ? {} : { schedules: schedulesOf(kind, config, values) }),
  };
}

/** @param {string} kind @param {any} config @param {Record<string, string>} values */
function schedulesOf(kind, config, values) {
  const name = values["rule-name"];
  const rule = name === OTHER ? values.rule ?? "" : RULES.find(([each]) => each === name)?.[1];
  const one = name === "off" ? { is_enabled: false } : { is_enabled: true, rule, when: values.watched === "on" ? "while_watched" : "always", older_than_s: Math.round(Number(values.older_than ?? "0") * 60) };
  return Object.fromEntries((KINDS[kind].streams ?? [config.stream]).map((stream) => [stream, one]));
}
