"""Schedules as they are asked for and shown."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from holdfast.domain.cron import explain, explain_rules, parse
from holdfast.domain.errors import Refusal
from holdfast.domain.schedules import Missed, Overlap
from holdfast.services.schedules.firing import rules_of
from holdfast.store.schedules import ScheduleRow

Gap = Literal["cron", "after", "skip"]
Fold = Literal["cron", "once", "both"]


class ScheduleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A schedule to be made: `schedule` is a rule (`0 2 * * *`, `@every 90s`, `every_5_minutes`), `function` the name
    of a registered function. The defaults are those of Debian's cron, and one run for what was missed."""

    name: str
    schedule: str
    function: str
    args: dict[str, Any] = {}
    time_zone: str = "UTC"
    gap: Gap = "cron"
    fold: Fold = "cron"
    missed: Missed = "last"
    catch_up_s: int = 86_400
    overlap: Overlap = "skip"
    tenant: str = ""
    queue: str | None = None
    priority: int | None = None
    active: bool = True
    metadata: dict[str, Any] = {}


class ScheduleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of a schedule is to be another; what is left out stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    schedule: str | msgspec.UnsetType = msgspec.UNSET
    function: str | msgspec.UnsetType = msgspec.UNSET
    args: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    time_zone: str | msgspec.UnsetType = msgspec.UNSET
    gap: Gap | msgspec.UnsetType = msgspec.UNSET
    fold: Fold | msgspec.UnsetType = msgspec.UNSET
    missed: Missed | msgspec.UnsetType = msgspec.UNSET
    catch_up_s: int | msgspec.UnsetType = msgspec.UNSET
    overlap: Overlap | msgspec.UnsetType = msgspec.UNSET
    tenant: str | msgspec.UnsetType = msgspec.UNSET
    queue: str | msgspec.UnsetType | None = msgspec.UNSET
    priority: int | msgspec.UnsetType | None = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class ScheduleView(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule with what it means in words, when it is due next, and how its runs have ended."""

    id: int
    name: str
    tenant: str
    schedule: str
    means: str
    when_clocks_change: str
    time_zone: str
    gap: str
    fold: str
    missed: str
    catch_up_s: int
    overlap: str
    function: str
    args: msgspec.Raw
    queue: str | None
    priority: int | None
    active: bool
    next_at: datetime | None
    last_at: datetime | None
    last_job: int | None
    runs: int
    failures: int
    last_outcome: str | None
    last_error: str | None
    last_run_at: datetime | None
    metadata: msgspec.Raw
    changed_by: str | None
    created_at: datetime
    changed_at: datetime


class TickView(msgspec.Struct, frozen=True):
    """A line of the ledger: what became of one due instant, and, when there was a job, of that."""

    at: datetime
    state: str
    reason: str | None
    job: int | None
    outcome: str | None
    noted_at: datetime


def view(row: ScheduleRow) -> ScheduleView:
    try:
        schedule = parse(row.expression)
        means, clocks = explain(schedule), explain_rules(schedule, rules_of(row.gap, row.fold))
    except Refusal as refusal:
        means, clocks = f"cannot be read: {refusal.data.get('problem')}", ""
    return ScheduleView(
        id=row.id, name=row.name, tenant=row.tenant, schedule=row.expression, means=means, when_clocks_change=clocks,
        time_zone=row.time_zone, gap=row.gap, fold=row.fold, missed=row.missed, catch_up_s=row.catch_up_s,
        overlap=row.overlap, function=row.function, args=msgspec.Raw(row.args), queue=row.queue, priority=row.priority,
        active=row.is_active, next_at=row.next_at, last_at=row.last_at, last_job=row.last_job_id, runs=row.runs,
        failures=row.failures, last_outcome=row.last_outcome, last_error=row.last_error, last_run_at=row.last_run_at,
        metadata=msgspec.Raw(row.metadata), changed_by=row.changed_by, created_at=row.created_at,
        changed_at=row.changed_at,
    )  # fmt: skip


def request_of(row: ScheduleRow) -> ScheduleRequest:
    """What somebody would ask for to get this schedule."""
    return ScheduleRequest(
        name=row.name, schedule=row.expression, function=row.function, args=msgspec.json.decode(row.args),
        time_zone=row.time_zone, gap=row.gap, fold=row.fold, missed=row.missed,  # type: ignore[arg-type]
        catch_up_s=row.catch_up_s, overlap=row.overlap, tenant=row.tenant, queue=row.queue,  # type: ignore[arg-type]
        priority=row.priority, active=row.is_active, metadata=msgspec.json.decode(row.metadata),
    )  # fmt: skip
