"""What is recorded of organisations: who may what in them, their invitations and tokens, and what happened with all of
that. Rows in, values out; decides nothing."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from holdfast.domain.actors import Grant
from holdfast.store import sql
from holdfast.store.accounts import Link, Source, deleted, link_of
from holdfast.store.connection import Connection

_Q = sql.load("accounts")
_encode = msgspec.json.Encoder().encode


class Organisation(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    created_at: datetime


class PersonLine(msgspec.Struct, frozen=True):
    """One role of one person. `site` is a slug, None for all sites."""

    id: UUID
    email: str
    name: str
    disabled_at: datetime | None
    has_second_factor: bool
    signed_in_at: datetime | None
    site_id: int | None
    site: str | None
    role: str
    granted_by: str
    granted_at: datetime


class TokenLine(msgspec.Struct, frozen=True):
    """A token without its secret."""

    id: UUID
    organisation_id: UUID
    site_id: int | None
    account_id: UUID | None
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


class LogLine(msgspec.Struct, frozen=True):
    """One thing that happened with accounts, rights or tokens."""

    id: UUID
    at: datetime
    organisation_id: UUID | None
    account_id: UUID | None
    actor: str
    action: str
    address: str | None
    data: msgspec.Raw


class LogFilter(msgspec.Struct, frozen=True):
    """Which lines of the log are asked for: what was done, to whom, by whom, and when, `end` not included."""

    actions: tuple[str, ...] | None = None
    account_id: UUID | None = None
    actor: str | None = None
    start: datetime | None = None
    end: datetime | None = None


# -- organisations ------------------------------------------------------------------------------------------------


async def organisations(
    source: Source, ids: list[UUID] | None, *, after: tuple[datetime, UUID], limit: int
) -> list[Organisation]:
    return [Organisation(**row) for row in await source.fetch(_Q["organisations"], ids, *after, limit)]


async def organisation(source: Source, organisation_id: UUID) -> Organisation | None:
    row = await source.fetchrow(_Q["organisation"], organisation_id)
    return None if row is None else Organisation(**row)


async def insert_organisation(connection: Connection, name: str) -> Organisation:
    row = await connection.fetchrow(_Q["insert_organisation"], name)
    assert row is not None
    return Organisation(**row)


async def rename_organisation(connection: Connection, organisation_id: UUID, name: str) -> Organisation | None:
    row = await connection.fetchrow(_Q["rename_organisation"], organisation_id, name)
    return None if row is None else Organisation(**row)


# -- roles --------------------------------------------------------------------------------------------------------


async def grant(connection: Connection, account_id: UUID, grant: Grant, *, by: str) -> None:
    await connection.execute(_Q["grant"], account_id, grant.organisation_id, grant.site_id, grant.role, by)


async def grant_if_none(connection: Connection, account_id: UUID, grant: Grant, *, by: str) -> None:
    await connection.execute(_Q["grant_if_none"], account_id, grant.organisation_id, grant.site_id, grant.role, by)


async def ungrant(connection: Connection, account_id: UUID, organisation_id: UUID, site_id: int | None) -> str | None:
    """The role that was taken away; None when there was none."""
    role: str | None = await connection.fetchval(_Q["ungrant"], account_id, organisation_id, site_id)
    return role


async def role_of(source: Source, account_id: UUID, organisation_id: UUID, site_id: int | None) -> str | None:
    role: str | None = await source.fetchval(_Q["role_of"], account_id, organisation_id, site_id)
    return role


async def lock_owners(connection: Connection, organisation_id: UUID) -> list[UUID]:
    """The owners who can sign in, asked for behind a lock: locking them alone would miss one whose account is being
    closed, as that is no change of their membership."""
    await connection.execute(_Q["lock_organisation"], organisation_id)
    return [row["account_id"] for row in await connection.fetch(_Q["owners"], organisation_id)]


async def people(
    source: Source, organisation_id: UUID, roles: list[str] | None, site_id: int | None, *,
    after: tuple[str, UUID, int], limit: int, search: str | None = None,
) -> list[PersonLine]:  # fmt: skip
    rows = await source.fetch(_Q["people"], organisation_id, roles, site_id, *after, limit, search)
    return [PersonLine(**row) for row in rows]


# -- invitations --------------------------------------------------------------------------------------------------


async def invitations(source: Source, organisation_id: UUID) -> list[Link]:
    return [link_of(row) for row in await source.fetch(_Q["invitations"], organisation_id)]


async def end_invitation(connection: Connection, invitation_id: UUID, organisation_id: UUID) -> Link | None:
    row = await connection.fetchrow(_Q["end_invitation"], invitation_id, organisation_id)
    return None if row is None else link_of(row)


# -- tokens -------------------------------------------------------------------------------------------------------


async def insert_token(
    connection: Connection, token_id: UUID, token_hash: bytes, place: Grant, *,
    account_id: UUID | None, name: str, scopes: list[str], expires_at: datetime | None,
) -> TokenLine:  # fmt: skip
    row = await connection.fetchrow(
        _Q["insert_token"], token_id, token_hash, place.organisation_id, place.site_id, account_id, name, scopes,
        expires_at,
    )  # fmt: skip
    assert row is not None
    return TokenLine(**row)


async def tokens(source: Source, organisation_id: UUID, *, after: tuple[datetime, UUID], limit: int) -> list[TokenLine]:
    return [TokenLine(**row) for row in await source.fetch(_Q["tokens"], organisation_id, *after, limit)]


async def token(source: Source, token_id: UUID, organisation_id: UUID) -> TokenLine | None:
    row = await source.fetchrow(_Q["token"], token_id, organisation_id)
    return None if row is None else TokenLine(**row)


async def revoke_token(connection: Connection, token_id: UUID, organisation_id: UUID) -> TokenLine | None:
    row = await connection.fetchrow(_Q["revoke_token"], token_id, organisation_id)
    return None if row is None else TokenLine(**row)


# -- what happened ------------------------------------------------------------------------------------------------


async def log(
    source: Source, line_id: UUID, *, organisation_id: UUID | None, account_id: UUID | None,
    actor: str, action: str, address: str | None, data: dict[str, Any],
) -> None:  # fmt: skip
    await source.execute(_Q["insert_log"], line_id, organisation_id, account_id, actor, action, address, _encode(data))


async def log_page(
    source: Source, organisation_id: UUID, *, before: tuple[datetime, UUID], wanted: LogFilter, limit: int
) -> list[LogLine]:
    actions = list(wanted.actions) if wanted.actions is not None else None
    by = (actions, wanted.account_id, wanted.actor, wanted.start, wanted.end)
    rows = await source.fetch(_Q["log"], organisation_id, *before, *by, limit)
    return [_log_line(row) for row in rows]


async def log_of_account(
    source: Source, account_id: UUID, *, before: tuple[datetime, UUID], limit: int
) -> list[LogLine]:
    return [_log_line(row) for row in await source.fetch(_Q["log_of_account"], account_id, *before, limit)]


async def trim_log(source: Source, *, after_days: float, limit: int) -> int:
    """How many lines older than this were deleted."""
    return deleted(await source.execute(_Q["trim_log"], after_days, limit))


def _log_line(row: Any) -> LogLine:
    return LogLine(**{**row, "data": msgspec.Raw(row["data"])})
