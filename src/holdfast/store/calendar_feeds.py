"""Calendars from outside as they are recorded. Rows in, values out; decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from holdfast.store import sql
from holdfast.store.connection import Connection, Database

_Q = sql.load("calendar_feeds")


class FeedRow(msgspec.Struct, frozen=True):
    """A calendar as it stands, its address sealed."""

    site_id: int
    id: UUID
    unit: str
    name: str
    url: bytes
    host: str
    every_minutes: int
    paused_at: datetime | None
    paused_by: str | None
    etag: str | None
    last_modified: str | None
    digest: bytes | None
    followed_at: datetime | None
    tried_at: datetime | None
    read_at: datetime | None
    next_at: datetime
    failures: int
    error: str | None
    blocks: int
    conflicts: int
    unread: int
    created_by: str
    created_at: datetime
    now: datetime


class NewFeed(msgspec.Struct, frozen=True):
    site_id: int
    id: UUID
    unit_id: int
    name: str
    url: bytes
    host: str
    every_minutes: int
    created_by: str


class Followed(msgspec.Struct, frozen=True):
    """What is known of an answer once the desk has followed it."""

    etag: str | None
    last_modified: str | None
    digest: bytes
    blocks: int
    conflicts: int
    unread: int


async def insert(tx: Connection, new: NewFeed) -> bool:
    """False when its site has one of that name."""
    return await tx.fetchval(_Q["insert"], *msgspec.structs.astuple(new)) is not None


async def count(tx: Connection, site_id: int) -> int:
    found: int = await tx.fetchval(_Q["count"], site_id)
    return found


async def page(connection: Database, site_id: int, limit: int) -> list[FeedRow]:
    return [FeedRow(*row) for row in await connection.fetch(_Q["page"], site_id, limit)]


async def one(connection: Database, site_id: int, named: str) -> FeedRow | None:
    """By id or name."""
    row = await connection.fetchrow(_Q["one"], site_id, named)
    return None if row is None else FeedRow(*row)


async def change(tx: Connection, site_id: int, id: UUID, url: bytes, host: str, every_minutes: int) -> None:
    await tx.execute(_Q["change"], site_id, id, url, host, every_minutes)


async def sealed(tx: Connection) -> list[tuple[int, UUID, bytes]]:
    """All addresses as they are sealed, held until the transaction ends."""
    return [(row["site_id"], row["id"], row["url"]) for row in await tx.fetch(_Q["sealed"])]


async def reseal(tx: Connection, site_id: int, id: UUID, url: bytes) -> None:
    await tx.execute(_Q["reseal"], site_id, id, url)


async def pause(tx: Connection, site_id: int, id: UUID, by: str) -> bool:
    """Whether it was not paused."""
    return await tx.fetchval(_Q["pause"], site_id, id, by) is not None


async def resume(tx: Connection, site_id: int, id: UUID) -> bool:
    """Whether it was paused."""
    return await tx.fetchval(_Q["resume"], site_id, id) is not None


async def remove(tx: Connection, site_id: int, id: UUID) -> bool:
    """Whether it was there."""
    return await tx.fetchval(_Q["remove"], site_id, id) is not None


async def due(connection: Database, limit: int) -> list[tuple[int, UUID]]:
    return [(row["site_id"], row["id"]) for row in await connection.fetch(_Q["due"], limit)]


async def read(
    connection: Database, site_id: int, id: UUID, *, error: str | None, after_minutes: float, followed: Followed | None
) -> None:
    """It had an answer, and `followed` is what came of it; None when it says what it said before."""
    told = msgspec.structs.astuple(followed) if followed is not None else (None, None, None, 0, 0, 0)
    await connection.execute(_Q["read"], site_id, id, error, after_minutes, followed is not None, *told)


async def failed(connection: Database, site_id: int, id: UUID, error: str, after_s: float) -> int | None:
    """How often in a row by now; None when it is gone."""
    found: int | None = await connection.fetchval(_Q["failed"], site_id, id, error, after_s)
    return found


async def own_bookings(connection: Database, site_id: int, ids: Sequence[UUID]) -> set[UUID]:
    return {row["id"] for row in await connection.fetch(_Q["own_bookings"], site_id, ids)}


async def in_trouble(connection: Database, failures: int, limit: int) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(_Q["in_trouble"], failures, limit)
    return rows
