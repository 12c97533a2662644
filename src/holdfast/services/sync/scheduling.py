"""Which streams of which stores are due by their schedules, and the runs that follow.

A schedule counts in the store's zone. What verifies a store has a schedule of its own, and goes first: it waits for
whatever is under way, and would otherwise never come where something always is.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from holdfast.domain.errors import Refusal
from holdfast.domain.sync.rules import following
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores
from holdfast.services.sync.glances import Glances
from holdfast.services.sync.runs import Wish
from holdfast.store import connections as store

DUE_MAX = 200
"""Streams asked for in one step; what is due beyond them is so in the next."""
ACTOR = "schedule"
CAUSE = "due"
NOT_UNDERSTOOD = timedelta(hours=1)
GONE = ("unknown_site", "unknown_connection", "no_connections")
"""Why nothing can be asked for of what was taken out meanwhile."""

log = structlog.get_logger("holdfast.sync")


class Scheduling:
    """Asks for due runs; what several processes ask for at once is one run, for the later ones join."""

    def __init__(self, stores: Stores, sites: Sites) -> None:
        self._stores = stores
        self._sites = sites
        self._glances = Glances(stores.kit, sites, actor=ACTOR, cause=CAUSE)
        self.is_behind = False
        """Whether more was due than one step looks at."""

    async def ask_for_due(self) -> int:
        """How many runs were asked for."""
        verified = await self._ask_to_verify()
        rows = await self._due()
        self.is_behind = len(rows) == DUE_MAX
        await self._glances.settle(rows)
        looked_at = {row.key for row in rows}
        by_site: dict[int, list[store.Due]] = {}
        # what is due still: others may have settled, asked for or switched off some of it meanwhile
        for row in await self._due():
            if row.key in looked_at:
                by_site.setdefault(row.site_id, []).append(row)
        for site_id, due in by_site.items():
            ids = tuple(sorted({row.connection_id for row in due}))
            await self._ask(site_id, ids, tuple(sorted({row.name for row in due})))
            async with self._stores.kit.pool.acquire() as connection:
                for row in due:
                    await store.note_due(connection, row, _next(row))
        return verified + len(by_site)

    async def _due(self) -> list[store.Due]:
        async with self._stores.kit.pool.acquire() as connection:
            return await store.scheduled(connection, DUE_MAX)

    async def _ask_to_verify(self) -> int:
        asked = 0
        for due in await self._stores.verifying.due():
            try:
                asked += await self._stores.verifying.ask(await self._sites.find(str(due.site_id)), due)
            except Refusal as refusal:
                if refusal.code not in GONE:
                    raise
        return asked

    async def _ask(self, site_id: int, ids: tuple[int, ...], streams: tuple[str, ...]) -> None:
        try:
            site = await self._sites.find(str(site_id))
            await self._stores.runs.ask(site, Wish(connections=ids, streams=streams), actor=ACTOR, cause=CAUSE)
        except Refusal as refusal:
            if refusal.code not in GONE:
                raise


def _next(due: store.Due) -> datetime:
    """When a stream is due next. A rule that is not understood, as somebody wrote it past us, keeps nobody else's from
    being so."""
    try:
        return following(due.schedule.rule, due.now, ZoneInfo(due.time_zone))
    except Refusal as refusal:
        log.error("a schedule is not understood", site=due.site_id, rule=due.schedule.rule[:100], code=refusal.code)
        return due.now + NOT_UNDERSTOOD
