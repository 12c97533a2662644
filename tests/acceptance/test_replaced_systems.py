"""What the replaced systems really did (bookings.md): each line a test that it does not happen here.

Events that reached only some, and rooms joined without login, are tested with the live stream.
"""

import asyncio
import itertools
from datetime import timedelta

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.desk import Desk
from tests import oracle
from tests.stage import Stage, check_promises, make_site, refused, staged

PCS = ["PC-1", "PC-2"]


async def test_a_session_that_ends_frees_its_pc_whoever_reads_the_list_meanwhile(pool: asyncpg.Pool):
    """A read of the bookings list completed sessions without freeing the PC; it then stayed Active for ever."""
    async with staged(pool, "cafe", PCS) as stage:
        session = await stage.walk_in("PC-1", "10:00")
        stage.clock.set("10:30")
        before = await stage.version()
        await pool.fetch("select * from booking where site_id = $1", stage.site_id)
        assert await stage.version() == before, "reading changes nothing"
        await stage.tick()
        assert await stage.state(session["id"]) == "Completed"
        assert await stage.status("PC-1") == "Available"
        assert await stage.claims("PC-1") == []
        await stage.walk_in("PC-1")


async def test_an_extended_session_runs_to_its_new_end(pool: asyncpg.Pool):
    """Extending a paid session moved its duration but not its end: it was cut off at the old time."""
    async with staged(pool, "cafe", PCS) as stage:
        session = await stage.walk_in("PC-1", "10:00")
        await stage.act(session["id"], "extend", minutes=60)
        assert await stage.claims("PC-1") == [("session", "09:00", "11:00")]
        await stage.tick("10:00")
        assert await stage.status("PC-1") == "Active"
        await stage.tick("10:59")
        assert await stage.status("PC-1") == "Active"
        await stage.tick("11:00")
        assert (await stage.told(session["id"]))[-1] == ("booking.completed", "11:00")


@pytest.mark.parametrize("first_comes_first", [True, False])
async def test_half_hours_that_overlap_are_not_both_sold(pool: asyncpg.Pool, first_comes_first: bool):
    """Overlap by whole hours only: 4:30 to 5:30 and 5:00 to 6:00 both sold."""
    async with staged(pool, "cafe", PCS) as stage:
        spans = [("16:30", "17:30"), ("17:00", "18:00")]
        first, second = spans if first_comes_first else spans[::-1]
        await stage.book("PC-1", *first)
        await refused(stage.book("PC-1", *second), "slot_taken")


async def test_a_booking_across_midnight_is_seen_on_both_days(pool: asyncpg.Pool):
    """Midnight crossing ignored."""
    async with staged(pool, "cafe", PCS) as stage:
        await stage.book("PC-1", "23:30", "1 01:00")
        for span in [("23:00", "1 00:00"), ("1 00:00", "1 00:30"), ("1 00:30", "1 01:30"), ("22:00", "1 02:00")]:
            await refused(stage.book("PC-1", *span), "slot_taken")
        await stage.book("PC-1", "23:00", "23:30")
        await stage.book("PC-1", "1 01:00", "1 02:00")


async def test_an_active_session_counts_as_taken(pool: asyncpg.Pool):
    """Active sessions not counted."""
    async with staged(pool, "cafe", PCS) as stage:
        await stage.walk_in("PC-1", "12:00")
        await refused(stage.book("PC-1", "11:00", "13:00"), "slot_taken")
        await refused(stage.walk_in("PC-1"), "slot_taken")


async def test_what_is_confirmed_is_looked_at_again_when_it_is_confirmed(pool: asyncpg.Pool):
    """Payment turned a pending booking into a booked one without looking again."""
    async with staged(pool, "cafe", PCS) as stage:
        hold = await stage.book("PC-1", "10:00", "11:00", hold_s=300)
        stage.clock.advance(seconds=300)
        await stage.book("PC-1", "10:00", "11:00")
        await refused(stage.act(hold, "confirm"), "wrong_state")  # the payment came too late, and is told so
        assert await stage.claims("PC-1") == [("booking", "10:00", "11:00")]


