"""The composition root: opens what a server needs, ties it together, serves it, and closes it in order.

Refuses to bind an address that others can reach while no admin token is set.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import asyncpg
import msgspec
import structlog
import uvicorn

from holdfast.domain.policies import kinds, policy_of, register
from holdfast.http.api import build
from holdfast.http.auth import Gate, is_loopback
from holdfast.http.connections import Connection
from holdfast.http.context import Context, HttpLimits
from holdfast.runtime.alarms import Alarms
from holdfast.runtime.loop import Loop
from holdfast.runtime.process import settle_memory
from holdfast.runtime.retention import Retention
from holdfast.services.desk import Desk, DeskLimits
from holdfast.services.sites import Sites
from holdfast.settings import Settings
from holdfast.store import migrate
from holdfast.store.codecs import prepare
from holdfast.store.database import ConnectionLimits, open_pool
from holdfast.store.embedded import EmbeddedServer

DESK_SPARE_CONNECTIONS = 1
"""Beside one connection a lane: to find out whether a commit whose answer was lost had happened."""
KEEP_ALIVE_S = 75
BACKLOG = 2048

log = structlog.get_logger("holdfast")


class StartError(Exception):
    """The server cannot start as it is set up; the message says what to do."""


class House(msgspec.Struct, frozen=True):
    """All that is open while the program runs."""

    settings: Settings
    database_url: str
    desk_pool: asyncpg.Pool
    reads: asyncpg.Pool
    desk: Desk
    sites: Sites
    stopping: asyncio.Event
    """Set when the program is asked to stop: streams end then, or they would hold it up."""


MakeLoop = Callable[[House], Loop]

LOOPS: list[MakeLoop] = [
    # what the runtime runs beside the server
    lambda house: Alarms(house.reads, house.desk),
    lambda house: Retention(house.reads, answer_hours=house.settings.answer_retention_hours),
]
HANDLERS: list[tuple[str, str]] = [
    # modules with further Litestar handlers, under full paths
]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """The house, open: server started if it is our own, schema up to date, desk at work. Closed in reverse order."""
    load_policies()
    async with AsyncExitStack() as stack:
        url = settings.database_url
        if url is None:
            url = await _embedded(settings, stack)
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
        await desk.start()
        stack.push_async_callback(desk.stop)
        yield House(settings, url, desk_pool, reads, desk, sites, asyncio.Event())


def load_policies() -> None:
    """Registers the policies that other packages offer under the entry point group `holdfast.policies`.

    Raises:
        StartError: one of them cannot be loaded, or its kind is taken.
    """
    for entry in entry_points(group="holdfast.policies"):
        try:
            policy = entry.load()()
            if policy.kind not in kinds() or type(policy_of(policy.kind)) is not type(policy):
                register(policy)
        except Exception as error:
            raise StartError(f"The policy {entry.name!r} of another package cannot be used: {error}") from error


def application(house: House) -> Any:
    """The ASGI application of an open house."""
    gate = Gate(house.settings.admin_token)
    settings = house.settings
    limits = HttpLimits(settings.body_bytes_max, settings.import_bytes_max, settings.page_rows_max)
    context = Context(limits, house.desk, house.sites, house.reads, gate)
    handlers = [handler for module, name in HANDLERS for handler in getattr(import_module(module), name)]
    return build(context, handlers=handlers, app_state={"house": house, "stopping": house.stopping})


@asynccontextmanager
async def running_loops(house: House) -> AsyncIterator[None]:
    """Runs the loops of the runtime beside the block."""
    tasks = []
    for make in LOOPS:
        loop = make(house)
        tasks.append(asyncio.create_task(loop.run(), name=f"{loop.name} loop"))
    for task in tasks:
        task.add_done_callback(_tell_end)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def serve(settings: Settings, *, on_ready: Callable[[str], None] = print) -> None:
    """Serves until SIGTERM or SIGINT, then stops in order; a second signal ends the process at once.

    `on_ready` gets the address once requests are answered.
    Raises:
        StartError: as it is set up the server cannot or must not start.
        DatabaseUnavailable, EmbeddedServerError, MigrationError: there is no database to serve from.
    """
    check_reach(settings)
    with listening(settings) as bound:
        async with opened(settings) as house, running_loops(house):
            settle_memory()
            with _stopped_by_signals(house):
                async with served(house, bound):
                    on_ready(address_of(settings, bound))
                    await house.stopping.wait()


@asynccontextmanager
async def served(house: House, bound: socket.socket) -> AsyncIterator[None]:
    """Answers requests on the socket during the block; afterwards takes no more and finishes those under way."""
    server = _Server(_config(house.settings, application(house)))
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
        server.should_exit = True
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


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """A bound socket. It is bound before anything is opened, so that a port in use is told at once.

    Raises:
        StartError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((settings.host, settings.port))
        except OSError as error:
            raise StartError(
                f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}. "
                "Choose another with --port, or 0 for any free one."
            ) from error
        yield bound
    finally:
        bound.close()


def address_of(settings: Settings, bound: socket.socket) -> str:
    """The address to open in a browser."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{bound.getsockname()[1]}"


def configure_logging(settings: Settings) -> None:
    """Log lines go to standard error: for people on a terminal, else one JSON object each."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if as_json:
        renderer = structlog.processors.JSONRenderer()
    processors: Sequence[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([structlog.processors.format_exc_info] if as_json else []),
        renderer,
    ]
    structlog.configure(
        processors=list(processors),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals: stopping has an order that only we know."""

    async def serve_until_stopped(self, bound: socket.socket, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        await self._serve([bound])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _config(settings: Settings, app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        # its plain lines are of malformed requests, which are their senders' to mend, and of failures that we log too
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout_s)),
    )


@contextmanager
def _stopped_by_signals(house: House) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if house.stopping.is_set():
            log.warning("second signal: stopping at once")
            os._exit(130)
        log.info("stopping", waiting=house.desk.waiting)
        house.stopping.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    for each in signals:
        loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        for each in signals:
            # the default would end us in the middle of closing: a second signal stays "at once" until the end
            loop.remove_signal_handler(each)
            signal.signal(each, lambda *_: os._exit(130))


async def _embedded(settings: Settings, stack: AsyncExitStack) -> str:
    server = EmbeddedServer(settings.data)
    await server.start()
    stack.push_async_callback(server.stop)
    supervising = asyncio.create_task(server.supervise(), name="embedded server")

    async def end() -> None:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)

    stack.push_async_callback(end)
    return server.url


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


def _tell_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.error("a loop ended that should not", loop=task.get_name(), exc_info=task.exception())
