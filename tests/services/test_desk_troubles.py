"""Troubles that must stay where they are: one site's, one listener's, one connection's, one part's of several."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from holdfast.domain.commands import Act, Book, ChangeUnit, Together
from holdfast.domain.errors import Refusal
from holdfast.runtime.alarms import Alarms
from holdfast.services.desk import Desk, DeskLimits
from tests.stage import make_site, refused, staged

ROOMS = ["101", "102", "103"]
PCS = ["PC-1", "PC-2", "PC-3"]


async def test_a_site_with_settings_of_another_release_holds_up_no_other(pool: asyncpg.Pool):
    ill, well = await make_site(pool, "cafe", PCS), await make_site(pool, "cafe", PCS)
    await pool.execute(
        "update site set settings = $2, changed_version = 99 where id = $1", ill, b'{"of_the_next_release": 1}'
    )
    desk = Desk(pool, DeskLimits(lanes=1))
    await desk.start()
    at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    answers = await asyncio.gather(
        *(
            desk.submit(site_id, Book(uuid4(), at, at + timedelta(hours=1), ("PC-1",)), actor="t")
            for site_id in (ill, well)
        ),
        return_exceptions=True,
    )
    await desk.stop()
    assert isinstance(answers[0], Refusal)
    assert answers[0].code == "invalid_settings"
    assert not isinstance(answers[1], BaseException)


@pytest.mark.timing
async def test_a_locked_site_delays_no_alarm_of_another(pool: asyncpg.Pool):
    settings = {"grid_minutes": 0}
    locked, free = await make_site(pool, "cafe", PCS, settings), await make_site(pool, "cafe", PCS, settings)
    desk = Desk(pool, DeskLimits(lanes=1))
    await desk.start()
    alarms = Alarms(pool, desk)
    for site_id, seconds in ((locked, 0.3), (free, 0.8)):
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        await desk.submit(site_id, Book(uuid4(), end, end, ("PC-1",), walk_in=True), actor="t")
    running = asyncio.create_task(alarms.run())
    async with pool.acquire() as holder, holder.transaction():
        await holder.execute("select from site where id = $1 for update", locked)
        async with asyncio.timeout(3):
            while not await pool.fetchval("select count(*) from journal where site_id = $1 and cause = 'ended'", free):
                await asyncio.sleep(0.02)
    alarms.stop()
    await running
    await desk.stop()


async def test_a_listener_that_fails_changes_nothing_twice(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "10:00", "11:00")

        def failing(_: object) -> None:
            raise RuntimeError("a listener's bug")

        stage.desk.heard.append(failing)
        answers = await asyncio.gather(*(stage.act(booking, "extend", minutes=30) for _ in range(2)))
        assert [answer["to"][11:16] for answer in answers] == ["11:30", "12:00"]


async def test_a_new_connection_trusts_nothing_remembered(pool: asyncpg.Pool):
    # behind it there may be another server, that lost our last changes and has since reached the same version
    async with staged(pool, "cafe", PCS, limits=DeskLimits(lanes=1)) as stage:
        await stage.do(ChangeUnit("PC-1", name="Ours"))
        await pool.execute("update unit set name = 'Theirs' where site_id = $1 and code = 'PC-1'", stage.site_id)
        await pool.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        # a condition writes the whole unit: from what is there now, not from what the broken connection remembered
        await stage.condition("PC-1", "under_maintenance")
        name = await pool.fetchval("select name from unit where site_id = $1 and code = 'PC-1'", stage.site_id)
        assert name == "Theirs"


async def test_a_group_cannot_slip_into_a_blocked_unit_that_it_frees_itself(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "10:00", "11:00")
        await stage.block("PC-1", "09:30", "12:00", allow_conflicts=True)
        swap_in = Together((Act(booking, "cancel"), stage.wish("PC-1", "10:00", "11:00")))
        await refused(stage.do(swap_in), "slot_taken")
        assert await stage.state(booking) == "Booked"


async def test_a_keyed_group_of_which_nothing_could_be_done_gives_the_same_answer_again(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        taken = await stage.book("PC-1", "10:00", "11:00")
        group = Together((stage.wish("PC-1", "10:00", "11:00"),), skip=True)
        first = await stage.submit(group, key="k", body=b"1")
        await stage.act(taken, "cancel")
        again = await stage.submit(group, key="k", body=b"1")
        assert again.replayed
        assert again.body == first.body


async def test_nobody_is_moved_in_with_a_guest_who_has_not_left(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        stage.clock.set("15:00")
        overstayer, mover = await stage.book("101", "15:00", "1 11:00"), await stage.book("102", "15:00", "2 11:00")
        for stay in (overstayer, mover):
            await stage.act(stay, "check-in")
        stage.clock.set("1 13:00")
        await refused(stage.act(mover, "move", units="101"), "unit_occupied")
        await stage.act(overstayer, "check-out")
        await stage.act(mover, "move", units="101")
        assert [await stage.status(room) for room in ("101", "102")] == ["OCCUPIED", "DIRTY"]


async def test_a_swap_leaves_the_room_of_a_guest_dirty(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        stage.clock.set("15:00")
        staying, coming = await stage.book("101", "15:00", "2 11:00"), await stage.book("102", "1 15:00", "2 11:00")
        await stage.act(staying, "check-in")
        await stage.act(staying, "swap", other_id=coming)
        assert [await stage.status(room) for room in ("101", "102")] == ["DIRTY", "OCCUPIED"]


async def test_a_stay_that_comes_back_to_its_room_does_not_stand_in_its_own_way(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS, {"buffer_minutes": 60}) as stage:
        stay = await stage.book("101", "15:00", "3 11:00")
        await stage.act(stay, "split", units="102", start="1 12:00")
        await stage.act(stay, "split", units="101", start="1 12:30")
        assert [claim[1:] for claim in await stage.claims("101")] == [("15:00", "1 12:30"), ("1 12:30", "3 12:00")]


async def test_a_guest_who_comes_late_to_a_split_stay_was_never_in_its_first_room(pool: asyncpg.Pool):
    async with staged(pool, "hotel", ROOMS) as stage:
        stay = await stage.book("101", "15:00", "3 11:00")
        await stage.act(stay, "split", units="102", start="1 01:00")
        stage.clock.set("1 02:00")
        await stage.act(stay, "check-in")
        assert [await stage.status(room) for room in ("101", "102")] == ["AVAILABLE", "OCCUPIED"]


async def test_a_no_show_that_is_taken_back_gets_a_second_chance(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "10:00", "12:00")
        await stage.tick("10:20")
        assert await stage.state(booking) == "NoShow"
        await stage.act(booking, "undo")
        assert await stage.status("PC-1") == "Reserved"
        await stage.tick("10:30")
        await stage.act(booking, "start")
        await stage.tick("12:00")
        assert await stage.state(booking) == "Completed"


async def test_taking_an_early_start_back_keeps_the_plan(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "11:00", "12:00")
        stage.clock.set("10:40")
        await stage.act(booking, "start")
        assert await stage.claims("PC-1") == [("session", "10:40", "12:00")]
        back = await stage.act(booking, "undo")
        assert back["from"][11:16] == "11:00"
        assert await stage.claims("PC-1") == [("booking", "11:00", "12:00")]
