"""The presence loop: writes signs of life each second, looks for those who listen, and writes down who has gone. When
it is dead nobody is shown as there for longer than their last sign counts."""

import asyncio
from math import inf

from holdfast.runtime.loop import Loop
from holdfast.services.presence import Presence
from holdfast.services.presence_changes import EVERY_S, PresenceChanges

WRITE_S = 1.0
SWEEP_S = 60.0


class Attending(Loop):
    """Any number of processes may run it: each writes its own signs. Who has gone is written down at the start and then
    each minute, or by a schedule."""

    name = "presence"
    beat_every_s = 60.0

    def __init__(self, presence: Presence, changes: PresenceChanges, *, is_scheduled: bool = False) -> None:
        super().__init__()
        self._presence = presence
        self._changes = changes
        self._look_at = 0.0
        self._sweep_at = 0.0
        self._is_scheduled = is_scheduled

    async def step(self) -> float:
        now = asyncio.get_running_loop().time()
        await self._presence.write()
        if now >= self._look_at:
            self._look_at = now + EVERY_S
            await self._changes.look()
        if now >= self._sweep_at:
            self._sweep_at = inf if self._is_scheduled else now + SWEEP_S
            await self._presence.mark_offline(0.0)
        return WRITE_S
