"""A lane's own connection to the database, and what is known by it.

It is kept: giving it back to the pool after each batch would cost a round trip to reset it. A new one comes with empty
knowledge, because behind it there may be another server, that has lost what we remember.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from holdfast.services.known import Known
from holdfast.services.outcome import Backend, backend_of
from holdfast.store.codecs import prepare_for_lane
from holdfast.store.connection import Connection

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

CLOSE_S = 5.0


class Line:
    """One connection at a time, out of a pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.known = Known()
        self.backend: Backend | None = None
        self._pool = pool
        self._connection: PoolConnectionProxy[asyncpg.Record] | None = None

    async def open(self, within_s: float) -> Connection:
        """The connection, a new one if the last broke."""
        if self._connection is not None and _is_closed(self._connection):
            await self.close()
        if self._connection is None:
            connection = await self._pool.acquire(timeout=within_s)
            try:
                await prepare_for_lane(connection)
                self.backend = await backend_of(connection)
            except BaseException:
                connection.terminate()
                await self._pool.release(connection)
                raise
            self._connection = connection
            self.known = Known()
        return self._connection

    def cut(self) -> None:
        """Gives up a connection in an unknown state; the next batch gets another."""
        if self._connection is not None and not _is_closed(self._connection):
            self._connection.terminate()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.release(connection, timeout=CLOSE_S)


def _is_closed(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # a connection that broke was taken back by its pool, and then refuses even this question
        return True
