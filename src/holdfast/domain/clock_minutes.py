"""Clock times of settings ("08:00", "24:00") as minutes since local midnight, and as instants of a date.

Minutes from 1440 on belong to the next date. Refuses anything finer than a minute.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import as_given, reached

DAY_MINUTES = 1440

_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")


def parse_clock(value: object, field: str) -> int:
    """Minutes since midnight of "HH:MM", 0 to 1440 ("24:00").

    Raises: Refusal invalid_settings for anything else.
    """
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    minutes = int(match[1]) * 60 + int(match[2]) if match else DAY_MINUTES + 1
    if minutes > DAY_MINUTES:
        refuse_setting(field, value, 'a time such as "08:00" or "24:00"')
    return minutes


def parse_span(value: object, field: str) -> tuple[int, int]:
    """Start and end minutes of ["22:00", "02:00"]; an end not after the start lies on the next date.

    Raises: Refusal invalid_settings when it is no pair of times or starts at "24:00".
    """
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        refuse_setting(field, value, 'a pair such as ["08:00", "22:00"]')
    start, end = parse_clock(value[0], field), parse_clock(value[1], field)
    if start == DAY_MINUTES:
        refuse_setting(field, value, 'a start before "24:00"')
    return start, end if end > start else end + DAY_MINUTES


def at_minute(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant at which local clocks first show that minute of `day`, or later."""
    if minute >= DAY_MINUTES:
        day += timedelta(days=minute // DAY_MINUTES)
        minute %= DAY_MINUTES
    return reached(datetime(day.year, day.month, day.day, minute // 60, minute % 60), zone)


def refuse_setting(field: str, given: object, expected: str) -> NoReturn:
    """Raises: Refusal invalid_settings, always."""
    raise Refusal("invalid_settings", field=field, given=as_given(given), expected=expected)
