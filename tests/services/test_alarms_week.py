"""After a week in which nothing ran, the journal reads as if somebody had been awake: the real loop on real time."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from holdfast.runtime.alarms import Alarms
from holdfast.services.board import Board
from holdfast.services.desk import Desk
from holdfast.services.journal import Epochs
from holdfast.services.sites import Sites
from tests.runtime.test_alarms import running
from tests.stage import Stage, VirtualClock, check_promises, make_site

FREE = {"grid_minutes": 0, "horizon_days": 0, "length_max_minutes": 0}
HOUR = timedelta(hours=1)


async def until_caught_up(pool: asyncpg.Pool) -> None:
    async with asyncio.timeout(20):
        while await pool.fetchval("select exists (select 1 from site where wakes_at <= clock_timestamp())"):
            await asyncio.sleep(0.02)


async def lines_of(stage: Stage) -> list[Any]:
    return await stage.pool.fetch(
        "select version, at, effective_at, type, subject, cause, data from journal "
        "where site_id = $1 and actor = 'clock' order by version",
        stage.site_id,
    )


class Week:
    """What was made a week ago, by a virtual clock; then everything stood still until now."""

    def __init__(self, pool: asyncpg.Pool, now: datetime) -> None:
        self.pool = pool
        self.now = now
        self.start = (now - timedelta(days=7)).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        self.stages: dict[str, Stage] = {}
        self.ids: dict[str, str] = {}

    async def make(self) -> None:
        clock, start, ids = VirtualClock(self.start), self.start, self.ids
        desk = Desk(self.pool, clock=clock)
        await desk.start()
        cafe_settings = {**FREE, "auto_start": True}
        for kind, units, settings in (("cafe", ["A", "B", "C"], cafe_settings), ("hotel", ["101"], {})):
            site_id = await make_site(self.pool, kind, units, settings, clock=clock)
            self.stages[kind] = Stage(self.pool, desk, site_id, clock)
        cafe, hotel = self.stages["cafe"], self.stages["hotel"]
        ids["hold"] = str(await cafe.book("C", start + HOUR, start + 2 * HOUR, hold_s=600))
        ids["first"] = (await cafe.walk_in("B", start + HOUR))["id"]
        ids["second"] = str(await cafe.book("B", start + HOUR, start + 2 * HOUR))
        ids["third"] = str(await cafe.book("B", start + 2 * HOUR, start + 3 * HOUR))
        ids["session"] = (await cafe.walk_in("A", start + 3.5 * HOUR))["id"]
        ids["block"] = (await cafe.block("A", start + 4 * HOUR, start + 5 * HOUR))["id"]
        ids["coming"] = str(await cafe.book("A", self.now + HOUR / 3, self.now + HOUR))
        ids["stay"] = str(await hotel.book("101", start + timedelta(days=1), start + timedelta(days=2)))
        await desk.stop()

    async def told(self, *types: str) -> list[tuple[str, str, datetime]]:
        """(type and word, name of what it is about, true instant) of the café's lines by the clock."""
        names = {given: name for name, given in self.ids.items()}
        return [
            (json.loads(line["data"]).get("to") or line["type"], names.get(line["subject"], line["subject"]),
             line["effective_at"])
            for line in await lines_of(self.stages["cafe"]) if not types or line["type"] in types
        ]  # fmt: skip


@pytest.fixture
async def week(pool: asyncpg.Pool) -> Week:
    """A week that has just been caught up by a real loop."""
    made = Week(pool, await pool.fetchval("select now()"))
    await made.make()
    awake = Desk(pool)
    await awake.start()
    alarms = Alarms(pool, awake)
    async with running(alarms):
        await until_caught_up(pool)
        assert alarms._ticker.ticks <= 6, "no storm of alarms"
    await awake.stop()
    await check_promises(pool)
    return made


async def test_a_week_without_anybody_is_told_with_its_true_instants_and_causes_first(week: Week):
    start = week.start
    told = await week.told()
    assert [at for _, _, at in told] == sorted(at for _, _, at in told)
    assert [(what, subject, (at - start) / HOUR) for what, subject, at in told if subject not in ("A", "B")] == [
        ("booking.expired", "hold", pytest.approx(1 / 6)),
        ("booking.completed", "first", 1),
        ("booking.started", "second", 1),
        ("booking.completed", "second", 2),
        ("booking.started", "third", 2),
        ("booking.completed", "third", 3),
        ("booking.completed", "session", 3.5),
        ("block.removed", "block", 5),
    ]
    stay = await week.stages["hotel"].told(week.ids["stay"])
    assert stay[-1][0] == "booking.no_show"


async def test_after_a_week_each_unit_has_shown_each_word_from_its_instant_on(week: Week):
    told = await week.told("unit.status_changed")
    start = week.start
    assert [(word, (at - start) / HOUR) for word, unit, at in told if unit == "B"] == [
        ("Reserved", 1), ("Active", 1), ("Reserved", 2), ("Active", 2), ("Available", 3),
    ]  # fmt: skip
    *before, last = [(word, at) for word, unit, at in told if unit == "A"]
    assert [(word, (at - start) / HOUR) for word, at in before] == [
        ("Available", 3.5), ("Under Maintenance", 4), ("Available", 5),
    ]  # fmt: skip
    assert last == ("Reserved", week.now + HOUR / 3 - HOUR / 2)


async def test_after_a_week_the_board_is_right_at_once(week: Week):
    site = await Sites(week.pool).find(str(week.stages["cafe"].site_id))
    board = await Board(week.pool, Epochs(week.pool)).read(site, None, None)
    assert {unit.code: (unit.shown_status, unit.booking and str(unit.booking)) for unit in board.units} == {
        "A": ("Reserved", week.ids["coming"]), "B": ("Available", None), "C": ("Available", None),
    }  # fmt: skip


async def test_a_hold_that_expired_in_between_frees_its_time_for_the_one_who_asks_first(pool: asyncpg.Pool):
    """Even before any loop runs: whoever asks is decided after what time has made true."""
    now: datetime = await pool.fetchval("select now()")
    clock = VirtualClock(now - timedelta(days=7))
    site_id = await make_site(pool, "cafe", ["A"], FREE, clock=clock)
    asleep = Desk(pool, clock=clock)
    await asleep.start()
    start = now + HOUR
    hold = await Stage(pool, asleep, site_id, clock).book("A", start, start + HOUR, hold_s=600)
    await asleep.stop()
    awake = Desk(pool)
    await awake.start()
    made = await Stage(pool, awake, site_id, clock).book("A", start, start + HOUR)
    await awake.stop()
    row = await pool.fetchrow("select * from journal where subject = $1 and type = 'booking.expired'", str(hold))
    assert row["effective_at"] == clock() + timedelta(minutes=10)
    assert row["version"] < await pool.fetchval("select version from booking where id = $1", made)
    await check_promises(pool)
