"""What may be done with a booking, through the desk, on a real database. `staged` checks every promise at the end."""

import asyncio
import json
from uuid import UUID, uuid4

import asyncpg

from holdfast.domain.bookings.values import Customer
from holdfast.domain.commands import Act, Book, Check, NewUnit, Together
from holdfast.domain.errors import Refusal
from tests.stage import refused, staged

PCS = ["PC-1", "PC-2", "PC-3"]
ROOMS = ["101", "102", "103"]


async def test_a_booking_claims_its_unit_and_shows_when_it_is_near(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "10:00", "11:00")
        assert await stage.claims("PC-1") == [("booking", "10:00", "11:00")]
        await stage.tick("09:29")
        assert await stage.status("PC-1") == "Available"
        await stage.tick("09:31")
        assert await stage.status("PC-1") == "Reserved"
        assert await stage.told("PC-1") == [("unit.created", "09:00"), ("unit.status_changed", "09:30")]
        assert await stage.told(booking) == [("booking.created", "09:00")]


async def test_a_taken_slot_is_refused_with_what_is_in_the_way_and_what_is_free_instead(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        await stage.book("PC-1", "10:00", "11:00")
        version = await stage.version()
        data = await refused(stage.book("PC-1", "10:30", "11:30"), "slot_taken")
        assert [(one["unit"], f"{one['from']:%H:%M}", f"{one['to']:%H:%M}") for one in data["blocking"]] == [
            ("PC-1", "10:00", "11:00")
        ]
        assert {one["unit"] for one in data["alternatives"]} == set(PCS)
        for offer in data["alternatives"]:
            await stage.do(Check(stage.wish(offer["unit"], offer["from"], offer["to"])))
        assert await stage.version() == version
        await stage.book("PC-1", "11:00", "12:00")


async def test_a_hold_expires_at_its_instant_and_never_blocks_a_booking_even_if_no_loop_runs(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        hold = await stage.book("PC-1", "10:00", "11:00", hold_s=90)
        await refused(stage.book("PC-1", "10:00", "11:00"), "slot_taken")
        stage.clock.advance(seconds=90)
        await stage.book("PC-1", "10:00", "11:00")
        assert await stage.state(hold) == "Cancelled"
        assert await stage.told(hold) == [("booking.created", "09:00"), ("booking.expired", "09:01:30")]
        await refused(stage.act(hold, "confirm"), "wrong_state")


async def test_a_confirmed_hold_is_a_booking_that_no_longer_expires(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        hold = await stage.book("101", "15:00", "1 11:00", hold_s=60)
        assert (await stage.act(hold, "confirm"))["expires_at"] is None
        await stage.tick("20:00")
        assert await stage.state(hold) == "Reserved"
        assert await stage.claims("101") == [("booking", "15:00", "1 11:00")]
        await refused(stage.book("102", "15:00", "1 11:00", hold_s=10_000), "invalid_request")
    async with staged(pool, "grounds", ["G1"]) as stage:
        await refused(stage.book("G1", "10:00", "11:00", hold_s=60), "hold_not_supported")


async def test_a_walk_in_starts_now_and_runs_to_the_next_claim(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS, {"walk_in_hours_max": 6}) as stage:
        await stage.book("PC-1", "11:00", "12:00")
        stage.clock.set("09:07")
        first, second = await stage.walk_in("PC-1"), await stage.walk_in("PC-2")
        assert (first["state"], first["from"][11:16], first["to"][11:16]) == ("Active", "09:07", "11:00")
        assert second["to"][11:16] == "15:07"
        assert await stage.status("PC-1") == "Active"
        await refused(stage.walk_in("PC-1"), "slot_taken")
        # of a category: the unit that stays free longest
        assert (await stage.do(Book(uuid4(), stage.clock(), None, category="standard", walk_in=True)))["units"] == [
            "PC-3"
        ]
        stage.clock.set("10:00")
        assert (await stage.act(first["id"], "end"))["state"] == "Completed"
        assert await stage.claims("PC-1") == [("booking", "11:00", "12:00")]


async def test_extend_moves_the_end_or_names_what_is_in_the_way(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "09:00", "10:00")
        await stage.book("PC-1", "11:00", "12:00")
        await stage.act(booking, "start")
        assert (await stage.act(booking, "extend", minutes=60))["to"][11:16] == "11:00"
        data = await refused(stage.act(booking, "extend", minutes=30), "slot_taken")
        assert [f"{one['from']:%H:%M}" for one in data["blocking"]] == ["11:00"]
        await refused(stage.act(booking, "extend", end="11:00"), "nothing_to_change")
        await refused(stage.act(booking, "extend", end="08:00"), "invalid_time")
        await stage.tick("10:30")
        assert await stage.state(booking) == "Active"
        assert (await stage.act(booking, "extend", end="10:45"))["to"][11:16] == "10:45"
        await stage.tick("10:45")
        assert await stage.state(booking) == "Completed"


async def test_move_changes_time_and_units_and_a_running_session_keeps_its_start(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "10:00", "11:00")
        await stage.book("PC-2", "12:00", "13:00")
        await refused(stage.act(booking, "move", units="PC-2", start="12:00"), "slot_taken")
        moved = await stage.act(booking, "move", units="PC-2", start="11:00")
        assert (moved["units"], moved["from"][11:16], moved["to"][11:16]) == (["PC-2"], "11:00", "12:00")
        assert await stage.claims("PC-1") == []
        await refused(stage.act(booking, "move", start="11:00"), "nothing_to_change")
        stage.clock.set("11:00")
        await stage.act(booking, "start")
        stage.clock.set("11:20")
        moved = await stage.act(booking, "move", units="PC-3")
        assert [(part["unit"], part["from"][11:16], part["to"][11:16]) for part in moved["parts"]] == [
            ("PC-2", "11:00", "11:20"), ("PC-3", "11:20", "12:00")
        ]  # fmt: skip
        assert [await stage.status(pc) for pc in PCS] == ["Available", "Available", "Active"]
        await stage.check()
        stage.clock.set("11:30")
        await stage.act(booking, "move", units="PC-2")
        await stage.act(booking, "extend", minutes=-15)
        await stage.tick("11:45")
        assert (await stage.told(booking))[-1] == ("booking.completed", "11:45")


async def test_a_guest_who_overstays_extends_before_changing_rooms(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        first, second = await stage.book("101", "15:00", "1 11:00"), await stage.book("102", "15:00", "2 11:00")
        stage.clock.set("15:00")
        for stay in (first, second):
            await stage.act(stay, "check-in")
        stage.clock.set("1 12:00")
        await refused(stage.act(first, "move", units="103"), "in_the_past")
        await refused(stage.act(first, "swap", other_id=second), "in_the_past")
        await stage.act(first, "extend", end="2 11:00")
        await stage.act(first, "move", units="103")


async def test_swapped_bookings_exchange_units_and_keep_their_times(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        first = await stage.book("101", "15:00", "2 11:00")
        second = await stage.book("102", "15:00", "3 11:00")
        third = await stage.book("101", "2 15:00", "3 11:00")
        await refused(stage.act(first, "swap", other_id=second), "slot_taken")
        await stage.act(third, "cancel")
        assert (await stage.act(first, "swap", other_id=second))["units"] == ["102"]
        assert await stage.claims("101") == [("booking", "15:00", "3 11:00")]
        assert await stage.claims("102") == [("booking", "15:00", "2 11:00")]
        stage.clock.set("16:00")
        await stage.act(first, "check-in")
        await stage.act(second, "check-in")
        await stage.check()
        stage.clock.set("20:00")
        await stage.act(first, "swap", other_id=second)
        assert await stage.claims("101") == [("session", "20:00", "2 11:00")]
        await refused(stage.act(first, "swap", other_id=uuid4()), "unknown_booking")


async def test_a_split_stay_moves_on_by_the_clock_from_one_room_to_the_next(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        stay = await stage.book("101", "15:00", "3 11:00")
        await stage.book("102", "15:00", "1 11:00")
        split = await stage.act(stay, "split", start="1 12:00", units="102")
        assert split["units"] == ["101", "102"]
        assert await stage.claims("101") == [("booking", "15:00", "1 12:00")]
        await stage.act(stay, "split", start="2 12:00", units="103")
        stage.clock.set("15:00")
        await stage.act(stay, "check-in")
        assert [await stage.status(room) for room in ROOMS] == ["OCCUPIED", "RESERVED", "AVAILABLE"]
        await stage.check()
        await stage.tick("1 18:00")
        assert [await stage.status(room) for room in ROOMS] == ["DIRTY", "OCCUPIED", "AVAILABLE"]
        assert (await stage.told(stay))[-1] == ("booking.moved", "1 12:00")
        await stage.tick("5 00:00")
        assert [await stage.status(room) for room in ROOMS] == ["DIRTY", "DIRTY", "OCCUPIED"]
        await stage.act(stay, "check-out")
        assert [await stage.status(room) for room in ROOMS] == ["DIRTY"] * 3
        assert await stage.claims("103") == []


async def test_a_split_stay_moved_to_another_time_still_takes_one_room_at_a_time(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        stay = await stage.book("101", "15:00", "2 11:00")
        await stage.act(stay, "split", start="1 12:00", units="102")
        await stage.act(stay, "move", start="7 15:00")
        claims = [*await stage.claims("101"), *await stage.claims("102")]
        assert claims == [("booking", "7 15:00", "8 12:00"), ("booking", "8 12:00", "9 11:00")]
        await stage.act(stay, "move", units="103", start="7 15:00")
        assert [await stage.claims(room) for room in ROOMS] == [[], [], [("booking", "7 15:00", "9 11:00")]]


async def test_a_session_that_ends_frees_its_unit(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        session = await stage.walk_in("PC-1", "10:00")
        await stage.tick("10:20")
        assert await stage.state(session["id"]) == "Completed"
        assert await stage.status("PC-1") == "Available"
        assert await stage.claims("PC-1") == []
        assert (await stage.told("PC-1"))[-1] == ("unit.status_changed", "10:00")


async def test_check_out_leaves_the_room_dirty_until_somebody_cleans_it(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS, {"show_clean": True}) as stage:
        stay = await stage.book("101", "15:00", "1 11:00")
        data = await refused(stage.act(stay, "check-out"), "wrong_state")
        assert "check-in" in data["possible"]
        await refused(stage.book("101", "-1 15:00", "1 11:00"), "in_the_past")
        stage.clock.set("14:00")
        await stage.act(stay, "check-in")
        assert await stage.status("101") == "OCCUPIED"
        await refused(stage.condition("101", "out_of_service"), "unit_occupied")
        # a late check-out is nobody's to repair
        await stage.tick("1 13:00")
        assert await stage.status("101") == "OCCUPIED"
        await stage.act(stay, "check-out")
        assert await stage.status("101") == "DIRTY"
        await stage.condition("101", "clean")
        assert await stage.status("101") == "CLEAN"


async def test_cancelling_frees_the_room_only_if_no_other_booking_holds_it(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS, {"look_ahead": "any"}) as stage:
        first = await stage.book("101", "15:00", "1 11:00")
        second = await stage.book("101", "1 15:00", "2 11:00")
        await stage.act(first, "cancel", reason="fell ill")
        assert await stage.status("101") == "RESERVED"
        await stage.act(second, "cancel")
        assert await stage.status("101") == "AVAILABLE"
        row = await pool.fetchrow("select live, decision_reason, wakes_at from booking where id = $1", first)
        assert tuple(row) == (False, "fell ill", None)
        await refused(stage.act(first, "cancel"), "wrong_state")


async def test_undo_takes_a_start_back_if_the_unit_is_still_free(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        stay = await stage.book("101", "15:00", "2 11:00")
        stage.clock.set("15:30")
        await stage.act(stay, "check-in")
        assert (await stage.act(stay, "undo"))["state"] == "Reserved"
        assert await stage.status("101") == "RESERVED"
        await stage.act(stay, "no-show")
        assert await stage.claims("101") == []
        other = await stage.book("101", "16:00", "1 11:00")
        await refused(stage.act(stay, "undo"), "slot_taken")
        await stage.act(other, "cancel")
        assert (await stage.act(stay, "undo"))["ended_at"] is None
        assert await stage.claims("101") == [("booking", "15:00", "2 11:00")]


async def test_a_request_is_approved_rejected_with_a_reason_or_revoked(pool: asyncpg.Pool):
    async with staged(pool, "grounds", ["G1"]) as stage:
        ask = await stage.book("G1", "10:00", "12:00")
        assert await stage.claims("G1") == [("hold", "10:00", "12:00")]
        await refused(stage.book("G1", "11:00", "12:00"), "slot_taken")
        assert (await stage.act(ask, "approve"))["decided_by"] == "test"
        assert await stage.claims("G1") == [("booking", "10:00", "12:00")]
        assert (await stage.act(ask, "revoke"))["state"] == "Pending"
        await refused(stage.act(ask, "reject"), "invalid_request")
        await stage.act(ask, "reject", reason="league match")
        assert await stage.claims("G1") == []
        other = await stage.book("G1", "11:00", "12:00")
        await refused(stage.act(ask, "undo"), "slot_taken")
        await stage.tick("11:05")
        assert await stage.state(other) == "Expired"
        assert (await stage.told(other))[-1] == ("booking.expired", "11:00")
        await refused(stage.act(ask, "undo"), "in_the_past")
        over = await stage.book("G1", "14:00", "15:00")
        await stage.act(over, "approve")
        await stage.tick("14:30")
        assert await stage.status("G1") == "Booked"
        await refused(stage.act(over, "revoke"), "in_the_past")
        await stage.tick("16:00")
        assert (await stage.told(over))[-1] == ("booking.completed", "15:00")


async def test_a_start_code_must_match_unless_staff_override_with_a_reason(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS, {"start_code": True}) as stage:
        answer = await stage.do(stage.wish("PC-1", "09:00", "10:00", start_code="123456"))
        assert answer["start_code"] == "123456"
        for wrong in (None, "654321"):
            await refused(stage.act(answer["id"], "start", code=wrong), "wrong_code")
        await refused(stage.act(answer["id"], "start", override=True), "invalid_request")
        started = await stage.act(answer["id"], "start", code="123456")
        assert "start_code" not in started
        other = await stage.book("PC-2", "09:00", "10:00", start_code="123456")
        await stage.act(other, "start", override=True, reason="lost their telephone")
        told = await pool.fetch("select data from journal where site_id = $1", stage.site_id)
        assert not any(b"123456" in row["data"] for row in told)


async def test_a_category_booking_takes_the_tightest_gap_and_a_party_sits_together(pool: asyncpg.Pool):
    units = [NewUnit(f"{room}{n}", "pc", parent=room) for room in ("A", "B") for n in (1, 2, 3)]
    rooms = [NewUnit("A", "room"), NewUnit("B", "room")]
    async with staged(pool, "cafe", [*rooms, *units]) as stage:
        await stage.book("A3", "10:00", "11:00")
        await stage.book("B2", "12:00", "13:00")
        wish = Book(uuid4(), stage.clock.at("11:00"), stage.clock.at("12:00"), category="pc")
        assert (await stage.do(wish))["units"][0] in ("A3", "B2")
        party = Book(uuid4(), stage.clock.at("10:00"), stage.clock.at("11:00"), category="pc", count=3)
        assert (await stage.do(party))["units"] == ["B1", "B2", "B3"]
        data = await refused(
            stage.do(Book(uuid4(), stage.clock.at("10:00"), stage.clock.at("11:00"), category="pc", count=3)),
            "slot_taken",
        )
        assert (data["free"], data["wanted"]) == (2, 3)
        await refused(
            stage.do(Book(uuid4(), stage.clock.at("10:00"), None, category="vip", walk_in=True)), "unknown_category"
        )


async def test_a_group_is_booked_whole_or_not_at_all(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        await stage.book("PC-3", "10:30", "11:00")
        await refused(stage.book(PCS, "10:00", "11:00"), "slot_taken")
        assert [await stage.claims(pc) for pc in PCS[:2]] == [[], []]
        group = await stage.book(["PC-2", "PC-1"], "10:00", "11:00")
        await refused(stage.act(group, "move", units=("PC-1", "PC-3")), "slot_taken")
        await refused(stage.book(["PC-1", "PC-1"], "14:00", "15:00"), "invalid_request")
        await refused(stage.book(["PC-1", "PC-9"], "14:00", "15:00"), "unknown_unit")
        stage.clock.set("10:00")
        await stage.act(group, "start")
        await stage.tick("11:00")
        assert [await stage.claims(pc) for pc in PCS] == [[], [], []]


async def test_together_is_all_or_none_and_with_skip_what_can_be_done(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        first = await stage.book("PC-1", "10:00", "11:00")
        # parts see what the ones before them did: the cancelled slot is free for the third
        parts = (
            Act(first, "cancel"), stage.wish("PC-2", "10:00", "11:00"), stage.wish("PC-1", "10:00", "11:00"),
            stage.wish("PC-2", "10:30", "11:30"),
        )  # fmt: skip
        version = await stage.version()
        data = await refused(stage.submit(Together(parts)), "slot_taken")
        assert data["failed_at"] == 3
        assert await stage.version() == version
        assert await stage.state(first) == "Booked"
        assert (await stage.do(Check(Together(parts[:3]))))["results"][0]["state"] == "Cancelled"
        assert await stage.version() == version
        results = (await stage.do(Together(parts, skip=True)))["results"]
        assert [part.get("state") for part in results] == ["Cancelled", "Booked", "Booked", None]
        assert results[3]["refused"]["code"] == "slot_taken"


async def test_buffers_hours_lengths_notice_horizon_and_grid_are_asked(pool: asyncpg.Pool):
    settings = {
        "buffer_minutes": 15, "length_min_minutes": 60, "length_max_minutes": 180, "notice_minutes": 30,
        "horizon_days": 10, "hours": {"mon": [["09:00", "22:00"]], "tue": [["09:00", "22:00"]]},
    }  # fmt: skip
    async with staged(pool, "cafe", PCS, settings) as stage:
        await stage.book("PC-1", "10:00", "11:00")
        assert await stage.claims("PC-1") == [("booking", "10:00", "11:15")]
        await refused(stage.book("PC-1", "11:00", "12:00"), "slot_taken")
        await stage.book("PC-1", "11:30", "12:30")
        for start, end, code in [
            ("10:00", "10:30", "too_short"), ("12:30", "16:00", "too_long"), ("09:00", "10:00", "too_soon"),
            ("14 10:00", "14 11:00", "too_far"), ("21:30", "22:30", "closed"), ("2 10:00", "2 11:00", "closed"),
            ("14:10", "15:10", "off_grid"), ("08:00", "08:30", "in_the_past"), ("15:00", "15:00", "invalid_time"),
        ]:  # fmt: skip
            await refused(stage.book("PC-2", start, end), code)
        await stage.condition("PC-2", "out_of_service")
        await refused(stage.book("PC-2", "14:00", "15:00"), "not_bookable")


async def test_twenty_who_ask_at_once_with_a_quota_of_one_get_one_booking(pool: asyncpg.Pool):
    units = [f"PC-{n}" for n in range(20)]
    async with staged(pool, "cafe", units, {"quota_per_person": 1}) as stage:
        who = Customer(email="Ada@Example.org")
        asked = [
            stage.book(unit, "10:00", "11:00", customer=Customer(email="ada@example.org ") if n % 2 else who)
            for n, unit in enumerate(units)
        ]
        got = await asyncio.gather(*asked, return_exceptions=True)
        made = [one for one in got if not isinstance(one, BaseException)]
        assert len(made) == 1
        assert {one.code for one in got if isinstance(one, Refusal)} == {"quota_reached"}
        await refused(stage.book("PC-1", "12:00", "13:00"), "invalid_request")
        await stage.act(made[0], "cancel")
        await stage.book("PC-1", "12:00", "13:00", customer=who)


async def test_if_match_refuses_what_has_moved_on(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        made = await stage.do(stage.wish("PC-1", "10:00", "11:00"))
        await stage.act(made["id"], "extend", minutes=30, if_version=made["version"])
        data = await refused(stage.act(made["id"], "cancel", if_version=made["version"]), "version_mismatch")
        assert data["version"] == made["version"] + 1
        assert json.loads((await stage.submit(Act(UUID(made["id"]), "cancel"))).body)["state"] == "Cancelled"
