"""The loops of a process: what runs beside the server, started and stopped together."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog

from holdfast.app.house import House
from holdfast.app.jobs import job_loops, keep_own_schedules, runs_own_schedules
from holdfast.http.server import StartError as StartError
from holdfast.runtime.alarms import Alarms
from holdfast.runtime.doorbell import Ringing
from holdfast.runtime.live import Live
from holdfast.runtime.loop import Loop
from holdfast.runtime.mail import Sending, Telling
from holdfast.runtime.presence import Attending
from holdfast.runtime.reconciler import Reconciling
from holdfast.runtime.retention import Retention
from holdfast.runtime.rights import Rights
from holdfast.runtime.sharing import Sharing
from holdfast.runtime.syncing import Syncing
from holdfast.runtime.watch import Watching
from holdfast.runtime.webhooks import Hooking
from holdfast.services.booking_mail import BookingMails
from holdfast.services.disk import MIB
from holdfast.services.health import Health
from holdfast.services.mail import mailer_of
from holdfast.services.own_schedules import forget_round
from holdfast.services.watch import Watch, Watched, WatchLimits

LOOPS_SHARE = 0.2
"""Of the time to stop in: for the loops. Requests under way have had theirs; what is left is the desk's."""
CANCEL_S = 1.0
log = structlog.get_logger("holdfast")
MakeLoop = Callable[[House], Loop]
LOOPS: list[MakeLoop] = [
    # what the runtime runs beside the server
    lambda house: Ringing(house.database_url, house.doorbell),
    lambda house: Alarms(house.reads, house.desk, house.doorbell),
    lambda house: Reconciling(
        house.reconciler,
        every_s=house.settings.reconcile_minutes * 60,
        is_scheduled=runs_own_schedules(house.settings),
    ),
    lambda house: Retention(
        partial(forget_round, house.jobs.crew.services, house.jobs.pool),
        is_scheduled=runs_own_schedules(house.settings),
    ),
    lambda house: _watching(house),
    lambda house: _syncing(house),
    lambda house: Live(house.hub),
    lambda house: Sharing(house.limiter, house.reads),
    lambda house: Sending(mailer_of(house.reads, house.settings)),
    lambda house: Telling(BookingMails(house.reads), house.desk),
    lambda house: Rights(house.accounts.access),
    lambda house: Hooking(house.webhooks, house.desk),
    lambda house: Attending(house.presence, house.presence_changes, is_scheduled=runs_own_schedules(house.settings)),
]
WORKER_LOOPS: list[MakeLoop] = [lambda house: Ringing(house.database_url, house.doorbell)]
"""What runs beside jobs and schedules in a process that serves nobody."""


@asynccontextmanager
async def running_loops(house: House, makers: Sequence[MakeLoop] | None = None) -> AsyncIterator[None]:
    """Runs the loops of the runtime beside the block; afterwards each ends with its present step, or is cancelled."""
    house.loops.extend(make(house) for make in (LOOPS if makers is None else makers))
    if runs_own_schedules(house.settings):
        await keep_own_schedules(house.jobs, house.settings)
    if house.settings.jobs:
        house.loops.extend(job_loops(house.jobs, house.settings, house.doorbell))
    tasks = []
    for loop in house.loops:
        task = asyncio.create_task(loop.run(), name=f"{loop.name} loop")
        task.add_done_callback(partial(_tell_end, loop))
        tasks.append(task)
    try:
        yield
    finally:
        for loop in house.loops:
            loop.stop()
        _, late = await asyncio.wait(tasks, timeout=house.settings.shutdown_timeout_s * LOOPS_SHARE)
        for task in late:
            log.warning("a loop did not end with its step: cancelled", loop=task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=CANCEL_S)


def health_of(house: House) -> Health:
    off = ["reconciling is switched off (reconcile_minutes = 0)"] if house.settings.reconcile_minutes == 0 else []
    return Health(
        house.reads, house.loops,
        disks=house.disks, brake=house.desk.brake, stopping=house.stopping, warnings=lambda: off,
    )  # fmt: skip


def _syncing(house: House) -> Loop:
    is_on = house.settings.syncs_max > 0
    return Syncing(house.stores, house.sites, is_on=is_on, watched=lambda: tuple(house.hub.sites))


def _watching(house: House) -> Loop:
    settings = house.settings
    watched = Watched(
        named=f"{socket.gethostname()}:{settings.port}",
        loops=house.loops,
        disks=house.disks,
        health=health_of(house),
        stopping=house.stopping,
        reconciling=house.reconciler,
        ballast=house.embedded,
    )
    limits = WatchLimits(settings.repairs_expected_max, settings.disk_stop_mb * MIB)
    return Watching(Watch(house.reads, house.desk, watched, limits))


def _tell_end(loop: Loop, task: asyncio.Task[None]) -> None:
    if not loop.is_stopping and not task.cancelled():
        log.error("a loop ended that should not", loop=loop.name, exc_info=task.exception())
