"""Jobs of the storm, for real `holdfast work` processes: their effects are counted; one kills whoever runs it."""

import asyncio
import os
import signal

from holdfast.jobs import Context, job

TABLES = """
create table effect (n integer primary key);
create table seen (n integer, attempt integer);
create table ticked (schedule bigint, at timestamptz, job bigint);
create table slept (job bigint, attempt integer, at timestamptz default clock_timestamp());
"""


@job(name="storm.once", is_transactional=True, retries=200)
async def once(ctx: Context, n: int) -> None:
    # a primary key: done twice it would fail
    await ctx.tx.execute("insert into effect values ($1)", n)
    await asyncio.sleep(0.002)


@job(name="storm.least", retries=200)
async def least(ctx: Context, n: int) -> None:
    await ctx.pool.execute("insert into seen values ($1, $2)", n, ctx.attempt)


@job(name="storm.tick", is_transactional=True, retries=200)
async def tick(ctx: Context) -> None:
    await ctx.tx.execute("insert into ticked values ($1, $2, $3)", ctx.job.schedule_id, ctx.tick_at, ctx.id)


@job(name="storm.poison", queue="poison", retries=200)
async def poison(ctx: Context) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@job(name="storm.sleep", queue="sleep", retries=200)
async def sleep(ctx: Context, seconds: float) -> None:
    await ctx.pool.execute("insert into slept values ($1, $2)", ctx.id, ctx.attempt)
    if ctx.attempt == 1:
        await asyncio.sleep(seconds)
