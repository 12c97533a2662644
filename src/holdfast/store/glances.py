"""Stores without news, many at once. Rows in, values out; which stores count as such is said by the queries."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.store import sql
from holdfast.store.connection import Connection
from holdfast.store.connections import ConnectionRow, connection_row

_Q = sql.load("glances")


class Candidate(msgspec.Struct, frozen=True):
    """A connection whose orders were all in at `watermark`; looked at `now`."""

    row: ConnectionRow
    watermark: datetime
    now: datetime


class Quiet(msgspec.Struct, frozen=True):
    """A run that found nothing from `since` until `until`, where all was in at `watermark`; the next one is due then.
    Lifetime value would be counted in that zone and currency."""

    site_id: int
    connection_id: int
    run_id: UUID
    watermark: datetime
    since: datetime
    until: datetime
    due_at: datetime
    zone: str
    currency: str
    connection: str
    """Its name."""


async def candidates(
    connection: Connection, places: Sequence[tuple[int, int]], *, kinds: Sequence[str], days: int
) -> list[Candidate]:
    """Of these connections (site, connection) those worth a glance: of these kinds, all in within so many days."""
    sites, ids = [place[0] for place in places], [place[1] for place in places]
    rows = await connection.fetch(_Q["candidates"], sites, ids, list(kinds), days)
    return [Candidate(connection_row(row), row["watermark"], row["now"]) for row in rows]


async def settle(
    connection: Connection, quiet: Sequence[Quiet], *, rules: Sequence[str], actor: str, cause: str
) -> set[int]:
    """Writes these runs, in the caller's transaction under the locks of their sites; the sites where that was all there
    is to be done. None of which one of these findings stands."""
    columns = [list(column) for column in zip(*(msgspec.structs.astuple(one)[:-1] for one in quiet), strict=True)]
    rows = await connection.fetch(_Q["settle"], *columns, list(rules), actor, cause)
    return {row["site_id"] for row in rows}
