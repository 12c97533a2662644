"""The ends of attempts, committed in groups: while one group is on its way to the disk, the next one collects."""

import asyncio
from collections.abc import Callable, Iterable

import asyncpg
import structlog

from holdfast.domain.jobs.outcomes import SUCCEEDED, Ended
from holdfast.store import jobs as store
from holdfast.store.jobs import Claimed, Finished

GROUP_MAX = 2_000
AGAIN_MIN_S, AGAIN_MAX_S = 0.05, 1.0

log = structlog.get_logger("holdfast.jobs")


class Acks:
    """Collects ends and writes them. `settled` is called after each group with the jobs it ended; `freed` when jobs may
    have become due by it."""

    def __init__(
        self, pool: asyncpg.Pool, *, settled: Callable[[Iterable[Claimed]], None], freed: Callable[[], None]
    ) -> None:
        self.worker_id = 0
        self._pool = pool
        self._settled = settled
        self._freed = freed
        self._plain: dict[int, dict[int, Claimed]] = {}
        self._other: dict[int, tuple[Claimed, Finished]] = {}
        self._count = 0
        self._under_way: dict[int, Claimed] = {}
        self._writing: asyncio.Task[None] | None = None
        self.written = 0

    @property
    def waiting(self) -> int:
        return self._count

    def add(self, job: Claimed, ended: Ended, result: bytes | None) -> None:
        """Notes how an attempt ended."""
        self._count += 1
        if (
            ended is SUCCEEDED and result is None and job.unique_key is None and job.batch_id is None
            and job.schedule_id is None
        ):  # fmt: skip
            by_attempt = self._plain.get(job.attempt)
            if by_attempt is None:
                by_attempt = self._plain[job.attempt] = {}
            by_attempt[job.id] = job
        else:
            self._other[job.id] = job, Finished(job.id, job.attempt, ended, result)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="job ends")

    def holds(self, id: int) -> bool:
        """Whether the end of that job is still to be written."""
        return id in self._other or id in self._under_way or any(id in jobs for jobs in self._plain.values())

    def forget(self) -> None:
        """Lets go of all that has not been written: the worker was taken for dead, and its jobs are others' now."""
        self._plain, self._other, self._count = {}, {}, 0

    async def written_all(self) -> None:
        """Returns when all that has been noted is written."""
        while self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        again_s = AGAIN_MIN_S
        try:
            while self._count:
                try:
                    await self._write_group()
                    again_s = AGAIN_MIN_S
                except Exception as error:  # a loop's top: what is fenced can be said again
                    log.warning(
                        "ends of jobs could not be written; trying again", error=f"{type(error).__name__}: {error}"
                    )
                    await asyncio.sleep(again_s)
                    again_s = min(again_s * 2, AGAIN_MAX_S)
        finally:
            self._writing = None

    async def _write_group(self) -> None:
        for attempt in list(self._plain):
            jobs = self._plain[attempt]
            group = dict(list(jobs.items())[:GROUP_MAX]) if len(jobs) > GROUP_MAX else jobs
            if group is jobs:
                del self._plain[attempt]
            else:
                self._plain[attempt] = {id: job for id, job in jobs.items() if id not in group}
            self._under_way = group
            try:
                done = await store.ack(self._pool, list(group), attempt, self.worker_id)
            except BaseException:
                self._plain.setdefault(attempt, {}).update(group)
                raise
            finally:
                self._under_way = {}
            self._count = max(self._count - len(group), 0)
            self._over(group.values(), len(group))
            # others come after these, or somebody else has ended them: both are seen to under a lock
            for job in (group[id] for id in group.keys() - done):
                self._other[job.id] = job, Finished(job.id, job.attempt, SUCCEEDED)
                self._count += 1
        if self._other:
            await self._settle()

    async def _settle(self) -> None:
        group = dict(list(self._other.items())[:GROUP_MAX])
        async with self._pool.acquire() as tx, tx.transaction():
            rows = await store.settle(tx, [finished for _, finished in group.values()])
        for id in group:
            self._other.pop(id, None)
        self._count = max(self._count - len(group), 0)
        self._over((job for job, _ in group.values()), len(group))
        if any(row["frees"] or row["retry_in_s"] is not None for row in rows):
            self._freed()

    def _over(self, jobs: Iterable[Claimed], count: int) -> None:
        self.written += count
        self._settled(jobs)
