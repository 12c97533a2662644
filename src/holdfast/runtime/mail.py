"""The loops of mail: one sends what is due, one reads the journals of sites that tell their customers by mail."""

import asyncio

import structlog

from holdfast.domain.change import Event
from holdfast.runtime.loop import Loop
from holdfast.services import mail
from holdfast.services.booking_mail import TOLD, BookingMails
from holdfast.services.desk import Desk
from holdfast.services.mail import Mailer

SOON_S = 0.02
POLL_S = 2.0
SENDERS = 4
"""Batches sent side by side in a rush, each over a connection of its own."""
PAUSE_MIN_S = 5.0
PAUSE_MAX_S = 300.0
"""How long nothing is tried while no mail can be sent."""
TELL_POLL_S = 5.0
BREATH_S = 0.25
"""Between two looks into the journals, so that a rush is read in large bites."""
HEARD_MAX = 2_000

log = structlog.get_logger("holdfast.mail")


class Sending(Loop):
    """Sends mail. Any number of processes may run it: a mail is claimed by one."""

    name = "mail"
    beat_every_s = 120.0

    def __init__(self, mailer: Mailer) -> None:
        super().__init__()
        self._mailer = mailer
        mailer.go_on, mailer.beat = lambda: not self.is_stopping, self.beat
        self._look_s = POLL_S
        self._pause_s = 0.0
        self._paused_until = 0.0
        self._senders = 1

    def hear(self) -> None:
        """A mail was put into the queue. Its transaction has yet to end: it looks soon, then ever less often."""
        self._look_s = SOON_S
        self.ring()

    async def run(self) -> None:
        mail.enqueued.append(self.hear)
        try:
            await super().run()
        finally:
            mail.enqueued.remove(self.hear)

    async def step(self) -> float:
        loop = asyncio.get_running_loop()
        if loop.time() < self._paused_until:
            return self._paused_until - loop.time()
        batches = await asyncio.gather(*(self._mailer.send_due() for _ in range(self._senders)))
        self._senders = SENDERS if any(batch.is_full for batch in batches) else 1
        if reason := next((batch.unreachable for batch in batches if batch.unreachable), None):
            return self._pause(reason)
        self._pause_s = 0.0
        if self._senders > 1:
            return 0.0
        wait_s, self._look_s = self._look_s, min(2 * self._look_s, POLL_S)
        return wait_s

    def _pause(self, reason: str) -> float:
        self._pause_s = min(max(2 * self._pause_s, PAUSE_MIN_S), PAUSE_MAX_S)
        self._paused_until = asyncio.get_running_loop().time() + self._pause_s
        log.warning("no mail can be sent", reason=reason, next_try_in_s=self._pause_s)
        return self._pause_s


class Telling(Loop):
    """Reads journals for what customers are to be told. Woken by the desk of this process; the poll is the guarantee,
    and hears of other processes."""

    name = "booking mail"
    beat_every_s = 60.0

    def __init__(self, mails: BookingMails, desk: Desk) -> None:
        super().__init__()
        self._mails = mails
        self._heard: set[int] = set()
        self._poll_at = 0.0
        desk.heard.append(self.hear)

    def hear(self, events: list[tuple[int, Event]]) -> None:
        for site_id, event in events:
            if event.type in TOLD and len(self._heard) < HEARD_MAX:
                self._heard.add(site_id)
        if self._heard:
            self.ring()

    async def step(self) -> float:
        loop = asyncio.get_running_loop()
        heard, self._heard = self._heard, set()
        is_poll = loop.time() >= self._poll_at
        if is_poll:
            # asked before, so that a failure does not ask again at once
            self._poll_at = loop.time() + TELL_POLL_S
        if is_poll or heard:
            if await self._mails.tell(None if is_poll else sorted(heard), beat=self.beat):
                self._poll_at = 0.0
                return 0.0
            await asyncio.sleep(BREATH_S)
        return 0.0 if self._heard else max(self._poll_at - loop.time(), 0.0)
