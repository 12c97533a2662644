"""Server-Sent Events over HTTP: whom a stream is for, where it begins, and how it ends."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery

from holdfast.domain.actors import Actor, may
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.calls import plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import respond
from holdfast.http.rights import let_in
from holdfast.realtime.hub import Given, Hub
from holdfast.realtime.outlets import AsgiOutlet, Outlet, SocketOutlet
from holdfast.realtime.readers import Filter, Reader
from holdfast.realtime.rechecking import Heard
from holdfast.realtime.seats import Seats
from holdfast.services.presence import Presence

SITES_MAX = 100
TYPES_MAX = 50
LIFE_S = (600.0, 900.0)
"""How long a stream lasts: it ends in order and is taken up again, at another time for each, so that a server can be
replaced without a storm."""
RETRY_MS = (500, 2_500)
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    # proxies that would collect an answer before they pass it on are asked not to
    (b"x-accel-buffering", b"no"),
]

Asked = Request[Any, Any, Any]
Named = FromPath[str]
Seat = AbstractContextManager[None]
Text = FromQuery[str | None]


@get(
    "/api/sites/{site:str}/events", operation_id="stream_events", summary="Listen to a site", tags=["live"],
    opt={"right": "public", "codes": ("unknown_site", "invalid_cursor", "too_many_requests", "busy", "unavailable")},
)  # fmt: skip
async def stream_events(
    request: Asked, site: Named, after: Text = None, types: FromQuery[list[str] | None] = None, unit: Text = None
) -> Response[Any]:
    """The journal as it is written, as Server-Sent Events: `id` is the position, `event` the type, `data` the line.
    Goes on behind `Last-Event-ID` or `after` (`epoch:version`, or a version), else from now on. An event `reset` says
    that what lies between cannot be told: take a new snapshot. With `types` or `unit` only those events come, each with
    `prev`, the position of the one before it; blocks with an `id` alone move the position. Whoever may not see names
    gets every event without them."""
    found = await context_of(request).sites.find(site)
    return await _streamed(request, [found], after, _types(types), unit or None)


@get(
    "/api/events", operation_id="stream_sites", summary="Listen to several sites", tags=["live"],
    opt={
        "right": "public", "by": "handler",
        "codes": ("unknown_site", "invalid_cursor", "too_many_requests", "busy", "unavailable"),
    },
)  # fmt: skip
async def stream_sites(
    request: Asked, sites: FromQuery[list[str]], after: Text = None, types: FromQuery[list[str] | None] = None
) -> Response[Any]:
    """The same for up to 100 sites at once; a position is `epoch:site.version,site.version` with the sites' ids, and
    every event has `prev`."""
    named = list(dict.fromkeys(name.strip() for text in sites for name in text.split(",") if name.strip()))
    if not 1 <= len(named) <= SITES_MAX:
        raise Refusal("invalid_request", field="sites", expected=f"1 to {SITES_MAX} sites")
    found = [await let_in(request, context_of(request), name, "public") for name in named]
    return await _streamed(request, found, after, _types(types))


LIVE_HANDLERS: list[Any] = [stream_events, stream_sites]


async def _streamed(
    request: Asked, sites: list[Site], after: str | None, types: frozenset[str] | None, unit: str | None = None
) -> Response[Any]:
    hub: Hub = request.app.state["hub"]
    streams_max: int = request.app.state["streams_max"]
    by_id = {site.id: site.slug for site in sites}
    given = _given(request.headers.get("last-event-id") or after, list(by_id))
    if hub.is_closing or hub.count >= streams_max:
        raise Refusal("busy", retry_after_s=5, problem="too many streams are open")
    seats: Seats = request.app.state["seats"]
    caller = caller_of(request)
    by_right = {site.id: _right(caller, site) for site in sites}
    wanted = Filter(types, unit, {site_id: right for site_id, right in by_right.items() if right != "names"})
    heard = Heard(caller, tuple((site, by_right[site.id]) for site in sites))
    names = seats.names_of(caller.name if caller.is_known else None, request.scope)
    seats.check(names)
    if "holdfast.head" in (request.scope.get("extensions") or ()):
        return respond(plain(200, None))
    return _Streamed(hub, by_id, given, wanted, heard, partial(seats.taken, names), request.app.state["presence"])


def _right(caller: Actor, site: Site) -> str:
    """The most that the caller may hear of a site by."""
    return next((right for right in ("names", "read") if may(caller, right, site)), "public")


class _Streamed(Response[Any]):
    """An answer that goes on until its reader leaves or its time is over."""

    def __init__(
        self, hub: Hub, sites: dict[int, str], given: Given | None, wanted: Filter, heard: Heard,
        seat: Callable[[], Seat], presence: Presence,
    ) -> None:  # fmt: skip
        super().__init__(None)
        self._hub, self._sites, self._given, self._wanted, self._seat = hub, sites, given, wanted, seat
        self._heard = heard
        self._presence = presence

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return self._run

    async def _run(self, scope: Any, receive: Any, send: Any) -> None:
        with self._seat(), self._presence.connected(self._heard.actor):
            await self._tell(scope, receive, send)

    async def _tell(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        retry = random.randint(*RETRY_MS)  # noqa: S311 only spreads who comes when
        await send({"type": "http.response.body", "body": b"retry: %d\n\n" % retry, "more_body": True})
        connection = (scope.get("extensions") or {}).get("holdfast.connection")
        outlet: Outlet = AsgiOutlet(send) if connection is None else SocketOutlet(connection.transport)
        now = self._hub.now()
        ends_at = now + random.uniform(*LIFE_S)  # noqa: S311 the same
        reader = Reader(self._hub, outlet, self._wanted, now=now, ends_at=ends_at, caller=self._heard)
        try:
            await self._hub.join(reader, self._sites, self._given)
            if isinstance(outlet, AsgiOutlet):
                await _serve_plainly(reader, outlet, receive)
            elif connection is not None:
                connection.outlet = outlet
                outlet.lost = reader.end
                await reader.done.wait()
        finally:
            if connection is not None:
                connection.outlet = None
            self._hub.leave(reader)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _serve_plainly(reader: Reader, outlet: AsgiOutlet, receive: Any) -> None:
    """Hands on what the reader is sent, until it ends or its client has left."""
    sending = asyncio.create_task(outlet.run(), name="stream")
    leaving = asyncio.create_task(_left(receive), name="client of a stream")
    ending = asyncio.create_task(reader.done.wait(), name="end of a stream")
    try:
        await asyncio.wait({sending, leaving, ending}, return_when=asyncio.FIRST_COMPLETED)
        outlet.closed.set()
        outlet.cut()
        if not leaving.done():
            await asyncio.wait({sending}, timeout=1.0)
    finally:
        for task in (sending, leaving, ending):
            task.cancel()
        await asyncio.gather(sending, leaving, ending, return_exceptions=True)


async def _left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _given(text: str | None, site_ids: list[int]) -> Given | None:
    """The position a reader gives, by site; None when it gives none."""
    if not text:
        return None
    epoch, _, rest = text.rpartition(":")
    if len(text) > 4_000 or len(epoch) > 64:
        raise Refusal("invalid_cursor", field="after")
    if len(site_ids) == 1 and rest.isascii() and rest.isdigit() and len(rest) <= 18:
        return epoch or None, {site_ids[0]: int(rest)}
    places: dict[int, int] = {}
    for part in rest.split(","):
        site, _, version = part.partition(".")
        if not (site.isascii() and site.isdigit() and version.isascii() and version.isdigit() and len(part) <= 40):
            raise Refusal("invalid_cursor", field="after")
        places[int(site)] = int(version)
    return epoch or None, places


def _types(given: list[str] | None) -> frozenset[str] | None:
    types = frozenset(one.strip() for text in given or () for one in text.split(",") if one.strip())
    if len(types) > TYPES_MAX:
        raise Refusal("invalid_request", field="types", expected=f"at most {TYPES_MAX} types")
    return types or None
