"""Recurring bookings: an RFC 5545 rule becomes the list of its occurrences, each on the site's local clock.

The rule speaks of dates; the time of day is the first booking's, so 9:00 stays 9:00 when clocks change.
Refuses rules that do not end, that repeat within a day, or whose search would take long; books nothing.
"""

import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import msgspec
from dateutil import rrule

from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import (
    YEAR_MAX,
    YEAR_MIN,
    Resolved,
    as_given,
    day_exists,
    resolve,
    to_local,
)

RULE_CHARS_MAX = 500
OCCURRENCES_MAX = 366
INTERVAL_MAX = 999
POSITIONS_MAX = 31

_FREQUENCIES: dict[str, Any] = {
    "YEARLY": rrule.YEARLY,
    "MONTHLY": rrule.MONTHLY,
    "WEEKLY": rrule.WEEKLY,
    "DAILY": rrule.DAILY,
}
_TOO_FREQUENT = frozenset({"HOURLY", "MINUTELY", "SECONDLY"})
# Periods that a search may look at: about a century of each, and at most about 0.1 s of work.
_STEPS_MAX = {"YEARLY": 130, "MONTHLY": 1_300, "WEEKLY": 5_500, "DAILY": 37_000}
_WEEKDAYS = {str(each): each for each in (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)}
_NUMBER = re.compile(r"[+-]?[0-9]{1,4}")
_BY_DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"[0-9]{8}(?:T[0-9]{6}(Z?))?")
# Lists of numbers: dateutil's name, the largest value, whether it may be counted from the end.
_BY_NUMBER = {
    "BYMONTH": ("bymonth", 12, False),
    "BYMONTHDAY": ("bymonthday", 31, True),
    "BYYEARDAY": ("byyearday", 366, True),
    "BYWEEKNO": ("byweekno", 53, True),
    "BYSETPOS": ("bysetpos", 366, True),
}
# RFC 5545, 3.3.10: what a part cannot be combined with.
_NOT_WITH = {
    "BYMONTHDAY": {"WEEKLY"},
    "BYYEARDAY": {"DAILY", "WEEKLY", "MONTHLY"},
    "BYWEEKNO": {"DAILY", "WEEKLY", "MONTHLY"},
}
_CLOCK_PARTS = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})
_MIDNIGHT = time()
_DAY = timedelta(days=1)


class Nights(msgspec.Struct, frozen=True, gc=False):
    """A length in nights: until `check_out` on the `count`-th date after the start."""

    count: int
    check_out: time


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """One booking of the series: its local date, when it takes place, and what local clocks made of it."""

    date: date
    interval: Interval
    notes: tuple[str, ...] = ()


def expand(
    rule_text: str,
    first_local: datetime,
    length: timedelta | Nights,
    zone: ZoneInfo,
    *,
    limit: int = OCCURRENCES_MAX,
    exclude: Collection[date] = (),
) -> list[Occurrence]:
    """All occurrences in order, from `first_local` (naive) on, without the local dates of `exclude`.

    `first_local` itself occurs only when it matches the rule. A `timedelta` is counted on the local clock.
    Excluded dates use up COUNT and `limit`, as in the RFC. A date that the zone left out does not occur.
    Raises: Refusal invalid_recurrence for a rule that is malformed, endless, over `limit` or matches nothing.
    """
    if first_local.tzinfo is not None:
        raise ValueError("the first occurrence is given on the local clock, without an offset")
    rule = _parse(rule_text, zone, limit)
    if not YEAR_MIN <= first_local.year <= YEAR_MAX:
        _refuse(rule_text, "the first date is out of bounds", f"start in a year from {YEAR_MIN} to {YEAR_MAX}")
    found: list[Occurrence] = []
    clock = first_local.time().replace(fold=0)
    for day in _dates(rule, rule_text, first_local.date(), limit):
        start = resolve(datetime.combine(day, clock), zone)
        if rule.until is not None and start.instant > rule.until:
            break
        if day not in exclude and day_exists(day, zone):
            found.append(_occurrence(day, start, length, zone))
    if not found:
        _refuse(rule_text, "no date matches", "check BYDAY, BYMONTHDAY, UNTIL and the excluded dates")
    return found


class _Rule(msgspec.Struct, frozen=True):
    frequency: str
    interval: int
    count: int | None
    until: datetime | None
    last_day: date | None
    by: dict[str, Any]


class _SearchedTooLong(Exception):
    pass


