"""What is read to compare what is recorded with what must follow from it. Rows in, values out; decides nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from holdfast.domain.bookings.values import Booking
from holdfast.domain.change import Event
from holdfast.domain.sites import Site
from holdfast.domain.units import Claim, Unit
from holdfast.store import desk, sql

_Q = sql.load("checks")
Connection = Any
"""A connection, or a pool's proxy of one: the stubs have no common type for them."""
JOURNAL_LINES_MAX = 20_000


async def sites(connection: Connection, named: str | None) -> list[tuple[Site, int, datetime]]:
    """The sites of that slug or id, or all: each with its journal version and the transaction's now."""
    rows = await connection.fetch(_Q["sites_to_check"], named)
    known = {row["id"]: desk.site_of(row) for row in await connection.fetch(desk.Q["sites"], [r["id"] for r in rows])}
    return [(known[row["id"]], row["version"], row["now"]) for row in rows]


async def units(connection: Connection, site_id: int) -> list[Unit]:
    rows = await connection.fetch(desk.Q["units_of_site"], site_id, desk.UNITS_MAX)
    return [desk.unit_of(row) for row in rows]


async def claims(connection: Connection, site_id: int) -> list[Claim]:
    return [desk.claim_of(row) for row in await connection.fetch(_Q["claims_of_site"], site_id)]


async def claims_around(connection: Connection, site_id: int, start: datetime, end: datetime) -> list[Claim]:
    """The claims that touch [start, end), and every session."""
    return [desk.claim_of(row) for row in await connection.fetch(_Q["claims_around"], site_id, start, end)]


async def overlapping_claims(connection: Connection, site_id: int) -> list[tuple[Any, ...]]:
    """Unit id, holder, start and the end of the claim before it, for each claim that overlaps the one before."""
    return [tuple(row) for row in await connection.fetch(_Q["overlapping_claims"], site_id)]


async def live_bookings(connection: Connection, site_id: int) -> list[Booking]:
    return [desk.booking_of(row) for row in await connection.fetch(_Q["live_bookings"], site_id)]


async def bookings(connection: Connection, site_id: int, ids: Iterable[UUID] | None = None) -> list[Booking]:
    """The named bookings of a site, or all of them."""
    if ids is None:
        rows = await connection.fetch(_Q["bookings_of_site"], site_id)
    else:
        rows = await desk.by_keys(connection, "bookings", desk.holder_keys(site_id, ids))
    return [desk.booking_of(row) for row in rows]


async def block_ids(connection: Connection, site_id: int) -> set[UUID]:
    return {row["id"] for row in await connection.fetch(_Q["block_ids"], site_id)}


async def trimmed_version(connection: Connection, site_id: int) -> int:
    """Up to which version a site's journal has been let go of; 0 when it is whole."""
    version: int = await connection.fetchval(_Q["trimmed_version"], site_id)
    return version


async def journal_extent(connection: Connection, site_id: int, after: int = 0) -> tuple[int, int | None, int | None]:
    """How many lines follow `after`, the first version and the last."""
    row = await connection.fetchrow(_Q["journal_extent"], site_id, after)
    return row["lines"], row["first"], row["last"]


async def journal_after(connection: Connection, site_id: int, after: int) -> list[Event]:
    """Up to 20,000 journal lines from behind a version on."""
    rows = await connection.fetch(_Q["journal_lines_after"], site_id, after, JOURNAL_LINES_MAX)
    return [Event(*row) for row in rows]


async def free_units(
    pool: asyncpg.Pool, site_id: int, categories: Iterable[str], start: datetime, end: datetime, *, limit: int
) -> list[str]:
    """Codes of units that are free for [start, end) and empty now; by nobody's lock, so only an advice."""
    rows = await pool.fetch(_Q["free_units"], site_id, list(categories), start, end, limit)
    return [row["code"] for row in rows]
