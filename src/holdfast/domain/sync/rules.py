"""When a store's schedules are due: the rules of cron (`domain/cron`), on the store's clock, by the minute at most."""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from holdfast.domain.cron import Every, Schedule, next_tick, parse, prev_tick
from holdfast.domain.errors import Refusal

EVERY_S_MIN = 60


def following(rule: str, after: datetime, zone: ZoneInfo) -> datetime:
    """The first instant behind `after` that the rule names on the zone's clock.

    Raises:
        Refusal: `invalid_request` for a rule that is not understood or never due.
    """
    found = next_tick(parsed(rule), after, zone)
    if found is None:
        raise Refusal("invalid_request", field="rule", given=rule[:60], problem="is never due")
    return found


def preceding(rule: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The last instant up to `now` that the rule names on the zone's clock; None when there is none.

    Raises:
        Refusal: `invalid_request` for a rule that is not understood.
    """
    return prev_tick(parsed(rule), now + timedelta(microseconds=1), zone)


@lru_cache(maxsize=256)
def parsed(rule: str) -> Schedule:
    """A rule as it is understood.

    Raises:
        Refusal: `invalid_request`.
    """
    try:
        found = parse(rule)
    except Refusal as refusal:
        problem = refusal.data.get("problem", "is not understood")
        raise Refusal("invalid_request", field="rule", given=rule[:60], problem=problem) from None
    is_too_often = found.seconds < EVERY_S_MIN if isinstance(found, Every) else not found.by_minute
    if is_too_often:
        raise Refusal("invalid_request", field="rule", given=rule[:60], problem="counts in minutes, not in seconds")
    return found
