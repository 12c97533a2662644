"""Accounts: made, changed, closed, and got back into. Who may sign in and how is `sign_in`'s; who may what, `people`'s.

Whatever is sent to an address is sent in the transaction that it belongs to. Refuses to tell strangers whether an
address has an account: they get the same answer, and the owner of the address gets the mail.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.actors import Actor, Grant, account_name
from holdfast.domain.errors import Refusal
from holdfast.domain.people import email_of, language_of, name_of, phone_of, profile_of
from holdfast.domain.sites import Site
from holdfast.services import mail
from holdfast.services.access import Access, hash_of, new_secret
from holdfast.services.account_log import note
from holdfast.services.identity import new_id
from holdfast.services.passwords import Passwords
from holdfast.services.sealing import Sealing
from holdfast.services.sites import FIRST_ORGANISATION
from holdfast.services.throttle import Throttle
from holdfast.store import access as rights_store
from holdfast.store import accounts as store
from holdfast.store import people, sites
from holdfast.store.connection import Connection

HOUR_S, DAY_S = 3600.0, 86_400.0


class AccountRules(msgspec.Struct, frozen=True):
    """How long things count, in seconds."""

    session_idle_s: float = 12 * HOUR_S
    session_life_s: float = 30 * DAY_S
    set_up_s: float = DAY_S
    sign_in_link_s: float = HOUR_S
    invitation_s: float = 7 * DAY_S
    reset_s: float = HOUR_S
    verify_s: float = DAY_S


class AccountView(msgspec.Struct, frozen=True):
    """An account as its owner sees it."""

    id: UUID
    email: str
    name: str
    phone: str | None
    language: str
    profile: dict[str, Any]
    has_password: bool
    has_second_factor: bool


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    phone: str | msgspec.UnsetType | None = msgspec.UNSET
    language: str | msgspec.UnsetType = msgspec.UNSET


class Accounts:
    """What all services for people work with."""

    def __init__(
        self, pool: asyncpg.Pool, access: Access, throttle: Throttle, sealing: Sealing, rules: AccountRules
    ) -> None:
        self.pool = pool
        self.access = access
        self.throttle = throttle
        self.sealing = sealing
        self.rules = rules
        self.public_url = "http://127.0.0.1:8765"
        """Under which address people reach the server; links begin with it."""
        self.passwords = Passwords()
        self.signed_in: list[Callable[[UUID, bytes], None]] = []
        """Told of each session that begins, by account and the hash of its secret; `signed_out` of its end by hand."""
        self.signed_out: list[Callable[[UUID, bytes], None]] = []

    @asynccontextmanager
    async def changing(self, *, rights: bool = False) -> AsyncIterator[Connection]:
        """One transaction. With `rights` somebody's shrink or change by it: as soon as it is committed nobody's
        remembered ones count."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection
            if rights:
                await rights_store.moved(connection)
        if rights:
            await self.access.has_moved()

    def link(self, path: str, secret: str) -> str:
        """The address under which a link works. The secret is a fragment's: it reaches no log on the way, and pages
        that follow are not told of it."""
        return f"{self.public_url.rstrip('/')}{path}#{secret}"

    async def account(self, actor: Actor) -> store.Account:
        """The account of somebody signed in.

        Raises:
            Refusal: `unauthorised`; `not_allowed` for what has no account, such as a token.
        """
        if actor.account_id is None:
            raise Refusal("not_allowed" if actor.is_known else "unauthorised", problem="sign in to an account for this")
        found = await store.by_id(self.pool, actor.account_id)
        if found is None:
            raise Refusal("unauthorised")
        return found


def view(account: store.Account) -> AccountView:
    return AccountView(
        account.id, account.email, account.name, account.phone, account.language, account.profile,
        account.password_hash is not None, account.has_second_factor,
    )  # fmt: skip


