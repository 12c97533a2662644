"""One lane of the desk: a queue of commands and the loop that serves it, one transaction at a time.

It owns one connection. What can fail is met here: a database that goes away, a site locked elsewhere, somebody who
writes past the desk, a guess that was overtaken. Whatever happens, each command gets an answer within its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

import asyncpg
import structlog

from holdfast.domain.errors import Refusal
from holdfast.services.ahead import Ahead, Overtaken
from holdfast.services.batch import Batch
from holdfast.services.catching_up import DUE_MAX
from holdfast.services.incidents import report_written_past
from holdfast.services.known import Clock
from holdfast.services.line import Line
from holdfast.services.listeners import Listeners
from holdfast.services.outages import DISK_FULL
from holdfast.services.outcome import BROKEN, PASSING, did_commit
from holdfast.services.queue import Queue
from holdfast.services.waiting import Answer, DeskLimits, Waiting
from holdfast.store.changes import WrittenPast

DUE_START, DUE_MIN = 256, 32
"""How many due rows a turn of the clock takes: so many that it takes about `CLOCK_TURN_S`."""
DUE_BESIDE_COMMANDS_MAX = 96
CLOCK_TURN_S = 0.1
CLOCK_LEAST_S = 4.0
"""How long a turn of the clock may take, however long somebody has waited for a backlog before."""
BACK_OFF_S = 0.002
CROWD = 16
TRIES_MAX = 5
LEAST_S = 0.5
CLOCK_TRUSTED_S = 1.0
"""For how long the database's clock is moved on by ours: two clocks drift apart by far less than a millisecond then."""
GUESSLESS_MAX = 256

log = structlog.get_logger("holdfast.desk")


