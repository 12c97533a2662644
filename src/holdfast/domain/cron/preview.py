"""The next ticks of a schedule as somebody would like to see them before saying yes: local time, and what a change of
clocks does to them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.cron.clocks import Stretch, stretches
from holdfast.domain.cron.expression import Every, Expression, Rules, Schedule
from holdfast.domain.cron.search import next_local
from holdfast.domain.cron.walk import CRON_RULES, next_tick

COUNT_MAX = 100
LOOK_AHEAD = timedelta(days=400)
_SECOND = timedelta(seconds=1)


class Previewed(msgspec.Struct, frozen=True):
    """One tick to come."""

    at: datetime
    local: str


class Warned(msgspec.Struct, frozen=True):
    """A change of clocks that moves, drops or doubles a tick."""

    at: datetime
    kind: str
    says: str


class Preview(msgspec.Struct, frozen=True):
    ticks: list[Previewed]
    warnings: list[Warned]


def preview(
    schedule: Schedule, after: datetime, zone: ZoneInfo, *, count: int = 10, rules: Rules = CRON_RULES
) -> Preview:
    """The next `count` ticks, and what the clock's changes up to the last of them, or within 400 days, do to ticks."""
    ticks = list(islice(_following(schedule, after, zone, rules), min(count, COUNT_MAX)))
    shown = [Previewed(tick, tick.astimezone(zone).isoformat(" ")) for tick in ticks]
    if isinstance(schedule, Every) or not ticks:
        return Preview(shown, [])
    until = min(max(ticks[-1], after + timedelta(days=1)), after + LOOK_AHEAD)
    found = [_warned(schedule, stretch, zone, rules) for stretch in stretches(zone, after, until)]
    return Preview(shown, [warned for warned in found if warned is not None and warned.at > after])


def _following(schedule: Schedule, after: datetime, zone: ZoneInfo, rules: Rules) -> Iterator[datetime]:
    tick = next_tick(schedule, after, zone, rules)
    while tick is not None:
        yield tick
        tick = next_tick(schedule, tick, zone, rules)


def _warned(schedule: Expression, stretch: Stretch, zone: ZoneInfo, rules: Rules) -> Warned | None:
    shown, first = stretch.shown_until, stretch.first
    if shown is None:
        return None
    if first > shown:
        local = next_local(schedule, shown, first)
        if local is None:
            return None
        at = stretch.start.astimezone(zone)
        runs = next_tick(schedule, stretch.start - _SECOND, zone, rules) == stretch.start
        kind, then = ("moved", f"it runs at {at:%H:%M} instead") if runs else ("dropped", "it does not run then")
        return Warned(stretch.start, kind, f"{local:%Y-%m-%d %H:%M} does not exist in {zone.key}: {then}")
    local = next_local(schedule, first, shown)
    if local is None:
        return None
    again = (local - stretch.offset).replace(tzinfo=stretch.start.tzinfo)
    runs = next_tick(schedule, again - _SECOND, zone, rules) == again
    kind, then = ("doubled", "it runs both times") if runs else ("once", "it runs the first time only")
    return Warned(again, kind, f"{local:%Y-%m-%d %H:%M} occurs twice in {zone.key}: {then}")
