"""Races: many who want the same at once, in one process, in two, and past the desk. Staged, not hoped for."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services import ahead as ahead_module
from holdfast.services.desk import Desk, DeskLimits
from holdfast.services.lane import Lane
from holdfast.store import changes
from tests.stage import Stage, refused, staged

PCS = ["PC-1", "PC-2"]


@asynccontextmanager
async def second_desk(stage: Stage, limits: DeskLimits | None = None) -> AsyncIterator[Stage]:
    """The same site through a desk of its own, as another process has it."""
    desk = Desk(stage.pool, limits, clock=stage.clock)
    await desk.start()
    try:
        yield Stage(stage.pool, desk, stage.site_id, stage.clock)
    finally:
        await desk.stop()


async def outcomes(calls: list[Awaitable[Any]]) -> list[str]:
    """ "made", or the refusal's code, of each call; anything else is a failure."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException) and not isinstance(one, Refusal):
            raise one
    return [one.code if isinstance(one, Refusal) else "made" for one in done]


async def insert_claim(pool: asyncpg.Pool, stage: Stage, unit: str, start: str, end: str) -> bool:
    """A claim written past the desk; whether there was room for it."""
    done: str = await pool.execute(
        "insert into claim (site_id, unit_id, holder_id, kind, during) "
        "select site_id, id, gen_random_uuid(), 'calendar', tstzrange($3, $4) from unit "
        "where site_id = $1 and code = $2 on conflict do nothing",
        stage.site_id, unit, stage.clock.at(start), stage.clock.at(end),
    )  # fmt: skip
    return done.endswith("1")


# -- many on one slot --------------------------------------------------------------------------------------------


