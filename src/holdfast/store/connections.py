"""Stores' connections, their streams, the limits of their sources. Rows in, values out; decides nothing."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.sync.due import Schedule
from holdfast.domain.sync.windows import Reading
from holdfast.store import sql
from holdfast.store.connection import Connection

_Q = sql.load("connections")
ROTATION = 0x4B455953
"""The lock of whoever changes the key that secrets are kept with."""
_encode = msgspec.json.Encoder().encode
schedule_of = msgspec.json.Decoder(Schedule).decode
_reading = msgspec.json.Decoder(Reading).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode


class ConnectionRow(msgspec.Struct, frozen=True):
    """A source of a store. `secret` is encrypted."""

    site_id: int
    id: int
    kind: str
    name: str
    config: dict[str, Any]
    secret: bytes | None
    secret_key_id: str | None
    is_enabled: bool
    run_id: UUID | None
    failures: int
    paused_until: datetime | None
    created_at: datetime


class StreamRow(msgspec.Struct, frozen=True):
    """What a connection brings, and how far that is complete."""

    connection_id: int
    name: str
    schedule: Schedule
    watermark: datetime | None
    verified_at: datetime | None
    generation: int
    reads: int
    reading: Reading | None
    tried_at: datetime | None
    due_at: datetime | None
    created_at: datetime


class Due(msgspec.Struct, frozen=True):
    """A stream whose schedule was due at `due_at`, as of `now`."""

    site_id: int
    connection_id: int
    name: str
    schedule: Schedule
    time_zone: str
    due_at: datetime
    now: datetime

    @property
    def key(self) -> tuple[int, int, str]:
        return self.site_id, self.connection_id, self.name


async def insert(
    connection: Connection, site_id: int, *, kind: str, name: str, config: object,
) -> int | None:  # fmt: skip
    """The id of a new connection; None when its name is taken."""
    found: int | None = await connection.fetchval(
        _Q["insert_connection"], site_id, kind, name, _encode(config), None, None
    )
    return found


async def set_secret(
    connection: Connection, site_id: int, connection_id: int, secret: bytes | None, key_id: str | None
) -> None:
    await connection.execute(_Q["set_secret"], site_id, connection_id, secret, key_id)


async def update(
    connection: Connection, site_id: int, connection_id: int, *, name: str, config: object, is_enabled: bool
) -> None:
    """Raises:
    asyncpg.UniqueViolationError: the name is taken.
    """
    await connection.execute(_Q["update_connection"], site_id, connection_id, name, _encode(config), is_enabled)


async def delete(connection: Connection, site_id: int, connection_id: int) -> bool:
    """Takes a connection and its rows out; False when a run is at it."""
    if await connection.fetchval(_Q["delete_connection"], site_id, connection_id) is None:
        return False
    await connection.execute(_Q["delete_rows"], site_id, connection_id)
    return True


async def of_site(connection: Connection, site_id: int) -> list[ConnectionRow]:
    return [connection_row(row) for row in await connection.fetch(_Q["connections"], site_id)]


async def one(connection: Connection, site_id: int, connection_id: int) -> ConnectionRow | None:
    row = await connection.fetchrow(_Q["connection"], site_id, connection_id)
    return None if row is None else connection_row(row)


async def under_other_keys(
    connection: Connection, key_id: str, behind: tuple[int, int]
) -> list[tuple[int, int, bytes, str]]:
    return [tuple(row) for row in await connection.fetch(_Q["secrets_under_other_keys"], key_id, *behind)]


async def rotates_alone(connection: Connection) -> bool:
    """Whether nobody else is changing the key that secrets are kept with; then nobody does until this connection is
    given back."""
    return bool(await connection.fetchval(_Q["rotates_alone"], ROTATION))


async def replace_secret(
    connection: Connection, site_id: int, connection_id: int, before: bytes, secret: bytes, key_id: str
) -> None:
    await connection.execute(_Q["replace_secret"], site_id, connection_id, before, secret, key_id)


async def insert_stream(
    connection: Connection, site_id: int, connection_id: int, name: str, schedule: Schedule, due_at: datetime | None
) -> None:
    await connection.execute(_Q["insert_stream"], site_id, connection_id, name, _encode(schedule), due_at)


async def set_schedule(
    connection: Connection, site_id: int, connection_id: int, name: str, schedule: Schedule, due_at: datetime | None
) -> None:
    await connection.execute(_Q["set_schedule"], site_id, connection_id, name, _encode(schedule), due_at)


async def streams(connection: Connection, site_id: int) -> list[StreamRow]:
    return [
        StreamRow(
            row["connection_id"], row["name"], schedule_of(row["schedule"]), row["watermark"], row["verified_at"],
            row["generation"], row["reads"], None if row["reading"] is None else _reading(row["reading"]),
            row["tried_at"], row["due_at"], row["created_at"],
        )
        for row in await connection.fetch(_Q["streams"], site_id)
    ]  # fmt: skip


async def scheduled(connection: Connection, limit: int) -> list[Due]:
    """Streams that are due and may be synced now, the longest due first."""
    return [
        Due(
            row["site_id"], row["connection_id"], row["name"], schedule_of(row["schedule"]), row["time_zone"],
            row["due_at"], row["now"],
        )
        for row in await connection.fetch(_Q["scheduled"], limit)
    ]  # fmt: skip


async def note_due(connection: Connection, due: Due, at: datetime) -> None:
    """When a stream is due next, unless somebody has said otherwise meanwhile."""
    await connection.execute(_Q["note_due"], due.site_id, due.connection_id, due.name, at, due.due_at)


async def note_watched(connection: Connection, site_ids: Iterable[int], for_s: float) -> None:
    await connection.execute(_Q["note_watched"], sorted(set(site_ids)), for_s)


async def note_failure(connection: Connection, site_id: int, connection_id: int) -> int:
    """How often in a row runs of this connection have failed now."""
    found: int = await connection.fetchval(_Q["note_failure"], site_id, connection_id)
    return found


async def pause(connection: Connection, site_id: int, connection_id: int, until: datetime) -> None:
    await connection.execute(_Q["pause"], site_id, connection_id, until)


async def note_success(connection: Connection, site_id: int, connection_id: int) -> None:
    await connection.execute(_Q["note_success"], site_id, connection_id)


async def take_tokens(pool: asyncpg.Pool, name: str, cost: float, *, burst: float, per_s: float) -> float:
    """For how many seconds a request of that cost must wait."""
    found: float = await pool.fetchval(_Q["take_tokens"], name, cost, burst, per_s)
    return found


async def prime(pool: asyncpg.Pool, name: str, left: float, burst: float | None, per_s: float | None) -> None:
    await pool.execute(_Q["prime"], name, left, burst, per_s)


async def block(pool: asyncpg.Pool, name: str, wait_s: float) -> None:
    await pool.execute(_Q["block"], name, wait_s)


async def set_rate(connection: Connection, site_id: int, currency: str, into: str, day: date, rate: Decimal) -> None:
    await connection.execute(_Q["set_rate"], site_id, currency, into, day, rate)


async def rates(connection: Connection, site_id: int) -> list[tuple[str, str, date, Decimal]]:
    return [tuple(row) for row in await connection.fetch(_Q["rates"], site_id)]


def connection_row(row: asyncpg.Record) -> ConnectionRow:
    return ConnectionRow(
        row["site_id"], row["id"], row["kind"], row["name"], _object(row["config"]), row["secret"],
        row["secret_key_id"], row["is_enabled"], row["run_id"], row["failures"], row["paused_until"],
        row["created_at"],
    )  # fmt: skip
