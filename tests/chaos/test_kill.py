"""`kill -9` of PostgreSQL and of a desk's process under load: nothing acknowledged is lost, nothing is half, and a key
tells what became of a command whose answer never came."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from holdfast.services.desk import Desk
from holdfast.store import database, migrate
from holdfast.store.embedded import EmbeddedServer
from tests.chaos.load import CLIENTS, UNITS, Told, nothing_lost_nothing_half
from tests.stage import make_site

BASE = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
ROOT = Path(__file__).parents[2]


async def answers_of(told: Told, count: int) -> None:
    """Returns when that many more answers have come."""
    target = len(told.made) + count
    while len(told.made) < target:
        await asyncio.sleep(0.005)


async def kill_postgres(folder: Path, bindir: Path, *, times: int, answers: int) -> None:
    server = EmbeddedServer(folder / "data", bindir=bindir, ballast_bytes=0)
    await server.start()
    try:
        await migrate.migrate(server.url)
        pool = await database.open_pool(server.url)
        site_id = await make_site(pool, "cafe", UNITS, {"grid_minutes": 0, "horizon_days": 0})
        desk = Desk(pool)
        await desk.start()
        told, stop = Told(BASE), asyncio.Event()
        clients = asyncio.create_task(told.load(desk, site_id, stop))
        url = server.url
        for n in range(times):
            await asyncio.wait_for(answers_of(told, answers + n * 37), 30)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            while server.pid is not None:
                await asyncio.sleep(0.01)
            await server.start()
            assert server.url == url, "clients find the server again"
        # the same desk serves again, without anybody's help
        await asyncio.wait_for(answers_of(told, answers), 30)
        stop.set()
        await asyncio.wait_for(clients, 30)
        await told.resolve(desk, site_id)
        await nothing_lost_nothing_half(pool, told)
        await desk.stop()
        await asyncio.wait_for(pool.close(), 10)
    finally:
        await server.stop()


async def test_postgres_killed_under_load_loses_and_halves_nothing(server_folder: Path, bindir: Path):
    await kill_postgres(server_folder, bindir, times=2, answers=200)


@pytest.mark.long
async def test_postgres_killed_thirty_times_loses_and_halves_nothing(server_folder: Path, bindir: Path):
    await kill_postgres(server_folder, bindir, times=30, answers=300)


async def kill_desks(pool: asyncpg.Pool, url: str, *, times: int, answers: int) -> None:
    """A desk's process dies again and again beside one of ours that lives on; both serve the same site."""
    site_id = await make_site(pool, "cafe", UNITS, {"grid_minutes": 0, "horizon_days": 0})
    desk = Desk(pool)
    await desk.start()
    told = Told(BASE)
    try:
        for n in range(times):
            first = n * 10_000
            arguments = ("-m", "tests.chaos.load", url, str(site_id), BASE.isoformat(), str(first))
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            )  # fmt: skip
            stop = asyncio.Event()
            told.next = first + 5_000
            ours = asyncio.create_task(told.load(desk, site_id, stop))
            assert process.stdout is not None
            last = first
            for _ in range(answers + n * 37):
                number, booking_id = (await asyncio.wait_for(process.stdout.readline(), 30)).split()
                last = max(last, int(number))
                _note(told, int(number), booking_id.decode())
            process.kill()
            rest = await process.stdout.read()
            await process.wait()
            for line in rest.splitlines():
                number, _, booking_id = line.partition(b" ")
                if len(booking_id) in (1, 36):
                    last = max(last, int(number))
                    _note(told, int(number), booking_id.decode())
            stop.set()
            await ours
            # what its clients were still waiting for when it died
            asked = range(first, last + 1 + 2 * CLIENTS)
            told.unknown |= {number for number in asked if number not in told.made and number not in told.refused}
            await told.resolve(desk, site_id)
        await nothing_lost_nothing_half(pool, told)
    finally:
        await desk.stop()


def _note(told: Told, number: int, booking_id: str) -> None:
    if booking_id == "-":
        told.refused.add(number)
    else:
        told.made[number] = booking_id


async def test_a_desk_killed_under_load_loses_and_halves_nothing(pool: asyncpg.Pool, database_url: str):
    await kill_desks(pool, database_url, times=2, answers=300)


@pytest.mark.long
async def test_a_desk_killed_thirty_times_loses_and_halves_nothing(pool: asyncpg.Pool, database_url: str):
    await kill_desks(pool, database_url, times=30, answers=400)
