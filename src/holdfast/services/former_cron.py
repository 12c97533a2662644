"""Jobs of the replaced cron system: its names for things, on schedules. What was wrong with it is not kept: `cron:` is
read as it is written, a failure is a failure, nothing waits for an administrator's browser."""

import asyncio
from datetime import datetime
from typing import Any

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.services.jobs.registry import Registry
from holdfast.services.schedules.acts import Schedules
from holdfast.services.schedules.firing import fire_due
from holdfast.services.schedules.values import ScheduleChange, ScheduleRequest
from holdfast.store import job_looks
from holdfast.store.schedules import ScheduleRow

_NAMES = (("name", "name"), ("schedule", "schedule"), ("function", "function_name"), ("active", "is_active"))
LOOK_S = 0.05
ROUNDS_MAX = 1_000
OWN_NAMES = ("execution_count", "error_count", "last_execution_status", "last_error")
"""What `metadata` tells of the runs; sent back by a client they are not kept."""


class FormerCronRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=False, kw_only=True):
    """A job as the replaced frontend sends it, whole or in part."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    schedule: str | msgspec.UnsetType = msgspec.UNSET
    function_name: str | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    tenant_id: str | msgspec.UnsetType | None = msgspec.UNSET


class FormerCronJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the replaced frontend reads it; `metadata` holds its own and what became of its runs."""

    id: str
    name: str
    schedule: str
    function_name: str
    is_active: bool
    tenant_id: str | None
    metadata: dict[str, Any]
    last_run: datetime | None
    next_run: datetime | None
    created_at: datetime
    updated_at: datetime


class FormerCronRun(msgspec.Struct, frozen=True, kw_only=True):
    """What running what was due came to: `executed` have succeeded, `failed` have not (now; they may be tried again),
    `skipped` are ticks without a job, `running` had not ended when the answer left."""

    executed: int
    failed: int
    skipped: int
    running: int
    details: list[dict[str, Any]]


def as_before(row: ScheduleRow) -> FormerCronJob:
    metadata: dict[str, Any] = msgspec.json.decode(row.metadata)
    metadata["execution_count"] = row.runs
    metadata["error_count"] = row.failures
    if row.last_outcome is not None:
        metadata["last_execution_status"] = "success" if row.last_outcome == "succeeded" else "error"
    if row.last_error is not None:
        metadata["last_error"] = row.last_error
    return FormerCronJob(
        id=str(row.id), name=row.name, schedule=row.expression, function_name=row.function, is_active=row.is_active,
        tenant_id=row.tenant or None, metadata=metadata, last_run=row.last_run_at,
        next_run=row.next_at if row.is_active else None, created_at=row.created_at, updated_at=row.changed_at,
    )  # fmt: skip


async def make(schedules: Schedules, asked: FormerCronRequest, *, by: str) -> ScheduleRow:
    """Raises:
    Refusal: as `Schedules.make`; `invalid_request` for a field that is missing.
    """
    for field in ("name", "schedule", "function_name"):
        if getattr(asked, field) is msgspec.UNSET:
            raise Refusal("invalid_request", field=field, problem="is missing")
    metadata = _metadata(asked)
    request = ScheduleRequest(
        name=str(asked.name), schedule=str(asked.schedule), function=str(asked.function_name),
        active=asked.is_active is not False, tenant=_text(asked.tenant_id), metadata=metadata,
        args=_args(schedules.registry, str(asked.function_name), metadata),
    )  # fmt: skip
    return await schedules.make(request, by=by)


async def change(schedules: Schedules, id: int, asked: FormerCronRequest, *, by: str) -> ScheduleRow:
    """What is sent of a job replaces what was; the same again changes nothing, and is no failure.

    Raises:
        Refusal: as `Schedules.change`.
    """
    row = await schedules.find(id)
    given: dict[str, Any] = {}
    for ours, theirs in _NAMES:
        if getattr(asked, theirs) is not msgspec.UNSET:
            given[ours] = getattr(asked, theirs)
    if asked.tenant_id is not msgspec.UNSET:
        given["tenant"] = _text(asked.tenant_id)
    if asked.metadata is not msgspec.UNSET:
        given["metadata"] = _metadata(asked)
    if "metadata" in given or "function" in given:
        metadata = given.get("metadata", msgspec.json.decode(row.metadata))
        given["args"] = _args(schedules.registry, given.get("function", row.function), metadata)
    try:
        return await schedules.change(id, ScheduleChange(**given), by=by)
    except Refusal as refusal:
        if refusal.code != "nothing_to_change":
            raise
        return row


async def run_due(schedules: Schedules, *, within_s: float) -> FormerCronRun:
    """Fires whatever is due of what the asker reaches, here and now, and waits for its jobs to end, for so long at
    most. The schedules fire by themselves, so it is usually nothing."""
    pool = schedules.pool
    jobs: dict[int, int] = {}
    skipped = 0
    for _ in range(ROUNDS_MAX):
        fired = await fire_due(pool, schedules.registry, tenants=schedules.reach.tenants)
        jobs |= {job_id: schedule_id for schedule_id, job_id in fired.jobs}
        skipped += fired.skipped
        if fired.next_in_s is None or fired.next_in_s > 0:
            break
    ended: dict[int, tuple[str, str | None]] = {}
    deadline = asyncio.get_running_loop().time() + within_s
    while len(ended) < len(jobs) and asyncio.get_running_loop().time() < deadline:
        rows = await job_looks.rows(pool, "ends_of", [id for id in jobs if id not in ended])
        ended |= {row["id"]: (row["outcome"], row["error"]) for row in rows}
        if len(ended) < len(jobs):
            await asyncio.sleep(LOOK_S)
    executed = sum(outcome == "succeeded" for outcome, _ in ended.values())
    details = [
        {"job_id": str(schedule_id), "run": id, "status": ended[id][0] if id in ended else "running",
         "error": ended[id][1] if id in ended else None}
        for id, schedule_id in jobs.items()
    ]  # fmt: skip
    return FormerCronRun(
        executed=executed,
        failed=len(ended) - executed,
        skipped=skipped,
        running=len(jobs) - len(ended),
        details=details,
    )


def _metadata(asked: FormerCronRequest) -> dict[str, Any]:
    given = asked.metadata if isinstance(asked.metadata, dict) else {}
    return {name: value for name, value in given.items() if name not in OWN_NAMES}


def _args(registry: Registry, function: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """What of the metadata the function takes: that was how arguments came to it."""
    names = registry.find(function).names
    return {name: value for name, value in metadata.items() if name in names}


def _text(given: str | msgspec.UnsetType | None) -> str:
    return given if isinstance(given, str) else ""
