"""Firing what is due: a schedule moves on, its ledger gets a line, and a job is put in, in one transaction. Any node
may do it, and none leads: who comes second finds the schedule moved on."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast

import asyncpg
import msgspec
import structlog

from holdfast.domain.cron import Rules, between, next_tick, parse
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
from holdfast.domain.schedules import Firing, Missed, Overlap, Ticked, decide
from holdfast.services.jobs.enqueueing import Options, enqueue, enqueue_each
from holdfast.services.jobs.nudge import NUDGE
from holdfast.services.jobs.registry import Job, Registry
from holdfast.store import job_acts
from holdfast.store import schedules as store
from holdfast.store.connection import Connection
from holdfast.store.schedules import Due, Line, Moved

SCHEDULES_MAX = 200
TICKS_MAX = 500
"""Of one schedule in one transaction; what is left follows in the next one."""

log = structlog.get_logger("holdfast.schedules")


class Decided(msgspec.Struct, frozen=True):
    """What is to be done of one schedule: lines of the ledger, and where it goes on."""

    due: Due
    lines: list[Ticked]
    next_at: datetime | None


class Fired(msgspec.Struct, frozen=True):
    """Jobs that were put in, as (schedule id, job id), and how many ticks had none; in how many seconds the next
    schedule is due, None when none is."""

    jobs: list[tuple[int, int]]
    skipped: int
    next_in_s: float | None


async def fire_due(
    pool: asyncpg.Pool, registry: Registry, *, now: datetime | None = None, tenants: Sequence[str] | None = None
) -> Fired:
    """Fires what is due and nobody else is firing, up to a bound; of some tenants or all. `now` replaces the
    database's clock."""
    functions = registry.names()
    decided = [_decide(due) for due in await store.due(pool, functions, SCHEDULES_MAX, now, tenants)]
    jobs: list[tuple[int, int]] = []
    fired: list[Decided] = []
    if decided:
        try:
            fired, jobs = await _fire_unmoved(pool, registry, decided)
        except asyncpg.PostgresError as error:
            if isinstance(error, asyncpg.PostgresConnectionError | asyncpg.OperatorInterventionError):
                raise
            # one of them cannot be fired: it must not hold up the others
            for one in decided:
                fired += await _fire_alone(pool, registry, one, jobs)
    if jobs:
        NUDGE.now({_queue_of(registry, one.due) for one in fired})
    skipped = sum(not line.fires for one in fired for line in one.lines)
    return Fired(jobs, skipped, await store.next_in_s(pool, functions, now, tenants))


async def _fire_unmoved(
    pool: asyncpg.Pool, registry: Registry, decided: Sequence[Decided]
) -> tuple[list[Decided], list[tuple[int, int]]]:
    async with pool.acquire() as tx, tx.transaction():
        unmoved = await store.lock_unmoved(tx, [one.due for one in decided])
        mine = [one for one in decided if one.due.id in unmoved]
        return mine, await _fire(tx, registry, mine) if mine else []


async def _fire_alone(
    pool: asyncpg.Pool, registry: Registry, one: Decided, jobs: list[tuple[int, int]]
) -> list[Decided]:
    """Fires one schedule; one that cannot be fired gets lines that say why, and goes on."""
    try:
        fired, made = await _fire_unmoved(pool, registry, [one])
    except asyncpg.PostgresError as error:
        why = f"could not be put in: {type(error).__name__}: {error}"[:300]
        log.warning("schedule could not be fired", schedule=one.due.name, error=why)
        lines = [Ticked(line.at, "skipped", why) if line.fires else line for line in one.lines]
        fired, made = await _fire_unmoved(pool, registry, [msgspec.structs.replace(one, lines=lines)])
    jobs += made
    return fired


def _decide(due: Due) -> Decided:
    """What follows for one schedule; one that cannot be read any more ends with a line that says so."""
    try:
        schedule, place, rules = parse(due.expression), zone(due.time_zone), rules_of(due.gap, due.fold)
    except Refusal as refusal:
        log.warning("schedule cannot be read", schedule=due.name, problem=refusal.data.get("problem"))
        return Decided(due, [Ticked(due.next_at, "skipped", "the schedule cannot be read")], None)
    before = due.next_at - timedelta(microseconds=1)
    found = list(islice(between(schedule, before, due.now, place, rules), TICKS_MAX + 1))
    ticks = found[:TICKS_MAX]
    if due.next_at not in ticks[:1]:
        # the clock's rules have changed since it was computed: what was promised is kept
        ticks = [due.next_at, *ticks[: TICKS_MAX - 1]]
    is_all = len(found) <= TICKS_MAX
    firing = Firing(
        cast(Missed, due.missed),
        cast(Overlap, due.overlap),
        timedelta(seconds=due.catch_up_s),
        due.last_job_id if due.is_live else None,
        None if due.is_active else due.changed_by or "somebody",
    )
    next_at = next_tick(schedule, due.now, place, rules) if is_all else next_tick(schedule, ticks[-1], place, rules)
    return Decided(due, decide(firing, ticks, due.now, is_last_due=is_all), next_at)


