"""Which streams of which stores are due by their schedules, and the runs that follow.

A schedule counts in the store's zone. `follows` says what a rule means: the engine of jobs may put its own in place.
"""

from zoneinfo import ZoneInfo

from holdfast.domain.errors import Refusal
from holdfast.domain.sync.due import Next
from holdfast.domain.sync.rules import following
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores
from holdfast.services.sync.runs import Wish
from holdfast.store import connections as store

DUE_MAX = 200
"""Streams asked for in one step; what is due beyond them is so in the next."""
ACTOR = "schedule"


class Scheduling:
    """Asks for due runs; what several processes ask for at once is one run, for the later ones join."""

    def __init__(self, stores: Stores, sites: Sites, *, follows: Next = following) -> None:
        self._stores = stores
        self._sites = sites
        self._follows = follows

    async def ask_for_due(self) -> int:
        """How many runs were asked for."""
        async with self._stores.kit.pool.acquire() as connection:
            rows = await store.scheduled(connection, DUE_MAX)
        by_site: dict[int, list[store.Due]] = {}
        for row in rows:
            by_site.setdefault(row.site_id, []).append(row)
        for site_id, due in by_site.items():
            ids = tuple(sorted({row.connection_id for row in due}))
            await self._ask(site_id, ids, tuple(sorted({row.name for row in due})))
            async with self._stores.kit.pool.acquire() as connection:
                for row in due:
                    next_at = self._follows(row.schedule.rule, row.now, ZoneInfo(row.time_zone))
                    await store.note_due(connection, row, next_at)
        return len(by_site)

    async def _ask(self, site_id: int, ids: tuple[int, ...], streams: tuple[str, ...]) -> None:
        try:
            site = await self._sites.find(str(site_id))
            await self._stores.runs.ask(site, Wish(connections=ids, streams=streams), actor=ACTOR, cause="due")
        except Refusal as refusal:
            # taken out meanwhile
            if refusal.code not in ("unknown_site", "unknown_connection", "no_connections"):
                raise
