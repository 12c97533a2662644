"""Real server processes on real time: nothing twice, early or forgotten, whatever their own clocks say."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from holdfast.domain.commands import Book, Together
from holdfast.services.desk import Desk
from holdfast.services.identity import new_id
from tests.stage import check_promises, make_site

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests-only"
SERVE = ("-m", "holdfast", "serve", "--port", "0")
# a machine whose clocks are wrong from the start, and are set to another hour while the server runs
SHIFTED = """
import time, sys, threading
start = time.monotonic()
def wall(real):
    return lambda: real() + shift(real is true_ns)
def shift(is_ns):
    seconds = FIRST if true_monotonic() - start < 4 else THEN
    return seconds * 1_000_000_000 if is_ns else seconds
true, true_ns, true_monotonic = time.time, time.time_ns, time.monotonic
time.time, time.time_ns = wall(true), wall(true_ns)
time.monotonic = lambda: true_monotonic() + (3600 if true_monotonic() - start >= 4 else 0)
sys.argv = ["holdfast", "serve", "--port", "0"]
from holdfast.cli import main
main()
"""


@contextlib.asynccontextmanager
async def serving(url: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server process once it answers; ended at the end, if it still runs."""
    environment = {
        **os.environ, "HOLDFAST_DATABASE_URL": url, "HOLDFAST_ADMIN_TOKEN": TOKEN, "PYTHONPATH": str(ROOT / "src"),
        "HOLDFAST_LOG_LEVEL": "warning",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(40):
            while b"http://" not in (line := await process.stdout.readline()):
                assert line, "the server ended before it was ready"
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)


async def make_sessions(pool: asyncpg.Pool, sites: int, units: int, *, after_s: float, spread_s: float) -> int:
    """Sessions that end spread over a while, made by a desk that is gone before the first does."""
    codes = [f"PC-{n}" for n in range(units)]
    site_ids = [await make_site(pool, "cafe", codes, {"grid_minutes": 0}) for _ in range(sites)]
    desk = Desk(pool)
    await desk.start()
    first = await pool.fetchval("select now()") + timedelta(seconds=after_s)
    step = timedelta(seconds=spread_s / units)
    for site_id in site_ids:
        parts = (Book(new_id(), first, first + n * step, (code,), walk_in=True) for n, code in enumerate(codes))
        await desk.submit(site_id, Together(tuple(parts)), actor="test")
    await desk.stop()
    return sites * units


async def all_ended_once_and_never_early(pool: asyncpg.Pool, count: int, *, late_max_s: float) -> None:
    async with asyncio.timeout(40):
        while await pool.fetchval("select exists (select 1 from claim)"):
            await asyncio.sleep(0.05)
    rows = await pool.fetch(
        "select count(*) as times, min(at - effective_at) as least, max(at - effective_at) as most from journal "
        "where type = 'booking.completed' group by site_id, subject"
    )
    assert len(rows) == count and {row["times"] for row in rows} == {1}
    assert min(row["least"] for row in rows) >= timedelta(0)
    assert max(row["most"] for row in rows) < timedelta(seconds=late_max_s)
    await check_promises(pool)


async def test_two_servers_end_each_session_once_also_when_one_is_killed(pool: asyncpg.Pool, database_url: str):
    async with serving(database_url, *SERVE) as one, serving(database_url, *SERVE):
        count = await make_sessions(pool, 4, 60, after_s=1.5, spread_s=3)
        await asyncio.sleep(3)
        one.kill()
        await all_ended_once_and_never_early(pool, count, late_max_s=5)


@pytest.mark.parametrize(("first", "then"), [(3600, -3600), (-3600, 3600)])
async def test_a_server_whose_clocks_are_an_hour_wrong_and_jump_does_nothing_early_or_late(
    pool: asyncpg.Pool, database_url: str, first: int, then: int
):
    program = SHIFTED.replace("FIRST", str(first)).replace("THEN", str(then))
    async with serving(database_url, "-c", program):
        count = await make_sessions(pool, 2, 40, after_s=1, spread_s=6)
        await all_ended_once_and_never_early(pool, count, late_max_s=5)
