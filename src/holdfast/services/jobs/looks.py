"""Looking at jobs: lists, one job with all its attempts, lines and reasons, queues, workers, limits."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.jobs.states import PRIORITIES
from holdfast.domain.jobs.waiting import Facts, Parent, Reason, reasons
from holdfast.services.jobs.registry import Registry
from holdfast.store import job_limits, job_looks

PAGE_MAX = 500
LINES_MAX = 1_000
LAST = 2**62
OUTCOMES = ("succeeded", "failed", "dead", "cancelled", "lost", "stopped")
STATES = ("waiting", "running")


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs of a list; None for any. `tenants` is what the asker reaches (`Reach.among`)."""

    queue: str | None = None
    function: str | None = None
    tenants: tuple[str, ...] | None = None
    schedule: int | None = None
    batch: int | None = None
    outcome: str | None = None


class JobView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job that waits or runs."""

    id: int
    state: str
    queue: str
    priority: str
    function: str
    attempt: int
    attempts_max: int
    created_at: datetime
    tenant: str = ""
    starts_at: datetime | None = None
    run_at: datetime | None = None
    started_at: datetime | None = None
    worker: str | None = None
    parked_on: str | None = None
    waits_for: int = 0
    progress: dict[str, Any] | None = None
    cancelled_by: str | None = None
    batch: int | None = None
    schedule: int | None = None
    tick_at: datetime | None = None


class RunView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt that ended."""

    job: int
    attempt: int
    outcome: str
    queue: str
    function: str
    finished_at: datetime
    tenant: str = ""
    started_at: datetime | None = None
    took_ms: float | None = None
    waited_ms: float | None = None
    error: str | None = None
    result: msgspec.Raw | None = None
    batch: int | None = None
    schedule: int | None = None
    tick_at: datetime | None = None


class LineView(msgspec.Struct, frozen=True):
    attempt: int
    number: int
    at: datetime
    level: str
    text: str


class JobDetail(msgspec.Struct, frozen=True, kw_only=True):
    """All there is of a job: where it is, why it is not running if it waits, its attempts, its last lines."""

    id: int
    state: str
    function: str
    queue: str
    args: msgspec.Raw
    job: JobView | None = None
    reasons: list[Reason] = []
    runs: list[RunView] = []
    lines: list[LineView] = []
    result: msgspec.Raw | None = None
    error: str | None = None


