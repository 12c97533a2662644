"""For tests of code that uses Holdfast: jobs run when the test says so, on a clock that the test moves.

    async with jobs_on(url, registry) as stage:
        async with stage.pool.acquire() as tx:
            await enqueue(tx, send_welcome, to="ada@example.org")
        assert [run.outcome for run in await stage.run()] == ["succeeded"]
        await stage.advance(hours=1)      # retries and schedules that are due by then
        await stage.run()

It needs a real PostgreSQL: there is no fake database here that could behave otherwise than the real one.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from holdfast.services.jobs import looks
from holdfast.services.jobs.beats import Beats
from holdfast.services.jobs.crew import Crew, CrewLimits
from holdfast.services.jobs.looks import JobFilter, RunView
from holdfast.services.jobs.registry import JOBS, Registry
from holdfast.services.schedules.acts import Schedules
from holdfast.services.schedules.firing import fire_due
from holdfast.store import job_upkeep
from holdfast.store import jobs as store
from holdfast.store.codecs import prepare
from holdfast.store.database import ConnectionLimits, open_pool
from holdfast.store.migrate import migrate

ROUND_S = 30.0
"""How long one `run` may take."""
ROUNDS_MAX = 1_000
IDLE_S = 0.05


class Stage:
    """A worker that runs only when told to, and a clock that goes only when moved (and as the real one does)."""

    def __init__(self, pool: asyncpg.Pool, crew: Crew) -> None:
        self.pool = pool
        self.crew = crew
        self.schedules = Schedules(pool, crew.registry)
        self._ahead = timedelta()
        self._seen = 0

    async def now(self) -> datetime:
        """What time it is on the stage."""
        return await store.clock(self.pool) + self._ahead

    async def run(self) -> list[RunView]:
        """Fires schedules that are due and runs jobs until none is any more; the attempts that have ended by it."""
        for _ in range(ROUNDS_MAX):
            fired = await fire_due(self.pool, self.crew.registry, now=await self.now())
            if fired.next_in_s is None or fired.next_in_s > 0:
                break
        return await self.run_jobs()

    async def run_jobs(self) -> list[RunView]:
        """Runs jobs until none is due any more; the attempts that have ended by it."""
        before = {(run.job, run.attempt) for run in await self._runs()}
        async with asyncio.timeout(ROUND_S):
            while True:
                ended = self.crew.acks.written
                wait_s = await self.crew.take()
                if self.crew.running:
                    await asyncio.sleep(0.001)
                    continue
                await self.crew.settled()
                if self.crew.acks.written != ended:
                    continue  # others may have been waiting for these
                if wait_s > IDLE_S and not self.crew.running:
                    break
                await asyncio.sleep(min(wait_s, IDLE_S))
        while self.crew.notes.has_news:
            await self.crew.notes.write(self.pool)
        return [run for run in await self._runs() if (run.job, run.attempt) not in before]

    async def advance(self, **span: float) -> None:
        """Moves the clock ahead (`hours=1, minutes=5`): what waits for a time waits for that much less."""
        delta = timedelta(**span)
        self._ahead += delta
        await job_upkeep.bring_forward(self.pool, delta)

    async def _runs(self) -> list[RunView]:
        return list(reversed(await looks.runs(self.pool, JobFilter(), limit=looks.PAGE_MAX)))


@asynccontextmanager
async def jobs_on(
    url: str, registry: Registry = JOBS, *, services: Mapping[str, Any] | None = None, capacity: int = 10
) -> AsyncIterator[Stage]:
    """A stage on the database of a URL, which is migrated if need be; nothing else may work on it meanwhile."""
    await migrate(url)
    pool = await open_pool(url, ConnectionLimits(connections_max=12), application_name="holdfast test", init=prepare)
    try:
        crew = Crew(pool, registry, CrewLimits(capacity=capacity), services=services)
        await Beats(crew, name="stage").look()
        try:
            yield Stage(pool, crew)
        finally:
            await crew.stop(1.0)
    finally:
        await asyncio.wait_for(pool.close(), 10)
