"""Calendars from outside as people handle them: added to a unit, listed, paused, removed. What they say is followed by
`calendar_following`. An address may hold a secret, so it is sealed, and never told again but for its host.
"""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.actors import Actor
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.gateways.calendar_source import calendar_url
from holdfast.services.account_log import note
from holdfast.services.identity import new_id
from holdfast.services.sealing import Sealing, SealingError
from holdfast.store import calendar_feeds as store
from holdfast.store import reads
from holdfast.store.calendar_feeds import FeedRow, NewFeed
from holdfast.store.connection import Connection

CALENDARS_MAX = 500
"""Of one site."""
NAME_CHARS_MAX = 60
EVERY_MINUTES, EVERY_MIN, EVERY_MAX = 30, 5, 1_440
STALE_PACES, STALE_MIN = 3, timedelta(hours=1)
"""A calendar is stale when it was not read for so many paces, an hour at the least, as `in_trouble` has it."""

State = Literal["waiting", "fresh", "stale", "failing", "partial", "paused"]


class CalendarRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A calendar to be followed: what it says is taken is blocked on `unit`. `name` is what staff call it."""

    unit: str
    name: str
    url: str
    every_minutes: int = EVERY_MINUTES


class CalendarChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be another; what is left out stays. `active` False pauses it: its blocks stay as they are."""

    url: str | msgspec.UnsetType = msgspec.UNSET
    every_minutes: int | msgspec.UnsetType = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET


