"""The retention loop: lets go of what is old at the start, until nothing of it is left. From then on the schedule does,
where there is one that this process runs; else every ten minutes."""

from collections.abc import Awaitable, Callable

from holdfast.runtime.loop import Loop

EVERY_S = 600.0
MORE_S = 1.0
IDLE_S = 3_600.0


class Retention(Loop):
    """Keeps the tables of what is kept for a while from growing for ever. `forget` takes one bite, and says whether
    there may be more. Several processes may run it at once."""

    name = "retention"
    beat_every_s = 60.0

    def __init__(self, forget: Callable[[], Awaitable[bool]], *, is_scheduled: bool = False) -> None:
        super().__init__()
        self._forget = forget
        self._is_scheduled = is_scheduled
        self._has_begun = False

    async def step(self) -> float:
        if self._has_begun and self._is_scheduled:
            return IDLE_S
        if await self._forget():
            return MORE_S
        self._has_begun = True
        return IDLE_S if self._is_scheduled else EVERY_S
