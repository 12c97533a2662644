"""The integration test of the replaced cron system, on what stands here in its place: its three jobs are seeded, two
users without a sign of life for ten minutes are marked offline by the one that is due, and nobody at work is."""

import asyncio
from uuid import UUID

import asyncpg

from holdfast.services import cron_functions, former_cron
from holdfast.services.former_cron import FormerCronRequest, as_before
from holdfast.services.jobs.registry import Registry
from holdfast.services.presence import Presence, PresenceRules
from holdfast.testing import jobs_on
from tests.services.test_presence import Clock, pass_by

SEEDED = (
    ("Mark Users Offline", "every_5_minutes", "markUsersOffline", True, {"timeout_minutes": 5}),
    ("Clean Old Activities", "daily", "cleanOldActivities", False, {"retention_days": 365}),
    ("Sync Denormalized Fields", "hourly", "syncDenormalizedFields", False, {}),
)
STALE, AT_WORK = (UUID(int=1), UUID(int=2)), UUID(int=3)


async def test_two_stale_users_are_marked_offline_by_the_one_job_that_is_due(pool: asyncpg.Pool, database_url: str):
    registry = Registry()
    cron_functions.register(registry)
    presence = Presence(pool, PresenceRules(), Clock())
    async with jobs_on(database_url, registry, services={"presence": presence}) as stage:
        for name, schedule, function, is_active, metadata in SEEDED:
            asked = FormerCronRequest(
                name=name, schedule=schedule, function_name=function, is_active=is_active, metadata=metadata
            )
            await former_cron.make(stage.schedules, asked, by="seed")
        listed = [as_before(row) for row in await stage.schedules.page(with_own=False)]
        assert [job.name for job in listed] == [name for name, *_ in SEEDED]
        assert [job.next_run is not None for job in listed] == [True, False, False]
        for user in (*STALE, AT_WORK):
            presence.beat(user, "browser")
        await presence.write()
        await pass_by(pool, 600)
        # signed in as long ago as the others, and at work all the same: the replaced job took him for gone
        presence.beat(AT_WORK, "browser")
        await presence.write()
        await pool.execute("update schedule set next_at = now() - interval '1 s' where is_active")

        async def work() -> None:
            while not await stage.run_jobs():
                await asyncio.sleep(0.01)

        ran, _ = await asyncio.gather(former_cron.run_due(stage.schedules, within_s=20), work())
        assert (ran.executed, ran.failed, ran.skipped, ran.running) == (1, 0, 0, 0)
        shown = await presence.shown([*STALE, AT_WORK])
        assert [shown[user][0].status for user in STALE] == ["offline", "offline"]
        assert shown[AT_WORK][0].status == "active"
        (job,) = [as_before(row) for row in await stage.schedules.page(active=True)]
        assert job.metadata == {"timeout_minutes": 5, "execution_count": 1, "error_count": 0,
                                "last_execution_status": "success"}  # fmt: skip
        assert job.last_run is not None and job.next_run is not None and job.next_run > job.last_run
        again = await former_cron.run_due(stage.schedules, within_s=1)
        assert (again.executed, again.failed) == (0, 0), "what has run is not due again"
