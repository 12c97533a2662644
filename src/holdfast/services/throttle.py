"""Guessing at passwords, codes and links made slow: exact, kept in the database, the same for all processes.

After five failures an account takes one guess a second, then one every two seconds, and so on up to one in a quarter of
an hour; a failure is forgotten after a quarter of an hour. An address, behind which many people may sit, has four times
as many. An attempt counts as a failure from its beginning until `succeed` says otherwise, so that a thousand guesses
sent at once are no better than one after the other.

Nobody can lock somebody else out: where the account was signed in to before (`know`) failures from elsewhere do not
count, but only those from there. Keys are stored as digests keyed with a secret of the database.
"""

import math
import secrets
from hashlib import blake2b

import asyncpg

from holdfast.domain.errors import Refusal
from holdfast.services.limiter import place_of
from holdfast.store import reads
from holdfast.store import throttle as store

KEY_OF_DIGESTS = "guesses"
SECRET_BYTES = 32
ACCOUNT_WEIGHT, ADDRESS_WEIGHT = 1.0, 0.25


class Throttle:
    """Takes attempts, or says how long to wait. `purpose` is what is guessed at: each is counted by itself."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._secret: bytes | None = None

    async def check(self, purpose: str, account: str | None, address: str) -> None:
        """Takes one attempt at an account's secret; `account` None where the guess names none. Call it before the
        secret is compared, also for accounts that do not exist.

        Raises:
            Refusal: `too_many_requests` with `retry_after_s`; then nothing may be compared.
        """
        closed_s = await store.attempt(self._pool, await self._keys(purpose, account, address))
        if closed_s is not None:
            raise Refusal("too_many_requests", counted_by="guesses", retry_after_s=max(math.ceil(closed_s), 1))

    async def succeed(self, purpose: str, account: str | None, address: str) -> None:
        """The attempt that was just taken was right: the account's failures are forgotten. The address's are not,
        else whoever has an account of their own could clear them by signing in to it."""
        for key, weight in await self._keys(purpose, account, address):
            if weight == ACCOUNT_WEIGHT:
                await store.clear(self._pool, key)
            else:
                await store.take_back(self._pool, [(key, weight)])

    async def know(self, account: str, address: str) -> None:
        """Remembers, once a person is signed in whole, with second factor, that the account is theirs from there."""
        await store.know(self._pool, await self._digest("account", account), await self._place(address))

    async def _keys(self, purpose: str, account: str | None, address: str) -> list[store.Weighed]:
        place = await self._place(address)
        if account is not None and await store.is_known(self._pool, await self._digest("account", account), place):
            return [(await self._digest(purpose, account, place_of(address)), ACCOUNT_WEIGHT)]
        keys = [(await self._digest(purpose, place_of(address)), ADDRESS_WEIGHT)]
        if account is not None:
            keys.append((await self._digest(purpose, "account", account), ACCOUNT_WEIGHT))
        return keys

    async def _place(self, address: str) -> bytes:
        return await self._digest("place", place_of(address))

    async def _digest(self, *parts: str) -> bytes:
        if self._secret is None:
            self._secret = await reads.secret(self._pool, KEY_OF_DIGESTS, secrets.token_bytes(SECRET_BYTES))
        said = "\0".join(parts).encode(errors="replace")
        return blake2b(said, key=self._secret, digest_size=32).digest()
