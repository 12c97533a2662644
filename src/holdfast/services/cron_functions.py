"""The functions that the replaced cron system knew by name, on what there is here. Its users' jobs name them so.

`markUsersOffline` is done by the service `presence` of the program, where there is one: what counts as being there is
for it to say. The replaced function marked users offline who were at work; here it only publishes what leases say.

A job of a tenant acts on what is of that organisation and leaves everybody else's alone; a global one acts on all. Both
is so by the job's tenant alone: no argument says whose.
"""

from typing import Any, Protocol
from uuid import UUID

from holdfast.services import retention
from holdfast.services.jobs.context import GiveUp, JobContext
from holdfast.services.jobs.registry import Registry
from holdfast.services.reconcile import Reconciler

DAYS_MIN, DAYS_MAX = 1.0, 36_600.0
TENANT_DAYS_MIN = 30.0
"""What happened stays for a month, whoever holds `jobs`: it is what tells an owner who did what."""
MINUTES_MIN, MINUTES_MAX = 0.5, 24 * 60.0
ROUNDS_MAX = 10_000


class Presence(Protocol):
    """What `markUsersOffline` asks of the service `presence`."""

    async def mark_offline(self, timeout_minutes: float, organisation_id: UUID | None = None) -> int:
        """Publishes who has gone offline: no sign of life for so many minutes; how many. Of an organisation, or all."""


async def clean_old_activities(ctx: JobContext, retention_days: float = 365.0) -> dict[str, Any]:
    """Lets go of what is older: journal lines (from the front of each journal, which stays dense), closed findings,
    old observations, answers to keyed commands."""
    whose = organisation_of(ctx)
    least = DAYS_MIN if whose is None else TENANT_DAYS_MIN
    if not least <= retention_days <= DAYS_MAX:
        raise GiveUp(f"retention_days must lie between {least:g} and {DAYS_MAX:g}")
    rounds = 0
    for rounds in range(1, ROUNDS_MAX + 1):
        more = [
            await retention.trim_journals(ctx.pool, after_days=retention_days, organisation_id=whose),
            await retention.forget_old_findings(ctx.pool, after_days=retention_days, organisation_id=whose),
            await retention.forget_old_observations(ctx.pool, organisation_id=whose),
            await retention.forget_old_answers(ctx.pool, after_hours=retention_days * 24, organisation_id=whose),
        ]
        ctx.progress(rounds, note="rounds of letting go")
        if not any(more):
            break
    return {"success": True, "rounds": rounds}


async def sync_denormalized_fields(ctx: JobContext) -> dict[str, Any]:
    """Compares every status and claim that is kept with what follows, and repairs what does not."""
    reconciler = ctx.services.get("reconciler")
    if not isinstance(reconciler, Reconciler):
        raise GiveUp("this worker has no reconciler")
    report = await reconciler.run(organisation_id=organisation_of(ctx))
    ctx.log(f"{report.checked} compared, {report.fixed} put right")
    if report.failed:
        raise RuntimeError(f"sites that could not be compared: {', '.join(sorted(report.failed))}")
    return {"success": True, "checked": report.checked, "fixed": report.fixed}


async def mark_users_offline(ctx: JobContext, timeout_minutes: float = 5.0) -> dict[str, Any]:
    """Publishes who has gone offline, as the service `presence` sees it."""
    if not MINUTES_MIN <= timeout_minutes <= MINUTES_MAX:
        raise GiveUp(f"timeout_minutes must lie between {MINUTES_MIN:g} and {MINUTES_MAX:g}")
    presence: Presence | None = ctx.services.get("presence")
    if presence is None:
        raise GiveUp("this worker has no presence service, so nobody can be marked offline")
    return {"success": True, "marked": await presence.mark_offline(timeout_minutes, organisation_of(ctx))}


def organisation_of(ctx: JobContext) -> UUID | None:
    """On whose things a job acts; None on everybody's.

    Raises:
        GiveUp: its tenant is no organisation, so that nothing can be its.
    """
    if not ctx.tenant:
        return None
    try:
        return UUID(ctx.tenant)
    except ValueError:
        raise GiveUp(f"the tenant {ctx.tenant[:60]} is no organisation's id") from None


def register(registry: Registry) -> None:
    """Makes the three known to a registry, by the names of the replaced system."""
    registry.job(name="markUsersOffline", retries=2, timeout_s=60.0, is_for_tenants=True)(mark_users_offline)
    once = {"retries": 2, "timeout_s": 3600.0, "unique": "name", "is_for_tenants": True}
    registry.job(name="cleanOldActivities", **once)(clean_old_activities)
    registry.job(name="syncDenormalizedFields", **once)(sync_denormalized_fields)
