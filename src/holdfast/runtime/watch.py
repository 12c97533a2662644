"""The watch loop: every few seconds it looks whether all is as it should be."""

from holdfast.runtime.loop import Loop
from holdfast.services.watch import Watch


class Watching(Loop):
    """Lets the watch look. Every process runs one: it looks after its own loops and disks."""

    name = "watch"

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    async def step(self) -> float:
        return await self._watch.look()
