"""Every address that the application's own OpenAPI document has, and the bodies that they take."""

# ruff: noqa: E501 - the text is prose
import asyncio
import json
import re
from typing import Any

from generating.text import page, squeezed, table
from holdfast import app
from holdfast.http.openapi import document
from holdfast.realtime.hub import Hub
from holdfast.services.access import Access
from holdfast.services.accounts import Accounts
from holdfast.services.desk import Desk
from holdfast.services.doorbell import Doorbell
from holdfast.services.journal import Epochs
from holdfast.services.reconcile import Reconciler
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores
from holdfast.settings import Settings


def routes_page() -> str:
    found = openapi()
    schemas: dict[str, Any] = found["components"]["schemas"]
    lines = [
        "# HTTP routes",
        "",
        "The server's own document is at `/api/openapi.json`, a page to browse it at `/api/docs`. Errors common to all:",
        "400 `invalid_request`, 401 `unauthorised`, 403 `foreign_origin`, 503 `unavailable`; see [errors](errors.md).",
        "",
    ]
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in found["paths"].items():
        for method, operation in item.items():
            by_tag.setdefault((operation.get("tags") or ["other"])[0], []).append((method.upper(), path, operation))
    bodies: dict[str, None] = {}
    for tag in sorted(by_tag):
        lines += [f"## {tag}", ""]
        for method, path, operation in sorted(by_tag[tag], key=lambda one: (one[1], one[0])):
            lines += _operation(method, path, operation, bodies)
    if bodies:
        lines += ["## Request bodies", ""]
        seen: list[str] = list(bodies)
        for name in seen:
            lines += _schema(name, schemas, seen)
    return page(lines)


def openapi() -> dict[str, Any]:
    """The document of the application as it is served, without starting anything."""
    nowhere: Any = None
    desk = Desk(nowhere)
    house = app.House(
        settings=Settings(), database_url="", desk_pool=nowhere, reads=nowhere, desk=desk, sites=Sites(nowhere),
        stores=Stores(nowhere, desk, nowhere),
        reconciler=Reconciler(nowhere, desk), hub=Hub(nowhere, Epochs(nowhere)), doorbell=Doorbell(),
        stopping=asyncio.Event(), jobs=nowhere, webhooks=nowhere, calendars=nowhere, presence=nowhere, presence_changes=nowhere,
        accounts=Accounts(nowhere, Access(nowhere, idle_s=1.0), nowhere, nowhere, nowhere),
    )  # fmt: skip
    found: dict[str, Any] = json.loads(document(app.application(house).inner))
    return found


def _operation(method: str, path: str, operation: dict[str, Any], bodies: dict[str, None]) -> list[str]:
    lines = [
        f"### {method} {path}",
        "",
        f"**{operation.get('summary', '').rstrip('.?')}.** {squeezed(operation.get('description', ''))}",
        "",
    ]
    if "x-right" in operation:
        lines += [f"Asks for: `{operation['x-right']}`.", ""]
    parameters = [p for p in operation.get("parameters", ()) if p["in"] != "path"]
    if parameters:
        said = (f"`{p['name']}` ({p['in']})" for p in parameters)
        lines += ["Takes: " + ", ".join(said) + ".", ""]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in body:
        name = body["$ref"].rsplit("/", 1)[-1]
        bodies[name] = None
        lines += [f"Body: [{name}](#{name.lower()}).", ""]
    codes: dict[str, None] = {}
    for response in operation.get("responses", {}).values():
        codes.update(dict.fromkeys(re.findall(r"^`([a-z_]+)`:", response.get("description", ""), re.MULTILINE)))
    own = [
        name
        for name in codes
        if name not in ("invalid_request", "unauthorised", "foreign_origin", "unavailable", "unknown_route")
    ]
    if own:
        lines += ["Refusals: " + ", ".join(f"`{name}`" for name in sorted(own)) + ".", ""]
    return lines


def _schema(name: str, schemas: dict[str, Any], seen: list[str]) -> list[str]:
    schema = schemas[name]
    required = set(schema.get("required", ()))
    rows = []
    for member, of in schema.get("properties", {}).items():
        for other in re.findall(r"#/components/schemas/(\w+)", json.dumps(of)):
            if other not in seen:
                seen.append(other)
        said = squeezed(
            of.get("description", "")
            or next((o.get("description", "") for o in of.get("anyOf", ()) if "description" in o), "")
        )
        rows.append((f"`{member}`", type_of(of), "required" if member in required else "", said))
    return [
        f"### {name}",
        "",
        squeezed(schema.get("description", "")),
        "",
        *table(("member", "type", "", "meaning"), rows),
        "",
    ]


def type_of(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(each) for each in schema["anyOf"] if each.get("type") != "null"))
    if schema.get("type") == "array":
        inner = schema.get("items")
        return f"list of {type_of(inner)}" if isinstance(inner, dict) and inner else "list"
    names = {"string": "text", "integer": "whole number", "boolean": "yes/no", "object": "object", "number": "number"}
    return {"uuid": "id", "date-time": "instant"}.get(
        schema.get("format", ""), names.get(schema.get("type", ""), "any")
    )
