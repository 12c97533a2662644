"""The outermost layer: lets callers in, answers the busiest request itself, and puts every failure into words.

Booking is answered here rather than behind the framework's routing: measured, that is the greater part of a request's
cost on top of the desk. Everything else goes on to the framework, with a deadline until its answer starts.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import structlog

from holdfast.domain.actors import Actor
from holdfast.domain.errors import Refusal
from holdfast.http.auth import SAFE_METHODS
from holdfast.http.calls import Reply, post_booking
from holdfast.http.context import Context
from holdfast.http.deadlines import Deadlines
from holdfast.http.errors import PROBLEM_MEDIA, EdgeError, Headers
from holdfast.http.former.shape import is_former, teller_at
from holdfast.http.guards import Guards
from holdfast.http.headers import HSTS, PAGE, SECURITY, completed
from holdfast.http.rights import sees_names
from holdfast.http.traffic import BOOKING, Traffic
from holdfast.services.limiter import Use
from holdfast.services.outages import DISK_FULL, UNREACHABLE

PUBLIC = frozenset({
    "/", "/healthz", "/readyz", "/api", "/api/", "/api/openapi.json", "/api/docs", "/favicon.ico",
    # whoever sets a server up need not sit at it: the link's secret lets them in
    "/set-up", "/api/set-up",
})  # fmt: skip
PUBLIC_FOLDERS = ("/api/docs/", "/static/", "/api/hooks/")
"""What needs no token: pages, and what shops sign with a secret of their own."""
UNHURRIED = ("/api/import", "/import", "/api/reconcile")
"""Addresses whose answer may take as long as their work."""
_UPLOADS = ("/api/sites/", "/upload")
"""Where an address of files handed in begins and ends."""
SOCKET_IO = "/socket.io/"
STOPPING_S = 5
"""When to come back to a server that is being stopped, and probably started anew."""

Allowed = Callable[[str], list[str]]
_JSON: Headers = [(b"content-type", b"application/json"), *SECURITY]
_PROBLEM: Headers = [(b"content-type", PROBLEM_MEDIA), *SECURITY]
_PAGE: Headers = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"vary", b"accept, accept-language, cookie"),
    *PAGE,
]
_CLOSE: Headers = [(b"connection", b"close")]
_NONE: Headers = []
_BEFORE, _AFTER = "/api/sites/", "/bookings"

log = structlog.get_logger("holdfast.http")


class Edge:
    """An ASGI application around `inner`. `public` addresses need no token; all others do. `allowed` says the methods
    of an address, for the Allow header."""

    def __init__(
        self,
        context: Context,
        inner: Any,
        *,
        public: frozenset[str] = PUBLIC,
        allowed: Allowed | None = None,
        stopping: asyncio.Event | None = None,
        guards: Guards | None = None,
    ) -> None:
        self.context = context
        self.guards = guards if guards is not None else Guards()
        self.inner = inner
        self.allowed = allowed or (lambda path: [])
        self.public = public
        self.traffic = Traffic()
        self.deadlines = Deadlines(context.answer_s)
        self.stopping = stopping or asyncio.Event()
        self.sockets: Any = None
        """What serves Socket.IO, if anything does: it admits its callers itself."""
        self.page: Callable[[Any, bytes], bytes] | None = None
        """What makes a page of a problem document, for a browser that shows it to a person."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.guards.proxies and scope["type"] != "lifespan":
            self.guards.proxies.resolve(scope)
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.inner(scope, receive, send)

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        path: str = scope["path"]
        is_head = scope["method"] == "HEAD"
        if is_head:  # answered like GET; without the body, which the server beneath holds back too
            scope = {**scope, "method": "GET", "extensions": {"holdfast.head": {}}}
        answering = _Answering(self, scope, receive, _bare(send) if is_head else send)
        self.deadlines.begin(answering)
        self.traffic.under_way += 1
        try:
            if self.stopping.is_set() and scope["method"] not in SAFE_METHODS:
                raise Refusal("unavailable", retry_after_s=STOPPING_S, problem="the server is stopping")
            if answering.about_origin and (told := self.guards.cors.preflight(scope, headers)) is not None:
                return await answering.reply((200, told, b""), SECURITY)
            if path.startswith(SOCKET_IO) and self.sockets is not None:
                return await self._poll(scope, headers, answering)
            if path in self.public or path.startswith(PUBLIC_FOLDERS):
                self.context.gate.check_public(scope, headers)
                answering.use = self.guards.count(None, scope, headers)
            else:
                actor = scope["user"] = await self._admit(scope, headers)
                answering.use = self.guards.count(actor.name if actor.is_known else None, scope, headers)
                named = _booking_site(scope["method"], path)
                if named is not None:
                    answering.route = BOOKING
                    reply = await post_booking(self.context, scope, named, answering.receive, headers)
                    await answering.reply(reply, _JSON)
                    return
            _check_text(scope)
            if path.startswith(UNHURRIED) or (path.startswith(_UPLOADS[0]) and path.endswith(_UPLOADS[1])):
                self.deadlines.end(answering)
            await self.inner(scope, answering.receive, answering)
        except ConnectionResetError:
            return  # nobody is there to read an answer
        except asyncio.CancelledError:
            if not answering.gave_up:
                raise
            answering.task.uncancel()
        except Exception as error:  # the top of a request: a bug in one must not show its insides, or end the server
            if answering.started:
                log.exception("an answer broke off", path=path)
                raise
            await answering.reply(*self.told(error, scope))
        finally:
            self.deadlines.end(answering)
            self.traffic.under_way -= 1

    def told(self, error: Exception, scope: Any) -> tuple[Reply, Headers]:
        """The answer to a failed request, and what is common to answers of its shape."""
        reply = reply_to(error, scope)
        if self.page is None or not _wants_page(scope):
            return reply, _told_as(scope["path"])
        status, headers, document = reply
        return (status, headers, self.page(scope, document)), _PAGE

    async def _admit(self, scope: Any, headers: dict[bytes, bytes]) -> Actor:
        try:
            return await self.context.gate.admit(scope, headers)
        except Refusal:
            self.guards.count(None, scope, headers, acts=False)  # tokens are not to be guessed at any speed
            raise

    async def _poll(self, scope: Any, headers: dict[bytes, bytes], answering: "_Answering") -> None:
        """A request of Socket.IO's polling transport. Every method opens or moves a session: none is safe."""
        self.context.gate.check_socket(scope, headers)
        answering.route = SOCKET_IO
        if b"sid=" not in scope["query_string"]:  # within a session its own limits hold
            self.guards.count(None, scope, headers, acts=False)
        if scope["method"] == "GET":  # held until there is something to tell
            self.deadlines.end(answering)
        await self.sockets(scope, answering.receive, answering)

    async def _websocket(self, scope: Any, receive: Any, send: Any) -> None:
        """Browsers send no token with these: whoever serves them admits the caller. The origin is checked here; what
        nobody serves is closed."""
        try:
            headers = dict(scope["headers"])
            self.context.gate.check_socket(scope, headers)
            self.guards.count(None, scope, headers)
            is_served = self.sockets is not None and scope["path"].startswith(SOCKET_IO)
        except (EdgeError, Refusal):
            is_served = False
        if is_served and not self.stopping.is_set():
            await self.sockets(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})


