"""The doorbell's loop: keeps its connection open, and rings at most once in ten milliseconds, with all that is new."""

import asyncio

from holdfast.runtime.loop import Loop
from holdfast.services.doorbell import Doorbell

COALESCE_S = 0.01
LOOK_S = 10.0
"""How often it looks whether the connection lives and anybody else listens."""
CONNECT_S = 3.0


class Ringing(Loop):
    """Rings and hears, through restarts of the database. Deaf, it costs nobody more than the second of the poll."""

    name = "doorbell"
    beat_every_s = 30.0

    def __init__(self, url: str, doorbell: Doorbell) -> None:
        super().__init__()
        self._url = url
        self._doorbell = doorbell
        self._look_at = 0.0
        doorbell.wanted = self.ring

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            await self._doorbell.close()

    async def step(self) -> float:
        loop = asyncio.get_running_loop()
        await self._doorbell.listen(self._url, timeout_s=CONNECT_S)
        if self._doorbell.has_news:
            await self._doorbell.ring()
            # what comes meanwhile goes with the next one; the first of a quiet time goes at once
            await asyncio.sleep(COALESCE_S)
        if loop.time() >= self._look_at:
            await self._doorbell.look_around()
            self._look_at = loop.time() + LOOK_S
        return 0.0 if self._doorbell.has_news else max(self._look_at - loop.time(), 0.0)