class CalendarView(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar: when it was last asked (`tried_at`) and last had an answer (`read_at`), what stood in the way, how
    many blocks it makes, how many of them hit bookings, and how many of its events cannot be understood.

    `state` is `paused`, `failing` (the last answer was none, `error` says why), `stale` (not read since before
    `stale_at`), `waiting` (never asked yet), `partial` (read, but not all of it was understood) or `fresh`."""

    id: UUID
    name: str
    unit: str
    host: str
    every_minutes: int
    active: bool
    paused_by: str | None
    tried_at: datetime | None
    read_at: datetime | None
    next_at: datetime
    state: State
    stale_at: datetime
    failures: int
    error: str | None
    blocks: int
    conflicts: int
    unread: int
    created_by: str
    created_at: datetime


class CalendarFeeds:
    """The calendars that sites follow. `http` allows addresses without TLS."""

    def __init__(self, pool: asyncpg.Pool, sealing: Sealing, *, http: bool = False) -> None:
        self.pool = pool
        self._sealing = sealing
        self._http = http

    async def add(self, actor: Actor, site: Site, request: CalendarRequest) -> CalendarView:
        """A calendar that is followed from now on.

        Raises:
            Refusal: `unknown_unit`, `invalid_request`, `already_exists`, `quota_reached`, `unavailable` without a key
                to seal its address with.
        """
        name = request.name.strip()
        if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
            problem = f"has 1 to {NAME_CHARS_MAX} printable characters"
            raise Refusal("invalid_request", field="name", problem=problem)
        url, every = calendar_url(request.url, http=self._http), _minutes(request.every_minutes)
        id = new_id()
        sealed, host = self._sealing.seal_or_refuse(url.encode(), _about(id)), _host(url)
        async with self.pool.acquire() as tx, tx.transaction():
            unit_id = await reads.unit_id(tx, site.id, request.unit)
            if unit_id is None:
                raise Refusal("unknown_unit", units=[request.unit[:64]])
            if await store.count(tx, site.id) >= CALENDARS_MAX:
                raise Refusal("quota_reached", problem=f"a site follows up to {CALENDARS_MAX} calendars")
            if not await store.insert(tx, NewFeed(site.id, id, unit_id, name, sealed, host, every, actor.name)):
                raise Refusal("already_exists", name=name)
            await _note(tx, actor, site, "calendar_added", name, unit=request.unit, host=host)
        return view(await self.find(site, str(id)))

    async def page(self, site: Site) -> list[CalendarView]:
        """All of a site, by name."""
        return [view(row) for row in await store.page(self.pool, site.id, CALENDARS_MAX)]

    async def find(self, site: Site, named: str) -> FeedRow:
        """One, by id or name.

        Raises:
            Refusal: `unknown_calendar`.
        """
        row = await store.one(self.pool, site.id, named)
        if row is None:
            raise Refusal("unknown_calendar", calendar=named[:NAME_CHARS_MAX])
        return row

    async def change(self, actor: Actor, site: Site, named: str, wish: CalendarChange) -> CalendarView:
        """Raises:
        Refusal: `unknown_calendar`, `invalid_request`, `nothing_to_change`, `unavailable`.
        """
        row = await self.find(site, named)
        has_changed = False
        async with self.pool.acquire() as tx, tx.transaction():
            if wish.url is not msgspec.UNSET or wish.every_minutes is not msgspec.UNSET:
                url = self.url_of(row) if wish.url is msgspec.UNSET else calendar_url(wish.url, http=self._http)
                every = row.every_minutes if wish.every_minutes is msgspec.UNSET else _minutes(wish.every_minutes)
                has_changed = (url, every) != (self.url_of(row), row.every_minutes)
                await store.change(
                    tx, site.id, row.id, self._sealing.seal_or_refuse(url.encode(), _about(row.id)), _host(url), every
                )
            if wish.active is True:
                has_changed = await store.resume(tx, site.id, row.id) or has_changed
            elif wish.active is False:
                has_changed = await store.pause(tx, site.id, row.id, actor.name) or has_changed
            if not has_changed:
                raise Refusal("nothing_to_change")
            await _note(tx, actor, site, "calendar_changed", row.name)
        return view(await self.find(site, str(row.id)))

    async def forget(self, actor: Actor, site: Site, row: FeedRow) -> None:
        """Lets go of a calendar whose blocks are gone."""
        async with self.pool.acquire() as tx, tx.transaction():
            if await store.remove(tx, site.id, row.id):
                await _note(tx, actor, site, "calendar_removed", row.name)

    def url_of(self, row: FeedRow) -> str:
        """Raises:
        Refusal: `unavailable`: the key that its address was sealed with is not here.
        """
        try:
            return self._sealing.open(row.url, _about(row.id)).decode()
        except SealingError as error:
            raise Refusal("unavailable", problem=str(error)[:200]) from error

    async def reseal(self) -> int:
        """Seals all addresses with the newest key; how many. Those that no key opens stay."""
        count = 0
        async with self.pool.acquire() as tx, tx.transaction():
            for site_id, id, url in await store.sealed(tx):
                fresh = self._sealing.resealed(url, _about(id))
                if fresh is not None:
                    count += 1
                    await store.reseal(tx, site_id, id, fresh)
        return count


def view(row: FeedRow) -> CalendarView:
    return CalendarView(
        id=row.id, name=row.name, unit=row.unit, host=row.host, every_minutes=row.every_minutes,
        active=row.paused_at is None, paused_by=row.paused_by, tried_at=row.tried_at, read_at=row.read_at,
        next_at=row.next_at, state=state_of(row), stale_at=stale_at(row), failures=row.failures, error=row.error,
        blocks=row.blocks, conflicts=row.conflicts, unread=row.unread, created_by=row.created_by,
        created_at=row.created_at,
    )  # fmt: skip


def stale_at(row: FeedRow) -> datetime:
    """When what a calendar said last counts as old."""
    return (row.read_at or row.created_at) + max(STALE_PACES * timedelta(minutes=row.every_minutes), STALE_MIN)


def state_of(row: FeedRow) -> State:
    """How a calendar stands now; what is worst of it."""
    if row.paused_at is not None:
        return "paused"
    if row.failures > 0:
        return "failing"
    if row.now >= stale_at(row):
        return "stale"
    if row.read_at is None:
        return "waiting"
    return "partial" if row.unread > 0 else "fresh"


def actor_of(row: FeedRow) -> str:
    """In whose name a calendar's blocks are made, and by which they are known: names are unique at a site, and stay."""
    return f"calendar {row.name}"


def _about(id: UUID) -> bytes:
    return b"calendar:" + id.bytes


def _host(url: str) -> str:
    return url.split("/", 3)[2][:255]


def _minutes(given: int) -> int:
    if not EVERY_MIN <= given <= EVERY_MAX:
        raise Refusal("invalid_request", field="every_minutes", problem=f"must lie between {EVERY_MIN} and {EVERY_MAX}")
    return given


async def _note(tx: Connection, actor: Actor, site: Site, what: str, name: str, **more: Any) -> None:
    await note(tx, actor, what, organisation_id=site.organisation_id, site=site.slug, calendar=name, **more)
