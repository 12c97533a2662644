"""Deadlines for requests, by one timer for all of them: measured, a timer each costs a tenth of a booking's handling.

All requests get the same time, so the oldest is always the first to look at. What an overdue one does is its own.
"""

import asyncio
from typing import Protocol

LOOK_EVERY_S = 0.25


class Bounded(Protocol):
    """Something under way that has only so much time."""

    def give_up(self) -> None: ...


class Deadlines:
    """Lets what is under way for longer than `limit_s` give up. Belongs to the event loop it is first used in."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._until: dict[Bounded, float] = {}
        self._is_looking = False

    def begin(self, one: Bounded) -> None:
        """Starts its clock, until `end`."""
        loop = asyncio.get_running_loop()
        self._until[one] = loop.time() + self._limit_s
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(LOOK_EVERY_S, self._look, loop)

    def end(self, one: Bounded) -> None:
        """Stops its clock; a second time does nothing."""
        self._until.pop(one, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        late = []
        for one, until in self._until.items():
            if until > now:
                break
            late.append(one)
        for one in late:
            del self._until[one]
            one.give_up()
        if self._until:
            loop.call_later(LOOK_EVERY_S, self._look, loop)
        else:
            self._is_looking = False
