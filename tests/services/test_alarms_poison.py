"""Rows that the clock cannot process are set aside with a finding; everything else of their site goes on."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from holdfast.domain import policies
from holdfast.domain.bookings.values import Booking
from holdfast.domain.commands import NewUnit, Tick
from holdfast.domain.policies.cafe import Cafe
from holdfast.domain.sites import Site
from holdfast.domain.units import Claim, Unit
from holdfast.services.desk import Desk
from tests.stage import Stage, VirtualClock, make_site

PCS = ["PC-1", "PC-2", "PC-3"]


class Shaky(Cafe):
    """A policy of another package, with a bug for some bookings and some units."""

    kind = "shaky"

    def clock(self, booking: Booking, site: Site) -> tuple[datetime, str] | None:
        if booking.note == "poison" and booking.state == "Active":
            raise ZeroDivisionError("a bug of theirs")
        if booking.note == "endless" and booking.state == "Active":
            return booking.ends_at, "extended"
        return super().clock(booking, site)

    def shown(self, unit: Unit, claims: Iterable[Claim], now: datetime, site: Site) -> Any:
        if unit.attributes.get("colour") == "broken":
            raise ZeroDivisionError("a bug of theirs")
        return super().shown(unit, claims, now, site)


@asynccontextmanager
async def unchecked(pool: asyncpg.Pool, kind: str = "cafe", units: Any = PCS) -> AsyncIterator[Stage]:
    """A stage whose promises somebody is about to break past the desk."""
    clock = VirtualClock()
    site_id = await make_site(pool, kind, units, clock=clock)
    desk = Desk(pool, clock=clock)
    await desk.start()
    stage = Stage(pool, desk, site_id, clock)
    try:
        yield stage
    finally:
        await stage.desk.stop()


async def read_anew(stage: Stage) -> None:
    """Lets another desk go on, that remembers nothing."""
    await stage.desk.stop()
    stage.desk = Desk(stage.pool, clock=stage.clock)
    await stage.desk.start()


async def findings(stage: Stage) -> list[tuple[str, str, str, dict[str, Any]]]:
    rows = await stage.pool.fetch(
        "select rule, subject, state, data from finding where site_id = $1 order by opened_at, id", stage.site_id
    )
    return [(row["rule"], row["subject"], row["state"], json.loads(row["data"])) for row in rows]


async def others_go_on(stage: Stage, others: Iterable[Any]) -> None:
    """The neighbours' sessions have ended with their true instants, and the site takes commands."""
    for other in others:
        assert await stage.state(other["id"]) == "Completed"
        assert (await stage.told(other["id"]))[-1] == ("booking.completed", "10:00")
    made = await stage.book("PC-3", "1 10:00", "1 11:00")
    assert await stage.state(made) == "Booked"


SPOILED_BOOKINGS = {
    "an unknown state": ("update booking set state = 'Zombie' where id = $1", "Zombie"),
    "parts that are none": ("update booking set parts = '{\"x\": 1}' where id = $1", "Expected `array`"),
    "details that are none": ("update booking set details = '[1]' where id = $1", "Expected `object`"),
    "a unit that is not there": ("update booking set unit_ids = '{987654}' where id = $1", "987654"),
    "an infinite alarm": ("update booking set wakes_at = '-infinity' where id = $1", "infinite"),
}


@pytest.mark.parametrize("fresh", [False, True], ids=["remembered", "read anew"])
@pytest.mark.parametrize("spoiled", SPOILED_BOOKINGS)
async def test_a_poisoned_booking_is_set_aside_and_the_others_end(pool: asyncpg.Pool, spoiled: str, fresh: bool):
    statement, says = SPOILED_BOOKINGS[spoiled]
    async with unchecked(pool) as stage:
        one, *others = [await stage.walk_in(pc, "10:00") for pc in PCS]
        await pool.execute(statement, one["id"])
        if fresh:
            await read_anew(stage)
        await stage.tick("10:00")
        await others_go_on(stage, others)
        ((rule, subject, state, data),) = await findings(stage)
        assert (rule, subject, state) == ("poisoned_booking", one["id"], "open")
        assert says in data["error"] and "\n" not in data["error"]
        assert data["reference"] == one["reference"]
        assert await pool.fetchval("select wakes_at from booking where id = $1", one["id"]) is None
        version = await stage.version()
        await stage.tick("1 09:00")
        assert await stage.version() == version, "nothing is told twice"


async def test_a_poisoned_booking_that_is_repaired_is_done_by_the_clock_again(pool: asyncpg.Pool):
    async with unchecked(pool) as stage:
        one = await stage.walk_in("PC-1", "10:00")
        await pool.execute("update booking set state = 'Zombie' where id = $1", one["id"])
        await stage.tick("10:00")
        await pool.execute("update booking set state = 'Active', wakes_at = ends_at where id = $1", one["id"])
        await pool.execute("update site set wakes_at = $1", stage.clock())
        await stage.tick("10:30")
        assert (await stage.told(one["id"]))[-1] == ("booking.completed", "10:00")


async def test_a_unit_whose_row_is_gone_takes_only_its_own_session_with_it(pool: asyncpg.Pool):
    async with unchecked(pool) as stage:
        one, *others = [await stage.walk_in(pc, "10:00") for pc in PCS]
        await pool.execute("delete from unit where code = 'PC-1'")
        await read_anew(stage)
        await stage.tick("10:00")
        await others_go_on(stage, others)
        ((rule, subject, _, data),) = await findings(stage)
        assert (rule, subject) == ("poisoned_booking", one["id"])
        assert data["units"] and data["error"].startswith("KeyError")


