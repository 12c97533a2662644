"""Following calendars from outside: each is asked by a job of its own, and what it says goes through the desk.

An answer that cannot be read changes nothing: what was taken stays taken until a calendar says otherwise. A failing job
tries again by itself; one that fails for long is a finding (`watch`).
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec
import structlog

from holdfast.domain.actors import Actor
from holdfast.domain.calendars import HORIZON, edge_of
from holdfast.domain.commands import CloseFinding, FollowCalendar, SoldElsewhere
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import reached, resolve
from holdfast.domain.sites import Site
from holdfast.gateways.calendar_source import CalendarSource, Fetched
from holdfast.gateways.calendar_text import Read, Stretch
from holdfast.services.calendar_feeds import CalendarFeeds, actor_of
from holdfast.services.desk import Desk
from holdfast.services.jobs.acts import start_now
from holdfast.services.jobs.context import JobContext, Retry
from holdfast.services.jobs.enqueueing import Enqueued, enqueue, enqueue_many
from holdfast.services.jobs.registry import Job, Registry
from holdfast.services.sites import Sites
from holdfast.store import calendar_feeds as store
from holdfast.store.calendar_feeds import FeedRow, Followed

FUNCTION, ROUND, QUEUE = "holdfast.calendar", "holdfast.calendars", "calendars"
JOB_S = 120.0
DUE_MAX = 1_000
WHOLE_EVERY = timedelta(hours=20)
"""So often a calendar is followed although it says what it said before: the end of what is followed moves on."""
AGAIN_MIN_S, AGAIN_MAX_S = 60.0, 3_600.0
TROUBLE_AFTER = 3
"""So many failures in a row are a finding."""
_DAY = timedelta(days=1)
_STAMPS = re.compile(rb"^(DTSTAMP|LAST-MODIFIED|CREATED|X-[A-Z-]*STAMP)[:;].*\r?\n", re.MULTILINE)

log = structlog.get_logger("holdfast.calendars")


class FollowedView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking a calendar once: how many blocks it makes, how many were made and given back by it, how many
    bookings stand in their way, how many events cannot be understood; or what stood in the way."""

    calendar: str
    unit: str
    is_changed: bool = False
    blocks: int = 0
    added: int = 0
    removed: int = 0
    conflicts: int = 0
    unread: int = 0
    error: str | None = None


class Following:
    """Asks calendars, and lets the desk do what they say. `source` is who asks."""

    def __init__(self, feeds: CalendarFeeds, sites: Sites, desk: Desk, source: CalendarSource) -> None:
        self.feeds = feeds
        self._pool = feeds.pool
        self._sites = sites
        self._desk = desk
        self._source = source

    async def row_of(self, site_id: int, named: str) -> FeedRow:
        """Raises:
        Refusal: `unknown_site`, `unknown_calendar`.
        """
        return await self.feeds.find(await self._sites.find(str(site_id)), named)

    async def follow(self, site_id: int, named: str) -> FollowedView:
        """Asks one calendar and does what it says.

        Raises:
            Refusal: `unknown_site`, `unknown_calendar`.
        """
        site = await self._sites.find(str(site_id))
        row = await self.feeds.find(site, named)
        try:
            return await self._follow(site, row)
        except Refusal as refusal:
            return await self._failed(row, f"{refusal.code}: {refusal.data.get('problem', '')}".strip(": ")[:300])

    async def remove(self, actor: Actor, site: Site, named: str) -> FollowedView:
        """A calendar is followed no more: its blocks give their time back, then it is gone.

        Raises:
            Refusal: `unknown_calendar`; as the desk's.
        """
        row = await self.feeds.find(site, named)
        answer = await self._desk.submit(site.id, FollowCalendar(row.unit, ()), actor=actor_of(row))
        await self._desk.submit(
            site.id, CloseFinding("calendar_stale", row.name, "It was removed"), actor=actor_of(row)
        )
        await self.feeds.forget(actor, site, row)
        told = msgspec.json.decode(answer.body)
        return FollowedView(calendar=row.name, unit=row.unit, is_changed=True, removed=told["removed"])

    async def _follow(self, site: Site, row: FeedRow) -> FollowedView:
        is_fresh = row.followed_at is not None and row.now - row.followed_at < WHOLE_EVERY and not row.unread
        known: Mapping[str, Any] = {"etag": row.etag, "last_modified": row.last_modified} if is_fresh else {}
        fetched = await self._source.fetch(self.feeds.url_of(row), **known)
        if fetched.error is not None:
            return await self._failed(row, fetched.error)
        digest = hashlib.sha256(_STAMPS.sub(b"", fetched.body or b"")).digest()
        if fetched.is_unchanged or (is_fresh and digest == row.digest):
            await store.read(
                self._pool, site.id, row.id, error=None, after_minutes=row.every_minutes, followed=None
            )  # fmt: skip
            return FollowedView(calendar=row.name, unit=row.unit, blocks=row.blocks, conflicts=row.conflicts)
        read = await self._source.read(fetched.body or b"", row.now - _DAY, row.now + HORIZON)
        if read.problem is not None:
            return await self._failed(row, read.problem)
        return await self._obey(site, row, read, fetched, digest)

    async def _obey(self, site: Site, row: FeedRow, read: Read, fetched: Fetched, digest: bytes) -> FollowedView:
        sold = await self._sold(site, row, read)
        command = FollowCalendar(row.unit, sold, keeps_unlisted=read.unread > 0)
        answer = await self._desk.submit(site.id, command, actor=actor_of(row))
        told = msgspec.json.decode(answer.body)
        error = (
            f"{read.unread} events cannot be understood: until they can, nothing is given back" if read.unread else None
        )
        await store.read(
            self._pool, site.id, row.id, error=error, after_minutes=row.every_minutes,
            followed=Followed(
                fetched.etag, fetched.last_modified, digest, told["blocks"], told["conflicts"], read.unread
            ),
        )  # fmt: skip
        if told["added"] or told["removed"]:
            log.info("calendar followed", site=site.slug, calendar=row.name, unit=row.unit, **told)
        return FollowedView(
            calendar=row.name, unit=row.unit, is_changed=bool(told["added"] or told["removed"]), unread=read.unread,
            error=error, **told,
        )  # fmt: skip

    async def _sold(self, site: Site, row: FeedRow, read: Read) -> tuple[SoldElsewhere, ...]:
        """What is taken by the site's own clocks; without what is a booking here, come back by another calendar."""
        echoes = [found for one in read.stretches if (found := _uuid(one.uid)) is not None]
        own = await store.own_bookings(self._pool, site.id, echoes) if echoes else set()
        edge = edge_of(row.now)
        sold: list[SoldElsewhere] = []
        for one in read.stretches:
            if _uuid(one.uid) in own:
                continue
            start, end = times_of(one, site)
            if start < end and start < edge:
                key = "\n".join((one.uid, one.recurrence, start.isoformat(), end.isoformat()))
                said = f"{row.name}: {one.word}" if one.word else row.name
                sold.append(SoldElsewhere(uuid5(row.id, key), start, end, said))
        return tuple(sold)

    async def _failed(self, row: FeedRow, error: str) -> FollowedView:
        wait_s = again_s(row.failures + 1)
        count = await store.failed(self._pool, row.site_id, row.id, error, wait_s)
        log.warning("calendar cannot be read", calendar=row.name, site=row.site_id, failures=count, error=error)
        return FollowedView(
            calendar=row.name, unit=row.unit, blocks=row.blocks, conflicts=row.conflicts, unread=row.unread, error=error
        )


