"""The requests about oneself: signing in and out, one's account, its password and second factor. One function each.

Secrets of links travel in bodies, never in addresses that a log would keep.
"""

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath

from holdfast.domain.actors import NOBODY, ROLES, rights_in
from holdfast.domain.errors import Refusal
from holdfast.http.account_bodies import (
    AccountRequest,
    CodeRequest,
    ConfirmRequest,
    Done,
    GrantView,
    Me,
    NewPasswordRequest,
    PasswordRequest,
    ProfileRequest,
    RecoveryCodes,
    ResetRequest,
    SessionList,
    SetUpRequest,
    SignInRequest,
    SignUpRequest,
    VerifyRequest,
)
from holdfast.http.auth import session_cookie
from holdfast.http.calls import plain
from holdfast.http.context import accounts_of, caller_of, context_of
from holdfast.http.framework import body_of, respond
from holdfast.http.rights import let_in
from holdfast.services import accounts as services
from holdfast.services import second_factor, sign_in
from holdfast.services import sign_up as customers
from holdfast.services.accounts import AccountChange, AccountView
from holdfast.services.sign_in import From, SignedIn
from holdfast.services.sign_up import SignUp

Asked = Request[Any, Any, Any]
Named = FromPath[str]
TAG = "accounts"
T = TypeVar("T", bound=Response[Any])


_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    wanted: msgspec.json.Decoder(wanted)
    for wanted in (
        SignInRequest, SetUpRequest, SignUpRequest, VerifyRequest, ProfileRequest, AccountRequest, PasswordRequest,
        ResetRequest, NewPasswordRequest, CodeRequest, ConfirmRequest,
    )
}  # fmt: skip


@post(
    "/api/session", operation_id="sign_in", summary="Sign in", tags=[TAG], status_code=200,
    opt={
        "right": "open", "body": SignInRequest, "answer": Me,
        "codes": ("wrong_credentials", "second_factor_needed", "link_used", "too_many_requests", "busy", "unavailable"),
    },
)  # fmt: skip
async def post_session(request: Asked) -> Response[bytes]:
    """Opens a session, kept in a cookie that scripts cannot read. By address and password, and the code of the second
    factor when the account has one (`second_factor_needed`: send all again with `code`); or by the secret of a link."""
    body: SignInRequest = await body_of(request, _decoders[SignInRequest])
    accounts, where = accounts_of(request), where_of(request)
    if body.secret is not None:
        return await signed_in(request, await sign_in.sign_in_by_link(accounts, body.secret, where))
    if body.email is None or body.password is None:
        raise Refusal("invalid_request", field="password" if body.email else "email", problem="is missing")
    return await signed_in(request, await sign_in.sign_in(accounts, body.email, body.password, body.code, where))


@get(
    "/api/session", operation_id="get_session", summary="Who am I?", tags=[TAG],
    opt={"right": "known", "answer": Me, "codes": ("unavailable",)},
)  # fmt: skip
async def get_session(request: Asked) -> Response[bytes]:
    """Who one is to the server, one's account if one has one, and one's roles."""
    return respond(plain(200, await _me(request)))


@delete(
    "/api/session", operation_id="sign_out", summary="Sign out", tags=[TAG], status_code=200,
    opt={"right": "open", "answer": Done, "codes": ("unavailable",)},
)  # fmt: skip
async def delete_session(request: Asked) -> Response[bytes]:
    """Ends this session; nothing happens when there is none."""
    await sign_in.sign_out(accounts_of(request), caller_of(request))
    return with_cookie(request, respond(plain(200, Done("You are signed out."))), "", 0)


@get(
    "/api/account/sessions", operation_id="list_sessions", summary="Where am I signed in?", tags=[TAG],
    opt={"right": "known", "answer": SessionList, "codes": ("not_allowed", "unavailable")},
)  # fmt: skip
async def list_sessions(request: Asked) -> Response[bytes]:
    """One's sessions, the last used first."""
    return respond(plain(200, SessionList(await sign_in.sessions(accounts_of(request), caller_of(request)))))


