"""The alarm loop: sleeps until the smallest `wakes_at` by the database's clock, then lets the desk tick what is due."""

import asyncio
from datetime import datetime

import asyncpg

from holdfast.runtime.loop import Loop
from holdfast.services.alarms import Ticker
from holdfast.services.desk import Desk

POLL_S = 1.0
"""Alarms set by other processes are seen after this long at the latest."""
GRAIN_S = 0.0005


class Alarms(Loop):
    """Transitions at their instant. Any number of processes may run it: the site's lock decides who does it."""

    name = "alarms"

    def __init__(self, pool: asyncpg.Pool, desk: Desk) -> None:
        super().__init__()
        self._ticker = Ticker(pool, desk, self.ring)
        self._next_at: float | None = None
        desk.woken.append(self.hear)

    def hear(self, wakes_at: datetime, now: datetime) -> None:
        """An alarm was set in this process: it may be earlier than the one we sleep for."""
        at = asyncio.get_running_loop().time() + (wakes_at - now).total_seconds()
        if self._next_at is not None and at < self._next_at - GRAIN_S:
            self._next_at = at
            self.ring()

    async def step(self) -> float:
        next_in_s = await self._ticker.tick_due()
        wait_s = POLL_S if next_in_s is None else min(next_in_s + GRAIN_S, POLL_S)
        self._next_at = asyncio.get_running_loop().time() + wait_s
        return wait_s
