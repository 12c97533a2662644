"""Blocks, conditions, settings: what takes units out of use, and what gives them back."""

import asyncio

import asyncpg

from holdfast.domain.commands import Act, ChangeSite, ChangeUnit, Together
from holdfast.services.desk import Desk
from tests.stage import check_promises, refused, staged

PCS = ["PC-1", "PC-2"]
ROOMS = ["101", "102"]


async def test_a_block_is_refused_over_bookings_or_lists_them_and_takes_the_rest(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "11:00", "12:00")
        data = await refused(stage.block(PCS, "10:00", "14:00"), "would_hit")
        assert data["holders"] == [str(booking)]
        assert await stage.claims("PC-2") == []
        block = await stage.block(PCS, "10:00", "14:00", allow_conflicts=True)
        assert block["to_replan"] == [str(booking)]
        assert await stage.claims("PC-1") == [
            ("maintenance", "10:00", "11:00"), ("booking", "11:00", "12:00"), ("maintenance", "12:00", "14:00")
        ]  # fmt: skip
        assert await stage.claims("PC-2") == [("maintenance", "10:00", "14:00")]
        await refused(stage.book("PC-2", "13:00", "15:00"), "slot_taken")
        await stage.tick("10:30")
        assert [await stage.status(pc) for pc in PCS] == ["Under Maintenance"] * 2


