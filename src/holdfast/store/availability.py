"""What is recorded of free time: rows in, values out. Decides nothing; conditions and lapsed holds are in the SQL,
because counting over all units of a site belongs beside the claims."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from holdfast.domain.intervals import Interval
from holdfast.store import sql

_Q = sql.load("availability")

Connection = Any
"""A connection, or a pool's stand-in for one: they have no common type."""


class UnitLine(msgspec.Struct, frozen=True, gc=False):
    """A unit as far as availability names it."""

    id: int
    code: str
    name: str
    category: str
    condition: str | None = None


class Taken(msgspec.Struct, frozen=True, gc=False):
    """One unit taken from `start` to `end`, by a kind of claim."""

    unit_id: int
    start: datetime
    end: datetime
    kind: str


class FreeUnits(msgspec.Struct, frozen=True, gc=False):
    """How many are free of how many, and a page of them."""

    free: int
    among: int
    page: list[UnitLine]


async def clock(connection: Connection) -> datetime:
    now: datetime = await connection.fetchval("select now()")
    return now


async def free_units(
    connection: Connection, site_id: int, window: Interval, *,
    now: datetime, category: str | None, after: str, limit: int,
) -> FreeUnits:  # fmt: skip
    """The units without any claim in the window."""
    rows = await connection.fetch(_Q["free_units"], site_id, window.start, window.end, now, category, after, limit)
    page = [UnitLine(row["id"], row["code"], row["name"], row["category"]) for row in rows if row["id"] is not None]
    return FreeUnits(rows[0]["free"], rows[0]["among"], page)


async def serviceable_units(
    connection: Connection, site_id: int, *, category: str | None, after: str, limit: int
) -> list[UnitLine]:
    rows = await connection.fetch(_Q["serviceable_units"], site_id, after, category, limit)
    return [UnitLine(*row) for row in rows]


async def named_units(connection: Connection, site_id: int, codes: Sequence[str]) -> list[UnitLine]:
    return [UnitLine(*row) for row in await connection.fetch(_Q["named_units"], site_id, list(codes))]


async def first_units(
    connection: Connection, site_id: int, *, category: str | None, after: str, limit: int
) -> list[UnitLine]:
    return [UnitLine(*row) for row in await connection.fetch(_Q["first_units"], site_id, category, after, limit)]


async def claims_of_units(
    connection: Connection, site_id: int, unit_ids: Sequence[int], window: Interval, *, now: datetime
) -> dict[int, list[Taken]]:
    """What is taken of these units in the window, per unit in the order of time."""
    found: dict[int, list[Taken]] = {unit_id: [] for unit_id in unit_ids}
    if unit_ids:
        arguments = (site_id, list(unit_ids), window.start, window.end, now)
        for row in await connection.fetch(_Q["claims_of_units"], *arguments):
            found[row[0]].append(Taken(*row))
    return found


async def nights_by_category(
    connection: Connection, site_id: int, nights: Sequence[Interval], *, now: datetime, category: str | None
) -> list[tuple[int, str, int]]:
    """(number of the night from 1, category, units taken); number 0 says how many bookable units there are."""
    starts, ends = [night.start for night in nights], [night.end for night in nights]
    arguments = (site_id, starts, ends, starts[0], max(ends), now, category)
    return [tuple(row) for row in await connection.fetch(_Q["nights_by_category"], *arguments)]


async def category_exists(connection: Connection, site_id: int, category: str) -> bool:
    return bool(await connection.fetchval(_Q["category_exists"], site_id, category))
