"""One worker: takes jobs as far as it has room, runs them, and says how they ended. Any number of them, in any number
of processes, work on one database; rows are handed out under locks that skip each other."""

import asyncio
import random
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import structlog

from holdfast.domain.errors import Refusal
from holdfast.domain.jobs import outcomes
from holdfast.domain.jobs.outcomes import SUCCEEDED, Ended
from holdfast.domain.jobs.states import LANES
from holdfast.services.jobs.acks import Acks
from holdfast.services.jobs.context import GiveUp, JobContext, Retry
from holdfast.services.jobs.limiting import Limiting
from holdfast.services.jobs.notes import Notes
from holdfast.services.jobs.probing import PRIORITY_LIST, Probing
from holdfast.services.jobs.registry import Job, Registry
from holdfast.store import jobs as store
from holdfast.store.jobs import Claimed, Finished

POLL_S = 5.0
"""Jobs put in by those who ring at nobody (psql, another language) are seen after this long at the latest."""
GRAIN_S = 0.002
UNWRITTEN_MAX = 5_000
"""With more ends than this to be written no more jobs are taken."""
RESULT_BYTES_MAX = 65_536
TRACE_LINES_MAX = 12

log = structlog.get_logger("holdfast.jobs")


class CrewLimits(msgspec.Struct, frozen=True):
    """What one worker takes on: jobs at once, and how many of them with a transaction of their own. `queues` None means
    all that there are."""

    capacity: int = 50
    transactions_max: int = 4
    queues: tuple[str, ...] | None = None


class _NotMine(Exception):
    """The attempt was ended by somebody else: nothing of it may stay."""


