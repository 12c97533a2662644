"""The requests about an organisation's people: roles, invitations, tokens, and what happened with them. One function
each, no logic: who may is the services' to say."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery
from msgspec import Meta

from holdfast.domain.actors import RIGHTS, ROLES
from holdfast.domain.errors import Refusal
from holdfast.http.account_bodies import Done, Email, Line, Me, Password, Secret
from holdfast.http.accounts import signed_in, where_of
from holdfast.http.calls import id_of, instant_of, plain
from holdfast.http.context import accounts_of, caller_of, context_of
from holdfast.http.framework import body_of, respond, rows_of
from holdfast.services import people, sign_in, tokens
from holdfast.services.accounts import disable
from holdfast.services.people import Organisation, Place

Asked = Request[Any, Any, Any]
Named = FromPath[str]
Text = FromQuery[str | None]
Limit = FromQuery[int]
TAG = "people"
_ORG = "/api/organisations/{organisation:str}"
_CODES = ("unknown_organisation", "not_allowed", "unavailable")


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all requests have in common."""


class OrganisationRequest(_Request, frozen=True):
    name: Line


class RoleRequest(_Request, frozen=True):
    """A role: at one site, or with `site` left out at all of the organisation."""

    role: Annotated[str, Meta(max_length=40, examples=["staff"])]
    site: Line | None = None


class InvitationRequest(RoleRequest, frozen=True, kw_only=True):
    email: Email
    language: Annotated[str, Meta(max_length=20)] = "en"


class AcceptRequest(_Request, frozen=True):
    """The secret of the link; a name and a password where the address has no account yet."""

    secret: Secret
    name: Line | None = None
    password: Password | None = None


class LookRequest(_Request, frozen=True):
    secret: Secret


class TokenRequest(_Request, frozen=True):
    """A token for a program: `scopes` are rights; `expires_at` is RFC 3339, left out for never."""

    name: Line
    scopes: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(min_length=1, max_length=40)]
    site: Line | None = None
    expires_at: Annotated[str, Meta(max_length=60)] | None = None


class InvitationList(msgspec.Struct, frozen=True):
    invitations: list[people.InvitationView]


class RoleView(msgspec.Struct, frozen=True):
    role: str
    rights: list[str]


class RightView(msgspec.Struct, frozen=True):
    right: str
    meaning: str


class Roles(msgspec.Struct, frozen=True):
    """What roles and rights there are."""

    roles: list[RoleView]
    rights: list[RightView]


_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    wanted: msgspec.json.Decoder(wanted)
    for wanted in (OrganisationRequest, RoleRequest, InvitationRequest, AcceptRequest, LookRequest, TokenRequest)
}


@get(
    "/api/roles", operation_id="list_roles", summary="Roles and rights", tags=[TAG],
    opt={"right": "known", "answer": Roles, "codes": ("unavailable",)},
)  # fmt: skip
async def list_roles() -> Response[bytes]:
    """What each role may. Rights are also the scopes of tokens."""
    roles = [RoleView(role, [right for right in RIGHTS if right in rights]) for role, rights in ROLES.items()]
    return respond(plain(200, Roles(roles, [RightView(right, meaning) for right, meaning in RIGHTS.items()])))


@get(
    "/api/organisations", operation_id="list_organisations", summary="My organisations", tags=[TAG],
    opt={"right": "known", "answer": people.OrganisationPage, "codes": ("invalid_cursor", "unavailable")},
)  # fmt: skip
async def list_organisations(request: Asked, cursor: Text = None, limit: Limit = 100) -> Response[bytes]:
    """Those one belongs to, in the order of their making; all for who runs the server."""
    page = await people.organisations(
        accounts_of(request), caller_of(request), cursor=cursor, limit=rows_of(request, limit)
    )
    return respond(plain(200, page))


@post(
    "/api/organisations", operation_id="create_organisation", summary="Make an organisation", tags=[TAG],
    opt={
        "right": "server", "body": OrganisationRequest, "answer": Organisation, "codes": ("not_allowed", "unavailable"),
    },
)  # fmt: skip
async def create_organisation(request: Asked) -> Response[bytes]:
    """For who runs the server: whose sites and people are kept apart from all others'."""
    body: OrganisationRequest = await body_of(request, _decoders[OrganisationRequest])
    made = await people.make_organisation(accounts_of(request), caller_of(request), body.name)
    return respond(plain(201, made))


@patch(
    _ORG, operation_id="rename_organisation", summary="Rename an organisation", tags=[TAG],
    opt={
        "right": "organisation", "by": "service", "body": OrganisationRequest, "answer": Organisation, "codes": _CODES,
    },
)  # fmt: skip
async def rename_organisation(request: Asked, organisation: Named) -> Response[bytes]:
    """Gives it another name."""
    body: OrganisationRequest = await body_of(request, _decoders[OrganisationRequest])
    made = await people.rename_organisation(
        accounts_of(request), caller_of(request), _organisation(organisation), body.name
    )
    return respond(plain(200, made))


