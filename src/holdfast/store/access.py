"""Who a session or a token stands for, and the version of all rights. Rows in, values out; decides nothing."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.actors import Grant
from holdfast.store import sql
from holdfast.store.connection import Connection

_Q = sql.load("access")


class SessionRow(msgspec.Struct, frozen=True):
    account_id: UUID
    email: str
    idle_until: datetime
    ends_at: datetime
    seen_at: datetime
    now: datetime


class TokenRow(msgspec.Struct, frozen=True):
    id: UUID
    organisation_id: UUID
    site_id: int | None
    account_id: UUID | None
    scopes: frozenset[str]
    used_at: datetime | None
    expires_at: datetime | None
    now: datetime


async def session(pool: asyncpg.Pool, token_hash: bytes) -> SessionRow | None:
    row = await pool.fetchrow(_Q["actor_of_session"], token_hash)
    return None if row is None else SessionRow(**row)


async def session_seen(pool: asyncpg.Pool, token_hash: bytes, idle_s: float) -> None:
    await pool.execute(_Q["session_seen"], token_hash, idle_s)


async def token(pool: asyncpg.Pool, token_hash: bytes) -> TokenRow | None:
    row = await pool.fetchrow(_Q["actor_of_token"], token_hash)
    return None if row is None else TokenRow(**{**row, "scopes": frozenset(row["scopes"])})


async def token_used(pool: asyncpg.Pool, token_id: UUID) -> None:
    await pool.execute(_Q["token_used"], token_id)


async def grants(source: asyncpg.Pool | Connection, account_id: UUID) -> tuple[Grant, ...]:
    rows = await source.fetch(_Q["grants_of_account"], account_id)
    return tuple(Grant(row["organisation_id"], row["site_id"], row["role"]) for row in rows)


async def version(pool: asyncpg.Pool) -> int:
    found: int = await pool.fetchval(_Q["access_version"])
    return found


async def moved(connection: Connection) -> None:
    """To be said last in a transaction: it holds a row that everybody's changes of rights share."""
    await connection.execute(_Q["access_moved"])


async def any_account(pool: asyncpg.Pool) -> bool:
    found: bool = await pool.fetchval(_Q["any_account"])
    return found
