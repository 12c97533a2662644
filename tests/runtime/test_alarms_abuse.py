"""The clock's loops under abuse: several processes, a site locked elsewhere, a database that dies under a tick."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from holdfast.domain.commands import Book, Together
from holdfast.runtime.alarms import Alarms
from holdfast.runtime.doorbell import Ringing
from holdfast.services.desk import Desk, DeskLimits
from holdfast.services.doorbell import Doorbell
from holdfast.services.identity import new_id
from holdfast.store import database, migrate
from holdfast.store.embedded import EmbeddedServer
from tests.runtime.test_alarms import FREE, running, until_ended, walk_in
from tests.stage import check_promises, make_site


@contextlib.asynccontextmanager
async def process(pool: asyncpg.Pool, url: str) -> AsyncIterator[tuple[Desk, Alarms, Doorbell]]:
    """All that one process runs for the clock."""
    desk, doorbell = Desk(pool), Doorbell()
    desk.heard.append(doorbell.committed)
    desk.woken.append(doorbell.woken)
    await desk.start()
    alarms = Alarms(pool, desk, doorbell)
    async with running(Ringing(url, doorbell)), running(alarms):
        yield desk, alarms, doorbell
    await desk.stop()


async def fill(desk: Desk, site_id: int, codes: list[str], first: datetime, spread_s: float) -> None:
    step = timedelta(seconds=spread_s / len(codes))
    parts = tuple(Book(new_id(), first, first + n * step, (code,), walk_in=True) for n, code in enumerate(codes))
    await desk.submit(site_id, Together(parts), actor="test")


async def each_ended_once(pool: asyncpg.Pool, count: int) -> None:
    rows: list[Any] = await pool.fetch(
        "select site_id, subject, count(*) from journal where type = 'booking.completed' group by 1, 2"
    )
    assert len(rows) == count and {row["count"] for row in rows} == {1}
    assert not await pool.fetchval(
        "select count(*) from journal where actor = 'clock' and (at < effective_at or effective_at > now())"
    ), "nothing happens early"
    await check_promises(pool)


async def until_so_many_ended(pool: asyncpg.Pool, count: int) -> None:
    async with asyncio.timeout(20):
        while await pool.fetchval("select count(*) from journal where type = 'booking.completed'") < count:
            await asyncio.sleep(0.02)


async def all_free(pool: asyncpg.Pool, within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while await pool.fetchval("select exists (select 1 from claim)"):
            await asyncio.sleep(0.02)


async def test_three_processes_that_all_run_every_loop_do_nothing_twice(pool: asyncpg.Pool, database_url: str) -> None:
    codes = [f"PC-{n}" for n in range(40)]
    sites = [await make_site(pool, "cafe", codes, FREE) for _ in range(4)]
    async with contextlib.AsyncExitStack() as stack:
        houses = [await stack.enter_async_context(process(pool, database_url)) for _ in range(3)]
        first = datetime.now(UTC) + timedelta(seconds=1)
        for number, site_id in enumerate(sites):
            await fill(houses[number % 3][0], site_id, codes, first, 1.5)
        await all_free(pool)
    await each_ended_once(pool, len(sites) * len(codes))


@pytest.mark.timing
async def test_a_site_locked_elsewhere_for_long_holds_up_no_other_and_is_done_when_it_is_free(
    pool: asyncpg.Pool, database_url: str
) -> None:
    held = await make_site(pool, "cafe", ["PC-0"], FREE)
    others = [await make_site(pool, "cafe", ["PC-0"], FREE) for _ in range(3)]
    async with process(pool, database_url) as (desk, alarms, _), pool.acquire() as stranger:
        end = datetime.now(UTC) + timedelta(seconds=0.5)
        for site_id in (held, *others):
            await walk_in(desk, site_id, end)
        transaction = stranger.transaction()
        await transaction.start()
        await stranger.execute("select 1 from site where id = $1 for update", held)
        for site_id in others:
            await until_ended(pool, site_id, 1)
        late = await pool.fetch("select at - effective_at as late from journal where type = 'booking.completed'")
        assert max(row["late"] for row in late) < timedelta(seconds=0.5)
        ticks = alarms._ticker.ticks
        await asyncio.sleep(2.5)
        assert alarms._ticker.ticks - ticks < 12, "what cannot be had is not asked for without pause"
        await transaction.rollback()
        began = asyncio.get_running_loop().time()
        await until_ended(pool, held, 1)
        assert asyncio.get_running_loop().time() - began < 2
    await each_ended_once(pool, 4)


async def test_postgres_killed_while_ticks_are_under_way_loses_and_doubles_nothing(
    server_folder: Path, bindir: Path
) -> None:
    server = EmbeddedServer(server_folder / "data", bindir=bindir, ballast_bytes=0)
    await server.start()
    try:
        await migrate.migrate(server.url)
        pool = await database.open_pool(server.url)
        codes = [f"PC-{n}" for n in range(100)]
        sites = [await make_site(pool, "cafe", codes, FREE) for _ in range(4)]
        async with process(pool, server.url) as (desk, _, doorbell):
            for site_id in sites:
                await fill(desk, site_id, codes, datetime.now(UTC) + timedelta(seconds=2), 4)
            for ended in (20, 200):
                await until_so_many_ended(pool, ended)
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
                while server.pid is not None:
                    await asyncio.sleep(0.01)
                await server.start()
            await all_free(pool, 30)
            async with asyncio.timeout(10):
                while doorbell.is_deaf:
                    await asyncio.sleep(0.05)
        await each_ended_once(pool, 400)
        await asyncio.wait_for(pool.close(), 10)
    finally:
        await server.stop()


async def test_alarms_far_in_the_future_or_without_end_keep_the_loop_going(
    pool: asyncpg.Pool, database_url: str
) -> None:
    sites = [await make_site(pool, "cafe", ["PC-0"], FREE) for _ in range(3)]
    await pool.execute("update site set wakes_at = '2199-01-01' where id = $1", sites[0])
    await pool.execute("update site set wakes_at = 'infinity' where id = $1", sites[1])
    async with process(pool, database_url) as (desk, alarms, _):
        await asyncio.sleep(0.1)
        await walk_in(desk, sites[2], datetime.now(UTC) + timedelta(seconds=0.3))
        await until_ended(pool, sites[2], 1)
        assert alarms.failures == 0


async def test_a_site_that_fails_each_time_is_tried_more_and_more_rarely(pool: asyncpg.Pool, database_url: str) -> None:
    broken = await make_site(pool, "cafe", ["PC-0"], FREE)
    good = await make_site(pool, "cafe", ["PC-0"], FREE)
    await pool.execute(
        'update site set settings = \'{"grid_minutes": "x"}\', changed_version = 99, wakes_at = now() where id = $1',
        broken,
    )
    desk = Desk(pool, DeskLimits(lanes=1))
    await desk.start()
    alarms = Alarms(pool, desk)
    async with running(alarms):
        await walk_in(desk, good, datetime.now(UTC) + timedelta(seconds=1.5))
        await until_ended(pool, good, 1)
        assert alarms._ticker.ticks < 12
    await desk.stop()
