"""Who a session or a token stands for, remembered for moments, and forgotten as soon as rights shrink.

A credential is 32 random bytes that only its holder knows; the database keeps its hash. What it may is asked of the
database once and remembered; the version of all rights is looked at each second, and at once when a process of the
same database rings. So nobody's remembered rights outlive their real ones by more than `KEPT_S`, whatever fails.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta

import asyncpg
import structlog

from holdfast.domain.actors import Actor, Grant, account_name, rights_in, token_name
from holdfast.domain.bookings.values import Customer
from holdfast.services.doorbell import RIGHTS, Ring
from holdfast.services.outages import UNREACHABLE
from holdfast.store import access as store

TOKEN_PREFIX = "hf_"  # noqa: S105 what tokens begin with, so that scanners of leaked secrets can find them
SECRET_BYTES = 32
KEPT_S = 5.0
KEPT_MAX = 50_000
TELL_S = 5.0
"""How long a change of rights waits at most for those who listen to be asked for again."""
ASK_S = 1.0
"""How long a server without accounts goes on believing that it has none."""
SEEN_EVERY = timedelta(minutes=1)

log = structlog.get_logger("holdfast.access")


def new_secret() -> str:
    """What a session or a link is known by: 43 characters that nobody can guess."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_token() -> str:
    """What a program is known by."""
    return TOKEN_PREFIX + new_secret()


def hash_of(secret: str) -> bytes:
    """What is kept of a credential. It is random, so that a plain hash cannot be turned back."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


class Access:
    """The actors behind credentials. `moved` is called when rights have shrunk or changed anywhere, and returns what
    is done about it."""

    def __init__(self, pool: asyncpg.Pool, *, idle_s: float) -> None:
        self.moved: list[Callable[[], asyncio.Task[None]]] = []
        self.ring: Callable[[], None] = lambda: None
        """Tells the other processes that rights have moved."""
        self._pool = pool
        self._idle_s = idle_s
        self._kept: dict[bytes, tuple[float, Actor]] = {}
        self._version: int | None = None
        self._turn = 0
        """Goes up whenever rights have moved: what was asked before is not remembered after."""
        self._has_accounts, self._ask_at = False, 0.0

    # -- who it is ---------------------------------------------------------------------------------------------------

    def remembered(self, secret: str) -> Actor | None:
        """The actor of a credential that was asked for moments ago."""
        kept = self._kept.get(hash_of(secret))
        if kept is None or kept[0] <= asyncio.get_running_loop().time():
            return None
        return kept[1]

    async def of_session(self, secret: str) -> Actor | None:
        """Who is signed in with a session; None when it is over or never was."""
        return await self._session(hash_of(secret))

    async def _session(self, token_hash: bytes) -> Actor | None:
        turn = self._turn
        row = await store.session(self._pool, token_hash)
        if row is None:
            return None
        if row.now - row.seen_at > SEEN_EVERY:
            await store.session_seen(self._pool, token_hash, self._idle_s)
        grants = await store.grants(self._pool, row.account_id)
        actor = Actor(
            account_name(row.account_id), "account", row.account_id, grants, credential=token_hash,
            customer_key=Customer(email=row.email).key,
        )  # fmt: skip
        return self._keep(token_hash, actor, turn)

    async def of_token(self, secret: str) -> Actor | None:
        """The program that holds a token; None when it was revoked, has expired or never was."""
        return await self._token(hash_of(secret))

    async def _token(self, token_hash: bytes) -> Actor | None:
        turn = self._turn
        row = await store.token(self._pool, token_hash)
        if row is None:
            return None
        if row.used_at is None or row.now - row.used_at > SEEN_EVERY:
            await store.token_used(self._pool, row.id)
        scopes = row.scopes
        if row.account_id is not None:
            grants = await store.grants(self._pool, row.account_id)
            maker = Actor("", "account", row.account_id, grants)
            scopes &= rights_in(maker, row.organisation_id, row.site_id)
        grant = Grant(row.organisation_id, row.site_id, "owner")
        actor = Actor(token_name(row.id), "token", None, (grant,), scopes, credential=token_hash)
        left_s = None if row.expires_at is None else (row.expires_at - row.now).total_seconds()
        return self._keep(token_hash, actor, turn, left_s)

    async def again(self, actor: Actor) -> Actor | None:
        """The same actor with the rights of now; None when what they came with counts no more. Who came with nothing
        that can be taken from them stays as they are."""
        if actor.credential is None:
            return actor
        return await (self._session if actor.kind == "account" else self._token)(actor.credential)

    def _keep(self, token_hash: bytes, actor: Actor, turn: int, left_s: float | None = None) -> Actor:
        # rights that moved while they were being asked for may be the old ones: used once, not remembered
        if self._version is not None and turn == self._turn:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            for_s = KEPT_S if left_s is None else min(KEPT_S, left_s)
            self._kept[token_hash] = (asyncio.get_running_loop().time() + for_s, actor)
        return actor

    async def has_accounts(self) -> bool:
        """Whether anybody could sign in. Once so, it stays so: the last owner cannot be removed."""
        now = asyncio.get_running_loop().time()
        if not self._has_accounts and self._ask_at <= now:
            self._has_accounts, self._ask_at = await store.any_account(self._pool), now + ASK_S
        return self._has_accounts

    # -- what moves --------------------------------------------------------------------------------------------------

    async def has_moved(self) -> None:
        """Rights were changed by this process: forgets what it remembered, tells the others, and waits until those who
        listen here were asked for again: whoever was told that a right is taken knows that nothing more is told by it.
        """
        told = self._forget()
        self.ring()
        if told:
            await asyncio.wait(told, timeout=TELL_S)

    def hear(self, ring: Ring) -> None:
        """A listener of the doorbell."""
        if ring.sites is None or any(site_id == RIGHTS for site_id, _ in ring.sites):
            self._forget()

    async def poll(self) -> None:
        """The guarantee: looks whether rights have moved. When it cannot look, nothing is remembered for long."""
        turn = self._turn
        try:
            version = await store.version(self._pool)
        except UNREACHABLE as error:
            log.debug("could not look at rights", error=str(error)[:200])
            return
        if turn != self._turn:
            return  # moved while it was being asked, which may have been before: the next look will tell
        if version != self._version:
            self._forget()
            self._version = version

    def _forget(self) -> list[asyncio.Task[None]]:
        self._version = None
        self._turn += 1
        self._ask_at = 0.0
        self._kept.clear()
        return [listener() for listener in self.moved]
