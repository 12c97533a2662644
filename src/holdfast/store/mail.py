"""What is recorded of mails, and up to where each site's journal was told by mail. Rows in, values out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.mail import MailText
from holdfast.store import sql
from holdfast.store.connection import Connection

_Q = sql.load("mail")
_encode = msgspec.json.Encoder().encode
_decode_data = msgspec.json.Decoder(dict[str, Any]).decode
_decode_text = msgspec.json.Decoder(MailText).decode


class Claimed(msgspec.Struct, frozen=True):
    """A mail taken to be sent. `attempts` counts this one; `own` is what the site's owner says instead of us."""

    id: UUID
    kind: str
    language: str
    recipient: str
    data: dict[str, Any]
    attempts: int
    own: MailText | None
    created_at: datetime
    now: datetime


async def insert(
    connection: Connection, mail_id: UUID, *, owner: tuple[UUID | None, int | None], kind: str, language: str,
    recipient: str, data: dict[str, Any], dedupe_key: str | None,
) -> bool:  # fmt: skip
    """Whether it is new: one with its dedupe key may have been there. `owner` is an organisation, and a site."""
    organisation_id, site_id = owner
    row = await connection.fetchval(
        _Q["insert_mail"], mail_id, organisation_id, site_id, kind, language, recipient, _encode(data), dedupe_key
    )
    return row is not None


async def claim(pool: asyncpg.Pool, *, limit: int, lease_s: float) -> list[Claimed]:
    """Up to so many mails that are due, those of accounts first; nobody else gets them within the lease."""
    rows = await pool.fetch(_Q["claim_mails"], limit, lease_s)
    claimed = [
        Claimed(mail_id, kind, language, to, _decode_data(data), attempts, _own(own), created_at, now)
        for mail_id, kind, language, to, data, attempts, own, created_at, now in rows
    ]
    # an update returns its rows in no order
    return sorted(claimed, key=lambda mail: mail.id)


async def mark_sent(pool: asyncpg.Pool, mail_id: UUID) -> None:
    await pool.execute(_Q["mark_sent"], mail_id)


async def mark_failed(pool: asyncpg.Pool, mail_id: UUID, reason: str) -> None:
    await pool.execute(_Q["mark_failed"], mail_id, reason)


async def delay(pool: asyncpg.Pool, mail: Claimed, *, wait_s: float, reason: str) -> None:
    await pool.execute(_Q["delay_mail"], mail.id, mail.attempts, wait_s, reason)


async def release(pool: asyncpg.Pool, mails: Sequence[Claimed], reason: str | None) -> None:
    """Gives them back untried; the attempt does not count."""
    ids, attempts = [mail.id for mail in mails], [mail.attempts for mail in mails]
    await pool.execute(_Q["release_mails"], ids, attempts, reason)


async def forget(pool: asyncpg.Pool, *, after_days: float, limit: int) -> int:
    """How many old ones were deleted."""
    status = await pool.execute(_Q["delete_old_mails"], after_days, limit)
    return int(status.rsplit(" ", 1)[1])


async def pass_over(pool: asyncpg.Pool, types: Sequence[str], *, among: Sequence[int] | None, limit: int) -> None:
    """Moves the positions of sites where nothing of these types has happened; `among` None means any site."""
    await pool.execute(_Q["pass_over"], list(among) if among is not None else None, list(types), limit)


async def sites_to_tell(pool: asyncpg.Pool, *, after: int, among: Sequence[int] | None, limit: int) -> list[int]:
    """Sites with news to tell by mail, in order; `among` None means any."""
    rows = await pool.fetch(_Q["sites_to_tell"], after, list(among) if among is not None else None, limit)
    return [row["id"] for row in rows]


async def locked_position(connection: Connection, site_id: int, slug: str) -> int | None:
    """Up to where a site has been told, locked until the transaction ends; begun when nobody has. None while somebody
    else is telling."""
    position: int | None = await connection.fetchval(_Q["lock_position"], site_id)
    if position is None and not await connection.fetchval(_Q["has_position"], site_id):
        begin: int = await connection.fetchval(_Q["turned_on_at"], site_id, slug)
        await connection.execute(_Q["begin_position"], site_id, begin)
        position = await connection.fetchval(_Q["lock_position"], site_id)
    return position


async def move_position(connection: Connection, site_id: int, version: int) -> None:
    await connection.execute(_Q["move_position"], site_id, version)


async def end_position(connection: Connection, site_id: int) -> None:
    await connection.execute(_Q["end_position"], site_id)


def _own(text: bytes | None) -> MailText | None:
    try:
        return _decode_text(text) if text is not None else None
    except msgspec.MsgspecError:
        # somebody wrote settings past us: our own words do
        return None
