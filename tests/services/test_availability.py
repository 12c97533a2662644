"""What is said to be free is what the desk would sell: every answer is asked again of the desk itself, cell by cell."""

import random
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from holdfast.domain.commands import Book, Check
from holdfast.domain.errors import Refusal
from holdfast.services.availability import Asked, FreeTimes, free_times
from holdfast.services.free_stays import free_slots, free_stays
from holdfast.store import sql
from tests.stage import MONDAY, Stage, refused, site_of, staged

PCS = [f"PC-{number}" for number in range(6)]
HOURS = {day: [["08:00", "12:00"], ["13:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


async def ask(stage: Stage, **more: Any) -> FreeTimes:
    for name in ("start", "end"):
        if isinstance(more.get(name), str):
            more[name] = stage.clock.at(more[name]).isoformat()
        elif isinstance(more.get(name), datetime):
            more[name] = more[name].isoformat()
    return await free_times(stage.pool, await site_of(stage), Asked(**more), clock=stage.clock)


def spoken(found: FreeTimes) -> dict[str, list[tuple[str, str]]]:
    return {unit.code: [(f"{one.start:%H:%M}", f"{one.end:%H:%M}") for one in unit.free] for unit in found.units}


async def would_sell(stage: Stage, unit: str, start: datetime, end: datetime) -> bool:
    try:
        await stage.do(Check(Book(uuid4(), start, end, units=(unit,))))
    except Refusal:
        return False
    return True


async def disturb(stage: Stage, rng: random.Random, units: list[str]) -> None:
    """Random bookings, holds, blocks and conditions, whatever of it the desk accepts."""
    for _ in range(30):
        unit, start = rng.choice(units), stage.clock.day + timedelta(minutes=30 * rng.randrange(18, 56))
        end = start + timedelta(minutes=30 * rng.randrange(1, 7))
        try:
            match rng.randrange(8):
                case 0:
                    await stage.block(unit, start, end)  # type: ignore[arg-type]
                case 1:
                    await stage.condition(unit, rng.choice([None, None, "dirty", "under_maintenance"]))
                case 2:
                    await stage.book(unit, start, end, hold_s=rng.choice([60, 1800]))
                case _:
                    await stage.book(unit, start, end)
        except Refusal:
            pass


@pytest.mark.parametrize("seed", range(8))
async def test_what_is_said_to_be_free_is_what_the_desk_sells(pool: asyncpg.Pool, seed: int) -> None:
    rng = random.Random(seed)
    settings = {
        "grid_minutes": 30,
        "buffer_minutes": rng.choice([0, 0, 10, 30]),
        "hours": rng.choice([{}, HOURS]),
        "notice_minutes": rng.choice([0, 45]),
        "length_min_minutes": rng.choice([0, 60]),
    }
    async with staged(pool, "cafe", PCS, settings, zone=rng.choice(["UTC", "Asia/Kolkata"])) as stage:
        await disturb(stage, rng, PCS)
        stage.clock.advance(minutes=rng.choice([0, 5, 70]))
        start = stage.clock.day + timedelta(minutes=15 * rng.randrange(30, 44))
        end = start + timedelta(minutes=15 * rng.randrange(20, 60))
        minutes = rng.choice([30, 60, 90])
        length = timedelta(minutes=max(minutes, settings["length_min_minutes"]))
        found = await ask(stage, start=start, end=end, length=minutes)
        by_name = await ask(stage, start=start, end=end, length=minutes, units=tuple(PCS))
        assert by_name.units == found.units
        spans = {unit.code: unit.free for unit in found.units}
        for unit in PCS:
            begins = start + timedelta(minutes=-start.minute % 30)
            while begins + length <= end:
                told = any(one.start <= begins and begins + length <= one.end for one in spans.get(unit, ()))
                assert told == await would_sell(stage, unit, begins, begins + length), (unit, begins, length)
                begins += timedelta(minutes=30)


@pytest.mark.parametrize("seed", range(4))
async def test_the_question_for_all_units_and_the_question_for_gaps_agree(pool: asyncpg.Pool, seed: int) -> None:
    rng = random.Random(seed)
    async with staged(pool, "cafe", PCS, {"buffer_minutes": rng.choice([0, 15])}) as stage:
        await disturb(stage, rng, PCS)
        for hour in range(10, 24):
            start = stage.clock.at(f"{hour}:00")
            whole = await ask(stage, start=start, end=start + timedelta(hours=2), length=120)
            gaps = await ask(stage, start=start, end=start + timedelta(hours=2), length=30)
            throughout = [unit.code for unit in gaps.units if len(unit.free) == 1 and unit.free == whole.sold]
            assert [unit.code for unit in whole.units] == throughout
            assert whole.free == len(throughout) == gaps.free
            assert whole.among == len(PCS)
        await stage.tick()


async def test_lapsed_holds_are_free_and_units_under_maintenance_are_not(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS[:3]) as stage:
        await stage.book("PC-0", "12:00", "14:00", hold_s=60)
        await stage.condition("PC-1", "under_maintenance")
        before = await ask(stage, start="12:00", end="14:00", length=120)
        assert (before.free, before.among, list(spoken(before))) == (1, 3, ["PC-2"])
        stage.clock.advance(seconds=60)
        after = await ask(stage, start="12:00", end="14:00", length=120)
        assert (after.free, list(spoken(after))) == (2, ["PC-0", "PC-2"])


async def test_the_past_and_closed_hours_are_never_free(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS[:1], {"hours": HOURS}) as stage:
        found = await ask(stage, start="07:00", end="23:00")
        assert spoken(found) == {"PC-0": [("09:00", "12:00"), ("13:00", "20:00")]}
        nothing = await ask(stage, start="06:00", end="08:30")
        assert (nothing.free, nothing.among, nothing.units, nothing.sold) == (0, 1, [], ())
        stage.clock.set("10:05")
        assert spoken(await ask(stage, start="07:00", end="11:30")) == {"PC-0": [("10:00", "11:30")]}


async def test_pages_of_free_units_are_complete_and_without_repetition(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        await stage.book("PC-2", "12:00", "13:00")
        for length, free in ((120, 5), (60, 6)):
            codes: list[str] = []
            cursor = None
            for _ in range(10):
                page = await ask(stage, start="12:00", end="14:00", length=length, limit=2, cursor=cursor)
                codes += [unit.code for unit in page.units]
                cursor = page.next
                if cursor is None:
                    break
            assert codes == sorted(set(codes))
            assert len(codes) == free
        await refused(ask(stage, start="12:00", end="14:00", cursor="bm9uc2Vuc2U"), "invalid_cursor")


async def test_questions_that_cannot_be_answered_are_refused(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        await refused(ask(stage, start="12:00", end="11:00"), "invalid_time")
        await refused(ask(stage, start="12:00", end="120 12:00"), "too_long")
        await refused(ask(stage, category="nonsense"), "unknown_category")
        await refused(ask(stage, units=("PC-0", "PC-77")), "unknown_unit")
        await refused(ask(stage, length=0), "invalid_request")


@pytest.mark.parametrize("seed", range(4))
async def test_rooms_said_to_be_free_are_what_the_desk_sells(pool: asyncpg.Pool, seed: int) -> None:
    rng = random.Random(seed)
    rooms = [f"{number}" for number in range(101, 106)]
    async with staged(pool, "hotel", rooms, {"buffer_minutes": rng.choice([0, 60])}, zone="Europe/Berlin") as stage:
        for _ in range(14):
            day, count = rng.randrange(0, 12), rng.randrange(1, 4)
            with suppress(Refusal):
                await stage.book(rng.choice(rooms), f"{day} 14:00", f"{day + count} 10:00")
        await stage.condition("103", "out_of_service")
        site = await site_of(stage)
        first, last = date(2026, 3, 3), date(2026, 3, 13)
        stay = Asked(first.isoformat(), last.isoformat(), length=3)
        found = await free_stays(pool, site, stay, clock=stage.clock)
        for night in found.nights:
            begins, ends = _stay(night.date, 1)
            free = [room for room in rooms if await would_sell(stage, room, begins, ends)]
            assert night.categories == {"standard": {"free": len(free), "of": len(rooms) - 1}}
        spans = {unit.code: unit.free for unit in found.units}
        for room in rooms:
            for offset in range((last - first).days - 2):
                begins, ends = _stay(first + timedelta(days=offset), 3)
                told = any(one.start <= begins and ends <= one.end for one in spans.get(room, ()))
                assert told == await would_sell(stage, room, begins, ends), (room, begins)
        for count in (1, 2, 4):
            arrival = first + timedelta(days=rng.randrange(5))
            asked = Asked(arrival.isoformat(), (arrival + timedelta(days=count)).isoformat())
            whole = await free_stays(pool, site, asked, clock=stage.clock)
            expected = [room for room in rooms if await would_sell(stage, room, *_stay(arrival, count))]
            assert [unit.code for unit in whole.units] == expected


def _stay(arrival: date, count: int) -> tuple[datetime, datetime]:
    """15:00 to 11:00 in Berlin before summer time."""
    start = MONDAY.replace(hour=14, minute=0) + (arrival - MONDAY.date())
    return start, start.replace(hour=10) + timedelta(days=count)


async def test_slots_have_the_status_of_each_ground(pool: asyncpg.Pool) -> None:
    async with staged(pool, "grounds", ["G1", "G2"]) as stage:
        asked_for = await stage.book("G1", "10:00", "11:00")
        approved = await stage.book("G1", "12:00", "13:00")
        await stage.act(approved, "approve")
        await stage.block("G2", "10:30", "11:00", kind="event")
        found = await free_slots(pool, await site_of(stage), Asked(date="2026-03-02"), clock=stage.clock)
        told = {line.slot: [(one.status, one.bookable) for one in line.units] for line in found.slots}
        assert len(found.slots) == 11
        assert told["8-9 AM"] == [("Vacant", False), ("Vacant", False)]
        assert told["9-10 AM"] == [("Vacant", True), ("Vacant", True)]
        assert told["10-11 AM"] == [("Pending", False), ("Blocked", False)]
        assert told["12-1 PM"] == [("Booked", False), ("Vacant", True)]
        for line in found.slots:
            assert line.free == sum(one.bookable for one in line.units)
            for one in line.units:
                assert one.bookable == await would_sell(stage, one.unit, line.start, line.end)
        await stage.act(asked_for, "reject", reason="closed")
        one_slot = Asked(date="2026-03-02", slot="10-11 AM", units=("G1",))
        again = await free_slots(pool, await site_of(stage), one_slot, clock=stage.clock)
        assert [(line.slot, line.free) for line in again.slots] == [("10-11 AM", 1)]
        nonsense = Asked(date="2026-03-02", slot="x")
        await refused(free_slots(pool, await site_of(stage), nonsense, clock=stage.clock), "unknown_slot")


async def test_no_question_about_free_time_reads_the_table_of_claims(pool: asyncpg.Pool) -> None:
    """On a large table, analysed or fresh, as a generic plan or one for these values: index ranges, and no scan."""
    queries = sql.load("availability")
    start = MONDAY + timedelta(days=5)
    arguments: dict[str, tuple[Any, ...]] = {
        "free_units": (1, start, start + timedelta(hours=2), MONDAY, None, "", 100),
        "claims_of_units": (1, list(range(1, 101)), start, start + timedelta(hours=2), MONDAY),
        "nights_by_category": (1, [start], [start + timedelta(days=1)], start, start + timedelta(days=1), MONDAY, None),
    }
    async with pool.acquire() as connection:
        await connection.execute(
            "insert into claim (site_id, unit_id, holder_id, kind, during) "
            "select 1 + u % 2, u, gen_random_uuid(), 'booking', "
            "tstzrange(s, s + case when u % 50 = 0 then interval '9 hours' else interval '2 hours' end) "
            "from generate_series(1, 2000) u, lateral (select timestamptz '2026-03-02' + k * interval '12 hours' "
            "+ u % 20 * interval '30 minutes' as s from generate_series(0, 39) k) starts"
        )
        for prepare in ("select 1", "analyze claim", "set plan_cache_mode = force_generic_plan"):
            await connection.execute(prepare)
            for name, values in arguments.items():
                plan = "\n".join(row[0] for row in await connection.fetch(f"explain {queries[name]}", *values))
                assert "Seq Scan on claim" not in plan, plan
                wanted = "claims_never_overlap" if name == "claims_of_units" else "claim_short_by_start"
                assert wanted in plan, plan