async def _fire(tx: Connection, registry: Registry, decided: Sequence[Decided]) -> list[tuple[int, int]]:
    for one in decided:
        for line in one.lines:
            if line.replaces is not None:
                await _cancel(tx, line.replaces, one.due.name)
    job_ids = await _put_in(tx, registry, decided)
    lines: list[Line] = []
    moved: list[Moved] = []
    for one in decided:
        last_at, last_job = None, None
        for line in one.lines:
            id = one.due.id
            job_id, why = job_ids.get((id, line.at), (None, None))
            state, reason = ("skipped", why) if line.fires and job_id is None else (line.state, line.reason)
            lines.append((id, line.at, state, reason, job_id))
            last_at, last_job = line.at, job_id or last_job
        moved.append(Moved(one.due.id, one.next_at, last_at, last_job))
    await store.note_ticks(tx, lines)
    await store.move_on(tx, moved)
    return [(id, job_id) for (id, _), (job_id, _) in job_ids.items() if job_id is not None]


Put = dict[tuple[int, datetime], tuple[int | None, str | None]]


async def _put_in(tx: Connection, registry: Registry, decided: Iterable[Decided]) -> Put:
    """The job of each tick that fires, or why there is none."""
    found: Put = {}
    alike: dict[tuple[str, str | None, int | None], list[tuple[Due, datetime]]] = {}
    for one in decided:
        for line in one.lines:
            if line.fires:
                alike.setdefault((one.due.function, one.due.queue, one.due.priority), []).append((one.due, line.at))
    for (function, queue, priority), ticks in alike.items():
        job = registry.find(function)
        common = Options(queue=queue, priority=priority)
        if job.spec.unique is not None:
            found |= await _put_in_unique(tx, job, common, ticks)
            continue
        fit = []
        for due, at in ticks:
            try:
                job.decode(due.args)
            except Refusal as refusal:
                # arguments of a time before the function changed: said in the ledger, and no harm to the others
                found[due.id, at] = None, f"{refusal.code}: {refusal.data.get('problem')}"[:300]
            else:
                fit.append((due, at))
        if fit:
            ids = await enqueue_each(tx, job, [(_args(due), _options(common, due, at)) for due, at in fit])
            found |= {(due.id, at): (id, None) for (due, at), id in zip(fit, ids, strict=True)}
    return found


async def _put_in_unique(tx: Connection, job: Job, common: Options, ticks: Sequence[tuple[Due, datetime]]) -> Put:
    found: Put = {}
    for due, at in ticks:
        try:
            put = await enqueue(tx, job, _args(due), _options(common, due, at))
        except Refusal as refusal:
            found[due.id, at] = None, f"{refusal.code}: {refusal.data.get('problem')}"[:300]
        else:
            found[due.id, at] = (put.id, None) if put.is_new else (None, f"unique: job {put.id} has not ended")
    return found


async def _cancel(tx: Connection, job_id: int, schedule: str) -> None:
    by = f"its schedule {schedule}: replaced by the next one"
    if await job_acts.cancel_waiting(tx, job_id, by) is None:
        await job_acts.cancel_running(tx, job_id, by)


def limit_key(schedule_id: int) -> str:
    """What lets the jobs of a schedule run one after the other."""
    return f"schedule:{schedule_id}"


def rules_of(gap: str, fold: str) -> Rules:
    return Rules(gap, fold)  # type: ignore[arg-type]


def _options(common: Options, due: Due, at: datetime) -> Options:
    key = limit_key(due.id) if due.overlap == "queue" else None
    return msgspec.structs.replace(common, tenant=due.tenant, schedule_id=due.id, tick_at=at, limit_key=key)


def _args(due: Due) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(due.args)
    return found


def _queue_of(registry: Registry, due: Due) -> str:
    job = registry.get(due.function)
    return due.queue or (job.spec.queue if job is not None else "default")
