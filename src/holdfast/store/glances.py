"""Stores without news, many at once. Rows in, values out; which stores count as such is said by the queries."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.domain.sync.due import Schedule
from holdfast.store import sql
from holdfast.store.connection import Connection
from holdfast.store.connections import ConnectionRow, connection_row, schedule_of

_Q = sql.load("glances")


class Candidate(msgspec.Struct, frozen=True):
    """A connection whose orders were all in at `watermark`, looked at `now`. `seen` and `read` name what its row and
    that of its stream were then: with any change they are others."""

    row: ConnectionRow
    seen: str
    read: str
    watermark: datetime
    schedule: Schedule
    time_zone: str
    now: datetime


class Quiet(msgspec.Struct, frozen=True):
    """A run that found nothing from `since` until `until`; the next one is due then. Lifetime value would be counted in
    that zone and currency."""

    site_id: int
    connection_id: int
    run_id: UUID
    seen: str
    read: str
    since: datetime
    until: datetime
    due_at: datetime
    zone: str
    currency: str
    connection: str
    """Its name."""


Place = tuple[int, int]
"""A site and a connection of it."""


async def candidates(
    connection: Connection, places: Sequence[Place], *, kinds: Sequence[str], days: int, for_s: float
) -> list[Candidate]:
    """Of these connections those worth a glance: of these kinds, all in within so many days. They are the caller's for
    so long."""
    rows = await connection.fetch(_Q["candidates"], *_columns(places), list(kinds), days, for_s)
    return [
        Candidate(
            connection_row(row), row["seen"], row["read"], row["watermark"], schedule_of(row["schedule"]),
            row["time_zone"], row["now"],
        )
        for row in rows
    ]  # fmt: skip


async def release(connection: Connection, places: Sequence[Place]) -> None:
    """Lets those go that were not settled."""
    await connection.execute(_Q["release"], *_columns(places))


async def settle(
    connection: Connection, quiet: Sequence[Quiet], *, rules: Sequence[str], actor: str, cause: str
) -> set[int]:
    """Writes these runs, in the caller's transaction under the locks of their sites; the sites where that was all there
    is to be done. None of which one of these findings stands."""
    if not quiet:
        return set()
    columns = [list(column) for column in zip(*(msgspec.structs.astuple(one)[:-1] for one in quiet), strict=True)]
    rows = await connection.fetch(_Q["settle"], *columns, list(rules), actor, cause)
    return {row["site_id"] for row in rows}


def _columns(places: Sequence[Place]) -> tuple[list[int], list[int]]:
    return [site_id for site_id, _ in places], [connection_id for _, connection_id in places]
