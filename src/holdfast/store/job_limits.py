"""Limits as they are recorded, and the jobs that are held back by them. Rows in, values out; decides nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from holdfast.domain.jobs.limits import Limit
from holdfast.store import sql
from holdfast.store.connection import Connection, Database

_Q = sql.load("job_limits")


async def keys(connection: Database) -> frozenset[str]:
    """The keys for which there are limits."""
    return frozenset(row["key"] for row in await connection.fetch(_Q["limited_keys"]))


async def locked(tx: Connection, wanted: Sequence[str]) -> dict[str, Limit]:
    """These limits, locked until the transaction ends."""
    rows = await tx.fetch(_Q["limits_for_update"], wanted)
    return {row["key"]: Limit(*row) for row in rows}


async def running(tx: Connection, wanted: Sequence[str], *, but: Sequence[int] = ()) -> dict[str, int]:
    """How many jobs run under each of these keys, but for those."""
    return {row["key"]: row["running"] for row in await tx.fetch(_Q["running_by_key"], wanted, but)}


async def holders(connection: Database, key: str) -> list[int]:
    return [row["id"] for row in await connection.fetch(_Q["holders"], key)]


async def let_in(tx: Connection, ids: Sequence[int], worker_id: int) -> None:
    await tx.execute(_Q["let_in"], ids, worker_id)


async def set_free_at(tx: Connection, free_at: Mapping[str, datetime]) -> None:
    if free_at:
        await tx.execute(_Q["set_free_at"], list(free_at), list(free_at.values()))


async def unpark(tx: Connection, key: str, count: int) -> None:
    """Lets the first jobs behind a key try again."""
    await tx.execute(_Q["unpark"], key, count)


async def parked_keys(connection: Database) -> list[str]:
    return [row["parked_on"] for row in await connection.fetch(_Q["parked_keys"])]


async def set_limit(tx: Connection, key: str, *, running_max: int | None, rate_per_s: float | None, burst: int) -> None:
    await tx.execute(_Q["set_limit"], key, running_max, rate_per_s, burst)


async def drop_limit(tx: Connection, key: str) -> bool:
    """Whether there was one."""
    return await tx.fetchval(_Q["drop_limit"], key) is not None


async def page(connection: Database, *, after: str, limit: int) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(_Q["limits"], after, limit)
    return rows
