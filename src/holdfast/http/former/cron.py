"""The addresses of the replaced cron system: its jobs are schedules here. `{status, data}`, failures as
`{status: "error", message, code}`."""

from typing import Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery

from holdfast.domain.errors import Refusal
from holdfast.http.bodies import read_body
from holdfast.http.calls import Reply
from holdfast.http.context import caller_of, context_of, schedules_of
from holdfast.http.former.asking import Asked
from holdfast.http.framework import body_of, respond
from holdfast.services.former_cron import (
    FormerCronJob,
    FormerCronRequest,
    FormerCronRun,
    as_before,
    change,
    make,
    run_due,
)

TAG = "replaced systems"
RUN_S = 15.0
"""How long a run is waited for; the answer tells what has not ended by then."""
_MAKING = ("invalid_schedule", "unknown_function", "invalid_arguments", "already_exists", "not_allowed", "unavailable")
_LOOK: dict[str, Any] = {
    "right": "jobs",
    "by": "service",
    "former": True,
    "codes": ("unknown_schedule", "not_allowed", "unavailable"),
}
_ACT: dict[str, Any] = {"right": "jobs", "by": "service", "former": True, "codes": ("unknown_schedule", *_MAKING)}


class FormerCronJobs(msgspec.Struct, frozen=True):
    jobs: list[FormerCronJob]


class FormerCronList(msgspec.Struct, frozen=True):
    data: FormerCronJobs
    status: str = "success"


class FormerCronAnswer(msgspec.Struct, frozen=True):
    data: FormerCronJob
    message: str
    status: str = "success"


class FormerCronGone(msgspec.Struct, frozen=True):
    message: str
    status: str = "success"


class FormerCronRan(msgspec.Struct, frozen=True):
    data: FormerCronRun
    message: str
    status: str = "success"


_request = msgspec.json.Decoder(FormerCronRequest)


@get(
    "/api/cron/jobs", operation_id="former_list_cron_jobs", summary="List jobs", tags=[TAG],
    opt={**_LOOK, "answer": FormerCronList},
)  # fmt: skip
async def list_cron_jobs(
    request: Asked, tenant_id: FromQuery[str | None] = None, is_active: FromQuery[bool | None] = None,
    function_name: FromQuery[str | None] = None, limit: FromQuery[int] = 100,
) -> Response[bytes]:  # fmt: skip
    """All schedules, with when they ran last and run next, how often, and how the last run ended."""
    found = await schedules_of(request).page(
        tenant=tenant_id, active=is_active, function=function_name, limit=limit, with_own=False
    )
    return respond(_reply(200, FormerCronList(FormerCronJobs([as_before(row) for row in found]))))


@post(
    "/api/cron/jobs", operation_id="former_create_cron_job", summary="Make a job", tags=[TAG], status_code=201,
    opt={**_ACT, "body": FormerCronRequest, "answer": FormerCronAnswer},
)  # fmt: skip
async def create_cron_job(request: Asked) -> Response[bytes]:
    """`schedule` is `every_5_minutes`, `hourly`, `daily`, `weekly`, `cron:0 2 * * *` or any other rule; what of the
    metadata the function takes are its arguments."""
    asked = await body_of(request, _request)
    row = await make(schedules_of(request), asked, by=caller_of(request).name)
    return respond(_reply(201, FormerCronAnswer(as_before(row), "Cron job created")))


@get(
    "/api/cron/jobs/{job:str}", operation_id="former_get_cron_job", summary="One job", tags=[TAG],
    opt={**_LOOK, "answer": FormerCronAnswer},
)  # fmt: skip
async def get_cron_job(request: Asked, job: FromPath[str]) -> Response[bytes]:
    """As in the list."""
    row = await schedules_of(request).find(_id(job))
    return respond(_reply(200, FormerCronAnswer(as_before(row), "Cron job")))


@put(
    "/api/cron/jobs/{job:str}", operation_id="former_change_cron_job", summary="Change a job", tags=[TAG],
    opt={**_ACT, "body": FormerCronRequest, "answer": FormerCronAnswer},
)  # fmt: skip
async def change_cron_job(request: Asked, job: FromPath[str]) -> Response[bytes]:
    """What is left out stays; the next run follows from the schedule."""
    asked = await body_of(request, _request)
    row = await change(schedules_of(request), _id(job), asked, by=caller_of(request).name)
    return respond(_reply(200, FormerCronAnswer(as_before(row), "Cron job updated")))


@delete(
    "/api/cron/jobs/{job:str}", operation_id="former_remove_cron_job", summary="Remove a job", tags=[TAG],
    status_code=200, opt={**_ACT, "answer": FormerCronGone},
)  # fmt: skip
async def remove_cron_job(request: Asked, job: FromPath[str]) -> Response[bytes]:
    """With its ledger."""
    await schedules_of(request).remove(_id(job))
    return respond(_reply(200, FormerCronGone("Cron job deleted")))


@post(
    "/api/cron/run", operation_id="former_run_cron_jobs", summary="Run what is due", tags=[TAG], status_code=200,
    opt={**_ACT, "answer": FormerCronRan},
)  # fmt: skip
async def run_cron_jobs(request: Asked) -> Response[bytes]:
    """Fires what is due and tells how it ended: `executed`, `failed`, `skipped`. Schedules fire by themselves, so it is
    usually nothing; no browser has to stay open for them."""
    context = context_of(request)
    await read_body(request.receive, dict(request.scope["headers"]), context.limits.body_bytes_max)
    ran = await run_due(schedules_of(request), within_s=min(RUN_S, context.answer_s / 2))
    said = f"{ran.executed} executed, {ran.failed} failed, {ran.skipped} skipped"
    return respond(_reply(200, FormerCronRan(ran, said)))


FORMER_CRON_HANDLERS: list[Any] = [
    list_cron_jobs, create_cron_job, get_cron_job, change_cron_job, remove_cron_job, run_cron_jobs,
]  # fmt: skip


def _reply(status: int, value: object) -> Reply:
    return status, [], msgspec.json.encode(value)


def _id(text: str) -> int:
    if not text.isdigit() or not 0 < int(text[:19]) < 2**63 or len(text) > 19:
        raise Refusal("unknown_schedule", schedule=text[:40])
    return int(text)
