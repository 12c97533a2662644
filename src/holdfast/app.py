"""The composition root: opens what a server needs, ties it together, serves it, and closes it in order.

Refuses to bind an address that others can reach while no admin token is set.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from holdfast import __version__
from holdfast.http.api import build
from holdfast.http.auth import Gate, is_loopback
from holdfast.http.context import Context, HttpLimits
from holdfast.http.cors import Cors
from holdfast.http.guards import Guards
from holdfast.http.health import HEALTH_PUBLIC
from holdfast.http.metrics import METRICS_PUBLIC, Metrics
from holdfast.http.proxies import Proxies
from holdfast.http.server import Server, address_of, listening
from holdfast.http.server import StartError as StartError
from holdfast.realtime.hub import Hub
from holdfast.realtime.seats import Seats
from holdfast.realtime.socketio import SocketIO
from holdfast.runtime.alarms import Alarms
from holdfast.runtime.doorbell import Ringing
from holdfast.runtime.live import Live
from holdfast.runtime.loop import Loop
from holdfast.runtime.mail import Sending, Telling
from holdfast.runtime.process import settle_memory, stopped_by_signals
from holdfast.runtime.reconciler import Reconciling
from holdfast.runtime.retention import Retention
from holdfast.runtime.sharing import Sharing
from holdfast.runtime.watch import Watching
from holdfast.services import logs
from holdfast.services.acts_log import ActsLog
from holdfast.services.alarms import caught_up
from holdfast.services.booking_mail import BookingMails
from holdfast.services.desk import Desk, DeskLimits
from holdfast.services.disk import MIB, Disks
from holdfast.services.doorbell import Doorbell
from holdfast.services.extensions import ExtensionError, load_policies
from holdfast.services.health import Health
from holdfast.services.journal import Epochs
from holdfast.services.limiter import Limiter, RequestLimits
from holdfast.services.mail import mailer_of
from holdfast.services.reconcile import Reconciler
from holdfast.services.sites import Sites
from holdfast.services.watch import Watch, Watched, WatchLimits
from holdfast.settings import Settings
from holdfast.store import migrate
from holdfast.store.codecs import prepare
from holdfast.store.database import ConnectionLimits, open_pool
from holdfast.store.embedded import EmbeddedServer

DESK_SPARE_CONNECTIONS = 1
"""Beside one connection a lane: to find out whether a commit whose answer was lost had happened."""
REQUESTS_SHARE, LOOPS_SHARE = 0.6, 0.2
"""Of the time to stop in: for requests under way, then for the loops. What is left is the desk's."""
CANCEL_S = 1.0
CATCH_UP_S = 10.0
"""How long a start waits at most until the clock has caught up with the time nobody ran: then screens are right from
the first answer on."""
CLOSE_S = 10.0
"""For closing the connections to the database, beyond the time to stop in."""
EMBEDDED_STOP_S = 30.0
"""For the own PostgreSQL to write all down and end."""

log = structlog.get_logger("holdfast")


class House(msgspec.Struct, frozen=True):
    """All that is open while the program runs."""

    settings: Settings
    database_url: str
    desk_pool: asyncpg.Pool
    reads: asyncpg.Pool
    desk: Desk
    sites: Sites
    reconciler: Reconciler
    hub: Hub
    doorbell: Doorbell
    stopping: asyncio.Event
    """Set when the program is asked to stop: streams end then, or they would hold it up."""
    loops: list[Loop] = []
    """Those that run, in the order of their start."""
    embedded: EmbeddedServer | None = None
    limiter: Limiter = msgspec.field(default_factory=Limiter)
    disks: Disks = msgspec.field(default_factory=lambda: Disks(Path(), None, low_bytes=0))


MakeLoop = Callable[[House], Loop]

LOOPS: list[MakeLoop] = [
    # what the runtime runs beside the server
    lambda house: Ringing(house.database_url, house.doorbell),
    lambda house: Alarms(house.reads, house.desk, house.doorbell),
    lambda house: Reconciling(house.reconciler, every_s=house.settings.reconcile_minutes * 60),
    lambda house: Retention(
        house.reads,
        answer_hours=house.settings.answer_retention_hours,
        finding_days=house.settings.finding_retention_days,
        journal_days=house.settings.journal_retention_days,
    ),
    lambda house: _watching(house),
    lambda house: Live(house.hub),
    lambda house: Sharing(house.limiter, house.reads),
    lambda house: Sending(mailer_of(house.reads, house.settings)),
    lambda house: Telling(BookingMails(house.reads), house.desk),
]
HANDLERS: list[tuple[str, str]] = [
    # modules with further Litestar handlers, under full paths
    ("holdfast.http.former.routes", "FORMER_HANDLERS"),
    ("holdfast.http.health", "HEALTH_HANDLERS"),
    ("holdfast.http.metrics", "METRICS_HANDLERS"),
    ("holdfast.http.reconciling", "RECONCILING_HANDLERS"),
    ("holdfast.realtime.streams", "LIVE_HANDLERS"),
]


