"""Putting jobs in, with the caller's own transaction: they are there when it commits, and never were if it does not."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn
from zlib import crc32

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.jobs.states import LANES, PRIORITIES
from holdfast.services.jobs.nudge import NUDGE
from holdfast.services.jobs.registry import Job
from holdfast.store import jobs as store
from holdfast.store.connection import Connection
from holdfast.store.jobs import NewJob, NewJobs

PARENTS_MAX = 1_000
JOBS_AT_ONCE_MAX = 100_000
DELAY_S_MAX = 3660 * 86_400.0
_PART = 10_000

_canonical = msgspec.json.Encoder(order="deterministic").encode


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is different about one job than its function says. `starts_at` or `delay_s`: not before; `after`: ids of
    jobs that must succeed first; `tenant`: whose it is, for fairness between them."""

    queue: str | None = None
    priority: int | None = None
    tenant: str = ""
    starts_at: datetime | None = None
    delay_s: float | None = None
    after: tuple[int, ...] = ()
    unique_key: str | None = None
    limit_key: str | None = None
    attempts_max: int | None = None
    schedule_id: int | None = None
    tick_at: datetime | None = None


PLAIN = Options()


class Enqueued(msgspec.Struct, frozen=True):
    """A job that was put in; with `is_new` False, the one that waits or runs already and stood in its way."""

    id: int
    is_new: bool = True


class Batch(msgspec.Struct, frozen=True):
    """Jobs that were put in together; `then_id` is the one that follows when all of them have ended."""

    id: int
    job_ids: list[int]
    then_id: int | None


async def enqueue(tx: Connection, job: Job, args: Mapping[str, Any], options: Options = PLAIN) -> Enqueued:
    """Puts one job in.

    Raises:
        Refusal: `invalid_arguments`; `unknown_job` for a parent there is not; `invalid_request` for options that
            cannot be.
    """
    (found,) = await enqueue_many(tx, job, [args], options)
    return found


async def enqueue_many(
    tx: Connection, job: Job, each: Sequence[Mapping[str, Any]], options: Options = PLAIN
) -> list[Enqueued]:
    """Puts jobs of one function in, in one go; what was put in, in the given order.

    Raises:
        Refusal: as `enqueue`; then none is put in.
    """
    if len(each) > JOBS_AT_ONCE_MAX:
        _refuse("jobs", f"at most {JOBS_AT_ONCE_MAX} at once")
    found = await _put_in(tx, job, each, options)
    NUDGE.after(tx, {options.queue or job.spec.queue})
    return found


async def enqueue_each(tx: Connection, job: Job, each: Sequence[tuple[Mapping[str, Any], Options]]) -> list[int]:
    """Puts jobs of one function in, each with options of its own but for queue and priority, which are the first one's;
    their ids in the given order. Tells nobody: the caller does once it has committed.

    Raises:
        Refusal: as `enqueue`; `invalid_request` when it may be there only once.
    """
    if job.spec.unique is not None:
        _refuse("unique", f"{job.name} may be there only once")
    rows = [row for args, options in each for row in _rows(job, [args], options, waits_for=0)]
    return await store.enqueue(tx, _new(job, each[0][1], rows))


async def enqueue_batch(
    tx: Connection,
    name: str,
    jobs: Iterable[tuple[Job, Sequence[Mapping[str, Any]]]],
    *,
    then: tuple[Job, Mapping[str, Any]] | None = None,
    options: Options = PLAIN,
) -> Batch:
    """Puts jobs in that belong together; `then` follows when all of them have ended, however.

    Raises:
        Refusal: as `enqueue`; `invalid_request` when a job of it may be there only once.
    """
    parts = list(jobs)
    then_id = None
    total = sum(len(each) for _, each in parts)
    if then is not None:
        last, args = then
        # it waits for one thing: the batch's end
        waits = NewJob(_lane(options.tenant), options.tenant, last.encode(args), waits_for=min(total, 1))
        (then_id,) = await store.enqueue(tx, _new(last, PLAIN, [waits]))
    batch_id = await store.insert_batch(tx, name[:200], total, then_id)
    ids: list[int] = []
    for job, each in parts:
        if job.spec.unique is not None or options.unique_key is not None:
            _refuse("unique", f"{job.name} may be there only once, so it cannot be counted in a batch")
        ids += await _put_in_alike(tx, job, each, options, waits_for=0, batch_id=batch_id)
    NUDGE.after(tx, {options.queue or job.spec.queue for job, _ in parts})
    return Batch(batch_id, ids, then_id)


async def _put_in(tx: Connection, job: Job, each: Sequence[Mapping[str, Any]], options: Options) -> list[Enqueued]:
    _check(options)
    if options.delay_s is not None:
        starts_at = await store.clock(tx) + timedelta(seconds=options.delay_s)
        options = msgspec.structs.replace(options, starts_at=starts_at)
    parents = await _parents(tx, options.after) if options.after else set()
    found: list[Enqueued] = []
    if job.spec.unique is None and options.unique_key is None:
        found = [Enqueued(id) for id in await _put_in_alike(tx, job, each, options, waits_for=len(parents))]
    else:
        rows = _rows(job, each, options, waits_for=len(parents))
        for start in range(0, len(rows), _PART):
            found += await _put_in_unique(tx, _new(job, options, rows[start : start + _PART]))
    if parents:
        for one in found:
            if one.is_new:
                await store.add_parents(tx, sorted(parents), one.id)
    return found


