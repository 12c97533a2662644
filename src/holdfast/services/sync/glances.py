"""A glance at stores whose schedule is due and where most probably nothing has happened: one question to the source,
and the runs of many of them written together. Such a run is none the less one: with its window, its verdict and its
line in the journal.

Refuses whatever is not plainly nothing: any row, a count other than zero, any error, anything else to be done there. A
run of its own does that.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

import structlog

from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.rules import following
from holdfast.domain.sync.windows import Window, window_of
from holdfast.services.identity import new_id
from holdfast.services.journal_writer import Lines
from holdfast.services.outages import UNREACHABLE
from holdfast.services.sites import Sites
from holdfast.services.sync.findings import RULES
from holdfast.services.sync.kinds import GLANCED_AT
from holdfast.services.sync.kit import SyncKit
from holdfast.store import glances as store
from holdfast.store.connections import Due

AT_ONCE = 20
"""Sources asked at the same time, and stores whose runs are written in one transaction."""
GLANCE_S = 5.0
"""How long one source may take; its store has a run of its own then."""
ROUND_S = 10.0
"""After so long no more are asked: whoever else waits for a sync waits for them."""
HELD_S = 2 * (ROUND_S + GLANCE_S)
"""How long other processes leave them alone, should this one not come back."""
COMPLETE_WITHIN_DAYS = 30
"""For what was complete longer ago a source may hide rows, which is asked about in a run."""

log = structlog.get_logger("holdfast.sync")


@runtime_checkable
class Glanced(Protocol):
    """A source that can say with one question that there is nothing."""

    async def has_nothing(self, stream: str, window: Window) -> bool:
        """Whether it has no row in the window, and says that it counts none.

        Raises:
            SourceError.
        """
        ...


class Glances:
    """Settles what is due where there is nothing to be done."""

    def __init__(self, kit: SyncKit, sites: Sites, *, actor: str, cause: str) -> None:
        self._kit = kit
        self._sites = sites
        self._actor = actor
        self._cause = cause

    async def settle(self, due: Sequence[Due]) -> None:
        """Of the stores that are due settles those without news; the others go on being due. Whatever stands in the way
        is for the runs to tell that follow."""
        of_site = Counter(row.site_id for row in due)
        places = [(row.site_id, row.connection_id) for row in due if row.name == "orders" and of_site[row.site_id] == 1]
        if not places:
            return
        try:
            async with self._kit.pool.acquire() as connection:
                found = await store.candidates(
                    connection, places, kinds=GLANCED_AT, days=COMPLETE_WITHIN_DAYS, for_s=HELD_S
                )
        except UNREACHABLE as error:
            log.warning("no glance at stores", error=str(error)[:200])
            return
        try:
            await self._glance(found)
        finally:
            await self._release(found)

    async def _glance(self, found: Sequence[store.Candidate]) -> None:
        deadline = asyncio.get_running_loop().time() + ROUND_S
        for first in range(0, len(found), AT_ONCE):
            if asyncio.get_running_loop().time() > deadline:
                return
            asked = map(self._ask, found[first : first + AT_ONCE])
            quiet = [one for one in await asyncio.gather(*asked) if one is not None]
            try:
                await self._write(quiet)
            except Exception as error:  # as below
                log.warning("glances at stores were not kept", stores=len(quiet), error=str(error)[:200])

    async def _release(self, found: Sequence[store.Candidate]) -> None:
        try:
            async with self._kit.pool.acquire() as connection:
                await store.release(connection, [(one.row.site_id, one.row.id) for one in found])
        except UNREACHABLE as error:
            log.warning("glances at stores are not let go of yet", error=str(error)[:200])

    async def _ask(self, candidate: store.Candidate) -> store.Quiet | None:
        row, window = candidate.row, window_of("orders", candidate.watermark, candidate.now)
        assert window.since is not None
        try:
            site = await self._sites.find(str(row.site_id))
            due_at = following(candidate.schedule.rule, candidate.now, ZoneInfo(candidate.time_zone))
            async with asyncio.timeout(GLANCE_S):
                if not await self._has_nothing(site, candidate, window):
                    return None
        except Exception as error:  # whatever it is: the run that follows tells it, and no other store waits for it
            log.info(
                "a glance at a store told nothing", site=row.site_id, error=f"{type(error).__name__}: {error}"[:200]
            )
            return None
        return store.Quiet(
            site.id, row.id, new_id(), candidate.seen, candidate.read, window.since, window.until, due_at,
            candidate.time_zone, site.settings.currency, row.name,
        )  # fmt: skip

    async def _has_nothing(self, site: Site, candidate: store.Candidate, window: Window) -> bool:
        source = await self._kit.make_source(site, candidate.row)
        try:
            return isinstance(source, Glanced) and await source.has_nothing("orders", window)
        finally:
            await source.close()

    async def _write(self, quiet: Sequence[store.Quiet]) -> None:
        by_site = {one.site_id: one for one in quiet}
        async with (
            self._kit.pool.acquire() as connection,
            self._kit.journal.all_locked(connection, list(by_site), waits=False) as locked,
        ):
            free = [by_site[site_id] for site_id in locked]
            written = await store.settle(
                connection, free, rules=list(RULES.values()), actor=self._actor, cause=self._cause
            )
            for site_id in written:
                self._tell(locked[site_id], by_site[site_id])

    def _tell(self, lines: Lines, quiet: store.Quiet) -> None:
        nothing = {"n": 0, "done": 0, "changed": 0, "rejects": 0, "deleted": 0}
        stages = [
            {"stage": name, "connection": of, "state": state, **nothing}
            for name, of, state in (("orders", quiet.connection, "verified"), ("ltv", None, "done"))
        ]
        told = {"run": quiet.run_id, "state": "verified", "reason": None, "stages": stages}
        lines.add(events.ENDED, str(quiet.run_id), told, actor="sync", cause="verified")
