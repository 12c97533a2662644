"""A loop that must not die: one step after another, with a beat to be seen by, until it is stopped."""

import asyncio
from abc import ABC, abstractmethod
from datetime import timedelta

import structlog

from holdfast.services import logs

log = structlog.get_logger("holdfast.runtime")

BACK_OFF_MIN_S = 0.1
BACK_OFF_MAX_S = 5.0


class Loop(ABC):
    """Calls `step` again and again; a step says how long to wait at most. A failing step is logged and tried again,
    more and more slowly. `ring` ends the present wait early."""

    name = "loop"
    beat_every_s = 10.0
    """How long a step may take, or fail, beyond the wait that the one before it asked for, until the loop is silent."""

    def __init__(self) -> None:
        self.beat_at: float | None = None
        """When a step last ended well, or said by `beat` that it goes on; by the event loop's clock, as all here."""
        self.next_at: float | None = None
        """When the next step begins, at the latest; None while one is under way."""
        self.failures = 0
        """How often in a row steps have failed."""
        self.failures_total = 0
        self.is_running = False
        self.has_ended = False
        self._began_at: float | None = None
        self._wait_s = 0.0
        self._rung = asyncio.Event()
        self._stopping = False

    @abstractmethod
    async def step(self) -> float:
        """Does what is due, and returns how many seconds may pass until the next step."""

    @property
    def is_stopping(self) -> bool:
        return self._stopping

    def ring(self) -> None:
        self._rung.set()

    def beat(self) -> None:
        """A sign of life; for steps that take long."""
        self.beat_at = asyncio.get_running_loop().time()

    def stop(self) -> None:
        """Ends the loop after its present step."""
        self._stopping = True
        self._rung.set()

    def silent_s(self, now: float) -> float:
        """For how many seconds a sign of life is overdue, 0.0 while none is. `now` is the event loop's."""
        heard_at = self.beat_at if self.beat_at is not None else self._began_at
        if heard_at is None:
            return 0.0
        return max(now - heard_at - self._wait_s - self.beat_every_s, 0.0)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._began_at, self.is_running = loop.time(), True
        try:
            while not self._stopping:
                self._rung.clear()
                self.next_at = None
                wait_s = await self._step()
                self.next_at = loop.time() + wait_s
                if not self._stopping:
                    await self._wait(wait_s)
        finally:
            self.is_running, self.has_ended, self.next_at = False, True, None
        log.debug("loop stopped", loop=self.name)

    async def _step(self) -> float:
        loop = asyncio.get_running_loop()
        began, is_first = loop.time(), self.beat_at is None
        try:
            wait_s = await self.step()
        except Exception as error:  # a loop's top: what fails once must be tried again
            self.failures += 1
            self.failures_total += 1
            wait_s = min(BACK_OFF_MIN_S * 2.0 ** min(self.failures, 10), BACK_OFF_MAX_S)
            cause: BaseException = error
            while isinstance(cause, BaseExceptionGroup):
                cause = cause.exceptions[0]
            said = f"{type(cause).__name__}: {cause}"[:200]
            log.warning("step failed; trying again", loop=self.name, wait_s=wait_s, error=said)
            return wait_s
        self.beat_at, self.failures, self._wait_s = loop.time(), 0, wait_s
        if is_first:
            next_run = (logs.instant() + timedelta(seconds=wait_s)).isoformat(timespec="milliseconds")
            log.info("loop started", loop=self.name, next_run=next_run)
        else:
            took_ms = round((self.beat_at - began) * 1000, 1)
            log.debug("loop ran", loop=self.name, took_ms=took_ms, next_run_in_s=round(wait_s, 3))
        return wait_s

    async def _wait(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._rung.wait()
        except TimeoutError:
            return
