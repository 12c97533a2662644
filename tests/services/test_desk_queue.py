"""The desk as a queue: keys, callers that give up, bounds, sites locked by others, the end."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from holdfast.domain.commands import Tick
from holdfast.domain.errors import Refusal
from holdfast.services.desk import Desk, DeskLimits
from tests.stage import Stage, make_site, refused, staged

PCS = ["PC-1", "PC-2", "PC-3"]


async def locked(connection: asyncpg.Connection, site_id: int) -> asyncpg.connection.transaction.Transaction:
    """Holds the site's row as a frozen process would; roll back to let go."""
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("select 1 from site where id = $1 for update", site_id)
    return transaction


# -- keys --------------------------------------------------------------------------------------------------------


async def test_the_same_key_and_body_give_the_same_answer_byte_for_byte_and_one_effect(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        answers = [await stage.submit(stage.wish("PC-1", "10:00", "11:00"), key="k", body=b"b") for _ in range(3)]
        assert len({(one.status, one.body, one.version) for one in answers}) == 1
        assert [one.replayed for one in answers] == [False, True, True]
        assert await stage.claims("PC-1") == [("booking", "10:00", "11:00")]
        # also when the first is long over, and its like would be refused by now
        stage.clock.set("2 00:00")
        again = await stage.submit(stage.wish("PC-1", "10:00", "11:00"), key="k", body=b"b")
        assert again.body == answers[0].body


@pytest.mark.parametrize("count", [2, 40])
async def test_the_same_key_sent_many_times_at_once_has_one_effect(pool: asyncpg.Pool, count: int):
    async with staged(pool, "cafe", PCS) as stage:
        wishes = [stage.wish("PC-1", "10:00", "11:00") for _ in range(count)]
        answers = await asyncio.gather(*(stage.submit(wish, key="k", body=b"b") for wish in wishes))
        assert len({(one.status, one.body, one.version) for one in answers}) == 1
        assert sum(not one.replayed for one in answers) == 1
        assert await pool.fetchval("select count(*) from booking") == 1


async def test_a_key_with_another_body_is_refused_and_a_refused_request_keeps_no_key(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        first = await stage.book("PC-1", "10:00", "11:00")
        await refused(stage.submit(stage.wish("PC-1", "10:00", "11:00"), key="k", body=b"1"), "slot_taken")
        await stage.act(first, "cancel")
        made = await stage.submit(stage.wish("PC-1", "10:00", "11:00"), key="k", body=b"1")
        assert not made.replayed
        wishes = [(stage.wish("PC-2", "10:00", "11:00"), b"2"), (stage.wish("PC-3", "10:00", "11:00"), b"1")]
        other, same = await asyncio.gather(
            *(stage.submit(wish, key="k", body=body) for wish, body in wishes), return_exceptions=True
        )
        assert isinstance(other, Refusal)
        assert other.code == "key_reused"
        assert not isinstance(same, BaseException)
        assert same.body == made.body
        assert await stage.claims("PC-2") == []


async def test_one_key_at_two_sites_are_two_keys(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage, staged(pool, "cafe", PCS) as other:
        one, two = await asyncio.gather(
            *(where.submit(where.wish("PC-1", "10:00", "11:00"), key="k", body=b"b") for where in (stage, other))
        )
        assert one.body != two.body


async def test_a_key_given_through_one_desk_is_known_to_every_other(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        other = Desk(pool, clock=stage.clock)
        await other.start()
        try:
            elsewhere = Stage(pool, other, stage.site_id, stage.clock)
            for n in range(20):
                answers = await asyncio.gather(
                    *(
                        where.submit(where.wish("PC-1", f"{n + 1} 10:00", f"{n + 1} 11:00"), key=f"k{n}")
                        for where in (stage, elsewhere) * 3
                    )
                )
                assert len({one.body for one in answers}) == 1
        finally:
            await other.stop()


# -- callers and bounds ------------------------------------------------------------------------------------------


async def test_a_caller_that_gives_up_stops_neither_its_command_nor_the_others(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        wishes = [stage.wish("PC-1", f"{n} 10:00", f"{n} 11:00") for n in range(1, 31)]
        tasks = [asyncio.create_task(stage.submit(wish)) for wish in wishes]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(one, asyncio.CancelledError) for one in done) == 15
        await stage.tick()
        assert await pool.fetchval("select count(*) from claim") == 30


async def test_beyond_its_bound_the_queue_answers_busy_and_goes_on(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS, limits=DeskLimits(lanes=1, waiting_max=10)) as stage:
        wishes = [stage.wish("PC-1", f"{n} 10:00", f"{n} 11:00") for n in range(1, 41)]
        done = await asyncio.gather(*(stage.submit(wish) for wish in wishes), return_exceptions=True)
        codes = [one.code for one in done if isinstance(one, Refusal)]
        assert codes == ["busy"] * 30
        await stage.book("PC-2", "10:00", "11:00")


async def test_a_stopping_desk_finishes_what_waits_and_takes_no_more(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        desk = Desk(pool, clock=stage.clock)
        await desk.start()
        leaving = Stage(pool, desk, stage.site_id, stage.clock)
        tasks = [asyncio.create_task(leaving.book("PC-1", f"{n} 10:00", f"{n} 11:00")) for n in range(1, 51)]
        await asyncio.sleep(0)
        await desk.stop()
        assert all(task.done() for task in tasks)
        await asyncio.gather(*tasks)
        await refused(leaving.book("PC-2", "10:00", "11:00"), "unavailable")
        assert pool.get_size() - pool.get_idle_size() <= 2, "its connections are given back"


async def test_a_site_that_does_not_exist_is_told_so_and_holds_nobody_up(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        ghost = Stage(pool, stage.desk, 999_999, stage.clock)
        lost = asyncio.create_task(ghost.submit(ghost.wish("PC-1", "10:00", "11:00")))
        await stage.book("PC-1", "10:00", "11:00")
        await refused(lost, "unknown_site")


async def test_a_bug_in_one_command_fails_that_command_alone(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        good = [stage.book("PC-1", f"{n} 10:00", f"{n} 11:00") for n in range(1, 5)]
        same = stage.wish("PC-2", "10:00", "11:00", id=uuid4())
        await stage.submit(same)
        twice = stage.wish("PC-3", "12:00", "13:00", id=same.id)  # an id that is taken: no caller of ours does that
        done = await asyncio.gather(*good, stage.submit(twice), return_exceptions=True)
        assert not any(isinstance(one, BaseException) for one in done[:4])
        assert isinstance(done[4], Exception)
        await stage.book("PC-3", "10:00", "11:00")


# -- sites locked by others --------------------------------------------------------------------------------------


async def test_a_site_locked_elsewhere_holds_up_only_its_own_commands(pool: asyncpg.Pool):
    limits = DeskLimits(lanes=1)
    async with staged(pool, "cafe", PCS, limits=limits) as stage:
        other_id = await make_site(pool, "cafe", PCS, clock=stage.clock)
        other = Stage(pool, stage.desk, other_id, stage.clock)
        async with pool.acquire() as connection:
            held = await locked(connection, stage.site_id)
            waiting = [asyncio.create_task(stage.book("PC-1", f"{n} 10:00", f"{n} 11:00")) for n in range(1, 4)]
            loop = asyncio.get_running_loop()
            worst = 0.0
            for n in range(1, 200):
                began = loop.time()
                await other.book("PC-1", f"{n} 10:00", f"{n} 11:00")
                worst = max(worst, loop.time() - began)
                if loop.time() - began > 2:
                    break
            assert worst < 2.0, "others wait for a lock that is not theirs"
            assert not any(task.done() for task in waiting)
            await held.rollback()
        await asyncio.gather(*waiting)
        assert len(await stage.claims("PC-1")) == 3


async def test_a_site_locked_for_too_long_is_told_so_and_nothing_is_changed(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS, limits=DeskLimits(lanes=1, answer_s=0.5)) as stage:
        async with pool.acquire() as connection:
            held = await locked(connection, stage.site_id)
            with pytest.raises(Refusal) as told:
                await stage.book("PC-1", "10:00", "11:00")
            assert told.value.code in ("busy", "unavailable")
            await held.rollback()
        await stage.submit(Tick())
        assert await stage.claims("PC-1") == []
        await stage.book("PC-1", "10:00", "11:00")
