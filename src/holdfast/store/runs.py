"""Sync runs, their stages and leases. Rows in, values out; decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.domain.sync.windows import Reading
from holdfast.store import sql
from holdfast.store.connection import Connection
from holdfast.store.orders import Place

_Q = sql.load("runs")
_encode = msgspec.json.Encoder().encode


class RunRow(msgspec.Struct, frozen=True):
    """One run. `since` and `until` bound a backfill or a verifying run."""

    id: UUID
    operation: str
    since: datetime | None
    until: datetime | None
    state: str
    reason: str | None
    actor: str
    cause: str
    started_at: datetime
    ended_at: datetime | None
    is_cancelled: bool


class StageRow(msgspec.Struct, frozen=True):
    """One stage of a run."""

    run_id: UUID
    number: int
    name: str
    connection_id: int | None
    connection: str | None
    state: str
    since: datetime | None
    until: datetime | None
    done: int
    total: int | None
    changed: int
    rejects: int
    deleted: int
    n: int
    reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    generation: int | None


class StreamEnd(msgspec.Struct, frozen=True):
    """How a read of a stream ended."""

    connection_id: int
    name: str
    run_id: UUID
    state: str
    n: int
    reason: str | None
    ended_at: datetime


class StageKey(msgspec.Struct, frozen=True):
    """Which stage of which run, and whose rows it reads."""

    site_id: int
    run_id: UUID
    number: int
    stream: str
    connection_id: int

    @property
    def place(self) -> Place:
        return Place(self.site_id, self.connection_id)


Stage = tuple[str, int | None]
"""Its name, and its connection."""


async def insert(connection: Connection, site_id: int, run: RunRow, stages: Sequence[Stage]) -> None:
    await connection.execute(
        _Q["insert_run"], site_id, run.id, run.operation, run.since, run.until, run.actor, run.cause
    )
    numbers, names, ids = list(range(1, len(stages) + 1)), [s[0] for s in stages], [s[1] for s in stages]
    await connection.execute(_Q["insert_stages"], site_id, run.id, numbers, names, ids)


async def take_connections(connection: Connection, site_id: int, connection_ids: Sequence[int], run_id: UUID) -> int:
    """How many of them were free and are the run's now."""
    rows = await connection.fetch(_Q["take_connections"], site_id, list(connection_ids), run_id)
    await connection.execute(_Q["note_tried"], site_id, list(connection_ids))
    return len(rows)


async def run_at(connection: Connection, site_id: int, connection_ids: Sequence[int]) -> UUID | None:
    found: UUID | None = await connection.fetchval(_Q["run_at"], site_id, list(connection_ids))
    return found


async def any_at(connection: Connection, site_id: int) -> UUID | None:
    """The run under way at a store that began first."""
    found: UUID | None = await connection.fetchval(_Q["any_at"], site_id)
    return found


async def lease(connection: Connection, worker: str, for_s: float, limit: int) -> list[tuple[int, UUID]]:
    """Runs that nobody works at, now this worker's."""
    return [(row["site_id"], row["id"]) for row in await connection.fetch(_Q["lease"], worker, for_s, limit)]


async def lease_one(connection: Connection, site_id: int, run_id: UUID, worker: str, for_s: float) -> bool:
    return await connection.fetchval(_Q["lease_one"], site_id, run_id, worker, for_s) is not None


async def renew(connection: Connection, site_id: int, run_id: UUID, worker: str, for_s: float) -> bool | None:
    """Whether the run is to stop; None when it is not this worker's any more."""
    found: bool | None = await connection.fetchval(_Q["renew"], site_id, run_id, worker, for_s)
    return found


async def release(connection: Connection, site_id: int, run_id: UUID, worker: str) -> None:
    await connection.execute(_Q["release"], site_id, run_id, worker)


async def cancel(connection: Connection, site_id: int, run_id: UUID) -> bool:
    return await connection.fetchval(_Q["cancel"], site_id, run_id) is not None


async def end(
    connection: Connection, site_id: int, run_id: UUID, worker: str, *, state: str, reason: str | None
) -> None:
    await connection.execute(_Q["end_run"], site_id, run_id, worker, state, reason)


