"""Half-open stretches of time, [start, end), and what can be done with lists of them.

Refuses to know of zones, units or bookings: both ends are aware UTC instants. Every function here is total;
an interval that was built unchecked and is empty or reversed counts as nothing.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import msgspec

_BY_START = attrgetter("start")
_NOTHING = timedelta(0)


class Interval(msgspec.Struct, frozen=True, gc=False, order=True):
    """The instants from `start` (contained) to `end` (not contained), both UTC; sorts by start, then end."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """Real time that passes between the ends, whatever local clocks do meanwhile."""
        return self.end - self.start

    def overlaps(self, other: "Interval") -> bool:
        """True when at least one instant lies in both; touching intervals do not overlap."""
        return self.start < other.end and other.start < self.end

    def contains(self, instant: datetime) -> bool:
        """True from `start` on and no longer at `end`."""
        return self.start <= instant < self.end

    def covers(self, other: "Interval") -> bool:
        """True when no instant of `other` lies outside."""
        return self.start <= other.start and other.end <= self.end


def interval(start: datetime, end: datetime) -> Interval:
    """The checked way to build one: both ends become UTC and at least one instant lies between them.

    Raises: ValueError when an end has no offset, or the interval would be empty or reversed.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("an interval needs aware instants")
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start >= end:
        raise ValueError(f"an interval must end after it starts: {start.isoformat()} .. {end.isoformat()}")
    return Interval(start, end)


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The same instants in the fewest intervals, sorted; overlapping and touching ones become one."""
    merged: list[Interval] = []
    pieces = [each for each in intervals if each.start < each.end]
    if not pieces:
        return merged
    pieces.sort(key=_BY_START)
    start, end = pieces[0].start, pieces[0].end
    for piece in pieces:
        if piece.start > end:
            merged.append(Interval(start, end))
            start, end = piece.start, piece.end
        elif piece.end > end:
            end = piece.end
    merged.append(Interval(start, end))
    return merged


def gaps(taken: Iterable[Interval], within: Interval, *, at_least: timedelta = _NOTHING) -> list[Interval]:
    """What `taken` leaves free of `within`, sorted, without pieces shorter than `at_least`."""
    free: list[Interval] = []
    cursor, end = within.start, within.end
    for piece in sorted((each for each in taken if each.start < each.end), key=_BY_START):
        if piece.start >= end:
            break
        if piece.start > cursor and piece.start - cursor >= at_least:
            free.append(Interval(cursor, piece.start))
        if piece.end > cursor:
            cursor = piece.end
    if cursor < end and end - cursor >= at_least:
        free.append(Interval(cursor, end))
    return free


def intersect(ones: Iterable[Interval], others: Iterable[Interval]) -> list[Interval]:
    """The instants that lie in both, merged and sorted."""
    left, right = merge(ones), merge(others)
    common: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        one, other = left[i], right[j]
        start = one.start if one.start > other.start else other.start
        end = one.end if one.end < other.end else other.end
        if start < end:
            common.append(Interval(start, end))
        if one.end < other.end:
            i += 1
        else:
            j += 1
    return common


def subtract(ones: Iterable[Interval], others: Iterable[Interval]) -> list[Interval]:
    """The instants of `ones` that lie in none of `others`, merged and sorted."""
    left, right = merge(ones), merge(others)
    rest: list[Interval] = []
    j = 0
    for one in left:
        cursor = one.start
        while j < len(right) and right[j].end <= cursor:
            j += 1
        i = j
        while i < len(right) and right[i].start < one.end:
            if right[i].start > cursor:
                rest.append(Interval(cursor, right[i].start))
            cursor = right[i].end
            i += 1
        if cursor < one.end:
            rest.append(Interval(cursor, one.end))
        # The last piece may reach into the next of `ones`, so it is looked at once more.
        j = max(j, i - 1)
    return rest
