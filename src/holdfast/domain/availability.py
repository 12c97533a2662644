"""Which time of a window a site sells, and what claims leave of it. Refuses to know where claims come from."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from holdfast.domain.intervals import Interval, intersect, subtract
from holdfast.domain.local_time import local_date
from holdfast.domain.opening import next_on_grid, nights, on_grid, open_intervals
from holdfast.domain.policies.base import Policy
from holdfast.domain.sites import Site

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


def first_start(site: Site, policy: Policy, now: datetime) -> datetime:
    """The earliest start that a booking made now may have."""
    earliest, notice = policy.earliest_start(now, site), site.settings.notice_minutes
    return max(earliest, now + notice * _MINUTE) if notice else earliest


def last_start(site: Site, now: datetime) -> datetime:
    """The latest start that a booking made now may have."""
    return now + timedelta(days=site.settings.horizon_days or 3660)


def shortest(site: Site, wished: timedelta | None) -> timedelta:
    """The length below which free time is not worth telling: the wish, or the least that the site sells."""
    least = timedelta(minutes=max(site.settings.length_min_minutes, site.settings.grid_minutes, 1))
    return max(wished, timedelta(minutes=site.settings.length_min_minutes)) if wished is not None else least


def sellable(site: Site, policy: Policy, window: Interval, now: datetime) -> list[Interval]:
    """The stretches of a window in which a booking made now may lie, cut to the site's grid; the past is never free."""
    start, end = max(window.start, first_start(site, policy, now)), window.end
    if start >= end or start > last_start(site, now):
        return []
    stretches = [Interval(start, end)]
    if not site.hours.always:
        first, last = local_date(start, site.zone), local_date(end, site.zone)
        stretches = intersect(stretches, open_intervals(site.hours, first, last + _DAY, site.zone))
    return [cut for each in stretches if (cut := on_whole_grid(each, site)) is not None]


def on_whole_grid(interval: Interval, site: Site) -> Interval | None:
    """The longest part whose ends lie on the site's grid, or None when there is none."""
    grid = site.settings.grid_minutes
    if not grid:
        return interval
    start = next_on_grid(interval.start, grid, site.zone)
    end = interval.end
    if not on_grid(end, grid, site.zone):
        # the grid starts anew at midnight, so its last step may be a short one
        end = next_on_grid(interval.end - grid * _MINUTE, grid, site.zone)
        while (following := next_on_grid(end + _MINUTE, grid, site.zone)) <= interval.end:
            end = following
    return Interval(start, end) if start < end else None


def free_time(
    stretches: Sequence[Interval], taken: Iterable[Interval], site: Site, *, at_least: timedelta
) -> list[Interval]:
    """What is left of the sellable stretches for bookings of `at_least`; each needs its cleaning time behind it."""
    buffer = timedelta(minutes=site.settings.buffer_minutes)
    shadows = [Interval(each.start - buffer, each.end) for each in taken]
    if not shadows:
        return [each for each in stretches if each.length >= at_least]
    left = (on_whole_grid(each, site) for each in subtract(stretches, shadows))
    return [each for each in left if each is not None and each.length >= at_least]


def stay_nights(site: Site, first: date, count: int) -> list[Interval]:
    """Each night of a stay as its own interval, check-in to check-out."""
    return [
        nights(first + number * _DAY, 1, check_in=site.check_in, check_out=site.check_out, zone=site.zone)[0]
        for number in range(count)
    ]


def free_runs(nights_in_order: Sequence[Interval], taken: Sequence[Interval], *, at_least: int) -> list[Interval]:
    """The longest stays of at least so many nights in a row that nothing taken touches, in order."""
    runs: list[Interval] = []
    first = 0
    while first < len(nights_in_order):
        start, last = nights_in_order[first].start, first
        # one stay also needs the hours between check-out and check-in that lie inside it
        while last < len(nights_in_order) and not _touched(Interval(start, nights_in_order[last].end), taken):
            last += 1
        if last - first >= at_least:
            runs.append(Interval(start, nights_in_order[last - 1].end))
        first = max(last, first + 1)
    return runs


def _touched(stay: Interval, taken: Iterable[Interval]) -> bool:
    return any(each.overlaps(stay) for each in taken)
