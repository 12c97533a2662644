"""Real `holdfast work` processes, each a worker and a scheduler, and a real PostgreSQL: killed, frozen and begun anew
at random under load, while the database's clock is stepped. No tick is lost or doubled, no job is lost, effects in a
job's own transaction happen once, what kills its workers is set aside, and the jobs of the dead run again in time."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from holdfast.jobs import enqueue, enqueue_many
from holdfast.services.jobs.registry import JOBS
from holdfast.services.schedules.acts import Schedules
from holdfast.services.schedules.values import ScheduleRequest
from holdfast.store import binaries, database, migrate
from holdfast.store.codecs import prepare
from holdfast.store.embedded import EmbeddedServer
from tests.chaos import storm_jobs

ROOT = Path(__file__).parents[2]
FAKETIME = next(Path("/usr").glob("lib/*/faketime/libfaketime.so.1"), None)
JOBS_MAX = 3_000
STORM_S = 60.0
RESCUE_S = 15.0


class Clock:
    """The database's clock, as far off as the file says. Time that passes still passes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self.offset_s = 0
        self.step(0)

    def step(self, by_s: int) -> None:
        self.offset_s += by_s
        written = self.file.with_suffix(".new")
        written.write_text(f"{self.offset_s:+d}s\n")
        written.chmod(0o644)
        written.replace(self.file)

    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip


