"""The ticks of a schedule as instants: after one, before one, between two. Local times are searched on a clock that
never changes, and laid over the zone's real one by the schedule's rules where that clock changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from holdfast.domain.cron.clocks import Stretch, as_utc, is_plain, stretches
from holdfast.domain.cron.expression import Every, Expression, Rules, Schedule
from holdfast.domain.cron.search import next_local, prev_local
from holdfast.domain.local_time import YEAR_MAX, YEAR_MIN

CRON_RULES = Rules()
EARLIEST = datetime(YEAR_MIN, 1, 1, tzinfo=UTC)
LATEST = datetime(YEAR_MAX, 1, 1, tzinfo=UTC)
LARGE = timedelta(hours=3)
"""From this on Debian's cron takes a change for a clock that was set, and begins anew."""
SMALL = timedelta(minutes=4)
"""Up to this it catches up minute by minute."""

_SECOND = timedelta(seconds=1)
_WINDOW = timedelta(days=2)


def next_tick(schedule: Schedule, after: datetime, zone: ZoneInfo, rules: Rules = CRON_RULES) -> datetime | None:
    """The first tick behind `after`, in UTC; None when there is none before the year 2200."""
    if isinstance(schedule, Every):
        return _next_every(schedule, after)
    at = max(after.astimezone(UTC), EARLIEST)
    while at < LATEST:
        local = at.astimezone(zone).replace(tzinfo=None, fold=0)
        found = next_local(schedule, local.replace(microsecond=0) + _SECOND)
        here = is_plain(local, zone)
        begin = at
        if here is not None:
            if found is None:
                return None
            there = is_plain(found, zone)
            if there is not None:
                return _supported(as_utc(found, there))
            # clocks change around it, and nothing happens until then
            begin = max(at, as_utc(found, here) - _WINDOW)
        until = begin + 2 * _WINDOW
        for tick in _ticks(schedule, begin, until, zone, rules):
            return _supported(tick)
        at = until - _SECOND
    return None


def prev_tick(schedule: Schedule, before: datetime, zone: ZoneInfo, rules: Rules = CRON_RULES) -> datetime | None:
    """The last tick ahead of `before`, in UTC; None when there is none since 1970."""
    if isinstance(schedule, Every):
        return _prev_every(schedule, before)
    at = before.astimezone(UTC)
    while at > EARLIEST:
        local = at.astimezone(zone).replace(tzinfo=None, fold=0)
        last = local - _SECOND if not local.microsecond else local.replace(microsecond=0)
        found = prev_local(schedule, last)
        here = is_plain(local, zone)
        end = at
        if here is not None:
            if found is None:
                return None
            there = is_plain(found, zone)
            # a jump or a turn between the two may hold a later one
            if there is not None and here == there and at - as_utc(found, there) < _WINDOW / 48:
                return _supported(as_utc(found, there))
            end = min(at, as_utc(found, here) + _WINDOW)
        begin = end - 2 * _WINDOW
        ticks = list(_ticks(schedule, begin, end, zone, rules))
        if ticks:
            return _supported(ticks[-1])
        at = begin + _SECOND
    return None


def between(
    schedule: Schedule, after: datetime, until: datetime, zone: ZoneInfo, rules: Rules = CRON_RULES
) -> Iterator[datetime]:
    """The ticks in (after, until], in order."""
    tick = next_tick(schedule, after, zone, rules)
    while tick is not None and tick <= until:
        yield tick
        tick = next_tick(schedule, tick, zone, rules)


def _ticks(schedule: Expression, after: datetime, until: datetime, zone: ZoneInfo, rules: Rules) -> Iterator[datetime]:
    """The ticks in (after, until), laid over the clock as it really ran."""
    for stretch in stretches(zone, after, until):
        start = stretch.start
        if after < start < until and _begins_with_tick(schedule, stretch, rules):
            yield start
        local = max(_from(schedule, stretch, rules), (after + stretch.offset).replace(tzinfo=None) + _SECOND)
        local = local.replace(microsecond=0)
        while (found := next_local(schedule, local, stretch.last)) is not None:
            tick = as_utc(found, stretch.offset)
            if tick > start or not _begins_with_tick(schedule, stretch, rules):
                yield tick
            local = found + _SECOND


def _begins_with_tick(schedule: Expression, stretch: Stretch, rules: Rules) -> bool:
    """Whether the jump at the stretch's start is itself a tick: for a time it skipped, or the minute it led into."""
    shown, first = stretch.shown_until, stretch.first
    if shown is None or first <= shown:
        return False
    into = first.replace(second=0) if schedule.by_minute else first
    if into < first and next_local(schedule, into, into + _SECOND) is not None:
        return True
    if not _runs_after(schedule, first - shown, rules):
        return False
    return next_local(schedule, shown, first + _SECOND) is not None


def _from(schedule: Expression, stretch: Stretch, rules: Rules) -> datetime:
    """From which local time on the stretch counts: clocks that were set back show some for the second time."""
    shown, first = stretch.shown_until, stretch.first
    if shown is None or first >= shown or not _runs_once(schedule, shown - first, rules):
        return first
    return shown


def _runs_after(schedule: Expression, skipped: timedelta, rules: Rules) -> bool:
    if rules.gap != "cron":
        return rules.gap == "after"
    return skipped < LARGE and (not schedule.is_wild or skipped <= SMALL)


def _runs_once(schedule: Expression, repeated: timedelta, rules: Rules) -> bool:
    if rules.fold != "cron":
        return rules.fold == "once"
    return not schedule.is_wild and repeated <= LARGE


def _supported(tick: datetime) -> datetime | None:
    return tick if EARLIEST <= tick < LATEST else None


def _next_every(schedule: Every, after: datetime) -> datetime | None:
    whole = (after - EARLIEST) // (schedule.seconds * _SECOND) + 1
    tick = EARLIEST + max(whole, 0) * schedule.seconds * _SECOND
    return tick if tick < LATEST else None


def _prev_every(schedule: Every, before: datetime) -> datetime | None:
    span = schedule.seconds * _SECOND
    whole = -((EARLIEST - before) // span) - 1
    return EARLIEST + whole * span if whole >= 0 else None
