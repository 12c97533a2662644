"""What a query may be asked of: a connection of one's own, one borrowed from a pool, or (`Database`) any of a pool."""

from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Database = Connection | asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Database = asyncpg.Connection | asyncpg.Pool
