"""The clock's part: caught up with true instants after any sleep, alarms that may be early but never late."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from holdfast.services import catching_up
from holdfast.services.desk import Desk
from tests.stage import Stage, check_promises, refused, staged

PCS = ["PC-1", "PC-2"]
NEW_YORK = ZoneInfo("America/New_York")


async def test_what_happened_during_a_long_sleep_is_told_with_its_true_instants_in_order(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        hold = await stage.book("PC-2", "1 10:00", "1 11:00", hold_s=600)
        session = await stage.walk_in("PC-1", "10:00")
        missed = await stage.book("PC-1", "10:30", "11:30")
        block = await stage.block("PC-2", "12:00", "13:00")
        coming = await stage.book("PC-1", "14 12:00", "14 13:00")
        await stage.tick("14 11:45")
        told = await pool.fetch(
            "select type, subject, effective_at, at from journal where site_id = $1 and actor = 'clock' "
            "order by version",
            stage.site_id,
        )
        assert {row["at"] for row in told} == {stage.clock()}
        assert [(row["type"], row["subject"], stage._spoken(row["effective_at"])) for row in told] == [
            ("booking.expired", str(hold), "09:10"),
            ("booking.completed", session["id"], "10:00"),
            ("unit.status_changed", "PC-1", "10:00"),  # straight to Reserved: the next one is near
            ("booking.no_show", str(missed), "10:45"),
            ("unit.status_changed", "PC-1", "10:45"),
            ("unit.status_changed", "PC-2", "12:00"),
            ("block.removed", block["id"], "13:00"),
            ("unit.status_changed", "PC-2", "13:00"),
            ("unit.status_changed", "PC-1", "14 11:30"),
        ]
        assert await stage.status("PC-1") == "Reserved"
        assert await stage.state(coming) == "Booked"


async def test_a_sleep_of_years_with_a_claim_beyond_what_is_loaded_ends_in_the_right_word(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ["101"]) as stage:
        for day in (1, 40, 41, 300):
            await stage.book("101", f"{day} 15:00", f"{day + 1} 11:00")
        await stage.check()
        for time in ("1 05:59", "1 06:00", "2 05:59", "2 06:00", "39 12:00", "40 07:00", "41 06:00", "299 00:00"):
            await stage.tick(time)
            await check_promises(pool, stage.clock)
        await stage.tick("300 06:00")
        assert await stage.status("101") == "RESERVED"
        told = [at for kind, at in await stage.told("101") if kind == "unit.status_changed"]
        assert told == ["1 06:00", "2 06:00", "40 06:00", "42 06:00", "300 06:00"]


async def test_catching_up_in_many_small_transactions_comes_to_the_same(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(catching_up, "DUE_MAX", 2)
    async with staged(pool, "cafe", [f"PC-{n}" for n in range(7)]) as stage:
        for n in range(7):
            await stage.book(f"PC-{n}", "10:00", "11:00", hold_s=60 * (n + 1))
            await stage.block(f"PC-{n}", f"{12 + n}:00", f"{13 + n}:00")
        stage.clock.set("1 00:00")
        made = await stage.book("PC-1", "1 10:00", "1 11:00")
        assert await stage.state(made) == "Booked"
        told = await pool.fetch(
            "select effective_at from journal where site_id = $1 and actor = 'clock' order by version", stage.site_id
        )
        instants = [row["effective_at"] for row in told]
        assert len(instants) == 7 + 3 * 7
        assert instants == sorted(instants)


async def test_commands_that_come_while_the_clock_is_behind_are_decided_after_it(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        session = await stage.walk_in("PC-1", "10:00")
        stage.clock.set("10:00")
        await refused(stage.act(session["id"], "extend", minutes=30), "wrong_state")
        other = await stage.walk_in("PC-1")
        assert other["from"][11:16] == "10:00"


async def test_a_session_starts_by_itself_where_the_site_says_so(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS, {"auto_start": True}) as stage:
        booking = await stage.book("PC-1", "10:00", "11:00")
        await stage.tick("10:30")
        assert await stage.state(booking) == "Active"
        await stage.tick("12:00")
        assert [at for _, at in await stage.told(booking)] == ["09:00", "10:00", "11:00"]


async def test_an_alarm_may_be_early_but_never_late_after_every_command(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS, {"look_ahead": 120}) as stage:

        async def then(**more: float) -> None:
            await check_promises(pool, stage.clock)
            stage.clock.advance(**more)
            await stage.tick()
            await check_promises(pool, stage.clock)

        hold = await stage.book("PC-1", "15:00", "16:00", hold_s=1200)
        await then(minutes=5)
        await stage.act(hold, "confirm")
        await then(minutes=1)
        booking = await stage.book("PC-2", "12:00", "13:00")
        await then(minutes=1)
        await stage.act(booking, "move", start="11:00")
        await then(minutes=1)
        await stage.act(booking, "move", start="1 11:00")
        await then(hours=1)
        await stage.act(booking, "cancel")
        await then(hours=3)
        block = await stage.block("PC-2", "18:00", "19:00")
        await then(minutes=10)
        await stage.unblock(block)
        await then(days=2)
        walk = await stage.walk_in(["PC-1", "PC-2"])
        await then(minutes=10)
        await stage.act(walk["id"], "extend", minutes=-60)
        await then(minutes=10)
        await stage.act(walk["id"], "end")
        await then(days=30)


async def test_an_alarm_that_another_process_has_moved_is_not_remembered(pool: asyncpg.Pool):
    """A tick that only moves alarms writes no journal line, so no version tells the other process of it."""
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        other = Desk(pool, clock=stage.clock)
        await other.start()
        elsewhere = Stage(pool, other, stage.site_id, stage.clock)
        try:
            booking = await stage.book("PC-1", "12:00", "13:00")  # both know PC-1 with an alarm at 11:30
            await stage.act(booking, "move", start="20:00")
            await stage.book("PC-1", "22:00", "23:00")
            stage.clock.set("11:40")
            await elsewhere.tick()
            await stage.book("PC-1", "16:00", "17:00")
            await check_promises(pool, stage.clock)
            await stage.tick("15:40")
            assert await stage.status("PC-1") == "Reserved"
        finally:
            await other.stop()


async def test_two_desks_that_tick_at_once_tell_each_change_once(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        other = Desk(pool, clock=stage.clock)
        await other.start()
        try:
            sessions = [await stage.walk_in(pc, "10:00") for pc in PCS]
            stage.clock.set("11:00")
            elsewhere = Stage(pool, other, stage.site_id, stage.clock)
            await asyncio.gather(*(who.tick() for who in (stage, elsewhere) * 10))
            for session in sessions:
                assert [at for _, at in await stage.told(session["id"])] == ["09:00", "10:00"]
        finally:
            await other.stop()


async def test_listeners_hear_every_event_once_and_in_order(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        heard: list[int] = []
        stage.desk.heard.append(lambda events: heard.extend(event.version for _, event in events))
        start = await stage.version()
        await asyncio.gather(
            *(stage.book("PC-1", f"{n} 10:00", f"{n} 11:00") for n in range(1, 60)),
            *(refused(stage.book("PC-2", f"{n} 08:00", f"{n} 08:00"), "invalid_time") for n in range(20)),
        )
        await stage.tick(stage.clock() + timedelta(days=7))
        assert heard == list(range(start + 1, await stage.version() + 1))


async def test_one_night_over_a_change_of_clocks_is_one_night(pool: asyncpg.Pool):
    start = datetime(2026, 3, 7, 15, 0, tzinfo=NEW_YORK)
    async with staged(pool, "hotel", ["101"], zone="America/New_York", start=start - timedelta(hours=2)) as stage:
        stay = await stage.book("101", start, datetime(2026, 3, 8, 11, 0, tzinfo=NEW_YORK))
        stage.clock.now = datetime(2026, 3, 8, 12, 0, tzinfo=NEW_YORK)
        await stage.tick()
        told = await pool.fetchval(
            "select effective_at from journal where subject = $1 and type = 'booking.no_show'", str(stay)
        )
        assert told.astimezone(NEW_YORK).isoformat() == "2026-03-08T06:00:00-04:00"
