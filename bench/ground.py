"""The ground a bench stands on: a database of its own, sites with units, a load that ends by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from holdfast.domain.commands import AddUnits, NewUnit
from holdfast.services.desk import Desk, DeskLimits
from holdfast.store.database import ConnectionLimits, open_pool


@asynccontextmanager
async def desk_on(database_url: str, limits: DeskLimits | None = None) -> AsyncIterator[tuple[asyncpg.Pool, Desk]]:
    pool = await open_pool(database_url, ConnectionLimits(connections_max=10))
    desk = Desk(pool, limits)
    await desk.start()
    try:
        yield pool, desk
    finally:
        await desk.stop()
        await pool.close()


async def make_sites(pool: asyncpg.Pool, desk: Desk, count: int, units: int) -> list[int]:
    """`count` cafés with `units` PCs each; their ids."""
    organisation = await pool.fetchval("insert into organisation (name) values ('bench') returning id")
    rows = await pool.fetch(
        "insert into site (organisation_id, kind, slug, name, time_zone) "
        "select $1, 'cafe', 'bench-' || $2 || '-' || n, 'Bench', 'Europe/Berlin' "
        "from generate_series(1, $3) n returning id",
        organisation,
        str(time.monotonic_ns()),
        count,
    )
    ids = [row["id"] for row in rows]
    command = AddUnits(tuple(NewUnit(f"PC{n:03}", "pc") for n in range(units)))
    for first in range(0, len(ids), 256):
        await asyncio.gather(*(desk.submit(site_id, command, actor="bench") for site_id in ids[first : first + 256]))
    return ids


def slots(site_ids: list[int], units: int, days_ahead: int) -> Iterator[tuple[int, str, datetime, datetime]]:
    """Endless different half hours, spread over sites and units: (site id, unit code, start, end)."""
    half = timedelta(minutes=30)
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days_ahead)
    while True:
        for unit in range(units):
            for site_id in site_ids:
                yield site_id, f"PC{unit:03}", start, start + half
        start += half


async def load(callers: int, count: int, work: Callable[[int], Awaitable[None]]) -> dict[str, float]:
    """Runs `work` `count` times by `callers` at once: rate per second, p50 and p99 in milliseconds."""
    numbers = iter(range(count))
    took: list[float] = []

    async def caller() -> None:
        for number in numbers:
            began = time.perf_counter()
            await work(number)
            took.append(time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    elapsed = time.perf_counter() - began
    took.sort()
    return {
        "per_s": round(len(took) / elapsed),
        "p50_ms": round(took[len(took) // 2] * 1000, 2),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 2),
        "cpu_us": round((time.process_time() - cpu) / len(took) * 1e6, 1),
    }


CONNECTIONS_MAX = 64
BARE = """
insert into bare_claim (site_id, unit_id, holder_id, kind, during)
values ($1, $2, gen_random_uuid(), 'booking', tstzrange($3, $4)) on conflict do nothing returning unit_id
"""


async def bare_insert(database_url: str, *, sites: int, units: int, callers: int, count: int) -> dict[str, float]:
    """The limit: only the claim, one per transaction, with the same constraint on the same server. Each caller has its
    own connection and prepared statement, up to 64 of them: more only made the server slower."""
    connections = [await asyncpg.connect(database_url) for _ in range(min(callers, CONNECTIONS_MAX))]
    try:
        await connections[0].execute("drop table if exists bare_claim")
        await connections[0].execute("create table bare_claim (like claim including all)")
        wanted = slots(list(range(1, sites + 1)), units, 40)
        free = asyncio.Queue[Any]()
        for connection in connections:
            free.put_nowait(await connection.prepare(BARE))

        async def work(number: int) -> None:
            site_id, code, start, end = next(wanted)
            statement = await free.get()
            await statement.fetchval(site_id, int(code[2:]), start, end)
            free.put_nowait(statement)

        return await load(callers, count, work)
    finally:
        await connections[0].execute("drop table if exists bare_claim")
        for connection in connections:
            await connection.close()