class Lane:
    """Serves the commands put to it, in order per site."""

    def __init__(self, pool: asyncpg.Pool, limits: DeskLimits, clock: Clock | None, listeners: Listeners) -> None:
        self.pool = pool
        self.limits = limits
        self.clock = clock
        self.listeners = listeners
        self.queue = Queue()
        self.closed = False
        self._in_flight = 0
        self._rung = asyncio.Event()
        self._line = Line(pool)
        self._ahead: Ahead | None = None
        self._clock_read: tuple[datetime, float] | None = None
        self._guessless = 0
        self._guessless_next = 1
        self._due_max = DUE_START
        self._reporting: set[asyncio.Task[None]] = set()
        self._guesses_pay = False

    @property
    def waiting(self) -> int:
        ahead = len(self._ahead.waiting) if self._ahead is not None else 0
        return len(self.queue) + ahead + self._in_flight

    def put(self, one: Waiting) -> None:
        one.since = monotonic()
        self._rung.set()
        if self.queue.is_for_clock(one):
            self.queue.put_to_clock(one)
        elif self._ahead is None or self.queue.commands or not self._knows_the_time(one.since) or not self._guess(one):
            self.queue.commands.append(one)

    def close(self) -> None:
        self.closed = True
        self._rung.set()

    async def run(self) -> None:
        while True:
            has_guessed = self._ahead is not None and bool(self._ahead.waiting)
            if self.queue.is_clocks_turn(else_idle=not (has_guessed or self.queue.commands)):
                taken = self.queue.take_for_clock(self.limits.batch_max)
                await self._attend(taken, self._serve_clock(taken))
                self.queue.end_clock_turn()
            elif self._ahead is not None and has_guessed:
                ahead, self._ahead = self._ahead, None
                await self._attend(ahead.waiting, self._serve_ahead(ahead))
            elif self.queue.commands:
                self._ahead = None
                taken = [self.queue.commands.popleft() for _ in range(self._share())]
                await self._attend(taken, self._serve(taken))
            elif self.closed:
                await self._line.close()
                return
            else:
                self._rung.clear()
                await self._rung.wait()

    async def _attend(self, taken: list[Waiting], serving: Awaitable[None]) -> None:
        """Serves commands and never fails: the last resort that keeps a bug from ending the lane."""
        self._in_flight, began = len(taken), monotonic()
        try:
            await serving
        except Exception as error:  # the loop's top
            log.exception("serving failed", commands=len(taken))
            self._drop_ahead()
            self._line.cut()
            self._fail(taken, error)
        finally:
            self._in_flight = 0
            self.listeners.tally.batch_s.observe(monotonic() - began)

    def _share(self) -> int:
        """How many to take of those that wait: half of a crowd, so that the other half is decided meanwhile."""
        count = len(self.queue.commands)
        return min(count // 2 if count >= CROWD and self._guesses_pay else count, self.limits.batch_max)

    # -- deciding ahead --------------------------------------------------------------------------------------------

    def _look_ahead(self, batch: Batch) -> None:
        """Opens the next batch to be decided on what this one will leave, while this one is written."""
        self._clock_read = batch.clock_read or self._clock_read
        # when one turn serves several batches, the one before has left its guesses, and their callers wait
        self._drop_ahead()
        if self._guessless:
            self._guessless -= 1
        elif self._clock_read is not None:
            self._ahead = Ahead(batch.states, self._line.known, self.clock, waiting_max=self.limits.batch_max)
            self._guesses_pay = True
            commands = self.queue.commands
            while commands and self._guess(commands[0]):
                commands.popleft()
            if commands and not self._ahead.waiting:
                # a command in front that cannot be guessed gets the next turn
                self._ahead = None
                self._guesses_pay = False

    def _guess(self, one: Waiting) -> bool:
        """Decides a command ahead of its turn, if that can be done."""
        assert self._ahead is not None
        try:
            return self._ahead.take(one, self._now())
        except Exception:  # as the loop's top: a bug in deciding is told to whoever waits, when its turn comes
            log.exception("could not decide ahead", command=type(one.command).__name__, site=one.site_id)
            self._drop_ahead()
            return False

    def _knows_the_time(self, at: float) -> bool:
        """Whether the database's clock was read recently enough to go on by ours."""
        return self._clock_read is not None and at - self._clock_read[1] < CLOCK_TRUSTED_S

    def _now(self) -> datetime:
        """The database's clock as last read, moved on by ours: never ahead of what the database will say."""
        if self.clock is not None:
            return self.clock()
        assert self._clock_read is not None
        read, at = self._clock_read
        return read + timedelta(seconds=monotonic() - at)

    async def _serve_ahead(self, ahead: Ahead) -> None:
        ahead.settled = partial(self._look_ahead, ahead)
        try:
            if not await self._write_ahead(ahead):
                self._take_back(ahead)
                return
        except Refusal as refusal:
            self._drop_ahead()
            self._line.known.drop(ahead.states)
            self._fail(ahead.waiting, refusal)
            return
        except Exception:  # the loop's top: whatever a guess met, serving it in turn finds out
            log.exception("batch decided ahead failed", commands=len(ahead.waiting))
            self._line.cut()
            self._take_back(ahead)
            return
        self._guessless_next = 1
        self._clock_read = ahead.clock_read or self._clock_read
        self._answer(ahead)

    async def _write_ahead(self, ahead: Ahead) -> bool:
        """Whether what was decided ahead is stored.

        Raises:
            Refusal: `outcome_unknown`.
        """
        left_s = self._left_s(ahead.waiting)
        try:
            async with asyncio.timeout(left_s):
                connection = await self._line.open(left_s)
                if self._line.known is not ahead.known:
                    # what was known belongs to a connection that broke
                    return False
                await ahead.run(connection)
        except BROKEN:
            return await self._resolved(ahead)
        except WrittenPast:
            self._guess_less()
            self._report(ahead.waiting)
            return False
        except (Overtaken, DISK_FULL, *PASSING):
            self._guess_less()
            return False
        return True

    def _guess_less(self) -> None:
        """Who is overtaken once is likely to share its sites with another process: guess more rarely."""
        self._guessless = self._guessless_next
        self._guesses_pay = False
        self.listeners.tally.overtaken += 1
        self._guessless_next = min(self._guessless_next * 2, GUESSLESS_MAX)

    def _take_back(self, ahead: Ahead) -> None:
        """Puts the commands of a guess, and of a guess upon it, back in front of the queue."""
        self._drop_ahead()
        self._line.known.drop(ahead.states)
        for one in reversed(ahead.waiting):
            one.outcome = None
            self.queue.commands.appendleft(one)

    def _drop_ahead(self) -> None:
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            self._take_back(ahead)

    # -- serving in turn -------------------------------------------------------------------------------------------

    async def _serve(self, taken: list[Waiting]) -> None:
        late = self.queue.starved(taken)
        rest = [one for one in taken if one.site_id not in late]
        if rest:
            await self._serve_batch(rest)
        if late:
            await self._serve_batch([one for one in taken if one.site_id in late], wait_for=sorted(late))

    async def _serve_clock(self, taken: list[Waiting]) -> None:
        """A turn for what waits for the clock. What has been decided ahead meanwhile stays, if it is of other sites."""
        if self._ahead is not None and any(one.site_id in self._ahead.states for one in taken):
            self._drop_ahead()
        has_company = bool(self.queue.commands) or self._ahead is not None
        began, due_max = monotonic(), min(self._due_max, DUE_BESIDE_COMMANDS_MAX if has_company else DUE_MAX)
        await self._serve_batch(taken, due_max=due_max)
        took_s = monotonic() - began
        if took_s > CLOCK_TURN_S:
            self._due_max = max(due_max // 2, DUE_MIN)
        elif due_max == self._due_max and took_s < CLOCK_TURN_S / 2:
            self._due_max = min(due_max + DUE_MIN, DUE_MAX)

    async def _serve_batch(
        self, taken: list[Waiting], *, wait_for: Iterable[int] = (), due_max: int | None = None
    ) -> None:
        """Serves a batch; whatever happens, each of its commands gets an answer, is retried, or learns why not."""
        try:
            await self._run(taken, wait_for=wait_for, due_max=due_max)
        except Refusal as refusal:
            self._fail(taken, refusal)
        except WrittenPast:
            log.warning("somebody wrote past the desk; serving the batch one by one", commands=len(taken))
            await self._one_by_one(taken)
            self._report(taken)
        except Exception as error:  # the loop's top: a bug in one batch must not end the lane
            log.exception("batch failed", commands=len(taken))
            self._drop_ahead()
            self._line.cut()
            if len(taken) > 1:
                await self._one_by_one(taken)
            else:
                self._fail(taken, error)

    async def _one_by_one(self, taken: list[Waiting]) -> None:
        """Finds which command of a failed batch it was, by giving each a transaction of its own."""
        for one in taken:
            try:
                await self._run([one])
            except WrittenPast:
                # read after it was met, the other's claim is seen now: only a writer in the very act is met again
                one.tries += 1
                if one.tries < TRIES_MAX:
                    self._put_back([one])
                    await asyncio.sleep(BACK_OFF_S * 2**one.tries)
                else:
                    self._fail([one], Refusal("busy", retry_after_s=1))
            except Refusal as refusal:
                self._fail([one], refusal)
            except Exception as error:  # the loop's top: this one is the one
                log.exception("command failed", command=type(one.command).__name__, site=one.site_id)
                self._line.cut()
                self._fail([one], error)

    async def _run(self, taken: list[Waiting], *, wait_for: Iterable[int] = (), due_max: int | None = None) -> None:
        """One transaction for these commands, retried where the database broke and nothing can have been stored."""
        tries = 0
        while tries == 0 or self._left_s(taken) > LEAST_S:
            tries += 1
            left_s = max(self._left_s(taken), 0.0 if due_max is None else CLOCK_LEAST_S)
            batch: Batch | None = None
            try:
                async with asyncio.timeout(left_s):
                    connection = await self._line.open(left_s)
                    batch = Batch(taken, self._line.known, self.clock)
                    if due_max is not None:
                        batch.due_max = due_max
                    if due_max is None or self._ahead is None:
                        batch.settled = partial(self._look_ahead, batch)
                    await batch.run(connection, wait_for=sorted(wait_for))
            except PASSING:
                self._drop_ahead()
                if len(taken) > 1 and not wait_for:
                    # one of them waits for somebody else's lock: the others need not
                    await self._one_by_one(taken)
                else:
                    self.queue.rest(taken)
                    self._put_back(taken)
                return
            except WrittenPast:
                self._drop_ahead()
                raise
            except DISK_FULL as error:
                self._drop_ahead()
                self._line.cut()
                raise self.listeners.brake.tripped() from error
            except BROKEN as error:
                self._drop_ahead()
                if batch is None or not await self._resolved(batch):
                    self._line.cut()
                    log.warning("database connection broke; trying again", tries=tries, error=str(error)[:200])
                    await asyncio.sleep(min(0.05 * 2**tries, 1.0, self._left_s(taken)))
                    continue
            self._answer(batch)
            self._put_behind(batch)
            if self._put_back(batch.passed_over) and not batch.events and not batch.served:
                await asyncio.sleep(BACK_OFF_S)
            return
        self._fail(taken, Refusal("unavailable", retry_after_s=2))

    def _left_s(self, taken: Iterable[Waiting]) -> float:
        """How long the longest waiting of these may still wait, never less than it takes to find out what happened."""
        return max(min(one.since for one in taken) + self.limits.answer_s - monotonic(), LEAST_S)

    async def _resolved(self, batch: Batch) -> bool:
        """Whether a batch whose connection broke is stored after all; False when it is certain that it is not.

        Raises:
            Refusal: `outcome_unknown` when that cannot be found out.
        """
        backend = self._line.backend
        self._line.cut()
        if not batch.committing:
            return False
        within_s = self._left_s(batch.waiting)
        return not batch.events or await did_commit(self.pool, batch.events, backend, within_s=within_s)

    def _report(self, taken: list[Waiting]) -> None:
        """Looks for what was written past the desk, beside the lane: nobody waits for it."""
        task = asyncio.create_task(report_written_past(self.pool, taken, self.put), name="report")
        self._reporting.add(task)
        task.add_done_callback(self._reporting.discard)

    # -- answers ---------------------------------------------------------------------------------------------------

    def _answer(self, batch: Batch) -> None:
        self.listeners.tell(batch)
        for one in batch.waiting:
            if one.future.done() or one.outcome is None:
                continue
            if isinstance(one.outcome, Refusal):
                one.future.set_exception(one.outcome)
            else:
                one.future.set_result(one.outcome)

    def _fail(self, taken: Iterable[Waiting], error: BaseException) -> None:
        self.listeners.tell_failed(taken, error)
        for one in taken:
            if not one.future.done():
                one.future.set_exception(error)

    # -- what must wait on -------------------------------------------------------------------------------------------

    def _put_behind(self, batch: Batch) -> None:
        """What waits for its site to be caught up waits on, apart from the commands of other sites."""
        done, over = self.queue.put_behind(batch.behind, answer_s=self.limits.answer_s)
        self._fail(over, Refusal("busy", retry_after_s=2))
        for one in done:
            if not one.future.done():
                one.future.set_result(Answer(200, b"{}", batch.states[one.site_id].version))

    def _put_back(self, passed_over: list[Waiting]) -> bool:
        """Commands whose site was locked elsewhere come first in the next batch. Those whose time is over are told to
        come back. True when any waits on."""
        over = self.queue.put_back(passed_over, answer_s=self.limits.answer_s)
        self._fail(over, Refusal("busy", retry_after_s=2))
        return len(over) < len(passed_over)
