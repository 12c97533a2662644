"""Who is there while real processes die: nobody is a ghost of a server that was killed, nobody is said to be gone by a
database that forgot them, and a restart that was planned takes nobody away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from uuid import UUID

import asyncpg
import httpx
import pytest

from holdfast.domain.actors import CONSOLE, Grant
from holdfast.http.auth import PLAIN_COOKIE
from holdfast.services.accounts import create
from holdfast.services.presence import PROCESS_LEASE_S, REST_S
from holdfast.services.sign_in import open_session
from holdfast.store import database, migrate, people
from holdfast.store.embedded import EmbeddedServer
from tests.acceptance.process import Process, serving
from tests.people import HERE, accounts_on, organisation, site

pytestmark = pytest.mark.long

SLUG = "corner"
GHOST_S_MAX = 30.0
LEASE_S = 6.0
LOOK_S = 0.1


class Person:
    """Somebody with a role and a session, whichever process they speak to."""

    def __init__(self, account_id: UUID, secret: str) -> None:
        self.account_id = account_id
        self._cookie = f"{PLAIN_COOKIE.decode()}={secret}"

    def at(self, server: Process) -> httpx.AsyncClient:
        headers = {"Cookie": self._cookie, "Origin": server.url}
        return httpx.AsyncClient(base_url=server.url, headers=headers, timeout=20)

    @asynccontextmanager
    async def listening(self, server: Process) -> AsyncIterator[asyncio.Event]:
        """An open stream of events during the block; the event is set once it has ended."""
        ended, began = asyncio.Event(), asyncio.Event()

        async def listen() -> None:
            try:
                async with self.at(server) as client, client.stream("GET", f"/api/sites/{SLUG}/events") as stream:
                    assert stream.status_code == 200
                    began.set()
                    async for _ in stream.aiter_bytes():
                        pass
            except httpx.HTTPError:
                pass
            finally:
                ended.set()

        task = asyncio.create_task(listen())
        try:
            await asyncio.wait_for(began.wait(), 20)
            yield ended
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def team(pool: asyncpg.Pool, *roles: str) -> list[Person]:
    """People with these roles in the organisation of a site."""
    accounts, organisation_id = accounts_on(pool), await organisation(pool)
    await site(pool, organisation_id, SLUG)
    found = []
    for number, role in enumerate(roles):
        async with accounts.changing(rights=True) as tx:
            email = f"{number}@example.org"
            id = await create(
                accounts, tx, email=email, name=email, password_hash=None, by=CONSOLE, is_verified=True
            )  # fmt: skip
            await people.grant(tx, id, Grant(organisation_id, None, role), by="tests")
        found.append(Person(id, (await open_session(accounts, id, HERE, by="tests")).secret))
    return found


async def told(viewer: httpx.AsyncClient, who: Person) -> str | None:
    """How somebody is; None while nobody can be asked."""
    try:
        answer = await viewer.get(f"/api/presence/{who.account_id}")
    except httpx.HTTPError:
        return None
    return str(answer.json()["status"]) if answer.status_code == 200 else None


async def until(ask: Callable[[], Awaitable[str | None]], wanted: str, within_s: float = 30.0) -> float:
    """How long it took until that was the answer."""
    began = monotonic()
    async with asyncio.timeout(within_s):
        while await ask() != wanted:
            await asyncio.sleep(LOOK_S)
    return monotonic() - began


@pytest.mark.timing
async def test_nobody_is_a_ghost_of_a_process_that_was_killed(pool: asyncpg.Pool, database_url: str):
    manager, ann, bob = await team(pool, "manager", "staff", "staff")
    async with serving(database_url) as lives, serving(database_url) as dies, manager.at(lives) as viewer:
        async with ann.listening(dies) as ended, bob.listening(lives):
            for each in (ann, bob):
                await until(lambda each=each: told(viewer, each), "active")
            await dies.kill()
            await asyncio.wait_for(ended.wait(), 5)
            ghost_s = await until(lambda: told(viewer, ann), "offline", GHOST_S_MAX)
            assert ghost_s <= GHOST_S_MAX
            assert await told(viewer, bob) == "active"
        print(f"a ghost for {ghost_s:.1f} s of at most {PROCESS_LEASE_S:g}")


async def test_a_database_that_crashed_says_unknown_and_not_offline(server_folder: Path, bindir: Path):
    server = EmbeddedServer(server_folder / "data", bindir=bindir, ballast_bytes=0)
    await server.start()
    try:
        await migrate.migrate(server.url)
        pool = await database.open_pool(server.url)
        manager, ann, bob = await team(pool, "manager", "staff", "staff")
        await asyncio.wait_for(pool.close(), 10)
        lease = {"HOLDFAST_PRESENCE_LEASE_S": str(LEASE_S), "HOLDFAST_PRESENCE_BEAT_S": "2"}
        async with serving(server.url, **lease) as serves, manager.at(serves) as viewer, ann.listening(serves):
            async with bob.at(serves) as browser:
                assert (await browser.post("/api/presence/beat", json={})).status_code == 200
            for each in (ann, bob):
                await until(lambda each=each: told(viewer, each), "active")
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            while server.pid is not None:
                await asyncio.sleep(0.01)
            await server.start()
            # whoever is connected is known again at once; of whoever gave a sign before nobody can tell for a while
            seen: list[str] = []
            began = monotonic()
            while not seen or seen[-1] != "offline":
                status = await told(viewer, bob)
                if status is not None and (not seen or seen[-1] != status):
                    seen.append(status)
                    began = monotonic() if len(seen) == 1 else began
                assert monotonic() - began < 60
                await asyncio.sleep(LOOK_S)
            assert seen == ["unknown", "offline"]
            assert monotonic() - began >= LEASE_S - 1
            assert await told(viewer, ann) == "active"
    finally:
        await server.stop()


async def test_a_planned_restart_takes_nobody_away(pool: asyncpg.Pool, database_url: str):
    manager, ann = await team(pool, "manager", "staff")
    async with serving(database_url) as stays, manager.at(stays) as viewer:
        seen: set[str | None] = set()

        async def watch() -> None:
            while True:
                seen.add(await told(viewer, ann))
                await asyncio.sleep(LOOK_S)

        async with serving(database_url) as after, serving(database_url) as before:
            async with ann.listening(before) as ended:
                await until(lambda: told(viewer, ann), "active")
                watching = asyncio.create_task(watch())
                assert await before.stop() == 0
                await asyncio.wait_for(ended.wait(), 5)
            await asyncio.sleep(REST_S / 2)
            async with ann.listening(after):
                # beyond the time for which an ended connection still counts, and for which the ended process does
                await asyncio.sleep(max(REST_S, PROCESS_LEASE_S) + 2)
            watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert seen == {"active"}
