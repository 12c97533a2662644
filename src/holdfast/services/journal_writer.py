"""Changes to a site that are too large for the desk's batches: a transaction of their own, with the desk's lock.

It takes the same row lock, the next versions of the same dense journal, and writes by the same writer; so to every
reader, and to every desk, it is one more transaction at that site. A sync batch of 500 rows takes some 30 ms:
in a lane it would hold up the commands of all sites in it. Refuses to decide anything about bookings.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
import structlog
from asyncpg.transaction import Transaction

from holdfast.domain.change import Event, encode
from holdfast.domain.errors import Refusal
from holdfast.store import desk as store
from holdfast.store.changes import SiteRow, Writing, write
from holdfast.store.connection import Connection


@asynccontextmanager
async def ending(begun: Transaction) -> AsyncIterator[None]:
    """Commits a transaction that was begun before, at the end of the block; takes it back when the block fails."""
    try:
        yield
    except BaseException:
        await begun.rollback()
        raise
    await begun.commit()


Tell = Callable[[list[tuple[int, Event]]], None]

log = structlog.get_logger("holdfast.journal")


class Lines:
    """A locked site's next journal lines. `now` is the transaction's, never before the journal's last line."""

    def __init__(self, site_id: int, *, version: int, now: datetime) -> None:
        self.site_id = site_id
        self.version = version
        self.now = now
        self.events: list[Event] = []

    def add(self, type: str, subject: str, data: object, *, actor: str, cause: str) -> None:
        """One more line, true from now on."""
        self.version += 1
        self.events.append(
            Event(self.version, self.now, self.now, type, subject, actor, cause, encode(msgspec.to_builtins(data)))
        )


class JournalWriter:
    """Opens such transactions. `tell` hears of what was committed, as the desk's listeners do."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    @asynccontextmanager
    async def locked(
        self, connection: Connection, site_id: int, *, begun: Transaction | None = None
    ) -> AsyncIterator[Lines]:
        """The site's lock, waited for, and its journal's next lines; what the block did is committed with them at its
        end, and nothing of it when it fails. `begun` is a transaction in which something was done already.

        Raises:
            Refusal: `unknown_site`.
        """
        async with self.all_locked(connection, [site_id], begun=begun) as locked:
            if site_id not in locked:
                raise Refusal("unknown_site", site=str(site_id))
            yield locked[site_id]

    @asynccontextmanager
    async def all_locked(
        self, connection: Connection, site_ids: list[int], *, waits: bool = True, begun: Transaction | None = None
    ) -> AsyncIterator[dict[int, Lines]]:
        """The same of many sites at once, those that there are; without waiting, those that nobody else has."""
        lock = store.Q["wait_for_sites" if waits else "lock_sites"]
        async with connection.transaction() if begun is None else ending(begun):
            rows = {row["id"]: row for row in await connection.fetch(lock, site_ids)}
            locked = {
                site_id: Lines(site_id, version=row["version"], now=max(row["now"], row["journal_at"]))
                for site_id, row in rows.items()
            }
            yield locked
            written = [lines for lines in locked.values() if lines.events]
            events = [(lines.site_id, event) for lines in written for event in lines.events]
            if events:
                writing = Writing()
                writing.events = events
                writing.sites = [
                    SiteRow(lines.site_id, lines.version, lines.now, rows[lines.site_id]["wakes_at"])
                    for lines in written
                ]
                await write(connection, writing)
        if events:
            self._tell(events)
