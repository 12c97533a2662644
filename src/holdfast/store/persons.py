"""What is recorded of a person in an organisation, wherever it stands, and what takes it out. Decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from holdfast.store import sql
from holdfast.store.accounts import Source
from holdfast.store.connection import Connection
from holdfast.store.people import LogLine

_Q = sql.load("persons")


class Known(msgspec.Struct, frozen=True):
    """An account as an organisation knows it; `is_whole` says that no other organisation does."""

    account_id: UUID
    organisation_id: UUID
    is_whole: bool

    @property
    def actor(self) -> str:
        return f"account:{self.account_id}"


class MailLine(msgspec.Struct, frozen=True):
    id: UUID
    kind: str
    language: str
    recipient: str
    data: msgspec.Raw
    state: str
    created_at: datetime
    sent_at: datetime | None


async def ids_of_bookings(source: Source, site_id: int, keys: Sequence[str], *, after: UUID, limit: int) -> list[UUID]:
    rows = await source.fetch(_Q["ids_of_bookings"], site_id, list(keys), after, limit)
    return [row["id"] for row in rows]


async def live_bookings(source: Source, organisation_id: UUID, keys: Sequence[str]) -> dict[str, int]:
    """How many there are, by the site's slug."""
    rows = await source.fetch(_Q["live_bookings"], organisation_id, list(keys))
    return {row["slug"]: row["bookings"] for row in rows}


async def journal_of_bookings(
    source: Source, site_id: int, ids: Sequence[UUID], *, after: tuple[str, int], limit: int
) -> list[asyncpg.Record]:
    subjects = [str(booking_id) for booking_id in ids]
    rows: list[asyncpg.Record] = await source.fetch(_Q["journal_of_bookings"], site_id, subjects, *after, limit)
    return rows


async def answers_of_site(source: Source, site_id: int, *, after: str, limit: int) -> list[tuple[str, bytes]]:
    """(key, body) of answers behind a key."""
    return [(row["key"], row["body"]) for row in await source.fetch(_Q["answers_of_site"], site_id, after, limit)]


async def forget_answers(source: Source, site_id: int, keys: Sequence[str]) -> None:
    await source.execute(_Q["forget_answers"], site_id, list(keys))


async def mails(
    source: Source, email: str, organisation_id: UUID, *, is_whole: bool, after: UUID, limit: int
) -> list[MailLine]:
    rows = await source.fetch(_Q["mails_of_person"], email, organisation_id, is_whole, after, limit)
    return [MailLine(**{**row, "data": msgspec.Raw(row["data"])}) for row in rows]


async def forget_address(connection: Connection, email: str, organisation_id: UUID, *, is_whole: bool) -> None:
    """Takes out mails and links that were sent to an address, also a mail that is just being written."""
    await connection.execute(_Q["wait_for_tellers"], organisation_id)
    await connection.execute(_Q["forget_mails"], email, organisation_id, is_whole)
    await connection.execute(_Q["forget_links"], email, organisation_id)


async def forget_account(connection: Connection, known: Known) -> None:
    """Takes out an account, or, where others know it too, all that it is to this organisation."""
    names = (known.account_id, known.organisation_id)
    await connection.execute(_Q["forget_places"], *names, known.is_whole, known.actor)
    if known.is_whole:
        await connection.execute(_Q["forget_account"], known.account_id)
        return
    await connection.execute(_Q["forget_profiles"], *names)
    await connection.execute(_Q["forget_tokens"], *names)
    await connection.execute(_Q["forget_roles"], *names)


async def known(source: Source, account_id: UUID, organisation_id: UUID) -> Known | None:
    """The account as the organisation knows it; None when it never had a role there."""
    if not await source.fetchval(_Q["is_of_organisation"], account_id, organisation_id):
        return None
    is_of_others = await source.fetchval(_Q["is_of_others"], account_id, organisation_id)
    return Known(account_id, organisation_id, not is_of_others)


async def log(source: Source, known: Known, *, before: tuple[datetime, UUID], limit: int) -> list[LogLine]:
    rows = await source.fetch(
        _Q["log_of_person"], known.account_id, known.organisation_id, known.is_whole, known.actor, *before, limit
    )
    return [LogLine(**{**row, "data": msgspec.Raw(row["data"])}) for row in rows]


async def names_of_accounts(source: Source, organisation_id: UUID, ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = await source.fetch(_Q["names_of_accounts"], organisation_id, list(ids)) if ids else ()
    return {row["id"]: row["name"] for row in rows}


async def names_of_tokens(source: Source, organisation_id: UUID, ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = await source.fetch(_Q["names_of_tokens"], organisation_id, list(ids)) if ids else ()
    return {row["id"]: row["name"] for row in rows}
