"""Signing in and out: a password, a second factor, a link; and the sessions that come of it.

Guesses are slowed down by account and by address, but nobody can lock somebody else out: whoever signed in from an
address before is not held up there by strangers' guesses. Wrong address and wrong password are one answer.
"""

import hashlib
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from holdfast.domain.actors import NOBODY, Actor, account_name
from holdfast.domain.errors import Refusal
from holdfast.domain.people import address_class, email_of
from holdfast.services.access import hash_of, new_secret
from holdfast.services.account_log import note
from holdfast.services.accounts import Accounts
from holdfast.services.identity import new_id
from holdfast.services.second_factor import is_right_code
from holdfast.store import accounts as store

AGENT_CHARS_MAX = 200


class From(NamedTuple):
    """Where somebody asks from."""

    address: str
    agent: str


class SignedIn(msgspec.Struct, frozen=True):
    """A new session: its secret goes into the cookie and nowhere else."""

    account_id: UUID
    secret: str
    life_s: float


class SessionView(msgspec.Struct, frozen=True):
    """Where one is signed in. `id` is no secret: it only names the session to be ended."""

    id: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str
    is_this: bool


async def sign_in(accounts: Accounts, email: str, password: str, code: str | None, where: From) -> SignedIn:
    """A session for who knows the password, and the code of the second factor if the account has one.

    Raises:
        Refusal: `wrong_credentials`, `second_factor_needed` (ask for the code and send all again),
            `too_many_requests`, `busy`.
    """
    try:
        wanted = email_of(email)
    except Refusal:
        raise Refusal("wrong_credentials") from None
    await accounts.throttle.check("sign_in", wanted, where.address)
    account = await store.by_email(accounts.pool, wanted)
    password_hash = account.password_hash if account is not None else None
    is_right = await accounts.passwords.is_right(password, password_hash)
    if account is None or not is_right or account.disabled_at is not None:
        await _failed(accounts, account, where)
        raise Refusal("wrong_credentials")
    if account.has_second_factor:
        if not code:
            raise Refusal("second_factor_needed")
        if not await is_right_code(accounts, account, code, address=where.address):
            await _failed(accounts, account, where)
            raise Refusal("wrong_credentials", field="code")
    assert password_hash is not None
    if accounts.passwords.is_outdated(password_hash):
        await store.rehash(accounts.pool, account.id, password_hash, await accounts.passwords.rehashed(password))
    await accounts.throttle.succeed("sign_in", wanted, where.address)
    await accounts.throttle.know(wanted, where.address)
    return await open_session(accounts, account.id, where, by="password")


async def _failed(accounts: Accounts, account: store.Account | None, where: From) -> None:
    # also where there is no account: the answer must not take longer where there is one
    account_id = account.id if account is not None else None
    await note(accounts.pool, NOBODY, "sign_in_failed", account_id=account_id, address=where.address)


async def open_session(accounts: Accounts, account_id: UUID, where: From, *, by: str) -> SignedIn:
    """A session for an account, however it was proved whose it is (`by`: password, link, invitation …)."""
    secret, rules = new_secret(), accounts.rules
    agent = "".join(character for character in where.agent if character.isprintable())[:AGENT_CHARS_MAX]
    async with accounts.changing() as connection:
        await store.insert_session(
            connection, hash_of(secret), account_id, idle_s=rules.session_idle_s, life_s=rules.session_life_s,
            address=address_class(where.address) or "local", agent=agent,
        )  # fmt: skip
        await store.signed_in(connection, account_id)
        actor = Actor(account_name(account_id), "account", account_id)
        await note(connection, actor, "signed_in", account_id=account_id, address=where.address, by=by)
    for listener in accounts.signed_in:
        listener(account_id, hash_of(secret))
    return SignedIn(account_id, secret, rules.session_life_s)


async def sign_in_link(accounts: Accounts, account_id: UUID, *, by: Actor) -> str:
    """A link that signs in once, for the owner of the machine to use."""
    secret = new_secret()
    new = store.NewLink(
        hash_of(secret), new_id(), "sign_in", by.name, accounts.rules.sign_in_link_s, account_id=account_id
    )
    async with accounts.changing() as connection:
        await store.insert_link(connection, new)
    return accounts.link("/sign-in", secret)


async def sign_in_by_link(accounts: Accounts, secret: str, where: From) -> SignedIn:
    """Raises:
    Refusal: `link_used`.
    """
    async with accounts.changing() as connection:
        link = await store.use_link(connection, hash_of(secret), "sign_in")
        account = await store.by_id(connection, link.account_id) if link is not None and link.account_id else None
        if account is None or account.disabled_at is not None:
            raise Refusal("link_used")
    return await open_session(accounts, account.id, where, by="link")


async def sign_out(accounts: Accounts, actor: Actor) -> None:
    """Ends the session that the actor came with; nothing when they came with none."""
    if actor.credential is None or actor.account_id is None:
        return
    async with accounts.changing(rights=True) as connection:
        if await store.end_session(connection, actor.credential, actor.account_id):
            await note(connection, actor, "signed_out", account_id=actor.account_id)
    for listener in accounts.signed_out:
        listener(actor.account_id, actor.credential)


async def sign_out_everywhere(accounts: Accounts, actor: Actor, *, here_too: bool = True) -> int:
    """Ends all sessions of one's account; how many they were.

    Raises:
        Refusal: `unauthorised`.
    """
    account = await accounts.account(actor)
    async with accounts.changing(rights=True) as connection:
        ended = await store.end_sessions(connection, account.id, but=None if here_too else actor.credential)
        await note(connection, actor, "signed_out_everywhere", account_id=account.id, sessions=ended)
    return ended


async def sessions(accounts: Accounts, actor: Actor) -> list[SessionView]:
    """Where one is signed in, the last used first.

    Raises:
        Refusal: `unauthorised`.
    """
    account = await accounts.account(actor)
    return [
        SessionView(_public_id(line.token_hash), line.created_at, line.seen_at, line.ends_at, line.address, line.agent,
                    line.token_hash == actor.credential)
        for line in await store.sessions(accounts.pool, account.id)
    ]  # fmt: skip


async def end_session(accounts: Accounts, actor: Actor, session_id: str) -> None:
    """Ends one of one's own sessions.

    Raises:
        Refusal: `unknown_session`, `unauthorised`.
    """
    account = await accounts.account(actor)
    async with accounts.changing(rights=True) as connection:
        for line in await store.sessions(connection, account.id):
            if _public_id(line.token_hash) == session_id:
                await store.end_session(connection, line.token_hash, account.id)
                await note(connection, actor, "signed_out", account_id=account.id)
                return
        raise Refusal("unknown_session", session=session_id[:40])


def _public_id(token_hash: bytes) -> str:
    return hashlib.sha256(token_hash).hexdigest()[:16]
