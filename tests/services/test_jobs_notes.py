"""What handlers tell while they run: progress and log lines."""

import asyncio

import asyncpg
import pytest

from holdfast.services.jobs.context import JobContext
from holdfast.services.jobs.enqueueing import enqueue
from holdfast.services.jobs.registry import Registry
from tests.services.job_stage import crew_on, db, registry, work

__all__ = ["db", "registry"]


async def test_progress_and_log_lines_are_kept_with_the_run(db: asyncpg.Pool, registry: Registry):
    gate = asyncio.Event()

    @registry.job
    async def tells(ctx: JobContext) -> None:
        ctx.log("began")
        ctx.progress(3, 10, "rows")
        ctx.log("odd \x00 thing", "warning")
        with pytest.raises(RuntimeError, match="transaction"):
            _ = ctx.tx
        await gate.wait()

    async with db.acquire() as tx:
        put = await enqueue(tx, tells, {})
    async with crew_on(db, registry) as crew:
        await work(crew, lambda: crew.running == 1)
        await asyncio.sleep(0)
        await crew.notes.write(db)
        row = await db.fetchrow("select progress_done, progress_total, progress_note from running")
        assert row is not None and tuple(row) == (3, 10, "rows")
        gate.set()
        await work(crew)
    lines = await db.fetch("select number, level, text from job_log where job_id = $1 order by number", put.id)
    assert [tuple(line) for line in lines] == [(1, "info", "began"), (2, "warning", "odd  thing")]


async def test_a_hundred_thousand_log_lines_hold_nobody_up(db: asyncpg.Pool, registry: Registry):
    @registry.job
    async def chatty(ctx: JobContext) -> None:
        for n in range(100_000):
            ctx.log(f"line {n}")

    async with db.acquire() as tx:
        await enqueue(tx, chatty, {})
    async with crew_on(db, registry) as crew:
        await work(crew)
        while crew.notes.has_news:
            await crew.notes.write(db)
    last = await db.fetchrow("select number, text from job_log order by number desc limit 1")
    assert last is not None and tuple(last) == (10_000, "more lines follow than are kept")
