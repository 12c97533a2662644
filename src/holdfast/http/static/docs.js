// Lists what /api/openapi.json says, with a form to try each operation. All text enters as text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];
const FIRST = ["sites", "units", "bookings", "blocks", "live", "calendars", "findings", "import"];
const LAST = ["health"];

// What somebody new asks for first stands first; groups nobody named here follow, and health ends the page.
function place(tag) {
  if (FIRST.includes(tag)) return FIRST.indexOf(tag);
  return FIRST.length + (LAST.includes(tag) ? 1 : 0);
}

function heading(tag) {
  return tag.charAt(0).toUpperCase() + tag.slice(1);
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function resolved(spec, schema) {
  let found = schema;
  for (let depth = 0; found && found.$ref && depth < 20; depth += 1) {
    found = found.$ref.replace("#/", "").split("/").reduce((at, key) => at?.[key], spec);
  }
  return found ?? {};
}

function typeOf(spec, schema) {
  if (schema?.$ref) return schema.$ref.split("/").pop();
  if (schema?.anyOf) return schema.anyOf.map((one) => typeOf(spec, one)).join(" or ");
  if (schema?.type === "array") return `list of ${typeOf(spec, schema.items ?? {})}`;
  return [schema?.type ?? "any", schema?.description].filter(Boolean).join(": ");
}

function schemaTable(spec, schema) {
  const found = resolved(spec, schema);
  const rows = Object.entries(found.properties ?? {}).map(([name, field]) => {
    const must = (found.required ?? []).includes(name) ? "required" : "";
    return element("tr", {}, element("td", {}, element("code", {}, name)), element("td", {}, typeOf(spec, field)),
      element("td", {}, must));
  });
  return element("table", {}, element("caption", {}, found.title ?? ""), ...rows);
}

function responsesTable(operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) =>
    element("tr", {}, element("td", {}, status), element("td", {}, response.description ?? "")));
  return element("table", {}, element("caption", {}, "Answers"), ...rows);
}

function fieldFor(parameter) {
  const input = element("input", { name: parameter.name, "data-in": parameter.in });
  if (parameter.required) input.required = true;
  return element("label", {}, `${parameter.name} (${parameter.in})`, input);
}

function bodyFields(media) {
  const area = element("textarea", { name: "body", spellcheck: "false", "aria-label": "request body" });
  const examples = Object.entries(media.examples ?? {});
  area.value = examples.length ? JSON.stringify(examples[0][1].value, null, 2) : "{}";
  if (examples.length < 2) return [area];
  const choice = element("select", { "aria-label": "example" },
    ...examples.map(([name]) => element("option", { value: name }, name)));
  choice.addEventListener("change", () => {
    area.value = JSON.stringify(media.examples[choice.value].value, null, 2);
  });
  return [choice, area];
}

async function run(path, method, form, output) {
  let address = path;
  const query = new URLSearchParams();
  const headers = new Headers();
  for (const input of form.querySelectorAll("input[data-in]")) {
    const { value } = input;
    if (input.dataset.in === "path") address = address.replace(`{${input.name}}`, encodeURIComponent(value));
    else if (value && input.dataset.in === "query") query.append(input.name, value);
    else if (value && input.dataset.in === "header") headers.set(input.name, value);
  }
  const token = document.getElementById("token").value;
  if (token) headers.set("Authorization", `Bearer ${token}`);
  const body = form.querySelector("textarea")?.value;
  if (body) headers.set("Content-Type", "application/json");
  const suffix = query.size ? `?${query}` : "";
  try {
    const answer = await fetch(address + suffix, { method: method.toUpperCase(), headers, body });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    const told = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    output.textContent = `${answer.status} ${answer.statusText}\n${told}\n\n${shown}`;
  } catch (error) {
    output.textContent = `No answer: ${error.message}`;
  }
}

function operationView(spec, path, method, operation) {
  const parameters = (operation.parameters ?? []).map((one) => resolved(spec, one));
  const media = operation.requestBody?.content?.["application/json"];
  const output = element("pre", { hidden: "" });
  const form = element("form", {}, element("div", { class: "fields" }, ...parameters.map(fieldFor)),
    ...(media ? bodyFields(media) : []), element("button", {}, "Send"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.hidden = false;
    output.textContent = "…";
    await run(path, method, form, output);
  });
  const view = element("details", { id: operation.operationId ?? `${method} ${path}` },
    element("summary", {}, element("span", { class: `method ${method}` }, method.toUpperCase()), element("code", {}, path),
      element("span", { class: "summary" }, operation.summary ?? "")),
    element("p", { class: "said" }, operation.description ?? ""), form, output,
    ...(media ? [schemaTable(spec, media.schema)] : []), responsesTable(operation));
  view.dataset.text = `${method} ${path} ${operation.summary} ${operation.description}`.toLowerCase();
  return view;
}

async function main() {
  const list = document.getElementById("operations");
  const answer = await fetch("/api/openapi.json");
  const spec = await answer.json();
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const tag = item[method].tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operationView(spec, path, method, item[method]));
    }
  }
  const sorted = [...groups].sort(([one], [other]) => place(one) - place(other));
  const sections = sorted.map(([tag, views]) =>
    element("section", { id: `tag-${tag}` }, element("h2", {}, heading(tag)), ...views));
  list.replaceChildren(...sections);
  document.getElementById("groups").replaceChildren(
    ...sorted.map(([tag]) => element("a", { href: `#tag-${tag}` }, heading(tag))));
  document.getElementById("find").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const view of list.querySelectorAll("details")) view.hidden = !view.dataset.text.includes(wanted);
    for (const section of sections) section.hidden = !section.querySelector("details:not([hidden])");
  });
}

main().catch((error) => {
  document.getElementById("operations").textContent = `The document could not be read: ${error.message}`;
});
