"""What the person at the machine may do with accounts: make them, let people back in, close them."""

from uuid import UUID

import asyncpg

from holdfast.domain.actors import CONSOLE, Grant
from holdfast.domain.errors import Refusal
from holdfast.domain.people import email_of
from holdfast.services.account_log import note
from holdfast.services.accounts import Accounts, check_other_owner, create, disable, reset_link
from holdfast.services.people import Place
from holdfast.services.sign_in import sign_in_link
from holdfast.services.sites import FIRST_ORGANISATION, Sites
from holdfast.store import accounts as store
from holdfast.store import people
from holdfast.store import sites as site_store


async def place(pool: asyncpg.Pool, sites: Sites, organisation: str | None, site: str | None) -> Place:
    """The organisation that is named, the site's, or the first there is; and the site.

    Raises:
        Refusal: `unknown_organisation`, `unknown_site`.
    """
    found = await sites.find(site) if site is not None else None
    if organisation is not None:
        organisation_id = _id(organisation)
        if found is not None and found.organisation_id != organisation_id:
            raise Refusal("unknown_site", site=found.slug)
        if await people.organisation(pool, organisation_id) is None:
            raise Refusal("unknown_organisation", organisation=organisation)
    elif found is not None:
        organisation_id = found.organisation_id
    else:
        organisation_id = await site_store.first_organisation(pool, name=FIRST_ORGANISATION)
    return Place(organisation_id, found.id if found else None, found.slug if found else None)


async def make_account(
    accounts: Accounts, where: Place, *, email: str, name: str, role: str, password: str | None
) -> str | None:
    """Makes an account with a role, or gives the role to the one there is; a link that signs in once, where no
    password was given.

    Raises:
        Refusal: `invalid_request`, `weak_password`; `already_exists` when a password is given for an account there is;
            `last_owner` when its role would be less.
    """
    address = email_of(email)
    password_hash = await accounts.passwords.hashed(password, near=(address, name)) if password is not None else None
    async with accounts.changing(rights=True) as connection:
        found = await store.by_email(connection, address)
        if found is not None and password is not None:
            raise Refusal("already_exists", field="email", given=address)
        if found is not None and role != "owner" and where.site_id is None:
            await check_other_owner(connection, where.organisation_id, found.id)
        account_id = found.id if found is not None else await create(
            accounts, connection, email=address, name=name, password_hash=password_hash, by=CONSOLE, is_verified=True
        )  # fmt: skip
        await people.grant(connection, account_id, Grant(where.organisation_id, where.site_id, role), by=CONSOLE.name)
        await note(connection, CONSOLE, "role_given", account_id=account_id, organisation_id=where.organisation_id,
                   role=role, site=where.site)  # fmt: skip
    return await sign_in_link(accounts, account_id, by=CONSOLE) if password is None else None


async def reset_account(accounts: Accounts, email: str, *, second_factor: bool) -> str:
    """A link to set a new password; with `second_factor` that is taken away as well.

    Raises:
        Refusal: `unknown_account`.
    """
    async with accounts.changing() as connection:
        account = await _account(connection, email)
        if second_factor and account.totp_secret is not None:
            await store.end_totp(connection, account.id)
            await note(connection, CONSOLE, "second_factor_off", account_id=account.id)
        await note(connection, CONSOLE, "reset_asked", account_id=account.id)
        return await reset_link(accounts, connection, account, by=CONSOLE)


async def disable_account(accounts: Accounts, email: str, *, disabled: bool) -> None:
    """Raises:
    Refusal: `unknown_account`, `last_owner`.
    """
    account = await _account(accounts.pool, email)
    await disable(accounts, account.id, disabled=disabled, by=CONSOLE)


async def _account(source: store.Source, email: str) -> store.Account:
    account = await store.by_email(source, email_of(email))
    if account is None:
        raise Refusal("unknown_account", account=email[:254])
    return account


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal("unknown_organisation", organisation=text[:64]) from None