@delete(
    "/api/account/sessions", operation_id="sign_out_everywhere", summary="Sign out everywhere", tags=[TAG],
    status_code=200, opt={"right": "known", "answer": Done, "codes": ("not_allowed", "unavailable")},
)  # fmt: skip
async def delete_sessions(request: Asked) -> Response[bytes]:
    """Ends all of one's sessions, this one too."""
    ended = await sign_in.sign_out_everywhere(accounts_of(request), caller_of(request))
    return with_cookie(request, respond(plain(200, Done(f"{ended} sessions were ended."))), "", 0)


@delete(
    "/api/account/sessions/{session:str}", operation_id="end_session", summary="End a session", tags=[TAG],
    status_code=200,
    opt={"right": "known", "answer": Done, "codes": ("unknown_session", "not_allowed", "unavailable")},
)  # fmt: skip
async def end_session(request: Asked, session: Named) -> Response[bytes]:
    """Ends one of one's own sessions, such as on a device that was lost."""
    await sign_in.end_session(accounts_of(request), caller_of(request), session)
    return respond(plain(200, Done("The session was ended.")))


@post(
    "/api/set-up", operation_id="set_up", summary="Make the first account", tags=[TAG], status_code=200,
    opt={"right": "open", "body": SetUpRequest, "answer": Me, "codes": ("link_used", "weak_password", "unavailable")},
)  # fmt: skip
async def set_up(request: Asked) -> Response[bytes]:
    """Makes the owner of all that is here, by the link that the server printed at its start. Works once."""
    body: SetUpRequest = await body_of(request, _decoders[SetUpRequest])
    accounts, by = accounts_of(request), NOBODY
    account_id = await services.set_up(
        accounts, body.secret, email=body.email, name=body.name, password=body.password, by=by
    )
    return await signed_in(request, await sign_in.open_session(accounts, account_id, where_of(request), by="set_up"))


@post(
    "/api/sites/{site:str}/sign-up", operation_id="sign_up", summary="Make a customer's account", tags=[TAG],
    status_code=202,
    opt={
        "right": "public", "body": SignUpRequest, "answer": Done,
        "codes": ("unknown_site", "sign_up_closed", "weak_password", "too_many_requests", "unavailable"),
    },
)  # fmt: skip
async def sign_up(request: Asked, site: Named) -> Response[bytes]:
    """Sends a link to the address; the account is there once it is followed. The answer is the same whether the
    address has an account or not."""
    body: SignUpRequest = await body_of(request, _decoders[SignUpRequest])
    found = await context_of(request).sites.find(site)
    wish = SignUp(body.email, body.name, body.password, body.phone, body.language, body.profile)
    await customers.sign_up(accounts_of(request), found, wish, address=where_of(request).address)
    return respond(plain(202, Done("Look into your mail: a link there makes the account.")))


@post(
    "/api/verify", operation_id="verify", summary="Follow the link of a sign-up", tags=[TAG], status_code=200,
    opt={
        "right": "open", "body": VerifyRequest, "answer": Me | Done,
        "codes": ("link_used", "wrong_credentials", "too_many_requests", "busy", "unavailable"),
    },
)  # fmt: skip
async def verify(request: Asked) -> Response[bytes]:
    """Makes the account that a link was sent for, for who knows the password that was chosen, and signs in."""
    body: VerifyRequest = await body_of(request, _decoders[VerifyRequest])
    accounts, where = accounts_of(request), where_of(request)
    account_id, is_new = await customers.verify(accounts, body.secret, body.password, by=NOBODY, address=where.address)
    if not is_new:  # a link in a mail does not stand in for a password, or a second factor
        return respond(plain(200, Done("You are a customer here now; sign in with the password you have.")))
    return await signed_in(request, await sign_in.open_session(accounts, account_id, where_of(request), by="link"))