class _Answering:
    """`send` with the headers that every answer has. Once an answer starts it has all the time it needs; a request
    that gives up before is answered at once, and whatever comes later goes nowhere. Knows whether the body is still
    being waited for: then nothing can have been decided."""

    __slots__ = (
        "about_origin", "began", "edge", "gave_up", "heard", "listening", "route", "scope", "send", "source",
        "started", "task", "use",
    )  # fmt: skip

    def __init__(self, edge: Edge, scope: Any, receive: Any, send: Any) -> None:
        self.edge = edge
        self.scope = scope
        self.began = monotonic()
        self.route: str | None = None
        self.source = receive
        self.heard = False
        self.listening = False
        self.send = send
        self.use: Use | None = None
        cors = edge.guards.cors
        self.about_origin = cors.headers(dict(scope["headers"])) if cors else _NONE
        self.started = False
        self.gave_up = False
        task = asyncio.current_task()
        assert task is not None
        self.task = task

    async def __call__(self, message: Any) -> None:
        if self.gave_up:
            return
        if message["type"] == "http.response.start":
            self._starts(message["status"])
            headers = [*message.get("headers", ()), *self._more()]
            if self.use is not None:
                headers += self.edge.guards.standing(self.use)
            if message["status"] == 405 or self.scope["method"] == "OPTIONS":
                methods = ", ".join(self.edge.allowed(self.scope["path"]))
                headers = [pair for pair in headers if pair[0].lower() != b"allow"] if methods else headers
                headers += [(b"allow", methods.encode())] if methods else []
            message = {**message, "headers": completed(headers)}
        await self.send(message)

    async def receive(self) -> Any:
        if self.heard:
            return await self.source()
        self.listening = True
        message = await self.source()
        self.listening = False
        self.heard = not message.get("more_body", False)
        return message

    async def reply(self, reply: Reply, common: Headers) -> None:
        if not self.gave_up:
            self._starts(reply[0])
            await _send(self.send, reply, [*common, *self._more()])

    def _starts(self, status: int) -> None:
        self.started = True
        self.edge.deadlines.end(self)
        self.edge.traffic.answered(self.scope, self.route, status, monotonic() - self.began)

    def _more(self) -> Headers:
        """What the request's origin and scheme ask for; while the server stops, each answer is the last on its
        connection."""
        if not (self.about_origin or self.scope["scheme"] == "https" or self.edge.stopping.is_set()):
            return _NONE
        closing = _CLOSE if self.edge.stopping.is_set() else _NONE
        return [*self.about_origin, *(HSTS if self.scope["scheme"] == "https" else _NONE), *closing]

    def give_up(self) -> None:
        # answered beside the request's own task: a driver waits for a database that stands still even when cancelled
        self.gave_up = True
        error = EdgeError("body_incomplete", headers=_CLOSE) if self.listening else TimeoutError()
        reply, common = self.edge.told(error, self.scope)
        self.edge.traffic.answered(self.scope, self.route, reply[0], monotonic() - self.began)
        _late.add(late := asyncio.ensure_future(_send(self.send, reply, [*common, *self._more()])))
        late.add_done_callback(_late.discard)
        self.task.cancel()


