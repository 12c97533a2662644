"""A worker's process for chaos: each job notes itself in its own transaction, and every run of a plain one is counted.
Also a scheduler's, with a schedule each second."""

import asyncio
import sys

from holdfast.runtime.scheduler import Scheduling
from holdfast.runtime.worker import Beating, Working
from holdfast.services import logs
from holdfast.services.jobs.context import JobContext
from holdfast.services.jobs.crew import Crew, CrewLimits
from holdfast.services.jobs.registry import Registry
from holdfast.store import database
from holdfast.store.codecs import prepare

TABLES = "create table effect (n integer primary key); create table seen (n integer, attempt integer)"


def registry() -> Registry:
    made = Registry()

    async def once(ctx: JobContext, n: int) -> None:
        # a primary key: done twice it would fail
        await ctx.tx.execute("insert into effect values ($1)", n)
        await asyncio.sleep(0.001)

    async def least(ctx: JobContext, n: int) -> None:
        await ctx.pool.execute("insert into seen values ($1, $2)", n, ctx.attempt)

    async def tick(ctx: JobContext) -> None:
        await ctx.pool.execute("insert into seen values (-1, 1)")

    made.job(name="once", is_transactional=True, retries=50)(once)
    made.job(name="least", retries=50)(least)
    made.job(name="tick", retries=50)(tick)
    return made


async def main(url: str) -> None:
    # nobody reads what it says: a pipe that is full would hold it up, and whoever waits for its end
    logs.configure(log_format="json", level="warning")
    limits = database.ConnectionLimits(connections_max=12)
    pool = await database.open_pool(url, limits, init=prepare)
    functions = registry()
    crew = Crew(pool, functions, CrewLimits(capacity=20, transactions_max=4))
    loops = [Beating(crew), Working(crew), Scheduling(pool, functions)]
    print("working", flush=True)
    await asyncio.gather(*(loop.run() for loop in loops))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
