"""What the clock is due to do at which sites: asked of the database's clock, done by the desk."""

import asyncio
from collections.abc import Callable

import asyncpg
import structlog

from holdfast.domain.commands import Tick
from holdfast.domain.errors import Refusal
from holdfast.services.desk import Desk
from holdfast.store import sql

_Q = sql.load("alarms")
SITES_MAX = 1_000
ACTOR = "clock"
AGAIN_S = 0.5
"""How long a site that could not be caught up is left alone."""

log = structlog.get_logger("holdfast.alarms")


class Ticker:
    """Lets the desk catch up the sites that are due. Each site by itself: one that is locked elsewhere or fails holds
    up no other. `done` is called whenever one has been caught up."""

    def __init__(self, pool: asyncpg.Pool, desk: Desk, done: Callable[[], None]) -> None:
        self._pool = pool
        self._desk = desk
        self._done = done
        self._under_way: dict[int, asyncio.Task[None]] = {}

    async def tick_due(self) -> float | None:
        """Starts what is due and not under way; in how many seconds the next other site will be, None when none is."""
        room = SITES_MAX - len(self._under_way)
        (row,) = await self._pool.fetch(_Q["sites_due"], room, list(self._under_way))
        for site_id in row["due"]:
            self._under_way[site_id] = asyncio.create_task(self._tick(site_id), name=f"tick of site {site_id}")
        next_in_s: float | None = row["next_in_s"]
        return next_in_s

    async def _tick(self, site_id: int) -> None:
        try:
            await self._desk.submit(site_id, Tick(), actor=ACTOR)
        except Exception as error:  # a loop's top: what failed is due again
            known = error.code if isinstance(error, Refusal) else type(error).__name__
            log.warning("site could not be caught up", site=site_id, error=known)
            await asyncio.sleep(AGAIN_S)
        finally:
            del self._under_way[site_id]
            self._done()
