"""`kill -9` of workers, schedulers and PostgreSQL under load: every job is done, effects in the job's own transaction
exactly once, others at least once, and each tick of a schedule has one line and one job."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from holdfast.services.jobs import beats
from holdfast.services.jobs.enqueueing import enqueue_many
from holdfast.services.schedules.acts import Schedules
from holdfast.services.schedules.values import ScheduleRequest
from holdfast.store import database, migrate
from holdfast.store.codecs import prepare
from holdfast.store.embedded import EmbeddedServer
from tests.chaos.job_load import TABLES, registry

ROOT = Path(__file__).parents[2]
LOST = 40
"""No worker takes more at a time than this, so no more can be lost with it."""


class Workers:
    """Processes that work on a database, killed and begun anew."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.processes: list[asyncio.subprocess.Process] = []

    async def begin(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.job_load", self.url, cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        )  # fmt: skip
        assert process.stdout is not None
        assert (await asyncio.wait_for(process.stdout.readline(), 30)).strip() == b"working"
        self.processes.append(process)

    async def kill_one(self) -> None:
        process = self.processes.pop(0)
        process.kill()
        await process.wait()

    async def end(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def count(pool: asyncpg.Pool, query: str) -> int:
    found: int = await pool.fetchval(query)
    return found


async def until(pool: asyncpg.Pool, query: str, wanted: int, within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while True:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if await count(pool, query) >= wanted:
                    return
            await asyncio.sleep(0.05)


async def put(pool: asyncpg.Pool, jobs: int) -> None:
    await pool.execute(TABLES)
    functions = registry()
    async with pool.acquire() as tx, tx.transaction():
        await enqueue_many(tx, functions.find("once"), [{"n": n} for n in range(jobs)])
        await enqueue_many(tx, functions.find("least"), [{"n": n} for n in range(jobs)])
    schedules = Schedules(pool, functions)
    request = ScheduleRequest(
        name="each second", schedule="* * * * * *", function="tick", overlap="allow", missed="all"
    )
    await schedules.make(request, by="test")


async def check(pool: asyncpg.Pool, jobs: int) -> dict[str, int]:
    """Nothing lost, nothing doubled; how often something was lost and done again."""
    assert await count(pool, "select count(*) from effect") == jobs
    assert await count(pool, "select count(distinct n) from seen where n >= 0") == jobs
    assert await count(pool, "select count(*) from dead") == 0, await pool.fetch("select name, error from dead limit 3")
    done = "select count(*) from done where outcome = 'succeeded' and name in ('once', 'least')"
    assert await count(pool, done) == 2 * jobs
    doubled = (
        "select count(*) from (select id from done where outcome = 'succeeded' group by id having count(*) > 1) as d"
    )
    assert await count(pool, doubled) == 0
    gaps = """select count(*) from (select at - lag(at) over (order by at) as gap from tick) as g
        where gap <> interval '1 second'"""
    assert await count(pool, gaps) == 0, "a tick is lost"
    assert await count(pool, "select count(*) from tick where job_id is null or state not in ('fired', 'late')") == 0
    ticked = """select count(*) from tick t where 1 <> (select count(*) from done d where d.id = t.job_id
        and d.outcome = 'succeeded') and t.at < now() - interval '3 s'"""
    assert await count(pool, ticked) == 0
    return {"lost": await count(pool, "select count(*) from done where outcome = 'lost'")}


async def drained(pool: asyncpg.Pool, jobs: int) -> None:
    done = "select count(*) from done where outcome = 'succeeded' and name in ('once', 'least')"
    await until(pool, done, 2 * jobs, 120)
    await pool.execute("update schedule set next_at = null")
    async with asyncio.timeout(60):
        while await count(pool, "select (select count(*) from job) + (select count(*) from running)"):
            await asyncio.sleep(0.1)


async def kill_workers(pool: asyncpg.Pool, url: str, *, times: int, jobs: int) -> dict[str, int]:
    await put(pool, jobs)
    workers = Workers(url)
    try:
        await workers.begin()
        await workers.begin()
        for n in range(1, times + 1):
            await until(pool, "select count(*) from effect", min(jobs * n // (times + 2), jobs - 1))
            await workers.kill_one()
            await workers.begin()
        await drained(pool, jobs)
    finally:
        await workers.end()
    return await check(pool, jobs)


async def test_workers_killed_under_load_lose_and_double_nothing(database_url: str):
    pool = await database.open_pool(database_url, init=prepare)
    await kill_workers(pool, database_url, times=2, jobs=1_000)
    await asyncio.wait_for(pool.close(), 10)


@pytest.mark.long
async def test_workers_killed_twenty_times_lose_and_double_nothing(database_url: str):
    pool = await database.open_pool(database_url, init=prepare)
    found = await kill_workers(pool, database_url, times=20, jobs=10_000)
    assert found["lost"] <= 20 * LOST
    await asyncio.wait_for(pool.close(), 10)


async def kill_postgres(folder: Path, bindir: Path, *, times: int, jobs: int) -> None:
    server = EmbeddedServer(folder / "data", bindir=bindir, ballast_bytes=0)
    await server.start()
    workers = Workers(server.url)
    try:
        await migrate.migrate(server.url)
        pool = await database.open_pool(server.url, init=prepare)
        await put(pool, jobs)
        await workers.begin()
        await workers.begin()
        for n in range(1, times + 1):
            await until(pool, "select count(*) from effect", min(jobs * n // (times + 2), jobs - 1))
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            while server.pid is not None:
                await asyncio.sleep(0.01)
            await server.start()
        await drained(pool, jobs)
        assert all(process.returncode is None for process in workers.processes), "workers go on without help"
        await check(pool, jobs)
        await asyncio.wait_for(pool.close(), 10)
    finally:
        await workers.end()
        await server.stop()


async def test_postgres_killed_under_working_workers_loses_and_doubles_nothing(server_folder: Path, bindir: Path):
    await kill_postgres(server_folder, bindir, times=1, jobs=600)


@pytest.mark.long
async def test_postgres_killed_ten_times_under_workers_loses_and_doubles_nothing(server_folder: Path, bindir: Path):
    await kill_postgres(server_folder, bindir, times=10, jobs=5_000)


async def test_a_dead_workers_jobs_are_rescued_within_fifteen_seconds(database_url: str):
    assert beats.SILENT_S + beats.BEAT_S + beats.LOOK_S < 15
