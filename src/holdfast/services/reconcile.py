"""Reconciling sites: suspects are detected for many sites at once, and put right one site at a time through the desk.

A dry run reads one snapshot and tells what would be done. Quiet when nothing is wrong.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from time import monotonic
from uuid import UUID

import asyncpg
import structlog

from holdfast.domain.change import Event
from holdfast.domain.commands import Reconcile
from holdfast.domain.errors import Refusal
from holdfast.domain.reconcile.discrepancies import BOOKING_RULES, UNIT_RULES
from holdfast.domain.sites import Site
from holdfast.services.desk import Desk
from holdfast.services.detecting import Detection, Suspects
from holdfast.services.doorbell import Ring
from holdfast.services.known import Clock
from holdfast.services.outages import UNREACHABLE
from holdfast.services.repairing import commands_of, imagine, innermost, repair
from holdfast.services.reports import Report
from holdfast.store import desk as rows
from holdfast.store import suspects as store
from holdfast.store.connection import Connection

ACTOR = "reconcile"
SITES_AT_ONCE = 200
LOOK_MAX = 20_000
"""Rows one look takes of each kind; with more, it looks again after these are put right."""
UNDER_WAY_MAX = 32
ASKED_MAX = 100_000
ROUNDS_MAX = 500
LINES_MAX = 100
"""Log lines of one pass of a kind; the rest are counted."""
LOOKS_AT_ONCE = 2
"""Each look takes two connections of the pool; with more at once they could wait for each other's second."""

Found = list[tuple[Site, Suspects]]

log = structlog.get_logger("holdfast.reconcile")


