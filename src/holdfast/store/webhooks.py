"""Endpoints, positions and deliveries as they are recorded. Rows in, values out; decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from holdfast.store import sql
from holdfast.store.connection import Connection, Database

_Q = sql.load("webhooks")

Pair = tuple[UUID, int]
"""An endpoint and a site."""


class WebhookRow(msgspec.Struct, frozen=True):
    """An endpoint as it stands, its secrets sealed."""

    id: UUID
    organisation_id: UUID
    site_id: int | None
    site: str | None
    url: str
    description: str
    events: list[str]
    secret: bytes
    secret_before: bytes | None
    before_until: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    failing_since: datetime | None
    created_by: str
    created_at: datetime
    now: datetime


class DeliveryRow(msgspec.Struct, frozen=True):
    id: UUID
    webhook_id: UUID
    type: str
    payload: str
    state: str
    attempts: int
    status: int | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None


class Claim(msgspec.Struct, frozen=True):
    """An attempt at a delivery that has begun; `number` counts from 1 in each turn."""

    webhook_id: UUID
    payload: str
    number: int


class NewDelivery(msgspec.Struct, frozen=True):
    id: UUID
    webhook_id: UUID
    key: str
    type: str
    payload: str


class Position(msgspec.Struct, frozen=True):
    """Up to where an endpoint has been told of a site, and up to where there is something to tell."""

    version: int
    until: int
    slug: str


class Tried(msgspec.Struct, frozen=True):
    """What became of an attempt."""

    status: int | None
    took_ms: float
    error: str | None
    answer: str | None


class AttemptRow(msgspec.Struct, frozen=True):
    number: int
    at: datetime
    status: int | None
    took_ms: float
    error: str | None
    answer: str | None


async def insert(tx: Connection, new: WebhookRow) -> None:
    await tx.execute(
        _Q["insert"], new.id, new.organisation_id, new.site_id, new.url, new.description, new.events, new.secret,
        new.created_by,
    )  # fmt: skip
    await tx.execute(_Q["begin_positions"], new.id, new.organisation_id, new.site_id)


async def count(tx: Connection, organisation_id: UUID) -> int:
    found: int = await tx.fetchval(_Q["count"], organisation_id)
    return found


async def page(pool: Database, organisation_id: UUID, limit: int) -> list[WebhookRow]:
    return [WebhookRow(**row) for row in await pool.fetch(_Q["page"], organisation_id, limit)]


async def one(pool: Database, id: UUID) -> WebhookRow | None:
    row = await pool.fetchrow(_Q["one"], id)
    return None if row is None else WebhookRow(**row)


async def lock(tx: Connection, id: UUID) -> WebhookRow | None:
    """The endpoint, locked until the transaction ends."""
    await tx.fetchval(_Q["lock"], id)
    return await one(tx, id)


async def change(tx: Connection, id: UUID, url: str, description: str, events: Sequence[str]) -> None:
    await tx.execute(_Q["change"], id, url, description, events)


async def rotate(tx: Connection, id: UUID, secret: bytes, overlap_hours: float) -> None:
    await tx.execute(_Q["rotate"], id, secret, overlap_hours)


async def sealed(tx: Connection) -> list[tuple[UUID, bytes, bytes | None]]:
    """All secrets as they are sealed, held until the transaction ends."""
    return [(row["id"], row["secret"], row["secret_before"]) for row in await tx.fetch(_Q["sealed"])]


async def reseal(tx: Connection, id: UUID, secret: bytes, secret_before: bytes | None) -> None:
    await tx.execute(_Q["reseal"], id, secret, secret_before)


async def pause(tx: Connection, id: UUID, by: str) -> bool:
    """Whether it was not paused before."""
    return await tx.fetchval(_Q["pause"], id, by) is not None


async def resume(tx: Connection, id: UUID) -> bool:
    """Whether it was paused."""
    return await tx.fetchval(_Q["resume"], id) is not None


async def remove(tx: Connection, id: UUID) -> None:
    await tx.execute(_Q["remove"], id)


async def due(pool: Database, among: Sequence[int] | None, after: Pair, limit: int) -> list[Pair]:
    return [(row["webhook_id"], row["site_id"]) for row in await pool.fetch(_Q["due"], among, *after, limit)]


async def locked_position(tx: Connection, pair: Pair) -> Position | None:
    """Locked until the transaction ends, begun when nobody has; None while somebody else is telling."""
    await tx.execute(_Q["begin_position"], *pair)
    row = await tx.fetchrow(_Q["lock_position"], *pair)
    return None if row is None else Position(**row)


async def move_position(tx: Connection, pair: Pair, version: int) -> None:
    await tx.execute(_Q["move_position"], *pair, version)


async def put_in(tx: Connection, new: Sequence[NewDelivery]) -> list[tuple[UUID, UUID]]:
    """Those that were not there yet, as (delivery, endpoint)."""
    columns = zip(*(msgspec.structs.astuple(each) for each in new), strict=True)
    rows = await tx.fetch(_Q["put_in"], *(list(column) for column in columns))
    return [(row["id"], row["webhook_id"]) for row in rows]


async def given_up(pool: Database, patterns: Sequence[str], but: str, limit: int) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await pool.fetch(_Q["given_up"], patterns, but, limit)
    return rows


async def delivery(pool: Database, id: UUID) -> DeliveryRow | None:
    row = await pool.fetchrow(_Q["delivery"], id)
    return None if row is None else DeliveryRow(**row)


async def deliveries(
    pool: Database, webhook_id: UUID, before: UUID, state: str | None, limit: int
) -> list[DeliveryRow]:
    return [DeliveryRow(**row) for row in await pool.fetch(_Q["deliveries"], webhook_id, before, state, limit)]


async def attempts(pool: Database, delivery_id: UUID) -> list[AttemptRow]:
    return [AttemptRow(**row) for row in await pool.fetch(_Q["attempts"], delivery_id)]


async def recent(pool: Database, webhooks: Sequence[UUID], limit: int) -> dict[UUID, list[str]]:
    """The states of the last deliveries of endpoints, the newest first."""
    found: dict[UUID, list[str]] = {}
    for row in await pool.fetch(_Q["recent"], webhooks, limit):
        found.setdefault(row["webhook_id"], []).append(row["state"])
    return found


async def claim(pool: Database, id: UUID, turn: int, within_s: float) -> Claim | None:
    """An attempt that nobody else makes meanwhile; None where there is none to be made now."""
    row = await pool.fetchrow(_Q["claim"], id, turn, within_s)
    return None if row is None else Claim(**row)


async def claimed_for(pool: Database, id: UUID, turn: int) -> float | None:
    """For how many seconds more somebody else may be at it; None when there is nothing to do in this turn."""
    left_s: float | None = await pool.fetchval(_Q["claimed_for"], id, turn)
    return left_s


async def note_attempt(tx: Database, id: UUID, turn: int, tried: Tried, state: str) -> None:
    await tx.execute(_Q["note_attempt"], id, tried.status, tried.error, tried.took_ms, tried.answer, state, turn)


async def hold(tx: Database, id: UUID, turn: int) -> None:
    await tx.execute(_Q["hold"], id, turn)


async def next_turn(tx: Connection, id: UUID, webhook_id: UUID) -> int | None:
    """The turn that begins; None for a delivery that the endpoint has not."""
    turn: int | None = await tx.fetchval(_Q["next_turn"], id, webhook_id)
    return turn


async def going_on(pool: Database, limit: int) -> list[UUID]:
    """Endpoints that are not paused any more and have deliveries that were held."""
    return [row["id"] for row in await pool.fetch(_Q["going_on"], limit)]


async def let_go_on(tx: Connection, webhook_id: UUID, limit: int) -> list[tuple[UUID, int]]:
    """Deliveries that were held and wait again, each with its turn."""
    return [(row["id"], row["turn"]) for row in await tx.fetch(_Q["held"], webhook_id, limit)]


async def succeeded(tx: Database, id: UUID) -> None:
    await tx.execute(_Q["succeeded"], id)


async def failing(tx: Database, id: UUID, days: float) -> tuple[datetime, bool] | None:
    """Since when an endpoint has taken nothing, and whether that is too long."""
    row = await tx.fetchrow(_Q["failing"], id, days)
    return None if row is None else (row["failing_since"], row["is_too_long"])


async def owners(tx: Connection, organisation_id: UUID) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await tx.fetch(_Q["owners"], organisation_id)
    return rows


async def reader(tx: Connection, organisation_id: UUID, email: str) -> asyncpg.Record:
    """`organisation`, and `language` or None."""
    row = await tx.fetchrow(_Q["reader"], organisation_id, email)
    assert row is not None
    return row


async def forget(pool: Database, after_days: float, limit: int) -> int:
    return len(await pool.fetch(_Q["forget"], after_days, limit))
