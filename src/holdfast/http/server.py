"""The socket, and uvicorn as we run it: without its own handling of signals and its own log, with an end in order.

At the end it first lets nobody new in; whoever asks on a connection kept alive gets one more answer, which says that it
is the last; then idle connections are closed and those under way finished.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import uvicorn

from holdfast.http.connections import Connection, SocketConnection

KEEP_ALIVE_S = 75
BACKLOG = 2048
LAST_WORD_S = 0.3
"""How long connections kept alive have to ask once more and be told that it was the last time."""
POLL_S = 0.02
MESSAGE_BYTES_MAX = 64 * 1024
"""Of one message over a websocket."""


class StartError(Exception):
    """The server cannot start as it is set up; the message says what to do."""


class Place(Protocol):
    """Where to listen; port 0 takes a free one."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


@contextmanager
def listening(place: Place) -> Iterator[socket.socket]:
    """A bound socket. It is bound before anything is opened, so that a port in use is told at once.

    Raises:
        StartError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((place.host, place.port))
        except OSError as error:
            raise StartError(
                f"Cannot listen on {place.host}:{place.port}: {error.strerror or error}. "
                "Choose another with --port, or 0 for any free one."
            ) from error
        yield bound
    finally:
        bound.close()


def address_of(place: Place, bound: socket.socket) -> str:
    """The address to open in a browser."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"http://{host}:{bound.getsockname()[1]}"


class Server(uvicorn.Server):
    """Serves an application on a bound socket. `finish_s` is for the requests under way at the end."""

    def __init__(self, app: Any, *, finish_s: float) -> None:
        super().__init__(_config(app))
        self.config.timeout_graceful_shutdown = finish_s  # type: ignore[assignment] # any number of seconds will do
        self._on_ready: Callable[[], None] = lambda: None

    async def serve_until_stopped(self, bound: socket.socket, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        await self._serve([bound])

    def stop(self) -> None:
        """Lets nobody new in from now on; the rest of the end follows."""
        for server in self.servers if self.started else ():
            server.close()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + LAST_WORD_S
        while self.server_state.connections and loop.time() < until:  # noqa: ASYNC110 it tells nobody when one closes
            await asyncio.sleep(POLL_S)
        await super().shutdown(sockets)


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws=SocketConnection,
        ws_max_size=MESSAGE_BYTES_MAX,
        # Socket.IO looks for signs of life itself; what is sent is small, and unpacking is a way to be filled up
        ws_ping_interval=None,
        ws_per_message_deflate=False,
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
    )
