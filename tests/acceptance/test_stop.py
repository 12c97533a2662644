"""Stopping a real process under load: in order at the first signal, at once at the second; nothing acknowledged is
lost and nothing is half, either way."""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from holdfast.store import database
from tests.conftest import DATA
from tests.stage import check_promises, make_site

ROOT = Path(__file__).parents[2]
CLIENTS = 32
UNITS = [f"PC-{n}" for n in range(16)]
BASE = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
SHUTDOWN_S = 10.0
SECOND_SIGNAL_CODE = 130


class Process:
    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address

    def signal(self) -> float:
        self.process.send_signal(signal.SIGTERM)
        return time.monotonic()

    async def ended(self, within_s: float) -> int:
        return await asyncio.wait_for(self.process.wait(), within_s)


@asynccontextmanager
async def serving(url: str | None = None, *, data: Path = DATA) -> AsyncIterator[Process]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    environ |= {"PYTHONPATH": str(ROOT / "src"), "HOLDFAST_SHUTDOWN_TIMEOUT_S": str(SHUTDOWN_S)}
    environ |= {"HOLDFAST_DATABASE_URL": url} if url is not None else {}
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "holdfast", "serve", "--port", "0", "--data", str(data),
            env=environ, stdout=asyncio.subprocess.PIPE, stderr=said,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
            if "http://" not in line:
                await process.wait()
                said.seek(0)
                raise AssertionError(said.read().decode())
            yield Process(process, "http://" + line.split("http://")[1].strip())
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


