"""Procrastinate, measured: LISTEN/NOTIFY on, and as many at once as served best."""

import asyncio
from datetime import datetime

import procrastinate
from measuring import arguments


async def main() -> None:
    url, figures = arguments()
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=4, max_size=20))

    @app.task(name="noop")
    async def noop(due: float = 0.0) -> None:
        figures.started(due)

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await figures.enqueued(noop.batch_defer_async(*({"due": 0.0} for _ in range(figures.jobs))))
        worker = asyncio.create_task(
            app.run_worker_async(concurrency=20, install_signal_handlers=False, listen_notify=True)
        )

        async def put(due: float, at: datetime | None = None) -> None:
            await noop.configure(schedule_at=at).defer_async(due=due)

        await figures.drained()
        await figures.picked_up(put)
        await figures.on_time(put)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    figures.print()


asyncio.run(main())
