"""The secret link of a booking: whoever has it may see and change that one booking, and is nobody else.

The key is made of a secret of this database and the booking's place: nothing has to be kept, and nothing can be
guessed from other links.
"""

import base64
import hashlib
import hmac
import secrets
from uuid import UUID

import asyncpg

from holdfast.domain.sites import Site
from holdfast.store import reads as store

LINKS = "booking_links"
SECRET_BYTES = 32
KEY_CHARS = 32


class BookingLinks:
    """Makes keys and checks them. The secret behind them is made once and kept in the database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._secret: bytes | None = None

    async def prepare(self) -> bytes:
        """The secret; once it has been read, keys need no connection any more."""
        if self._secret is None:
            self._secret = await store.secret(self._pool, LINKS, secrets.token_bytes(SECRET_BYTES))
        return self._secret

    async def key(self, site: Site, booking_id: UUID) -> str:
        """What stands for a booking in its link."""
        said = b"%d:%s" % (site.id, booking_id.bytes)
        digest = hmac.digest(await self.prepare(), said, hashlib.sha256)
        return base64.urlsafe_b64encode(digest)[:KEY_CHARS].decode()

    async def check(self, site: Site, booking: str, key: str) -> UUID | None:
        """The booking that the key is for; None when it is not for this one."""
        try:
            booking_id = UUID(booking)
        except ValueError:
            return None
        expected = await self.key(site, booking_id)
        return booking_id if hmac.compare_digest(expected.encode(), key.encode("utf-8", "replace")) else None
