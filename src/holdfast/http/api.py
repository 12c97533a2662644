"""The HTTP application put together: handlers, OpenAPI, and the edge around them. Opens nothing, starts nothing."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.response import Redirect

from holdfast import __version__
from holdfast.domain.errors import Refusal
from holdfast.http.calls import plain
from holdfast.http.context import Context, context_of
from holdfast.http.docs import DOCS_HANDLERS
from holdfast.http.edge import PUBLIC, Edge
from holdfast.http.framework import on_error, respond
from holdfast.http.guards import Guards
from holdfast.http.imports import IMPORT_HANDLERS
from holdfast.http.openapi import OPENAPI
from holdfast.http.reads import READ_HANDLERS
from holdfast.http.rights import guard
from holdfast.http.writes import WRITE_HANDLERS

READY_S = 2.0


def build(
    context: Context,
    *,
    handlers: Sequence[Any] = (),
    public: frozenset[str] = frozenset(),
    app_state: Any = None,
    stopping: asyncio.Event | None = None,
    guards: Guards | None = None,
) -> Edge:
    """The ASGI application. `handlers` are further Litestar handlers with full paths (console, live, former addresses),
    `public` those of their addresses that need no token, `app_state` further names for `request.app.state`. Once
    `stopping` is set no more commands are taken. `guards` None limits nobody."""
    api = Router("/api", route_handlers=[*WRITE_HANDLERS, *READ_HANDLERS, *IMPORT_HANDLERS, *DOCS_HANDLERS])
    state = {
        "context": context, "desk": context.desk, "sites": context.sites, "reads": context.reads,
        "limits": context.limits, **(app_state or {}),
    }  # fmt: skip
    app = Litestar(
        route_handlers=[root, healthz, readyz, index, api, *handlers],
        guards=[guard],
        exception_handlers={Exception: on_error},
        openapi_config=OPENAPI,
        request_max_body_size=context.limits.body_bytes_max,
        logging_config=None,
        state=State(state),
        debug=False,
    )
    edge = Edge(context, app, public=PUBLIC | public, allowed=methods_of(app), stopping=stopping, guards=guards)
    context.gate.foreign_origins = edge.guards.cors.origins
    app.state["traffic"] = edge.traffic
    return edge


def methods_of(app: Litestar) -> Callable[[str], list[str]]:
    """What tells the methods of an address, over all routes that share its form."""
    found: dict[str, set[str]] = {}
    for route in app.routes:
        found.setdefault(route.path_format, set()).update(getattr(route, "methods", ()))
    forms = []
    for form, methods in sorted(found.items(), key=lambda item: item[0].count("{")):
        parts = ["[^/]+" if part.startswith("{") else re.escape(part) for part in form.split("/")]
        forms.append((re.compile("/".join(parts)), methods))

    def methods_at(path: str) -> list[str]:
        asked = path.rstrip("/") or "/"
        methods = next((methods for form, methods in forms if form.fullmatch(asked)), set())
        return sorted({*methods, "OPTIONS", *(("HEAD",) if "GET" in methods else ())}) if methods else []

    return methods_at


@get("/", include_in_schema=False, opt={"right": "open"})
async def root(request: Request[Any, Any, Any]) -> Redirect:
    """For people who open the bare address: the pages in a browser, while there is no account the one that says how to
    make the first; the documentation elsewhere."""
    to = "/api/docs"
    if "text/html" in request.headers.get("accept", ""):
        to = "/set-up" if await context_of(request).gate.is_open() else "/console"
    return Redirect(to, status_code=307, headers={"vary": "accept"})


@get("/healthz", operation_id="healthz", summary="Is the process alive?", tags=["health"], opt={"right": "open"})
async def healthz() -> Response[bytes]:
    """200 as long as the process answers at all; asks nothing of the database."""
    return respond(plain(200, {"status": "ok", "version": __version__}))


@get(
    "/readyz", operation_id="readyz", summary="Does the database answer?", tags=["health"],
    opt={"right": "open", "codes": ("unavailable",)},
)  # fmt: skip
async def readyz(request: Request[Any, Any, Any]) -> Response[bytes]:
    """200 when requests can be served; 503 while the database cannot be reached, the server's loops do not run, or it
    is being stopped."""
    health = request.app.state.get("health")
    problem = health.not_ready() if health is not None else None
    if problem is not None:
        raise Refusal("unavailable", retry_after_s=2, problem=problem)
    if not await context_of(request).sites.is_reachable(READY_S):
        raise Refusal("unavailable", retry_after_s=2)
    return respond(plain(200, {"status": "ready"}))


@get("/api", operation_id="index", summary="What is here", tags=["health"], opt={"right": "open"})
async def index(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The name and version of the server, where its documentation is, and who is let in."""
    access = "a session, or a bearer token"
    if await context_of(request).gate.is_open():
        access = "this machine only: there is no account yet, so every program on it may do everything"
    found = {"name": "holdfast", "version": __version__, "access": access}
    return respond(plain(200, {**found, "openapi": "/api/openapi.json", "docs": "/api/docs", "sites": "/api/sites"}))
