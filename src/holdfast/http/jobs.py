"""Jobs over HTTP: lists, one job with its reasons, acts on jobs. One function each, no logic: whose jobs somebody sees
and changes is for `services.jobs.reach` to say."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from holdfast.domain.errors import Refusal
from holdfast.http.calls import plain
from holdfast.http.context import caller_of, jobs_pool_of, registry_of
from holdfast.http.framework import Count, IdAfter, IdWanted, body_of, respond, rows_of
from holdfast.services.jobs import acts, looks
from holdfast.services.jobs.acts import Cancelled
from holdfast.services.jobs.enqueueing import PARENTS_MAX, Enqueued, Options, enqueue
from holdfast.services.jobs.looks import DeadView, JobDetail, JobFilter, JobView, LineView, RunView
from holdfast.services.jobs.reach import Reach, reach_of

Asked = Request[Any, Any, Any]
Text = FromQuery[str | None]
Limit = FromQuery[int]
Stage = Annotated[str | None, QueryParameter(name="state", description="waiting or running")]
OPEN_TO: dict[str, Any] = {"right": "jobs", "by": "service"}
"""Who runs the server, and holders of the right in an organisation: for its jobs."""
IDS_MAX = 1_000


class JobPage(msgspec.Struct, frozen=True):
    """Jobs by id; go on with `after` = `next`."""

    jobs: list[JobView]
    next: int | None


class RunPage(msgspec.Struct, frozen=True):
    """Attempts that ended, of the youngest jobs first; go on with `before` = `next`."""

    runs: list[RunView]
    next: int | None


class DeadPage(msgspec.Struct, frozen=True):
    """Dead letters by id; go on with `after` = `next`."""

    dead: list[DeadView]
    next: int | None


class ReasonList(msgspec.Struct, frozen=True):
    """Why a job is not running; empty when it runs, or has ended."""

    job: int
    reasons: list[Any]


class LineList(msgspec.Struct, frozen=True):
    lines: list[LineView]


class FunctionView(msgspec.Struct, frozen=True):
    """A registered function, and the JSON Schema of its arguments."""

    name: str
    queue: str
    retries: int
    timeout_s: float
    unique: str | None
    arguments: Any


class FunctionList(msgspec.Struct, frozen=True):
    functions: list[FunctionView]


class EnqueueRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A job of a registered function."""

    function: str
    args: dict[str, Any] = {}
    queue: str | None = None
    priority: int | None = None
    tenant: str = ""
    delay_s: float | None = None
    after: list[int] = []
    unique_key: str | None = None


class LettersRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which dead letters: by id, or all of a queue or function, a thousand at a time."""

    ids: list[int] | None = None
    queue: str | None = None
    function: str | None = None


class Sent(msgspec.Struct, frozen=True):
    """The jobs that wait again."""

    jobs: list[int]


class Discarded(msgspec.Struct, frozen=True):
    discarded: int


_enqueue = msgspec.json.Decoder(EnqueueRequest)
_letters = msgspec.json.Decoder(LettersRequest)
_BUSY = ("not_allowed", "unavailable")


@get(
    "/api/jobs", operation_id="list_jobs", summary="List jobs", tags=["jobs"],
    opt={**OPEN_TO, "answer": JobPage, "codes": ("invalid_request", *_BUSY)},
)  # fmt: skip
async def list_jobs(
    request: Asked, stage: Stage = None, queue: Text = None, function: Text = None, tenant: Text = None,
    schedule: IdWanted = None, batch: IdWanted = None, after: IdAfter = 0, limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """Jobs that wait (`state=waiting`, the default) or run (`state=running`), by id."""
    limit = rows_of(request, limit, looks.PAGE_MAX)
    which = JobFilter(
        queue=queue, function=function, tenants=_reach(request).among(tenant), schedule=schedule, batch=batch
    )
    look = {"waiting": looks.waiting, "running": looks.running}.get(stage or "waiting")
    if look is None:
        raise Refusal("invalid_request", field="state", given=(stage or "")[:40], possible=["waiting", "running"])
    found = await look(jobs_pool_of(request), which, after=after, limit=limit)
    return respond(plain(200, JobPage(found, found[-1].id if len(found) >= limit else None)))


@post(
    "/api/jobs", operation_id="enqueue_job", summary="Put a job in", tags=["jobs"], status_code=201,
    opt={
        **OPEN_TO, "body": EnqueueRequest, "answer": Enqueued,
        "codes": ("unknown_function", "invalid_arguments", "unknown_job", "already_queued", *_BUSY),
    },
)  # fmt: skip
async def enqueue_job(request: Asked) -> Response[bytes]:
    """A job of a registered function, with arguments that its signature allows. 409 names the job that is there already
    of which there may be one only."""
    body, reach = await body_of(request, _enqueue), _reach(request)
    job = registry_of(request).find(body.function)
    reach.check_function(job)
    for parent in body.after[:PARENTS_MAX]:
        await reach.check_job(jobs_pool_of(request), _id(parent))
    options = Options(
        queue=body.queue, priority=body.priority, tenant=reach.owner_of_new(body.tenant), delay_s=body.delay_s,
        after=tuple(body.after), unique_key=body.unique_key,
    )  # fmt: skip
    async with jobs_pool_of(request).acquire() as tx, tx.transaction():
        put = await enqueue(tx, job, body.args, options)
    if not put.is_new:
        raise Refusal("already_queued", job=put.id)
    return respond(plain(201, put))


@get(
    "/api/jobs/{job:int}", operation_id="get_job", summary="One job", tags=["jobs"],
    opt={**OPEN_TO, "answer": JobDetail, "codes": ("unknown_job", *_BUSY)},
)  # fmt: skip
async def get_job(request: Asked, job: FromPath[int]) -> Response[bytes]:
    """Where it is, why it is not running if it waits, its attempts with their errors, and its log lines."""
    return respond(plain(200, await looks.detail(jobs_pool_of(request), await _seen(request, job))))


@get(
    "/api/jobs/{job:int}/explain", operation_id="explain_job", summary="Why is it not running?", tags=["jobs"],
    opt={**OPEN_TO, "answer": ReasonList, "codes": ("unknown_job", *_BUSY)},
)  # fmt: skip
async def explain_job(request: Asked, job: FromPath[int]) -> Response[bytes]:
    """Every reason that holds: its time, its queue is paused, a limit and who has it, no live worker, how many are
    before it, the jobs or the batch that it waits for."""
    return respond(
        plain(200, ReasonList(job, list(await looks.explain(jobs_pool_of(request), await _seen(request, job)))))
    )


@get(
    "/api/jobs/{job:int}/lines", operation_id="list_job_lines", summary="Log lines of a job", tags=["jobs"],
    opt={**OPEN_TO, "answer": LineList, "codes": _BUSY},
)  # fmt: skip
async def list_job_lines(request: Asked, job: FromPath[int], attempt: Count = 0, number: Count = 0) -> Response[bytes]:
    """What its handler has logged, behind that line of that attempt; ask again to follow it."""
    found = await looks.lines(
        jobs_pool_of(request), await _seen(request, job), attempt=min(attempt, 32_000), number=min(number, 2**31 - 1)
    )
    return respond(plain(200, LineList(found)))


@post(
    "/api/jobs/{job:int}/cancel", operation_id="cancel_job", summary="Cancel a job", tags=["jobs"], status_code=200,
    opt={**OPEN_TO, "answer": Cancelled, "codes": ("unknown_job", *_BUSY)},
)  # fmt: skip
async def cancel_job(request: Asked, job: FromPath[int]) -> Response[bytes]:
    """One that waits is gone at once (`cancelled`); one that runs is ended by its worker within a second (`asked`)."""
    return respond(
        plain(200, await acts.cancel(jobs_pool_of(request), await _seen(request, job), by=caller_of(request).name))
    )


@post(
    "/api/jobs/{job:int}/start", operation_id="start_job", summary="Start a job now", tags=["jobs"], status_code=200,
    opt={**OPEN_TO, "answer": JobDetail, "codes": ("unknown_job", *_BUSY)},
)  # fmt: skip
async def start_job(request: Asked, job: FromPath[int]) -> Response[bytes]:
    """Lets one that waits for its time, or for its next attempt, start at once."""
    await acts.start_now(jobs_pool_of(request), await _seen(request, job))
    return respond(plain(200, await looks.detail(jobs_pool_of(request), await _seen(request, job))))


@get(
    "/api/runs", operation_id="list_runs", summary="List runs", tags=["jobs"],
    opt={**OPEN_TO, "answer": RunPage, "codes": ("invalid_request", *_BUSY)},
)  # fmt: skip
async def list_runs(
    request: Asked, outcome: Text = None, queue: Text = None, function: Text = None, tenant: Text = None,
    schedule: IdWanted = None, before: IdWanted = None, limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """Attempts that ended, of the youngest jobs first, with how long they waited and took."""
    limit = rows_of(request, limit, looks.PAGE_MAX)
    which = JobFilter(
        queue=queue, function=function, tenants=_reach(request).among(tenant), schedule=schedule, outcome=outcome
    )
    found = await looks.runs(jobs_pool_of(request), which, before=before or looks.LAST, limit=limit)
    return respond(plain(200, RunPage(found, found[-1].job if len(found) >= limit else None)))


@get(
    "/api/dead-letters", operation_id="list_dead_letters", summary="List dead letters", tags=["jobs"],
    opt={**OPEN_TO, "answer": DeadPage, "codes": _BUSY},
)  # fmt: skip
async def list_dead_letters(
    request: Asked, queue: Text = None, function: Text = None, tenant: Text = None, after: IdAfter = 0,
    limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """Jobs that were given up: out of attempts, refused by their handler, or set aside because their workers died."""
    limit = rows_of(request, limit, looks.PAGE_MAX)
    which = JobFilter(queue=queue, function=function, tenants=_reach(request).among(tenant))
    found = await looks.dead(jobs_pool_of(request), which, after=after, limit=limit)
    return respond(plain(200, DeadPage(found, found[-1].id if len(found) >= limit else None)))


@post(
    "/api/dead-letters/redrive", operation_id="redrive_dead_letters", summary="Send dead letters again", tags=["jobs"],
    status_code=200, opt={**OPEN_TO, "body": LettersRequest, "answer": Sent, "codes": ("unknown_job", *_BUSY)},
)  # fmt: skip
async def redrive_dead_letters(request: Asked) -> Response[bytes]:
    """Named ones, or up to a thousand of a queue or function; each gets at least one more attempt."""
    body = await body_of(request, _letters)
    sent = await acts.redrive(
        jobs_pool_of(request), ids=_ids(body.ids), queue=body.queue, name=body.function, reach=_reach(request)
    )
    return respond(plain(200, Sent(sent)))


@post(
    "/api/dead-letters/discard", operation_id="discard_dead_letters", summary="Let go of dead letters", tags=["jobs"],
    status_code=200, opt={**OPEN_TO, "body": LettersRequest, "answer": Discarded, "codes": ("unknown_job", *_BUSY)},
)  # fmt: skip
async def discard_dead_letters(request: Asked) -> Response[bytes]:
    """Named ones only; their runs are kept as long as any."""
    body = await body_of(request, _letters)
    gone = await acts.discard(jobs_pool_of(request), _ids(body.ids) or [], reach=_reach(request))
    return respond(plain(200, Discarded(gone)))


@get(
    "/api/functions", operation_id="list_functions", summary="List functions", tags=["jobs"],
    opt={**OPEN_TO, "answer": FunctionList, "codes": _BUSY},
)  # fmt: skip
async def list_functions(request: Asked) -> Response[bytes]:
    """Only these can run, of those that one may put in; each with the JSON Schema of its arguments."""
    reach = _reach(request)
    found = [
        FunctionView(
            job.name, job.spec.queue, job.spec.retries, job.spec.timeout_s, job.spec.unique,
            msgspec.json.schema(job.arguments),
        )
        for job in registry_of(request).jobs()
        if reach.is_everywhere or job.spec.is_for_tenants
    ]  # fmt: skip
    return respond(plain(200, FunctionList(found)))


JOB_HANDLERS: list[Any] = [
    list_jobs, enqueue_job, get_job, explain_job, list_job_lines, cancel_job, start_job, list_runs, list_dead_letters,
    redrive_dead_letters, discard_dead_letters, list_functions,
]  # fmt: skip


def _reach(request: Asked) -> Reach:
    return reach_of(caller_of(request))


async def _seen(request: Asked, job: int) -> int:
    """The id of a job that the caller may see and change."""
    await _reach(request).check_job(jobs_pool_of(request), _id(job))
    return job


def _id(number: int) -> int:
    if not 0 < number < 2**63:
        raise Refusal("unknown_job", job=str(number)[:40])
    return number


def _ids(given: list[int] | None) -> list[int] | None:
    if given is None:
        return None
    if not 0 < len(given) <= IDS_MAX:
        raise Refusal("invalid_request", field="ids", problem=f"name 1 to {IDS_MAX}")
    return [_id(each) for each in given]
