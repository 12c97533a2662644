"""What somebody wrote past the desk is found, explained and put right."""

import asyncio
import json
from uuid import UUID, uuid4

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.reconcile import Reconciler
from tests.reconciling import forget_site, journal, reconciled, repaired, settle, standing, write_past
from tests.stage import refused, staged


async def test_nothing_is_found_where_nothing_is_wrong(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101", "102", "103"]) as stage:
        first = await stage.book("101", "15:00", "2 11:00")
        await stage.book("102", "1 15:00", "2 11:00")
        await stage.block("103", "1 10:00", "3 10:00")
        stage.clock.set("15:30")
        await stage.act(first, "check-in")
        for at in ("16:00", "23:00", "1 05:59", "1 12:00"):
            stage.clock.set(at)
            await stage.tick()
            report = await reconciled(stage)
            assert not report.found_any, report
            assert report.checked == 3
        assert not await journal(stage, "unit.status_repaired", "finding.repaired", "finding.opened")


async def test_a_room_that_shows_a_guest_who_is_not_there_is_freed_with_its_reason(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["102", "201"]) as stage:
        await write_past(stage, "update unit set shown_status = 'OCCUPIED' where site_id = $1 and code = '102'")
        tried = await reconciled(stage, dry_run=True)
        assert tried.dry_run and tried.fixed == 1
        assert await stage.status("102") == "OCCUPIED"
        report = await reconciled(stage)
        (told,) = report.details
        assert told.line("room") == "Room 102: OCCUPIED → AVAILABLE (No checked-in guest found)"
        (line,) = await journal(stage, "unit.status_repaired")
        assert (line["subject"], line["actor"], line["cause"]) == ("102", "reconcile", "reconciled")
        assert json.loads(line["data"])["reason"] == "No checked-in guest found"
        assert await pool.fetchval("select state from finding where rule = 'status_differs'") == "repaired"
        assert not (await reconciled(stage)).found_any


WRONG_WORDS = [
    ("cafe", "Active", "Available", "No active session found"),
    ("cafe", "Reserved", "Available", "No active reservations found"),
    ("cafe", "Under Maintenance", "Available", "No maintenance found"),
    ("hotel", "RESERVED", "AVAILABLE", "No active reservations found"),
    ("hotel", "MAINTENANCE", "AVAILABLE", "No maintenance found"),
    ("grounds", "Booked", "Vacant", "No approved booking found"),
    ("grounds", "Pending", "Vacant", "No pending request found"),
    ("hotel", "nonsense", "AVAILABLE", "Its condition says so"),
]


@pytest.mark.parametrize(("kind", "wrong", "right", "reason"), WRONG_WORDS)
async def test_a_wrong_word_is_written_anew(pool: asyncpg.Pool, kind: str, wrong: str, right: str, reason: str) -> None:
    async with staged(pool, kind, ["A"]) as stage:
        await write_past(stage, "update unit set shown_status = $2 where site_id = $1", wrong)
        (told,) = (await reconciled(stage)).details
        assert (told.start, told.to, told.reason) == (wrong, right, reason)
        assert await stage.status("A") == right


async def test_the_reason_names_the_booking_behind_the_right_word(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        booking = await stage.walk_in("PC-1", "10:00")
        await write_past(stage, "update unit set shown_status = 'Available' where site_id = $1")
        (told,) = (await reconciled(stage)).details
        assert told.reason == f"The session of booking {booking['reference']} is running"
        assert await stage.status("PC-1") == "Active"


async def test_a_session_whose_alarm_was_lost_ends_at_its_true_instant(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        booking = await stage.walk_in("PC-1", "10:00")
        await write_past(stage, "update booking set wakes_at = null where site_id = $1")
        await write_past(stage, "update unit set wakes_at = null where site_id = $1")
        await write_past(stage, "update site set wakes_at = null where id = $1")
        stage.clock.set("10:40")
        await stage.tick()
        assert await stage.status("PC-1") == "Active", "nobody knew"
        found = await repaired(stage)
        assert found == [("overdue", "PC-1", "Active", "Completed")]
        assert await stage.status("PC-1") == "Available"
        assert (await stage.told(booking["id"]))[1] == ("booking.completed", "10:00")
        assert (await stage.told("PC-1"))[-1] == ("unit.status_changed", "10:00")


async def test_a_lost_alarm_is_set_anew_before_it_is_needed(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2", "PC-3"]) as stage:
        await stage.book("PC-1", "12:00", "13:00")
        await stage.walk_in("PC-2", "10:00")
        await stage.block("PC-3", "11:00", "12:00")
        for table in ("booking", "unit"):
            await write_past(stage, f"update {table} set wakes_at = null where site_id = $1")
        await write_past(stage, "update block set wakes_at = '2030-01-01' where site_id = $1")
        await write_past(stage, "update site set wakes_at = null where id = $1")
        found = await repaired(stage)
        assert {rule for rule, *_ in found} == {"alarm_differs"} and len(found) == 6, found
        for at in ("10:00", "11:00", "11:30", "12:00", "12:15"):
            await stage.tick(at)
        assert await stage.status("PC-1") == "Available"
        await stage.check()


async def test_only_the_sites_own_alarm_was_lost(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        await stage.walk_in("PC-1", "10:00")
        await write_past(stage, "update site set wakes_at = null where id = $1")
        await reconciled(stage)
        await stage.tick("10:00")
        assert await stage.status("PC-1") == "Available"


async def test_a_live_booking_without_its_claim_gets_it_back(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101", "102"], {"buffer_minutes": 30}) as stage:
        await stage.book("101", "15:00", "1 11:00")
        await stage.book(["101", "102"], "3 15:00", "4 11:00")
        before = await stage.claims("101")
        await write_past(stage, "delete from claim where site_id = $1")
        found = await repaired(stage)
        assert sorted(one[:2] for one in found if one[0] == "claim_differs") == [
            ("claim_differs", "101"), ("claim_differs", "101, 102"),
        ]  # fmt: skip
        assert await stage.claims("101") == before


async def test_a_claim_that_is_not_as_its_booking_asks_is_made_so(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        await stage.book("PC-1", "12:00", "13:00")
        before = await stage.claims("PC-1")
        await write_past(
            stage,
            "update claim set kind = 'session', "
            "during = tstzrange(lower(during), upper(during) - interval '1 minute') where site_id = $1",
        )  # fmt: skip
        assert ("claim_differs", "PC-1", None, None) in await repaired(stage)
        assert await stage.claims("PC-1") == before
        await write_past(
            stage,
            "update claim set unit_id = (select id from unit where site_id = $1 and code = 'PC-2') where site_id = $1",
        )
        await repaired(stage)
        assert await stage.claims("PC-1") == before and not await stage.claims("PC-2")


async def test_a_deleted_booking_frees_its_room_and_is_put_before_a_person(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["201"]) as stage:
        booking = await stage.book("201", "15:00", "2 11:00")
        assert await stage.status("201") == "RESERVED"
        await write_past(stage, "delete from booking where site_id = $1")
        report = await reconciled(stage)
        assert [told.line("room") for told in report.details] == [
            "Room 201: 2026-03-02T15:00:00Z → 2026-03-04T11:00:00Z (There is no such booking or block)",
            "Room 201: RESERVED → AVAILABLE (No active reservations found)",
        ]
        (told,) = report.discrepancies
        assert told.rule == "journal_differs" and told.subject == str(booking)
        assert "is gone" in (told.reason or "")
        assert await stage.status("201") == "AVAILABLE" and not await stage.claims("201")
        again = await reconciled(stage)
        assert again.fixed == 0 and [one.state for one in again.discrepancies] == ["open"]
        await settle(stage, "journal_differs", "dismiss")
        assert not (await reconciled(stage)).found_any
        await forget_site(stage)


async def test_a_claim_of_nobody_is_removed_and_its_finding_closed(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        await write_past(
            stage,
            "insert into claim (site_id, unit_id, holder_id, kind, during) "
            "select $1, id, $2, 'booking', tstzrange($3, $4) from unit where site_id = $1",
            uuid4(), stage.clock.at("09:00"), stage.clock.at("12:00"),
        )  # fmt: skip
        await refused(stage.book("PC-1", "10:00", "11:00"), "slot_taken")
        assert ("claim_without_holder", "PC-1") in [one[:2] for one in await repaired(stage)]
        await stage.book("PC-1", "10:00", "11:00")


async def test_of_two_live_bookings_on_one_unit_both_are_named(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101", "102"]) as stage:
        first = await stage.do(stage.wish("101", "15:00", "2 11:00"))
        second = await stage.do(stage.wish("102", "15:00", "2 11:00"))
        await write_past(stage, "delete from claim where site_id = $1 and holder_id = $2", UUID(second["id"]))
        await write_past(
            stage,
            "update booking set unit_ids = array[(select id from unit where site_id = $1 and code = '101')] "
            "where site_id = $1 and id = $2",
            UUID(second["id"]),
        )
        report = await reconciled(stage)
        told = next(one for one in report.discrepancies if one.rule == "two_live_bookings")
        assert told.reference == second["reference"] and first["reference"] in (told.reason or "")
        assert ("two_live_bookings", second["id"]) in await standing(stage)
        await stage.act(first["id"], "cancel")
        report = await reconciled(stage)
        assert "claim_differs" in [one.rule for one in report.details], "it has its room now"
        assert ("two_live_bookings", second["id"]) not in await standing(stage)
        closed = await journal(stage, "finding.closed")
        assert [json.loads(one["data"])["finding"]["rule"] for one in closed] == ["two_live_bookings"]
        await forget_site(stage)


async def test_a_state_written_past_the_desk_is_followed_and_told(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        cancelled = await stage.walk_in("PC-1", "10:00")
        odd = await stage.do(stage.wish("PC-2", "12:00", "13:00"))
        await write_past(
            stage, "update booking set state = 'Cancelled' where site_id = $1 and id = $2", UUID(cancelled["id"])
        )
        await write_past(stage, "update booking set state = 'Lost' where site_id = $1 and id = $2", UUID(odd["id"]))
        report = await reconciled(stage)
        assert {one.rule for one in report.details} >= {"live_differs", "status_differs"}
        assert await stage.status("PC-1") == "Available" and not await stage.claims("PC-1")
        stands = await standing(stage)
        assert ("journal_differs", cancelled["id"]) in stands
        assert ("unknown_state", odd["id"]) in stands and ("journal_differs", odd["id"]) in stands
        await forget_site(stage)


async def test_a_block_takes_back_time_that_nobody_holds(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101"]) as stage:
        await stage.block("101", "10:00", "3 10:00")
        before = await stage.claims("101")
        await write_past(stage, "delete from claim where site_id = $1")
        assert ("block_without_claim", "101", None, None) in await repaired(stage)
        assert await stage.claims("101") == before
        await write_past(stage, "delete from block where site_id = $1")
        stage.clock.set("10:30")
        await stage.tick()
        found = await repaired(stage)
        assert [one[0] for one in found] == ["claim_without_holder", "status_differs"]
        assert await stage.status("101") == "AVAILABLE"
        await forget_site(stage)


async def test_many_wrong_words_are_put_right_in_one_pass(pool: asyncpg.Pool) -> None:
    codes = [f"PC-{number:04}" for number in range(1500)]
    async with staged(pool, "cafe", codes) as stage:
        await write_past(stage, "update unit set shown_status = 'Active' where site_id = $1")
        report = await reconciled(stage)
        assert report.fixed == 1500 and len(report.details) == 1000 and report.left_out == 500
        assert not (await reconciled(stage)).found_any


async def test_repairs_made_by_two_at_once_are_made_once(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", [f"{number}" for number in range(40)]) as stage:
        await write_past(stage, "update unit set shown_status = 'OCCUPIED' where site_id = $1")
        reports = await asyncio.gather(reconciled(stage), reconciled(stage), reconciled(stage))
        assert sum(report.fixed for report in reports) == 40
        assert len(await journal(stage, "unit.status_repaired")) == 40


async def test_a_site_that_is_not_there_is_refused(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        with pytest.raises(Refusal, match="unknown_site"):
            await Reconciler(pool, stage.desk).run("nowhere")


async def test_a_site_with_broken_settings_holds_up_no_other(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as broken, staged(pool, "cafe", ["PC-1"]) as stage:
        await write_past(stage, "update unit set shown_status = 'Active' where site_id = $1")
        await write_past(broken, "update site set settings = '{\"hours\": 7}' where id = $1")
        report = await Reconciler(pool, stage.desk, clock=stage.clock).run()
        assert report.fixed == 1 and list(report.failed.values()) == ["invalid_settings"]
        await write_past(broken, "update site set settings = '{}' where id = $1")
