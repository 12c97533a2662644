"""Serving: from settings to an address that answers, and back in order."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import structlog

from holdfast import __version__
from holdfast.app.house import EMBEDDED_STOP_S, House, opened
from holdfast.app.loops import health_of, running_loops
from holdfast.console.booking_page_drawing import page_of
from holdfast.http.api import build
from holdfast.http.auth import Gate
from holdfast.http.context import Context, HttpLimits
from holdfast.http.cors import Cors
from holdfast.http.guards import Guards
from holdfast.http.health import HEALTH_PUBLIC
from holdfast.http.metrics import METRICS_PUBLIC, Metrics
from holdfast.http.proxies import Proxies
from holdfast.http.server import Server, address_of, listening
from holdfast.http.server import StartError as StartError
from holdfast.realtime.rechecking import Rechecking
from holdfast.realtime.seats import Seats
from holdfast.realtime.socketio import SocketIO
from holdfast.runtime.process import settle_memory, stopped_by_signals
from holdfast.services import logs
from holdfast.services.accounts import set_up_link
from holdfast.services.alarms import caught_up
from holdfast.services.booking_links import BookingLinks
from holdfast.services.own import Own
from holdfast.settings import Settings

REQUESTS_SHARE = 0.6
"""Of the time to stop in: for requests under way."""
CATCH_UP_S = 10.0
"""How long a start waits at most until the clock has caught up with the time nobody ran: then screens are right from
the first answer on."""
CLOSE_S = 10.0
"""For closing the connections to the database, beyond the time to stop in."""
log = structlog.get_logger("holdfast")
HANDLERS: list[tuple[str, str]] = [
    # modules with further Litestar handlers, under full paths
    ("holdfast.http.accounts", "ACCOUNT_HANDLERS"),
    ("holdfast.http.people", "PEOPLE_HANDLERS"),
    ("holdfast.http.stores.routes", "STORE_HANDLERS"),
    ("holdfast.http.audit", "AUDIT_HANDLERS"),
    ("holdfast.http.former.routes", "FORMER_HANDLERS"),
    ("holdfast.http.schedules", "SCHEDULE_HANDLERS"),
    ("holdfast.http.jobs", "JOB_HANDLERS"),
    ("holdfast.http.queues", "QUEUE_HANDLERS"),
    ("holdfast.http.health", "HEALTH_HANDLERS"),
    ("holdfast.http.metrics", "METRICS_HANDLERS"),
    ("holdfast.http.reconciling", "RECONCILING_HANDLERS"),
    ("holdfast.realtime.streams", "LIVE_HANDLERS"),
    ("holdfast.http.webhooks", "WEBHOOK_HANDLERS"),
    ("holdfast.http.calendars", "CALENDAR_HANDLERS"),
    ("holdfast.http.presence", "PRESENCE_HANDLERS"),
    ("holdfast.realtime.presence", "PRESENCE_STREAMS"),
    ("holdfast.console.pages", "CONSOLE_HANDLERS"),
    ("holdfast.console.booking_page", "BOOKING_PAGE_HANDLERS"),
    ("holdfast.console.entry", "ENTRY_HANDLERS"),
]


def application(house: House) -> Any:
    """The ASGI application of an open house."""
    gate = Gate(house.settings.admin_token, house.accounts.access)
    settings = house.settings
    limits = HttpLimits(settings.body_bytes_max, settings.import_bytes_max, settings.page_rows_max)
    links, own = BookingLinks(house.reads), Own(house.reads)
    context = Context(limits, house.desk, house.sites, house.reads, gate, links, own)
    handlers = [handler for module, name in HANDLERS for handler in getattr(import_module(module), name)]
    health = health_of(house)
    state = {
        "house": house,
        "stopping": house.stopping,
        "health": health,
        "reconciler": house.reconciler,
        "hub": house.hub,
        "accounts": house.accounts,
        "jobs": house.jobs,
        "stores": house.stores,
        "webhooks": house.webhooks,
        "calendars": house.calendars,
        "presence": house.presence,
        "presence_changes": house.presence_changes,
        "streams_max": settings.streams_max,
        "metrics_public": settings.metrics_public,
    }
    public = HEALTH_PUBLIC | METRICS_PUBLIC
    guards = Guards(house.limiter, Proxies(settings.trusted_proxies), Cors(settings.cors_origins))
    seats = state["seats"] = Seats(guards, settings.streams_per_address_max)
    edge = build(context, handlers=handlers, public=public, app_state=state, stopping=house.stopping, guards=guards)
    pools = {"desk": house.desk_pool, "reads": house.reads}
    sockets = edge.sockets = SocketIO(
        context,
        house.hub,
        house.reconciler,
        house.stores,
        stopping=house.stopping,
        clients_max=settings.streams_max,
        seats=seats,
        presence=house.presence,
    )
    house.accounts.access.moved.append(Rechecking(house.hub, sockets, house.accounts.access).ask)
    metrics = Metrics(house.desk, edge.traffic, health, loops=house.loops, pools=pools, disks=house.disks)
    metrics.count_sockets(lambda: sockets.count)
    edge.inner.state["metrics"] = metrics
    edge.page = page_of(edge.inner)
    edge.inner.state["watching"] = sockets.watching
    return edge


async def serve(
    settings: Settings, *, on_ready: Callable[[str], None] = print, on_set_up: Callable[[str], None] = print
) -> None:
    """Serves until SIGTERM or SIGINT, then stops in order; a second signal ends the process at once.

    `on_ready` gets the address once requests are answered; `on_set_up`, while there is no account, the link by which
    the first is made.
    Raises:
        StartError: as it is set up the server cannot or must not start.
        DatabaseUnavailable, EmbeddedServerError, MigrationError: there is no database to serve from.
    """
    stopping, serving = asyncio.Event(), asyncio.current_task()
    assert serving is not None
    is_ready = False

    def on_stop() -> None:
        log.info("stopping")
        if not is_ready:
            serving.cancel()

    limit_s = settings.shutdown_timeout_s + (EMBEDDED_STOP_S if settings.database_url is None else 0) + CLOSE_S
    with listening(settings) as bound, stopped_by_signals(stopping, on_stop, limit_s=limit_s):
        try:
            async with opened(settings, stopping) as house, running_loops(house):
                settle_memory()
                house.accounts.public_url = settings.public_url or address_of(settings, bound)
                await caught_up(house.reads, within_s=CATCH_UP_S)
                async with served(house, bound):
                    is_ready = True
                    log.info("serving", address=address_of(settings, bound), version=__version__, pid=os.getpid())
                    on_ready(address_of(settings, bound))
                    await _greet(house, on_set_up)
                    await stopping.wait()
        except asyncio.CancelledError:
            if is_ready or not stopping.is_set():
                raise
            serving.uncancel()
    log.info("stopped")


async def _greet(house: House, on_set_up: Callable[[str], None]) -> None:
    if not await house.accounts.access.has_accounts():
        on_set_up(await set_up_link(house.accounts))


@asynccontextmanager
async def served(house: House, bound: socket.socket) -> AsyncIterator[None]:
    """Answers requests on the socket during the block; afterwards takes no more and finishes those under way."""
    server = Server(application(house), finish_s=house.settings.shutdown_timeout_s * REQUESTS_SHARE)
    ready = asyncio.Event()
    serving = asyncio.create_task(server.serve_until_stopped(bound, ready.set), name="http server")
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        yield
    finally:
        waiting.cancel()
        house.stopping.set()
        house.hub.close()
        server.stop()
        await serving


def run(settings: Settings) -> None:
    """`serve` in a new event loop, on uvloop where there is one."""
    configure_logging(settings)
    try:
        import uvloop
    except ImportError:  # pragma: no cover - Windows
        asyncio.run(serve(settings))
    else:
        uvloop.run(serve(settings))


def configure_logging(settings: Settings) -> None:
    """Log lines go to standard error: for people on a terminal, else one JSON object each."""
    logs.configure(log_format=settings.log_format, level=settings.log_level)
