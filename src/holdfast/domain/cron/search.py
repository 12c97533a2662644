"""The nearest local time that an expression names, forwards and backwards, on a clock that never changes."""

from datetime import datetime

from holdfast.domain.cron.expression import Expression
from holdfast.domain.local_time import YEAR_MAX, YEAR_MIN


def next_local(expression: Expression, at: datetime, before: datetime | None = None) -> datetime | None:
    """The first naive local time from `at` on that the expression names; None when there is none before `before`."""
    year, month, day = at.year, at.month, at.day
    clock = _next_clock(expression, at.hour, at.minute, at.second + (at.microsecond > 0))
    if clock is None:
        day += 1
    while year <= YEAR_MAX:
        if expression.months >> month & 1:
            found = expression.days.in_month(year, month) >> day << day
            if found:
                first = (found & -found).bit_length() - 1
                if clock is None or first != at.day or (year, month) != (at.year, at.month):
                    clock = _next_clock(expression, 0, 0, 0)
                assert clock is not None
                there = datetime(year, month, first, *clock)
                return there if before is None or there < before else None
        day, month = 1, month + 1
        if month == 13:
            year, month = year + 1, 1
        if before is not None and (year, month) > (before.year, before.month):
            return None
    return None


def prev_local(expression: Expression, at: datetime) -> datetime | None:
    """The last naive local time up to `at` that the expression names; None when there is none."""
    year, month, day = at.year, at.month, at.day
    clock = _prev_clock(expression, at.hour, at.minute, at.second)
    if clock is None:
        day -= 1
    while year >= YEAR_MIN - 1:
        if expression.months >> month & 1:
            found = expression.days.in_month(year, month) & ((1 << day + 1) - 1)
            if found:
                last = found.bit_length() - 1
                if clock is None or last != at.day or (year, month) != (at.year, at.month):
                    clock = _prev_clock(expression, 23, 59, 59)
                assert clock is not None
                return datetime(year, month, last, *clock)
        day, month = 31, month - 1
        if month == 0:
            year, month = year - 1, 12
    return None


def _next_clock(expression: Expression, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
    if expression.hours >> hour & 1:
        if expression.minutes >> minute & 1 and (at := _low(expression.seconds, second)) is not None:
            return hour, minute, at
        if (later := _low(expression.minutes, minute + 1)) is not None:
            return hour, later, _first(expression.seconds)
    if (later := _low(expression.hours, hour + 1)) is not None:
        return later, _first(expression.minutes), _first(expression.seconds)
    return None


def _prev_clock(expression: Expression, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
    if expression.hours >> hour & 1:
        if expression.minutes >> minute & 1 and (at := _high(expression.seconds, second)) is not None:
            return hour, minute, at
        if (earlier := _high(expression.minutes, minute - 1)) is not None:
            return hour, earlier, _last(expression.seconds)
    if (earlier := _high(expression.hours, hour - 1)) is not None:
        return earlier, _last(expression.minutes), _last(expression.seconds)
    return None


def _low(mask: int, at: int) -> int | None:
    found = mask >> at << at
    return (found & -found).bit_length() - 1 if found else None


def _high(mask: int, at: int) -> int | None:
    found = mask & ((1 << at + 1) - 1) if at >= 0 else 0
    return found.bit_length() - 1 if found else None


def _first(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _last(mask: int) -> int:
    return mask.bit_length() - 1
