"""Planted faults: each guard taken away, or a row spoiled, must make the harness fail. It proves that it can."""

import asyncio
import contextlib
import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from holdfast.services.batch import Batch
from holdfast.services.desk import Desk
from holdfast.services.lane import Lane
from holdfast.store import changes
from holdfast.store import desk as desk_store
from tests.chaos.load import UNITS, Told, nothing_lost_nothing_half
from tests.stage import Stage, check_promises, make_site, staged

BASE = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)


class Meeting:
    """Lets two batches that have looked at their site go on together, if two ever have: a lock prevents that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.first: asyncio.Event | None = None
        catch_up = Batch._catch_up

        async def together(batch: Batch, connection: Any) -> None:
            if self.first is None:
                self.first = asyncio.Event()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.first.wait(), 0.02)
            else:
                self.first.set()
            self.first = None
            await catch_up(batch, connection)

        monkeypatch.setattr(Batch, "_catch_up", together)
        monkeypatch.setattr(Lane, "_look_ahead", lambda lane, batch: None)


async def race(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, *, times: int = 1) -> None:
    """Clients of two desks who want the same slots, each asking so many times with its key; looked at after each round.
    Desks among themselves never undo a batch: that would be somebody past the desk, or a lock that does not hold."""
    site_id = await make_site(pool, "cafe", UNITS, {"grid_minutes": 0})
    desks = [Desk(pool) for _ in range(2)]
    for desk in desks:
        await desk.start()
    Meeting(monkeypatch)
    undone: list[int] = []
    one_by_one = Lane._one_by_one

    async def noted(lane: Lane, taken: list[Any]) -> None:
        undone.append(len(taken))
        await one_by_one(lane, taken)

    monkeypatch.setattr(Lane, "_one_by_one", noted)
    try:
        both, told = itertools.cycle(desks), Told(BASE)
        for round_ in range(8):
            numbers = [number for number in range(round_ * 48, round_ * 48 + 48) for _ in range(times)]
            await asyncio.gather(*(told.ask(next(both), site_id, number) for number in numbers))
            await nothing_lost_nothing_half(pool, told)
        assert not undone
    finally:
        for desk in desks:
            await desk.stop()


async def is_caught(call: Any) -> None:
    with pytest.raises((AssertionError, asyncpg.PostgresError)):
        await call


def unlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sites are looked at without being locked."""
    for module, name in ((desk_store, "Q"), (changes, "_Q")):
        queries = dict(getattr(module, name))
        lock = re.compile(r"for no key update( of s)?( skip locked)?")
        unlocked = {key: lock.sub("", query) for key, query in queries.items()}
        assert unlocked != queries
        monkeypatch.setattr(module, name, unlocked)


async def test_the_harness_is_content_when_nothing_is_planted(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch):
    await race(pool, monkeypatch)


async def test_a_site_that_is_not_locked_is_caught(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch):
    unlock(monkeypatch)
    await is_caught(race(pool, monkeypatch))


async def test_claims_that_may_overlap_are_caught(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch):
    """Neither lock nor any constraint: what is left is what the harness sees."""
    unlock(monkeypatch)
    await pool.execute("alter table claim drop constraint claims_never_overlap")
    await pool.execute("alter table journal drop constraint journal_pkey")
    await is_caught(race(pool, monkeypatch))


async def test_a_key_that_is_ignored_is_caught(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch):
    async def no_answers(batch: Batch, connection: Any) -> None:
        return None

    monkeypatch.setattr(Batch, "_answers", no_answers)
    await pool.execute("alter table answer drop constraint answer_pkey")
    await is_caught(race(pool, monkeypatch, times=2))


SPOILED = [
    "update unit set shown_status = 'Available' where code = 'PC-2'",
    "update unit set wakes_at = null",
    "update unit set wakes_at = wakes_at + interval '1 hour'",
    "update unit set shown_since = shown_since + interval '1 second'",
    "update unit set condition = 'dirty'",
    "update booking set wakes_at = null where state = 'Booked'",
    "update booking set wakes_at = wakes_at + interval '1 second'",
    "update booking set state = 'Cancelled' where state = 'Booked'",
    "update booking set ends_at = ends_at + interval '1 second'",
    "update booking set version = version - 1",
    "update site set wakes_at = null",
    "update site set wakes_at = wakes_at + interval '1 hour'",
    "update site set version = version + 1",
    "delete from booking where state = 'Booked'",
    "delete from block",
    "delete from claim where kind = 'booking'",
    "delete from claim where kind = 'maintenance'",
    "update claim set kind = 'hold' where kind = 'booking'",
    "update claim set during = tstzrange(lower(during), upper(during) + interval '1 second')",
    "update claim set expires_at = '2027-01-01'",
    "delete from journal where version = 3",
    "delete from journal where version = (select max(version) from journal)",
    "update journal set at = '2020-01-01' where version = 4",
    "update journal set effective_at = at + interval '1 second' where version = 3",
    "update journal set cause = 'extended' where cause = 'started'",
    "update journal set data = jsonb_set(data, '{booking,state}', '\"Held\"') where cause = 'created'",
    "insert into claim (site_id, unit_id, holder_id, kind, during) select site_id, unit_id, gen_random_uuid(), "
    "'booking', tstzrange(upper(during), upper(during) + interval '1 hour') from claim where kind = 'booking'",
]


@pytest.mark.parametrize("statement", SPOILED)
async def test_a_spoiled_row_is_caught(pool: asyncpg.Pool, statement: str):
    with pytest.raises(AssertionError, match=r"\S"):
        async with staged(pool, "cafe", ["PC-1", "PC-2", "PC-3"]) as stage:
            await a_day(stage)
            await check_promises(pool, stage.clock)
            done = await pool.execute(statement)
            assert not done.endswith(" 0"), pytest.fail(f"spoils nothing: {statement}")
            await check_promises(pool, stage.clock)
            pytest.fail(f"not noticed: {statement}")


async def a_day(stage: Stage) -> None:
    """A bit of everything, so that each kind of row is there to be spoiled."""
    await stage.walk_in("PC-1", "10:00")
    await stage.act(await stage.book("PC-2", "09:00", "13:00"), "start")
    await stage.book("PC-1", "14:00", "15:00")
    await stage.block("PC-3", "11:00", "12:00")
    await stage.tick("09:10")
