"""Customers make accounts of their own: asked for at a site, there once the link in a mail is followed.

Refuses to tell whether an address has an account, and to make one for somebody who does not know its password.
"""

from typing import Any
from uuid import UUID

import msgspec

from holdfast.domain.actors import Actor, Grant, account_name
from holdfast.domain.errors import Refusal
from holdfast.domain.people import check_sign_up, email_of, language_of, name_of, phone_of, profile_of
from holdfast.domain.sites import Site
from holdfast.services import mail
from holdfast.services.access import hash_of, new_secret
from holdfast.services.account_log import note
from holdfast.services.accounts import Accounts, AccountView, hours_of, view
from holdfast.services.identity import new_id
from holdfast.store import accounts as store
from holdfast.store import people
from holdfast.store.connection import Connection


class SignUp(msgspec.Struct, frozen=True):
    """What a customer gives to get an account."""

    email: str
    name: str
    password: str
    phone: str | None = None
    language: str = "en"
    profile: dict[str, Any] = {}


async def sign_up(accounts: Accounts, site: Site, wish: SignUp, *, address: str) -> None:
    """Sends a link that makes the account, or, where the address has one, makes it this site's customer's. The answer
    is the same in both cases.

    Raises:
        Refusal: `sign_up_closed`, `weak_password`, `invalid_request`, `too_many_requests`.
    """
    email, name = email_of(wish.email), name_of(wish.name)
    check_sign_up(site.settings, email)
    await accounts.throttle.check("sign_up", email, address)
    data = {
        "name": name, "phone": phone_of(wish.phone), "language": language_of(wish.language),
        "profile": {site.slug: profile_of(site.settings, wish.profile)},
        "password_hash": await accounts.passwords.hashed(wish.password, near=(email, name)),
    }  # fmt: skip
    secret = new_secret()
    async with accounts.changing() as connection:
        new = store.NewLink(
            hash_of(secret), new_id(), "verify", "customer", accounts.rules.verify_s, email=email,
            organisation_id=site.organisation_id, site_id=site.id, role="customer", data=data,
        )  # fmt: skip
        await store.insert_link(connection, new)
        link = accounts.link("/verify", secret)
        await mail.enqueue(
            connection, kind="verify", recipient=email, language=wish.language,
            data={"link": link, "valid_hours": hours_of(accounts.rules.verify_s)},
            organisation_id=site.organisation_id, site_id=site.id,
        )  # fmt: skip


async def verify(
    accounts: Accounts, secret: str, password: str | None, *, by: Actor, address: str
) -> tuple[UUID, bool]:
    """Makes the account that a link was sent for, and a customer of it: its id, and whether it is new. A new one needs
    the password that was chosen: who only gave somebody else's address does not get an account under it by their
    following the link.

    Raises:
        Refusal: `link_used`, `wrong_credentials`, `too_many_requests`, `busy`.
    """
    waiting = await store.link(accounts.pool, hash_of(secret), "verify")
    if waiting is None or waiting.email is None:
        raise Refusal("link_used")
    is_new = await store.by_email(accounts.pool, waiting.email) is None
    if is_new:
        await accounts.throttle.check("verify", waiting.email, address)
        if not await accounts.passwords.is_right(password or "", waiting.data["password_hash"]):
            raise Refusal("wrong_credentials", field="password", problem="send the password that was chosen")
        await accounts.throttle.succeed("verify", waiting.email, address)
    async with accounts.changing(rights=True) as connection:
        link = await store.use_link(connection, hash_of(secret), "verify")
        if link is None or link.email is None or link.organisation_id is None:
            raise Refusal("link_used")
        if is_new:
            # two links for one address, used at once: the second finds the account of the first
            is_new = await _make(connection, link, by=by)
        account = await store.by_email(connection, link.email)
        if account is None:
            raise Refusal("link_used")
        grant = Grant(link.organisation_id, link.site_id, "customer")
        await people.grant_if_none(connection, account.id, grant, by=account_name(account.id))
    return account.id, is_new


async def _make(connection: Connection, link: store.Link, *, by: Actor) -> bool:
    assert link.email is not None
    new = store.NewAccount(
        new_id(), link.email, link.data["name"], link.data["phone"], link.data["language"], link.data["profile"],
        link.data["password_hash"], True,
    )  # fmt: skip
    if not await store.insert(connection, new):
        return False
    await note(connection, by, "account_created", account_id=new.id, organisation_id=link.organisation_id)
    return True


async def join(accounts: Accounts, actor: Actor, site: Site, profile: dict[str, Any]) -> AccountView:
    """Makes somebody with an account a customer of a site, too, with the profile that it asks for.

    Raises:
        Refusal: `sign_up_closed`, `invalid_request`, `unauthorised`.
    """
    account = await accounts.account(actor)
    check_sign_up(site.settings, account.email)
    kept = {**account.profile, site.slug: profile_of(site.settings, profile)}
    async with accounts.changing(rights=True) as connection:
        await store.change(
            connection, account.id, name=account.name, phone=account.phone, language=account.language, profile=kept
        )
        grant = Grant(site.organisation_id, site.id, "customer")
        await people.grant_if_none(connection, account.id, grant, by=actor.name)
        await note(connection, actor, "role_given", account_id=account.id, organisation_id=site.organisation_id,
                   role="customer", site=site.slug)  # fmt: skip
    return view(msgspec.structs.replace(account, profile=kept))
