"""What would be free instead: the same time in another unit, and the nearest times in the same one."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from holdfast.domain.bookings.rules import check_times
from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState
from holdfast.domain.units import UNSERVICEABLE, Unit

OFFERED_MAX = 6
NEAREST_MAX = 48
WISHED_MAX = 3
_STEPS_MAX = 96


def alternatives(
    state: SiteState, wished: Iterable[Unit], others: Iterable[Unit], *, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """Up to six free offers for somebody who wished for [start, end): other units at that time first, then the wished
    units at the nearest other times on the site's grid. All claims around must have been loaded."""
    buffer = timedelta(minutes=state.site.settings.buffer_minutes)
    offers: list[dict[str, Any]] = []
    for unit in others:
        if len(offers) >= OFFERED_MAX // 2:
            break
        if _is_free(state, unit, start, end + buffer):
            offers.append(_offer(unit, start, end))
    nearest = list(islice(_nearest(state, start, end), NEAREST_MAX))
    for unit in islice(wished, WISHED_MAX):
        for moved_start, moved_end in nearest:
            if len(offers) >= OFFERED_MAX:
                return offers
            if _is_free(state, unit, moved_start, moved_end + buffer):
                offers.append(_offer(unit, moved_start, moved_end))
    return offers


def span_around(state: SiteState, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The time within which `alternatives` looks: claims in it must be loaded."""
    reach = _step(state, start, end) * _STEPS_MAX
    return start - min(reach, timedelta(days=14)), end + min(reach, timedelta(days=14))


def _step(state: SiteState, start: datetime, end: datetime) -> timedelta:
    """A site that sells by the night moves by days, one with slots by a slot, else by its grid or half an hour."""
    if state.policy.overstays:
        return timedelta(days=1)
    if state.site.slots is not None:
        return end - start
    return timedelta(minutes=state.site.settings.grid_minutes or 30)


def _nearest(state: SiteState, start: datetime, end: datetime) -> Iterable[tuple[datetime, datetime]]:
    step = _step(state, start, end)
    first, last = span_around(state, start, end)
    for count in range(1, _STEPS_MAX):
        for shift in (step * count, -step * count):
            moved = start + shift, end + shift
            if moved[0] < first or moved[1] > last:
                continue
            try:
                check_times(state, *moved)
            except Refusal:
                continue
            yield moved


def _is_free(state: SiteState, unit: Unit, start: datetime, end: datetime) -> bool:
    return unit.condition not in UNSERVICEABLE and not state.taken(unit.id, start, end)


def _offer(unit: Unit, start: datetime, end: datetime) -> dict[str, Any]:
    return {"unit": unit.code, "from": start, "to": end}
