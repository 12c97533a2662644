"""What is recorded of sites as such, and of series of bookings. Rows in, values out; decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.sites import Site
from holdfast.store import sql
from holdfast.store.desk import site_of

_Q = sql.load("sites")
_encode = msgspec.json.Encoder().encode

Found = tuple[Site, int]
"""A site and the journal version it was read at."""


class SeriesLine(msgspec.Struct, frozen=True, gc=False):
    """A live booking of a series, as far as acting on the series needs it."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    version: int


async def by_slug(pool: asyncpg.Pool, slug: str) -> Found | None:
    return _found(await pool.fetchrow(_Q["site_by_slug"], slug))


async def by_id(pool: asyncpg.Pool, site_id: int) -> Found | None:
    return _found(await pool.fetchrow(_Q["site_by_id"], site_id))


async def after(
    pool: asyncpg.Pool, site_id: int, limit: int, *,
    everywhere: bool = True, organisations: Sequence[UUID] = (), ids: Sequence[int] = (),
) -> list[Found]:  # fmt: skip
    """Sites behind an id: all, or those of these organisations and those of these ids."""
    rows = await pool.fetch(_Q["sites_after"], site_id, limit, everywhere, list(organisations), list(ids))
    return [(site_of(row), row["version"]) for row in rows]


async def of_kind(pool: asyncpg.Pool, kind: str, limit: int) -> list[Site]:
    return [site_of(row) for row in await pool.fetch(_Q["sites_of_kind"], kind, limit)]


async def insert(
    pool: asyncpg.Pool, organisation_id: UUID, *, kind: str, slug: str, name: str, time_zone: str, settings: Any
) -> Found | None:
    """The new site, or None when its slug is taken."""
    row = await pool.fetchrow(_Q["insert_site"], organisation_id, kind, slug, name, time_zone, _encode(settings))
    return _found(row)


async def first_organisation(pool: asyncpg.Pool, *, name: str) -> UUID:
    """The id of the oldest organisation; made with that name when there is none."""
    async with pool.acquire() as connection, connection.transaction():
        # two first sites at once would otherwise make two organisations; a table lock is rare enough here
        found: UUID | None = await connection.fetchval(_Q["first_organisation"])
        if found is None:
            await connection.execute("lock table organisation in share row exclusive mode")
            found = await connection.fetchval(_Q["first_organisation"])
        if found is None:
            found = await connection.fetchval(_Q["insert_organisation"], name)
        assert found is not None
        return found


async def live_bookings_of_series(pool: asyncpg.Pool, site_id: int, series_id: UUID, limit: int) -> list[SeriesLine]:
    rows = await pool.fetch(_Q["live_bookings_of_series"], site_id, series_id, limit)
    return [SeriesLine(*row) for row in rows]


def _found(row: asyncpg.Record | None) -> Found | None:
    return None if row is None else (site_of(row), row["version"])
