"""What became of a commit whose answer was lost."""

import asyncio
from datetime import datetime
from typing import NamedTuple

import asyncpg
import msgspec

from holdfast.domain.change import Event
from holdfast.domain.errors import Refusal
from holdfast.store import desk as store
from holdfast.store import sql
from holdfast.store.connection import Connection

_Q = sql.load("outcome")

BROKEN = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    ConnectionError,
    OSError,
    TimeoutError,
)
"""The connection is gone or in an unknown state."""
PASSING = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
"""The transaction was refused for now and rolled back."""

_PAUSE_S = 0.2


class Backend(NamedTuple):
    """The server's end of a connection: its process, and when that began, as numbers of processes come again."""

    pid: int
    began: datetime


async def backend_of(connection: Connection) -> Backend:
    (row,) = await connection.fetch(_Q["backend"])
    return Backend(row["pid"], row["backend_start"])


async def did_commit(
    pool: asyncpg.Pool, events: list[tuple[int, Event]], backend: Backend | None, *, within_s: float
) -> bool:
    """Whether the transaction that wrote these events is stored. The journal knows, once the backend that may still be
    about to store it is ended: a statement left in the socket of a frozen one would come true after we said no.

    Raises:
        Refusal: `outcome_unknown` when that cannot be found out within `within_s`.
    """
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    return await _is_stored(pool, events, backend)
                except (*BROKEN, *PASSING):
                    await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        raise Refusal("outcome_unknown") from None


async def _is_stored(pool: asyncpg.Pool, events: list[tuple[int, Event]], backend: Backend | None) -> bool:
    async with pool.acquire() as connection:
        if backend is not None:
            while await connection.fetchval(_Q["end_backend"], backend.pid, backend.began):  # noqa: ASYNC110 another process
                await asyncio.sleep(_PAUSE_S)
        keys = [(site_id, event.version) for site_id, event in events]
        async with connection.transaction():
            await connection.fetch(store.Q["wait_for_sites"], sorted({site_id for site_id, _ in events}))
            rows = await store.by_keys(connection, "journal_lines", keys)
    found = {(row["site_id"], row["version"]): row for row in rows}
    return all(_is_ours(found.get((site_id, event.version)), event) for site_id, event in events)


def _is_ours(row: asyncpg.Record | None, event: Event) -> bool:
    if row is None or (row["type"], row["subject"], row["at"]) != (event.type, event.subject, event.at):
        return False
    return bool(msgspec.json.decode(row["data"]) == msgspec.json.decode(event.data))
