"""What a lane knows of its sites between two batches, and when that is still so.

Every change to a site raises its version under its lock. So a state left at version V is the truth for whoever locks
the site at version V, and needs no reading. It is a saving, never a source: writers past the desk raise no version,
so a claim they made is caught by the constraint, and a refusal is checked against the tables before it is given.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import asyncpg

from holdfast.domain.errors import Refusal
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.domain.state import SiteState
from holdfast.store import desk as store
from holdfast.store.connection import Connection

Clock = Callable[[], datetime]

STATES_MAX = 10_000
WEIGHT_MAX = 150_000
"""Claims and units in memory, together."""
SITES_MAX = 50_000


class Known:
    """Sites as they were last read, and the states of those last served, within bounds of memory."""

    def __init__(self) -> None:
        self._sites: dict[int, tuple[int, Site | Refusal]] = {}
        self._states: dict[int, SiteState] = {}
        self._weights: dict[int, int] = {}
        self._weight = 0

    async def sites_of(self, connection: Connection, rows: list[asyncpg.Record]) -> dict[int, Site | Refusal]:
        """The sites of these locked rows; those new to us or changed elsewhere are read. One that somebody wrote past
        us so that it cannot work comes as the refusal that says so: its neighbours are served all the same."""
        stale = [row["id"] for row in rows if self._sites.get(row["id"], (None,))[0] != row["changed_version"]]
        if stale:
            if len(self._sites) > SITES_MAX:
                self._sites.clear()
                stale = [row["id"] for row in rows]
            for row in await connection.fetch(store.Q["sites"], stale):
                self._sites[row["id"]] = (row["changed_version"], _site_or_refusal(row))
        return {row["id"]: self._sites[row["id"]][1] for row in rows}

    def state_of(self, site: Site, version: int, *, now: datetime, wakes_at: datetime | None) -> SiteState:
        """The state of a site just locked: the one we left, if nothing has changed since, else an empty one.

        It is handed out for good: a batch that fails never brings it back.
        """
        state = self._states.get(site.id)
        self.drop((site.id,))
        if state is not None and state.version == version and state.site is site:
            state.resume(now=now, wakes_at=wakes_at)
            return state
        return SiteState(site, policy_of(site.kind), version=version, now=now, wakes_at=wakes_at)

    def peek(self, site_id: int) -> SiteState | None:
        """The state left at a site, to guess from; still ours."""
        return self._states.get(site_id)

    def keep(self, states: Iterable[SiteState]) -> None:
        """Keeps the states of a committed batch, the longest unused giving way."""
        for state in states:
            self.drop((state.site.id,))
            self._states[state.site.id] = state
            weight = state.weight + len(state.units) + 1
            self._weights[state.site.id] = weight
            self._weight += weight
        while self._states and (len(self._states) > STATES_MAX or self._weight > WEIGHT_MAX):
            self.drop((next(iter(self._states)),))

    def drop(self, site_ids: Iterable[int]) -> None:
        for site_id in tuple(site_ids):
            if self._states.pop(site_id, None) is not None:
                self._weight -= self._weights.pop(site_id)


def _site_or_refusal(row: asyncpg.Record) -> Site | Refusal:
    try:
        return store.site_of(row)
    except Refusal as refusal:
        return refusal
