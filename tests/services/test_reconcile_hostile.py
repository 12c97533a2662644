"""Reconciling never makes things worse, and one bad row stops it from nothing else."""

import json

import asyncpg
import pytest

from holdfast.services.reconcile import Reconciler
from tests.reconciling import forget_site, reconciled, repaired, see, standing, write_past
from tests.stage import refused, staged


async def test_a_guest_keeps_the_room_when_the_row_asks_for_time_that_is_taken(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101", "102"]) as stage:
        guest = await stage.book("101", "15:00", "1 11:00")
        await stage.book("101", "1 15:00", "3 11:00")
        stage.clock.set("15:30")
        await stage.act(guest, "check-in")
        await write_past(
            stage, "update booking set ends_at = $3 where site_id = $1 and id = $2", guest, stage.clock.at("2 11:00")
        )
        report = await reconciled(stage)
        assert await stage.status("101") == "OCCUPIED" and ("session", "15:00", "1 11:00") in await stage.claims("101")
        assert {one.rule for one in report.discrepancies} >= {"two_live_bookings", "journal_differs"}
        await refused(stage.walk_in("101", "1 10:00"), "unit_occupied")
        await forget_site(stage)


@pytest.mark.parametrize("ahead", ["1 10:00", "20 10:00"])
async def test_a_unit_that_only_a_strayed_claim_names_keeps_what_it_shows(pool: asyncpg.Pool, ahead: str) -> None:
    async with staged(pool, "cafe", ["A", "B"]) as stage:
        await stage.walk_in("B", "12:00")
        strayed = await stage.book("A", ahead, ahead.replace("10:00", "11:00"))
        await write_past(
            stage,
            "update claim set unit_id = (select id from unit where site_id = $1 and code = 'B')"
            " where site_id = $1 and holder_id = $2",
            strayed,
        )
        assert await repaired(stage) == [("claim_differs", "A, B", None, None)]
        assert await stage.status("B") == "Active"


async def test_only_time_of_the_session_itself_counts_as_idle(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"], {"auto_end_idle_minutes": 30}) as stage:
        await see(stage, ("PC-1", "vacant"), for_s=604_800)
        stage.clock.set("09:56")
        await stage.walk_in("PC-1", "12:00")
        stage.clock.advance(seconds=1)
        assert not (await reconciled(stage)).found_any
        stage.clock.set("10:50")
        await reconciled(stage)
        assert await stage.status("PC-1") == "Active", "nothing was seen since"
        for at in ("11:00", "11:31"):
            stage.clock.set(at)
            await see(stage, ("PC-1", "vacant"), for_s=2_400)
        report = await reconciled(stage)
        assert await stage.status("PC-1") == "Available" and not report.discrepancies


async def test_many_suspects_are_all_judged(pool: asyncpg.Pool) -> None:
    codes = [f"PC-{number:04}" for number in range(900)]
    async with staged(pool, "cafe", codes) as stage:
        await see(stage, *[(code, "occupied") for code in codes[:300]])
        await reconciled(stage)
        await see(stage, *[(code, "occupied") for code in codes])
        report = await reconciled(stage)
        assert (report.opened, report.closed) == (600, 0) and len(await standing(stage)) == 900
        await stage.book(tuple(codes[:20]), "20:00", "21:00")
        await write_past(stage, "update unit set wakes_at = null where site_id = $1")
        await reconciled(stage)
        report = await reconciled(stage)
        assert not report.fixed, report.details[:3]


BAD = {
    "endless alarm": "update booking set wakes_at = 'infinity' where site_id = $1",
    "endless expiry": "update booking set expires_at = '-infinity' where site_id = $1",
    "odd parts": "update booking set parts = '{\"a\": 1}' where site_id = $1",
    "odd details": "update booking set details = '[1]' where site_id = $1",
    "no such unit": "update booking set unit_ids = '{99999}' where site_id = $1",
    "endless unit alarm": "update unit set wakes_at = 'infinity' where site_id = $1 and code = 'B'",
    "odd unit": "update unit set attributes = '[1]' where site_id = $1 and code = 'B'",
    "far claim": "update claim set during = tstzrange('12000-01-01', '12000-01-02') where site_id = $1",
    "far booking": "update booking set starts_at = '12000-01-01', ends_at = '12000-01-02' where site_id = $1",
    "odd settings": "update site set settings = '[]' where id = $1",
    "no settings": "update site set settings = 'null' where id = $1",
    "endless journal": "update site set journal_at = 'infinity' where id = $1",
}


@pytest.mark.parametrize("what", sorted(BAD))
async def test_a_bad_row_stops_nothing_elsewhere(pool: asyncpg.Pool, what: str) -> None:
    async with staged(pool, "cafe", ["A", "B"]) as bad, staged(pool, "cafe", ["A"]) as good:
        await bad.book("A", "10:00", "11:00")
        await pool.execute(BAD[what], bad.site_id)
        for stage in (bad, good):
            await pool.execute(
                "update unit set shown_status = 'Active' where site_id = $1 and code = 'A'", stage.site_id
            )
        reconciler = Reconciler(pool, good.desk, clock=good.clock)
        tried = await reconciler.run(dry_run=True)
        assert tried.fixed >= 1
        report = await reconciler.run()
        assert await good.status("A") == "Available"
        if what not in ("odd settings", "no settings", "endless journal", "far claim", "far booking"):
            assert await bad.status("A") == "Available", report.failed
        await forget_site(bad)
        await pool.execute("update site set settings = '{}', journal_at = 'epoch' where id = $1", bad.site_id)


async def test_a_transition_that_cannot_happen_is_set_aside_and_closed_when_it_can(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"], {"auto_start": True}) as stage:
        first = await stage.book("PC-1", "10:00", "11:00")
        second = await stage.book("PC-2", "10:00", "11:00")
        await write_past(stage, "delete from claim where site_id = $1 and holder_id = $2", second)
        await write_past(
            stage,
            "update booking set wakes_at = null, unit_ids = "
            "array[(select id from unit where site_id = $1 and code = 'PC-1')] where site_id = $1 and id = $2",
            second,
        )
        await write_past(stage, "update unit set shown_status = 'Active' where site_id = $1 and code = 'PC-2'")
        stage.clock.set("10:05")
        await stage.tick()
        report = await reconciled(stage)
        assert await stage.status("PC-2") == "Available" and await stage.state(first) == "Active"
        assert any(one.subject == str(second) for one in report.discrepancies)
        await forget_site(stage)


async def test_a_booking_brought_back_past_the_desk_is_found(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101"]) as stage:
        booking = await stage.book("101", "1 15:00", "2 11:00")
        await stage.act(booking, "cancel")
        await write_past(stage, "update booking set state = 'Reserved' where site_id = $1")
        report = await reconciled(stage)
        assert {one.rule for one in report.details} >= {"live_differs", "claim_differs"}
        await refused(stage.book("101", "1 15:00", "2 11:00"), "slot_taken")
        await forget_site(stage)


async def test_a_booking_moved_past_the_desk_is_told(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101", "102"]) as stage:
        await stage.book("101", "1 15:00", "2 11:00")
        await write_past(
            stage,
            "update booking set unit_ids = "
            "array[(select id from unit where site_id = $1 and code = '102')] where site_id = $1",
        )
        report = await reconciled(stage)
        (told,) = report.discrepancies
        assert told.rule == "journal_differs" and "in 102" in (told.reason or "") and "in 101" in (told.reason or "")
        await forget_site(stage)


async def test_a_deleted_unit_is_noticed(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        booking = await stage.book("PC-1", "12:00", "13:00")
        await see(stage, ("PC-2", "occupied"))
        await reconciled(stage)
        await write_past(stage, "delete from unit where site_id = $1")
        report = await reconciled(stage)
        assert ("unknown_state", str(booking)) in await standing(stage), report
        assert ("occupied_not_booked", "PC-2") not in await standing(stage)
        await forget_site(stage)


async def test_people_at_an_approved_slot_are_as_booked(pool: asyncpg.Pool) -> None:
    async with staged(pool, "grounds", ["G1"]) as stage:
        booking = await stage.book("G1", "10:00", "11:00")
        await stage.act(booking, "approve")
        stage.clock.set("10:10")
        await stage.tick()
        await see(stage, ("G1", "occupied"))
        assert not (await reconciled(stage)).discrepancies


async def test_a_guest_at_dinner_is_not_idle_and_acts_are_the_policys(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101"]) as stage:
        guest = await stage.book("101", "15:00", "1 11:00")
        stage.clock.set("15:30")
        await stage.act(guest, "check-in")
        await see(stage, ("101", "vacant"))
        assert not (await reconciled(stage)).discrepancies
        await stage.tick("1 12:00")
        await reconciled(stage)
        data = json.loads(await pool.fetchval("select data from finding where stands"))
        assert data["acts"] == ["check-out", "extend"]


async def test_one_whose_no_show_was_taken_back_is_awaited(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101"]) as stage:
        booking = await stage.book("101", "15:00", "3 11:00")
        await stage.tick("1 06:00")
        await stage.act(booking, "undo")
        assert not (await reconciled(stage)).discrepancies


async def test_what_another_process_changes_is_looked_at(pool: asyncpg.Pool) -> None:
    from holdfast.services.doorbell import Ring

    async with staged(pool, "cafe", ["PC-1"]) as stage:
        reconciler = Reconciler(pool, stage.desk, clock=stage.clock)
        await see(stage, ("PC-1", "occupied"))
        await reconciler.run()
        reconciler.hear(Ring(((stage.site_id, 5),)))
        assert reconciler.asked == {stage.site_id}


async def test_two_passes_share_a_pool_of_two(database_url: str, pool: asyncpg.Pool) -> None:
    import asyncio

    from holdfast.store.codecs import prepare

    async with staged(pool, "cafe", ["PC-1"]) as stage:
        small = await asyncpg.create_pool(database_url, min_size=1, max_size=2, init=prepare)
        assert small is not None
        try:
            reconciler = Reconciler(small, stage.desk, clock=stage.clock)
            async with asyncio.timeout(20):
                await asyncio.gather(
                    *(reconciler.run() for _ in range(6)), *(small.fetch("select 1") for _ in range(20))
                )
        finally:
            await small.close()