async def test_of_64_who_want_one_slot_one_gets_it_and_63_learn_what_else_is_free(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        asked = [stage.book("PC-1", "10:00", "11:00") for _ in range(64)]
        done = await asyncio.gather(*asked, return_exceptions=True)
        refusals = [one for one in done if isinstance(one, Refusal)]
        assert len(refusals) == 63
        assert all(one.code == "slot_taken" and one.data["alternatives"] for one in refusals)


async def test_of_64_in_two_processes_one_gets_the_slot(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage, second_desk(stage) as other:
        for day in range(5):
            both = itertools.cycle((stage, other))
            done = await outcomes([next(both).book("PC-1", f"{day} 10:00", f"{day} 11:00") for _ in range(64)])
            assert sorted(done) == ["made"] + ["slot_taken"] * 63


async def test_with_two_processes_and_a_writer_past_the_desk_a_slot_is_still_sold_once(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage, second_desk(stage) as other:
        for day in range(8):
            start, end = f"{day + 1} 10:00", f"{day + 1} 11:00"
            calls = [who.book("PC-1", start, end) for who in (stage, other) * 16]
            raw = [asyncio.create_task(insert_claim(pool, stage, "PC-1", start, end)) for _ in range(6)]
            done = await outcomes(calls)
            sold = done.count("made") + sum([await one for one in raw])
            assert sold == 1, (done.count("made"), [one.result() for one in raw], await stage.claims("PC-1"))
        await pool.execute("delete from claim where kind = 'calendar'")


@pytest.mark.parametrize("desks", [1, 2])
async def test_overlapping_half_hours_and_midnight_are_never_sold_twice(pool: asyncpg.Pool, desks: int):
    """The replaced café sold 4:30 to 5:30 and 5:00 to 6:00 both, and forgot what crosses midnight."""
    async with staged(pool, "cafe", PCS) as stage, second_desk(stage) as other:
        spans = [("16:30", "17:30"), ("17:00", "18:00"), ("23:30", "1 00:30"), ("1 00:00", "1 01:00")]
        who = itertools.cycle((stage, other)[:desks])
        done = await outcomes([next(who).book("PC-1", *span) for span in spans * 16])
        assert done.count("made") == 2
        claims = await stage.claims("PC-1")
        assert len(claims) == 2
        assert claims[0][1] in ("16:30", "17:00")


async def test_groups_asked_for_in_opposite_orders_do_not_deadlock(pool: asyncpg.Pool):
    units = [f"PC-{n}" for n in range(6)]
    async with staged(pool, "cafe", units) as stage, second_desk(stage) as other:
        calls = []
        for n in range(60):
            group = units[n % 6 :] + units[: n % 6]
            start, end = f"{n % 20} 10:00", f"{n % 20} 11:00"
            calls.append((stage, other)[n % 2].book(group if n % 4 < 2 else group[::-1], start, end))
        done = await outcomes(calls)
        assert done.count("made") == 20
        assert set(done) == {"made", "slot_taken"}
    async with staged(pool, "cafe", units) as stage:
        # also against a writer who takes the same units in the other order, one by one, in one transaction
        async def backwards(day: int) -> None:
            async with pool.acquire() as connection, connection.transaction():
                for unit in reversed(units):
                    await insert_claim(connection, stage, unit, f"{day} 10:00", f"{day} 11:00")  # type: ignore[arg-type]

        calls = [stage.book(units, f"{day} 10:00", f"{day} 11:00") for day in range(1, 6)]
        raw = [asyncio.create_task(backwards(day)) for day in range(1, 6)]
        assert set(await outcomes(calls)) <= {"made", "slot_taken"}
        for one in await asyncio.gather(*raw, return_exceptions=True):
            assert one is None or isinstance(one, asyncpg.DeadlockDetectedError), one
        await pool.execute("delete from claim where kind = 'calendar'")


# -- decided ahead -----------------------------------------------------------------------------------------------


class Gate:
    """Stops the first statement that writes a guess, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.count = 0
        write_if = changes.write_if

        async def waiting(*arguments: Any, **more: Any) -> Any:
            self.count += 1
            if not self.reached.is_set():
                self.reached.set()
                await self.opened.wait()
            return await write_if(*arguments, **more)

        monkeypatch.setattr(ahead_module, "write_if", waiting)


async def a_guess(stage: Stage, gate: Gate) -> list[asyncio.Task[Any]]:
    """Commands of which some have been decided ahead, and wait to be written."""
    await stage.book("PC-1", "30 10:00", "30 11:00")
    spans = [(f"30 {n // 2:02}:{n % 2 * 30:02}", f"30 {n // 2:02}:{n % 2 * 30 + 29:02}") for n in range(22, 42)]
    tasks = [asyncio.create_task(stage.book("PC-1", *span)) for span in spans]
    await asyncio.wait_for(gate.reached.wait(), 5)
    return tasks


async def test_a_guess_overtaken_by_another_process_is_decided_again(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    gate = Gate(monkeypatch)
    async with staged(pool, "cafe", PCS, {"grid_minutes": 0}) as stage, second_desk(stage) as other:
        tasks = await a_guess(stage, gate)
        assert await outcomes([other.book("PC-1", "30 16:00", "30 16:29")]) == ["made"]
        gate.opened.set()
        done = await outcomes(tasks)  # type: ignore[arg-type]
        assert done.count("slot_taken") == 1
        assert done.count("made") == len(tasks) - 1
        assert gate.count >= 1


async def test_a_guess_that_meets_a_claim_written_past_the_desk_is_decided_again(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    gate = Gate(monkeypatch)
    async with staged(pool, "cafe", PCS, {"grid_minutes": 0}) as stage:
        tasks = await a_guess(stage, gate)
        assert await insert_claim(pool, stage, "PC-1", "30 16:10", "30 16:20")
        gate.opened.set()
        done = await outcomes(tasks)  # type: ignore[arg-type]
        assert done.count("slot_taken") == 1
        assert done.count("made") == len(tasks) - 1
        await pool.execute("delete from claim where kind = 'calendar'")


async def test_what_a_batch_that_failed_came_to_is_never_told(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch):
    """The batch meets a foreign claim, is served again one by one, and just then somebody else holds the site."""
    async with staged(pool, "cafe", PCS) as stage, pool.acquire() as connection:
        one_by_one, held = Lane._one_by_one, connection.transaction()

        async def meanwhile_locked(lane: Lane, taken: list[Any]) -> None:
            await held.start()
            await connection.execute("select 1 from site for update")
            await one_by_one(lane, taken)

        monkeypatch.setattr(Lane, "_one_by_one", meanwhile_locked)
        await stage.book("PC-1", "12:00", "13:00")
        assert await insert_claim(pool, stage, "PC-1", "10:00", "11:00")
        for lane in stage.desk._lanes:
            lane._guessless, lane._ahead = 9, None  # served in turn, on what is remembered
        task = asyncio.create_task(stage.book("PC-1", "10:00", "11:00"))
        await asyncio.wait([task], timeout=0.3)
        assert not task.done(), "an answer to something that is not stored"
        await held.rollback()
        await refused(task, "slot_taken")
        await pool.execute("delete from claim where kind = 'calendar'")


async def test_a_guess_whose_predecessor_fails_is_decided_again(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch):
    async with staged(pool, "cafe", PCS) as stage:
        await stage.book("PC-2", "40 10:00", "40 11:00")
        failing = itertools.count()
        write_rows = changes._write_rows

        async def sometimes(*arguments: Any, **more: Any) -> Any:
            if next(failing) in (0, 2, 3):
                raise asyncpg.DeadlockDetectedError("staged")
            return await write_rows(*arguments, **more)

        monkeypatch.setattr(changes, "_write_rows", sometimes)
        done = await outcomes([stage.book("PC-1", f"{n} 10:00", f"{n} 11:00") for n in range(1, 200)])
        assert set(done) == {"made"}
        assert next(failing) > 4
        monkeypatch.undo()


async def test_nobody_waits_for_ever_when_a_batch_is_served_one_by_one(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    """While the first of them is written, those behind are decided ahead; the second must not forget them."""
    async with staged(pool, "cafe", PCS, limits=DeskLimits(lanes=1)) as stage:
        await stage.book("PC-1", "200 10:00", "200 11:00")
        write_rows, failing = changes._write_rows, itertools.count()

        async def once(*arguments: Any, **more: Any) -> Any:
            if next(failing) == 0:
                raise RuntimeError("staged")
            return await write_rows(*arguments, **more)

        monkeypatch.setattr(changes, "_write_rows", once)
        for lane in stage.desk._lanes:
            lane._ahead = None
        halves = [f"200 {n // 2:02}:{n % 2 * 30:02}" for n in range(22, 46)]
        asked = [stage.book("PC-1", *span) for span in itertools.pairwise(halves)]
        assert await asyncio.wait_for(outcomes(asked), 5) == ["made"] * len(asked)  # type: ignore[arg-type]


async def test_nobody_is_refused_from_memory_after_somebody_freed_the_unit_past_the_desk(pool: asyncpg.Pool):
    async with staged(pool, "cafe", PCS) as stage:
        ghost = await stage.book("PC-1", "10:00", "11:00")
        await refused(stage.book("PC-1", "10:00", "11:00"), "slot_taken")
        await pool.execute("delete from claim")
        made = await stage.book("PC-1", "10:30", "11:30")
        assert await stage.claims("PC-1") == [("booking", "10:30", "11:30")]
        await stage.act(ghost, "cancel")
        assert await stage.claims("PC-1") == [("booking", "10:30", "11:30")]
        assert await stage.state(made) == "Booked"


# -- a commit whose answer is lost -------------------------------------------------------------------------------


class LosingConnections:
    """Makes the next transaction or guess of a desk lose its connection: before it is committed, or just after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
        self.left = 0
        commit = asyncpg.transaction.Transaction.commit
        write_if = changes.write_if

        async def lost(self_: Any, do: Callable[[], Awaitable[Any]], connection: Any) -> Any:
            if self.left <= 0:
                return await do()
            self.left -= 1
            if after:
                await do()
            connection.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

        async def losing_commit(transaction: Any) -> Any:
            return await lost(self, lambda: commit(transaction), transaction._connection)

        async def losing_write(connection: Any, *more: Any, **named: Any) -> Any:
            return await lost(self, lambda: write_if(connection, *more, **named), connection)

        monkeypatch.setattr(asyncpg.transaction.Transaction, "commit", losing_commit)
        monkeypatch.setattr(ahead_module, "write_if", losing_write)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("count", [1, 100])
async def test_a_commit_whose_answer_is_lost_has_exactly_one_effect(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, after: bool, count: int
):
    losing = LosingConnections(monkeypatch, after=after)
    async with staged(pool, "cafe", PCS, limits=DeskLimits(lanes=1)) as stage:
        await stage.book("PC-1", "200 10:00", "200 11:00")
        heard: list[int] = []
        stage.desk.heard.append(lambda events: heard.extend(event.version for _, event in events))
        before = await stage.version()
        losing.left = 2
        done = await outcomes([stage.book("PC-1", f"{n} 10:00", f"{n} 11:00") for n in range(1, count + 1)])
        assert done == ["made"] * count
        losing.left = 0
        assert await pool.fetchval("select count(*) from claim") == count + 1
        assert await pool.fetchval("select count(*) from journal where type = 'booking.created'") == count + 1
        assert heard == list(range(before + 1, await stage.version() + 1))


async def test_an_outcome_nobody_can_learn_is_called_unknown_and_the_key_tells_it_later(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    losing = LosingConnections(monkeypatch, after=True)
    async with staged(pool, "cafe", PCS, limits=DeskLimits(lanes=1, answer_s=0.4)) as stage:
        losing.left = 1
        async with pool.acquire() as connection:
            held = connection.transaction()
            task = asyncio.create_task(stage.submit(stage.wish("PC-1", "10:00", "11:00"), key="k", body=b"b"))
            while losing.left:
                await asyncio.sleep(0)
            # the site cannot be looked at: somebody has locked it for good
            await held.start()
            await connection.execute("select 1 from site for update")
            await refused(task, "outcome_unknown")
            await held.rollback()
        again = await stage.submit(stage.wish("PC-1", "10:00", "11:00"), key="k", body=b"b")
        assert again.replayed
        assert await stage.claims("PC-1") == [("booking", "10:00", "11:00")]
        stage.clock.now += timedelta(seconds=1)
        await stage.book("PC-2", "10:00", "11:00")
