"""Real sockets of readers that are slow, stand still or stay long: bounded, cut, ended in order, and never with a hole;
straight to the socket, and through plain ASGI, where the server is another's."""

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from holdfast.http.connections import Connection
from holdfast.realtime import hub as hub_module
from holdfast.realtime import streams
from holdfast.realtime.outlets import HIGH
from holdfast.realtime.readers import CHUNK
from tests.http.conftest import TOKEN, LiveServer, cafe, client, make_server, make_server_on, server

__all__ = ["cafe", "client", "make_server", "make_server_on", "server"]

LINES = 12_000
"""More than is kept in memory for all, and than any socket's buffers hold."""
_EVENTS = re.compile(rb"id: \w+:(\d+)\nevent: [^\n]+\ndata: [^\n]+\n\n")


@pytest.fixture(params=["socket", "asgi"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How bytes leave: as here, or as under a server that gives no way to its sockets."""
    if request.param == "asgi":
        monkeypatch.setattr(Connection, "on_message_begin", HttpToolsProtocol.on_message_begin)
    return str(request.param)


class Slow:
    """A reader with small buffers, that reads when it is told to."""

    def __init__(self, server: LiveServer, path: str, *, after: str | None = None) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(20)
        self.socket.connect((host, int(port)))
        more = f"Last-Event-ID: {after}\r\n" if after is not None else ""
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n"
        self.socket.sendall(head.encode())
        self._raw = b""
        self._body = bytearray()
        self.is_over = False

    def read(self) -> bool:
        """A little more; False when there will be no more."""
        try:
            part = self.socket.recv(65536)
        except ConnectionError:
            return False
        self._raw += part
        if not self._body and b"\r\n\r\n" in self._raw:
            self._raw = self._raw.partition(b"\r\n\r\n")[2]
            self._body += b"\n"
        while (end := self._raw.find(b"\r\n")) >= 0 and self._body:
            size = int(self._raw[:end], 16)
            self.is_over = self.is_over or size == 0
            if len(self._raw) < end + 2 + size + 2:
                break
            self._body += self._raw[end + 2 : end + 2 + size]
            self._raw = self._raw[end + 2 + size + 2 :]
        return bool(part) and not self.is_over

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def versions(self) -> list[int]:
        return [int(found) for found in _EVENTS.findall(self.body)]

    def until(self, version: int) -> None:
        ending = f":{version}\n".encode()
        while ending not in self._body[-2000:]:
            assert self.read(), "it was ended"


def fill(server: LiveServer, site: str, lines: int) -> int:
    """Many lines at once, past the desk, as it would have written them; the last version."""

    async def write() -> int:
        connection = await asyncpg.connect(server.house.database_url)  # type: ignore[union-attr]
        try:
            version: int = await connection.fetchval(
                "with s as (update site set version = version + $2, journal_at = now() where slug = $1 "
                "returning id, version), lines as (insert into journal select s.id, s.version - $2 + n, now(), now(), "
                "'unit.changed', 'PC1', 'test', 'changed', jsonb_build_object('code', 'PC1', 'name', repeat('x', 500)) "
                "from s, generate_series(1, $2) n) select version from s",
                site.rsplit("/", 1)[1], lines,
            )  # fmt: skip
        finally:
            await connection.close()
        return version

    return asyncio.run(write())


class Watching(threading.Thread):
    """Looks how much the server holds for its readers, until it is told to stop."""

    def __init__(self, server: LiveServer) -> None:
        super().__init__(daemon=True)
        assert server.house is not None
        self.hub = server.house.hub
        self.most = 0
        self.has_paused = threading.Event()
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.002):
            for reader in list(self.hub._all):
                self.most = max(self.most, reader.outlet.unsent)
                if reader.paused_at is not None or reader.outlet.unsent > CHUNK:
                    self.has_paused.set()

    def stop(self) -> None:
        self._end.set()
        self.join()


@pytest.fixture
def watching(server: LiveServer) -> Iterator[Watching]:
    started = Watching(server)
    started.start()
    yield started
    started.stop()


def test_one_that_does_not_read_costs_no_more_and_loses_nothing(
    way: str, server: LiveServer, cafe: str, watching: Watching
) -> None:
    slow, quick = Slow(server, f"{cafe}/events?after=0"), Slow(server, f"{cafe}/events?after=0")
    slow.until(4)
    last = fill(server, cafe, LINES)
    quick.until(last)
    assert watching.has_paused.wait(10), "the slow one has all that is not read in buffers of the system"
    slow.until(last)
    for one in (quick, slow):
        assert one.versions() == list(range(1, last + 1)) and b"event: reset" not in one.body
        one.socket.close()
    assert watching.most <= HIGH + 2 * CHUNK, "what it has not read stays where it is for all"


def test_one_that_never_reads_is_cut_and_comes_again_without_loss(
    way: str, server: LiveServer, cafe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "STALLED_S", 0.5)
    slow = Slow(server, f"{cafe}/events?after=0")
    slow.until(4)
    last = fill(server, cafe, LINES)
    assert server.house is not None
    _until(lambda: server.house is not None and server.house.hub.count == 0)
    while slow.read():
        pass
    told = slow.versions()
    assert told == list(range(1, len(told) + 1)) and told[-1] < last
    # another's server ends it in its own way
    assert not slow.is_over or way == "asgi"
    position = re.findall(rb"id: (\w+:\d+)\nevent: [^\n]+\ndata: [^\n]+\n\n", slow.body)[-1].decode()
    again = Slow(server, f"{cafe}/events", after=position)
    again.until(last)
    assert told + again.versions() == list(range(1, last + 1)) and b"event: reset" not in again.body


def test_a_stream_ends_in_order_when_its_time_is_over(
    way: str, server: LiveServer, client: httpx.Client, cafe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = [Slow(server, f"{cafe}/events") for _ in range(8)]
    assert server.house is not None
    hub = server.house.hub
    _until(lambda: hub.count == 8)
    assert all(reader.caller is not None for reader in list(hub._all)), "whoever ends streams knows whose they are"
    now = server._loop.time()
    left = sorted(reader.ends_at - now for reader in list(hub._all))
    assert 590 < left[0] < left[-1] < 900 and left[-1] - left[0] > 1, "never all at once"
    monkeypatch.setattr(streams, "LIFE_S", (0.1, 0.2))
    short = Slow(server, f"{cafe}/events")
    began = time.monotonic()
    while short.read():
        pass
    assert short.is_over and time.monotonic() - began < 5, "ended by its last chunk, not broken off"
    version = int(client.patch(f"{cafe}/units/PC1", json={"name": "on"}).headers["holdfast-version"])
    for one in readers:
        one.until(version)


def test_a_mark_moves_the_place_over_what_is_not_wanted(
    way: str, server: LiveServer, client: httpx.Client, cafe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "HEARTBEAT_S", 0.3)
    wanted, whole = Slow(server, f"{cafe}/events?types=booking.created"), Slow(server, f"{cafe}/events")
    for one in (wanted, whole):
        one.until(4)
    for n in range(3):
        version = int(client.patch(f"{cafe}/units/PC1", json={"name": f"name {n}"}).headers["holdfast-version"])
    for one, told in ((wanted, []), (whole, [5, 6, 7])):
        mark = rf"id: \w+:{version}\n\n".encode()
        while not re.search(mark, one.body):
            assert one.read()
        assert one.versions() == told


def test_a_stream_of_one_unit_tells_of_that_unit(way: str, server: LiveServer, client: httpx.Client, cafe: str) -> None:
    one = Slow(server, f"{cafe}/events?unit=PC2&after=0")
    answers = [client.patch(f"{cafe}/units/PC{n}", json={"name": f"name {k}"}) for k, n in enumerate((1, 2, 3, 2))]
    versions = [int(answer.headers["holdfast-version"]) for answer in answers]
    one.until(versions[-1])
    assert one.versions() == [2, versions[1], versions[3]]


def _until(holds: Callable[[], Any]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
