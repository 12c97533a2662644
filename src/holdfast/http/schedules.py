"""Schedules over HTTP: make, change, pause, run now, make up for; the ledger; what a rule means. No logic."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, QueryParameter

from holdfast.domain.cron import Previewed, Warned, explain, explain_rules, parse
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import parse_instant
from holdfast.http.calls import plain
from holdfast.http.context import caller_of, schedules_of
from holdfast.http.framework import IdAfter, body_of, respond, rows_of
from holdfast.services.jobs.enqueueing import Enqueued
from holdfast.services.schedules.acts import PAGE_MAX, Backfilled
from holdfast.services.schedules.firing import rules_of
from holdfast.services.schedules.values import (
    ScheduleChange,
    ScheduleRequest,
    ScheduleView,
    TickView,
    view,
)

Asked = Request[Any, Any, Any]
Text = FromQuery[str | None]
Number = FromPath[int]
Limit = FromQuery[int]
Stage = Annotated[str | None, QueryParameter(name="state", description="of the line: fired, late, skipped, missed, …")]
OPEN_TO: dict[str, Any] = {"right": "jobs", "by": "service"}
"""Who runs the server, and holders of the right in an organisation: for its schedules."""
_UTC = ZoneInfo("UTC")
_READING = ("invalid_schedule", "invalid_settings", "not_allowed", "unavailable")
_MAKING = (*_READING, "unknown_function", "invalid_arguments", "already_exists")
COUNT_MAX = 100


class SchedulePage(msgspec.Struct, frozen=True):
    """Schedules by id; go on with `after` = `next`."""

    schedules: list[ScheduleView]
    next: int | None


class TickPage(msgspec.Struct, frozen=True):
    """The ledger, the latest line first; go on with `before` = `next`."""

    ticks: list[TickView]
    next: datetime | None


class BackfillRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The window to make up for: instants behind `after`, up to `until`."""

    after: str
    until: str


class PreviewAnswer(msgspec.Struct, frozen=True):
    """What a rule means, its next ticks, and what changes of clocks do to them."""

    schedule: str
    means: str
    when_clocks_change: str
    time_zone: str
    ticks: list[Previewed]
    warnings: list[Warned]


_make = msgspec.json.Decoder(ScheduleRequest)
_change = msgspec.json.Decoder(ScheduleChange)
_backfill = msgspec.json.Decoder(BackfillRequest)