class Load:
    """Clients that book slots of their own, one after another, until nobody answers; and what they were told."""

    def __init__(self, address: str, site_id: int) -> None:
        self.address = address
        self.site_id = site_id
        self.acknowledged: dict[str, str] = {}
        self.refused: list[httpx.Response] = []
        self.last_words = 0
        self._numbers = iter(range(1_000_000))

    async def run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(CLIENTS)))

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.acknowledged) < count:
                await asyncio.sleep(0.01)

    async def _client(self) -> None:
        async with httpx.AsyncClient(base_url=self.address, timeout=SHUTDOWN_S) as client:
            while True:
                number = next(self._numbers)
                start = BASE + timedelta(minutes=30 * (number // len(UNITS)))
                end = start + timedelta(minutes=30)
                body = {"unit": UNITS[number % len(UNITS)], "from": start.isoformat(), "to": end.isoformat()}
                key = f"k{number}"
                try:
                    answer = await client.post(
                        f"/api/sites/{self.site_id}/bookings", json=body, headers={"Idempotency-Key": key}
                    )
                except httpx.TransportError:
                    return
                if answer.status_code != 201:
                    self.refused.append(answer)
                    return
                self.acknowledged[key] = answer.json()["id"]
                self.last_words += answer.headers.get("connection") == "close"


async def waiting_commands(address: str, count: int) -> None:
    """Returns when so many commands are under way."""
    async with httpx.AsyncClient(base_url=address, timeout=20) as client, asyncio.timeout(20):
        while f"holdfast_commands_waiting {count}.0" not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.05)


async def site_on(url: str) -> int:
    pool = await database.open_pool(url)
    try:
        return await make_site(pool, "cafe", UNITS, {"horizon_days": 0})
    finally:
        await pool.close()


async def nothing_lost_nothing_half(url: str, load: Load) -> None:
    pool = await database.open_pool(url)
    try:
        stored = {str(row["id"]) for row in await pool.fetch("select id from booking")}
        assert set(load.acknowledged.values()) <= stored, "an acknowledged booking is lost"
        # what was stored and not acknowledged, because its connection went away, its key tells of
        keys = {row["key"].split(":", 1)[1]: row["body"] for row in await pool.fetch("select key, body from answer")}
        assert {json.loads(body)["id"] for body in keys.values()} == stored
        assert {key: json.loads(keys[key])["id"] for key in load.acknowledged} == load.acknowledged
        await check_promises(pool)
    finally:
        await pool.close()


@pytest.mark.timing
async def test_a_signal_under_load_loses_nothing_and_ends_in_time(database_url: str) -> None:
    site_id = await site_on(database_url)
    async with serving(database_url) as server:
        load = Load(server.address, site_id)
        clients = asyncio.create_task(load.run())
        await load.until(500)
        asked = server.signal()
        assert await server.ended(SHUTDOWN_S) == 0
        took_s = time.monotonic() - asked
        await asyncio.wait_for(clients, 20)
    assert took_s < 5, "with nothing to wait for it is quick"
    assert all(
        (one.status_code, one.json()["code"], one.headers["connection"]) == (503, "unavailable", "close")
        and int(one.headers["retry-after"]) > 0
        for one in load.refused
    )
    assert load.last_words + len(load.refused) > 0, "those under way were told that it was the last answer"
    await nothing_lost_nothing_half(database_url, load)
    async with serving(database_url) as again:
        async with httpx.AsyncClient(base_url=again.address) as client:
            for booking_id in list(load.acknowledged.values())[::50]:
                found = await client.get(f"/api/sites/{site_id}/bookings/{booking_id}")
                assert found.json()["state"] == "Booked"
        again.signal()
        assert await again.ended(SHUTDOWN_S) == 0


@pytest.mark.timing
async def test_a_second_signal_ends_it_at_once_and_nothing_is_half(database_url: str) -> None:
    site_id = await site_on(database_url)
    async with serving(database_url) as server:
        load = Load(server.address, site_id)
        clients = asyncio.create_task(load.run())
        await load.until(300)
        server.signal()
        asked = server.signal()
        code = await server.ended(3)
        # both signals may arrive as one; then it ended in order, as after one
        assert code in (SECOND_SIGNAL_CODE, 0)
        assert time.monotonic() - asked < 2
        await asyncio.wait_for(clients, 20)
    await nothing_lost_nothing_half(database_url, load)


@pytest.mark.timing
async def test_a_second_signal_does_not_wait_for_what_is_under_way(database_url: str) -> None:
    site_id = await site_on(database_url)
    holder: asyncpg.Connection[Any] = await asyncpg.connect(database_url)
    try:
        async with serving(database_url) as server:
            await holder.execute("begin")
            await holder.fetch("select 1 from site where id = $1 for update", site_id)
            load = Load(server.address, site_id)
            clients = asyncio.create_task(load.run())
            await waiting_commands(server.address, CLIENTS)
            server.signal()
            with suppress(TimeoutError):
                await server.ended(1)
            assert server.process.returncode is None, "the first signal waits for what is under way"
            asked = server.signal()
            assert await server.ended(2) == SECOND_SIGNAL_CODE
            assert time.monotonic() - asked < 1
            await asyncio.wait_for(clients, 20)
            await holder.execute("rollback")
    finally:
        await holder.close()
    assert load.acknowledged == {}
    await nothing_lost_nothing_half(database_url, load)


async def test_what_is_under_way_is_finished(database_url: str) -> None:
    """A command that waits for its site's lock when the signal comes is answered once the lock is free."""
    site_id = await site_on(database_url)
    holder: asyncpg.Connection[Any] = await asyncpg.connect(database_url)
    try:
        async with serving(database_url) as server, httpx.AsyncClient(base_url=server.address, timeout=20) as client:
            await holder.execute("begin")
            await holder.fetch("select 1 from site where id = $1 for update", site_id)
            body = {"unit": UNITS[0], "from": BASE.isoformat(), "to": (BASE + timedelta(hours=1)).isoformat()}
            booking = asyncio.create_task(client.post(f"/api/sites/{site_id}/bookings", json=body))
            await waiting_commands(server.address, 1)
            server.signal()
            await asyncio.sleep(0.6)
            with pytest.raises(httpx.TransportError):  # nobody new is let in
                await client.get(f"{server.address}/healthz", headers={"connection": "close"})
            await holder.execute("rollback")
            answer = await asyncio.wait_for(booking, 10)
            assert (answer.status_code, answer.headers["connection"]) == (201, "close")
            assert await server.ended(SHUTDOWN_S) == 0
    finally:
        await holder.close()


async def test_the_own_postgres_is_stopped_with_it(server_folder: Path) -> None:
    data = server_folder / "data"
    async with serving(data=data) as server:
        async with httpx.AsyncClient(base_url=server.address) as client:
            made = await client.post("/api/sites", json={"kind": "cafe", "name": "C", "time_zone": "UTC"})
            health = (await client.get("/health")).json()
        assert made.status_code == 201
        assert health["database"]["embedded"] and health["disk"]["free_bytes"] > 0
        postmaster = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
        server.signal()
        assert await server.ended(SHUTDOWN_S + 10) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(postmaster, 0)
    async with serving(data=data) as again:
        async with httpx.AsyncClient(base_url=again.address) as client:
            assert (await client.get(made.headers["location"])).json()["name"] == "C"
        again.signal()
        assert await again.ended(SHUTDOWN_S + 10) == 0


async def test_a_signal_while_it_starts_leaves_nothing_running(server_folder: Path) -> None:
    data = server_folder / "data"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "holdfast", "serve", "--port", "0", "--data", str(data),
        env={**environ, "PYTHONPATH": str(ROOT / "src")}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    pid_file = data / "postgres" / "postmaster.pid"
    async with asyncio.timeout(60):
        while not pid_file.exists():
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0
    assert not pid_file.exists()
