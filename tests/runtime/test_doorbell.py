"""The doorbell against real PostgreSQL: other processes hear at once, nobody hears itself, and deafness passes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from holdfast.domain.commands import Book
from holdfast.runtime import alarms as alarms_module
from holdfast.runtime.alarms import Alarms
from holdfast.runtime.doorbell import Ringing
from holdfast.services.desk import Desk
from holdfast.services.doorbell import ALL, ANYTHING, SITES_MAX, Doorbell, Ring, read
from holdfast.store.doorbell import NAME, PAYLOAD_BYTES_MAX
from tests.runtime.test_alarms import CODES, FREE, running, until_ended, walk_in
from tests.stage import make_site


class House:
    """What one process has: a desk, a doorbell and what it heard by it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.desk = Desk(pool)
        self.doorbell = Doorbell()
        self.desk.heard.append(self.doorbell.committed)
        self.desk.woken.append(self.doorbell.woken)
        self.heard: list[Ring] = []
        self.doorbell.listeners.append(self.heard.append)

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not what():
                await asyncio.sleep(0.002)

    def versions(self) -> dict[int, int]:
        return {site_id: version for ring in self.heard for site_id, version in ring.sites or ()}


@contextlib.asynccontextmanager
async def houses(pool: asyncpg.Pool, url: str, count: int = 2) -> AsyncIterator[list[House]]:
    made = [House(pool) for _ in range(count)]
    async with contextlib.AsyncExitStack() as stack:
        for house in made:
            await house.desk.start()
            stack.push_async_callback(house.desk.stop)
            await stack.enter_async_context(running(Ringing(url, house.doorbell)))
        for house in made:
            await house.until(lambda house=house: not house.doorbell.is_deaf and bool(house.heard))
            house.heard.clear()
        # the first ones have heard by now that the others came
        await asyncio.sleep(0.05)
        yield made


async def book(house: House, site_id: int, hours: int = 1) -> int:
    start = datetime.now(UTC) + timedelta(days=1, hours=hours)
    command = Book(uuid4(), start, start + timedelta(minutes=30), ("PC-0",))
    return (await house.desk.submit(site_id, command, actor="test")).version


@pytest.mark.timing
async def test_another_process_hears_which_site_stands_where_within_milliseconds(
    pool: asyncpg.Pool, database_url: str
) -> None:
    site_id = await make_site(pool, "cafe", CODES, FREE)
    async with houses(pool, database_url) as (ours, other):
        took = []
        for hours in range(20):
            version = await book(ours, site_id, hours)
            began = asyncio.get_running_loop().time()
            await other.until(lambda version=version: other.versions().get(site_id) == version)
            took.append(asyncio.get_running_loop().time() - began)
        assert not ours.heard, "nobody hears its own rings"
        assert sorted(took)[10] < 0.1, "it was the ring, not a poll"


@pytest.mark.timing
async def test_an_alarm_set_by_another_process_rings_without_a_poll(pool: asyncpg.Pool, database_url: str, monkeypatch):
    monkeypatch.setattr(alarms_module, "POLL_S", 30.0)
    site_id = await make_site(pool, "cafe", CODES, FREE)
    async with houses(pool, database_url) as (ours, other), running(Alarms(pool, ours.desk, ours.doorbell)):
        await asyncio.sleep(0.1)
        end = datetime.now(UTC) + timedelta(seconds=0.7)
        await walk_in(other.desk, site_id, end)
        await until_ended(pool, site_id, 1)
        at = await pool.fetchval("select at from journal where type = 'booking.completed'")
        assert at - end < timedelta(seconds=0.5)


async def test_many_changes_are_few_rings(pool: asyncpg.Pool, database_url: str) -> None:
    sites = [await make_site(pool, "cafe", ["PC-0"], FREE) for _ in range(8)]
    async with houses(pool, database_url) as (ours, other):
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(book(ours, site_id, hours) for site_id in sites for hours in range(40)))
        rings_max = (asyncio.get_running_loop().time() - began) / 0.01 + 2
        stand = {row["id"]: row["version"] for row in await pool.fetch("select id, version from site")}
        await other.until(lambda: other.versions() == stand)
        assert ours.doorbell.rings_sent <= rings_max


async def test_one_that_is_alone_rings_at_nobody_until_another_comes(pool: asyncpg.Pool, database_url: str) -> None:
    site_id = await make_site(pool, "cafe", CODES, FREE)
    async with houses(pool, database_url, 1) as (ours,):
        await book(ours, site_id)
        assert not ours.doorbell.has_news and not ours.doorbell.rings_sent
        async with houses(pool, database_url, 1) as (other,):
            version = await book(ours, site_id, 5)
            await other.until(lambda: other.versions() == {site_id: version})


async def test_a_doorbell_whose_connection_is_cut_reconnects_and_says_that_anything_may_be_new(
    pool: asyncpg.Pool, database_url: str
) -> None:
    site_id = await make_site(pool, "cafe", CODES, FREE)
    async with houses(pool, database_url) as (ours, other):
        await pool.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", NAME)
        for house in (ours, other):
            await house.until(lambda house=house: ANYTHING in house.heard and not house.doorbell.is_deaf)
        await asyncio.sleep(0.05)
        version = await book(ours, site_id)
        await other.until(lambda: other.versions().get(site_id) == version)


async def test_too_much_for_one_ring_is_a_ring_for_all() -> None:
    sent: list[str] = []

    class Wire:
        async def ring(self, payload: str) -> None:
            sent.append(payload)

    doorbell = Doorbell()
    doorbell._wire = Wire()  # type: ignore[assignment]
    for count in (600, 1_500, SITES_MAX + 1):
        doorbell._sites = {10_000_000 + n: 123_456 for n in range(count)}
        doorbell.committed([])
        await doorbell.ring()
    assert [len(payload) <= PAYLOAD_BYTES_MAX for payload in sent] == [True] * 3
    assert [read(payload).sites for payload in sent] == [None] * 3
    doorbell._sites = {7: 1, 8: 99}
    await doorbell.ring()
    assert read(sent[-1]) == Ring(((7, 1), (8, 99)))


def test_what_cannot_be_understood_may_mean_anything() -> None:
    for payload in ("", "2 - 1:1", "1 x 1:1", "1 - 1:", "1 - a:b"):
        assert read(payload) == ANYTHING or read(payload).sites == (), payload
    assert read(f"1 0.5 {ALL}") == Ring(None, 0.5)
    assert read("1 - 3:4 5:6") == Ring(((3, 4), (5, 6)))
