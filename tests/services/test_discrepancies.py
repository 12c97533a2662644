"""What needs judgement is put before a person while it holds, and never overwritten."""

import json
from uuid import uuid4

import asyncpg

from holdfast.domain.commands import SettleFinding
from tests.reconciling import journal, reconciled, see, settle, standing
from tests.stage import refused, staged


async def test_a_late_check_out_is_somebodys_to_judge(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101"]) as stage:
        booking = await stage.book("101", "15:00", "1 11:00")
        stage.clock.set("15:00")
        await stage.act(booking, "check-in")
        for at in ("1 10:59", "1 11:14"):
            await stage.tick(at)
            assert not (await reconciled(stage)).found_any
        await stage.tick("1 11:20")
        report = await reconciled(stage)
        assert [(one.rule, one.state) for one in report.discrepancies] == [("late_check_out", "opened")]
        assert report.fixed == 0 and await stage.status("101") == "OCCUPIED"
        data = json.loads((await journal(stage, "finding.opened"))[0]["data"])["finding"]["data"]
        assert data["acts"] == ["check-out", "extend"]
        await stage.act(booking, "check-out")
        await reconciled(stage)
        assert not await standing(stage)


async def test_an_arrival_that_does_not_come_is_told_until_it_is_a_no_show(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101"], {"late_arrival_minutes": 60}) as stage:
        await stage.book("101", "15:00", "2 11:00")
        await stage.tick("15:59")
        assert not (await reconciled(stage)).found_any
        await stage.tick("16:00")
        assert [one.rule for one in (await reconciled(stage)).discrepancies] == ["no_arrival"]
        await stage.tick("1 06:00")
        await reconciled(stage)
        assert not await standing(stage)


async def test_a_room_out_of_service_with_an_arrival_is_told(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101", "102"]) as stage:
        await stage.book("101", "15:00", "1 11:00")
        await stage.book("102", "2 15:00", "3 11:00")
        await stage.condition("101", "out_of_service")
        await stage.block("102", "2 00:00", "4 00:00", allow_conflicts=True)
        report = await reconciled(stage)
        assert sorted((one.rule, one.unit) for one in report.discrepancies) == [
            ("unfit_for_arrival", "101"), ("unfit_for_arrival", "102"),
        ]  # fmt: skip
        await stage.condition("101", "clean")
        await reconciled(stage)
        assert len(await standing(stage)) == 1


async def test_what_is_seen_is_held_against_what_is_booked(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2", "PC-3", "PC-4"], {"observation_minutes": 10}) as stage:
        await stage.walk_in("PC-2", "10:00")
        await stage.walk_in("PC-3", "10:00")
        await see(stage, ("PC-1", "occupied"), ("PC-2", "vacant"), ("PC-3", "offline"), ("PC-4", "vacant"))
        await reconciled(stage)
        assert await standing(stage) == {
            ("occupied_not_booked", "PC-1"), ("booked_but_idle", "PC-2"), ("agent_offline", "PC-3"),
        }  # fmt: skip
        stage.clock.set("09:05")
        await see(stage, ("PC-1", "vacant"), ("PC-2", "occupied"), ("PC-3", "online"))
        await reconciled(stage)
        assert not await standing(stage)
        await see(stage, ("PC-1", "occupied"))
        await reconciled(stage)
        assert await standing(stage) == {("occupied_not_booked", "PC-1")}
        stage.clock.set("09:15")
        await reconciled(stage)
        assert not await standing(stage), "what was seen ten minutes ago no longer counts"


async def test_somebody_who_stays_on_after_the_end_is_told_as_such(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        await stage.walk_in("PC-1", "10:00")
        for at in ("09:56", "10:02"):
            await stage.tick(at)
            await see(stage, ("PC-1", "occupied"))
        await reconciled(stage)
        assert await standing(stage) == {("still_running", "PC-1")}
        await see(stage, ("PC-1", "vacant"))
        stage.clock.set("10:03")
        await see(stage, ("PC-1", "occupied"))
        await reconciled(stage)
        assert await standing(stage) == {("occupied_not_booked", "PC-1")}


async def test_a_dismissed_finding_is_not_opened_again_while_it_lasts(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        await see(stage, ("PC-1", "occupied"), for_s=7200)
        await reconciled(stage)
        no_reason = SettleFinding(await pool.fetchval("select id from finding where stands"), "dismiss", " ")
        await refused(stage.do(no_reason), "invalid_request")
        await settle(stage, "occupied_not_booked", "dismiss", "the owner's own machine")
        assert not (await reconciled(stage)).discrepancies
        await refused(stage.do(SettleFinding(uuid4(), "resolve", "x")), "unknown_finding")
        stage.clock.set("09:10")
        await see(stage, ("PC-1", "vacant"))
        await reconciled(stage)
        assert not await standing(stage)
        stage.clock.set("09:20")
        await see(stage, ("PC-1", "occupied"))
        await reconciled(stage)
        assert await standing(stage) == {("occupied_not_booked", "PC-1")}, "another time is another finding"
        await settle(stage, "occupied_not_booked", "resolve")
        assert not await standing(stage)
        assert [one.state for one in (await reconciled(stage)).discrepancies] == ["opened"], "it was not resolved"


async def test_a_cafe_may_end_sessions_that_nobody_is_in(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"], {"auto_end_idle_minutes": 15}) as stage:
        await stage.walk_in("PC-1", "12:00")
        await stage.walk_in("PC-2", "12:00")
        for at in ("09:10", "09:18", "09:24", "09:26"):
            await stage.tick(at)
            await see(stage, ("PC-1", "vacant"), ("PC-2", "occupied"))
            await reconciled(stage)
        assert [await stage.status(unit) for unit in ("PC-1", "PC-2")] == ["Available", "Active"]
        await reconciled(stage)
        assert not await standing(stage)


async def test_two_guests_in_one_room_are_told(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101", "102"]) as stage:
        late = await stage.book("101", "15:00", "1 11:00")
        other = await stage.book("102", "15:00", "2 11:00")
        stage.clock.set("15:00")
        await stage.act(late, "check-in")
        await stage.act(other, "check-in")
        await stage.act(other, "split", start="1 15:00", units=("101",))
        await stage.tick("1 15:30")
        await reconciled(stage)
        assert ("two_sessions", "101") in await standing(stage)
        await stage.act(late, "check-out")
        await reconciled(stage)
        assert not await standing(stage)
