"""A worker's signs of life, and looking after those that give none: one beat for a worker, not one for a job."""

import asyncio
import os
import socket
import time

import asyncpg
import structlog

from holdfast.domain.jobs import outcomes
from holdfast.services.jobs.crew import Crew
from holdfast.store import jobs as store
from holdfast.store.jobs import Finished

BEAT_S = 3.0
SILENT_S = 10.0
"""Who has been silent for so long is taken for dead."""
GIVE_UP_S = 7.0
"""Who cannot beat for so long ends its handlers, before others take its jobs."""
ORPHANS_MAX = 500
LOOK_S = 0.5
QUEUES_S = 5.0
ANSWER_S = 2.0

log = structlog.get_logger("holdfast.jobs")


class Beats:
    """Beats for one crew, twice a second looks for what was cancelled and writes what handlers told, and every few
    seconds rescues the jobs of workers that are gone."""

    def __init__(self, crew: Crew, *, name: str | None = None) -> None:
        self._crew = crew
        self._pool: asyncpg.Pool = crew.pool
        self._name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._beat_at = 0.0
        self._queues_at = 0.0
        self._unheard: set[tuple[int, int]] = set()

    async def look(self) -> float:
        """Does what is due; in how many seconds to look again."""
        crew = self._crew
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._keep_alive()
            async with asyncio.timeout(ANSWER_S):
                if crew.notes.has_news:
                    await crew.notes.write(self._pool)
                await crew.limiting.refresh()
                await crew.limiting.make_room()
                if crew.worker_id is not None and crew.running:
                    crew.cancel(await store.cancelled_of(self._pool, crew.worker_id))
        except BaseException:
            await self._give_up_in_time()
            raise
        return LOOK_S

    async def _keep_alive(self) -> None:
        crew, now = self._crew, time.monotonic()
        if now >= self._queues_at:
            await self._find_queues()
            self._queues_at = now + QUEUES_S
        if crew.worker_id is None:
            if not crew.is_stopping:
                await self._begin()
            return
        if now < self._beat_at + BEAT_S:
            return
        crew.heard(await store.clock(self._pool))
        is_known = await store.beat(self._pool, crew.worker_id, crew.running, crew.queues, is_stopping=crew.is_stopping)
        if not is_known:
            count = await crew.abandon()
            log.warning("this worker was taken for dead: its jobs are others' now", jobs=count)
            await self._begin()
            return
        self._beat_at = now
        await self.rescue()
        await self._give_back_unheard(crew.worker_id)

    async def _begin(self) -> None:
        crew = self._crew
        crew.heard(await store.clock(self._pool))
        worker_id = await store.register(self._pool, self._name, crew.queues, crew.limits.capacity)
        self._beat_at = time.monotonic()
        crew.name, crew.acks.worker_id, crew.worker_id = self._name, worker_id, worker_id
        crew.wanted()
        await self.rescue()

    async def _find_queues(self) -> None:
        crew = self._crew
        if crew.limits.queues is None:
            found = {*crew.registry.queues(), *await store.queues_with_jobs(self._pool)}
            if found != set(crew.queues):
                crew.queues = tuple(sorted(found))
                crew.wanted()

    async def _give_up_in_time(self) -> None:
        crew = self._crew
        if crew.worker_id is not None and time.monotonic() > self._beat_at + GIVE_UP_S:
            count = await crew.abandon()
            log.warning("no beat for too long: handlers ended, before others take their jobs", jobs=count)

    async def _give_back_unheard(self, worker_id: int) -> None:
        """Gives back jobs that were claimed for us by a statement whose answer never came. One that is on its way now
        has come by the next beat, so a job counts as unheard of when it was so at two beats."""
        held = {(id, attempt) for id, attempt in await store.held_by(self._pool, worker_id) if not self._crew.has(id)}
        given_back, self._unheard = held & self._unheard, held
        if given_back:
            finished = [Finished(id, attempt, outcomes.stopped()) for id, attempt in sorted(given_back)]
            async with self._pool.acquire() as tx, tx.transaction():
                await store.settle(tx, finished)
            log.warning("jobs given back that were claimed without our knowing", jobs=len(finished))
            self._crew.wanted()

    async def rescue(self) -> int:
        """Takes silent workers for dead, and lets their jobs be taken again; how many jobs."""
        buried = await store.bury_silent(self._pool, SILENT_S)
        orphans = await store.orphans(self._pool, ORPHANS_MAX)
        if not orphans:
            return 0
        finished = []
        for row in orphans:
            worker = buried.get(row["worker_id"], f"number {row['worker_id']}")
            finished.append(
                Finished(row["id"], row["attempt"], outcomes.lost(row["lost"] + 1, worker, self._crew.chance()))
            )
        async with self._pool.acquire() as tx, tx.transaction():
            rows = await store.settle(tx, finished)
        log.warning("jobs of lost workers rescued", jobs=len(rows), workers=sorted(buried.values()))
        self._crew.wanted()
        return len(rows)