@get(
    "/api/schedules", operation_id="list_schedules", summary="List schedules", tags=["schedules"],
    opt={**OPEN_TO, "answer": SchedulePage, "codes": ("not_allowed", "unavailable")},
)  # fmt: skip
async def list_schedules(
    request: Asked, tenant: Text = None, function: Text = None, active: FromQuery[bool | None] = None,
    own: FromQuery[bool] = True, after: IdAfter = 0, limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """Schedules by id, each with what it means in words and how its runs have ended; `own=false` leaves out those of
    the server's own periodic work."""
    limit = rows_of(request, limit, PAGE_MAX)
    rows = await schedules_of(request).page(
        after, tenant=tenant, function=function, active=active, limit=limit, with_own=own
    )
    found = [view(row) for row in rows]
    return respond(plain(200, SchedulePage(found, found[-1].id if len(found) >= limit else None)))


@post(
    "/api/schedules", operation_id="create_schedule", summary="Make a schedule", tags=["schedules"], status_code=201,
    opt={**OPEN_TO, "body": ScheduleRequest, "answer": ScheduleView, "codes": _MAKING},
)  # fmt: skip
async def create_schedule(request: Asked) -> Response[bytes]:
    """Five cron fields, or six with seconds; names, ranges, steps, `L`, `LW`, `15W`, `5L`, `fri#2`; `@every 90s`;
    `@daily`, `hourly`, `every_5_minutes`, `cron:0 2 * * *`. What can never happen is refused."""
    row = await schedules_of(request).make(await body_of(request, _make), by=caller_of(request).name)
    status, headers, body = plain(201, view(row))
    return respond((status, [*headers, (b"location", f"/api/schedules/{row.id}".encode())], body))


@get(
    "/api/schedules/preview", operation_id="preview_schedule", summary="What does a rule mean?", tags=["schedules"],
    opt={**OPEN_TO, "answer": PreviewAnswer, "codes": (*_READING, "invalid_time")},
)  # fmt: skip
async def preview_schedule(
    request: Asked, schedule: FromQuery[str], time_zone: FromQuery[str] = "UTC", gap: FromQuery[str] = "cron",
    fold: FromQuery[str] = "cron", count: Limit = 10, at: Text = None,
) -> Response[bytes]:  # fmt: skip
    """Its meaning in plain words, its next ticks (from `at` on, or from now), and a warning for each tick that a change
    of clocks moves, drops or doubles."""
    rules = rules_of(_one_of("gap", gap, ("cron", "after", "skip")), _one_of("fold", fold, ("cron", "once", "both")))
    now = parse_instant(at, _UTC, field="at").instant if at else None
    count = min(max(count, 1), COUNT_MAX)
    found = await schedules_of(request).preview(schedule, time_zone, rules, count=count, now=now)
    rule = parse(schedule)
    told = PreviewAnswer(rule.text, explain(rule), explain_rules(rule, rules), time_zone, found.ticks, found.warnings)
    return respond(plain(200, told))


@get(
    "/api/schedules/{schedule:int}", operation_id="get_schedule", summary="One schedule", tags=["schedules"],
    opt={**OPEN_TO, "answer": ScheduleView, "codes": ("unknown_schedule", "not_allowed", "unavailable")},
)  # fmt: skip
async def get_schedule(request: Asked, schedule: Number) -> Response[bytes]:
    """With its next tick and how its runs have ended."""
    return respond(plain(200, view(await schedules_of(request).find(_id(schedule)))))


@patch(
    "/api/schedules/{schedule:int}", operation_id="change_schedule", summary="Change a schedule", tags=["schedules"],
    opt={
        **OPEN_TO, "body": ScheduleChange, "answer": ScheduleView,
        "codes": ("unknown_schedule", "nothing_to_change", *_MAKING),
    },
)  # fmt: skip
async def change_schedule(request: Asked, schedule: Number) -> Response[bytes]:
    """What is left out stays. Its next tick is computed anew when its time changes. `active: false` pauses it: its
    ticks are noted as skipped."""
    change = await body_of(request, _change)
    row = await schedules_of(request).change(_id(schedule), change, by=caller_of(request).name)
    return respond(plain(200, view(row)))


@delete(
    "/api/schedules/{schedule:int}", operation_id="remove_schedule", summary="Remove a schedule", tags=["schedules"],
    status_code=204, opt={**OPEN_TO, "codes": ("unknown_schedule", "not_allowed", "unavailable")},
)  # fmt: skip
async def remove_schedule(request: Asked, schedule: Number) -> None:
    """With its ledger; jobs that it has put in go on."""
    await schedules_of(request).remove(_id(schedule))


@post(
    "/api/schedules/{schedule:int}/run", operation_id="run_schedule", summary="Run it now", tags=["schedules"],
    status_code=201,
    opt={
        **OPEN_TO, "answer": Enqueued,
        "codes": (
            "unknown_schedule", "unknown_function", "invalid_arguments", "already_queued", "not_allowed", "unavailable",
        ),
    },
)  # fmt: skip
async def run_schedule(request: Asked, schedule: Number) -> Response[bytes]:
    """A job at once, beside its own ticks, with a line `manual` in the ledger."""
    put = await schedules_of(request).run_now(_id(schedule), by=caller_of(request).name)
    return respond(plain(201, put))


@post(
    "/api/schedules/{schedule:int}/backfill", operation_id="backfill_schedule", summary="Make up for missed ticks",
    tags=["schedules"], status_code=201,
    opt={
        **OPEN_TO, "body": BackfillRequest, "answer": Backfilled,
        "codes": ("unknown_schedule", "unknown_function", "invalid_arguments", "not_allowed", "unavailable"),
    },
)  # fmt: skip
async def backfill_schedule(request: Asked, schedule: Number) -> Response[bytes]:
    """Jobs of low priority for the instants of the window that have passed and had none, a thousand at a time. No
    instant gets a second job."""
    body = await body_of(request, _backfill)
    after = parse_instant(body.after, _UTC, field="after").instant
    until = parse_instant(body.until, _UTC, field="until").instant
    found = await schedules_of(request).backfill(_id(schedule), after, until, by=caller_of(request).name)
    return respond(plain(201, found))


@get(
    "/api/schedules/{schedule:int}/ticks", operation_id="list_ticks", summary="The ledger", tags=["schedules"],
    opt={**OPEN_TO, "answer": TickPage, "codes": ("unknown_schedule", "not_allowed", "unavailable")},
)  # fmt: skip
async def list_ticks(
    request: Asked, schedule: Number, stage: Stage = None, before: Text = None, limit: Limit = 100
) -> Response[bytes]:
    """Each due instant once, the latest first: fired, late, skipped, missed, backfilled or manual, with the reason and
    what became of its job."""
    limit = rows_of(request, limit, PAGE_MAX)
    edge = parse_instant(before, _UTC, field="before").instant if before else None
    found = await schedules_of(request).ticks(_id(schedule), before=edge, state=stage, limit=limit)
    return respond(plain(200, TickPage(found, found[-1].at if len(found) >= limit else None)))


SCHEDULE_HANDLERS: list[Any] = [
    list_schedules, create_schedule, preview_schedule, get_schedule, change_schedule, remove_schedule, run_schedule,
    backfill_schedule, list_ticks,
]  # fmt: skip


def _one_of(field: str, given: str, possible: tuple[str, ...]) -> str:
    if given not in possible:
        raise Refusal("invalid_request", field=field, given=given[:40], possible=list(possible))
    return given


def _id(number: int) -> int:
    if not 0 < number < 2**63:
        raise Refusal("unknown_schedule", schedule=str(number)[:40])
    return number
