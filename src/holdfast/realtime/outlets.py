"""Where a reader's bytes go: straight to the socket of our own server, or through plain ASGI under any other.

An outlet takes bytes without waiting and says how many are still unsent; `drained` is called when it has room again.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

HIGH = 256 * 1024
"""Unsent bytes beyond which a reader is left alone until they are fewer than `LOW`."""
LOW = 64 * 1024

Offer = Callable[[bytes], int]
"""Takes as many bytes of a chunk as go at once, and says how many; raises OSError when none do."""


class Outlet(ABC):
    """A way to one reader."""

    offer: Offer | None = None
    """Gives a chunk straight to a socket, past everything; None where there is no such way. What it does not take must
    be given to `keep`, and only while nothing is unsent may it be used."""

    def __init__(self) -> None:
        self.drained: Callable[[], None] = lambda: None
        """Called when there is room again."""
        self.lost: Callable[[], None] = lambda: None
        """Called when the connection is gone."""
        self.closed = asyncio.Event()

    @property
    @abstractmethod
    def unsent(self) -> int:
        """Bytes taken and not yet given to the operating system."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Takes bytes to send; what is written after the end goes nowhere."""

    def keep(self, rest: bytes) -> None:
        """Sends what is left of a chunk once there is room."""
        raise NotImplementedError

    @abstractmethod
    def cut(self) -> None:
        """Ends the connection at once; what is unsent is lost, and the reader resumes from what it has."""


class SocketOutlet(Outlet):
    """Writes chunks of HTTP/1.1 to the socket itself, past the server's tasks and queues and past the transport while
    that has nothing queued: half of what a delivery costs is the system call, and most of the rest was on the way to
    it. Whatever the socket does not take at once the transport keeps."""

    _last: ClassVar[tuple[bytes, bytes]] = b"", b""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._queued = transport.get_write_buffer_size
        transport.set_write_buffer_limits(high=HIGH, low=LOW)
        socket = transport.get_extra_info("socket")
        if socket is not None and transport.get_extra_info("sslcontext") is None:
            self.offer = _offer_to(socket.fileno(), transport.is_closing)

    @property
    def unsent(self) -> int:
        return self._queued()

    @classmethod
    def chunk(cls, data: bytes) -> bytes:
        """Bytes as a chunk of HTTP/1.1."""
        told, chunk = cls._last
        if told is not data:
            # those who stand at the same place are given the same bytes, one after the other
            chunk = b"%x\r\n%b\r\n" % (len(data), data)
            cls._last = data, chunk
        return chunk

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        chunk, sent = self.chunk(data), 0
        if self.offer is not None and not self._queued():
            try:
                sent = self.offer(chunk)
            except OSError:
                # full, or broken: the transport finds out which
                sent = 0
        if sent < len(chunk):
            self._transport.write(chunk[sent:])

    def keep(self, rest: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(rest)

    def cut(self) -> None:
        self._transport.abort()
        self.closed.set()


def _offer_to(number: int, is_closing: Callable[[], bool]) -> Offer:
    def offer(chunk: bytes) -> int:
        # a closed socket's number may be another connection's by now
        return 0 if is_closing() else os.write(number, chunk)

    return offer


class AsgiOutlet(Outlet):
    """Collects bytes for a task that hands them to `send`, which waits as long as the server asks it to."""

    def __init__(self, send: Any) -> None:
        super().__init__()
        self._send = send
        self._parts: list[bytes] = []
        self._unsent = 0
        self._rung = asyncio.Event()

    @property
    def unsent(self) -> int:
        return self._unsent

    def write(self, data: bytes) -> None:
        if not self.closed.is_set():
            self._parts.append(data)
            self._unsent += len(data)
            self._rung.set()

    def cut(self) -> None:
        self.closed.set()
        self._rung.set()

    async def run(self) -> None:
        """Sends what is written, until the outlet is closed and everything is sent, or it was cut."""
        while True:
            await self._rung.wait()
            self._rung.clear()
            parts, self._parts = self._parts, []
            if parts:
                data = b"".join(parts)
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
                self._unsent -= len(data)
                if self._unsent < LOW:
                    self.drained()
            elif self.closed.is_set():
                return
