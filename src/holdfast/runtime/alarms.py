"""The alarm loop: sleeps until the smallest `wakes_at` by the database's clock, then lets the desk tick what is due."""

import asyncio
from datetime import datetime

import asyncpg

from holdfast.runtime.loop import Loop
from holdfast.services.alarms import Ticker
from holdfast.services.desk import Desk
from holdfast.services.doorbell import Doorbell, Ring

POLL_S = 1.0
"""Alarms set by other processes are seen after this long at the latest, should the doorbell not have told of them."""
GRAIN_S = 0.0005
BREATH_S = 0.002
"""Between two looks, so that a rush is asked about in large bites: each costs the database a question."""


class Alarms(Loop):
    """Transitions at their instant. Any number of processes may run it: the site's lock decides who does it."""

    name = "alarms"

    def __init__(self, pool: asyncpg.Pool, desk: Desk, doorbell: Doorbell | None = None) -> None:
        super().__init__()
        self._ticker = Ticker(pool, desk, self.ring)
        self._next_at: float | None = None
        self._looked_at = 0.0
        desk.woken.append(self.hear)
        if doorbell is not None:
            doorbell.listeners.append(self.hear_ring)

    def hear(self, wakes_at: datetime, now: datetime) -> None:
        """An alarm was set in this process: it may be earlier than the one we sleep for."""
        self._wake_in((wakes_at - now).total_seconds())

    def hear_ring(self, ring: Ring) -> None:
        """An alarm was set in another process."""
        if ring.due_in_s is not None:
            self._wake_in(ring.due_in_s)

    def _wake_in(self, due_in_s: float) -> None:
        at = asyncio.get_running_loop().time() + due_in_s
        if self._next_at is not None and at < self._next_at - GRAIN_S:
            self._next_at = at
            self.ring()

    async def step(self) -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._looked_at + BREATH_S - loop.time())
        next_in_s = await self._ticker.tick_due()
        wait_s = POLL_S if next_in_s is None else min(next_in_s + GRAIN_S, POLL_S)
        self._looked_at = loop.time()
        self._next_at = self._looked_at + wait_s
        return wait_s
