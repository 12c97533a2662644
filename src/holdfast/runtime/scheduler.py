"""The loops of schedules: one fires what is due, at its instant; one keeps the tables of days, without which no run and
no line of the ledger could be written: so it is no schedule itself."""

import asyncpg

from holdfast.runtime.loop import Loop
from holdfast.services.doorbell import ALL, Doorbell
from holdfast.services.jobs.nudge import NUDGE, SCHEDULES
from holdfast.services.jobs.registry import Registry
from holdfast.services.jobs.upkeep import keep_days
from holdfast.services.schedules.firing import fire_due

POLL_S = 5.0
"""Schedules that other processes have made or changed are seen after this long at the latest."""
GRAIN_S = 0.0005
UPKEEP_S = 3600.0


class Scheduling(Loop):
    """Sleeps until the next tick of any schedule by the database's clock. Every process may run one; none leads."""

    name = "schedules"

    def __init__(self, pool: asyncpg.Pool, registry: Registry, doorbell: Doorbell | None = None) -> None:
        super().__init__()
        self._pool = pool
        self._registry = registry
        NUDGE.listeners.append(self.hear)
        if doorbell is not None:
            doorbell.listeners.append(lambda ring: self.hear(ring.queues))

    def hear(self, queues: frozenset[str]) -> None:
        """A schedule was made or changed, here or elsewhere."""
        if SCHEDULES in queues or ALL in queues:
            self.ring()

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            NUDGE.listeners.remove(self.hear)

    async def step(self) -> float:
        fired = await fire_due(self._pool, self._registry)
        return POLL_S if fired.next_in_s is None else min(max(fired.next_in_s + GRAIN_S, GRAIN_S), POLL_S)


class JobUpkeep(Loop):
    """Makes the tables of the days to come, and lets the old ones go; every hour."""

    name = "job upkeep"
    beat_every_s = 300.0

    def __init__(self, pool: asyncpg.Pool, *, run_days: float) -> None:
        super().__init__()
        self._pool = pool
        self._run_days = run_days

    async def step(self) -> float:
        await keep_days(self._pool, run_days=self._run_days)
        return UPKEEP_S
