"""Our own periodic work as schedules: seen, paused and changed like everybody's, each tick with a line in the ledger.

They are made when a process that runs jobs starts, and follow the settings until somebody changes them; then what that
person said stands. One that was removed is made anew at the next start: pause it instead.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec
import structlog

from holdfast.domain.errors import Refusal
from holdfast.domain.jobs.outcomes import Backoff
from holdfast.services import retention
from holdfast.services.calendar_following import ROUND as FOLLOW_CALENDARS
from holdfast.services.jobs.context import GiveUp, JobContext
from holdfast.services.jobs.registry import Registry
from holdfast.services.jobs.upkeep import forget
from holdfast.services.reconcile import Reconciler
from holdfast.services.schedules.acts import Schedules
from holdfast.services.schedules.values import ScheduleChange, ScheduleRequest
from holdfast.store import schedules as store

QUEUE = "holdfast"
BY = "holdfast"
RECONCILE, RETENTION, PRESENCE = "holdfast.reconcile", "holdfast.retention", "holdfast.presence"
RECONCILE_ALL = "Reconcile all sites"
ROUNDS_MAX = 10_000
LONG_S = 6 * 3600.0

log = structlog.get_logger("holdfast.schedules")


class OwnSchedule(msgspec.Struct, frozen=True):
    """What of ours runs when; not `active`: it is paused until somebody wants it."""

    name: str
    schedule: str
    function: str
    active: bool = True


class Presence(Protocol):
    async def mark_offline(self, timeout_minutes: float) -> int: ...


def own_schedules(*, reconcile_minutes: float) -> list[OwnSchedule]:
    """Those that there are, by the settings."""
    every_s = max(round(reconcile_minutes * 60), 1)
    is_on = reconcile_minutes > 0
    return [
        OwnSchedule(RECONCILE_ALL, f"@every {every_s}s" if is_on else "every_5_minutes", RECONCILE, is_on),
        OwnSchedule("Let go of what is old", "*/10 * * * *", RETENTION),
        OwnSchedule("Write down who has gone", "every_5_minutes", PRESENCE),
        OwnSchedule("Read calendars from outside", "every_5_minutes", FOLLOW_CALENDARS),
    ]


async def keep(schedules: Schedules, wanted: Sequence[OwnSchedule]) -> None:
    """Makes those that are not there, and lets those that nobody has changed follow the settings."""
    for one in wanted:
        row = await store.by_name(schedules.pool, "", one.name)
        if row is None:
            request = ScheduleRequest(
                name=one.name, schedule=one.schedule, function=one.function, missed="skip", active=one.active,
                metadata={"own": True},
            )  # fmt: skip
            with suppress(Refusal):  # another process has just made it
                await schedules.make(request, by=BY)
                log.info("schedule made", schedule=one.name, rule=one.schedule)
        elif row.changed_by == BY and (row.expression, row.is_active) != (one.schedule, one.active):
            with suppress(Refusal):
                await schedules.change(row.id, ScheduleChange(schedule=one.schedule, active=one.active), by=BY)


async def reconcile(ctx: JobContext) -> dict[str, Any]:
    """Compares every status and claim that is kept with what follows, and repairs what does not."""
    reconciler: Reconciler = ctx.services["reconciler"]
    report = await reconciler.run()
    ctx.log(f"{report.checked} compared, {report.fixed} put right")
    if report.failed:
        raise RuntimeError(f"sites that could not be compared: {', '.join(sorted(report.failed))}"[:500])
    return {"at": report.at, "checked": report.checked, "fixed": report.fixed, "took_ms": report.took_ms}


async def let_go(ctx: JobContext) -> dict[str, Any]:
    """Lets go of what was kept for a while only, until nothing of it is left."""
    for number in range(1, ROUNDS_MAX + 1):
        more = await forget_round(ctx.services, ctx.pool)
        ctx.progress(number, note="rounds of letting go")
        if not more:
            return {"rounds": number}
    raise GiveUp(f"there was still more after {ROUNDS_MAX} rounds")


async def forget_round(services: Mapping[str, Any], pool: Any) -> bool:
    """One bounded bite of everything that is kept for a while only; True when there may be more."""
    rules: retention.Kept = services["kept"]
    more = [await retention.forget_all(services["reads"], rules), await forget(pool, tick_days=rules.tick_days)]
    webhooks = services.get("webhook_delivery")
    if webhooks is not None:
        more.append(await webhooks.forget())
    return any(more)


async def mark_gone(ctx: JobContext) -> dict[str, Any]:
    """Writes down who has gone; that they are gone is known by their leases, whether this runs or not."""
    presence: Presence = ctx.services["presence"]
    return {"marked": await presence.mark_offline(0.0)}


def register(registry: Registry) -> None:
    """Makes their functions known to a registry."""
    # one that fails is tried again as often as its schedule would: no dead letter each few minutes, and no long waits
    backoff = Backoff(base_s=30.0, cap_s=300.0)
    for name, call in ((RECONCILE, reconcile), (RETENTION, let_go), (PRESENCE, mark_gone)):
        registry.job(name=name, queue=QUEUE, timeout_s=LONG_S, retries=999, unique="name", backoff=backoff)(call)
