"""Jobs as they are recorded: put in, taken, ended. Rows in, values out; decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from holdfast.domain.jobs.outcomes import Ended
from holdfast.store import sql
from holdfast.store.connection import Connection, Database

_Q = sql.load("jobs")
_WORKERS = sql.load("job_workers")
_ACK = _Q["ack"]


class NewJobs(msgspec.Struct, frozen=True):
    """Jobs of one function to be put in, each with its own part."""

    name: str
    queue: str
    priority: int
    attempts_max: int
    timeout_s: float
    batch_id: int | None = None
    each: Sequence["NewJob"] = ()


class NewJob(msgspec.Struct, frozen=True, gc=False):
    """`starts_at` None means at once; `waits_for` counts the parents that have not ended."""

    lane: int
    tenant: str
    args: bytes
    starts_at: datetime | None = None
    limit_key: str | None = None
    waits_for: int = 0
    schedule_id: int | None = None
    tick_at: datetime | None = None
    unique_key: str | None = None


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """A job that a worker has taken; `attempt` counts from 1."""

    id: int
    queue: str
    priority: int
    lane: int
    run_at: datetime
    name: str
    args: bytes
    tenant: str
    attempt: int
    attempts_max: int
    lost: int
    timeout_s: float
    is_admitted: bool
    unique_key: str | None
    limit_key: str | None
    batch_id: int | None
    schedule_id: int | None
    tick_at: datetime | None
    created_at: datetime


class Probe(msgspec.Struct, frozen=True, gc=False):
    """A range of the queue to look into: up to `share` jobs behind the floor."""

    queue: str
    priority: int
    lane: int
    share: int
    floor_at: datetime
    floor_id: int


class Finished(msgspec.Struct, frozen=True, gc=False):
    """An attempt that has ended, and how."""

    id: int
    attempt: int
    ended: Ended
    result: bytes | None = None


async def clock(connection: Database) -> datetime:
    """What time it is."""
    found: datetime = await connection.fetchval(_Q["clock"])
    return found


async def enqueue(tx: Connection, new: NewJobs) -> list[int]:
    """Puts jobs without unique keys in; their ids in the given order."""
    rows = await tx.fetch(_Q["enqueue"], *_common(new), *_columns(new.each)[:-1])
    return sorted(row["id"] for row in rows)


async def enqueue_alike(tx: Connection, new: NewJobs, args: Sequence[bytes]) -> list[int]:
    """Puts jobs in that are all like the first of `new` but for their arguments; their ids in the given order."""
    one = new.each[0]
    rows = await tx.fetch(
        _Q["enqueue_alike"], *_common(new), one.lane, one.tenant, one.starts_at, one.limit_key, one.waits_for,
        one.schedule_id, one.tick_at, args,
    )  # fmt: skip
    return sorted([row[0] for row in rows])


async def enqueue_unique(tx: Connection, new: NewJobs) -> dict[str, int]:
    """Puts jobs with unique keys in, those whose key is free; key → id of what was put in."""
    rows = await tx.fetch(_Q["enqueue_unique"], *_common(new), *_columns(new.each))
    return {row["unique_key"]: row["id"] for row in rows}


async def holders(tx: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Which job holds each of these unique keys."""
    return {row["key"]: row["job_id"] for row in await tx.fetch(_Q["holders_of_keys"], keys)}


async def adopt(tx: Connection, ids: Sequence[int]) -> tuple[set[int], set[int]]:
    """Notes at jobs that others come after them, and locks them; those still to end, and those that have succeeded."""
    unfinished: set[int] = set()
    # one that moves meanwhile is waited for, and found where it has gone to by the next round
    for _ in range(3):
        for name in ("adopt_waiting", "adopt_running", "adopt_dead"):
            left = [each for each in ids if each not in unfinished]
            unfinished |= {row["id"] for row in await tx.fetch(_Q[name], left)}
        left = [each for each in ids if each not in unfinished]
        succeeded = {row["id"] for row in await tx.fetch(_Q["succeeded_of"], left)} if left else set()
        if len(succeeded) == len(left):
            break
    return unfinished, succeeded


async def add_parents(tx: Connection, parents: Sequence[int], child_id: int) -> None:
    await tx.execute(_Q["add_parents"], parents, child_id)


async def insert_batch(tx: Connection, name: str, total: int, then_job_id: int | None) -> int:
    found: int = await tx.fetchval(_Q["insert_batch"], name, total, then_job_id)
    return found


