"""The loops of a worker: one takes jobs and starts them, one beats for all of them and looks after the rest."""

import asyncio

from holdfast.runtime.loop import Loop
from holdfast.services.doorbell import ALL, Doorbell, Ring
from holdfast.services.jobs.beats import Beats
from holdfast.services.jobs.crew import POLL_S, Crew
from holdfast.services.jobs.nudge import NUDGE

STOP_S = 4.0
"""How long handlers may go on once the worker is to stop; what has not ended then is given back."""


class Working(Loop):
    """Takes what is due; sleeps until the next job is, or somebody rings."""

    name = "jobs"
    beat_every_s = 30.0

    def __init__(self, crew: Crew, doorbell: Doorbell | None = None, *, stop_s: float = STOP_S) -> None:
        super().__init__()
        self._crew = crew
        self._stop_s = stop_s
        crew.wanted = self.ring
        NUDGE.listeners.append(self.hear)
        if doorbell is not None:
            doorbell.listeners.append(self.hear_ring)

    def hear(self, queues: frozenset[str]) -> None:
        """Jobs were put in by this process."""
        if not queues.isdisjoint(self._crew.queues) or self._crew.limits.queues is None:
            self.ring()

    def hear_ring(self, ring: Ring) -> None:
        """Jobs were put in by another process."""
        if ring.queues:
            self.hear(ring.queues | (set(self._crew.queues) if ALL in ring.queues else set()))

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            NUDGE.listeners.remove(self.hear)
            await asyncio.shield(self._crew.stop(self._stop_s))

    async def step(self) -> float:
        if self._crew.worker_id is None:
            return POLL_S  # its beat begins it, and rings
        return await self._crew.take()


class Beating(Loop):
    """Signs of life for a crew, in a loop of their own: taking jobs may wait for the database, beating must not."""

    name = "job beats"
    beat_every_s = 15.0

    def __init__(self, crew: Crew) -> None:
        super().__init__()
        self._beats = Beats(crew)

    async def step(self) -> float:
        return await self._beats.look()
