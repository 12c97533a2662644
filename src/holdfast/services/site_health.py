"""How a site is served, for whoever runs the site and not the server: what of the server's health is theirs to know.

Refuses what is of others: no other site's delays or findings, no size of disks, no version of the database.
"""

from datetime import datetime

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.services.desk import Desk
from holdfast.services.health import (
    LATE_S,
    DatabaseHealth,
    DiskHealth,
    FindingsHealth,
    Health,
    LoopHealth,
    Overdue,
)
from holdfast.services.reconcile import Reconciler
from holdfast.store import sql

_Q = sql.load("watch")
RATE_S = 300.0
"""Over how long the journal's growth is told."""
MINUTE_S = 60.0


class QueueHealth(msgspec.Struct, frozen=True):
    """Commands that wait at this process or are being served, and how many may before more are refused."""

    waiting: int
    waiting_max: int


class JournalHealth(msgspec.Struct, frozen=True):
    """`per_minute` is how many lines it grew by a minute, over the last five."""

    version: int
    written_at: datetime | None
    per_minute: float


class LastPass(msgspec.Struct, frozen=True):
    """When this process last compared all sites with what follows, and how long that took; nulls when it has not yet or
    there were no sites. `every_s` is null when it does so only at its start."""

    at: datetime | None
    took_ms: float | None
    every_s: float | None


class SiteHealth(msgspec.Struct, frozen=True):
    """`status`, `loops`, `queue` and `warnings` are the server's; delays, findings and journal the site's own."""

    site: str
    now: datetime
    status: str
    loops: dict[str, LoopHealth]
    overdue: Overdue
    queue: QueueHealth
    database: DatabaseHealth
    disk: DiskHealth
    findings: FindingsHealth
    journal: JournalHealth
    reconciling: LastPass
    version: str
    warnings: list[str]


class Served(msgspec.Struct, frozen=True):
    """What serves a site."""

    pool: asyncpg.Pool
    health: Health
    desk: Desk
    reconciler: Reconciler


async def site_health(served: Served, site: Site, *, whole: bool) -> SiteHealth:
    """How the site is served now; with `whole` also what is only for whoever runs the server.

    Raises:
        Refusal: `unknown_site`.
    """
    report = await served.health.report()
    async with served.pool.acquire() as connection:
        row = await connection.fetchrow(_Q["site_standing"], site.id, LATE_S, RATE_S)
    if row is None:
        raise Refusal("unknown_site", site=site.slug)
    oldest: datetime | None = row["oldest"]
    overdue = Overdue(oldest, round((row["now"] - oldest).total_seconds(), 3), 1) if oldest is not None else Overdue()
    database, disk = report.database, report.disk
    if not whole:
        database = msgspec.structs.replace(database, version=None)
        disk = msgspec.structs.replace(disk, free_bytes=None)
    return SiteHealth(
        site.slug, row["now"], report.status, report.loops, overdue,
        QueueHealth(served.desk.waiting, served.desk.limits.waiting_max), database, disk,
        FindingsHealth(row["findings"]),
        JournalHealth(row["version"], row["written_at"], round(row["lines"] * MINUTE_S / RATE_S, 1)),
        last_pass(served.reconciler), report.version, report.warnings,
    )  # fmt: skip


def last_pass(reconciler: Reconciler) -> LastPass:
    """The last pass over all sites, without what it came to at others."""
    last = reconciler.last
    return LastPass(
        last.at if last is not None else None, last.took_ms if last is not None else None, reconciler.every_s
    )