class Reconciler:
    """Compares what is recorded with what follows. `last` is the report of the last pass over all sites; `clock`
    replaces the database's clock, as the desk's does."""

    def __init__(self, pool: asyncpg.Pool, desk: Desk, *, clock: Clock | None = None) -> None:
        self.last: Report | None = None
        self.every_s: float | None = None
        """How long from the end of one pass over all sites to the next; None while none are due by themselves."""
        self.asked: set[int] = set()
        """Sites at which something was seen, or changed where something stands: to be looked at soon."""
        self.asked_for: list[Callable[[], None]] = []
        """Called when a site is asked for that was not before."""
        self.progressed: list[Callable[[], None]] = []
        """Called after each page of sites: a pass may take long."""
        self._standing: set[int] = set()
        self._taking = asyncio.Lock()
        self._room = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._pool = pool
        self._desk = desk
        self._clock = clock

    async def run(
        self, named: str | None = None, *, dry_run: bool = False, organisation_id: UUID | None = None
    ) -> Report:
        """One pass over all sites, the one of that slug or id, or those of an organisation. With `dry_run` nothing is
        written and the details are what would be done.

        Raises:
            Refusal: `unknown_site`.
        """
        began = monotonic()
        report = Report(dry_run=dry_run)
        is_whole = named is None and organisation_id is None and not dry_run
        is_first = is_whole and self.last is None
        if is_first:
            log.info("reconciling started")
        after_id = 0
        while True:
            page = await self._page(report, after_id, named, organisation_id)
            if not page:
                break
            after_id = page[-1]
            await self._pass(report, page, dry_run=dry_run)
        if named is not None and not report.sites:
            raise Refusal("unknown_site", site=named[:64])
        report.took_ms = round((monotonic() - began) * 1000, 1)
        self._tell(report, is_first=is_first)
        if is_whole:
            self.last = report
            # what is heard of from here on is heard of beside what is read
            self._standing = set()
            self._standing |= set(await self._where_anything_stands())
        return report

    def ask(self, site_id: int) -> None:
        """Lets a site be looked at soon."""
        if site_id not in self.asked and len(self.asked) < ASKED_MAX:
            self.asked.add(site_id)
            for ring in self.asked_for:
                ring()

    def heard(self, events: list[tuple[int, Event]]) -> None:
        """A listener of the desk: a change at a site where something stands may be what closes it."""
        for site_id, event in events:
            if event.type.startswith("finding."):
                self._standing.add(site_id)
            elif site_id in self._standing and event.actor != ACTOR:
                self.ask(site_id)

    def hear(self, ring: Ring) -> None:
        """A listener of the doorbell: the same for what other processes change."""
        for site_id, _ in ring.sites or ((site_id, 0) for site_id in self._standing):
            if site_id in self._standing:
                self.ask(site_id)

    async def look(self) -> Report:
        """One pass over the sites asked for."""
        asked, self.asked = sorted(self.asked), set()
        report = Report()
        began = monotonic()
        for start in range(0, len(asked), SITES_AT_ONCE):
            await self._pass(report, asked[start : start + SITES_AT_ONCE], dry_run=False)
        report.took_ms = round((monotonic() - began) * 1000, 1)
        self._tell(report)
        return report

    async def _page(self, report: Report, after_id: int, named: str | None, organisation_id: UUID | None) -> list[int]:
        async with self._pool.acquire() as connection:
            page = await store.page_of_sites(connection, after_id, named, SITES_AT_ONCE, organisation_id)
            ids = [row["id"] for row in page]
            if page:
                report.sites += len(ids)
                report.at = self._clock() if self._clock is not None else page[-1]["now"]
                units, bookings = await store.counts(connection, ids)
                report.checked += units
                report.bookings += bookings
        return ids

    async def _where_anything_stands(self) -> list[int]:
        async with self._pool.acquire() as connection:
            return await store.standing_sites(connection, (*UNIT_RULES, *BOOKING_RULES), limit=ASKED_MAX)

    def _now(self, row: asyncpg.Record) -> datetime:
        now: datetime = self._clock() if self._clock is not None else row["now"]
        journal_at: datetime = row["journal_at"]
        return max(now, journal_at)

    async def _pass(self, report: Report, sites: list[int], *, dry_run: bool) -> None:
        """Looks at a page of sites; should that fail, at each of them alone, so that none holds up the others."""
        try:
            await self._looks(report, sites, dry_run=dry_run)
        except UNREACHABLE:
            raise
        except Exception as error:  # as a loop's top: somebody wrote what cannot even be read
            if len(sites) > 1:
                for site_id in sites:
                    await self._pass(report, [site_id], dry_run=dry_run)
            else:
                cause = innermost(error)
                log.warning(
                    "site could not be looked at", site=sites[0], error=f"{type(cause).__name__}: {cause}"[:200]
                )
                report.failed[str(sites[0])] = type(cause).__name__
        for tell in self.progressed:
            tell()

    async def _looks(self, report: Report, sites: list[int], *, dry_run: bool) -> None:
        """Looks again until a look finds no more than one takes, or nothing more to repair."""
        for _ in range(ROUNDS_MAX):
            before = report.fixed
            async with self._room, store.two_looks(self._pool, self._taking) as connections:
                stands = await store.stands_of(connections[0], sites)
                found, is_cut = await self._detect(connections, report, stands)
                if dry_run:
                    await self._imagine(connections[0], report, stands, found)
            if not dry_run:
                await self._repair(report, found)
            if dry_run or not is_cut or report.fixed == before:
                return

    async def _detect(
        self, connections: tuple[Connection, Connection], report: Report, stands: list[asyncpg.Record]
    ) -> tuple[Found, bool]:
        sites, now = [], None
        for row in stands:
            try:
                sites.append(rows.site_of(row))
            except Refusal as refusal:
                report.failed[row["slug"]] = refusal.code
            now = max(now, self._now(row)) if now is not None else self._now(row)
        if not sites or now is None:
            return [], False
        detection = Detection(connections, sites, now, limit=LOOK_MAX)
        found = await detection.run()
        return [(detection.sites[site_id], suspects) for site_id, suspects in found.items()], detection.is_cut

    async def _repair(self, report: Report, found: Found) -> None:
        room = asyncio.Semaphore(UNDER_WAY_MAX)

        async def put(site: Site, command: Reconcile) -> None:
            async with room:
                await repair(self._desk, report, site, command)

        async with asyncio.TaskGroup() as group:
            for site, suspects in found:
                for command in commands_of(suspects):
                    group.create_task(put(site, command))

    async def _imagine(
        self, connection: Connection, report: Report, stands: list[asyncpg.Record], found: Found
    ) -> None:
        """What the desk would come to, on the snapshot alone."""
        by_id = {row["id"]: row for row in stands}
        for site, suspects in found:
            row = by_id[site.id]
            for command in commands_of(suspects):
                await imagine(
                    connection, report, site, command, stand=(row["version"], self._now(row), row["wakes_at"])
                )

    def _tell(self, report: Report, *, is_first: bool = False) -> None:
        """A line for each repair and each new discrepancy, and one for the whole; but for the first pass none when
        nothing is wrong."""
        if report.dry_run:
            return
        for event, state, count in (("fixed", "repaired", report.fixed), ("found", "opened", report.opened)):
            for told in islice(report.lines(state=state), LINES_MAX):
                log.warning(event, **told.log())
            if count > LINES_MAX:
                log.warning(f"{event} more", count=count - LINES_MAX)
        for slug, code in report.failed.items():
            log.error("site could not be reconciled", site=slug, error=code)
        if report.fixed or report.opened or is_first:
            log.info(
                "reconciling completed",
                checked=report.checked,
                fixed=report.fixed,
                found=report.opened,
                took_ms=report.took_ms,
            )


__all__ = ["Reconciler", "Report"]