@get(
    _ORG + "/people", operation_id="list_people", summary="List people", tags=[TAG],
    opt={
        "right": "people", "by": "service", "answer": people.PersonPage,
        "codes": (*_CODES, "unknown_site", "invalid_cursor"),
    },
)  # fmt: skip
async def list_people(
    request: Asked, organisation: Named, site: Text = None, customers: FromQuery[bool] = False, search: Text = None,
    cursor: Text = None, limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """The team by address, one line a role, or with `customers=true` the customers; with `site` those who have a role
    there, with `search` those whose address or name holds it."""
    place = await _place(request, organisation, site)
    page = await people.page(
        accounts_of(request), caller_of(request), place.organisation_id, site_id=place.site_id, customers=customers,
        search=search, cursor=cursor, limit=rows_of(request, limit),
    )  # fmt: skip
    return respond(plain(200, page))


@put(
    _ORG + "/people/{account:str}", operation_id="give_role", summary="Give a role", tags=[TAG],
    opt={
        "right": "people", "by": "service", "body": RoleRequest, "answer": Done,
        "codes": (*_CODES, "unknown_account", "unknown_site", "last_owner"),
    },
)  # fmt: skip
async def give_role(request: Asked, organisation: Named, account: Named) -> Response[bytes]:
    """Gives somebody of the organisation a role in a place, instead of the one they have there. Nobody gives rights
    that they do not hold."""
    body: RoleRequest = await body_of(request, _decoders[RoleRequest])
    place = await _place(request, organisation, body.site)
    account_id = id_of(account, "unknown_account", "account")
    await people.give(accounts_of(request), caller_of(request), account_id, place, body.role)
    return respond(plain(200, Done("The role was given.")))


@delete(
    _ORG + "/people/{account:str}", operation_id="take_role", summary="Take a role", tags=[TAG], status_code=200,
    opt={
        "right": "people", "by": "service", "answer": Done,
        "codes": (*_CODES, "unknown_account", "unknown_site", "last_owner"),
    },
)  # fmt: skip
async def take_role(request: Asked, organisation: Named, account: Named, site: Text = None) -> Response[bytes]:
    """Takes the role that somebody has in a place; at once, also from screens that are open. Everybody may give up
    their own."""
    place = await _place(request, organisation, site)
    await people.take(accounts_of(request), caller_of(request), id_of(account, "unknown_account", "account"), place)
    return respond(plain(200, Done("The role was taken.")))


@get(
    _ORG + "/invitations", operation_id="list_invitations", summary="Open invitations", tags=[TAG],
    opt={"right": "people", "by": "service", "answer": InvitationList, "codes": _CODES},
)  # fmt: skip
async def list_invitations(request: Asked, organisation: Named) -> Response[bytes]:
    """Those that still work, in the order of their making."""
    found = await people.invitations(accounts_of(request), caller_of(request), _organisation(organisation))
    return respond(plain(200, InvitationList(found)))


@post(
    _ORG + "/invitations", operation_id="invite", summary="Invite somebody", tags=[TAG],
    opt={
        "right": "people", "by": "service", "body": InvitationRequest, "answer": people.InvitationView,
        "codes": (*_CODES, "unknown_site", "quota_reached"),
    },
)  # fmt: skip
async def invite(request: Asked, organisation: Named) -> Response[bytes]:
    """Sends a link by which its reader gets a role, and an account if they have none."""
    body: InvitationRequest = await body_of(request, _decoders[InvitationRequest])
    place = await _place(request, organisation, body.site)
    made = await people.invite(
        accounts_of(request), caller_of(request), place, email=body.email, role=body.role, language=body.language
    )
    return respond(plain(201, made))


@delete(
    _ORG + "/invitations/{invitation:str}", operation_id="withdraw_invitation", summary="Take back an invitation",
    tags=[TAG], status_code=200,
    opt={"right": "people", "by": "service", "answer": Done, "codes": (*_CODES, "unknown_invitation")},
)  # fmt: skip
async def withdraw_invitation(request: Asked, organisation: Named, invitation: Named) -> Response[bytes]:
    """Its link works no more."""
    invitation_id = id_of(invitation, "unknown_invitation", "invitation")
    await people.withdraw(accounts_of(request), caller_of(request), _organisation(organisation), invitation_id)
    return respond(plain(200, Done("The invitation was taken back.")))


@post(
    "/api/invitation", operation_id="look_at_invitation", summary="What am I invited to?", tags=[TAG], status_code=200,
    opt={"right": "open", "body": LookRequest, "answer": people.Invited, "codes": ("link_used", "unavailable")},
)  # fmt: skip
async def look_at_invitation(request: Asked) -> Response[bytes]:
    """What an invitation says; it is not used up by that."""
    body: LookRequest = await body_of(request, _decoders[LookRequest])
    return respond(plain(200, await people.invited(accounts_of(request), body.secret)))


@post(
    "/api/invitation/accept", operation_id="accept_invitation", summary="Accept an invitation", tags=[TAG],
    status_code=200,
    opt={
        "right": "open", "body": AcceptRequest, "answer": Me | Done,
        "codes": ("link_used", "weak_password", "busy", "unavailable"),
    },
)  # fmt: skip
async def accept_invitation(request: Asked) -> Response[bytes]:
    """Gives the role. Whoever has an account signs in as always; a new one is made with a name and a password, and is
    signed in."""
    body: AcceptRequest = await body_of(request, _decoders[AcceptRequest])
    accounts = accounts_of(request)
    told = await people.invited(accounts, body.secret)
    account_id = await people.accept(accounts, body.secret, name=body.name, password=body.password)
    if told.has_account:
        return respond(plain(200, Done("You have the role now. Sign in as you always do.")))
    made = await sign_in.open_session(accounts, account_id, where_of(request), by="invitation")
    return await signed_in(request, made)


@post(
    _ORG + "/accounts/{account:str}/{act:str}", operation_id="close_account", summary="Close or open an account",
    tags=[TAG], status_code=200,
    opt={
        "right": "server", "answer": Done, "codes": (*_CODES, "unknown_account", "unknown_act", "last_owner"),
    },
)  # fmt: skip
async def close_account(request: Asked, organisation: Named, account: Named, act: Named) -> Response[bytes]:
    """disable or enable: for who runs the server, as an account may belong to several organisations."""
    if act not in ("disable", "enable"):
        raise Refusal("unknown_act", act=act[:40], possible=["disable", "enable"])
    _organisation(organisation)
    account_id = id_of(account, "unknown_account", "account")
    await disable(accounts_of(request), account_id, disabled=act == "disable", by=caller_of(request))
    return respond(plain(200, Done(f"The account was {act}d.")))


@get(
    _ORG + "/tokens", operation_id="list_tokens", summary="List tokens", tags=[TAG],
    opt={"right": "people", "by": "service", "answer": tokens.TokenPage, "codes": (*_CODES, "invalid_cursor")},
)  # fmt: skip
async def list_tokens(request: Asked, organisation: Named, cursor: Text = None, limit: Limit = 100) -> Response[bytes]:
    """With when each was last used; the tokens themselves are never shown again."""
    page = await tokens.page(
        accounts_of(request),
        caller_of(request),
        _organisation(organisation),
        cursor=cursor,
        limit=rows_of(request, limit),
    )
    return respond(plain(200, page))


@post(
    _ORG + "/tokens", operation_id="create_token", summary="Make a token", tags=[TAG],
    opt={
        "right": "people", "by": "service", "body": TokenRequest, "answer": tokens.TokenView,
        "codes": (*_CODES, "unknown_site", "invalid_time"),
    },
)  # fmt: skip
async def create_token(request: Asked, organisation: Named) -> Response[bytes]:
    """A token for a program, narrowed to rights (`scopes`) that its maker holds. It is shown in this answer only."""
    body: TokenRequest = await body_of(request, _decoders[TokenRequest])
    place = await _place(request, organisation, body.site)
    made = await tokens.make(
        accounts_of(request), caller_of(request), place, name=body.name, scopes=list(body.scopes),
        expires_at=instant_of(body.expires_at, "expires_at"),
    )  # fmt: skip
    return respond(plain(201, made))


@delete(
    _ORG + "/tokens/{token:str}", operation_id="revoke_token", summary="Revoke a token", tags=[TAG], status_code=200,
    opt={"right": "people", "by": "service", "answer": tokens.TokenView, "codes": (*_CODES, "unknown_token")},
)  # fmt: skip
async def revoke_token(request: Asked, organisation: Named, token: Named) -> Response[bytes]:
    """It counts no more, at once."""
    token_id = id_of(token, "unknown_token", "token")
    gone = await tokens.revoke(accounts_of(request), caller_of(request), _organisation(organisation), token_id)
    return respond(plain(200, gone))


PEOPLE_HANDLERS: list[Any] = [
    list_roles, list_organisations, create_organisation, rename_organisation, list_people, give_role, take_role,
    list_invitations, invite, withdraw_invitation, look_at_invitation, accept_invitation, close_account, list_tokens,
    create_token, revoke_token,
]  # fmt: skip


def _organisation(named: str) -> UUID:
    return id_of(named, "unknown_organisation", "organisation")


async def _place(request: Asked, organisation: str, site: str | None) -> Place:
    """The place that a request names; a site of another organisation is none."""
    organisation_id = _organisation(organisation)
    if site is None:
        return Place(organisation_id, None, None)
    found = await context_of(request).sites.find(site)
    if found.organisation_id != organisation_id:
        raise Refusal("unknown_site", site=site[:64])
    return Place(organisation_id, found.id, found.slug)
