"""Who wants to know of what the desk has committed, in this process. Calls must return at once."""

from collections.abc import Callable
from datetime import datetime

import structlog

from holdfast.domain.change import Event
from holdfast.services.batch import Batch

Heard = Callable[[list[tuple[int, Event]]], None]
Woken = Callable[[datetime, datetime], None]


log = structlog.get_logger("holdfast.desk")


class Listeners:
    """Who wants to know of what the lanes do."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.woken: list[Woken] = []

    def tell(self, batch: Batch) -> None:
        for heard in self.heard if batch.events else ():
            _call(heard, batch.events)
        if self.woken:
            alarms = [(state.wakes_at, state.now) for state in batch.states.values() if state.wakes_at is not None]
            for woken in self.woken if alarms else ():
                _call(woken, *min(alarms))


def _call(listener: Callable[..., None], *arguments: object) -> None:
    """A listener's bug must not reach the lane: what it would hear of is committed, and serving it again would do it
    twice."""
    try:
        listener(*arguments)
    except Exception:
        log.exception("a listener failed", listener=getattr(listener, "__qualname__", repr(listener)))
