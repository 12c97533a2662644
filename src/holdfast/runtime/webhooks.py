"""The webhook loop: reads journals for what endpoints are to be told. Woken by the desk of this process; the poll is
the guarantee, and hears of other processes. What is sent is sent by jobs."""

import asyncio

from holdfast.domain.change import Event
from holdfast.runtime.loop import Loop
from holdfast.services.desk import Desk
from holdfast.services.webhook_delivery import WebhookDelivery

POLL_S = 5.0
BREATH_S = 0.25
"""Between two looks into the journals, so that a rush is read in large bites."""
HEARD_MAX = 2_000


class Hooking(Loop):
    """Any number of processes may run it: an endpoint is told of a site by one at a time."""

    name = "webhooks"
    beat_every_s = 60.0

    def __init__(self, delivery: WebhookDelivery, desk: Desk) -> None:
        super().__init__()
        self._delivery = delivery
        self._heard: set[int] = set()
        self._poll_at = 0.0
        desk.heard.append(self.hear)

    def hear(self, events: list[tuple[int, Event]]) -> None:
        for site_id, _ in events:
            if len(self._heard) < HEARD_MAX:
                self._heard.add(site_id)
        if self._heard:
            self.ring()

    async def step(self) -> float:
        now = asyncio.get_running_loop().time()
        heard, self._heard = self._heard, set()
        is_poll = now >= self._poll_at
        if is_poll:
            # asked before, so that a failure does not ask again at once
            self._poll_at = now + POLL_S
        if is_poll or heard:
            if await self._delivery.tell(None if is_poll else sorted(heard), beat=self.beat):
                self._poll_at = 0.0
                return 0.0
            await asyncio.sleep(BREATH_S)
        return 0.0 if self._heard else max(self._poll_at - asyncio.get_running_loop().time(), 0.0)