class DeadView(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter: what was given up, and why."""

    id: int
    queue: str
    function: str
    args: msgspec.Raw
    tenant: str
    attempts: int
    lost: int
    reason: str
    error: str | None
    schedule: int | None
    died_at: datetime
    created_at: datetime


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """A queue with what is due, what is to come, what runs and what was given up; counted up to 100,000."""

    queue: str
    due: int
    later: int
    running: int
    dead: int
    workers: int
    oldest_due_s: float | None
    paused_at: datetime | None
    paused_by: str | None


async def waiting(pool: asyncpg.Pool, which: JobFilter, *, after: int = 0, limit: int = 100) -> list[JobView]:
    """Waiting jobs by id."""
    rows = await job_looks.rows(pool, "waiting", after, *_filters(which), which.batch, _bound(limit))
    return [_waiting(row) for row in rows]


async def running(pool: asyncpg.Pool, which: JobFilter, *, after: int = 0, limit: int = 100) -> list[JobView]:
    """Running jobs by id."""
    rows = await job_looks.rows(pool, "running", after, *_filters(which), which.batch, _bound(limit))
    return [_running(row) for row in rows]


async def runs(pool: asyncpg.Pool, which: JobFilter, *, before: int = LAST, limit: int = 100) -> list[RunView]:
    """Attempts that ended, of the youngest jobs first.

    Raises:
        Refusal: `invalid_request` for an outcome that none has.
    """
    if which.outcome is not None and which.outcome not in OUTCOMES:
        raise Refusal("invalid_request", field="outcome", given=which.outcome[:40], possible=list(OUTCOMES))
    rows = await job_looks.rows(pool, "runs", before, *_filters(which), which.outcome, _bound(limit))
    return [_run(row) for row in rows]


async def dead(pool: asyncpg.Pool, which: JobFilter, *, after: int = 0, limit: int = 100) -> list[DeadView]:
    """Dead letters by id."""
    rows = await job_looks.rows(pool, "dead", after, which.queue, which.function, which.tenants, _bound(limit))
    return [
        DeadView(
            id=row["id"], queue=row["queue"], function=row["name"], args=msgspec.Raw(row["args"]),
            tenant=row["tenant"], attempts=row["attempt"], lost=row["lost"], reason=row["reason"], error=row["error"],
            schedule=row["schedule_id"], died_at=row["died_at"], created_at=row["created_at"],
        )
        for row in rows
    ]  # fmt: skip


async def detail(pool: asyncpg.Pool, id: int) -> JobDetail:
    """One job, wherever it is.

    Raises:
        Refusal: `unknown_job`.
    """
    row = await job_looks.where_is(pool, id)
    ended = await job_looks.rows(pool, "runs_of", id)
    past = [_run(each) for each in ended]
    if row is None and not past:
        raise Refusal("unknown_job", job=id)
    told = await lines(pool, id)
    if row is None:
        last = past[-1]
        return JobDetail(
            id=id, state=last.outcome, function=last.function, queue=last.queue, args=msgspec.Raw(ended[-1]["args"]),
            runs=past, lines=told, result=last.result, error=last.error,
        )  # fmt: skip
    return JobDetail(
        id=id, state=row["state"], function=row["name"], queue=row["queue"], args=msgspec.Raw(row["args"]),
        job=_there(id, row), reasons=await _why(pool, id, row), runs=past, lines=told,
    )  # fmt: skip


async def explain(pool: asyncpg.Pool, id: int) -> list[Reason]:
    """Why a job is not running; empty when it runs, or has ended.

    Raises:
        Refusal: `unknown_job`.
    """
    row = await job_looks.where_is(pool, id)
    if row is None:
        await detail(pool, id)
        return []
    return await _why(pool, id, row)


async def lines(pool: asyncpg.Pool, id: int, *, attempt: int = 0, number: int = 0) -> list[LineView]:
    """Log lines of a job behind that line of that attempt."""
    rows = await job_looks.rows(pool, "lines", id, attempt, number, LINES_MAX)
    return [LineView(row["attempt"], row["number"], row["at"], row["level"], row["text"]) for row in rows]


async def queues(pool: asyncpg.Pool, registry: Registry) -> list[QueueView]:
    """All queues that are known of."""
    return [
        QueueView(
            queue=row["queue"], due=row["due"], later=row["later"], running=row["running"], dead=row["dead"],
            workers=row["workers"], oldest_due_s=row["oldest_s"], paused_at=row["paused_at"],
            paused_by=row["paused_by"],
        )
        for row in await job_looks.queues(pool, registry.queues())
    ]  # fmt: skip


async def workers(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    """All workers, and whether they are alive."""
    return [dict(row) for row in await job_looks.workers(pool)]


async def limits(pool: asyncpg.Pool, *, after: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """All limits, with how many run and are held back."""
    return [dict(row) for row in await job_limits.page(pool, after=after, limit=_bound(limit))]


async def batch(pool: asyncpg.Pool, id: int) -> dict[str, Any]:
    """A batch, and how far it is.

    Raises:
        Refusal: `unknown_job`.
    """
    rows = await job_looks.rows(pool, "batch", id)
    if not rows:
        raise Refusal("unknown_job", batch=id)
    return dict(rows[0])


async def _why(pool: asyncpg.Pool, id: int, row: asyncpg.Record) -> list[Reason]:
    if row["state"] != "waiting":
        return []
    key = row["parked_on"] or row["limit_key"]
    found = await job_looks.facts(pool, id, row, key)
    parents = await job_looks.rows(pool, "parents", id) if row["waits_for"] else []
    holders = await job_limits.holders(pool, row["parked_on"]) if row["parked_on"] else []
    return reasons(
        Facts(
            now=row["now"], starts_at=row["starts_at"], run_at=_finite(row["run_at"]), queue=row["queue"],
            attempt=row["attempt"], paused_at=found["paused_at"], paused_by=found["paused_by"],
            workers=found["workers"], parked_on=row["parked_on"], running_max=found["running_max"],
            holders=tuple(holders), rate_per_s=found["rate_per_s"], is_postponed=row["is_admitted"],
            parents=tuple(Parent(each["id"], each["state"]) for each in parents), batch_left=found["batch_left"],
            ahead=found["ahead"],
        )
    )  # fmt: skip


def _there(id: int, row: asyncpg.Record) -> JobView:
    return JobView(
        id=id, state=row["state"], queue=row["queue"], priority=PRIORITIES[row["priority"]], function=row["name"],
        attempt=row["attempt"], attempts_max=row["attempts_max"], created_at=row["created_at"], tenant=row["tenant"],
        starts_at=row["starts_at"], run_at=_finite(row["run_at"]), started_at=row["started_at"],
        parked_on=row["parked_on"], waits_for=row["waits_for"], progress=_progress(row),
        cancelled_by=row["cancelled_by"], batch=row["batch_id"], schedule=row["schedule_id"], tick_at=row["tick_at"],
    )  # fmt: skip


def _waiting(row: asyncpg.Record) -> JobView:
    return JobView(
        id=row["id"], state="waiting", queue=row["queue"], priority=PRIORITIES[row["priority"]], function=row["name"],
        attempt=row["attempt"], attempts_max=row["attempts_max"], created_at=row["created_at"], tenant=row["tenant"],
        starts_at=row["starts_at"], run_at=_finite(row["run_at"]), parked_on=row["parked_on"],
        waits_for=row["waits_for"], batch=row["batch_id"], schedule=row["schedule_id"], tick_at=row["tick_at"],
    )  # fmt: skip


def _running(row: asyncpg.Record) -> JobView:
    return JobView(
        id=row["id"], state="running", queue=row["queue"], priority=PRIORITIES[row["priority"]], function=row["name"],
        attempt=row["attempt"], attempts_max=row["attempts_max"], created_at=row["created_at"], tenant=row["tenant"],
        starts_at=row["starts_at"], started_at=row["started_at"], worker=row["worker"], progress=_progress(row),
        cancelled_by=row["cancelled_by"], batch=row["batch_id"], schedule=row["schedule_id"], tick_at=row["tick_at"],
    )  # fmt: skip


def _run(row: asyncpg.Record) -> RunView:
    started, finished = row["started_at"], row["finished_at"]
    return RunView(
        job=row["id"], attempt=row["attempt"], outcome=row["outcome"], queue=row["queue"], function=row["name"],
        finished_at=finished, tenant=row["tenant"], started_at=started,
        took_ms=None if started is None else _ms(finished - started),
        waited_ms=None if started is None else _ms(started - row["starts_at"]), error=row["error"],
        result=None if row["result"] is None else msgspec.Raw(row["result"]), batch=row["batch_id"],
        schedule=row["schedule_id"], tick_at=row["tick_at"],
    )  # fmt: skip


def _progress(row: asyncpg.Record) -> dict[str, Any] | None:
    if row["progress_done"] is None:
        return None
    return {"done": row["progress_done"], "total": row["progress_total"], "note": row["progress_note"]}


def _filters(which: JobFilter) -> tuple[Any, ...]:
    return which.queue, which.function, which.tenants, which.schedule


def _bound(limit: int) -> int:
    return min(max(limit, 1), PAGE_MAX)


def _ms(span: timedelta) -> float:
    return round(span.total_seconds() * 1000, 1)


def _finite(at: datetime) -> datetime | None:
    """asyncpg reads `infinity` as the last instant there is."""
    return None if at.year >= 9999 else at
