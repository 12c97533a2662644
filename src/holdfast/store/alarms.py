"""Alarms as they are recorded: what is due at which sites, and when each is due next. Decides nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from holdfast.domain.poison import Kind
from holdfast.store import sql
from holdfast.store.connection import Connection

_Q = sql.load("alarms")

Slice = tuple[int, datetime, int]
"""A site, until when it is asked for, and how many rows of it."""
Silenced = set[tuple[int, UUID | int]]


async def due(connection: Connection, kind: Kind, slices: Iterable[Slice]) -> list[asyncpg.Record]:
    """What of a kind is due, site by site, earliest first."""
    rows = list(slices)
    if not rows:
        return []
    columns = [list(column) for column in zip(*rows, strict=True)]
    found: list[asyncpg.Record] = await connection.fetch(_Q[f"{kind}s_due"], *columns)
    return found


async def with_claims_beyond(
    connection: Connection, units: Iterable[tuple[int, int, datetime]]
) -> list[tuple[int, int]]:
    """Those (site id, unit id) of (site id, unit id, instant) that have claims which reach beyond the instant."""
    rows = list(units)
    if not rows:
        return []
    columns = [list(column) for column in zip(*rows, strict=True)]
    return [tuple(row) for row in await connection.fetch(_Q["units_with_claims_beyond"], *columns)]


async def soonest(connection: Connection, site_ids: Iterable[int]) -> dict[int, datetime | None]:
    """When each of these sites is due next."""
    return {row[0]: row[1] for row in await connection.fetch(_Q["soonest_alarms"], list(site_ids))}


async def silence(connection: Connection, silenced: dict[Kind, Silenced]) -> None:
    """Takes the alarms off these rows."""
    for kind, keys in silenced.items():
        columns: list[list[Any]] = [list(column) for column in zip(*sorted(keys, key=str), strict=True)]
        await connection.execute(_Q[f"silence_{kind}s"], *columns)