class _CountedInterval(int):
    """An INTERVAL that counts how often it is used.

    dateutil looks at UNTIL only when a date matches, so a rule that never matches (30 February) is searched
    up to the year 9999. Every period it goes on to adds the interval: the one place to stop it from outside.
    """

    steps_left: int

    def __radd__(self, other: int) -> int:
        self._step()
        return other + int(self)

    def __mul__(self, other: int) -> int:
        self._step()
        return int(self) * other

    def _step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise _SearchedTooLong


def _dates(rule: _Rule, text: str, first: date, limit: int) -> list[date]:
    interval = _CountedInterval(rule.interval)
    interval.steps_left = _STEPS_MAX[rule.frequency]
    dates: list[date] = []
    source = rrule.rrule(
        _FREQUENCIES[rule.frequency],
        dtstart=datetime.combine(first, _MIDNIGHT),
        interval=interval,
        count=rule.count,
        until=None if rule.last_day is None else datetime.combine(rule.last_day, _MIDNIGHT),
        **rule.by,
    )
    try:
        for each in source:
            if each.year > YEAR_MAX:
                _refuse(
                    text,
                    f"it goes beyond the year {YEAR_MAX}",
                    "lower COUNT or INTERVAL, or set UNTIL earlier",
                )
            if len(dates) == limit:
                _refuse(text, f"more than {limit} occurrences", "set UNTIL earlier, or split the series")
            dates.append(each.date())
            # dateutil would look for one more match before it stops, however far away.
            if len(dates) == rule.count:
                break
    except _SearchedTooLong:
        # Up to UNTIL everything was found; a COUNT that a century cannot fill was not.
        if rule.count is not None:
            why = "no date matches" if not dates else f"only {len(dates)} dates match in a century"
            _refuse(text, why, "check that the parts fit together (30 February never comes), or lower COUNT")
    return dates


def _occurrence(day: date, start: Resolved, length: timedelta | Nights, zone: ZoneInfo) -> Occurrence:
    if isinstance(length, Nights):
        ends = datetime.combine(day + length.count * _DAY, length.check_out)
    else:
        # From what clocks show at the start: a start moved out of a gap moves its end along.
        ends = to_local(start.instant, zone).replace(tzinfo=None) + length
    end = resolve(ends, zone)
    if end.instant <= start.instant:
        raise ValueError("the length of an occurrence must be positive")
    notes = tuple(each.note for each in (start, end) if each.note is not None)
    return Occurrence(day, Interval(start.instant, end.instant), notes)


def _parse(text: str, zone: ZoneInfo, limit: int) -> _Rule:
    parts = _parts(text)
    frequency = parts.pop("FREQ", None)
    if frequency in _TOO_FREQUENT:
        _refuse(text, f"FREQ={frequency} repeats within a day", "use DAILY, WEEKLY, MONTHLY or YEARLY")
    if frequency not in _FREQUENCIES:
        _refuse(text, "FREQ is missing or unknown", "add FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")
    for name in parts:
        if frequency in _NOT_WITH.get(name, ()):
            _refuse(text, f"{name} cannot be used with FREQ={frequency}", "use FREQ=YEARLY or MONTHLY")
    count = _count(text, parts.pop("COUNT", None), limit)
    until, last_day = _until(text, parts.pop("UNTIL", None), zone)
    if count is None and last_day is None:
        _refuse(text, "it never ends", f"add COUNT=… (at most {limit}) or UNTIL=…")
    if count is not None and last_day is not None:
        _refuse(text, "COUNT and UNTIL exclude each other", "keep one of them")
    interval = _integer(text, "INTERVAL", parts.pop("INTERVAL", "1"), 1, INTERVAL_MAX)
    return _Rule(frequency, interval, count, until, last_day, _by(text, parts, frequency))


def _parts(text: str) -> dict[str, str]:
    if not isinstance(text, str) or not text.strip():
        _refuse(text, "it is empty", "write a rule such as FREQ=WEEKLY;BYDAY=MO;COUNT=10")
    if len(text) > RULE_CHARS_MAX:
        _refuse(text, f"it has {len(text)} characters", f"use at most {RULE_CHARS_MAX}")
    rule = text.strip().upper().removeprefix("RRULE:")
    if "DTSTART" in rule or "EXDATE" in rule or "RDATE" in rule or "\n" in rule:
        _refuse(text, "only the rule itself belongs here", "give first date and excluded dates beside it")
    parts: dict[str, str] = {}
    for part in rule.rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            _refuse(text, f"{as_given(part)!r} is not NAME=VALUE", "separate parts by ; as in FREQ=DAILY;COUNT=5")
        if name in _CLOCK_PARTS:
            _refuse(text, f"{name} sets a time of day", "leave it out; the first booking's time is kept")
        if name in parts:
            _refuse(text, f"{name} is there twice", "keep one")
        parts[name] = value
    return parts


