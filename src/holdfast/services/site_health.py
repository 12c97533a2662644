"""How a site is served, for whoever runs the site and not the server: what of the server's health is theirs to know.

Refuses what is of others: no other site's delays or findings, no size of disks, no version of the database.
"""

from datetime import UTC, datetime

import asyncpg
import msgspec

from holdfast.domain.cron import next_tick, parse
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
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
from holdfast.services.own_schedules import RECONCILE_ALL
from holdfast.services.reconcile import Reconciler
from holdfast.services.schedules.firing import rules_of
from holdfast.store import schedules, sql
from holdfast.store.schedules import ScheduleRow

_Q = sql.load("watch")
RATE_S = 300.0
"""Over how long the journal's growth is told."""
MINUTE_S = 60.0
BEGINNING = datetime.min.replace(tzinfo=UTC)


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
    """When all sites were last compared with what follows, and how long that took; nulls when they were not yet or
    there are none. `every_s` is from one time to the next; null when it is done only at the start of a process."""

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
        await last_pass(served.pool, served.reconciler), report.version, report.warnings,
    )  # fmt: skip


class _Passed(msgspec.Struct, frozen=True):
    at: datetime | None = None
    took_ms: float | None = None


async def last_pass(pool: asyncpg.Pool, reconciler: Reconciler) -> LastPass:
    """The last pass over all sites, by whatever process, without what it came to at others."""
    own = reconciler.last
    last = _Passed(own.at, own.took_ms) if own is not None else _Passed()
    every_s = reconciler.every_s
    schedule = await schedules.by_name(pool, "", RECONCILE_ALL)
    if schedule is not None:
        every_s = _every_s(schedule) if schedule.is_active else every_s
        if schedule.last_job_id is not None and (told := await schedules.result_of(pool, schedule.last_job_id)):
            theirs = msgspec.json.decode(told, type=_Passed)
            last = max(last, theirs, key=lambda one: one.at or BEGINNING)
    return LastPass(last.at, last.took_ms, every_s)


def _every_s(row: ScheduleRow) -> float | None:
    if row.next_at is None:
        return None
    rule, place, rules = parse(row.expression), zone(row.time_zone), rules_of(row.gap, row.fold)
    after = next_tick(rule, row.next_at, place, rules)
    return (after - row.next_at).total_seconds() if after is not None else None