async def create(
    accounts: Accounts, connection: Connection, *, email: str, name: str, password_hash: str | None, by: Actor,
    is_verified: bool = False, language: str = "en",
) -> UUID:  # fmt: skip
    """A new account in the caller's transaction.

    Raises:
        Refusal: `already_exists`, `invalid_request`.
    """
    new = store.NewAccount(
        new_id(), email_of(email), name_of(name), language=language_of(language), password_hash=password_hash,
        is_verified=is_verified,
    )  # fmt: skip
    if not await store.insert(connection, new):
        raise Refusal("already_exists", field="email", given=new.email)
    await note(connection, by, "account_created", account_id=new.id)
    return new.id


async def change(accounts: Accounts, actor: Actor, wish: AccountChange, *, site: Site | None = None,
                 profile: dict[str, Any] | None = None) -> AccountView:  # fmt: skip
    """Changes one's own account; a profile is what its site asks for.

    Raises:
        Refusal: `invalid_request`, `unauthorised`.
    """
    account = await accounts.account(actor)
    name = account.name if wish.name is msgspec.UNSET else name_of(wish.name)
    phone = account.phone if wish.phone is msgspec.UNSET else phone_of(wish.phone)
    language = account.language if wish.language is msgspec.UNSET else language_of(wish.language)
    kept = account.profile
    if profile is not None and site is not None:
        kept = {**kept, site.slug: profile_of(site.settings, profile)}
    async with accounts.changing() as connection:
        await store.change(connection, account.id, name=name, phone=phone, language=language, profile=kept)
        await note(connection, actor, "account_changed", account_id=account.id)
    return view(msgspec.structs.replace(account, name=name, phone=phone, language=language, profile=kept))


async def disable(accounts: Accounts, account_id: UUID, *, disabled: bool, by: Actor) -> None:
    """Closes an account, and ends all it is signed in with; or opens it again.

    Raises:
        Refusal: `unknown_account`; `last_owner` when an organisation would be without one.
    """
    async with accounts.changing(rights=True) as connection:
        account = await store.lock(connection, account_id)
        if account is None:
            raise Refusal("unknown_account", account=str(account_id))
        if disabled:
            for grant in await rights_store.grants(connection, account_id):
                if grant.role == "owner" and grant.site_id is None:
                    await check_other_owner(connection, grant.organisation_id, account_id)
        await store.disable(connection, account_id, disabled=disabled)
        await store.end_sessions(connection, account_id)
        await store.end_invitations_by(connection, account_name(account_id))
        await note(connection, by, "account_disabled" if disabled else "account_enabled", account_id=account_id)


async def check_other_owner(connection: Connection, organisation_id: UUID, account_id: UUID) -> None:
    """Raises:
    Refusal: `last_owner` when nobody else owns the organisation.
    """
    if await people.lock_owners(connection, organisation_id) == [account_id]:
        raise Refusal("last_owner")


def hours_of(seconds: float) -> int:
    """How long something counts, as people are told."""
    return max(round(seconds / HOUR_S), 1)


# -- the first owner ----------------------------------------------------------------------------------------------


async def set_up_link(accounts: Accounts) -> str:
    """A link by which the first owner makes their account. Those made before work no more."""
    secret = new_secret()
    async with accounts.changing() as connection:
        await store.end_links(connection, "set_up")
        await store.insert_link(
            connection,
            store.NewLink(hash_of(secret), new_id(), "set_up", "console", accounts.rules.set_up_s),
        )
    return accounts.link("/set-up", secret)


async def set_up(accounts: Accounts, secret: str, *, email: str, name: str, password: str, by: Actor) -> UUID:
    """Makes the first owner, by the set-up link.

    Raises:
        Refusal: `link_used` for a link that does not work or when there is an account already, `weak_password`,
            `invalid_request`.
    """
    address, called = email_of(email), name_of(name)
    if await store.link(accounts.pool, hash_of(secret), "set_up") is None or await accounts.access.has_accounts():
        raise Refusal("link_used")
    password_hash = await accounts.passwords.hashed(password, near=(address, called))
    organisation_id = await sites.first_organisation(accounts.pool, name=FIRST_ORGANISATION)
    # with that programs on this machine may no longer do everything
    async with accounts.changing(rights=True) as connection:
        if await store.use_link(connection, hash_of(secret), "set_up") is None:
            raise Refusal("link_used")
        account_id = await create(
            accounts, connection, email=address, name=called, password_hash=password_hash, by=by, is_verified=True
        )
        await people.grant(connection, account_id, Grant(organisation_id, None, "owner"), by=account_name(account_id))
        await note(connection, by, "set_up", account_id=account_id, organisation_id=organisation_id)
    return account_id


