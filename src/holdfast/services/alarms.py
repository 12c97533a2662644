"""What the clock is due to do at which sites: asked of the database's clock, done by the desk."""

import asyncio
import contextlib
from collections.abc import Callable

import asyncpg
import structlog

from holdfast.domain.commands import Tick
from holdfast.domain.errors import Refusal
from holdfast.services.desk import Desk
from holdfast.store import sql

_Q = sql.load("alarms")
SITES_MAX = 1_000
"""How many sites are under way at once."""
ACTOR = "clock"
AGAIN_S, AGAIN_MAX_S = 0.05, 1.0
"""How long a site that could not be caught up is left alone: at first, and after many times."""
BROKEN_MAX_S = 30.0
"""The same for one at which something is wrong that does not pass by itself."""

LOOK_S = 0.01

log = structlog.get_logger("holdfast.alarms")


class Ticker:
    """Lets the desk catch up the sites that are due. Each site by itself: one that is locked elsewhere or fails holds
    up no other. `done` is called whenever one has been caught up."""

    def __init__(self, pool: asyncpg.Pool, desk: Desk, done: Callable[[], None]) -> None:
        self._pool = pool
        self._desk = desk
        self._done = done
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._failures: dict[int, int] = {}
        self._resting: dict[int, float] = {}
        self.ticks = 0
        """How many it has sent to the desk."""

    async def tick_due(self) -> float | None:
        """Starts what is due and not under way; in how many seconds the next other site will be, None when none is."""
        now = asyncio.get_running_loop().time()
        self._resting = {site_id: until for site_id, until in self._resting.items() if until > now}
        room = SITES_MAX - len(self._under_way)
        (row,) = await self._pool.fetch(_Q["sites_due"], room, [*self._under_way, *self._resting])
        for site_id in row["due"]:
            self._under_way[site_id] = asyncio.create_task(self._tick(site_id), name=f"tick of site {site_id}")
        next_in_s: list[float] = [] if row["next_in_s"] is None else [row["next_in_s"]]
        next_in_s += [until - now for until in self._resting.values()]
        return min(next_in_s, default=None)

    async def _tick(self, site_id: int) -> None:
        self.ticks += 1
        try:
            await self._desk.submit(site_id, Tick(), actor=ACTOR)
        except Exception as error:  # a loop's top: what failed is due again
            self._rest(site_id, error)
        else:
            self._failures.pop(site_id, None)
        finally:
            del self._under_way[site_id]
            self._done()

    def _rest(self, site_id: int, error: Exception) -> None:
        """Leaves a site alone for a while; the longer, the more often it has failed."""
        failures = self._failures[site_id] = self._failures.get(site_id, 0) + 1
        passes = isinstance(error, Refusal) and error.code in ("busy", "unavailable", "outcome_unknown", "disk_full")
        rest_s = min(AGAIN_S * 2 ** min(failures - 1, 20), AGAIN_MAX_S if passes else BROKEN_MAX_S)
        self._resting[site_id] = asyncio.get_running_loop().time() + rest_s
        # said again each time that it has gone on for twice as long
        if failures & (failures - 1) == 0 and not (passes and failures < 4):
            known = error.code if isinstance(error, Refusal) else type(error).__name__
            log.warning("site could not be caught up", site=site_id, error=known, times=failures)


async def caught_up(pool: asyncpg.Pool, *, within_s: float) -> None:
    """Returns once nothing that was due a moment ago is left, or that time is over: what takes longer goes on."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while await pool.fetchval(_Q["is_behind"]):  # noqa: ASYNC110 the desk's lanes tell nobody when all is done
                await asyncio.sleep(LOOK_S)
