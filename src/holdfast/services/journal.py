"""The journal as readers see it: dense, in order, bytes as they were written; and the epoch, which names the line of
history that its versions count in."""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.store import reads as store

EVENTS_MAX = 1_000
SCANNED_MAX = 20_000
"""How many versions one request with `types` looks through: `next` goes on behind them, events or not."""
TYPES_MAX = 50
EPOCH_KEPT_S = 1.0


class EventView(msgspec.Struct, frozen=True, gc=False):
    """One line. `at` is when it was written, `effective_at` when it became true."""

    version: int
    at: datetime
    effective_at: datetime
    type: str
    subject: str
    actor: str
    cause: str
    data: msgspec.Raw


class JournalPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events behind a position. `next` is the position to go on from, `last` the site's version. `reset` says why the
    given position means nothing here: other_epoch, ahead, or trimmed; take a new snapshot then."""

    site: str
    epoch: str
    events: list[EventView]
    next: int
    last: int
    reset: str | None = None


LineFilter = store.LineFilter


class Lines(msgspec.Struct, frozen=True):
    """Which lines are asked for: by what they say, and when they were written, `end` not included."""

    by: LineFilter = store.ALL_LINES
    start: datetime | None = None
    end: datetime | None = None


ALL = Lines()


class Epochs:
    """The epoch of a database, asked at most once a second: `system:timeline:database:table` as a short hash. It
    changes by itself when a backup is restored, even in place, or a standby takes over, so that readers never mix two
    histories."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._kept: tuple[float, str] | None = None

    async def current(self) -> str:
        """The epoch now. Ask before taking a connection: it may need one itself."""
        now = asyncio.get_running_loop().time()
        if self._kept is None or self._kept[0] <= now:
            line: object = await store.history_line(self._pool)
            # a role that may not ask still tells its own database from others by the secret kept in it
            if line is None:
                kept = await store.secret(self._pool, "epoch", secrets.token_bytes(32))
                line = (kept, await store.table_made(self._pool))
            self._kept = (now + EPOCH_KEPT_S, hashlib.blake2s(repr(line).encode(), digest_size=6).hexdigest())
        return self._kept[1]


def position(text: str | None) -> tuple[str | None, int]:
    """Epoch (None when not given) and version of `123` or `epoch:123`; nothing means the beginning.

    Raises:
        Refusal: `invalid_cursor`.
    """
    if not text:
        return None, 0
    epoch, _, version = text.rpartition(":")
    if not (version.isascii() and version.isdigit()) or len(version) > 18 or len(epoch) > 64:
        raise Refusal("invalid_cursor", field="after")
    return epoch or None, int(version)


async def stands(pool: asyncpg.Pool, site_ids: Iterable[int]) -> dict[int, int]:
    """At which version each of these sites stands."""
    async with pool.acquire() as connection:
        return dict(await store.stands(connection, sorted(site_ids)))


async def lines_behind(pool: asyncpg.Pool, site_id: int, version: int, *, until: int, limit: int) -> list[EventView]:
    """The journal lines of a site behind a version and up to another, in order."""
    async with pool.acquire() as connection:
        rows = await store.journal(connection, site_id, after=version, until=until, limit=limit, wanted=store.ALL_LINES)
    return views_of(rows)


async def journal_page(
    pool: asyncpg.Pool, epochs: Epochs, site: Site, *, after: str | None, limit: int, wanted: Lines = ALL
) -> JournalPage:
    """Events behind a position, in order. Without a filter they are dense; with one, everything up to `next` has been
    looked at: no line up to there passes it that was not told.

    Raises:
        Refusal: `invalid_cursor`, `invalid_request`, `invalid_time`, `unknown_site`.
    """
    known_epoch, behind = position(after)
    _check(wanted)
    limit = max(1, min(limit, EVENTS_MAX))
    epoch = await epochs.current()
    async with pool.acquire() as connection:
        standing = await store.standing(connection, site.id)
        if standing is None:
            raise Refusal("unknown_site", site=site.slug)
        last = standing.version
        if known_epoch is not None and known_epoch != epoch:
            return JournalPage(site.slug, epoch, [], last, last, "other_epoch")
        if behind > last:
            return JournalPage(site.slug, epoch, [], last, last, "ahead")
        first, end = await bounds(connection, site.id, wanted, behind=behind, last=last)
        # by a subject's own index a filter costs nothing however much lies between; by others it is a look at each
        by = wanted.by
        until = end if by.subject is not None or by.is_of_all else min(end, first + SCANNED_MAX)
        rows = await store.journal(connection, site.id, after=first, until=until, limit=limit, wanted=by)
        if behind < last and wanted.start is None:
            oldest = await store.oldest_version(connection, site.id)
            if oldest is None or oldest > behind + 1:
                return JournalPage(site.slug, epoch, [], last, last, "trimmed")
    events = views_of(rows)
    if len(events) == limit:
        return JournalPage(site.slug, epoch, events, events[-1].version, last)
    # what was written behind `to` cannot pass: then everything has been looked at
    return JournalPage(site.slug, epoch, events, last if until >= end else until, last)


async def bounds(
    connection: store.Connection, site_id: int, wanted: Lines, *, behind: int, last: int
) -> tuple[int, int]:
    """Behind which version, and up to which, the lines are that the times allow."""
    first, end = behind, last
    if wanted.start is not None:
        first = max(behind, await store.version_before(connection, site_id, wanted.start, last=last))
    if wanted.end is not None:
        end = max(first, await store.version_before(connection, site_id, wanted.end, last=last))
    return first, end


def _check(wanted: Lines) -> None:
    if wanted.by.types is not None and len(wanted.by.types) > TYPES_MAX:
        raise Refusal("invalid_request", field="types", expected=f"at most {TYPES_MAX} types")
    if wanted.start is not None and wanted.end is not None and wanted.end <= wanted.start:
        raise Refusal("invalid_time", field="to", problem="is not after `from`")


def views_of(rows: Iterable[asyncpg.Record]) -> list[EventView]:
    return [EventView(v, at, true_at, kind, about, who, why, msgspec.Raw(data))
            for v, at, true_at, kind, about, who, why, data in rows]  # fmt: skip
