"""A loop that must not die: one step after another, with a beat to be seen by, until it is stopped."""

import asyncio
from abc import ABC, abstractmethod

import structlog

log = structlog.get_logger("holdfast.runtime")

BACK_OFF_MIN_S = 0.1
BACK_OFF_MAX_S = 5.0


class Loop(ABC):
    """Calls `step` again and again; a step says how long to wait at most. A failing step is logged and tried again,
    more and more slowly. `ring` ends the present wait early."""

    name = "loop"

    def __init__(self) -> None:
        self.beat_at: float | None = None
        self.failures = 0
        self._rung = asyncio.Event()
        self._stopping = False

    @abstractmethod
    async def step(self) -> float:
        """Does what is due, and returns how many seconds may pass until the next step."""

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        """Ends the loop after its present step."""
        self._stopping = True
        self._rung.set()

    async def run(self) -> None:
        log.debug("started", loop=self.name)
        loop = asyncio.get_running_loop()
        while not self._stopping:
            self._rung.clear()
            try:
                wait_s = await self.step()
                self.beat_at, self.failures = loop.time(), 0
            except Exception as error:  # a loop's top: what fails once must be tried again
                self.failures += 1
                wait_s = min(BACK_OFF_MIN_S * 2**self.failures, BACK_OFF_MAX_S)
                log.warning("step failed; trying again", loop=self.name, wait_s=wait_s, error=str(error)[:200])
            if not self._stopping:
                await self._wait(wait_s)
        log.debug("stopped", loop=self.name)

    async def _wait(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._rung.wait()
        except TimeoutError:
            return
