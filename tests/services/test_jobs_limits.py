"""Limits over all workers: how many run at once, how many start in a second, and what was held back goes on."""

import asyncio

import asyncpg
import pytest

from holdfast.services.jobs import acts, looks
from holdfast.services.jobs.acts import LimitRequest
from holdfast.services.jobs.context import JobContext
from holdfast.services.jobs.enqueueing import Options, enqueue, enqueue_many
from holdfast.services.jobs.registry import Job, Registry
from tests.services.job_stage import crew_on, db, noop, put_forward, registry, work

__all__ = ["db", "noop", "registry"]


async def put(db: asyncpg.Pool, job: Job, options: Options) -> int:
    async with db.acquire() as tx, tx.transaction():
        return (await enqueue(tx, job, {}, options)).id


@pytest.mark.parametrize("key", ["queue:default", "function:limited", "mine"])
async def test_no_more_run_at_once_than_a_limit_allows_over_all_workers(db: asyncpg.Pool, registry: Registry, key: str):
    running, most = set(), []

    async def limited(ctx: JobContext) -> None:
        running.add(ctx.id)
        most.append(len(running))
        await asyncio.sleep(0.003)
        running.discard(ctx.id)

    job: Job = registry.job(name="limited")(limited)
    limit_key = None if key.startswith("queue") else key
    await acts.set_limit(db, key, LimitRequest(running_max=3))
    async with db.acquire() as tx:
        await enqueue_many(tx, job, [{}] * 40, Options(limit_key=limit_key))
    async with crew_on(db, registry) as one, crew_on(db, registry) as other:
        await asyncio.gather(work(one, lambda: len(most) == 40), work(other, lambda: len(most) == 40))
        await asyncio.gather(work(one), work(other))
    assert max(most) <= 3 and len(most) == 40
    assert await db.fetchval("select count(*) from done where outcome = 'succeeded'") == 40
    assert await db.fetchval("select count(*) from done") == 40, "held back is no attempt"


async def test_a_rate_lets_each_job_start_at_its_own_instant(db: asyncpg.Pool, registry: Registry, noop: Job):
    await acts.set_limit(db, "slow", LimitRequest(rate_per_s=2.0, burst=2))
    async with db.acquire() as tx:
        await enqueue_many(tx, noop, [{}] * 6, Options(limit_key="slow"))
    async with crew_on(db, registry) as crew:
        await crew.limiting.refresh()
        for _ in range(5):
            await crew.take()
            await asyncio.sleep(0.002)
        assert crew.taken == 2, "the burst"
        rows = await db.fetch("select id, extract(epoch from run_at - now())::float as left_s from job order by id")
        assert [round(row["left_s"] * 2) / 2 for row in rows] == [0.5, 1.0, 1.5, 2.0]
        (reason,) = await looks.explain(db, rows[-1]["id"])
        assert reason.why == "rate_reached"
        await put_forward(db)
        await work(crew)
    assert await db.fetchval("select count(*) from done where outcome = 'succeeded'") == 6


async def test_a_limit_that_is_lifted_lets_go_of_what_it_held_back(db: asyncpg.Pool, registry: Registry):
    gate = asyncio.Event()

    @registry.job
    async def slow() -> None:
        await gate.wait()

    await acts.set_limit(db, "one", LimitRequest(running_max=1))
    ids = [await put(db, slow, Options(limit_key="one")) for _ in range(3)]
    async with crew_on(db, registry) as crew:
        await crew.limiting.refresh()
        await work(crew, lambda: crew.running == 1)
        (reason,) = await looks.explain(db, ids[2])
        assert reason.why == "limit_reached" and reason.data["holders"] == [ids[0]]
        assert reason.says == f"1 of one may run at once: {ids[0]} runs"
        await acts.drop_limit(db, "one")
        await crew.beats.look()  # type: ignore[attr-defined]
        await work(crew, lambda: crew.running == 3)
        gate.set()
        await work(crew)