@asynccontextmanager
async def opened(settings: Settings, stopping: asyncio.Event | None = None) -> AsyncIterator[House]:
    """The house, open: server started if it is our own, schema up to date, desk at work. Closed in reverse order."""
    try:
        load_policies()
    except ExtensionError as error:
        raise StartError(str(error)) from error
    async with AsyncExitStack() as stack:
        url, embedded = settings.database_url, None
        if url is None:
            embedded = await _embedded(settings, stack)
            url = embedded.url
        await migrate.migrate(url)
        limits = ConnectionLimits(
            connections_max=settings.pool_connections_max,
            statement_timeout_s=settings.statement_timeout_s,
            lock_timeout_s=settings.lock_timeout_s,
            idle_in_transaction_timeout_s=settings.idle_in_transaction_timeout_s,
            client_check_interval_s=settings.client_check_interval_s,
            connect_timeout_s=settings.connect_timeout_s,
        )
        desk_pool = await _pool(url, limits, stack, "holdfast desk", settings.lanes + DESK_SPARE_CONNECTIONS)
        reads = await _pool(url, limits, stack, "holdfast reads", settings.pool_connections_max)
        desk = Desk(
            desk_pool,
            DeskLimits(
                lanes=settings.lanes, batch_max=settings.batch_commands_max, waiting_max=settings.queue_commands_max
            ),
        )
        sites = Sites(reads)
        desk.heard.append(sites.heard)
        reconciler = Reconciler(reads, desk)
        desk.heard.append(reconciler.heard)
        doorbell = Doorbell()
        desk.heard.append(doorbell.committed)
        desk.woken.append(doorbell.woken)
        hub = Hub(reads, Epochs(reads))
        desk.heard.append(hub.heard)
        doorbell.listeners += [hub.hear, reconciler.hear]
        if embedded is not None:
            desk.brake.release = embedded.release_ballast
        _log_acts(settings, desk)
        await desk.start()
        stack.push_async_callback(_stop_desk, desk, settings.shutdown_timeout_s)
        folder = embedded.folder if embedded is not None else None
        disks = Disks(settings.data, folder, low_bytes=settings.disk_free_min_mb * MIB)
        stopping = stopping if stopping is not None else asyncio.Event()
        yield House(
            settings, url, desk_pool, reads, desk, sites, reconciler, hub, doorbell, stopping,
            embedded=embedded, disks=disks, limiter=_limiter(settings),
        )  # fmt: skip


def application(house: House) -> Any:
    """The ASGI application of an open house."""
    gate = Gate(house.settings.admin_token)
    settings = house.settings
    limits = HttpLimits(settings.body_bytes_max, settings.import_bytes_max, settings.page_rows_max)
    context = Context(limits, house.desk, house.sites, house.reads, gate)
    handlers = [handler for module, name in HANDLERS for handler in getattr(import_module(module), name)]
    health = _health(house)
    state = {
        "house": house,
        "stopping": house.stopping,
        "health": health,
        "reconciler": house.reconciler,
        "hub": house.hub,
        "streams_max": settings.streams_max,
        "metrics_public": settings.metrics_public,
    }
    public = HEALTH_PUBLIC | METRICS_PUBLIC
    guards = Guards(house.limiter, Proxies(settings.trusted_proxies), Cors(settings.cors_origins))
    seats = state["seats"] = Seats(guards, settings.streams_per_address_max)
    edge = build(context, handlers=handlers, public=public, app_state=state, stopping=house.stopping, guards=guards)
    pools = {"desk": house.desk_pool, "reads": house.reads}
    sockets = edge.sockets = SocketIO(
        context, house.hub, house.reconciler, stopping=house.stopping, clients_max=settings.streams_max, seats=seats
    )
    metrics = Metrics(house.desk, edge.traffic, health, loops=house.loops, pools=pools, disks=house.disks)
    metrics.count_sockets(lambda: sockets.count)
    edge.inner.state["metrics"] = metrics
    return edge


