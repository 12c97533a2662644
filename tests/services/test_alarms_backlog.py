"""Catching up is bounded and fair: nobody waits behind somebody else's backlog, and nobody's backlog is forgotten."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from time import monotonic
from typing import Any

import asyncpg
import pytest

from holdfast.domain.commands import Book, Tick, Together
from holdfast.services import catching_up, queue
from holdfast.services.desk import Desk, DeskLimits
from holdfast.services.identity import new_id
from holdfast.services.waiting import Waiting
from tests.stage import Stage, VirtualClock, check_promises, make_site

MANY = 240


async def sessions_on(stage: Stage, codes: list[str], end: str) -> None:
    until = stage.clock.at(end)
    for first in range(0, len(codes), 200):
        parts = tuple(Book(new_id(), until, until, (code,), walk_in=True) for code in codes[first : first + 200])
        await stage.submit(Together(parts))


@pytest.fixture
async def three(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Three sites on one lane: the first with a long backlog at 10:00, the others with a single session each."""
    monkeypatch.setattr(catching_up, "DUE_MAX", 24)
    # A tick is awaited until all is caught up, however slow the machine.
    monkeypatch.setattr(queue, "TICK_S", 60.0)
    clock, codes = VirtualClock(), [f"PC-{n:03}" for n in range(MANY)]
    site_ids = [await make_site(pool, "cafe", units, clock=clock) for units in (codes, ["PC-1"], ["PC-1"])]
    desk = Desk(pool, DeskLimits(lanes=1), clock=clock)
    await desk.start()
    stages = [Stage(pool, desk, site_id, clock) for site_id in site_ids]
    await sessions_on(stages[0], codes, "10:00")
    for stage in stages[1:]:
        await stage.walk_in("PC-1", "10:00")
    yield stages
    await desk.stop()
    await check_promises(pool, clock)


async def test_one_sites_backlog_holds_up_no_other_site(three: list[Stage]):
    long, other, third = three
    order: list[str] = []
    sizes: list[int] = []
    long.desk.heard.append(lambda events: sizes.append(sum(e.type == "booking.completed" for _, e in events)))
    long.clock.set("10:00")

    async def noted(name: str, call: Any) -> None:
        await call
        order.append(name)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(noted("backlog", long.tick()))
        await asyncio.sleep(0)
        tasks.create_task(noted("tick elsewhere", other.tick()))
        tasks.create_task(noted("command elsewhere", third.book("PC-1", "12:00", "13:00")))
        tasks.create_task(noted("command behind the backlog", long.book("PC-000", "12:00", "13:00")))
    assert set(order[:2]) == {"tick elsewhere", "command elsewhere"}, order
    assert max(sizes) <= 24 and sum(sizes) == MANY + 2


async def test_what_is_told_of_a_backlog_is_in_its_order_and_each_thing_once(three: list[Stage]):
    long, *_ = three
    long.clock.set("11:00")
    await asyncio.gather(*(long.tick() for _ in range(5)), *(stage.tick() for stage in three))
    rows = await long.pool.fetch(
        "select subject, effective_at from journal where site_id = $1 and type = 'booking.completed' order by version",
        long.site_id,
    )
    assert len({row["subject"] for row in rows}) == len(rows) == MANY
    lines = await long.pool.fetch(
        "select type, subject, effective_at from journal where site_id = $1 and actor = 'clock' order by version",
        long.site_id,
    )
    assert all(before["effective_at"] <= after["effective_at"] for before, after in pairwise(lines))
    # each unit is shown free right after its own session was said to be over, not before
    assert [line["type"] for line in lines] == ["booking.completed", "unit.status_changed"] * MANY


async def test_the_units_of_a_backlog_are_looked_at_once(three: list[Stage]):
    """What an ended session does to its unit's alarm is decided with it; there is no second look at each unit."""
    long, *_ = three
    long.clock.set("10:00")
    await long.tick()
    left = await long.pool.fetchval(
        "select count(*) from unit where site_id = $1 and wakes_at <= $2", long.site_id, long.clock()
    )
    assert left == 0


def waiting(site_id: int, command: Any = None) -> Waiting:
    one = Waiting(site_id, command or Tick(), "test", key=None, body_hash=b"", future=None)
    one.since = monotonic()
    return one


def test_sites_with_long_backlogs_take_turns_and_leave_room_for_the_others():
    line = queue.Queue()
    for site_id in range(100):
        line.put_to_clock(waiting(site_id))
    line.put_behind(line.take_for_clock(256), answer_s=8)
    turns: list[list[int]] = []
    for _ in range(40):
        taken = line.take_for_clock(256)
        turns.append([one.site_id for one in taken])
        line.put_behind(taken, answer_s=8)
    assert {site_id for turn in turns for site_id in turn} == set(range(100))
    # once all are known to be long, few go at a time and each as often as the others
    late = turns[8:]
    assert all(len(turn) == queue.LONG_SITES_MAX for turn in late)
    counts = [sum(site_id in turn for turn in late) for site_id in range(100)]
    assert max(counts) - min(counts) <= 1
    line.put_to_clock(waiting(777))
    assert 777 in [one.site_id for one in line.take_for_clock(256)], "one that is due just now need not wait for them"


async def test_thousands_of_sites_due_at_once_are_each_caught_up(pool: asyncpg.Pool):
    clock = VirtualClock()
    first = await make_site(pool, "cafe", ["PC-1"], clock=clock)
    await pool.execute(
        "insert into site (organisation_id, kind, slug, name, time_zone, settings) "
        "select organisation_id, kind, 'many-' || n, name, time_zone, settings from site, generate_series(1, 2000) n "
        "where id = $1",
        first,
    )
    # an alarm that rings for nothing is all that these have
    await pool.execute("update site set wakes_at = $1 where id <> $2", clock() + timedelta(hours=1), first)
    desk = Desk(pool, clock=clock)
    await desk.start()
    clock.advance(hours=2)
    ids = [row["id"] for row in await pool.fetch("select id from site where wakes_at is not null")]
    await asyncio.gather(*(desk.submit(site_id, Tick(), actor="clock") for site_id in ids))
    await desk.stop()
    assert await pool.fetchval("select count(*) from site where wakes_at is not null") == 0