# -- passwords ----------------------------------------------------------------------------------------------------


async def check_password(accounts: Accounts, account: store.Account, password: str, *, address: str) -> None:
    """Raises:
    Refusal: `wrong_credentials` when it is not the account's, `too_many_requests`, `busy`.
    """
    await accounts.throttle.check("password", str(account.id), address)
    if not await accounts.passwords.is_right(password, account.password_hash):
        raise Refusal("wrong_credentials", field="password")
    await accounts.throttle.succeed("password", str(account.id), address)


async def change_password(accounts: Accounts, actor: Actor, *, present: str | None, new: str, address: str) -> None:
    """Sets another password, and ends all other sessions.

    Raises:
        Refusal: `wrong_credentials` when the present one is not right, `weak_password`, `unauthorised`.
    """
    account = await accounts.account(actor)
    if account.password_hash is not None:
        await check_password(accounts, account, present or "", address=address)
    password_hash = await accounts.passwords.hashed(new, near=(account.email, account.name))
    async with accounts.changing(rights=True) as connection:
        await store.set_password(connection, account.id, password_hash, by_mail=False)
        await store.end_links(connection, "reset", account_id=account.id)
        await store.end_sessions(connection, account.id, but=actor.credential)
        await note(connection, actor, "password_changed", account_id=account.id)


async def ask_reset(accounts: Accounts, email: str, *, by: Actor, address: str) -> None:
    """Sends a link to set another password, if there is such an account; the answer is the same if there is none.

    Raises:
        Refusal: `invalid_request`, `too_many_requests`.
    """
    wanted = email_of(email)
    await accounts.throttle.check("reset", wanted, address)
    async with accounts.changing() as connection:
        account = await store.by_email(connection, wanted)
        if account is None or account.disabled_at is not None:
            return
        link = await reset_link(accounts, connection, account, by=by)
        await mail.enqueue(
            connection, kind="reset", recipient=account.email, language=account.language,
            data={"link": link, "valid_hours": hours_of(accounts.rules.reset_s)},
        )  # fmt: skip
        await note(connection, by, "reset_asked", account_id=account.id, address=address)


async def reset_link(accounts: Accounts, connection: Connection, account: store.Account, *, by: Actor) -> str:
    """A link to set another password; those sent before work no more."""
    secret = new_secret()
    await store.end_links(connection, "reset", account_id=account.id)
    new = store.NewLink(
        hash_of(secret), new_id(), "reset", by.name, accounts.rules.reset_s, account_id=account.id, email=account.email
    )
    await store.insert_link(connection, new)
    return accounts.link("/reset", secret)


async def reset(accounts: Accounts, secret: str, password: str, *, by: Actor, address: str | None = None) -> None:
    """Sets the password by a link that was sent, and ends all sessions. A second factor stays.

    Raises:
        Refusal: `link_used`, `weak_password`.
    """
    link = await store.link(accounts.pool, hash_of(secret), "reset")
    account = await store.by_id(accounts.pool, link.account_id) if link is not None and link.account_id else None
    if account is None or account.disabled_at is not None:
        raise Refusal("link_used")
    password_hash = await accounts.passwords.hashed(password, near=(account.email, account.name))
    async with accounts.changing(rights=True) as connection:
        if await store.use_link(connection, hash_of(secret), "reset") is None:
            raise Refusal("link_used")
        await store.set_password(connection, account.id, password_hash, by_mail=True)
        await store.end_links(connection, "reset", account_id=account.id)
        await store.end_sessions(connection, account.id)
        await note(connection, by, "password_reset", account_id=account.id, address=address)
