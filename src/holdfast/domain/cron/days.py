"""Which days of a month a schedule is for: both day fields together, with the last day, the nearest weekday, the n-th
weekday. Days are bits 1 to 31."""

import re
from calendar import monthrange
from functools import lru_cache

import msgspec

from holdfast.domain.cron.fields import DAY, WEEKDAY, bits, refuse, value

_LAST = re.compile(r"l(?:-(?P<before>[0-9]{1,2}))?(?P<workday>w)?")
_NEAREST = re.compile(r"(?P<day>[0-9]{1,2})w")
_NTH = re.compile(r"(?P<day>[a-z0-9]+)#(?P<nth>[0-9]+)")
_LAST_OF = re.compile(r"(?P<day>[a-z0-9]+)l")
BEFORE_LAST_MAX = 30


class Days(msgspec.Struct, frozen=True):
    """The two day fields. With either of them starting with a star both must fit, else one of them is enough: so did
    cron from the beginning, and so it reads `*/2` too."""

    days: int = 0
    lasts: tuple[int, ...] = ()
    """How many days before the last one."""
    last_workdays: tuple[int, ...] = ()
    nearest: tuple[int, ...] = ()
    """The weekday nearest to each of these days, within the month."""
    weekdays: int = 0
    nths: tuple[tuple[int, int], ...] = ()
    """(weekday, n-th of the month)"""
    last_weekdays: tuple[int, ...] = ()
    both: bool = True

    def in_month(self, year: int, month: int) -> int:
        return _in_month(self, year, month)


def parse_days(day: str, weekday: str) -> Days:
    """Raises:
    Refusal: `invalid_schedule`.
    """
    days = 0
    lasts: list[int] = []
    last_workdays: list[int] = []
    nearest: list[int] = []
    for part in day.split(","):
        if match := _LAST.fullmatch(part):
            before = int(match["before"] or 0)
            if before > BEFORE_LAST_MAX:
                refuse(DAY.name, part, f"no month has a day {before} days before its last")
            (last_workdays if match["workday"] else lasts).append(before)
        elif match := _NEAREST.fullmatch(part):
            nearest.append(value(match["day"], DAY))
        else:
            days |= bits(part, DAY)
    weekdays = 0
    nths: list[tuple[int, int]] = []
    last_weekdays: list[int] = []
    for part in weekday.split(","):
        if match := _NTH.fullmatch(part):
            if not 1 <= int(match["nth"]) <= 5:
                refuse(WEEKDAY.name, part, "a month has a weekday at most five times: # takes 1 to 5")
            nths.append((value(match["day"], WEEKDAY) % 7, int(match["nth"])))
        elif part == "l":
            weekdays |= 1 << 6  # as Quartz: a lone L is the week's last day
        elif match := _LAST_OF.fullmatch(part):
            last_weekdays.append(value(match["day"], WEEKDAY) % 7)
        else:
            weekdays |= bits(part, WEEKDAY)
    both = day[0] in "*?" or weekday[0] in "*?"
    return Days(
        days, tuple(lasts), tuple(last_workdays), tuple(nearest), weekdays, tuple(nths), tuple(last_weekdays), both
    )


@lru_cache(maxsize=4096)
def _in_month(days: Days, year: int, month: int) -> int:
    monday_first, length = monthrange(year, month)
    first = (monday_first + 1) % 7
    by_day = days.days & ((1 << length + 1) - 2)
    for before in days.lasts:
        if before < length:
            by_day |= 1 << length - before
    for before in days.last_workdays:
        if before < length:
            by_day |= 1 << _workday_before(length - before, first)
    for day in days.nearest:
        if day <= length:
            by_day |= 1 << _nearest_workday(day, first, length)
    by_weekday = 0
    for day in range(1, length + 1):
        if days.weekdays >> (first + day - 1) % 7 & 1:
            by_weekday |= 1 << day
    for weekday, nth in days.nths:
        day = 1 + (weekday - first) % 7 + 7 * (nth - 1)
        if day <= length:
            by_weekday |= 1 << day
    for weekday in days.last_weekdays:
        last = (first + length - 1) % 7
        by_weekday |= 1 << length - (last - weekday) % 7
    return by_day & by_weekday if days.both else by_day | by_weekday


def _workday_before(day: int, first: int) -> int:
    weekday = (first + day - 1) % 7
    back = {6: 1, 0: 2}.get(weekday, 0)
    return day - back if day > back else day + (2 if weekday == 6 else 1)


def _nearest_workday(day: int, first: int, length: int) -> int:
    weekday = (first + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day
