"""The reconcile loop: a pass over all sites at the start, and a look at once where something was seen or changed that a
standing finding may depend on. Further passes are a schedule's, or its own where this process runs no schedules."""

import asyncio

from holdfast.runtime.loop import Loop
from holdfast.services.reconcile import Reconciler

LOOK_AGAIN_S = 1.0
"""How soon after one look a site is looked at again, at the soonest."""
IDLE_S = 60.0
AGAIN_S = 15.0


class Reconciling(Loop):
    """Runs passes of the reconciler. `every_s` 0 means only at the start and when asked; `is_scheduled`: a schedule
    asks for the others."""

    name = "reconcile"
    beat_every_s = 300.0

    def __init__(self, reconciler: Reconciler, *, every_s: float, is_scheduled: bool = False) -> None:
        super().__init__()
        self._reconciler = reconciler
        self._every_s = 0.0 if is_scheduled else every_s
        reconciler.every_s = self._every_s or None
        self._next_pass_at: float | None = 0.0
        reconciler.asked_for.append(self.ring)
        reconciler.progressed.append(self.beat)

    async def step(self) -> float:
        loop = asyncio.get_running_loop()
        if self._next_pass_at is not None and loop.time() >= self._next_pass_at:
            # one that fails is due again soon, and meanwhile sites asked for need not wait behind it
            self._next_pass_at = loop.time() + AGAIN_S
            await self._reconciler.run()
            self._next_pass_at = loop.time() + self._every_s if self._every_s else None
        elif self._reconciler.asked:
            await self._reconciler.look()
            # a site that many agents report on is not looked at for each of them
            await asyncio.sleep(LOOK_AGAIN_S)
            if self._reconciler.asked:
                return 0.0
        if self._next_pass_at is None:
            return IDLE_S
        return max(0.0, self._next_pass_at - loop.time())
