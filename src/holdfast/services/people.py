"""Who may what in an organisation: roles given and taken, invitations, and the organisations themselves.

Nobody gives or takes a role with rights that they do not hold there; the last owner stays.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.domain.actors import ROLES, TEAM, Actor, Grant, account_name, can_grant, check_in, check_server
from holdfast.domain.errors import Refusal
from holdfast.domain.people import email_of, language_of, name_of
from holdfast.services import cursors, mail
from holdfast.services.access import hash_of, new_secret
from holdfast.services.account_log import note
from holdfast.services.accounts import Accounts, check_other_owner
from holdfast.services.identity import new_id
from holdfast.services.paging import bounded
from holdfast.store import access as rights_store
from holdfast.store import accounts as account_store
from holdfast.store import people as store
from holdfast.store import reads
from holdfast.store.connection import Connection
from holdfast.store.people import Organisation as Organisation

INVITATIONS_MAX = 200
SEARCH_CHARS_MAX = 100


class PersonView(msgspec.Struct, frozen=True):
    """One role of one person. `site` is a slug, None for all sites of the organisation."""

    account: UUID
    email: str
    name: str
    site: str | None
    role: str
    is_disabled: bool
    has_second_factor: bool
    signed_in_at: datetime | None
    granted_by: str
    granted_at: datetime


class PersonPage(msgspec.Struct, frozen=True):
    people: list[PersonView]
    next: str | None


class OrganisationPage(msgspec.Struct, frozen=True):
    organisations: list[Organisation]
    next: str | None


class Place(msgspec.Struct, frozen=True):
    """A role in an organisation as a request names it. `site` is a slug or id; None is all sites."""

    organisation_id: UUID
    site_id: int | None
    site: str | None


class InvitationView(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    role: str
    site_id: int | None
    created_by: str
    created_at: datetime
    expires_at: datetime


class Invited(msgspec.Struct, frozen=True):
    """What an invitation says to whoever has its link."""

    email: str
    organisation: str
    role: str
    has_account: bool


def role_of(text: str, roles: tuple[str, ...] = TEAM) -> str:
    """Raises:
    Refusal: `invalid_request` for a word that is no role.
    """
    if text not in roles:
        raise Refusal("invalid_request", field="role", given=text[:40], possible=list(roles))
    return text


# -- organisations ------------------------------------------------------------------------------------------------


async def organisations(accounts: Accounts, actor: Actor, *, cursor: str | None, limit: int) -> OrganisationPage:
    """Those that the actor belongs to; all for who runs the server.

    Raises:
        Refusal: `unauthorised`, `invalid_cursor`.
    """
    if not actor.is_known:
        raise Refusal("unauthorised")
    position = cursors.read(cursors.AtTime, cursor, "organisations")
    after = (position.at, position.id) if position is not None else (reads.BEGINNING, reads.FIRST_ID)
    limit = bounded(limit)
    ids = None if actor.has_everything else list({grant.organisation_id for grant in actor.grants})
    found = await store.organisations(accounts.pool, ids, after=after, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = cursors.write(cursors.AtTime("organisations", last.created_at, last.id)) if last is not None else None
    return OrganisationPage(found[:limit], following)


async def make_organisation(accounts: Accounts, actor: Actor, name: str) -> Organisation:
    """Raises:
    Refusal: `not_allowed` for everybody but those who run the server.
    """
    check_server(actor)
    async with accounts.changing() as connection:
        made = await store.insert_organisation(connection, name_of(name))
        await note(connection, actor, "organisation_made", organisation_id=made.id, name=made.name)
    return made


async def rename_organisation(accounts: Accounts, actor: Actor, organisation_id: UUID, name: str) -> Organisation:
    """Raises:
    Refusal: `unknown_organisation`, `not_allowed`, `invalid_request`.
    """
    check_in(actor, "organisation", organisation_id)
    async with accounts.changing() as connection:
        made = await store.rename_organisation(connection, organisation_id, name_of(name))
        if made is None:
            raise Refusal("unknown_organisation", organisation=str(organisation_id))
        await note(connection, actor, "organisation_renamed", organisation_id=made.id, name=made.name)
    return made


# -- roles --------------------------------------------------------------------------------------------------------


async def page(
    accounts: Accounts, actor: Actor, organisation_id: UUID, *,
    site_id: int | None = None, customers: bool = False, search: str | None = None, cursor: str | None = None,
    limit: int = 100,
) -> PersonPage:  # fmt: skip
    """The team of an organisation by address, or its customers; with `site_id` those who have a role there, with
    `search` those whose address or name holds it.

    Raises:
        Refusal: `unknown_organisation`, `not_allowed`, `invalid_cursor`.
    """
    check_in(actor, "people", organisation_id, site_id)
    position = cursors.read(cursors.AtCode, cursor, "people")
    after = _place_of(position.code) if position is not None else ("", reads.FIRST_ID, -1)
    limit = bounded(limit)
    roles = ["customer"] if customers else list(TEAM)
    wanted = search.strip().lower()[:SEARCH_CHARS_MAX] or None if search is not None else None
    found = await store.people(
        accounts.pool, organisation_id, roles, site_id, after=after, limit=limit + 1, search=wanted
    )
    last = found[limit - 1] if len(found) > limit else None
    following = None
    if last is not None:
        following = cursors.write(cursors.AtCode("people", f"{last.email} {last.id} {last.site_id or 0}"))
    views = [
        PersonView(line.id, line.email, line.name, line.site, line.role, line.disabled_at is not None,
                   line.has_second_factor, line.signed_in_at, line.granted_by, line.granted_at)
        for line in found[:limit]
    ]  # fmt: skip
    return PersonPage(views, following)


def _place_of(text: str) -> tuple[str, UUID, int]:
    try:
        email, account_id, site_id = text.split(" ")
        return email, UUID(account_id), int(site_id)
    except ValueError:
        raise Refusal("invalid_cursor") from None


async def give(accounts: Accounts, actor: Actor, account_id: UUID, place: Place, role: str) -> None:
    """Gives a role to somebody who has one in the organisation; the one they had in that place gives way.

    Raises:
        Refusal: `unknown_account` for who has none there, `not_allowed`, `last_owner`, `unknown_organisation`.
    """
    check_in(actor, "people", place.organisation_id, place.site_id)
    wanted = Grant(place.organisation_id, place.site_id, role_of(role, (*TEAM, "customer")))
    async with accounts.changing(rights=True) as connection:
        await _check_belongs(connection, account_id, place.organisation_id)
        await _check_may_change(connection, actor, account_id, wanted)
        await store.grant(connection, account_id, wanted, by=actor.name)
        # they may have held more before: nobody comes in by an invitation of theirs any more
        await account_store.end_invitations_by(connection, account_name(account_id), place.organisation_id)
        await note(connection, actor, "role_given", account_id=account_id, organisation_id=place.organisation_id,
                   role=role, site=place.site)  # fmt: skip


async def take(accounts: Accounts, actor: Actor, account_id: UUID, place: Place) -> None:
    """Takes the role that somebody has in a place. Everybody may give up their own.

    Raises:
        Refusal: `unknown_account`, `not_allowed`, `last_owner`, `unknown_organisation`.
    """
    if actor.account_id != account_id:
        check_in(actor, "people", place.organisation_id, place.site_id)
    async with accounts.changing(rights=True) as connection:
        role = await store.role_of(connection, account_id, place.organisation_id, place.site_id)
        if role is None:
            raise Refusal("unknown_account", account=str(account_id))
        await _check_may_change(connection, actor, account_id, Grant(place.organisation_id, place.site_id, role))
        if role == "owner" and place.site_id is None:
            await check_other_owner(connection, place.organisation_id, account_id)
        await store.ungrant(connection, account_id, place.organisation_id, place.site_id)
        # whom they invited with that role must not come in by it any more
        await account_store.end_invitations_by(connection, account_name(account_id), place.organisation_id)
        await note(connection, actor, "role_taken", account_id=account_id, organisation_id=place.organisation_id,
                   role=role, site=place.site)  # fmt: skip


async def _check_belongs(connection: Connection, account_id: UUID, organisation_id: UUID) -> None:
    # a stranger is invited, never just taken in: the address must be theirs
    account = await account_store.lock(connection, account_id)
    held = await rights_store.grants(connection, account_id)
    if account is None or all(grant.organisation_id != organisation_id for grant in held):
        raise Refusal("unknown_account", account=str(account_id))


async def _check_may_change(connection: Connection, actor: Actor, account_id: UUID, wanted: Grant) -> None:
    present = await store.role_of(connection, account_id, wanted.organisation_id, wanted.site_id)
    touched = [wanted, *([Grant(wanted.organisation_id, wanted.site_id, present)] if present else [])]
    if actor.account_id == account_id and present == wanted.role:
        return
    for grant in touched:
        if not can_grant(actor, grant):
            raise Refusal("not_allowed", problem=f"only who may more than {grant.role} can do this")
    if present == "owner" and wanted.role != "owner" and wanted.site_id is None:
        await check_other_owner(connection, wanted.organisation_id, account_id)


# -- invitations --------------------------------------------------------------------------------------------------


async def invite(
    accounts: Accounts, actor: Actor, place: Place, *, email: str, role: str, language: str = "en"
) -> InvitationView:
    """Sends a link by which its reader gets a role. One sent to them before works no more.

    Raises:
        Refusal: `unknown_organisation`, `not_allowed`, `invalid_request`.
    """
    check_in(actor, "people", place.organisation_id, place.site_id)
    wanted = Grant(place.organisation_id, place.site_id, role_of(role))
    if not can_grant(actor, wanted):
        raise Refusal("not_allowed", problem=f"only who may more than {role} can do this")
    address, secret = email_of(email), new_secret()
    new = account_store.NewLink(
        hash_of(secret), new_id(), "invitation", actor.name, accounts.rules.invitation_s, email=address,
        organisation_id=place.organisation_id, site_id=place.site_id, role=role,
    )  # fmt: skip
    async with accounts.changing() as connection:
        organisation = await store.organisation(connection, place.organisation_id)
        if organisation is None:
            raise Refusal("unknown_organisation", organisation=str(place.organisation_id))
        there = await store.invitations(connection, place.organisation_id)
        for line in there:
            if line.email == address and line.site_id == place.site_id:
                await store.end_invitation(connection, line.id, place.organisation_id)
        if len(there) >= INVITATIONS_MAX:
            raise Refusal("quota_reached", problem=f"{INVITATIONS_MAX} invitations are open; withdraw some first")
        await account_store.insert_link(connection, new)
        await mail.enqueue(
            connection, kind="invitation", recipient=address, language=language_of(language),
            data={
                "organisation": organisation.name, "inviter": await _named(connection, actor, organisation.name),
                "link": accounts.link("/invitation", secret),
                "valid_hours": max(round(accounts.rules.invitation_s / 3600), 1),
            },
            organisation_id=place.organisation_id, site_id=place.site_id,
        )  # fmt: skip
        await note(connection, actor, "invited", organisation_id=place.organisation_id, role=role, site=place.site,
                   invitation=str(new.id))  # fmt: skip
        made = await account_store.link(connection, new.hash, "invitation")
        assert made is not None
    return _invitation(made)


async def _named(connection: Connection, actor: Actor, otherwise: str) -> str:
    account = await account_store.by_id(connection, actor.account_id) if actor.account_id is not None else None
    return account.name if account is not None else otherwise


async def invitations(accounts: Accounts, actor: Actor, organisation_id: UUID) -> list[InvitationView]:
    """Those that still work, in the order of their making; at most 500.

    Raises:
        Refusal: `unknown_organisation`, `not_allowed`.
    """
    check_in(actor, "people", organisation_id)
    return [_invitation(line) for line in await store.invitations(accounts.pool, organisation_id)]


async def withdraw(accounts: Accounts, actor: Actor, organisation_id: UUID, invitation_id: UUID) -> None:
    """Raises:
    Refusal: `unknown_invitation`, `unknown_organisation`, `not_allowed`.
    """
    check_in(actor, "people", organisation_id)
    async with accounts.changing() as connection:
        if await store.end_invitation(connection, invitation_id, organisation_id) is None:
            raise Refusal("unknown_invitation", invitation=str(invitation_id))
        await note(connection, actor, "invitation_withdrawn", organisation_id=organisation_id)


async def invited(accounts: Accounts, secret: str) -> Invited:
    """What an invitation is for; it is not used up by that.

    Raises:
        Refusal: `link_used`.
    """
    link = await account_store.link(accounts.pool, hash_of(secret), "invitation")
    if link is None or link.email is None or link.organisation_id is None or link.role is None:
        raise Refusal("link_used")
    organisation = await store.organisation(accounts.pool, link.organisation_id)
    account = await account_store.by_email(accounts.pool, link.email)
    return Invited(link.email, organisation.name if organisation else "", link.role, account is not None)


async def accept(accounts: Accounts, secret: str, *, name: str | None, password: str | None) -> UUID:
    """Uses an invitation: the address has been proved by it. Makes the account, with a name and a password, where the
    address has none. The account's id.

    Raises:
        Refusal: `link_used`, `weak_password`, `invalid_request`.
    """
    told = await invited(accounts, secret)
    password_hash = None
    if not told.has_account:
        if not name or not password:
            raise Refusal("invalid_request", field="password" if name else "name", problem="is missing")
        password_hash = await accounts.passwords.hashed(password, near=(told.email, name))
    async with accounts.changing(rights=True) as connection:
        link = await account_store.use_link(connection, hash_of(secret), "invitation")
        if link is None or link.email is None or link.organisation_id is None or link.role is None:
            raise Refusal("link_used")
        account = await account_store.by_email(connection, link.email)
        if account is None:
            if password_hash is None or name is None:
                raise Refusal("link_used")
            account_id = new_id()
            new = account_store.NewAccount(
                account_id, link.email, name_of(name), password_hash=password_hash, is_verified=True
            )
            await account_store.insert(connection, new)
        else:
            account_id = account.id
        by = Actor(account_name(account_id), "account", account_id)
        present = await store.role_of(connection, account_id, link.organisation_id, link.site_id)
        # an invitation gives, it does not take: an owner who follows one for less stays an owner
        if present is None or ROLES[present] < ROLES[link.role]:
            await store.grant(connection, account_id, Grant(link.organisation_id, link.site_id, link.role),
                              by=link.created_by)  # fmt: skip
        await note(connection, by, "invitation_accepted", account_id=account_id, organisation_id=link.organisation_id,
                   role=link.role)  # fmt: skip
    return account_id


def _invitation(link: account_store.Link) -> InvitationView:
    assert link.email is not None and link.role is not None
    return InvitationView(
        link.id, link.email, link.role, link.site_id, link.created_by, link.created_at, link.expires_at
    )
