"""The limits of sources, kept in the database, so that all processes together ask no more often than one may."""

import asyncpg

from holdfast.store import connections as store


class SharedLimiter:
    """A bucket per account of a source, filled as its replies say."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def take(self, name: str, cost: float, *, burst: float, per_s: float) -> float:
        return await store.take_tokens(self._pool, name, cost, burst=burst, per_s=per_s)

    async def prime(self, name: str, left: float, *, burst: float | None, per_s: float | None) -> None:
        await store.prime(self._pool, name, left, burst, per_s)

    async def block(self, name: str, wait_s: float) -> None:
        await store.block(self._pool, name, wait_s)
