"""The few cron rules that stores need until the engine of jobs tells theirs: hours and minutes, lists and steps.

Refuses days, months and weekdays other than `*` rather than to understand them half.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import to_local

_MINUTE = timedelta(minutes=1)
_LOOK_MINUTES = 3 * 24 * 60
"""No rule of hours and minutes is silent for longer, whatever clocks do."""


def following(rule: str, after: datetime, zone: ZoneInfo) -> datetime:
    """The first whole minute behind `after` that the rule names on the zone's clock. An hour that is shown twice is
    due twice, one that is left out is not due.

    Raises:
        Refusal: `invalid_request` for a rule that is not understood.
    """
    minutes, hours = parsed(rule)
    at = after.replace(second=0, microsecond=0) + _MINUTE
    for _ in range(_LOOK_MINUTES):
        local = to_local(at, zone)
        if local.hour not in hours:
            at += timedelta(minutes=60 - local.minute)
        elif local.minute in minutes:
            return at
        else:
            at += _MINUTE
    raise Refusal("invalid_request", field="rule", given=rule[:60], problem="is never due")


@lru_cache(maxsize=256)
def parsed(rule: str) -> tuple[frozenset[int], frozenset[int]]:
    """The minutes and hours of a rule.

    Raises:
        Refusal: `invalid_request`.
    """
    parts = rule.split()
    if len(parts) != 5 or parts[2:] != ["*", "*", "*"]:
        expected = "minutes and hours, such as `0 * * * *`, `*/15 8-18 * * *` or `30 6,18 * * *`"
        raise Refusal("invalid_request", field="rule", given=rule[:60], expected=expected)
    return _numbers(parts[0], 60, rule), _numbers(parts[1], 24, rule)


def _numbers(text: str, end: int, rule: str) -> frozenset[int]:
    found: set[int] = set()
    for piece in text.split(","):
        span, _, step = piece.partition("/")
        first, dash, last = span.partition("-")
        try:
            start = 0 if span == "*" else int(first)
            stop = end - 1 if span == "*" or (step and not dash) else int(last if dash else first)
            by = int(step) if step else 1
        except ValueError:
            start, stop, by = 0, -1, 1
        if not 0 <= start <= stop < end or by < 1:
            raise Refusal("invalid_request", field="rule", given=rule[:60], problem=f"{piece!r} is not understood")
        found.update(range(start, stop + 1, by))
    return frozenset(found)