async def claim(connection: Database, worker_id: int, room: int, probes: Sequence[Probe]) -> list[Claimed]:
    """Takes up to `room` jobs for a worker, in the order of the probes."""
    columns = [list(column) for column in zip(*(msgspec.structs.astuple(probe) for probe in probes), strict=True)]
    rows = await connection.fetch(_Q["claim"], worker_id, room, *columns)
    return [Claimed(*row) for row in rows]


async def next_due(
    connection: Database, queues: Sequence[str], priorities: Sequence[int], lanes: Sequence[int]
) -> float | None:
    """In how many seconds the next job of these queues is due; None when none has a time."""
    found: float | None = await connection.fetchval(_Q["next_due"], queues, priorities, lanes)
    return found


async def queues_with_jobs(connection: Database) -> list[str]:
    return [row["queue"] for row in await connection.fetch(_Q["queues_with_jobs"])]


async def ack(connection: Database, ids: Sequence[int], attempt: int, worker_id: int) -> set[int]:
    """Marks jobs that nothing depends on as succeeded; the ids of those that were."""
    return {row[0] for row in await connection.fetch(_ACK, ids, attempt, worker_id)}


async def settle(tx: Connection, finished: Sequence[Finished]) -> list[asyncpg.Record]:
    """Ends attempts in whatever way; a row for each that had not been ended by somebody else. Needs a transaction."""
    await tx.fetch(_Q["lock_running"], [one.id for one in finished])
    rows: list[asyncpg.Record] = await tx.fetch(
        _Q["settle"],
        [one.id for one in finished],
        [one.attempt for one in finished],
        [one.ended.outcome for one in finished],
        [one.ended.error for one in finished],
        [one.result for one in finished],
        [one.ended.retry_in_s for one in finished],
        [one.ended.reason for one in finished],
    )
    return rows


async def give_back(tx: Connection, worker_id: int, jobs: Sequence[tuple[int, datetime | None, str | None]]) -> None:
    """Puts claimed jobs back: (id, until when or None, behind which limit or None)."""
    ids, run_at, parked_on = zip(*jobs, strict=True)
    await tx.execute(_Q["give_back"], list(ids), list(run_at), list(parked_on), worker_id)


async def register(connection: Database, name: str, queues: Sequence[str], capacity: int) -> int:
    """A new worker's id."""
    found: int = await connection.fetchval(_WORKERS["register"], name, queues, capacity)
    return found


async def beat(connection: Database, worker_id: int, running: int, queues: Sequence[str], *, is_stopping: bool) -> bool:
    """A sign of life; False when the worker was taken for dead."""
    return await connection.fetchval(_WORKERS["beat"], worker_id, running, queues, is_stopping) is not None


async def leave(connection: Database, worker_id: int) -> None:
    await connection.execute(_WORKERS["leave"], worker_id)


async def bury_silent(connection: Database, silent_s: float) -> dict[int, str]:
    """Takes workers silent for so long for dead; their names by id."""
    return {row["id"]: row["name"] for row in await connection.fetch(_WORKERS["bury_silent"], silent_s)}


async def orphans(connection: Database, limit: int) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(_WORKERS["orphans"], limit)
    return rows


async def cancelled_of(connection: Database, worker_id: int) -> list[tuple[int, int, str]]:
    """(id, attempt, by whom) of a worker's jobs that somebody has cancelled."""
    return [tuple(row) for row in await connection.fetch(_WORKERS["cancelled_of"], worker_id)]


async def held_by(connection: Database, worker_id: int) -> set[tuple[int, int]]:
    """(id, attempt) of the jobs that a worker has, as far as the database knows."""
    return {(row["id"], row["attempt"]) for row in await connection.fetch(_WORKERS["held_by"], worker_id)}


async def tell_progress(
    connection: Database, told: Sequence[tuple[int, int, int | None, int | None, str | None]]
) -> None:
    """(id, attempt, done, total, note) of running jobs."""
    await connection.execute(_WORKERS["tell_progress"], *(list(column) for column in zip(*told, strict=True)))


async def keep_lines(connection: Database, lines: Sequence[tuple[int, int, int, datetime, str, str]]) -> None:
    """(id, attempt, number, at, level, text) of log lines."""
    await connection.execute(_WORKERS["keep_lines"], *(list(column) for column in zip(*lines, strict=True)))


def _common(new: NewJobs) -> tuple[Any, ...]:
    return new.name, new.queue, new.priority, new.attempts_max, new.timeout_s, new.batch_id


def _columns(each: Sequence[NewJob]) -> list[list[Any]]:
    return [list(column) for column in zip(*(msgspec.structs.astuple(one) for one in each), strict=True)]
