"""Our own periodic work is schedules: people see, pause and change it, and what they said stands."""

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services import calendar_following, own_schedules
from holdfast.services.desk import Desk
from holdfast.services.jobs.registry import Registry
from holdfast.services.own_schedules import RECONCILE_ALL, keep
from holdfast.services.reconcile import Reconciler
from holdfast.services.retention import Kept
from holdfast.services.schedules.values import ScheduleChange
from holdfast.services.site_health import last_pass
from holdfast.testing import jobs_on

KEPT = Kept(answer_hours=24, finding_days=90, journal_days=90, log_days=365, tick_days=400)


class Nobody:
    async def mark_offline(self, timeout_minutes: float) -> int:
        return 0


async def test_they_are_made_run_follow_the_settings_and_stand_once_somebody_changed_them(
    pool: asyncpg.Pool, database_url: str
):
    registry = Registry()
    own_schedules.register(registry)
    calendar_following.register(registry)
    desk = Desk(pool)
    await desk.start()
    reconciler = Reconciler(pool, desk)
    services = {"registry": registry, "reconciler": reconciler, "reads": pool, "kept": KEPT, "presence": Nobody()}
    async with jobs_on(database_url, registry, services=services) as stage:
        wanted = own_schedules.own_schedules(reconcile_minutes=5)
        await keep(stage.schedules, wanted)
        await keep(stage.schedules, wanted)
        rows = {row.name: row for row in await stage.schedules.page()}
        assert set(rows) == {one.name for one in wanted}
        assert await stage.schedules.page(with_own=False) == []
        for row in rows.values():
            await stage.schedules.run_now(row.id, by="ann")
        runs = await stage.run_jobs()
        assert {run.function for run in runs} == {one.function for one in wanted}
        assert {run.outcome for run in runs} == {"succeeded"}
        await stage.advance(minutes=11)
        await stage.run()
        states = [tick.state for tick in await stage.schedules.ticks(rows[RECONCILE_ALL].id)]
        assert 3 <= len(states) <= 4 and set(states) <= {"fired", "late", "missed", "manual"}
        # another setting is followed, until somebody says otherwise
        await keep(stage.schedules, own_schedules.own_schedules(reconcile_minutes=10))
        reconciling = rows[RECONCILE_ALL].id
        assert (await stage.schedules.find(reconciling)).expression == "@every 600s"
        assert (await last_pass(pool, reconciler)).every_s == 600
        await stage.schedules.change(reconciling, ScheduleChange(active=False), by="ann")
        await keep(stage.schedules, wanted)
        row = await stage.schedules.find(reconciling)
        assert (row.expression, row.is_active, row.changed_by) == ("@every 600s", False, "ann")
        await stage.schedules.remove(reconciling)
        with pytest.raises(Refusal):
            await stage.schedules.find(reconciling)
        await keep(stage.schedules, own_schedules.own_schedules(reconcile_minutes=0))
        (anew,) = [row for row in await stage.schedules.page() if row.name == RECONCILE_ALL]
        assert not anew.is_active
    await desk.stop()
