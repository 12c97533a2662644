"""What is recorded of people: accounts, their sessions, links that work once. Rows in, values out; decides nothing."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.store import sql
from holdfast.store.connection import Connection

_Q = sql.load("accounts")
_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any]).decode

Source = asyncpg.Pool | Connection


class Account(msgspec.Struct, frozen=True):
    """Somebody who can be known again. `password_hash` is None for those who have set none yet."""

    id: UUID
    email: str
    name: str
    phone: str | None
    language: str
    profile: dict[str, Any]
    password_hash: str | None
    totp_secret: bytes | None
    totp_since: datetime | None
    totp_step: int
    recovery_hashes: list[bytes]
    verified_at: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    signed_in_at: datetime | None

    @property
    def has_second_factor(self) -> bool:
        return self.totp_since is not None


class SessionLine(msgspec.Struct, frozen=True):
    token_hash: bytes
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str


class Link(msgspec.Struct, frozen=True):
    """What a link that works once is for."""

    id: UUID
    purpose: str
    account_id: UUID | None
    email: str | None
    organisation_id: UUID | None
    site_id: int | None
    role: str | None
    data: dict[str, Any]
    created_by: str
    created_at: datetime
    expires_at: datetime


class NewLink(msgspec.Struct, frozen=True):
    """A link to be made; `hash` is that of its secret."""

    hash: bytes
    id: UUID
    purpose: str
    created_by: str
    expires_in_s: float
    account_id: UUID | None = None
    email: str | None = None
    organisation_id: UUID | None = None
    site_id: int | None = None
    role: str | None = None
    data: dict[str, Any] = {}


class NewAccount(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    name: str
    phone: str | None = None
    language: str = "en"
    profile: dict[str, Any] = {}
    password_hash: str | None = None
    is_verified: bool = False


async def by_id(source: Source, account_id: UUID) -> Account | None:
    return _account(await source.fetchrow(_Q["account_by_id"], account_id))


async def by_email(source: Source, email: str) -> Account | None:
    return _account(await source.fetchrow(_Q["account_by_email"], email))


async def lock(connection: Connection, account_id: UUID) -> Account | None:
    return _account(await connection.fetchrow(_Q["lock_account"], account_id))


async def insert(connection: Connection, new: NewAccount) -> bool:
    """False when the address has an account already."""
    row = await connection.fetchrow(
        _Q["insert_account"], new.id, new.email, new.name, new.phone, new.language, _encode(new.profile),
        new.password_hash, new.is_verified,
    )  # fmt: skip
    return row is not None


async def change(
    source: Source, account_id: UUID, *, name: str, phone: str | None, language: str, profile: dict[str, Any]
) -> None:
    await source.execute(_Q["change_account"], account_id, name, phone, language, _encode(profile))


async def set_password(connection: Connection, account_id: UUID, password_hash: str, *, by_mail: bool) -> None:
    await connection.execute(_Q["set_password"], account_id, password_hash, by_mail)


async def rehash(source: Source, account_id: UUID, before: str, after: str) -> None:
    await source.execute(_Q["rehash_password"], account_id, before, after)


async def verify(connection: Connection, account_id: UUID) -> None:
    await connection.execute(_Q["verify_account"], account_id)


async def disable(connection: Connection, account_id: UUID, *, disabled: bool) -> None:
    await connection.execute(_Q["disable_account"], account_id, disabled)


async def signed_in(connection: Connection, account_id: UUID) -> None:
    await connection.execute(_Q["signed_in"], account_id)


# -- second factor ------------------------------------------------------------------------------------------------


async def begin_totp(connection: Connection, account_id: UUID, secret: bytes) -> bool:
    """False when there is a second factor that counts."""
    return await connection.fetchval(_Q["begin_totp"], account_id, secret) is not None


async def confirm_totp(connection: Connection, account_id: UUID, secret: bytes, step: int, hashes: list[bytes]) -> bool:
    """False when this is not, or no longer, the secret that waits to be confirmed."""
    return await connection.fetchval(_Q["confirm_totp"], account_id, secret, step, hashes) is not None


async def sealed(connection: Connection) -> list[tuple[UUID, bytes]]:
    """The second factors as they are sealed, held until the transaction ends."""
    return [(row["id"], row["totp_secret"]) for row in await connection.fetch(_Q["sealed_totp"])]


async def set_sealed(connection: Connection, account_id: UUID, secret: bytes) -> None:
    await connection.execute(_Q["reseal_totp"], account_id, secret)


async def end_totp(connection: Connection, account_id: UUID) -> None:
    await connection.execute(_Q["end_totp"], account_id)


async def use_totp_step(source: Source, account_id: UUID, step: int) -> bool:
    """False when this code, or a later one, was used before."""
    return await source.fetchval(_Q["use_totp_step"], account_id, step) is not None


async def use_recovery_code(source: Source, account_id: UUID, code_hash: bytes) -> bool:
    return await source.fetchval(_Q["use_recovery_code"], account_id, code_hash) is not None


# -- sessions -----------------------------------------------------------------------------------------------------


async def insert_session(
    connection: Connection, token_hash: bytes, account_id: UUID, *,
    idle_s: float, life_s: float, address: str, agent: str,
) -> None:  # fmt: skip
    await connection.execute(_Q["insert_session"], token_hash, account_id, idle_s, life_s, address, agent)


async def sessions(source: Source, account_id: UUID) -> list[SessionLine]:
    return [SessionLine(**row) for row in await source.fetch(_Q["sessions_of_account"], account_id)]


async def end_session(connection: Connection, token_hash: bytes, account_id: UUID) -> bool:
    return await connection.fetchval(_Q["end_session"], token_hash, account_id) is not None


async def end_sessions(connection: Connection, account_id: UUID, *, but: bytes | None = None) -> int:
    """How many were ended."""
    return len(await connection.fetch(_Q["end_sessions"], account_id, but))


# -- links that work once -------------------------------------------------------------------------------------------


async def insert_link(connection: Connection, new: NewLink) -> None:
    await connection.execute(
        _Q["insert_link"], new.hash, new.id, new.purpose, new.account_id, new.email, new.organisation_id, new.site_id,
        new.role, _encode(new.data), new.created_by, new.expires_in_s,
    )  # fmt: skip


async def link(source: Source, token_hash: bytes, purpose: str) -> Link | None:
    return _link(await source.fetchrow(_Q["link"], token_hash, purpose))


async def use_link(connection: Connection, token_hash: bytes, purpose: str) -> Link | None:
    """What the link was for; None when it does not work, or not any more."""
    return _link(await connection.fetchrow(_Q["use_link"], token_hash, purpose))


async def end_links(
    connection: Connection, purpose: str, *, account_id: UUID | None = None, email: str | None = None
) -> None:
    await connection.execute(_Q["end_links"], purpose, account_id, email)


async def end_invitations_by(connection: Connection, maker: str, organisation_id: UUID | None = None) -> None:
    """With None in all organisations."""
    await connection.execute(_Q["end_invitations_by"], maker, organisation_id)


async def trim_links(source: Source, *, limit: int) -> int:
    """How many links that no longer work were deleted."""
    return deleted(await source.execute(_Q["trim_links"], limit))


async def trim_sessions(source: Source, *, limit: int) -> int:
    """How many sessions that are over were deleted."""
    return deleted(await source.execute(_Q["trim_sessions"], limit))


def deleted(status: str) -> int:
    """How many rows a `DELETE 3` took."""
    return int(status.rsplit(" ", 1)[1])


def _account(row: Any) -> Account | None:
    if row is None:
        return None
    return Account(**{**row, "profile": _object(row["profile"]), "recovery_hashes": list(row["recovery_hashes"])})


def link_of(row: Any) -> Link:
    return Link(**{**row, "data": _object(row["data"])})


def _link(row: Any) -> Link | None:
    return None if row is None else link_of(row)
