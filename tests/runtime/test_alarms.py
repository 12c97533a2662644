"""The loops against real PostgreSQL and the real clock: what is due happens, at its instant, by itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest

from holdfast.domain.commands import Book
from holdfast.runtime.alarms import Alarms
from holdfast.runtime.loop import Loop
from holdfast.runtime.retention import Retention
from holdfast.services.desk import Desk
from holdfast.services.retention import Kept, forget_all
from tests.stage import make_site

CODES = [f"PC-{n}" for n in range(8)]
FREE = {"grid_minutes": 0}


async def walk_in(desk: Desk, site_id: int, end: datetime, unit: str = "PC-0") -> None:
    await desk.submit(site_id, Book(uuid4(), end, end, (unit,), walk_in=True), actor="test")


@contextlib.asynccontextmanager
async def running(loop: Loop) -> AsyncIterator[None]:
    task = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        loop.stop()
        await task


async def until_ended(pool: asyncpg.Pool, site_id: int, count: int) -> None:
    async with asyncio.timeout(10):
        while count != await pool.fetchval(
            "select count(*) from journal where site_id = $1 and type = 'booking.completed'", site_id
        ):
            await asyncio.sleep(0.02)


async def test_a_session_ends_by_itself_at_its_instant(pool: asyncpg.Pool) -> None:
    desk = Desk(pool)
    await desk.start()
    site_id = await make_site(pool, "cafe", CODES, FREE)
    async with running(Alarms(pool, desk)):
        end = datetime.now(UTC) + timedelta(seconds=1.2)
        await walk_in(desk, site_id, end)
        await until_ended(pool, site_id, 1)
    rows = await pool.fetch(
        "select type, at, effective_at from journal where site_id = $1 and actor = 'clock'", site_id
    )
    await desk.stop()
    assert [row["type"] for row in rows] == ["booking.completed", "unit.status_changed"]
    assert {row["effective_at"] for row in rows} == {end}
    assert all(row["at"] >= end for row in rows), "nothing happens early"
    status = await pool.fetchval("select shown_status from unit where site_id = $1 and shown_since = $2", site_id, end)
    assert status == "Available"


async def test_an_alarm_set_by_another_process_is_seen(pool: asyncpg.Pool) -> None:
    ours, other = Desk(pool), Desk(pool)
    await ours.start()
    await other.start()
    site_id = await make_site(pool, "cafe", CODES, FREE)
    async with running(Alarms(pool, ours)):
        await walk_in(other, site_id, datetime.now(UTC) + timedelta(seconds=0.5))
        await until_ended(pool, site_id, 1)
    await ours.stop()
    await other.stop()


async def test_two_alarm_loops_do_nothing_twice(pool: asyncpg.Pool) -> None:
    desks = [Desk(pool), Desk(pool)]
    for desk in desks:
        await desk.start()
    site_id = await make_site(pool, "cafe", CODES, FREE)
    end = datetime.now(UTC) + timedelta(seconds=1)
    async with running(Alarms(pool, desks[0])), running(Alarms(pool, desks[1])):
        for number in range(8):
            await walk_in(desks[number % 2], site_id, end, CODES[number])
        await until_ended(pool, site_id, 8)
    for desk in desks:
        await desk.stop()
    events = await pool.fetch(
        "select subject, count(*) from journal where site_id = $1 and actor = 'clock' group by subject", site_id
    )
    assert len(events) == 16
    assert {row["count"] for row in events} == {1}


async def test_old_answers_are_forgotten_and_fresh_ones_kept(pool: asyncpg.Pool) -> None:
    await pool.execute(
        "insert into answer "
        "select 1, 'k' || n, '', 200, '', 1, now() - make_interval(hours => n) from generate_series(1, 48) n"
    )
    kept = Kept(answer_hours=24, finding_days=90, journal_days=90, log_days=365, tick_days=400)
    loop = Retention(partial(forget_all, pool, kept))
    await loop.step()
    assert await pool.fetchval("select count(*) from answer") in (23, 24)


async def test_a_failing_step_is_tried_again() -> None:
    done = asyncio.Event()

    class Shaky(Loop):
        name = "shaky"

        async def step(self) -> float:
            if not self.failures:
                raise RuntimeError("once")
            done.set()
            return 60.0

    async with running(Shaky()):
        async with asyncio.timeout(5):
            await done.wait()


async def test_a_loop_that_has_failed_ten_thousand_times_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doubling the wait for ever ended it: a number of 300 digits is no time to wait."""
    done = asyncio.Event()

    class Hopeless(Loop):
        name = "hopeless"

        async def step(self) -> float:
            if not self.failures:
                self.failures = 10_000
                raise RuntimeError
            done.set()
            return 60.0

    monkeypatch.setattr("holdfast.runtime.loop.BACK_OFF_MAX_S", 0.01)
    async with running(Hopeless()):
        async with asyncio.timeout(5):
            await done.wait()


async def test_a_loop_is_silent_once_its_sign_of_life_is_overdue() -> None:
    class Slow(Loop):
        name, beat_every_s = "slow", 10.0

        async def step(self) -> float:
            return 600.0

    loop = Slow()
    assert (loop.silent_s(0.0), loop.is_running, loop.has_ended) == (0.0, False, False)
    async with running(loop):
        while loop.beat_at is None:
            await asyncio.sleep(0.01)
        assert loop.is_running and loop.next_at is not None
        assert loop.silent_s(loop.beat_at + 609) == 0.0, "it said that it would wait for ten minutes"
        assert round(loop.silent_s(loop.beat_at + 615)) == 5
    assert (loop.is_running, loop.has_ended, loop.next_at) == (False, True, None)
