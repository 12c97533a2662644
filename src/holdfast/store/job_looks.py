"""Jobs as people look at them. Rows in, values out; decides nothing."""

from typing import Any

import asyncpg

from holdfast.domain.jobs.states import LANES, PRIORITIES
from holdfast.store import sql
from holdfast.store.connection import Database

_Q = sql.load("job_looks")
_WORKERS = sql.load("job_workers")
COUNTED_MAX = 100_000
LIVE_S = 10.0


async def rows(connection: Database, name: str, *values: Any) -> list[asyncpg.Record]:
    """The rows of one of the looks."""
    found: list[asyncpg.Record] = await connection.fetch(_Q[name], *values)
    return found


async def where_is(connection: Database, id: int) -> asyncpg.Record | None:
    return await connection.fetchrow(_Q["where_is"], id)


async def tenant_of(connection: Database, id: int) -> str | None:
    """Whose a job is; None when there is none."""
    found: str | None = await connection.fetchval(_Q["tenant_of"], id)
    return found


async def facts(connection: Database, id: int, row: asyncpg.Record, limit_key: str | None) -> asyncpg.Record:
    """What may hold a waiting job back."""
    found = await connection.fetchrow(
        _Q["facts"], id, row["queue"], row["priority"], row["run_at"], LIVE_S, [row["lane"]], limit_key
    )
    assert found is not None
    return found


async def queues(connection: Database, known: list[str]) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(
        _Q["queues"], known, list(range(LANES)), list(range(len(PRIORITIES))), COUNTED_MAX, LIVE_S
    )
    return found


async def workers(connection: Database) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await connection.fetch(_WORKERS["workers"], LIVE_S)
    return found
