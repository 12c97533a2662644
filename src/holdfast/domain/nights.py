"""Nights of a stay: from the check-in hour of one local date to the check-out hour of a later one.

Refuses to count hours: a night during which clocks change is still one night.
"""

from datetime import date, datetime, time, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import (
    YEAR_MAX,
    YEAR_MIN,
    YEARS_EXPECTED,
    as_given,
    day_exists,
    local_date,
    resolve,
)

NIGHTS_MAX = 3_660

_DAY = timedelta(days=1)


def nights(
    arrival: date, count: int, *, check_in: time, check_out: time, zone: ZoneInfo
) -> tuple[Interval, tuple[str, ...]]:
    """The interval of `count` nights from `arrival` on, and a note for each end that a rule had to resolve.

    Raises: Refusal invalid_time for a count outside 1 to 3660, and an arrival date that clocks skipped whole.
    """
    if type(count) is not int or not 1 <= count <= NIGHTS_MAX:
        _refuse("nights", count, f"1 to {NIGHTS_MAX} nights")
    if not YEAR_MIN <= arrival.year <= YEAR_MAX:
        _refuse("date", arrival, YEARS_EXPECTED)
    if not day_exists(arrival, zone):
        _refuse("date", arrival, f"a date that {zone.key} has")
    start = resolve(datetime.combine(arrival, check_in), zone)
    end = resolve(datetime.combine(arrival + count * _DAY, check_out), zone)
    notes = tuple(each.note for each in (start, end) if each.note is not None)
    return Interval(start.instant, end.instant), notes


def nights_between(interval: Interval, zone: ZoneInfo) -> list[date]:
    """The local dates on whose evening the stay is under way and lasts into the next date; none for day use.

    A date that the zone left out is not slept.
    """
    first = local_date(interval.start, zone)
    count = (local_date(interval.end, zone) - first).days
    days = [first + i * _DAY for i in range(max(count, 0))]
    return [day for day in days if day_exists(day, zone)]


def _refuse(field: str, given: object, expected: str) -> NoReturn:
    raise Refusal("invalid_time", field=field, given=as_given(given), expected=expected)
