"""The loops of a worker and of schedules, against real PostgreSQL and the real clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from holdfast.runtime.doorbell import Ringing
from holdfast.runtime.loop import Loop
from holdfast.runtime.scheduler import JobUpkeep, Scheduling
from holdfast.runtime.worker import Beating, Working
from holdfast.services.doorbell import ALL, Doorbell, Ring, read
from holdfast.services.jobs.crew import Crew
from holdfast.services.jobs.enqueueing import enqueue
from holdfast.services.jobs.nudge import NUDGE
from holdfast.services.jobs.registry import Registry
from holdfast.services.schedules.acts import Schedules
from holdfast.services.schedules.values import ScheduleRequest
from tests.services.job_stage import db, registry

__all__ = ["db", "registry"]


@asynccontextmanager
async def running(*loops: Loop) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    try:
        yield
    finally:
        for loop in loops:
            loop.stop()
        await asyncio.gather(*tasks)


async def test_a_job_put_in_is_picked_up_at_once_not_at_the_next_poll(db: asyncpg.Pool, registry: Registry):
    ran = asyncio.Event()

    @registry.job
    async def note() -> None:
        ran.set()

    crew = Crew(db, registry)
    async with running(Beating(crew), Working(crew)):
        async with asyncio.timeout(10):
            while crew.worker_id is None:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)  # it sleeps until its poll, five seconds on
        async with db.acquire() as tx, tx.transaction():
            await enqueue(tx, note, {})
        async with asyncio.timeout(3):
            await ran.wait()
    assert await db.fetchval("select count(*) from worker") == 0, "it has left in order"
    assert await db.fetchval("select outcome from done") == "succeeded"


async def test_a_job_put_in_by_another_process_is_rung_for(db: asyncpg.Pool, registry: Registry, database_url: str):
    ran = asyncio.Event()

    @registry.job
    async def note() -> None:
        ran.set()

    ours, theirs = Doorbell(), Doorbell()
    crew = Crew(db, registry)
    async with running(Ringing(database_url, ours), Ringing(database_url, theirs), Beating(crew), Working(crew, ours)):
        async with asyncio.timeout(10):
            while ours.is_deaf or theirs.is_deaf or crew.worker_id is None:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        async with db.acquire() as tx:
            listeners, NUDGE.listeners[:] = list(NUDGE.listeners), []  # as if it were not our process
            await enqueue(tx, note, {})
            NUDGE.listeners[:] = listeners
        theirs.queued(frozenset({"default"}))
        async with asyncio.timeout(3):
            await ran.wait()


async def test_a_schedule_fires_at_its_instant(db: asyncpg.Pool, registry: Registry):
    ran = asyncio.Event()

    @registry.job
    async def note() -> None:
        ran.set()

    crew = Crew(db, registry)
    schedules = Schedules(db, registry)
    async with running(Beating(crew), Working(crew), Scheduling(db, registry)):
        await asyncio.sleep(0.2)
        name = registry.names()[0]
        await schedules.make(ScheduleRequest(name="s", schedule="* * * * * *", function=name), by="test")
        async with asyncio.timeout(5):
            await ran.wait()
    row = await db.fetchrow("select noted_at - at as late, state from tick order by at limit 1")
    assert row is not None
    assert row["state"] == "fired" and 0 <= row["late"].total_seconds() < 1, "well before the poll"


async def test_the_upkeep_makes_the_days_tables_by_itself(db: asyncpg.Pool):
    loop = JobUpkeep(db, run_days=30)
    assert await loop.step() > 60
    assert await db.fetchval("select count(*) from pg_class where relname ~ '^done_[0-9]{8}$'") == 4


def test_rings_tell_of_queues_and_older_processes_take_them_for_anything():
    assert read("j mail\timports two") == Ring((), None, frozenset({"mail", "imports two"}))
    assert read("k whatever").queues == {ALL}
    bell = Doorbell()
    bell.queued(frozenset({"mail"}))
    assert bell.has_news and bell._jobs_payload() == "j mail"
    bell.queued(frozenset({"q" * 9_000}))
    assert bell._jobs_payload() == "j *"
