"""Where a zone's clocks change: stretches of real time with one offset, and what the change before each skipped or
showed twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

_STEP = timedelta(hours=6)
"""No zone has changed its clocks twice within this time."""
_SECOND = timedelta(seconds=1)
LOOK_BACK = timedelta(days=2)


class Stretch(msgspec.Struct, frozen=True):
    """Clocks run from local `first` to before `last` with this offset. `shown_until` is how far clocks had come before
    the change at `start`: behind `first` they were set back, ahead of it they jumped; None where nothing changed."""

    start: datetime
    end: datetime
    offset: timedelta
    shown_until: datetime | None

    @property
    def first(self) -> datetime:
        return (self.start + self.offset).replace(tzinfo=None)

    @property
    def last(self) -> datetime:
        return (self.end + self.offset).replace(tzinfo=None)


def offset_of(instant: datetime, zone: ZoneInfo) -> timedelta:
    found = instant.astimezone(zone).utcoffset()
    assert found is not None
    return found


def changes(zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants in (after, until] at which the offset is another than just before."""
    low, before = after, offset_of(after, zone)
    while low < until:
        high = min(low + _STEP, until)
        there = offset_of(high, zone)
        if there != before:
            yield _bisect(zone, low, high, before)
            before = there
        low = high


def stretches(zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[Stretch]:
    """The stretches that meet [after, until), the first one from its change on when that is less than two days ago."""
    begun = after - LOOK_BACK
    start, offset, shown = begun, offset_of(begun, zone), None
    for change in [*changes(zone, begun, until), None]:
        end = until if change is None else change
        if end > after or change is None:
            yield Stretch(start, end, offset, shown)
        if change is not None:
            shown = (change + offset).replace(tzinfo=None)
            start, offset = change, offset_of(change, zone)


def is_plain(local: datetime, zone: ZoneInfo) -> timedelta | None:
    """The offset at a naive local time that exists exactly once; None for another."""
    early, late = zone.utcoffset(local), zone.utcoffset(local.replace(fold=1))
    return early if early == late else None


def as_utc(local: datetime, offset: timedelta) -> datetime:
    return (local - offset).replace(tzinfo=UTC)


def _bisect(zone: ZoneInfo, low: datetime, high: datetime, before: timedelta) -> datetime:
    low, high = low.replace(microsecond=0), high.replace(microsecond=0)
    while high - low > _SECOND:
        middle = low + (high - low) // 2 // _SECOND * _SECOND
        if offset_of(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high
