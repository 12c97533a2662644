"""The live loop: each second looks where the sites that are listened to stand, and after those who listen."""

from holdfast.runtime.loop import Loop
from holdfast.services.listening import Listening

EVERY_S = 1.0


class Live(Loop):
    """The guarantee behind the doorbell, for whatever listens in this process."""

    name = "live"

    def __init__(self, hub: Listening) -> None:
        super().__init__()
        self._hub = hub

    async def step(self) -> float:
        self._hub.look_after()
        await self._hub.poll()
        return EVERY_S
