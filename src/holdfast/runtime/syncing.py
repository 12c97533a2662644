"""The sync loop: asks for the runs that schedules are due for, takes runs that nobody works at, and does them.

Runs whose worker has gone are taken when their lease has run out, and gone on with behind their last batch.
"""

import asyncio
from collections.abc import Callable, Collection
from uuid import UUID

import structlog

from holdfast.runtime.loop import Loop
from holdfast.services.sites import Sites
from holdfast.services.stores import WATCHED_S, Stores
from holdfast.services.sync.scheduling import Scheduling

LOOK_S = 5.0
"""How often it looks for runs of other processes and for schedules; its own wishes wake it."""
BEHIND_S = 0.2
"""The same when more is due than one look was for."""
STOP_S = 2.0
"""For runs to come to the end of their present batch when the loop is stopped."""

log = structlog.get_logger("holdfast.sync")


class Syncing(Loop):
    """Several processes may run it at once: a run is its worker's by lease. When stopped it lets its runs go. `watched`
    are the sites that somebody listens to by this process."""

    name = "sync"
    beat_every_s = 60.0

    def __init__(
        self, stores: Stores, sites: Sites, *, is_on: bool = True, watched: Callable[[], Collection[int]] = tuple
    ) -> None:
        super().__init__()
        self._stores = stores
        self._sites = sites
        self._is_on = is_on
        self._watched = watched
        self._noted_at = 0.0
        self._scheduling = Scheduling(stores, sites)
        self._working: dict[asyncio.Task[None], tuple[int, UUID]] = {}
        stores.runs.asked.append(self.ring)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            for task in self._working:
                task.cancel()
            if self._working:
                await asyncio.wait(self._working, timeout=STOP_S)
            for site_id, run_id in set(self._working.values()):
                await self._stores.runs.release(site_id, run_id)

    async def step(self) -> float:
        if not self._is_on:
            return LOOK_S
        await self._note_watched()
        await self._scheduling.ask_for_due()
        free = self._stores.kit.limits.runs_max - len(self._working)
        if free > 0:
            for site_id, run_id in await self._stores.runs.lease(free):
                task = asyncio.create_task(self._work(site_id, run_id), name=f"sync run {run_id}")
                self._working[task] = (site_id, run_id)
                task.add_done_callback(self._done)
        return BEHIND_S if self._scheduling.is_behind else LOOK_S

    async def _note_watched(self) -> None:
        now, watched = asyncio.get_running_loop().time(), self._watched()
        if watched and now >= self._noted_at + WATCHED_S / 3:
            self._noted_at = now
            await self._stores.note_watched(watched)

    async def _work(self, site_id: int, run_id: UUID) -> None:
        self._sites.forget(site_id)
        site = await self._sites.find(str(site_id))
        try:
            await self._stores.runs.work(site, run_id)
        except Exception as error:  # a loop's top: a bug in one run must not be met again and again by all workers
            log.exception("a sync run failed", site=site.slug, run=str(run_id))
            await self._stores.runs.fail(site, run_id, f"{type(error).__name__}: {error}"[:200])

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            del self._working[task]
            if (error := task.exception()) is not None:
                log.error("a sync run broke off", error=str(error)[:200])
        self.ring()