@post(
    "/api/sites/{site:str}/customers/me", operation_id="join_site", summary="Become a customer", tags=[TAG],
    status_code=200,
    opt={
        "right": "public", "body": ProfileRequest, "answer": AccountView,
        "codes": ("unknown_site", "sign_up_closed", "not_allowed", "unavailable"),
    },
)  # fmt: skip
async def join_site(request: Asked, site: Named) -> Response[bytes]:
    """For somebody who has an account already: gives the profile that this site asks for."""
    body: ProfileRequest = await body_of(request, _decoders[ProfileRequest])
    found = await context_of(request).sites.find(site)
    return respond(plain(200, await customers.join(accounts_of(request), caller_of(request), found, body.profile)))


@get(
    "/api/account", operation_id="get_account", summary="My account", tags=[TAG],
    opt={"right": "known", "answer": AccountView, "codes": ("not_allowed", "unavailable")},
)  # fmt: skip
async def get_account(request: Asked) -> Response[bytes]:
    """One's own account."""
    return respond(plain(200, services.view(await accounts_of(request).account(caller_of(request)))))


@patch(
    "/api/account", operation_id="change_account", summary="Change my account", tags=[TAG],
    opt={
        "right": "known", "body": AccountRequest, "answer": AccountView,
        "codes": ("unknown_site", "not_allowed", "unavailable"),
    },
)  # fmt: skip
async def change_account(request: Asked) -> Response[bytes]:
    """Name, telephone, language, and the profile that a site asks for."""
    body: AccountRequest = await body_of(request, _decoders[AccountRequest])
    site = None
    if body.profile is not None:
        if body.site is None:
            raise Refusal("invalid_request", field="site", problem="is missing; say for which site the profile is")
        site = await let_in(request, context_of(request), body.site, "public")
    wish = AccountChange(body.name, body.phone, body.language)
    changed = await services.change(accounts_of(request), caller_of(request), wish, site=site, profile=body.profile)
    return respond(plain(200, changed))


@post(
    "/api/account/password", operation_id="change_password", summary="Change my password", tags=[TAG],
    status_code=200,
    opt={
        "right": "known", "body": PasswordRequest, "answer": Done,
        "codes": ("wrong_credentials", "weak_password", "not_allowed", "too_many_requests", "busy", "unavailable"),
    },
)  # fmt: skip
async def change_password(request: Asked) -> Response[bytes]:
    """Takes the present one, if there is one, and ends all other sessions."""
    body: PasswordRequest = await body_of(request, _decoders[PasswordRequest])
    await services.change_password(
        accounts_of(request), caller_of(request), present=body.present, new=body.new, address=where_of(request).address
    )
    return respond(plain(200, Done("The password was changed, and all other sessions were ended.")))


@post(
    "/api/reset", operation_id="ask_reset", summary="I forgot my password", tags=[TAG], status_code=202,
    opt={"right": "open", "body": ResetRequest, "answer": Done, "codes": ("too_many_requests", "unavailable")},
)  # fmt: skip
async def ask_reset(request: Asked) -> Response[bytes]:
    """Sends a link to the address, if it has an account; the answer is the same if it has none."""
    body: ResetRequest = await body_of(request, _decoders[ResetRequest])
    await services.ask_reset(accounts_of(request), body.email, by=NOBODY, address=where_of(request).address)
    return respond(plain(202, Done("If there is such an account, a link is on its way.")))


@post(
    "/api/reset/password", operation_id="reset_password", summary="Set a new password by a link", tags=[TAG],
    status_code=200,
    opt={
        "right": "open", "body": NewPasswordRequest, "answer": Done,
        "codes": ("link_used", "weak_password", "busy", "unavailable"),
    },
)  # fmt: skip
async def reset_password(request: Asked) -> Response[bytes]:
    """Works once, and ends all sessions. A second factor stays."""
    body: NewPasswordRequest = await body_of(request, _decoders[NewPasswordRequest])
    await services.reset(accounts_of(request), body.secret, body.password, by=NOBODY, address=where_of(request).address)
    return respond(plain(200, Done("The password was set. Sign in with it.")))


