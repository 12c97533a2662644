"""What requests about oneself bring, and what they are answered with."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from holdfast.services import sign_in
from holdfast.services.accounts import AccountView

Secret = Annotated[str, Meta(min_length=20, max_length=100, description="what stands behind # in the link")]
Password = Annotated[str, Meta(max_length=1_000)]
Email = Annotated[str, Meta(max_length=254)]
Line = Annotated[str, Meta(max_length=200)]


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all requests have in common."""


class SignInRequest(_Request, frozen=True):
    """Address and password, with the code of the second factor once it is asked for; or the secret of a link."""

    email: Email | None = None
    password: Password | None = None
    code: Annotated[str, Meta(max_length=20)] | None = None
    secret: Secret | None = None


class SetUpRequest(_Request, frozen=True):
    """The first owner."""

    secret: Secret
    email: Email
    name: Line
    password: Password


class SignUpRequest(_Request, frozen=True):
    """A customer's account; `profile` is what the site asks for."""

    email: Email
    name: Line
    password: Password
    phone: Annotated[str, Meta(max_length=40)] | None = None
    language: Annotated[str, Meta(max_length=20)] = "en"
    profile: dict[str, Any] = {}


class VerifyRequest(_Request, frozen=True):
    """The secret of the link, and the password that was chosen, which an address that has an account needs not."""

    secret: Secret
    password: Password | None = None


class ProfileRequest(_Request, frozen=True):
    profile: dict[str, Any] = {}


class AccountRequest(_Request, frozen=True):
    """What to change of one's account; what is left out stays. `profile` is one site's, which `site` names."""

    name: Line | msgspec.UnsetType = msgspec.UNSET
    phone: Annotated[str, Meta(max_length=40)] | msgspec.UnsetType | None = msgspec.UNSET
    language: Annotated[str, Meta(max_length=20)] | msgspec.UnsetType = msgspec.UNSET
    site: Line | None = None
    profile: dict[str, Any] | None = None


class PasswordRequest(_Request, frozen=True):
    new: Password
    present: Password | None = None


class ResetRequest(_Request, frozen=True):
    email: Email


class NewPasswordRequest(_Request, frozen=True):
    secret: Secret
    password: Password


class CodeRequest(_Request, frozen=True):
    code: Annotated[str, Meta(min_length=6, max_length=20)]


class ConfirmRequest(_Request, frozen=True):
    password: Password


class GrantView(msgspec.Struct, frozen=True):
    """A role; `site_id` None is all sites of the organisation."""

    organisation: str
    site_id: int | None
    role: str
    rights: list[str]


class Me(msgspec.Struct, frozen=True):
    """Who one is to the server, and what one was granted."""

    actor: str
    kind: str
    account: AccountView | None
    grants: list[GrantView]
    has_everything: bool


class SessionList(msgspec.Struct, frozen=True):
    sessions: list[sign_in.SessionView]


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Shown once: each stands in for the second factor once."""

    codes: list[str]


class Done(msgspec.Struct, frozen=True):
    message: str