async def test_a_block_takes_back_the_time_that_a_booking_in_it_gives_free(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        cancelled = await stage.book("PC-1", "11:00", "12:00")
        moved = await stage.book("PC-1", "12:00", "13:00")
        ended = await stage.walk_in("PC-1", "10:30")
        missed = await stage.book("PC-1", "14:30", "15:30")
        block = await stage.block("PC-1", "09:00", "15:00", allow_conflicts=True)
        await stage.act(cancelled, "cancel")
        await stage.act(moved, "move", units="PC-2")
        stage.clock.set("10:00")
        await stage.act(ended["id"], "end")
        await stage.check()
        assert await stage.status("PC-1") == "Under Maintenance"
        # parts of the block that are behind are not taken back
        assert all(claim[0] in ("maintenance", "booking") for claim in await stage.claims("PC-1"))
        await stage.tick("14:50")
        assert await stage.state(missed) == "NoShow"
        assert (await stage.claims("PC-1"))[-1] == ("maintenance", "14:45", "15:00")
        await stage.tick("15:00")
        assert await stage.claims("PC-1") == []
        assert (await stage.told(block["id"]))[-1] == ("block.removed", "15:00")
        assert await stage.status("PC-1") == "Available"


async def test_a_block_in_many_pieces_takes_back_at_once_and_several_at_a_time(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        bookings = [await stage.book("PC-1", f"{n}:00", f"{n}:30") for n in range(10, 18)]
        await stage.block("PC-1", "09:00", "20:00", allow_conflicts=True)
        for booking in bookings[:4]:
            await stage.act(booking, "cancel")
        await stage.do(Together(tuple(Act(booking, "cancel") for booking in bookings[4:])))
        assert {kind for kind, _, _ in await stage.claims("PC-1")} == {"maintenance"}


async def test_time_given_free_in_two_blocks_is_taken_by_one_of_them(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "10:00", "12:00")
        first = await stage.block("PC-1", "09:00", "13:00", allow_conflicts=True)
        await stage.block("PC-1", "11:00", "14:00", kind="event", allow_conflicts=True)
        await stage.act(booking, "cancel")
        await stage.check()
        await stage.block("PC-1", "11:30", "15:00", kind="closed", allow_conflicts=True)
        await stage.unblock(first)
        assert (await stage.claims("PC-1"))[0][1] == "11:00"


async def test_two_blocks_on_a_unit_share_its_time_and_the_second_takes_over_from_the_first(pool: asyncpg.Pool):
    async with staged(pool, "grounds", ["G1"]) as stage:
        first = await stage.block("G1", "10:00", "14:00", kind="event")
        await refused(stage.block("G1", "12:00", "16:00", kind="closed"), "would_hit")
        await stage.block("G1", "12:00", "16:00", kind="closed", allow_conflicts=True)
        await stage.check()
        await stage.unblock(first)
        assert await stage.claims("G1") == [("closed", "12:00", "14:00"), ("closed", "14:00", "16:00")]
        await stage.tick("13:00")
        assert await stage.status("G1") == "Blocked"


async def test_a_block_that_ends_leaves_its_return_condition(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS, {"show_clean": True}) as stage:
        await stage.block("101", "10:00", "1 10:00", kind="out_of_service", return_condition="dirty")
        early = await stage.block("102", "09:00", "1 10:00", return_condition="clean")
        await stage.tick("10:00")
        assert [await stage.status(room) for room in ROOMS] == ["OUT_OF_SERVICE", "MAINTENANCE"]
        await stage.unblock(early)
        await refused(stage.unblock(early), "unknown_block")
        assert await stage.status("102") == "CLEAN"
        await stage.tick("2 00:00")
        assert await stage.status("101") == "DIRTY"
        assert (await stage.told("101"))[-1] == ("unit.status_changed", "1 10:00")
        await refused(stage.block("101", "1 10:00", "1 12:00"), "in_the_past")
        await refused(stage.block("101", "3 10:00", "3 12:00", return_condition="sparkling"), "invalid_request")


async def test_conditions_show_at_once_and_the_booked_status_comes_first_again_when_they_are_lifted(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "09:30", "10:30")
        assert await stage.status("PC-1") == "Reserved"
        await stage.condition("PC-1", "under_maintenance")
        assert await stage.status("PC-1") == "Under Maintenance"
        await refused(stage.act(booking, "start"), "not_serviceable")
        await refused(stage.walk_in("PC-1"), "not_bookable")
        await refused(stage.condition("PC-1", "under_maintenance"), "nothing_to_change")
        await refused(stage.do(ChangeUnit("PC-1", condition=None, if_version=1)), "version_mismatch")
        await stage.condition("PC-1", None)
        assert await stage.status("PC-1") == "Reserved"
        await refused(stage.condition("PC-9", "clean"), "unknown_unit")
        stage.clock.set("09:30")
        await stage.act(booking, "start")
        await refused(stage.condition("PC-1", "out_of_service"), "unit_occupied")


async def test_a_room_out_of_service_with_an_arrival_is_given_to_nobody(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        stay = await stage.book("101", "15:00", "1 11:00")
        await stage.condition("101", "out_of_service")
        assert await stage.status("101") == "OUT_OF_SERVICE"
        stage.clock.set("15:00")
        await refused(stage.act(stay, "check-in"), "not_serviceable")
        await stage.act(stay, "move", units="102")
        await stage.act(stay, "check-in")
        assert await stage.status("102") == "OCCUPIED"


async def test_a_guest_may_not_check_into_an_occupied_room_or_on_another_day(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        first = await stage.book("101", "15:00", "1 11:00")
        second = await stage.book("101", "1 15:00", "2 11:00")
        stage.clock.set("15:00")
        await stage.act(first, "check-in")
        await refused(stage.act(second, "check-in"), "unit_occupied")
        stage.clock.set("1 15:00")  # the first has not left
        await refused(stage.act(second, "check-in"), "unit_occupied")
        await stage.act(second, "move", units="102")
        assert await stage.status("102") == "RESERVED"
        third = await stage.book("102", "2 15:00", "3 11:00")
        await stage.act(second, "cancel")
        await refused(stage.act(third, "check-in"), "wrong_day")
        await stage.act(third, "check-in", override=True, reason="came early")
        assert await stage.claims("102") == [("session", "1 15:00", "3 11:00")]


async def test_changed_settings_change_at_once_what_is_shown(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        await stage.book("101", "20 15:00", "22 11:00")
        assert await stage.status("101") == "AVAILABLE"
        other = Desk(pool, clock=stage.clock)  # one that knows nothing yet
        await other.start()
        await other.submit(stage.site_id, ChangeSite(settings={"look_ahead": "any"}), actor="test")
        await other.stop()
        await stage.tick()
        assert await stage.status("101") == "RESERVED"
        await stage.check()
        await stage.do(ChangeSite(settings={"look_ahead": 1440}))
        assert await stage.status("101") == "AVAILABLE"
        await stage.check()
        await stage.tick("19 15:00")
        assert await stage.status("101") == "RESERVED"


async def test_changed_settings_change_what_the_clock_will_do(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS, {"no_show_grace_minutes": 60}) as stage:
        booking = await stage.book("PC-1", "10:00", "12:00")
        await stage.do(ChangeSite(settings={"no_show_grace_minutes": 5}))
        await stage.check()
        other = await stage.book("PC-2", "10:00", "12:00")
        await stage.tick("10:05")
        assert [await stage.state(booking), await stage.state(other)] == ["NoShow", "NoShow"]
        third = await stage.book("PC-1", "11:00", "12:00")
        await stage.do(ChangeSite(settings={"no_show_grace_minutes": 45}))
        await stage.tick("11:10")
        assert await stage.state(third) == "Booked"
        wakes_at = await pool.fetchval("select wakes_at from site where id = $1", stage.site_id)
        assert wakes_at > stage.clock(), "an alarm that stays due would ring for ever"


async def test_what_is_booked_beside_a_change_of_settings_goes_by_them_too(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS, {"no_show_grace_minutes": 60}) as stage:
        change = stage.do(ChangeSite(settings={"no_show_grace_minutes": 5}))
        before, _, after = await asyncio.gather(
            stage.book("PC-1", "10:00", "12:00"), change, stage.book("PC-2", "10:00", "12:00")
        )
        await check_promises(pool, stage.clock)
        await stage.tick("10:05")
        assert [await stage.state(before), await stage.state(after)] == ["NoShow", "NoShow"]


async def test_a_changed_time_zone_moves_the_hotels_day(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS, zone="UTC") as stage:
        booking = await stage.book("101", "15:00", "2 11:00")
        await stage.do(ChangeSite(time_zone="Asia/Kolkata"))
        await stage.check()
        await stage.tick("1 00:30")
        assert await stage.told(booking) == [("booking.created", "09:00"), ("booking.no_show", "1 00:30")]