async def test_a_unit_that_cannot_be_read_is_set_aside_with_what_is_in_it(pool: asyncpg.Pool):
    async with unchecked(pool) as stage:
        one, *others = [await stage.walk_in(pc, "10:00") for pc in PCS]
        await pool.execute("update unit set attributes = '5' where code = 'PC-1'")
        await read_anew(stage)
        await stage.tick("10:00")
        await others_go_on(stage, others)
        found = {(rule, subject) for rule, subject, _, _ in await findings(stage)}
        unit_id = await pool.fetchval("select id from unit where code = 'PC-1'")
        assert found == {("poisoned_booking", one["id"]), ("poisoned_unit", str(unit_id))}
        assert await pool.fetchval("select wakes_at from unit where id = $1", unit_id) is None


async def test_a_poisoned_block_is_set_aside(pool: asyncpg.Pool):
    async with unchecked(pool) as stage:
        other = await stage.walk_in("PC-2", "10:00")
        block = await stage.block("PC-1", "09:30", "10:00")
        good = await stage.block("PC-3", "09:30", "10:00")
        await pool.execute("update block set unit_ids = unit_ids || 987654::bigint where id = $1", block["id"])
        await stage.tick("10:00")
        await others_go_on(stage, [other])
        assert (await stage.told(good["id"]))[-1] == ("block.removed", "10:00")
        ((rule, subject, state, data),) = await findings(stage)
        assert (rule, subject, state) == ("poisoned_block", block["id"], "open")
        assert data["units"] == ["PC-1", 987654]
        assert await pool.fetchval("select wakes_at from block where id = $1", block["id"]) is None


@pytest.fixture
def shaky(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "_POLICIES", dict(policies._POLICIES))
    policies.register(Shaky())


async def test_an_exception_of_another_packages_policy_sets_aside_one_booking(pool: asyncpg.Pool, shaky: None):
    async with unchecked(pool, "shaky") as stage:
        others = [await stage.walk_in(pc, "10:00") for pc in PCS[1:]]
        one = await stage.walk_in("PC-1", "10:00")
        await pool.execute("update booking set note = 'poison' where id = $1", one["id"])
        await stage.tick("10:00")
        await others_go_on(stage, others)
        ((rule, subject, _, data),) = await findings(stage)
        assert (rule, subject) == ("poisoned_booking", one["id"])
        assert data["error"] == "ZeroDivisionError: a bug of theirs"
        assert data["units"] == ["PC-1"] and data["state"] == "Active"


async def test_a_policy_that_comes_to_no_end_sets_aside_one_booking(pool: asyncpg.Pool, shaky: None):
    async with unchecked(pool, "shaky") as stage:
        others = [await stage.walk_in(pc, "10:00") for pc in PCS[1:]]
        one = await stage.walk_in("PC-1", "10:00")
        await pool.execute("update booking set note = 'endless' where id = $1", one["id"])
        await stage.tick("10:00")
        await others_go_on(stage, others)
        ((rule, subject, _, data),) = await findings(stage)
        assert (rule, subject) == ("poisoned_booking", one["id"]) and "no end" in data["error"]


async def test_a_unit_that_cannot_be_shown_is_set_aside_and_its_session_still_ends(pool: asyncpg.Pool, shaky: None):
    units = [NewUnit(code, "pc") for code in PCS]
    async with unchecked(pool, "shaky", units) as stage:
        sessions = [await stage.walk_in(pc, "10:00") for pc in PCS]
        await pool.execute("update unit set attributes = '{\"colour\": \"broken\"}' where code = 'PC-1'")
        await read_anew(stage)
        await stage.tick("10:00")
        await others_go_on(stage, sessions)
        ((rule, _, state, data),) = await findings(stage)
        assert (rule, state, data["unit"]) == ("poisoned_unit", "open", "PC-1")
        assert await stage.claims("PC-1") == []


async def test_a_start_that_meets_a_claim_written_past_the_desk_is_set_aside(pool: asyncpg.Pool):
    clock = VirtualClock()
    site_id = await make_site(pool, "cafe", PCS, {"auto_start": True}, clock=clock)
    desk = Desk(pool, clock=clock)
    await desk.start()
    stage = Stage(pool, desk, site_id, clock)
    booking = await stage.book("PC-1", "10:00", "11:00")
    other = await stage.book("PC-2", "10:00", "11:00")
    await pool.execute("update claim set holder_id = gen_random_uuid() where holder_id = $1", booking)
    await stage.tick("10:00")
    assert await stage.state(other) == "Active"
    ((rule, subject, _, data),) = await findings(stage)
    assert (rule, subject) == ("poisoned_booking", str(booking)) and "PC-1 is held by" in data["error"]
    await stage.submit(Tick())
    await desk.stop()


async def test_a_sites_own_infinite_alarm_is_put_right_by_a_look(pool: asyncpg.Pool):
    async with unchecked(pool) as stage:
        session = await stage.walk_in("PC-1", "10:00")
        await pool.execute("update site set wakes_at = '-infinity'")
        await stage.tick("09:30")
        assert await pool.fetchval("select wakes_at from site") == stage.clock.at("10:00")
        await stage.tick("10:00")
        assert await stage.state(session["id"]) == "Completed"