class Crew:
    """Takes and runs jobs. `wanted` is called when there may be more to take. Belongs to one event loop."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        registry: Registry,
        limits: CrewLimits | None = None,
        *,
        services: Mapping[str, Any] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.pool = pool
        self.registry = registry
        self.limits = limits or CrewLimits()
        self.services = services or {}
        self.worker_id: int | None = None
        self.name = ""
        self.queues: tuple[str, ...] = self.limits.queues or tuple(registry.queues())
        self.notes = Notes()
        self.limiting = Limiting(pool)
        self.wanted: Callable[[], None] = lambda: None
        self.is_stopping = False
        self.acks = Acks(pool, settled=self._settled, freed=lambda: self.wanted())
        self.taken = 0
        self._tasks: dict[int, tuple[Claimed, asyncio.Task[None]]] = {}
        self._cancelled: dict[int, str] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._probing = Probing()
        self._transactions = asyncio.Semaphore(self.limits.transactions_max)
        self.chance = chance
        self._database_now = (datetime(1970, 1, 1, tzinfo=UTC), 0.0)

    # -- taking --------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> int:
        return len(self._tasks)

    async def take(self) -> float:
        """Takes what is due and there is room for, and starts it; in how many seconds to look again at the latest."""
        room = self.limits.capacity - len(self._tasks)
        worker_id = self.worker_id
        if room <= 0 or worker_id is None or self.is_stopping or self.acks.waiting > UNWRITTEN_MAX:
            return POLL_S
        began = time.monotonic()
        is_full = self._probing.is_full_due(began)
        self._probing.hold_floors(self._now())
        probes = self._probing.plan(self.queues, room, is_full=is_full)
        claimed = await store.claim(self.pool, worker_id, room, probes)
        ended = time.monotonic()
        if is_full:
            self._probing.looked_fully(ended, ended - began)
        self._probing.learn(probes, claimed, is_full=is_full)
        claimed.sort(key=lambda job: (job.priority, job.run_at, job.id))
        for job in await self.limiting.admitted(claimed, worker_id) if claimed else ():
            self._start(job)
        if claimed or not is_full:
            return 0.0 if claimed else GRAIN_S
        next_in_s = await store.next_due(self.pool, self.queues, PRIORITY_LIST, range(LANES))
        return POLL_S if next_in_s is None else min(max(next_in_s, GRAIN_S), POLL_S)

    def has(self, id: int) -> bool:
        """Whether this worker knows that it has that job: it runs it, or its end is still to be written."""
        return id in self._tasks or self.acks.holds(id)

    def heard(self, database_now: datetime) -> None:
        """What time it is by the database's clock."""
        self._database_now = database_now, time.monotonic()
        self.notes.set_clock(database_now, time.monotonic)

    def _now(self) -> datetime:
        at, since = self._database_now
        return at + timedelta(seconds=time.monotonic() - since)

    # -- running -------------------------------------------------------------------------------------------------------

    def _start(self, job: Claimed) -> None:
        self.taken += 1
        task = asyncio.get_running_loop().create_task(self._attempt(job))
        self._tasks[job.id] = job, task

    async def _attempt(self, job: Claimed) -> None:
        try:
            ended, result = await self._ended(job)
        finally:
            self._forget(job)
            self.notes.forget(job)
        if ended is not None and self.worker_id is not None:
            self.acks.add(job, ended, result)
        self.wanted()

    def _forget(self, job: Claimed) -> None:
        found = self._tasks.get(job.id)
        if found is not None and found[0] is job:  # not another attempt at it
            del self._tasks[job.id]

    async def _ended(self, job: Claimed) -> tuple[Ended | None, bytes | None]:
        """How an attempt ended, and what it gave; None when its end is recorded already, or is nobody's to record."""
        function = self.registry.get(job.name)
        try:
            if function is None:
                raise LookupError(f"no function called {job.name} is registered with this worker")
            args = function.decode(job.args)
            async with asyncio.timeout(job.timeout_s):
                if function.spec.is_transactional:
                    return await self._run_in_transaction(job, function, args)
                return SUCCEEDED, _encoded(await self._call(job, function, args, None))
        except asyncio.CancelledError:
            return self._after_cancel(job), None
        except _NotMine:
            return None, None
        except Retry as asked:
            attempt = {"attempt": job.attempt, "attempts_max": job.attempts_max}
            return outcomes.postponed(str(asked), asked.after_s, **attempt), None
        except (GiveUp, Refusal) as error:
            return outcomes.refused(_said(error)), None
        except TimeoutError as error:
            told = _said(error) if str(error) else f"TimeoutError: it did not end within {job.timeout_s:g} s"
            return self._failed(job, function, told), None
        except Exception as error:  # a loop's top: whatever a handler raises is the end of its attempt, not of ours
            return self._failed(job, function, _said(error)), None

    async def _call(self, job: Claimed, function: Job, args: dict[str, Any], tx: Any) -> Any:
        first: tuple[JobContext, ...] = ()
        if function.takes_context:
            first = (JobContext(job, self.notes, pool=self.pool, services=self.services, tx=tx),)
        if function.is_async:
            return await function.call(*first, **args)
        return await asyncio.to_thread(function.call, *first, **args)

    async def _run_in_transaction(
        self, job: Claimed, function: Job, args: dict[str, Any]
    ) -> tuple[Ended | None, bytes | None]:
        """Effect and end in one commit: exactly once."""
        async with self._transactions, self.pool.acquire() as tx, tx.transaction():
            result = _encoded(await self._call(job, function, args, tx))
            rows = await store.settle(tx, [Finished(job.id, job.attempt, SUCCEEDED, result)])
            if not rows:
                raise _NotMine
        self._settled([job])
        return None, None

    def _failed(self, job: Claimed, function: Job | None, error: str) -> Ended:
        backoff = function.spec.backoff if function is not None else outcomes.Backoff()
        return outcomes.failed(
            error, attempt=job.attempt, attempts_max=job.attempts_max, backoff=backoff, chance=self.chance()
        )

    def _after_cancel(self, job: Claimed) -> Ended | None:
        if job.id in self._cancelled:
            return Ended("cancelled", f"cancelled by {self._cancelled.pop(job.id)}")
        return outcomes.stopped() if self.is_stopping else None

    def _settled(self, jobs: Iterable[Claimed]) -> None:
        keys = {key for job in jobs for key in self.limiting.keys_of(job)}
        if keys:
            errand = asyncio.get_running_loop().create_task(self._make_room(keys), name="room below limits")
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)

    async def _make_room(self, keys: set[str]) -> None:
        try:
            await self.limiting.make_room(keys)
        except Exception as error:  # a loop's top: the sweep of each second does what was not done here
            log.debug("no room made", error=f"{type(error).__name__}: {error}")
        self.wanted()

    # -- ending --------------------------------------------------------------------------------------------------------

    def cancel(self, cancelled: Sequence[tuple[int, int, str]]) -> None:
        """Ends the handlers of these (id, attempt, by whom)."""
        for id, attempt, by in cancelled:
            found = self._tasks.get(id)
            if found is not None and found[0].attempt == attempt and id not in self._cancelled:
                self._cancelled[id] = by
                found[1].cancel()

    async def abandon(self) -> int:
        """Ends all handlers and forgets their jobs: this worker was, or must be, taken for dead."""
        self.worker_id = None
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        self.acks.forget()
        self._tasks.clear()
        self._cancelled.clear()
        return len(tasks)

    async def settled(self) -> None:
        """Returns when the ends of all attempts so far are written, and room was made for what they held back."""
        await self.acks.written_all()
        await asyncio.gather(*self._errands)

    async def stop(self, within_s: float) -> None:
        """Takes nothing more, lets what runs end, gives back what does not in time, and leaves."""
        self.is_stopping = True
        tasks = [task for _, task in self._tasks.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        await self.acks.written_all()
        if self.worker_id is not None:
            await store.leave(self.pool, self.worker_id)
            self.worker_id = None


def _encoded(result: Any) -> bytes | None:
    if result is None:
        return None
    try:
        raw = msgspec.json.encode(result)
    except (TypeError, ValueError):
        raw = msgspec.json.encode({"text": repr(result)[:1000]})
    if len(raw) > RESULT_BYTES_MAX:
        return msgspec.json.encode({"left_out": f"a result of {len(raw)} bytes"})
    return raw


def _said(error: BaseException) -> str:
    """The failure and where it came from, without our own frames."""
    first = f"{type(error).__name__}: {error}".replace("\x00", "")
    if isinstance(error, GiveUp | Refusal | LookupError) or error.__traceback__ is None:
        return first
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename != __file__][-TRACE_LINES_MAX:]
    return "\n".join([first, *(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in theirs)])