async def test_a_room_changes_wholly_or_not_at_all(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch):
    """ "Atomic" room updates were three file writes: booking, room and status went apart when one of them failed."""
    from holdfast.store import changes

    async with staged(pool, "hotel", ["101"]) as stage:
        stay = await stage.book("101", "15:00", "1 11:00")
        stage.clock.set("15:00")
        await stage.tick()
        before = await stage.version()
        write_rows = changes._write_rows

        async def after_all_that(*arguments: object, **more: object) -> None:
            await write_rows(*arguments, **more)  # type: ignore[arg-type]
            raise RuntimeError("the last of the writes failed")

        monkeypatch.setattr(changes, "_write_rows", after_all_that)
        with pytest.raises(RuntimeError):
            await stage.act(stay, "check-in")
        monkeypatch.undo()
        assert await stage.version() == before
        assert (await stage.state(stay), await stage.status("101")) == ("Reserved", "RESERVED")
        await check_promises(pool, stage.clock)
        await stage.act(stay, "check-in")


async def test_two_processes_lose_no_acknowledged_booking(pool: asyncpg.Pool):
    """Two processes lost acknowledged bookings."""
    async with staged(pool, "hotel", [f"{n}" for n in range(101, 121)]) as stage:
        other = Desk(pool, clock=stage.clock)
        await other.start()
        try:
            both = itertools.cycle((stage, Stage(pool, other, stage.site_id, stage.clock)))
            asked = [next(both).book(f"{101 + n % 20}", f"{n // 20} 15:00", f"{n // 20 + 1} 11:00") for n in range(200)]
            made = await asyncio.gather(*asked)
            stored = {row["id"] for row in await pool.fetch("select id from booking")}
            assert stored == set(made)
        finally:
            await other.stop()


async def test_a_booking_for_today_blocks_nothing_next_year(pool: asyncpg.Pool):
    """A booking for today blocked the room next year."""
    async with staged(pool, "hotel", ["101"]) as stage:
        await stage.book("101", "15:00", "1 11:00")
        await stage.book("101", "1 15:00", "2 11:00")
        await stage.book("101", "365 15:00", "366 11:00")


async def test_a_pending_and_an_approved_request_never_share_a_slot(pool: asyncpg.Pool):
    """The unique index contained the status: one Pending and one Approved shared a slot."""
    async with staged(pool, "grounds", ["G1"]) as stage:
        approved = await stage.book("G1", "10:00", "11:00")
        await stage.act(approved, "approve")
        await refused(stage.book("G1", "10:00", "11:00"), "slot_taken")
        await stage.act(approved, "revoke")
        await refused(stage.book("G1", "10:00", "11:00"), "slot_taken")
        # nor by what is written past the desk
        with pytest.raises(asyncpg.ExclusionViolationError):
            await pool.execute(
                "insert into claim (site_id, unit_id, holder_id, kind, during) "
                "select site_id, unit_id, gen_random_uuid(), 'booking', during from claim"
            )


@pytest.mark.parametrize("kind", sorted(oracle.TABLES))
async def test_no_state_follows_another_but_by_the_table(pool: asyncpg.Pool, kind: str):
    """Any state could follow any state."""
    acts = {"cafe": "start", "hotel": "check-in", "grounds": "approve"}
    async with staged(pool, kind, ["U1"]) as stage:
        booking = await stage.book("U1", "10:00", "11:00")
        await stage.act(booking, "cancel")
        before = await stage.version()
        for act in (acts[kind], "cancel", "move", "undo"):
            await refused(stage.act(booking, act, start="12:00", override=True, reason="please"), "wrong_state")
        assert await stage.version() == before


@pytest.mark.parametrize("clients", [4, 6, 64])
async def test_of_several_who_ask_at_once_for_one_slot_one_gets_it(pool: asyncpg.Pool, clients: int):
    """Well-known open-source peers sell one slot twice when 4 to 6 clients ask at once."""
    async with staged(pool, "cafe", PCS) as stage:
        for day in range(20):
            asked = [stage.book("PC-1", f"{day} 10:00", f"{day} 11:00") for _ in range(clients)]
            done = await asyncio.gather(*asked, return_exceptions=True)
            assert sum(not isinstance(one, BaseException) for one in done) == 1
            assert {one.code for one in done if isinstance(one, Refusal)} == {"slot_taken"}


async def test_a_status_nobody_corrects_by_hand_is_right_after_a_week_of_nobody_looking(pool: asyncpg.Pool):
    """A PC still "Active" after its session, a room OCCUPIED without a guest: each had a timer that repaired it."""
    async with staged(pool, "cafe", PCS) as stage:
        hotel = await make_site(pool, "hotel", ["101"], clock=stage.clock)
        rooms = Stage(pool, stage.desk, hotel, stage.clock)
        await stage.walk_in("PC-1", "10:00")
        await rooms.book("101", "15:00", "1 11:00")
        stage.clock.now += timedelta(days=7)
        await stage.tick()
        await rooms.tick()
        assert (await stage.status("PC-1"), await rooms.status("101")) == ("Available", "AVAILABLE")
