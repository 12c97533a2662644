"""Observations as they are recorded. Rows in, values out; decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from holdfast.store import sql

_Q = sql.load("observations")

Seen = tuple[str, str, str, datetime | None, float]
"""Unit code, kind, what was seen, when (None: now), and for how many seconds that counts."""


async def record(
    pool: asyncpg.Pool, site_id: int, seen: Sequence[Seen], *, by: str, now: datetime | None
) -> list[asyncpg.Record]:
    """Records what was seen, each unit and kind at most once; per line whether its unit exists and it was taken. `now`
    replaces the database's clock."""
    columns = [list(column) for column in zip(*seen, strict=True)]
    rows: list[asyncpg.Record] = await pool.fetch(_Q["record"], site_id, *columns, now, by)
    return rows


async def page(
    pool: asyncpg.Pool, site_id: int, *, now: datetime | None, after: str, limit: int
) -> list[asyncpg.Record]:
    """What still counts at `now`, or by the database's clock, of units behind a code."""
    rows: list[asyncpg.Record] = await pool.fetch(_Q["page"], site_id, now, after, limit)
    return rows


async def forget(pool: asyncpg.Pool, limit: int, organisation_id: UUID | None = None) -> int:
    """Deletes what has not counted for a day, at the sites of one organisation or at all; how many that were."""
    status: str = await pool.execute(_Q["forget"], limit, organisation_id)
    return int(status.rsplit(" ", 1)[1])