def times_of(one: Stretch, site: Site) -> tuple[datetime, datetime]:
    """When a stretch begins and ends at a site. Local times and days are those of its zone; where nights are sold a day
    begins with the check-in and ends with the check-out of the date that it ends with."""
    if one.kind == "day":
        first, last = date.fromisoformat(one.start), date.fromisoformat(one.end)
        if site.kind == "hotel":
            return (
                resolve(datetime.combine(first, site.check_in), site.zone).instant,
                resolve(datetime.combine(last, site.check_out), site.zone).instant,
            )
        midnight = datetime.min.time()
        return (
            reached(datetime.combine(first, midnight), site.zone), reached(datetime.combine(last, midnight), site.zone)
        )  # fmt: skip
    start, end = datetime.fromisoformat(one.start), datetime.fromisoformat(one.end)
    if one.kind == "local":
        return resolve(start, site.zone).instant, resolve(end, site.zone).instant
    return start.astimezone(UTC), end.astimezone(UTC)


def again_s(failures: int) -> float:
    """After how long a calendar that has failed so often is asked again."""
    return min(AGAIN_MIN_S * 2.0 ** min(failures - 1, 10), AGAIN_MAX_S)


async def ask_now(following: Following, job: Job, site: Site, named: str) -> Enqueued:
    """Puts the job of a calendar in, or lets the one that waits start at once.

    Raises:
        Refusal: `unknown_calendar`.
    """
    row = await following.feeds.find(site, named)
    async with following.feeds.pool.acquire() as tx, tx.transaction():
        put = await enqueue(tx, job, {"site": site.id, "calendar": str(row.id)})
    if not put.is_new:
        with suppress(Refusal):  # it runs already
            await start_now(following.feeds.pool, put.id)
    return put


async def follow_one(ctx: JobContext, site: int, calendar: str) -> dict[str, Any]:
    """The job: asks one calendar, and again after a while when it cannot be read."""
    following: Following = ctx.services["calendars"]
    try:
        row = await following.row_of(site, calendar)
    except Refusal as refusal:
        return {"followed": False, "reason": refusal.code}
    if row.paused_at is not None:
        return {"followed": False, "reason": "paused"}
    found = await following.follow(site, calendar)
    if found.error is not None and not found.unread:
        raise Retry(again_s(row.failures + 1), f"{found.calendar} at {row.host}: {found.error}")
    return msgspec.to_builtins(found)  # type: ignore[no-any-return]


async def follow_due(ctx: JobContext) -> dict[str, Any]:
    """The job of the schedule `calendars`: puts one in for each calendar that is due."""
    registry: Registry = ctx.services["registry"]
    due = await store.due(ctx.pool, DUE_MAX)
    put: list[Enqueued] = []
    if due:
        async with ctx.pool.acquire() as tx, tx.transaction():
            each = [{"site": site_id, "calendar": str(id)} for site_id, id in due]
            put = await enqueue_many(tx, registry.find(FUNCTION), each)
    return {"due": len(due), "asked": sum(one.is_new for one in put)}


def register(registry: Registry) -> None:
    """Makes the jobs known to a registry."""
    registry.job(name=FUNCTION, queue=QUEUE, timeout_s=JOB_S, retries=999, unique="args")(follow_one)
    registry.job(name=ROUND, queue="holdfast", timeout_s=JOB_S, retries=2, unique="name")(follow_due)


def _uuid(uid: str) -> UUID | None:
    try:
        return UUID(uid.partition("@")[0])
    except ValueError:
        return None
