"""One connection: closed when a whole request head has not arrived in time, so that silent ones do not pile up, and
when a head is larger than any that is meant well. What is no request at all is answered in our own words. Whoever is
still sending when the last answer is written is heard to the end, for a while: an answer is lost with a connection that
is closed while something arrives.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from holdfast.http.errors import PROBLEM_MEDIA, EdgeError, problem
from holdfast.http.headers import SECURITY

HEAD_S = 30.0
"""How long the head of a request may take, from the connection's start or from the head's first byte."""
HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 100
ADDRESS_BYTES_MAX = 16 * 1024
LINGER_S = 5.0
LINGER_BYTES_MAX = 8 * 1024 * 1024
"""How long and how much may still arrive of what was refused; it is thrown away."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection with a timer from its start, and from each later request's first byte, until the head is
    complete. Between requests uvicorn's own keep-alive timer watches; bodies have the edge's deadline."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    """Of a head that did not come at once: how much of it is there."""
    _is_large = False
    """Whether so much came at once that the head must be measured."""
    _refused = "malformed_request"
    _linger_timer: asyncio.TimerHandle | None = None
    """Runs when all has been said, and what still arrives is nobody's."""
    _lingered_bytes = 0
    _is_ending = False
    """Whether the server is at its end and waits for this connection's."""
    outlet: Any = None
    """What writes to the transport itself while a stream goes on: told when there is room again, and of the end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        if self.outlet is not None:
            self.outlet.lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._linger_timer is not None:
            self._lingered_bytes += len(data)
            if self._lingered_bytes > LINGER_BYTES_MAX:
                self.transport.close()
            return
        if self._head_timer is not None:
            self._head_bytes += len(data)
        self._is_large = len(data) > HEAD_BYTES_MAX
        super().data_received(data)
        # the parser keeps what it has of a header to itself until that is whole
        if self._head_bytes > HEAD_BYTES_MAX and self._head_timer is not None and not self.transport.is_closing():
            self._refuse("headers_too_large")

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.outlet is not None:
            self.outlet.drained()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"holdfast.connection": self}  # type: ignore[dict-item]
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> Any:
        self._stop_waiting()
        if len(self.url) > ADDRESS_BYTES_MAX:
            self._break_off("address_too_long")
        if len(self.headers) > HEADERS_MAX or (self._is_large and _bytes_of(self.headers) > HEAD_BYTES_MAX):
            self._break_off("headers_too_large")
        asked = super().on_headers_complete()
        if self.cycle is not None and self.cycle.scope is self.scope and self.scope["method"] not in ("GET", "HEAD"):
            self.cycle.transport = _Patient(self)  # type: ignore[assignment]
        return asked

    def on_response_complete(self) -> None:
        if self._linger_timer is None:
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1

    def shutdown(self) -> None:
        self._is_ending = True
        if self._linger_timer is None:
            super().shutdown()
        else:
            self.transport.close()

    def linger(self) -> None:
        """Says that nothing more will come, and closes when the client does, at the latest in `LINGER_S`. Closes at
        once when the server waits for it, or when an answer is under way: who writes it knows of a close only."""
        if self._is_ending or (self.cycle is not None and not self.cycle.response_complete):
            self.transport.close()
        elif self._linger_timer is None and not self.transport.is_closing():
            self._linger_timer = self.loop.call_later(LINGER_S, self.transport.close)
            self.flow.resume_reading()
            self.transport.write_eof()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for whatever its parser could not go on with."""
        self._refuse(self._refused)

    def _break_off(self, code: str) -> None:
        self._refused = code
        raise ValueError(code)  # the parser hands it on as a failure of its own

    def _refuse(self, code: str) -> None:
        """Answers past the application, and closes: where a next request would begin cannot be known."""
        self._stop_waiting()
        self.transport.write(_refusal(code))
        self.linger()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._await_head()  # an earlier request's answer is still on its way: it must not be cut off
        else:
            self.transport.close()


class _Patient:
    """The transport of a request that may have a body: an answer before its end does not close at once."""

    __slots__ = ("_connection", "is_closing", "write")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        # the connection's latest request, which is this one while its body is not whole. Were it kept here, it would
        # hold itself, and be there until somebody collects garbage
        if self._connection.cycle.more_body:
            self._connection.linger()
        else:
            self._connection.transport.close()


class SocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's websocket, known to whoever serves it, so that a peer that does not read can be cut off. What cannot
    become one is refused: nobody watches how long it takes."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not hasattr(self, "scope") and not self.transport.is_closing():
            self.transport.write(_refusal("malformed_request"))
            self.transport.close()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # else it was refused, and nobody is asked to serve it
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), "holdfast.connection": self}  # type: ignore[dict-item]


def _refusal(code: str) -> bytes:
    status, headers, body = problem(EdgeError(code), staff=False)
    common = [*SECURITY, (b"content-type", PROBLEM_MEDIA), (b"content-length", b"%d" % len(body)), *headers]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in common)
    phrase = HTTPStatus(status).phrase.encode()
    return b"HTTP/1.1 %d %s\r\n%sconnection: close\r\n\r\n%s" % (status, phrase, lines, body)


def _bytes_of(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)