class Crowd:
    """`holdfast work` processes on one database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.running: list[asyncio.subprocess.Process] = []
        self.begun = 0

    async def begin(self, *more: str) -> asyncio.subprocess.Process:
        self.begun += 1
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "holdfast", "work", "--modules", "tests.chaos.storm_jobs", "--jobs", "20",
            "--database-url", self.url, "--data", str(self.folder / "data"), *more,
            cwd=self.folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            env={
                **os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "HOLDFAST_POOL_CONNECTIONS_MAX": "2",
                "HOLDFAST_LOG_LEVEL": "error", "HOLDFAST_LANES": "1",
            },
        )  # fmt: skip
        self.running.append(process)
        return process

    async def keep(self, count: int) -> None:
        """So many run, whoever ended them."""
        self.running = [process for process in self.running if process.returncode is None]
        while len(self.running) < count:
            await self.begin()

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def end(self) -> None:
        for process in self.running:
            await self.kill(process)


async def count(pool: asyncpg.Pool, query: str, *args: Any) -> int:
    found: int = await pool.fetchval(query, *args)
    return found


async def until(pool: asyncpg.Pool, query: str, wanted: int, *, within_s: float, crowd: Crowd, workers: int) -> None:
    """Waits for a count, and sees to it that somebody is there to reach it."""
    async with asyncio.timeout(within_s):
        while True:
            await crowd.keep(workers)
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if await count(pool, query) == wanted:
                    return
            await asyncio.sleep(0.2)


async def storm(
    chance: random.Random, server: EmbeddedServer, clock: Clock, crowd: Crowd, *, workers: int
) -> dict[str, int]:
    """Something happens each second or so."""
    done = dict.fromkeys(("worker killed", "worker frozen", "postgres killed", "clock stepped"), 0)
    ends = time.monotonic() + STORM_S
    while time.monotonic() < ends:
        await crowd.keep(workers)
        await asyncio.sleep(chance.uniform(0.3, 2.5))
        what = chance.choices(list(done), (5, 2, 1, 3))[0]
        done[what] += 1
        victim = chance.choice(crowd.running)
        if what == "worker killed":
            await crowd.kill(victim)
        elif what == "worker frozen":
            with suppress(ProcessLookupError):
                victim.send_signal(signal.SIGSTOP)
                await asyncio.sleep(chance.choice((0.5, 12.0)))
                victim.send_signal(signal.SIGCONT)
        elif what == "clock stepped":
            clock.step(chance.choice((-45, -5, 3, 20, 90)))
        elif server.pid is not None:
            os.kill(server.pid, signal.SIGKILL)
            while server.pid is not None:
                await asyncio.sleep(0.01)
            await server.start()
    return done


async def put(pool: asyncpg.Pool, schedules: int) -> list[int]:
    """Jobs of each sort and schedules for each second; the ids of those that kill."""
    await pool.execute(storm_jobs.TABLES)
    async with pool.acquire() as tx, tx.transaction():
        await enqueue_many(tx, storm_jobs.once, [{"n": n} for n in range(JOBS_MAX)])
        await enqueue_many(tx, storm_jobs.least, [{"n": n} for n in range(JOBS_MAX)])
        poison = [(await enqueue(tx, storm_jobs.poison)).id for _ in range(2)]
    for number in range(schedules):
        request = ScheduleRequest(
            name=f"each second {number}", schedule="* * * * * *", function="storm.tick", overlap="allow", missed="all"
        )
        await Schedules(pool, JOBS).make(request, by="test")
    return poison


async def check(pool: asyncpg.Pool, poison: list[int]) -> None:
    assert await count(pool, "select count(*) from effect") == JOBS_MAX
    assert await count(pool, "select count(distinct n) from seen") == JOBS_MAX
    succeeded = "select count(*) from done where outcome = 'succeeded' and name in ('storm.once', 'storm.least')"
    assert await count(pool, succeeded) == 2 * JOBS_MAX
    twice = (
        "select count(*) from (select id from done where outcome = 'succeeded' group by id having count(*) > 1) as d"
    )
    assert await count(pool, twice) == 0
    dead = {row["id"]: row["reason"] for row in await pool.fetch("select id, reason from dead")}
    assert dead == dict.fromkeys(poison, "quarantined")
    gaps = """select count(*) from (select t.at - lag(t.at) over (partition by t.schedule_id order by t.at) as gap
        from tick t join schedule s on s.id = t.schedule_id where s.function = 'storm.tick') as g
        where gap <> interval '1 second'"""
    assert await count(pool, gaps) == 0, "a tick is lost"
    lines = "from tick t join schedule s on s.id = t.schedule_id where s.function = 'storm.tick'"
    assert await count(pool, f"select count(*) {lines} and (t.job_id is null or t.state not in ('fired', 'late'))") == 0
    assert await count(pool, f"select count(*) {lines}") == await count(pool, "select count(*) from ticked")
    assert await count(pool, "select count(*) from (select distinct schedule, at from ticked) as t") == await count(
        pool, "select count(*) from ticked"
    )


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    if FAKETIME is None:
        pytest.skip("clocks cannot be stepped without libfaketime (Debian: apt-get install libfaketime)")
    folder = Path("/tmp") if os.geteuid() == 0 else tmp_path
    made = Clock(folder)
    plain = binaries.child_environ
    monkeypatch.setattr(binaries, "child_environ", lambda: {**plain(), **made.environ()})
    yield made
    made.file.unlink()


@pytest.mark.long
@pytest.mark.parametrize(("seed", "workers"), [(1, 2), (2, 4), (3, 8)])
async def test_a_storm_loses_and_doubles_nothing(
    server_folder: Path, bindir: Path, tmp_path: Path, clock: Clock, seed: int, workers: int
):
    chance = random.Random(seed)
    server = EmbeddedServer(server_folder / "data", bindir=bindir, ballast_bytes=0)
    await server.start()
    crowd = Crowd(server.url, tmp_path)
    try:
        await migrate.migrate(server.url)
        pool = await database.open_pool(server.url, init=prepare)
        poison = await put(pool, schedules=2)
        await crowd.keep(workers)
        done = await storm(chance, server, clock, crowd, workers=workers)
        ended = "select count(*) from done where outcome = 'succeeded' and name in ('storm.once', 'storm.least')"
        await until(pool, ended, 2 * JOBS_MAX, within_s=400, crowd=crowd, workers=workers)
        await until(pool, "select count(*) from dead", len(poison), within_s=400, crowd=crowd, workers=workers)
        await pool.execute("update schedule set next_at = null")
        left = "select (select count(*) from job) + (select count(*) from running)"
        await until(pool, left, 0, within_s=120, crowd=crowd, workers=workers)
        await check(pool, poison)
        ticks = await count(pool, "select count(*) from ticked")
        lost = await count(pool, "select count(*) from done where outcome = 'lost'")
        print(f"\nseed {seed}, {workers} workers: {done}, {crowd.begun} begun, {ticks} ticks, {lost} attempts lost")
        await asyncio.wait_for(pool.close(), 10)
    finally:
        await crowd.end()
        await server.stop()


@pytest.mark.long
async def test_the_jobs_of_a_killed_process_run_again_within_fifteen_seconds(database_url: str, tmp_path: Path):
    pool = await database.open_pool(database_url, init=prepare)
    await pool.execute(storm_jobs.TABLES)
    crowd = Crowd(database_url, tmp_path)
    took: list[float] = []
    try:
        for _ in range(3):
            await crowd.keep(1)
            async with pool.acquire() as tx, tx.transaction():
                jobs = [one.id for one in await enqueue_many(tx, storm_jobs.sleep, [{"seconds": 300.0}] * 10)]
            begun = (
                "select count(*) from (select from slept where job = any($1) group by job having count(*) >= $2) as s"
            )
            async with asyncio.timeout(120):
                while await count(pool, begun, jobs, 1) < 10:
                    await asyncio.sleep(0.02)
            victim = crowd.running.pop()
            await crowd.begin()
            async with asyncio.timeout(120):
                while await count(pool, "select count(*) from worker") < 2:
                    await asyncio.sleep(0.05)
            await crowd.kill(victim)
            began = time.monotonic()
            async with asyncio.timeout(60):
                while await count(pool, begun, jobs, 2) < 10:
                    await asyncio.sleep(0.02)
            took.append(round(time.monotonic() - began, 1))
        print(f"\nrun again after {took} s")
        assert max(took) <= RESCUE_S
    finally:
        await crowd.end()
        await asyncio.wait_for(pool.close(), 10)
