"""Jobs for tests: a registry of their own, a crew that is stepped by hand, and what became of a job."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from holdfast.services.jobs.beats import Beats
from holdfast.services.jobs.crew import Crew, CrewLimits
from holdfast.services.jobs.registry import Job, Registry
from holdfast.store import database
from holdfast.store.codecs import prepare


@asynccontextmanager
async def jobs_pool(url: str, connections: int = 12) -> AsyncIterator[asyncpg.Pool]:
    limits = database.ConnectionLimits(connections_max=connections)
    pool = await database.open_pool(url, limits, init=prepare)
    try:
        yield pool
    finally:
        await asyncio.wait_for(pool.close(), 10)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with jobs_pool(database_url) as pool:
        yield pool


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def noop(registry: Registry) -> Job:
    async def noop(n: int = 0) -> None: ...

    made: Job = registry.job(name="noop")(noop)
    return made


@asynccontextmanager
async def crew_on(
    pool: asyncpg.Pool, registry: Registry, limits: CrewLimits | None = None, **more: Any
) -> AsyncIterator[Crew]:
    """A worker that is known to the database, and takes nothing by itself."""
    crew = Crew(pool, registry, limits, **more)
    crew.beats = Beats(crew)  # type: ignore[attr-defined]
    await crew.beats.look()  # type: ignore[attr-defined]
    try:
        yield crew
    finally:
        await crew.stop(5)


async def work(crew: Crew, until: Callable[[], bool] | None = None) -> None:
    """Takes and runs until nothing is due and all ends are written, or the condition holds."""
    async with asyncio.timeout(20):
        while True:
            ended = crew.acks.written
            wait_s = await crew.take()
            await asyncio.sleep(0)
            if until is not None:
                if until():
                    return
                await asyncio.sleep(0.002)
                continue
            if crew.running == 0:
                await crew.settled()
                if wait_s > 0.01 and crew.running == 0 and crew.acks.written == ended:
                    return
            await asyncio.sleep(0.001)


async def outcomes(pool: asyncpg.Pool, id: int) -> list[str]:
    """What became of each attempt at a job."""
    rows = await pool.fetch("select outcome from done where id = $1 order by attempt, finished_at", id)
    return [row["outcome"] for row in rows]


async def stage_of(pool: asyncpg.Pool, id: int) -> str:
    """The table a job is in."""
    for table in ("job", "running", "dead"):
        if await pool.fetchval(f"select true from {table} where id = $1", id):
            return table
    return "gone"


async def put_forward(pool: asyncpg.Pool) -> None:
    """Lets all that waits for a time be due now."""
    await pool.execute("update job set run_at = now() - interval '1 s' where run_at < 'infinity'")
