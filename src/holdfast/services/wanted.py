"""What a batch must read, collected per kind so that each kind is one query."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from holdfast.domain.state import SiteState

AHEAD = timedelta(days=2)
"""How far beyond a site's look-ahead the claims of a waking unit are loaded; with more behind, it wakes again then."""


class Wanted:
    """What a batch needs, collected per kind so that each kind is one query."""

    def __init__(self) -> None:
        self.codes: dict[tuple[int, str], None] = {}
        self.ids: dict[tuple[int, int], None] = {}
        self.categories: dict[tuple[int, str], None] = {}
        self.whole_sites: set[int] = set()
        self.busy_sites: set[int] = set()
        self.bookings: dict[tuple[int, UUID], None] = {}
        self.blocks: dict[tuple[int, UUID], None] = {}
        self.people: dict[tuple[int, str], None] = {}
        self.windows: set[tuple[int, int, datetime, datetime]] = set()
        self.sessions: set[tuple[int, int]] = set()
        self.holders: dict[tuple[int, UUID], None] = {}
        self.releasing: set[int] = set()
        self.findings: set[int] = set()
        self.observed: dict[tuple[int, int], None] = {}


def want_window(wanted: Wanted, state: SiteState, unit_ids: Iterable[int], start: datetime, end: datetime) -> None:
    if start >= end:
        return
    days = _whole_days(start, end)
    for unit_id in unit_ids:
        if not state.covers(unit_id, start, end):
            wanted.windows.add((state.site.id, unit_id, *days))


def _whole_days(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The days around an interval: the next commands ask about the same ones, and then they are known."""
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    last = end.replace(hour=0, minute=0, second=0, microsecond=0)
    return first, last if last == end else last + timedelta(days=1)


def want_now(wanted: Wanted, state: SiteState, unit_ids: Iterable[int], *, since: datetime | None = None) -> None:
    """Asks for the claims that the units' present status may follow from."""
    until = state.now + state.policy.look_ahead(state.site) + AHEAD
    unit_ids = list(unit_ids)
    want_window(wanted, state, unit_ids, min(state.now, since or state.now), until)
    if state.policy.overstays:
        wanted.sessions.update((state.site.id, unit_id) for unit_id in unit_ids)
