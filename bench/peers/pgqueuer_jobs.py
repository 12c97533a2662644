"""PgQueuer, measured: asyncpg driver, batches as large as served best."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import uvloop
from measuring import arguments, from_now
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries


async def main() -> None:
    url, figures = arguments()
    driver = AsyncpgDriver(await asyncpg.connect(url))
    putting = Queries(AsyncpgDriver(await asyncpg.connect(url)))
    await putting.install()
    manager = QueueManager(Queries(driver))

    @manager.entrypoint("noop")
    async def noop(job: Job) -> None:
        figures.started(float(job.payload or b"0"))

    async def put_all() -> None:
        for start in range(0, figures.jobs, 10_000):
            count = min(10_000, figures.jobs - start)
            await putting.enqueue(["noop"] * count, [b"0"] * count, [0] * count)

    async def put(due: float, at: datetime | None = None) -> None:
        await putting.enqueue("noop", str(due).encode(), execute_after=from_now(at) if at is not None else None)

    await figures.enqueued(put_all())
    worker = asyncio.create_task(manager.run(batch_size=250, dequeue_timeout=timedelta(seconds=1)))
    await figures.drained()
    await figures.picked_up(put)
    await figures.on_time(put)
    manager.shutdown.set()
    await asyncio.wait({worker}, timeout=10)
    figures.print()


uvloop.run(main())
