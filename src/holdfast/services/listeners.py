"""Who wants to know of what the desk has committed, in this process. Calls must return at once."""

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from holdfast.domain.change import Event
from holdfast.services.batch import Batch
from holdfast.services.brake import Brake
from holdfast.services.metrics import Tally
from holdfast.services.waiting import Waiting

Heard = Callable[[list[tuple[int, Event]]], None]
Woken = Callable[[datetime, datetime], None]
Served = Callable[[Batch], None]
Failed = Callable[[Iterable[Waiting], BaseException], None]


log = structlog.get_logger("holdfast.desk")


class Listeners:
    """Who wants to know of what the lanes do. They all count in one tally, and obey one brake."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.woken: list[Woken] = []
        self.tally = Tally()
        self.brake = Brake()
        self.served: list[Served] = [self.tally.served]
        self.failed: list[Failed] = [self.tally.failed]

    def tell_failed(self, taken: Iterable[Waiting], error: BaseException) -> None:
        taken = [one for one in taken if not one.future.done()]
        for failed in self.failed if taken else ():
            _call(failed, taken, error)

    def tell(self, batch: Batch) -> None:
        for served in self.served:
            _call(served, batch)
        if batch.events:
            self.tell_heard(batch.events)
        if self.woken:
            alarms = [(state.wakes_at, state.now) for state in batch.states.values() if state.wakes_at is not None]
            for woken in self.woken if alarms else ():
                _call(woken, *min(alarms))

    def tell_heard(self, events: list[tuple[int, Event]]) -> None:
        """What was committed, by a lane or beside the lanes."""
        for heard in self.heard:
            _call(heard, events)


def _call(listener: Callable[..., None], *arguments: object) -> None:
    """A listener's bug must not reach the lane: what it would hear of is committed, and serving it again would do it
    twice."""
    try:
        listener(*arguments)
    except Exception:
        log.exception("a listener failed", listener=getattr(listener, "__qualname__", repr(listener)))
