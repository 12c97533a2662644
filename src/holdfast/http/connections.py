"""One connection: closed when a whole request head has not arrived in time, so that silent ones do not pile up."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_S = 30.0
"""How long the head of a request may take, from the connection's start or from the head's first byte."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection with a timer from its start, and from each later request's first byte, until the head is
    complete. Between requests uvicorn's own keep-alive timer watches; bodies have the edge's deadline."""

    _head_timer: asyncio.TimerHandle | None = None
    outlet: Any = None
    """What writes to the transport itself while a stream goes on: told when there is room again, and of the end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self.outlet is not None:
            self.outlet.lost()
        super().connection_lost(exc)

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
        return super().on_headers_complete()

    def _await_head(self) -> None:
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


class SocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's websocket, known to whoever serves it, so that a peer that does not read can be cut off."""

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # else it was refused, and nobody is asked to serve it
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), "holdfast.connection": self}  # type: ignore[dict-item]
