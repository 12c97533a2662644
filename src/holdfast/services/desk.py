"""The desk: the one door to a site. Requests that wait together are decided together and committed once.

A site always goes to the same lane of a process; each lane serves one batch at a time, and while one commits the
next one fills. Any number of processes may run desks on the same sites: the site's row lock is what they share.
"""

import asyncio
from time import monotonic

import asyncpg

from holdfast.domain.change import Event
from holdfast.domain.commands import Command
from holdfast.domain.errors import Refusal
from holdfast.services.brake import Brake
from holdfast.services.known import Clock
from holdfast.services.lane import Lane
from holdfast.services.listeners import Failed, Heard, Listeners, Served, Woken
from holdfast.services.metrics import Tally
from holdfast.services.waiting import Answer, DeskLimits, Waiting

__all__ = ["Answer", "Desk", "DeskLimits", "Heard", "Woken"]


class Desk:
    """Decides commands on sites. `clock` replaces the database's clock, for replays and tests only.

    `heard` are called with the events of each committed batch, in journal order per site; `woken` after each batch with
    the soonest alarm of its sites and the instant it was decided at; `served` with each committed batch, `failed` with
    commands that none answered and why. All must return at once.
    """

    def __init__(self, pool: asyncpg.Pool, limits: DeskLimits | None = None, *, clock: Clock | None = None) -> None:
        self.limits = limits or DeskLimits()
        self._listeners = Listeners()
        self._lanes = [Lane(pool, self.limits, clock, self._listeners) for _ in range(self.limits.lanes)]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def heard(self) -> list[Heard]:
        return self._listeners.heard

    def tell(self, events: list[tuple[int, Event]]) -> None:
        """Tells the listeners what was committed beside the lanes."""
        self._listeners.tell_heard(events)

    @property
    def woken(self) -> list[Woken]:
        return self._listeners.woken

    @property
    def served(self) -> list[Served]:
        return self._listeners.served

    @property
    def failed(self) -> list[Failed]:
        return self._listeners.failed

    @property
    def tally(self) -> Tally:
        return self._listeners.tally

    @property
    def brake(self) -> Brake:
        return self._listeners.brake

    @property
    def waiting(self) -> int:
        """How many commands wait or are being served."""
        return sum(lane.waiting for lane in self._lanes)

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(lane.run(), name=f"desk lane {n}") for n, lane in enumerate(self._lanes)]

    async def stop(self) -> None:
        """Takes no more, finishes what waits, and ends."""
        for lane in self._lanes:
            lane.close()
        await asyncio.gather(*self._tasks)

    async def submit(
        self, site_id: int, command: Command, *, actor: str, key: str | None = None, body_hash: bytes = b""
    ) -> Answer:
        """The answer to a command, once what follows from it is committed.

        A caller that gives up (is cancelled) does not stop its command.

        Raises:
            Refusal: nothing was changed; or `outcome_unknown`, then the same key tells later.
        """
        lane = self._lanes[site_id % len(self._lanes)]
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        one = Waiting(site_id, command, actor, key=key, body_hash=body_hash, future=future)
        try:
            if lane.closed:
                raise Refusal("unavailable", retry_after_s=5, problem="the server is stopping")
            if lane.waiting >= self.limits.waiting_max:
                raise Refusal("busy", retry_after_s=1)
            if self._listeners.brake.is_on:
                self._listeners.brake.check(command)
        except Refusal as refusal:
            one.since = monotonic()
            self._listeners.tell_failed([one], refusal)
            raise
        lane.put(one)
        return await future
