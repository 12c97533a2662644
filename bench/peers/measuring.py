"""What is measured of every Python job system here, by clocks of one machine; needs the standard library only."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta


class Figures:
    """Counts handlers' starts; `started` is called by the handler with what it was given."""

    def __init__(self, jobs: int, pickups: int, scheduled: int) -> None:
        self.jobs, self.pickups, self.scheduled = jobs, pickups, scheduled
        self.count = 0
        self.late_s: list[float] = []
        self._done = asyncio.Event()
        self._target = jobs
        self.found: dict[str, object] = {}

    def started(self, due: float) -> None:
        """A handler has begun; `due` is when it should have, 0 for a job of the drain."""
        self.count += 1
        if due:
            self.late_s.append(time.time() - due)
        if self.count >= self._target:
            self._done.set()

    async def enqueued(self, put: Awaitable[object]) -> None:
        began = time.perf_counter()
        await put
        self.found["enqueue_per_s"] = round(self.jobs / (time.perf_counter() - began))

    async def drained(self) -> None:
        """From the worker's start until the last of the jobs has run."""
        began = time.perf_counter()
        await self._until(self.jobs)
        self.found["drain_per_s"] = round(self.jobs / (time.perf_counter() - began))

    async def picked_up(self, put: Callable[[float], Awaitable[object]]) -> None:
        await asyncio.sleep(1)
        self.late_s = []
        for _ in range(self.pickups):
            await put(time.time())
            await asyncio.sleep(0.03)
        await self._until(self.jobs + self.pickups)
        self.found["pickup_ms"] = self._spread()

    async def on_time(self, put: Callable[[float, datetime], Awaitable[object]]) -> None:
        self.late_s = []
        first = time.time() + 1.5
        for number in range(self.scheduled):
            at = first + number * 4.0 / self.scheduled
            await put(at, datetime.fromtimestamp(at, UTC))
        await self._until(self.jobs + self.pickups + self.scheduled)
        self.found["scheduled_ms"] = self._spread()

    def print(self) -> None:
        json.dump(self.found, sys.stdout)

    async def _until(self, target: int) -> None:
        self._target = target
        if self.count < target:
            self._done.clear()
            await asyncio.wait_for(self._done.wait(), 180)

    def _spread(self) -> dict[str, float]:
        ordered = sorted(self.late_s)
        return {
            "p50": round(ordered[len(ordered) // 2] * 1000, 1),
            "p99": round(ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)] * 1000, 1),
        }


def arguments() -> tuple[str, Figures]:
    """The database's URL, and how much to measure."""
    url, jobs, pickups, scheduled = sys.argv[1:5]
    return url, Figures(int(jobs), int(pickups), int(scheduled))


def from_now(at: datetime) -> timedelta:
    return max(at - datetime.now(UTC), timedelta())