_late: set["asyncio.Future[None]"] = set()


def reply_to(error: Exception, scope: Any) -> Reply:
    """The answer to a failed request: the refusal's own, or what the failure means to whoever asks; in the shape that
    its address answers in."""
    staff, method, path = sees_names(scope), scope["method"], scope["path"]
    tell = teller_at(path)
    if isinstance(error, Refusal | EdgeError):
        return tell(error, staff=staff)
    if isinstance(error, TimeoutError):
        code = "unavailable" if method in SAFE_METHODS else "outcome_unknown"
        log.warning("no answer in time", method=method, path=path)
        return tell(Refusal(code), staff=staff)
    if isinstance(error, DISK_FULL):
        log.error("the database says that its disk is full", method=method, path=path)
        return tell(Refusal("disk_full"), staff=staff)
    if isinstance(error, UNREACHABLE):
        log.warning("the database cannot be reached", method=method, path=path, error=str(error)[:200])
        return tell(Refusal("unavailable"), staff=staff)
    log.error("request failed", method=method, path=path, exc_info=error)
    return tell(EdgeError("internal"), staff=False)


def _told_as(path: str) -> Headers:
    return _JSON if is_former(path) else _PROBLEM


def _wants_page(scope: Any) -> bool:
    """Whether a browser asks for something to show: a program that takes anything at all gets the document."""
    if scope["path"].startswith("/api") or is_former(scope["path"]):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _bare(send: Any) -> Any:
    """`send` that leaves bodies out."""

    async def sending(message: Any) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sending


async def _send(send: Any, reply: Reply, common: Headers) -> None:
    status, headers, body = reply
    headers = [*common, (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _booking_site(method: str, path: str) -> str | None:
    """The site that POST /api/sites/{site}/bookings names; None for every other request."""
    if method == "POST" and path.startswith(_BEFORE) and path.endswith(_AFTER):
        named = path[len(_BEFORE) : -len(_AFTER)]
        if named and "/" not in named:
            return named
    return None


def _check_text(scope: Any) -> None:
    """Raises:
    EdgeError: `unknown_route` for an address with control characters, which no database text may hold.
    Refusal: `invalid_request` for such a query.
    """
    if not scope["path"].isprintable() and any(character < " " for character in scope["path"]):
        raise EdgeError("unknown_route")
    if b"%00" in scope["query_string"]:
        raise Refusal("invalid_request", field="query", problem="holds a NUL character")