async def _put_in_alike(
    tx: Connection, job: Job, each: Sequence[Mapping[str, Any]], options: Options, *, waits_for: int,
    batch_id: int | None = None,
) -> list[int]:  # fmt: skip
    """Puts jobs in that differ in their arguments only: what is common to all is sent once, which takes a third off."""
    if not each:
        return []
    args = [job.encode(one) for one in each]
    new = _new(job, options, _rows(job, each[:1], options, waits_for=waits_for), batch_id)
    ids: list[int] = []
    for start in range(0, len(args), _PART):
        ids += await store.enqueue_alike(tx, new, args[start : start + _PART])
    return ids


async def _put_in_unique(tx: Connection, new: NewJobs) -> list[Enqueued]:
    made = await store.enqueue_unique(tx, new)
    keys = [one.unique_key or "" for one in new.each]
    taken = await store.holders(tx, [key for key in keys if key not in made])
    found, seen = [], set()
    for key in keys:
        is_new = key in made and key not in seen
        seen.add(key)
        holder = made.get(key) or taken.get(key)
        if holder is None:
            # it ended between our two looks: there is room now
            made = {**made, **await store.enqueue_unique(tx, _only(new, key))}
            holder, is_new = made.get(key), True
        if holder is None:
            raise Refusal("busy", retry_after_s=1)
        found.append(Enqueued(holder, is_new))
    return found


def _only(new: NewJobs, key: str) -> NewJobs:
    return msgspec.structs.replace(new, each=[one for one in new.each if one.unique_key == key][:1])


async def _parents(tx: Connection, ids: tuple[int, ...]) -> set[int]:
    if len(ids) > PARENTS_MAX:
        _refuse("after", f"at most {PARENTS_MAX} jobs")
    wanted = sorted(set(ids))
    unfinished, succeeded = await store.adopt(tx, wanted)
    if unknown := [each for each in wanted if each not in unfinished and each not in succeeded]:
        raise Refusal("unknown_job", job=unknown[0], problem="it is not there, or did not succeed and is gone")
    return unfinished


def _rows(job: Job, each: Sequence[Mapping[str, Any]], options: Options, *, waits_for: int) -> list[NewJob]:
    lane, encode = _lane(options.tenant), job.encode
    starts_at, limit_key, tick_at = options.starts_at, options.limit_key or job.limit_key, options.tick_at
    rows = []
    for args in each:
        raw = encode(args)
        key = _unique_key(job, raw, options)
        rows.append(
            NewJob(lane, options.tenant, raw, starts_at, limit_key, waits_for, options.schedule_id, tick_at, key)
        )
    return rows


def _new(job: Job, options: Options, rows: Sequence[NewJob], batch_id: int | None = None) -> NewJobs:
    spec = job.spec
    priority = spec.priority if options.priority is None else options.priority
    attempts = job.attempts_max if options.attempts_max is None else options.attempts_max
    queue = options.queue or spec.queue
    return NewJobs(job.name, queue, priority, attempts, spec.timeout_s, batch_id, rows)


def _unique_key(job: Job, raw: bytes, options: Options) -> str | None:
    if options.unique_key is not None:
        # one tenant's keys never stand in another's way, nor tell of each other
        whose = f"{options.tenant}:" if options.tenant else ""
        return f"{job.name}:{whose}{options.unique_key}"
    if job.spec.unique is None:
        return None
    if job.spec.unique == "name":
        return f"{job.name}:{options.tenant}"
    said = _canonical(job.decode(raw))
    return f"{job.name}:{options.tenant}:{hashlib.sha256(said).hexdigest()[:32]}"


def _lane(tenant: str) -> int:
    return crc32(tenant.encode()) % LANES


def _check(options: Options) -> None:
    if options.priority is not None and not 0 <= options.priority < len(PRIORITIES):
        _refuse("priority", f"must be 0 to {len(PRIORITIES) - 1}: {', '.join(PRIORITIES)}")
    if options.queue is not None and not 0 < len(options.queue) <= 64:
        _refuse("queue", "has 1 to 64 characters")
    if options.attempts_max is not None and not 1 <= options.attempts_max <= 1_000:
        _refuse("attempts_max", "must lie between 1 and 1000")
    if options.starts_at is not None and options.starts_at.tzinfo is None:
        _refuse("starts_at", "must have an offset")
    if options.delay_s is not None and not 0 <= options.delay_s <= DELAY_S_MAX:
        _refuse("delay_s", "must lie between 0 and ten years")
    if len(options.tenant) > 200 or len(options.unique_key or "") > 90 or len(options.limit_key or "") > 200:
        _refuse("tenant", "tenant and keys are short: 200 characters, 90 for a unique key")


def _refuse(field: str, problem: str) -> NoReturn:
    raise Refusal("invalid_request", field=field, problem=problem)
