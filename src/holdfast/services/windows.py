"""The windows that lists and boards are asked for: instants, local times, or whole days of the site."""

from datetime import datetime, timedelta

from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import parse_date, parse_instant, start_of_day
from holdfast.domain.sites import Site

WINDOW_DAYS_MAX = 92
_DATE_CHARS = 10
_SHIFTS_OF_CLOCKS = timedelta(hours=2)


def edge(site: Site, text: str, field: str) -> datetime:
    """The instant that a window starts or ends at; a date alone means the start of that day in the site's zone.

    Raises:
        Refusal: `invalid_time`.
    """
    if len(text) == _DATE_CHARS:
        return start_of_day(parse_date(text, field=field), site.zone)
    return parse_instant(text, site.zone, field=field).instant


def checked(start: datetime, end: datetime) -> Interval:
    """The window between two instants, at most 92 days.

    Raises:
        Refusal: `invalid_time`, `too_long`.
    """
    if end <= start:
        raise Refusal("invalid_time", field="to", problem="is not after `from`")
    if end - start > timedelta(days=WINDOW_DAYS_MAX) + _SHIFTS_OF_CLOCKS:
        problem = f"ask for at most {WINDOW_DAYS_MAX} days at once"
        raise Refusal("too_long", field="to", problem=problem, days_max=WINDOW_DAYS_MAX)
    return Interval(start, end)
