"""What clients cannot do to us: fill the memory, hold on for nothing, hear what is not for them, lose a line unsaid."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from websockets.asyncio.client import ClientConnection, connect

from holdfast.app import address_of, application, opened, running_loops
from holdfast.domain.actors import ADMIN, NOBODY, Actor, Grant
from holdfast.domain.commands import ChangeUnit
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site, SiteSettings
from holdfast.http.server import Server, listening
from holdfast.realtime import hub as hub_module
from holdfast.realtime import socketio_feed, socketio_wire
from holdfast.realtime.frames import Frame
from holdfast.realtime.hub import Hub
from holdfast.realtime.socketio import SocketIO
from holdfast.realtime.socketio_callers import ADMIN as ADMIN_ROOM
from holdfast.realtime.socketio_callers import GROUND, SITE, STUDENT, check_room
from holdfast.realtime.socketio_feed import Feed, Feeds, Item, Lost
from holdfast.services.desk import Desk
from holdfast.services.journal import Epochs
from holdfast.services.sites import Sites
from holdfast.settings import Settings
from tests.conftest import DATA
from tests.stage import staged

PLACE_OF = UUID(int=7)

TOKEN = "a-token-for-tests-only"
WAIT_S = 10.0


@asynccontextmanager
async def endpoint(database_url: str) -> AsyncIterator[tuple[str, SocketIO]]:
    """A server in this loop, and its Socket.IO."""
    settings = Settings(database_url=database_url, admin_token=TOKEN, port=0, data=DATA)
    with listening(settings) as bound:
        async with opened(settings) as house, running_loops(house):
            edge = application(house)
            server, ready = Server(edge, finish_s=2), asyncio.Event()
            serving = asyncio.create_task(server.serve_until_stopped(bound, ready.set))
            await ready.wait()
            yield address_of(settings, bound).replace("http", "ws", 1), edge.sockets
            house.stopping.set()
            server.stop()
            await serving


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not what():
            await asyncio.sleep(0.01)


async def entered(url: str, **more: Any) -> ClientConnection:
    """A client that speaks the protocol by hand."""
    client = await connect(f"{url}/socket.io/?EIO=4&transport=websocket", **more)
    assert str(await client.recv()).startswith("0")
    await client.send("40")
    assert str(await client.recv()).startswith("40")
    return client


async def test_a_client_that_does_not_read_is_sent_away_and_costs_no_more(database_url: str) -> None:
    async with endpoint(database_url) as (url, sockets):
        slow = await entered(url, max_queue=1)
        slow.transport.pause_reading()
        reader = await entered(url)
        heard = 0

        async def read() -> None:
            nonlocal heard
            async for message in reader:
                heard += str(message).startswith("42")

        reading = asyncio.create_task(read())
        clients = list(sockets.wire.clients.values())
        assert len(clients) == 2
        sent, text = 0, "x" * 20_000
        while sockets.count == 2 and sent < 5_000:
            await sockets.wire.post_many(clients, "something", text)
            sent += 1
            waiting = [socket.queue.qsize() for socket in sockets.wire.eio.sockets.values()]
            assert max(waiting) <= socketio_wire.WAITING_MAX
            await asyncio.sleep(0)
        assert sockets.count == 1, "it was sent away"
        await until(lambda: heard == sent)
        await until(lambda: sockets.wire.count == 1 and len(sockets.wire._lines) == 1)
        reading.cancel()
        await reader.close()
        await until(lambda: sockets.wire.count == 0 and sockets.count == 0)
        assert not sockets.wire.manager.rooms and not sockets.wire.environ and not sockets.wire._lines
        slow.transport.abort()


async def test_a_websocket_whose_bytes_nobody_takes_is_cut(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socketio_wire, "STALLED_S", 0.3)
    async with endpoint(database_url) as (url, sockets):
        slow = await entered(url, max_queue=1)
        slow.transport.pause_reading()
        (client,) = sockets.wire.clients.values()
        async with asyncio.timeout(WAIT_S):
            while sockets.count:
                if sockets.wire.eio.sockets[client.eio_sid].queue.qsize() < 100:
                    sockets.wire.post([client], "something", "x" * 50_000)
                await asyncio.sleep(0)
        await until(lambda: not sockets.wire._lines)
        slow.transport.abort()


async def test_a_connection_that_never_says_what_it_wants_is_closed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socketio_wire, "CONNECT_S", 0.1)
    monkeypatch.setattr(socketio_wire, "LOOK_S", 0.05)
    async with endpoint(database_url) as (url, sockets):
        silent = await connect(f"{url}/socket.io/?EIO=4&transport=websocket")
        await until(lambda: sockets.wire.count == 1)
        await silent.wait_closed()
        await until(lambda: sockets.wire.count == 0)


async def test_a_message_that_is_too_long_or_is_bytes_ends_nothing_but_itself(database_url: str) -> None:
    async with endpoint(database_url) as (url, sockets):
        client = await entered(url)
        await client.send(b"\x00" * 100)
        assert json.loads(str(await client.recv())[2:])[1]["code"] == "invalid_request"
        await client.send("42" + "x" * (socketio_wire.MESSAGE_BYTES_MAX + 1))
        await client.wait_closed()
        assert client.close_code == 1009
        for bad in ("", "x", "7", b"", "42"):
            other = await connect(f"{url}/socket.io/?EIO=4&transport=websocket")
            await other.recv()
            await other.send(bad)
            await other.close()
        await until(lambda: sockets.wire.count == 0)
        odd = await connect(f"{url}/socket.io/?EIO=4&transport=websocket&xsid=1")
        await odd.recv()
        await odd.send('40{"token":"\\ud800","site":[1]}')
        assert str(await odd.recv()).startswith("44")
        await odd.close()
        await (await entered(url)).close()


def test_rooms_are_for_those_they_are_for() -> None:
    class Place:
        id, organisation_id, slug = 1, PLACE_OF, "place"

        def __init__(self, booking_page: str) -> None:
            self.settings = SiteSettings(booking_page=booking_page)

    grounds, hotel = Place("accounts"), Place("off")
    customer = Actor("ann", "account", grants=(Grant(PLACE_OF, 1, "customer"),), customer_key="e:ann@example.org")
    allowed = {
        (who, kind, site.settings.booking_page)
        for who, caller in (("nobody", NOBODY), ("customer", customer), ("staff", ADMIN))
        for kind in (SITE, GROUND, ADMIN_ROOM, STUDENT, "whatever comes")
        for site in (grounds, hotel)
        if _may(caller, kind, site)
    }
    assert {one for one in allowed if one[0] == "nobody"} == {("nobody", kind, "accounts") for kind in (SITE, GROUND)}
    assert {one for one in allowed if one[0] == "customer"} == {
        ("customer", kind, page) for kind in (SITE, GROUND) for page in ("accounts", "off")
    }
    assert len([one for one in allowed if one[0] == "staff"]) == 10
    assert _may(customer, STUDENT, grounds, "ann@example.org"), (
        "whose room one may join is whose address one has proved"
    )
    assert not _may(customer, STUDENT, grounds, "bob@example.org")


def _may(caller: Actor, kind: str, site: Any, about: str = "") -> bool:
    try:
        check_room(caller, kind, site, about)
    except Refusal:
        return False
    return True


# -- the tap on the journal --------------------------------------------------------------------------------------------


@pytest.fixture
async def cafe(pool: asyncpg.Pool) -> AsyncIterator[tuple[Site, Desk, Hub]]:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        hub = Hub(pool, Epochs(pool))
        stage.desk.heard.append(hub.heard)
        yield await Sites(pool).find(str(stage.site_id)), stage.desk, hub


async def test_a_tap_gives_every_line_in_order_however_long_it_takes(
    cafe: tuple[Site, Desk, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socketio_feed, "FRAMES_MAX", 5)
    site, desk, hub = cafe
    given: list[int] = []
    most = 0
    gate = asyncio.Event()

    async def give(feed: Feed, item: Item) -> None:
        nonlocal most
        await gate.wait()
        assert isinstance(item, Frame) and feed._tap is not None
        most = max(most, len(feed._tap.basket.items))
        given.append(item.version)

    feeds = Feeds(hub, give)
    feed = await feeds.hold(site)
    began = feed.version
    for number in range(40):
        await desk.submit(site.id, ChangeUnit("PC-1", name=f"PC {number}"), actor="test")
    gate.set()
    async with asyncio.timeout(WAIT_S):
        while feed.version < began + 40:
            hub.look_after()
            await hub.poll()
            await asyncio.sleep(0.01)
    assert given == list(range(began + 1, began + 41)) and most <= 5
    feeds.release(site.id)
    assert hub.count == 0 and not hub.sites, "nobody listens any more"


async def test_a_tap_that_cannot_tell_what_was_says_so(
    cafe: tuple[Site, Desk, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, desk, hub = cafe
    given: list[Item] = []

    async def give(feed: Feed, item: Item) -> None:
        given.append(item)

    feeds = Feeds(hub, give)
    feed = await feeds.hold(site)
    assert feed._tap is not None
    monkeypatch.setattr(hub_module, "BACKLOG_MAX", 3)
    desk.heard.remove(hub.heard)
    tap = feed._tap
    tap.done.set()  # as if it had been cut
    for number in range(6):
        await desk.submit(site.id, ChangeUnit("PC-1", name=f"PC {number}"), actor="test")
    tap.basket.filled.set()
    await until(lambda: bool(given))
    assert isinstance(given[0], Lost) and given[0].reason == "backlog"
    feeds.close()
