"""The OpenAPI document: what Litestar knows of the addresses, with bodies, headers and refusals from each one's `opt`.

Refuses to be edited by hand: types come from the request and wire structs, codes from the table of errors.
"""

from types import UnionType
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig

from holdfast import __version__
from holdfast.domain.change import encode
from holdfast.domain.errors import CODES
from holdfast.domain.wire import BlockView, BookingView
from holdfast.http.auth import COOKIE
from holdfast.http.errors import EDGE_CODES, STATUS
from holdfast.http.examples import EXAMPLES
from holdfast.http.former.shape import FormerFailure, status_of

OPENAPI = OpenAPIConfig(
    title="Holdfast",
    version=__version__,
    description="Sites whose screens must not lie: bookings, occupancy and what follows from them.",
    path="/api/openapi",
    use_handler_docstrings=True,
)

_REF = "#/components/schemas/{name}"
_METHODS = ("get", "post", "put", "patch", "delete")
_ANY: dict[str, Any] = {"type": "object"}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Further members are the facts of the refusal.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:holdfast:problem:slot_taken"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted([*CODES, *EDGE_CODES])},
    },
}
_NAMED: dict[str, dict[str, Any]] = {
    # answers that are no single struct
    "Series": {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": _ANY}},
    },
    "Check": {
        "type": "object",
        "required": ["allowed"],
        "properties": {"allowed": {"type": "boolean"}, "would_be": _ANY, "code": {"type": "string"}},
    },
    "Preview": {
        "type": "object",
        "required": ["dates", "count", "conflicts"],
        "properties": {
            "dates": {"type": "array", "items": _ANY},
            "count": {"type": "integer"},
            "conflicts": {"type": "integer"},
        },
    },
    "Problem": _PROBLEM,
}
_VIEWS: dict[str, Any] = {"Booking": BookingView, "Block": BlockView, "Failure": FormerFailure}
_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "1 to 200 printable characters. The same key and request again get the same answer, once only done.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}  # fmt: skip
_MATCH = {
    "name": "If-Match", "in": "header", "required": False,
    "description": "The version the request is meant for; 412 when the object has moved on.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
}  # fmt: skip
_SITE = {
    "name": "X-Site", "in": "header", "required": False,
    "description": "The slug or id of the site that is meant; needed where there are several of its kind.",
    "schema": {"type": "string", "pattern": "^[a-z0-9-]{1,63}$"},
}  # fmt: skip


def document(app: Litestar) -> bytes:
    """The whole document as JSON."""
    found: dict[str, Any] = msgspec.json.decode(encode(app.openapi_schema.to_schema()))
    opts = _opts(app)
    schemas: dict[str, Any] = found.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_schemas(opts.values()))
    found["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE.decode()},
    }
    found["security"] = [{"token": []}, {"session": []}]
    found["paths"] = {path: item for path, item in found["paths"].items() if not path.startswith("/api/openapi/")}
    for path, item in found["paths"].items():
        for method in _METHODS:
            if method in item:
                _complete(item[method], opts.get(item[method].get("operationId"), {}), path)
    return encode(found)


def _opts(app: Litestar) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(getattr(handler, "operation_id", None), str):
                found[handler.operation_id] = dict(handler.opt)
    return found


def _schemas(opts: Any) -> dict[str, Any]:
    wanted: list[Any] = list(_VIEWS.values())
    for opt in opts:
        wanted += [opt[name] for name in ("body", "answer") if isinstance(opt.get(name), type)]
        wanted += [part for part in getattr(opt.get("answer"), "__args__", ()) if isinstance(part, type)]
    _, components = msgspec.json.schema_components(wanted, ref_template=_REF)
    return {**components, **_NAMED}


def _schema_of(answer: Any) -> dict[str, Any]:
    if answer is None:
        return _ANY
    if isinstance(answer, str):
        # a view goes by its short name; what another address answers with, by its own
        return {"$ref": _REF.format(name=_VIEWS[answer].__name__ if answer in _VIEWS else answer)}
    if getattr(answer, "__origin__", None) is list:
        return {"type": "object"}
    if isinstance(answer, UnionType):
        return {"anyOf": [_schema_of(one) for one in answer.__args__]}
    return {"$ref": _REF.format(name=answer.__name__)}


def _complete(operation: dict[str, Any], opt: dict[str, Any], path: str) -> None:
    """Adds to one operation what its `opt` says."""
    parameters = operation.setdefault("parameters", [])
    if "right" in opt:
        operation["x-right"] = opt["right"]
        if opt["right"] in ("open", "public"):
            operation["security"] = []
    if opt.get("key"):
        parameters.append(_KEY)
    if opt.get("match"):
        parameters.append(_MATCH)
    if opt.get("site"):
        parameters.append(_SITE)
    if not parameters:
        del operation["parameters"]
    if "body" in opt:
        content: dict[str, Any] = {"schema": {"$ref": _REF.format(name=opt["body"].__name__)}}
        if operation["operationId"] in EXAMPLES:
            content["examples"] = EXAMPLES[operation["operationId"]]
        operation["requestBody"] = {
            "required": not opt.get("body_optional", False),
            "content": {"application/json": content},
        }
    responses = operation["responses"]
    for status, response in list(responses.items()):
        # Litestar sees bytes and takes them for a text
        is_json = bool(opt.keys() & {"answer", "body"}) or "application/json" in response.get("content", {})
        if status.startswith("2") and "media" in opt:
            response["content"] = {opt["media"]: {"schema": {"type": "string"}}}
        elif status.startswith("2") and is_json:
            response["content"] = {"application/json": {"schema": _schema_of(opt.get("answer"))}}
    for status, answer in opt.get("also", {}).items():
        content = {"application/json": {"schema": _schema_of(answer)}}
        said = answer if isinstance(answer, str) else " or ".join(one.__name__ for one in answer.__args__)
        responses[str(status)] = {"description": said, "content": content}
    if "codes" in opt or path.startswith("/api/"):
        _add_problems(responses, opt)


def _add_problems(responses: dict[str, Any], opt: dict[str, Any]) -> None:
    codes = ["invalid_request", "invalid_time", "unauthorised", "foreign_origin", "unknown_route"]
    codes += opt.get("codes", ())
    if "body" in opt:
        codes += ["body_too_large", "wrong_media"]
    by_status: dict[int, list[str]] = {}
    is_former = opt.get("former", False)
    for code in codes:
        status = status_of(code) if is_former else STATUS.get(code) or EDGE_CODES[code][0]
        by_status.setdefault(status, []).append(code)
    for status, names in sorted(by_status.items()):
        sentences = [f"`{name}`: {CODES.get(name) or EDGE_CODES[name][1]}" for name in names]
        content = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
        if is_former:
            content = {"application/json": {"schema": _schema_of("Failure")}}
        responses[str(status)] = {"description": "\n".join(sentences), "content": content}