@post(
    "/api/account/second-factor", operation_id="begin_second_factor", summary="Set up a second factor", tags=[TAG],
    status_code=200,
    opt={"right": "known", "answer": second_factor.Begun, "codes": ("already_exists", "not_allowed", "unavailable")},
)  # fmt: skip
async def begin_second_factor(request: Asked) -> Response[bytes]:
    """Shows the secret for an authenticator app, also as a QR code; it counts once a code of it is confirmed."""
    return respond(plain(200, await second_factor.begin(accounts_of(request), caller_of(request))))


@post(
    "/api/account/second-factor/confirm", operation_id="confirm_second_factor", summary="Confirm the second factor",
    tags=[TAG], status_code=200,
    opt={
        "right": "known", "body": CodeRequest, "answer": RecoveryCodes,
        "codes": ("wrong_credentials", "wrong_state", "not_allowed", "too_many_requests", "unavailable"),
    },
)  # fmt: skip
async def confirm_second_factor(request: Asked) -> Response[bytes]:
    """Makes it count, and answers with its recovery codes: they are never shown again."""
    body: CodeRequest = await body_of(request, _decoders[CodeRequest])
    codes = await second_factor.confirm(
        accounts_of(request), caller_of(request), body.code, address=where_of(request).address
    )
    return respond(plain(200, RecoveryCodes(codes)))


@post(
    "/api/account/second-factor/end", operation_id="end_second_factor", summary="Give up the second factor",
    tags=[TAG], status_code=200,
    opt={
        "right": "known", "body": ConfirmRequest, "answer": Done,
        "codes": ("wrong_credentials", "nothing_to_change", "not_allowed", "too_many_requests", "busy", "unavailable"),
    },
)  # fmt: skip
async def end_second_factor(request: Asked) -> Response[bytes]:
    """For who knows the password."""
    body: ConfirmRequest = await body_of(request, _decoders[ConfirmRequest])
    await second_factor.give_up(
        accounts_of(request), caller_of(request), body.password, address=where_of(request).address
    )
    return respond(plain(200, Done("There is no second factor any more.")))


ACCOUNT_HANDLERS: list[Any] = [
    post_session, get_session, delete_session, list_sessions, delete_sessions, end_session, set_up, sign_up, verify,
    join_site, get_account, change_account, change_password, ask_reset, reset_password, begin_second_factor,
    confirm_second_factor, end_second_factor,
]  # fmt: skip


def where_of(request: Asked) -> From:
    """Where a request is from, for the log and the throttle."""
    client = request.scope.get("client")
    return From(client[0] if client else "", request.headers.get("user-agent", ""))


async def signed_in(request: Asked, made: SignedIn) -> Response[bytes]:
    """The answer to whoever has just signed in, with the cookie."""
    actor = await accounts_of(request).access.of_session(made.secret)
    assert actor is not None
    request.scope["user"] = actor
    return with_cookie(request, respond(plain(200, await _me(request))), made.secret, made.life_s)


def with_cookie(request: Asked, response: T, secret: str, life_s: float) -> T:
    """The response, which lets its reader keep the secret of a session; an empty one takes it away."""
    is_encrypted = request.scope["scheme"] == "https"
    cookie = session_cookie(secret, is_encrypted=is_encrypted, life_s=life_s)
    response.headers["set-cookie"] = cookie.decode("latin-1")
    return response


async def _me(request: Asked) -> Me:
    actor, accounts = caller_of(request), accounts_of(request)
    account = services.view(await accounts.account(actor)) if actor.account_id is not None else None
    grants = [
        GrantView(str(grant.organisation_id), grant.site_id, grant.role,
                  sorted(ROLES[grant.role] & rights_in(actor, grant.organisation_id, grant.site_id)))
        for grant in actor.grants
    ]  # fmt: skip
    return Me(actor.name, actor.kind, account, grants, actor.has_everything)
