"""What people do with jobs: cancel, start at once, send dead letters again or let them go; pause queues, set limits."""

from collections.abc import Sequence
from typing import NoReturn

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.services.jobs.nudge import NUDGE
from holdfast.services.jobs.reach import EVERYWHERE, Reach
from holdfast.store import job_acts, job_limits

LETTERS_MAX = 1_000
NAME_CHARS_MAX = 64
KEY_CHARS_MAX = 250


class Cancelled(msgspec.Struct, frozen=True):
    """What became of a wish to cancel: `cancelled` at once, or `asked` of the worker that runs it."""

    job: int
    state: str


class LimitRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many may run at once, and how many may start in a second, `burst` of them together."""

    running_max: int | None = None
    rate_per_s: float | None = None
    burst: int = 1


async def cancel(pool: asyncpg.Pool, id: int, *, by: str) -> Cancelled:
    """A waiting job is gone at once; a running one is ended by its worker within a second.

    Raises:
        Refusal: `unknown_job`: it neither waits nor runs, or its cancelling was asked for already.
    """
    async with pool.acquire() as tx, tx.transaction():
        # one that is claimed, or goes back to wait, between the two looks is found by the second round
        for _ in range(2):
            if await job_acts.cancel_waiting(tx, id, by) is not None:
                return Cancelled(id, "cancelled")
            if await job_acts.cancel_running(tx, id, by) is not None:
                return Cancelled(id, "asked")
    raise Refusal("unknown_job", job=id, problem="it neither waits nor runs, or is being cancelled already")


async def start_now(pool: asyncpg.Pool, id: int) -> None:
    """Lets a job that waits for its time start at once.

    Raises:
        Refusal: `unknown_job`: it does not wait for a time.
    """
    async with pool.acquire() as tx, tx.transaction():
        gone = await job_acts.start_now(tx, id)
    if gone is None:
        raise Refusal("unknown_job", job=id, problem="it does not wait for a time")
    NUDGE.now({gone[1]})


async def redrive(
    pool: asyncpg.Pool, *, ids: Sequence[int] | None = None, queue: str | None = None, name: str | None = None,
    reach: Reach = EVERYWHERE,
) -> list[int]:  # fmt: skip
    """Sends dead letters again, up to a bound, with fresh attempts; those sent. A unique one whose key is held stays.

    Raises:
        Refusal: `unknown_job` when of named ones none was sent; `invalid_request` when none are named in any way.
    """
    if ids is None and queue is None and name is None:
        _refuse("ids", "say which: `ids`, `queue` or `function`")
    async with pool.acquire() as tx, tx.transaction():
        sent = await job_acts.redrive(tx, ids=ids, queue=queue, name=name, tenants=reach.tenants, limit=LETTERS_MAX)
    if ids is not None and not sent:
        raise Refusal("unknown_job", job=ids[0] if ids else None, problem="there is no such dead letter to send")
    NUDGE.now({queue for _, queue in sent})
    return sorted(id for id, _ in sent)


async def discard(pool: asyncpg.Pool, ids: Sequence[int], *, reach: Reach = EVERYWHERE) -> int:
    """Lets go of dead letters; how many.

    Raises:
        Refusal: `unknown_job` when there was none of them.
    """
    count = await job_acts.discard(pool, list(ids)[:LETTERS_MAX], tenants=reach.tenants)
    if not count:
        raise Refusal("unknown_job", job=ids[0] if ids else None, problem="there is no such dead letter")
    return count


async def pause_queue(pool: asyncpg.Pool, name: str, *, by: str) -> None:
    """Nothing of the queue is started from now on; what runs goes on."""
    _check_name(name)
    await job_acts.pause_queue(pool, name, by)


async def resume_queue(pool: asyncpg.Pool, name: str) -> None:
    """Raises:
    Refusal: `unknown_queue`: no queue of that name is paused.
    """
    if not await job_acts.resume_queue(pool, name):
        raise Refusal("unknown_queue", queue=name[:NAME_CHARS_MAX], problem="no queue of that name is paused")
    NUDGE.now({name})


async def set_limit(pool: asyncpg.Pool, key: str, limit: LimitRequest) -> None:
    """Limits a queue (`queue:<name>`), a function (`function:<name>`) or a key of the jobs' own.

    Raises:
        Refusal: `invalid_request`.
    """
    if not 0 < len(key) <= KEY_CHARS_MAX or not key.isprintable():
        _refuse("key", f"has 1 to {KEY_CHARS_MAX} printable characters")
    if limit.running_max is None and limit.rate_per_s is None:
        _refuse("running_max", "or `rate_per_s` is needed; remove the limit with DELETE")
    if limit.running_max is not None and not 1 <= limit.running_max <= 1_000_000:
        _refuse("running_max", "must lie between 1 and 1000000")
    if limit.rate_per_s is not None and not 1e-6 <= limit.rate_per_s <= 1e6:
        _refuse("rate_per_s", "must lie between 0.000001 and 1000000")
    if not 1 <= limit.burst <= 1_000_000:
        _refuse("burst", "must lie between 1 and 1000000")
    async with pool.acquire() as tx, tx.transaction():
        await job_limits.set_limit(
            tx, key, running_max=limit.running_max, rate_per_s=limit.rate_per_s, burst=limit.burst
        )


async def drop_limit(pool: asyncpg.Pool, key: str) -> None:
    """Raises:
    Refusal: `unknown_queue`: nothing limits that key.
    """
    async with pool.acquire() as tx, tx.transaction():
        if not await job_limits.drop_limit(tx, key):
            raise Refusal("unknown_queue", queue=key[:KEY_CHARS_MAX], problem="nothing limits that key")


def _check_name(name: str) -> None:
    if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
        _refuse("queue", f"has 1 to {NAME_CHARS_MAX} printable characters")


def _refuse(field: str, problem: str) -> NoReturn:
    raise Refusal("invalid_request", field=field, problem=problem)
