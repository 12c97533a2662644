"""When a site is open, and on which minutes its bookings may start: opening hours and time grids.

Written on the site's local clock, answered in instants. A boundary falls on the instant at which local clocks
first reach it (`local_time.reached`), so spans and slots never overlap or run backwards where clocks change.
Refuses to know of bookings. Slots and nights have their own files and are offered here as well.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.clock_minutes import DAY_MINUTES, at_minute, parse_span, refuse_setting
from holdfast.domain.intervals import Interval, merge
from holdfast.domain.local_time import as_given, start_of_day
from holdfast.domain.nights import nights, nights_between
from holdfast.domain.slots import (
    Slot,
    SlotRule,
    find_slot,
    parse_slots,
    slots_covering,
    slots_of,
)

__all__ = [
    "ALWAYS_OPEN",
    "Hours",
    "Slot",
    "SlotRule",
    "find_slot",
    "is_open",
    "next_on_grid",
    "next_opening",
    "nights",
    "nights_between",
    "on_grid",
    "open_intervals",
    "parse_hours",
    "parse_slots",
    "slots_covering",
    "slots_of",
]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPANS_PER_DAY_MAX = 24
EXCEPTIONS_MAX = 2_000
SEARCH_DAYS_MAX = 3_660

Spans = tuple[tuple[int, int], ...]

_FULL_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = {name: i for names in (WEEKDAYS, _FULL_NAMES) for i, name in enumerate(names)}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXPECTED = 'weekdays and dates, as in {"mon": [["08:00", "22:00"]], "2026-12-25": []}'
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_ALL_DAY: Spans = ((0, DAY_MINUTES),)


class Hours(msgspec.Struct, frozen=True, gc=False):
    """Opening spans in minutes since local midnight, from Monday on; an exception replaces its date's spans.

    A span belongs to the date on which it opens: an exception keeps what the eve left open past midnight.
    """

    weekly: tuple[Spans, ...]
    exceptions: dict[date, Spans]
    always: bool


ALWAYS_OPEN = Hours(weekly=(_ALL_DAY,) * 7, exceptions={}, always=True)


def parse_hours(value: object, *, field: str = "hours") -> Hours:
    """Read the setting; None and {} mean always open, and so do weekdays when only dates are given.

    Dates may stand beside the weekdays or under "exceptions". Overlapping spans of a day are joined.
    Raises: Refusal invalid_settings for unknown days, malformed or too many spans, and the same day twice.
    """
    if value is None:
        return ALWAYS_OPEN
    if not isinstance(value, Mapping):
        refuse_setting(field, value, _EXPECTED)
    weekly: dict[int, Spans] = {}
    exceptions: dict[date, Spans] = {}
    for key, spans in _entries(value, field):
        path = f"{field}.{key}"
        weekday = _WEEKDAY.get(key.lower())
        if weekday is not None:
            if weekday in weekly:
                refuse_setting(path, key, "each weekday once")
            weekly[weekday] = _parse_spans(spans, path)
        else:
            exceptions[_parse_day(key, path)] = _parse_spans(spans, path)
    if len(exceptions) > EXCEPTIONS_MAX:
        refuse_setting(field, len(exceptions), f"at most {EXCEPTIONS_MAX} dates")
    days = tuple(weekly.get(i, ()) for i in range(7)) if weekly else (_ALL_DAY,) * 7
    if not exceptions and all(_is_all_day(each) for each in days):
        return ALWAYS_OPEN
    return Hours(weekly=days, exceptions=exceptions, always=False)


def open_intervals(hours: Hours, date_from: date, date_to: date, zone: ZoneInfo) -> list[Interval]:
    """The open time from the start of `date_from` to the start of `date_to`, merged and sorted.

    Raises: ValueError for more than ten years at once.
    """
    if (date_to - date_from).days > SEARCH_DAYS_MAX:
        raise ValueError(f"opening hours are listed for at most {SEARCH_DAYS_MAX} days at once")
    start, end = start_of_day(date_from, zone), start_of_day(date_to, zone)
    if start >= end:
        return []
    if hours.always:
        return [Interval(start, end)]
    found: list[Interval] = []
    day = date_from - 2 * _DAY
    while day < date_to:
        for opens, closes in spans_on(hours, day):
            opened, closed = at_minute(day, opens, zone), at_minute(day, closes, zone)
            found.append(Interval(max(opened, start), min(closed, end)))
        day += _DAY
    return merge(found)


def is_open(hours: Hours, interval: Interval, zone: ZoneInfo) -> bool:
    """True when the site is open for the whole interval; spans that touch count as one, also at midnight."""
    if hours.always:
        return True
    begins, ends = interval.start.astimezone(zone), interval.end.astimezone(zone)
    # Clocks that did not change in between can be compared as they stand. In the second pass of an hour that
    # occurs twice they cannot: what opened in the first pass is still open.
    if not begins.fold and not ends.fold and begins.utcoffset() == ends.utcoffset():
        first = begins.hour * 60 + begins.minute
        last = ends.hour * 60 + ends.minute + (1 if ends.second or ends.microsecond else 0)
        if begins.day != ends.day:
            last += (ends.toordinal() - begins.toordinal()) * DAY_MINUTES
        today = begins.date()
        for opens, closes in spans_on(hours, today):
            if opens <= first and last <= closes:
                return True
        for opens, closes in spans_on(hours, today - _DAY):
            if opens <= first + DAY_MINUTES and last + DAY_MINUTES <= closes:
                return True
    return _is_open_by_sweep(hours, interval, zone)


def next_opening(hours: Hours, instant: datetime, zone: ZoneInfo) -> datetime | None:
    """The first open instant from `instant` on (itself, when open); None when none comes within ten years."""
    if hours.always:
        return instant
    today = instant.astimezone(zone).date()
    days: Iterable[date]
    if any(hours.weekly):
        days = (today + timedelta(days=i) for i in range(-2, SEARCH_DAYS_MAX))
    else:
        days = sorted(day for day in hours.exceptions if -2 <= (day - today).days < SEARCH_DAYS_MAX)
    for day in days:
        for opens, closes in spans_on(hours, day):
            closed = at_minute(day, closes, zone)
            if closed > instant and closed > (opened := at_minute(day, opens, zone)):
                return max(opened, instant)
    return None


def spans_on(hours: Hours, day: date) -> Spans:
    """The spans that open on that local date, in minutes since its midnight; an end may lie past 24 hours."""
    if hours.exceptions:
        exception = hours.exceptions.get(day)
        if exception is not None:
            return exception
    return hours.weekly[day.weekday()]


def on_grid(instant: datetime, grid_minutes: int, zone: ZoneInfo) -> bool:
    """True when local clocks show a whole multiple of the grid since midnight; a grid of 0 accepts all."""
    if grid_minutes <= 0:
        return True
    local = instant.astimezone(zone)
    return not ((local.hour * 60 + local.minute) % grid_minutes or local.second or local.microsecond)


def next_on_grid(instant: datetime, grid_minutes: int, zone: ZoneInfo) -> datetime:
    """The first instant from `instant` on that lies on the grid, both passes of a repeated hour included."""
    if on_grid(instant, grid_minutes, zone):
        return instant
    local = instant.astimezone(zone)
    since_midnight = timedelta(
        hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    grid = grid_minutes * _MINUTE
    # The grid starts anew at midnight, also where it does not divide the day.
    ahead = min((since_midnight // grid + 1) * grid, _DAY) - since_midnight
    candidate = instant + ahead
    if candidate.astimezone(zone).utcoffset() == local.utcoffset():
        return candidate
    # Clocks change in between: walk. A change takes at most a day, and the grid starts anew after it.
    step = instant + ((_MINUTE - since_midnight % _MINUTE) % _MINUTE)
    for _ in range(2 * DAY_MINUTES):
        if on_grid(step, grid_minutes, zone):
            return step
        step += _MINUTE
    return candidate


def _is_open_by_sweep(hours: Hours, interval: Interval, zone: ZoneInfo) -> bool:
    cursor, end = interval.start, interval.end
    day = cursor.astimezone(zone).date() - 2 * _DAY
    last_day = end.astimezone(zone).date() + _DAY
    while day <= last_day:
        for opens, closes in spans_on(hours, day):
            closed = at_minute(day, closes, zone)
            if closed <= cursor:
                continue
            # Spans open in order, so once one opens too late all others do.
            if at_minute(day, opens, zone) > cursor:
                return False
            cursor = closed
            if cursor >= end:
                return True
        day += _DAY
    return False


def _entries(value: Mapping[object, object], field: str) -> list[tuple[str, object]]:
    entries: list[tuple[str, object]] = []
    for key, spans in value.items():
        if not isinstance(key, str):
            key = key.isoformat() if isinstance(key, date) else as_given(key)
        if key != "exceptions":
            entries.append((key, spans))
        elif spans is not None:
            if not isinstance(spans, Mapping):
                refuse_setting(f"{field}.exceptions", spans, 'dates, as in {"2026-12-25": []}')
            for day, day_spans in spans.items():
                text = day.isoformat() if isinstance(day, date) else str(day)
                if not _DATE.fullmatch(text):
                    refuse_setting(f"{field}.exceptions", text, "dates such as 2026-12-25")
                entries.append((text, day_spans))
    return entries


def _parse_day(key: str, path: str) -> date:
    if _DATE.fullmatch(key):
        try:
            return date.fromisoformat(key)
        except ValueError:
            refuse_setting(path, key, "a date that the calendar has")
    refuse_setting(path, key, "one of " + ", ".join(WEEKDAYS) + " or a date such as 2026-12-25")


def _parse_spans(value: object, path: str) -> Spans:
    if isinstance(value, str) or not isinstance(value, Sequence):
        refuse_setting(path, value, 'a list of spans such as [["08:00", "22:00"]], or [] for closed')
    if len(value) > SPANS_PER_DAY_MAX:
        refuse_setting(path, len(value), f"at most {SPANS_PER_DAY_MAX} spans a day")
    joined: list[tuple[int, int]] = []
    for opens, closes in sorted(parse_span(each, f"{path}[{i}]") for i, each in enumerate(value)):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return tuple(joined)


def _is_all_day(spans: Spans) -> bool:
    return any(opens == 0 and closes >= DAY_MINUTES for opens, closes in spans)
