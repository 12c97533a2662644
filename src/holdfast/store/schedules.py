"""Schedules and their ledger as they are recorded. Rows in, values out; decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from holdfast.store import sql
from holdfast.store.connection import Connection, Database

_Q = sql.load("schedules")

Line = tuple[int, datetime, str, str | None, int | None]
"""Schedule, instant, state, reason, job."""


class Due(msgspec.Struct, frozen=True):
    """A schedule that is due; `is_live` says that its last job has not ended."""

    id: int
    name: str
    tenant: str
    expression: str
    time_zone: str
    gap: str
    fold: str
    missed: str
    catch_up_s: int
    overlap: str
    function: str
    args: bytes
    queue: str | None
    priority: int | None
    is_active: bool
    changed_by: str | None
    next_at: datetime
    last_job_id: int | None
    is_live: bool
    now: datetime


class ScheduleRow(msgspec.Struct, frozen=True):
    """A schedule as it stands."""

    id: int
    name: str
    tenant: str
    expression: str
    time_zone: str
    gap: str
    fold: str
    missed: str
    catch_up_s: int
    overlap: str
    function: str
    args: bytes
    queue: str | None
    priority: int | None
    is_active: bool
    next_at: datetime | None
    last_at: datetime | None
    last_job_id: int | None
    runs: int
    failures: int
    last_outcome: str | None
    last_error: str | None
    last_run_at: datetime | None
    metadata: bytes
    changed_by: str | None
    created_at: datetime
    changed_at: datetime


class Moved(msgspec.Struct, frozen=True):
    """Where a schedule goes on: its next tick, the last one that was, and the job of that."""

    id: int
    next_at: datetime | None
    last_at: datetime | None
    last_job_id: int | None


async def due(
    connection: Database, functions: Sequence[str], limit: int, now: datetime | None, tenants: Sequence[str] | None
) -> list[Due]:
    """Those that are due at `now`, or by the database's clock."""
    return [Due(*row) for row in await connection.fetch(_Q["due"], functions, limit, now, tenants)]


async def next_in_s(
    connection: Database, functions: Sequence[str], now: datetime | None, tenants: Sequence[str] | None
) -> float | None:
    """In how many seconds the next schedule is due; None when none is."""
    found: float | None = await connection.fetchval(_Q["next_in_s"], functions, now, tenants)
    return found


async def lock_unmoved(tx: Connection, seen: Sequence[Due]) -> set[int]:
    """Locks those of the schedules that stand as they were seen; the compare of compare-and-swap."""
    rows = await tx.fetch(_Q["lock_unmoved"], [one.id for one in seen], [one.next_at for one in seen])
    return {row["id"] for row in rows}


async def move_on(tx: Connection, moved: Sequence[Moved]) -> None:
    columns = zip(*(msgspec.structs.astuple(one) for one in moved), strict=True)
    await tx.execute(_Q["move_on"], *(list(column) for column in columns))


async def note_ticks(tx: Connection, lines: Sequence[Line]) -> set[tuple[int, datetime]]:
    """Writes lines of the ledger; those that were not there yet."""
    if not lines:
        return set()
    columns = [list(column) for column in zip(*lines, strict=True)]
    return {(row["schedule_id"], row["at"]) for row in await tx.fetch(_Q["note_ticks"], *columns)}


async def fill_in(tx: Connection, schedule_id: int, at: datetime, job_id: int) -> None:
    await tx.execute(_Q["fill_in"], schedule_id, at, job_id)


async def note_backfill(tx: Connection, id: int, instants: Sequence[datetime], reason: str) -> list[datetime]:
    """Writes lines for instants that had no job; those instants."""
    return sorted(row["at"] for row in await tx.fetch(_Q["note_backfill"], id, instants, reason))


async def insert(tx: Connection, values: Sequence[Any]) -> ScheduleRow | None:
    """A new schedule from its columns; None when the name is taken."""
    return _row(await tx.fetchrow(_Q["insert"], *values))


async def locked(tx: Connection, id: int) -> ScheduleRow | None:
    return _row(await tx.fetchrow(_Q["for_update"], id))


async def change(tx: Connection, id: int, values: Sequence[Any]) -> ScheduleRow | None:
    """A schedule with other columns; None when the name is taken."""
    return _row(await tx.fetchrow(_Q["change"], id, *values))


async def one(connection: Database, id: int) -> ScheduleRow | None:
    return _row(await connection.fetchrow(_Q["one"], id))


async def by_name(connection: Database, tenant: str, name: str) -> ScheduleRow | None:
    return _row(await connection.fetchrow(_Q["by_name"], tenant, name))


async def result_of(connection: Database, job_id: int) -> bytes | None:
    """What a job that has succeeded gave, as JSON."""
    found: bytes | None = await connection.fetchval(_Q["result_of"], job_id)
    return found


async def page(
    connection: Database,
    after: int,
    *,
    tenants: Sequence[str] | None,
    is_active: bool | None,
    function: str | None,
    limit: int,
    with_own: bool,
) -> list[ScheduleRow]:
    rows = await connection.fetch(_Q["page"], after, tenants, is_active, function, limit, with_own)
    return [ScheduleRow(*row) for row in rows]


async def remove(tx: Connection, id: int) -> bool:
    """Whether it was there."""
    return await tx.fetchval(_Q["remove"], id) is not None


async def ticks(
    connection: Database, id: int, *, before: datetime | None, state: str | None, limit: int
) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(_Q["ticks"], id, before, state, limit)
    return rows


def _row(row: asyncpg.Record | None) -> ScheduleRow | None:
    return None if row is None else ScheduleRow(*row)
