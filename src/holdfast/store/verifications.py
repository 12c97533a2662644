"""When stores are held against their sources. Rows in, values out; decides nothing."""

from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.store import sql
from holdfast.store.connection import Connection

_Q = sql.load("verifications")


class VerificationRow(msgspec.Struct, frozen=True):
    """A store's verification. `state` and `ended_at` are of the run that it last asked for, while that is kept."""

    rule: str
    days: int | None
    is_enabled: bool
    due_at: datetime | None
    asked_at: datetime | None
    run_id: UUID | None
    state: str | None
    ended_at: datetime | None


class Due(msgspec.Struct, frozen=True):
    """A store whose verification is due at `now`, and the connections that can be asked."""

    site_id: int
    rule: str
    days: int | None
    time_zone: str
    now: datetime
    connections: list[int]


async def begin(connection: Connection, site_id: int, *, rule: str, days: int | None, due_at: datetime) -> None:
    await connection.execute(_Q["begin"], site_id, rule, days, due_at)


async def one(connection: Connection, site_id: int) -> VerificationRow | None:
    row = await connection.fetchrow(_Q["verification"], site_id)
    return None if row is None else VerificationRow(*row)


async def keep(
    connection: Connection, site_id: int, *, rule: str, days: int | None, is_enabled: bool, due_at: datetime | None
) -> None:
    await connection.execute(_Q["set"], site_id, rule, days, is_enabled, due_at)


async def due(connection: Connection, limit: int) -> list[Due]:
    """Those that are due and can be asked for now, the longest due first."""
    return [Due(*row) for row in await connection.fetch(_Q["due"], limit)]


async def note_asked(connection: Connection, site_id: int, next_at: datetime, run_id: UUID) -> None:
    await connection.execute(_Q["asked"], site_id, next_at, run_id)