async def begin_stage(connection: Connection, site_id: int, run_id: UUID, number: int, reading: Reading | None) -> None:
    """A stage begins, or goes on where its stream's read stands."""
    since, until, total, done = None, None, None, 0
    if reading is not None:
        since, until, total, done = reading.window.since, reading.window.until, reading.total, reading.done
    await connection.execute(_Q["begin_stage"], site_id, run_id, number, since, until, total, done)


async def end_stage(
    connection: Connection, site_id: int, run_id: UUID, number: int, *, state: str, n: int, reason: str | None,
    generation: int | None = None,
) -> None:  # fmt: skip
    await connection.execute(_Q["end_stage"], site_id, run_id, number, state, n, reason, generation)


async def progress(connection: Connection, key: StageKey, reading: Reading, *, changed: int, rejects: int) -> None:
    """A batch is in."""
    await connection.execute(
        _Q["progress"], key.site_id, key.connection_id, key.stream, _encode(reading), key.run_id, key.number,
        reading.window.until, changed, reading.done, reading.total, rejects,
    )  # fmt: skip


async def start_reading(connection: Connection, key: StageKey) -> int:
    """The number of a new read of the stream."""
    found: int = await connection.fetchval(_Q["start_reading"], key.site_id, key.connection_id, key.stream)
    return found


async def set_reading(connection: Connection, key: StageKey, reading: Reading | None) -> None:
    encoded = None if reading is None else _encode(reading)
    await connection.execute(_Q["set_reading"], key.site_id, key.connection_id, key.stream, encoded)


async def note_deleted(connection: Connection, key: StageKey, deleted: int) -> None:
    await connection.execute(
        _Q["note_deleted"], key.site_id, key.run_id, key.number, key.connection_id, key.stream, deleted
    )


async def finish_stream(
    connection: Connection, key: StageKey, watermark: datetime | None, *, is_verified: bool
) -> tuple[int, datetime | None]:
    """The stream's generation and watermark then."""
    row = await connection.fetchrow(
        _Q["finish_stream"], key.site_id, key.connection_id, key.stream, watermark, is_verified
    )
    assert row is not None
    return row["generation"], row["watermark"]


async def raise_generation(connection: Connection, place: Place, stream: str) -> None:
    await connection.execute(_Q["raise_generation"], place.site_id, place.connection_id, stream)


async def page(
    connection: Connection, site_id: int, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[RunRow]:
    at, run_id = before if before is not None else (None, None)
    return [RunRow(*row) for row in await connection.fetch(_Q["runs"], site_id, at, run_id, limit)]


async def one(connection: Connection, site_id: int, run_id: UUID) -> RunRow | None:
    row = await connection.fetchrow(_Q["run"], site_id, run_id)
    return None if row is None else RunRow(*row)


async def stages(connection: Connection, site_id: int, run_ids: Sequence[UUID]) -> list[StageRow]:
    return [StageRow(*row) for row in await connection.fetch(_Q["stages"], site_id, list(run_ids))]


async def last_ends(connection: Connection, site_id: int) -> dict[tuple[int, str], StreamEnd]:
    """By connection and stream."""
    found = [StreamEnd(*row) for row in await connection.fetch(_Q["last_ends"], site_id)]
    return {(one.connection_id, one.name): one for one in found}


async def rates_of_earlier(connection: Connection, key: StageKey) -> list[float]:
    """How many rows a second the stream's latest stages read, the latest first."""
    rows = await connection.fetch(_Q["rates_of_earlier"], key.site_id, key.connection_id, key.stream)
    return [row["rate"] for row in rows]


async def under_way(connection: Connection, site_id: int) -> int:
    found: int = await connection.fetchval(_Q["under_way"], site_id)
    return found


async def forget_old(connection: Connection, after_days: float, limit: int) -> int:
    status = await connection.execute(_Q["forget_old_runs"], after_days, limit)
    return int(status.rsplit(" ", 1)[1])


async def standing(connection: Connection, site_id: int, rules: Sequence[str], subject: str) -> list[str]:
    """Which of these rules has a finding that stands of the subject."""
    return [row["rule"] for row in await connection.fetch(_Q["standing"], site_id, list(rules), subject)]
