"""A glance at stores whose schedule is due and where most probably nothing has happened: one question to the source,
and the runs of many of them written together. Such a run is none the less one: with its window, its verdict and its
line in the journal.

Refuses whatever is not plainly nothing: any row, a count other than zero, any error, anything else to be done there. A
run of its own does that.
"""

import asyncio
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

    async def settle(self, due: Sequence[Due]) -> list[Due]:
        """Those that need a run of their own."""
        alone = {row.site_id: row for row in due if row.name == "orders"}
        for row in due:
            if alone.get(row.site_id) is not row:
                alone.pop(row.site_id, None)
        settled: set[int] = set()
        if alone:
            try:
                settled = await self._settled(alone)
            except UNREACHABLE as error:
                log.warning("no glance at stores", error=str(error)[:200])
        return [row for row in due if row.site_id not in settled]

    async def _settled(self, due: dict[int, Due]) -> set[int]:
        async with self._kit.pool.acquire() as connection:
            places = [(row.site_id, row.connection_id) for row in due.values()]
            found = await store.candidates(connection, places, kinds=GLANCED_AT, days=COMPLETE_WITHIN_DAYS)
        settled: set[int] = set()
        deadline = asyncio.get_running_loop().time() + ROUND_S
        for first in range(0, len(found), AT_ONCE):
            if asyncio.get_running_loop().time() > deadline:
                break
            asked = (self._ask(candidate, due[candidate.row.site_id]) for candidate in found[first : first + AT_ONCE])
            quiet = [one for one in await asyncio.gather(*asked) if one is not None]
            if quiet:
                settled |= await self._write(quiet)
        return settled

    async def _ask(self, candidate: store.Candidate, due: Due) -> store.Quiet | None:
        window = window_of("orders", candidate.watermark, candidate.now)
        assert window.since is not None
        try:
            site = await self._sites.find(str(due.site_id))
            async with asyncio.timeout(GLANCE_S):
                if not await self._has_nothing(site, candidate, window):
                    return None
        except Exception as error:  # whatever it is: the run that follows tells it, and no other store waits for it
            log.info(
                "a glance at a store told nothing", site=due.site_id, error=f"{type(error).__name__}: {error}"[:200]
            )
            return None
        return store.Quiet(
            site.id, due.connection_id, new_id(), candidate.watermark, window.since, window.until,
            following(due.schedule.rule, due.now, ZoneInfo(due.time_zone)), site.time_zone, site.settings.currency,
            candidate.row.name,
        )  # fmt: skip

    async def _has_nothing(self, site: Site, candidate: store.Candidate, window: Window) -> bool:
        source = await self._kit.make_source(site, candidate.row)
        try:
            return isinstance(source, Glanced) and await source.has_nothing("orders", window)
        finally:
            await source.close()

    async def _write(self, quiet: Sequence[store.Quiet]) -> set[int]:
        by_site = {one.site_id: one for one in quiet}
        async with (
            self._kit.pool.acquire() as connection,
            self._kit.journal.all_locked(connection, list(by_site)) as locked,
        ):
            written = await store.settle(
                connection, quiet, rules=list(RULES.values()), actor=self._actor, cause=self._cause
            )
            for site_id in written:
                self._tell(locked[site_id], by_site[site_id])
        return written

    def _tell(self, lines: Lines, quiet: store.Quiet) -> None:
        nothing = {"n": 0, "done": 0, "changed": 0, "rejects": 0, "deleted": 0}
        stages = [
            {"stage": name, "connection": of, "state": state, **nothing}
            for name, of, state in (("orders", quiet.connection, "verified"), ("ltv", None, "done"))
        ]
        told = {"run": quiet.run_id, "state": "verified", "reason": None, "stages": stages}
        lines.add(events.ENDED, str(quiet.run_id), told, actor="sync", cause="verified")
