"""Jobs for your own code: register a function, put it in with your own transaction, and any worker runs it.

    from holdfast.jobs import Context, enqueue, job

    @job(queue="mail", retries=5, timeout_s=30)
    async def send_welcome(ctx: Context, to: str, name: str = "") -> None:
        ctx.log(f"sending to {to}")
        ...

    async with connection.transaction():
        await connection.execute("insert into customer …")
        await enqueue(connection, send_welcome, to="ada@example.org")

Serve it with `HOLDFAST_JOB_MODULES=your.module holdfast serve`, or in a process of its own with `holdfast work`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from holdfast.domain.jobs.outcomes import Backoff
from holdfast.domain.jobs.states import HIGH, LOW, NORMAL, URGENT
from holdfast.services.jobs import enqueueing
from holdfast.services.jobs.context import GiveUp, Retry
from holdfast.services.jobs.context import JobContext as Context
from holdfast.services.jobs.enqueueing import Batch, Enqueued, Options
from holdfast.services.jobs.registry import JOBS, Job, Registry
from holdfast.store.connection import Connection

__all__ = [
    "HIGH", "LOW", "NORMAL", "URGENT", "Backoff", "Batch", "Context", "Enqueued", "GiveUp", "Job", "Options",
    "Registry", "Retry", "enqueue", "enqueue_batch", "enqueue_many", "job",
]  # fmt: skip

Jobs = Sequence[tuple[Job, Sequence[Mapping[str, Any]]]]


def job(call: Callable[..., Any] | None = None, /, *, name: str | None = None, **spec: Any) -> Any:
    """Registers a function as a job, as `@job` or `@job(queue=…, retries=…, timeout_s=…, unique=…)`.

    Options: `queue`, `retries` (9), `timeout_s` (300), `priority` (NORMAL), `unique` ("args" or "name"), `running_max`,
    `backoff`, `is_transactional`. Arguments are checked against the signature's types when put in and when run.
    """
    return JOBS.job(call, name=name, **spec)


async def enqueue(tx: Connection, job: Job, /, options: Options = enqueueing.PLAIN, **args: Any) -> Enqueued:
    """Puts a job in with the transaction of `tx`: it is there when that commits. `options` says what is different about
    this one: `Options(delay_s=60, after=(other.id,), tenant="…")`.

    Raises:
        Refusal: `invalid_arguments`, `unknown_job` for a parent there is not, `invalid_request` for such options.
    """
    return await enqueueing.enqueue(tx, job, args, options)


async def enqueue_many(
    tx: Connection, job: Job, each: Sequence[Mapping[str, Any]], options: Options = enqueueing.PLAIN
) -> list[Enqueued]:
    """Puts many jobs of one function in, in one statement for each ten thousand.

    Raises:
        Refusal: as `enqueue`; then none is put in.
    """
    return await enqueueing.enqueue_many(tx, job, each, options)


async def enqueue_batch(
    tx: Connection, name: str, jobs: Jobs, *, then: tuple[Job, Mapping[str, Any]] | None = None,
    options: Options = enqueueing.PLAIN,
) -> Batch:  # fmt: skip
    """Puts jobs in that are counted together; `then` is put in to run when all of them have ended, however.

    Raises:
        Refusal: as `enqueue`.
    """
    return await enqueueing.enqueue_batch(tx, name, jobs, then=then, options=options)