def _count(text: str, value: str | None, limit: int) -> int | None:
    if value is None:
        return None
    count = _integer(text, "COUNT", value, 1, 9_999)
    if count > limit:
        _refuse(text, f"COUNT={count} is more than {limit}", f"use at most {limit}, or split the series")
    return count


def _until(text: str, value: str | None, zone: ZoneInfo) -> tuple[datetime | None, date | None]:
    """The last instant (None for a bare date, which counts whole) and the last local date."""
    if value is None:
        return None, None
    hint = "write UNTIL=20261231, UNTIL=20261231T090000 (local) or UNTIL=20261231T090000Z (UTC)"
    match = _UNTIL.fullmatch(value)
    if match is None:
        _refuse(text, "UNTIL is not a date or time", hint)
    try:
        read = datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S" if "T" in value else "%Y%m%d")
    except ValueError:
        _refuse(text, "UNTIL is not in the calendar", hint)
    if not YEAR_MIN <= read.year <= YEAR_MAX:
        _refuse(text, "UNTIL is out of bounds", f"use a year from {YEAR_MIN} to {YEAR_MAX}")
    if "T" not in value:
        return None, read.date()
    if match[1]:
        instant = read.replace(tzinfo=UTC)
        return instant, to_local(instant, zone).date()
    return resolve(read, zone).instant, read.date()


def _by(text: str, parts: dict[str, str], frequency: str) -> dict[str, Any]:
    by: dict[str, Any] = {"wkst": rrule.MO}
    for name, value in parts.items():
        if name == "WKST":
            if value not in _WEEKDAYS:
                _refuse(text, "WKST is no weekday", "use MO, TU, WE, TH, FR, SA or SU")
            by["wkst"] = _WEEKDAYS[value]
        elif name == "BYDAY":
            by["byweekday"] = _by_day(text, value, parts, frequency)
        elif name in _BY_NUMBER:
            argument, largest, from_end = _BY_NUMBER[name]
            smallest = -largest if from_end else 1
            by[argument] = sorted({_integer(text, name, each, smallest, largest) for each in value.split(",")})
        else:
            _refuse(text, f"{as_given(name)!r} is unknown", "use FREQ, INTERVAL, COUNT, UNTIL, WKST and BY… parts")
    if "bysetpos" in by:
        if len(by["bysetpos"]) > POSITIONS_MAX:
            _refuse(text, "BYSETPOS has too many values", f"use at most {POSITIONS_MAX}")
        if not {"byweekday", "bymonth", "bymonthday", "byyearday", "byweekno"} & by.keys():
            _refuse(text, "BYSETPOS needs something to pick from", "add a part such as BYDAY=MO,TU")
    return by


def _by_day(text: str, value: str, parts: dict[str, str], frequency: str) -> list[Any]:
    in_month = frequency == "MONTHLY" or "BYMONTH" in parts
    largest = 5 if in_month else 53
    days: list[Any] = []
    for each in value.split(","):
        match = _BY_DAY.fullmatch(each)
        if match is None:
            _refuse(
                text,
                f"{as_given(each)!r} is no weekday",
                "use MO, TU, WE, TH, FR, SA or SU, as in BYDAY=-1FR",
            )
        weekday: Callable[[int], Any] = _WEEKDAYS[match[2]]
        if match[1] is None:
            days.append(weekday)
            continue
        number = int(match[1])
        if frequency in ("WEEKLY", "DAILY") or "BYWEEKNO" in parts:
            _refuse(
                text,
                f"BYDAY={each} counts weekdays of a month or year",
                "use FREQ=MONTHLY, or drop the number",
            )
        if number == 0 or abs(number) > largest:
            _refuse(text, f"BYDAY={each} is out of bounds", f"use 1 to {largest}, or -1 to -{largest}")
        days.append(weekday(number))
    return days


def _integer(text: str, name: str, value: str, smallest: int, largest: int) -> int:
    number = int(value) if _NUMBER.fullmatch(value) else 0
    if number == 0 or not smallest <= number <= largest:
        bounds = f"{smallest} to {largest}" + (", but not 0" if smallest < 0 else "")
        _refuse(text, f"{name}={as_given(value)} is out of bounds", f"use a whole number from {bounds}")
    return number


def _refuse(text: object, why: str, hint: str) -> NoReturn:
    raise Refusal("invalid_recurrence", field="rule", given=as_given(text), problem=why, hint=hint)
