"""The rights loop: each second looks whether somebody's rights have moved."""

from holdfast.runtime.loop import Loop
from holdfast.services.access import Access

EVERY_S = 1.0


class Rights(Loop):
    """The guarantee behind the doorbell, for whoever remembers rights in this process."""

    name = "rights"

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    async def step(self) -> float:
        await self._access.poll()
        return EVERY_S