@asynccontextmanager
async def running_loops(house: House) -> AsyncIterator[None]:
    """Runs the loops of the runtime beside the block; afterwards each ends with its present step, or is cancelled."""
    house.loops.extend(make(house) for make in LOOPS)
    tasks = []
    for loop in house.loops:
        task = asyncio.create_task(loop.run(), name=f"{loop.name} loop")
        task.add_done_callback(partial(_tell_end, loop))
        tasks.append(task)
    try:
        yield
    finally:
        for loop in house.loops:
            loop.stop()
        _, late = await asyncio.wait(tasks, timeout=house.settings.shutdown_timeout_s * LOOPS_SHARE)
        for task in late:
            log.warning("a loop did not end with its step: cancelled", loop=task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=CANCEL_S)


async def serve(settings: Settings, *, on_ready: Callable[[str], None] = print) -> None:
    """Serves until SIGTERM or SIGINT, then stops in order; a second signal ends the process at once.

    `on_ready` gets the address once requests are answered.
    Raises:
        StartError: as it is set up the server cannot or must not start.
        DatabaseUnavailable, EmbeddedServerError, MigrationError: there is no database to serve from.
    """
    check_reach(settings)
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
                await caught_up(house.reads, within_s=CATCH_UP_S)
                async with served(house, bound):
                    is_ready = True
                    log.info("serving", address=address_of(settings, bound), version=__version__, pid=os.getpid())
                    on_ready(address_of(settings, bound))
                    await stopping.wait()
        except asyncio.CancelledError:
            if is_ready or not stopping.is_set():
                raise
            serving.uncancel()
    log.info("stopped")


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


def check_reach(settings: Settings) -> None:
    """Refuses to be reachable from elsewhere while everybody would be let in.

    Raises:
        StartError: no admin token, and an address that is not this machine's own.
    """
    if settings.admin_token is None:
        if not is_loopback(settings.host):
            raise StartError(
                f"Refusing to listen on {settings.host} without a token: everybody who reaches it could do everything. "
                "Set HOLDFAST_ADMIN_TOKEN (16 characters or more), or listen on 127.0.0.1."
            )
        log.warning("no HOLDFAST_ADMIN_TOKEN is set: every program on this machine may do everything")


def configure_logging(settings: Settings) -> None:
    """Log lines go to standard error: for people on a terminal, else one JSON object each."""
    logs.configure(log_format=settings.log_format, level=settings.log_level)


def _limiter(settings: Settings) -> Limiter:
    rates = settings.requests_per_minute_principal, settings.requests_per_minute_address
    return Limiter(RequestLimits(*rates, settings.anonymous_writes_per_minute_address))


def _log_acts(settings: Settings, desk: Desk) -> None:
    sink = logs.current()
    if sink is not None and sink.tells and settings.log_acts != "off":
        acts = ActsLog(sink, every=settings.log_acts == "all")
        desk.served.append(acts.served)
        desk.failed.append(acts.failed)


def _health(house: House) -> Health:
    off = ["reconciling is switched off (reconcile_minutes = 0)"] if house.settings.reconcile_minutes == 0 else []
    return Health(
        house.reads, house.loops,
        disks=house.disks, brake=house.desk.brake, stopping=house.stopping, warnings=lambda: off,
    )  # fmt: skip


def _watching(house: House) -> Loop:
    settings = house.settings
    watched = Watched(
        named=f"{socket.gethostname()}:{settings.port}",
        loops=house.loops,
        disks=house.disks,
        health=_health(house),
        stopping=house.stopping,
        reconciling=house.reconciler,
        ballast=house.embedded,
    )
    limits = WatchLimits(settings.repairs_expected_max, settings.disk_stop_mb * MIB)
    return Watching(Watch(house.reads, house.desk, watched, limits))


async def _embedded(settings: Settings, stack: AsyncExitStack) -> EmbeddedServer:
    server = EmbeddedServer(settings.data)
    await server.start()
    stack.push_async_callback(server.stop)
    supervising = asyncio.create_task(server.supervise(), name="embedded server")

    async def end() -> None:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)

    stack.push_async_callback(end)
    return server


async def _pool(
    url: str, limits: ConnectionLimits, stack: AsyncExitStack, name: str, connections_max: int
) -> asyncpg.Pool:
    pool = await open_pool(url, replace(limits, connections_max=connections_max), application_name=name, init=prepare)

    async def close() -> None:
        try:
            await asyncio.wait_for(pool.close(), 5)
        except TimeoutError:
            pool.terminate()

    stack.push_async_callback(close)
    return pool


async def _stop_desk(desk: Desk, within_s: float) -> None:
    try:
        await asyncio.wait_for(desk.stop(), within_s)
    except TimeoutError:
        log.error("the desk did not end in time", waiting=desk.waiting)


def _tell_end(loop: Loop, task: asyncio.Task[None]) -> None:
    if not loop.is_stopping and not task.cancelled():
        log.error("a loop ended that should not", loop=loop.name, exc_info=task.exception())
