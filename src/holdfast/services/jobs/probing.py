"""Where a worker looks for jobs: which ranges of the queue, in which order, from which floor on, for how many.

By priority first; of one priority all lanes in turn, each for its share, so that a tenant's flood leaves room for the
others. A floor is the last key that was taken: what lies before it are the remains of rows that an old snapshot holds
on to, and they would be walked through again and again. A look without floors finds what was committed late; it may
take a twentieth of the time at most.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from holdfast.domain.jobs.states import LANES, PRIORITIES
from holdfast.store.jobs import Claimed, Probe

PRIORITY_LIST = tuple(range(len(PRIORITIES)))
LANE_LIST = tuple(range(LANES))
FULL_SHARE = 20
SLACK = timedelta(milliseconds=250)
"""A floor stays this far behind the present: jobs that were put in a moment earlier may be committed a moment later."""

_BOTTOM = datetime(1970, 1, 1, tzinfo=UTC)
_NO_FLOOR = _BOTTOM, 0
Range = tuple[str, int, int]


class Probing:
    """What one worker knows of the ranges (queue, priority, lane)."""

    def __init__(self) -> None:
        self._hot: dict[Range, None] = {}
        self._floors: dict[Range, tuple[datetime, int]] = {}
        self._turn = 0
        self._full_at = 0.0

    def is_full_due(self, now_s: float) -> bool:
        """Whether it is time for a look into all ranges, without floors."""
        return not self._hot or now_s >= self._full_at

    def plan(self, queues: Sequence[str], room: int, *, is_full: bool) -> list[Probe]:
        """The ranges to look into, in order: all of them, or those in which there was something lately."""
        self._turn += 1
        lanes = LANE_LIST[self._turn % LANES :] + LANE_LIST[: self._turn % LANES]
        if is_full:
            ranges = [(queue, priority, lane) for priority in PRIORITY_LIST for lane in lanes for queue in queues]
        else:
            turn = {lane: number for number, lane in enumerate(lanes)}
            ranges = sorted(self._hot, key=lambda one: (one[1], turn[one[2]]))
        rivals: dict[int, int] = {}
        for _, priority, _ in self._hot:
            rivals[priority] = rivals.get(priority, 0) + 1
        found = []
        for one in ranges:
            others = rivals.get(one[1], 0) + (one not in self._hot)
            share = max(1, -(-room // max(others, 1)))
            floor = _NO_FLOOR if is_full else self._floors.get(one, _NO_FLOOR)
            found.append(Probe(*one, share, *floor))
        return found

    def learn(self, probes: Iterable[Probe], claimed: Sequence[Claimed], *, is_full: bool) -> None:
        """Remembers where there was something, and how far it has been taken."""
        now_hot: dict[Range, None] = {}
        last: dict[Range, tuple[datetime, int]] = {}
        for job in claimed:
            one = job.queue, job.priority, job.lane
            now_hot[one] = None
            key = job.run_at, job.id
            if one not in last or key > last[one]:
                last[one] = key
        if is_full:
            self._hot = now_hot
        else:
            for probe in probes:
                one = probe.queue, probe.priority, probe.lane
                if one not in now_hot:
                    self._hot.pop(one, None)
        self._floors.update(last)

    def looked_fully(self, now_s: float, took_s: float) -> None:
        """Until when there is no need for another full look."""
        self._full_at = now_s + took_s * FULL_SHARE

    def hold_floors(self, now: datetime) -> None:
        """Keeps floors away from the present."""
        top = now - SLACK
        for one, (at, _) in self._floors.items():
            if at > top:
                self._floors[one] = top, 0
