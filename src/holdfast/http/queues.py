"""Queues, workers and limits over HTTP, for who runs the server: all tenants' jobs share them. One function each."""

from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery

from holdfast.http.calls import plain
from holdfast.http.context import caller_of, jobs_pool_of, registry_of
from holdfast.http.framework import body_of, respond
from holdfast.services.jobs import acts, looks
from holdfast.services.jobs.acts import LimitRequest
from holdfast.services.jobs.looks import QueueView

Asked = Request[Any, Any, Any]
Named = FromPath[str]
Limit = FromQuery[int]
LOOK, ACT = {"right": "server"}, {"right": "server"}


class QueueList(msgspec.Struct, frozen=True):
    queues: list[QueueView]
    workers: list[Any]


class LimitList(msgspec.Struct, frozen=True):
    limits: list[Any]


_limit = msgspec.json.Decoder(LimitRequest)
_BUSY = ("unavailable",)


@get(
    "/api/queues", operation_id="list_queues", summary="Queues and workers", tags=["jobs"],
    opt={**LOOK, "answer": QueueList, "codes": _BUSY},
)  # fmt: skip
async def list_queues(request: Asked) -> Response[bytes]:
    """What is due, to come, running and dead in each queue, whether it is paused, and who works."""
    return await _queues(request)


@post(
    "/api/queues/{queue:str}/pause", operation_id="pause_queue", summary="Pause a queue", tags=["jobs"],
    status_code=200, opt={**ACT, "answer": QueueList, "codes": _BUSY},
)  # fmt: skip
async def pause_queue(request: Asked, queue: Named) -> Response[bytes]:
    """Nothing of it is started from now on; what runs goes on."""
    await acts.pause_queue(jobs_pool_of(request), queue, by=caller_of(request).name)
    return await _queues(request)


@post(
    "/api/queues/{queue:str}/resume", operation_id="resume_queue", summary="Resume a queue", tags=["jobs"],
    status_code=200, opt={**ACT, "answer": QueueList, "codes": ("unknown_queue", *_BUSY)},
)  # fmt: skip
async def resume_queue(request: Asked, queue: Named) -> Response[bytes]:
    """It goes on where it was."""
    await acts.resume_queue(jobs_pool_of(request), queue)
    return await _queues(request)


@get(
    "/api/limits", operation_id="list_limits", summary="List limits", tags=["jobs"],
    opt={**LOOK, "answer": LimitList, "codes": _BUSY},
)  # fmt: skip
async def list_limits(request: Asked, after: FromQuery[str] = "", limit: Limit = 100) -> Response[bytes]:
    """How many may run at once and start in a second, by key, with how many run and are held back."""
    return respond(plain(200, LimitList(await looks.limits(jobs_pool_of(request), after=after, limit=limit))))


@put(
    "/api/limits/{key:str}", operation_id="set_limit", summary="Set a limit", tags=["jobs"], status_code=200,
    opt={**ACT, "body": LimitRequest, "answer": LimitList, "codes": _BUSY},
)  # fmt: skip
async def set_limit(request: Asked, key: Named) -> Response[bytes]:
    """Of a queue (`queue:mail`), a function (`function:shop.jobs.send`) or a key of the jobs' own."""
    await acts.set_limit(jobs_pool_of(request), key, await body_of(request, _limit))
    return respond(plain(200, LimitList(await looks.limits(jobs_pool_of(request), limit=looks.PAGE_MAX))))


@delete(
    "/api/limits/{key:str}", operation_id="drop_limit", summary="Remove a limit", tags=["jobs"], status_code=204,
    opt={**ACT, "codes": ("unknown_queue", *_BUSY)},
)  # fmt: skip
async def drop_limit(request: Asked, key: Named) -> None:
    """What it held back goes on within a second."""
    await acts.drop_limit(jobs_pool_of(request), key)


QUEUE_HANDLERS: list[Any] = [
    list_queues, pause_queue, resume_queue, list_limits, set_limit, drop_limit,
]  # fmt: skip


async def _queues(request: Asked) -> Response[bytes]:
    pool = jobs_pool_of(request)
    return respond(plain(200, QueueList(await looks.queues(pool, registry_of(request)), await looks.workers(pool))))
