"""Counts of requests as processes share them. Rows in, values out; decides nothing."""

from collections.abc import Sequence

import asyncpg

from holdfast.store import sql

_Q = sql.load("limiter")
_WITHIN_S = 2.0

Counted = tuple[int, bytes, int]
"""A window's number, the digest of a key, and how often it was counted since that was last told."""


async def share(pool: asyncpg.Pool, counted: Sequence[Counted]) -> list[asyncpg.Record]:
    """Adds these counts and returns, for each, what all processes counted in its window and in the one before."""
    columns = [list(column) for column in zip(*counted, strict=True)]
    rows: list[asyncpg.Record] = await pool.fetch(_Q["share"], *columns, timeout=_WITHIN_S)
    return rows


async def forget(pool: asyncpg.Pool, *, before: int) -> None:
    """Deletes the counts of the windows before this one."""
    await pool.execute(_Q["forget"], before, timeout=_WITHIN_S)
