"""Holdfast, measured: worker, beats and history as in `holdfast work`."""

import asyncio
from datetime import datetime

import uvloop
from measuring import arguments

from holdfast.runtime.worker import Beating, Working
from holdfast.services.jobs.crew import Crew, CrewLimits
from holdfast.services.jobs.enqueueing import Options, enqueue, enqueue_many
from holdfast.services.jobs.registry import Registry
from holdfast.store import database, migrate
from holdfast.store.codecs import prepare


async def main() -> None:
    url, figures = arguments()
    await migrate.migrate(url)
    pool = await database.open_pool(url, database.ConnectionLimits(connections_max=10), init=prepare)
    registry = Registry()

    @registry.job(name="noop")
    async def noop(due: float = 0.0) -> None:
        figures.started(due)

    async def put_all() -> None:
        async with pool.acquire() as tx:
            await enqueue_many(tx, noop, [{"due": 0.0}] * figures.jobs)

    async def put(due: float, at: datetime | None = None) -> None:
        async with pool.acquire() as tx:
            await enqueue(tx, noop, {"due": due}, Options(starts_at=at))

    await figures.enqueued(put_all())
    await pool.execute("vacuum analyze job")
    crew = Crew(pool, registry, CrewLimits(capacity=500))
    loops = [Beating(crew), Working(crew)]
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    await figures.drained()
    await figures.picked_up(put)
    await figures.on_time(put)
    for loop in loops:
        loop.stop()
    await asyncio.gather(*tasks)
    await pool.close()
    figures.print()


uvloop.run(main())
