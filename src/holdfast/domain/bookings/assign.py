"""Which units a category booking gets: the tightest fit, and a party together."""

from collections import Counter
from datetime import datetime, timedelta

from holdfast.domain.bookings.rules import overstayed
from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState
from holdfast.domain.units import UNSERVICEABLE, Unit

MARGIN = timedelta(days=1)
"""How far around an interval a gap's length still matters to the fit."""
_NONE = timedelta(0)
_UNTOUCHED = 2 * MARGIN


def assign(
    state: SiteState, category: str, count: int, *, start: datetime, end: datetime, walk_in: bool = False
) -> tuple[int, ...]:
    """`count` free units of a category for [start, end): together under one parent if any parent has room,
    else next to each other by code; among those the ones that leave the smallest gaps. A walk-in gets units that are
    ready and empty, while there are any.

    Raises:
        Refusal: `unknown_category`; `slot_taken` when fewer are free; `not_bookable` when none is in service.
    """
    slack = {unit_id: _slack(state, unit_id, start, end) for unit_id in _serviceable(state, category)}
    free = [state.units[unit_id] for unit_id, left in slack.items() if left is not None]
    if walk_in:
        free = _ready_first(state, free, count)
    if len(free) < count:
        raise Refusal("slot_taken", blocking=[], category=category, free=len(free), wanted=count)
    if count == 1:
        return (min(free, key=lambda unit: (slack[unit.id], unit.code)).id,)
    return tuple(unit.id for unit in _together(free, count, slack))


def longest_free(state: SiteState, category: str, count: int, *, start: datetime, limit: datetime) -> tuple[int, ...]:
    """The `count` units of a category that stay free longest from `start`, for walk-ins without an end.

    Raises:
        Refusal: `unknown_category`, `not_bookable`, `slot_taken`.
    """
    until = {unit_id: free_until(state, unit_id, start, limit) for unit_id in _serviceable(state, category)}
    free = _ready_first(state, [state.units[unit_id] for unit_id, end in until.items() if end > start], count)
    if len(free) < count:
        raise Refusal("slot_taken", blocking=[], category=category, free=len(free), wanted=count)
    free.sort(key=lambda unit: (-until[unit.id].timestamp(), unit.code))
    return tuple(unit.id for unit in free[:count])


def _ready_first(state: SiteState, free: list[Unit], count: int) -> list[Unit]:
    """Those of the free units that nobody is still in; without the dirty ones, if enough are left."""
    empty = [unit for unit in free if not overstayed(state, unit.id)]
    ready = [unit for unit in empty if unit.condition != "dirty"]
    return ready if len(ready) >= count else empty


def free_until(state: SiteState, unit_id: int, start: datetime, limit: datetime) -> datetime:
    """The start of the first claim in [start, limit), else `limit`; not after `start` when it is taken already."""
    found = state.taken(unit_id, start, limit)
    return found[0].start if found else limit


def _serviceable(state: SiteState, category: str) -> list[int]:
    in_category = state.categories.get(category)
    if not in_category:
        raise Refusal("unknown_category", category=category)
    serviceable = [unit_id for unit_id in in_category if state.units[unit_id].condition not in UNSERVICEABLE]
    if not serviceable:
        raise Refusal("not_bookable", category=category)
    return serviceable


def _together(free: list[Unit], count: int, slack: dict[int, timedelta | None]) -> list[Unit]:
    """The run of `count` neighbours in the fewest rooms, then with the least slack: one pass over the free units."""
    free = sorted(free, key=lambda unit: (unit.parent_id or 0, unit.code))
    left = [slack[unit.id] or _NONE for unit in free]
    rooms = Counter(unit.parent_id for unit in free[:count])
    total = sum(left[:count], _NONE)
    best, best_cost = 0, (len(rooms), total)
    for last in range(count, len(free)):
        leaving = free[last - count].parent_id
        rooms[leaving] -= 1
        if not rooms[leaving]:
            del rooms[leaving]
        rooms[free[last].parent_id] += 1
        total += left[last] - left[last - count]
        if (len(rooms), total) < best_cost:
            best, best_cost = last - count + 1, (len(rooms), total)
    return free[best : best + count]


def _slack(state: SiteState, unit_id: int, start: datetime, end: datetime) -> timedelta | None:
    """How much time is left unused on both sides of [start, end) up to a unit's neighbouring claims, at most `MARGIN`
    each; None when it is taken. Little is a tight fit, that keeps long gaps whole elsewhere."""
    timeline = state.timelines.get(unit_id)
    if timeline is None:
        return _UNTOUCHED
    fit = timeline.fit(start, end)
    if fit is None:
        return None
    before, after = fit
    left = MARGIN if before is None else min(start - before, MARGIN)
    return left + (MARGIN if after is None else min(after - end, MARGIN))
