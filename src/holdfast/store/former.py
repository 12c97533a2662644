"""What is recorded, as the addresses of replaced systems ask for it: rows in, values out. Decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from holdfast.domain.bookings.values import Booking
from holdfast.store import sql
from holdfast.store.availability import UnitLine
from holdfast.store.desk import booking_of
from holdfast.store.reads import BEGINNING, END, LAST_ID

_Q = sql.load("former")
Connection = Any
"""A connection, or a pool's stand-in for one: they have no common type."""


class NewestFirst(msgspec.Struct, frozen=True):
    """Which bookings a list is of, and behind which one it goes on. `since` bounds how far back it looks where no
    index finds what is asked."""

    states: tuple[str, ...] | None = None
    unit_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    customer_key: str | None = None
    customer_reference: str | None = None
    since: datetime = BEGINNING
    behind: tuple[datetime, UUID] = (END, LAST_ID)


async def units_called(connection: Connection, site_id: int, name: str) -> list[UnitLine]:
    """Up to three units of that code or name, whatever its case."""
    return [UnitLine(*row) for row in await connection.fetch(_Q["units_called"], site_id, name)]


async def bookings_newest(connection: Connection, site_id: int, wanted: NewestFirst, limit: int) -> list[Booking]:
    states = list(wanted.states) if wanted.states is not None else None
    same = (site_id, states, wanted.unit_id, wanted.start, wanted.end, *wanted.behind)
    if wanted.customer_key is not None:
        rows = await connection.fetch(_Q["bookings_newest_of_customer"], *same, wanted.customer_key, limit)
    else:
        rows = await connection.fetch(_Q["bookings_newest"], *same, wanted.since, wanted.customer_reference, limit)
    return [booking_of(row) for row in rows]


async def sites_due(connection: Connection, kind: str, site_id: int | None, limit: int) -> list[tuple[int, int]]:
    """(id, version) of the sites whose clock is due."""
    return [(row["id"], row["version"]) for row in await connection.fetch(_Q["sites_due"], kind, site_id, limit)]


async def sessions_over(connection: Connection, spans: Sequence[tuple[int, int, int]], status: str) -> tuple[int, int]:
    """How many bookings the clock completed and how many units left `status`, over (site, behind, until) versions."""
    site_ids, behind, until = zip(*spans, strict=True)
    (row,) = await connection.fetch(_Q["sessions_over"], list(site_ids), list(behind), list(until), status)
    return row["completed"], row["freed"]
