"""Letting claimed jobs in by their limits, and those that were held back once there is room. Truth is the table of
running jobs: what is counted is what runs, so that no crash can leave a place taken for ever."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg

from holdfast.domain.jobs.limits import Wanting, admit
from holdfast.store import job_limits as store
from holdfast.store import jobs
from holdfast.store.jobs import Claimed

QUEUE_KEY = "queue:"


class Limiting:
    """The limits as one worker sees them; `known` is looked at again each second."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._known: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        self._known = await store.keys(self._pool)

    def keys_of(self, job: Claimed) -> tuple[str, ...]:
        """The limits that a job falls under."""
        if not self._known:
            return ()
        found = (f"{QUEUE_KEY}{job.queue}", job.limit_key)
        return tuple(key for key in found if key is not None and key in self._known)

    async def admitted(self, claimed: Sequence[Claimed], worker_id: int) -> list[Claimed]:
        """Those of the claimed jobs that may run now; the others have been put back."""
        wanting = [Wanting(job.id, keys, is_paid=job.is_admitted) for job in claimed if (keys := self.keys_of(job))]
        if not wanting:
            return list(claimed)
        named = sorted({key for one in wanting for key in one.keys})
        async with self._pool.acquire() as tx, tx.transaction():
            limits = await store.locked(tx, named)
            running = await store.running(tx, named, but=[one.id for one in wanting])
            found = admit(wanting, limits, running, await jobs.clock(tx))
            if found.admitted:
                await store.let_in(tx, found.admitted, worker_id)
            back: list[tuple[int, datetime | None, str | None]] = [(id, None, key) for id, key in found.parked]
            back += [(id, at, None) for id, at in found.postponed]
            if back:
                await jobs.give_back(tx, worker_id, back)
            await store.set_free_at(tx, found.free_at)
        kept_back = {one[0] for one in back}
        return [job for job in claimed if job.id not in kept_back]

    async def make_room(self, keys: Iterable[str] | None = None) -> None:
        """Lets jobs that are parked behind these keys, or any, try again as far as there is room."""
        for key in sorted(keys) if keys is not None else await store.parked_keys(self._pool):
            async with self._pool.acquire() as tx, tx.transaction():
                limit = (await store.locked(tx, [key])).get(key)
                room = 1_000
                if limit is not None and limit.running_max is not None:
                    room = limit.running_max - (await store.running(tx, [key]))[key]
                if room > 0:
                    await store.unpark(tx, key, room)
