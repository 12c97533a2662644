"""Tokens for programs: made once and shown once, narrowed to some rights, and never more than their maker may."""

from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.domain.actors import EVERYTHING, Actor, Grant, check_in, narrowed, rights_in, token_name
from holdfast.domain.errors import Refusal
from holdfast.domain.people import name_of
from holdfast.services import cursors
from holdfast.services.access import hash_of, new_token
from holdfast.services.account_log import note
from holdfast.services.accounts import Accounts
from holdfast.services.identity import new_id
from holdfast.services.paging import bounded
from holdfast.services.people import Place
from holdfast.store import accounts as account_store
from holdfast.store import people as store
from holdfast.store import reads

NAME_CHARS_MAX = 100


class TokenView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token. `token` is there only in the answer that made it."""

    id: UUID
    name: str
    site_id: int | None
    scopes: list[str]
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None
    token: str | None = None


class TokenPage(msgspec.Struct, frozen=True):
    tokens: list[TokenView]
    next: str | None


async def make(
    accounts: Accounts, actor: Actor, place: Place, *, name: str, scopes: list[str], expires_at: datetime | None
) -> TokenView:
    """A new token, with its secret. It works as long as its maker may what it may.

    Raises:
        Refusal: `not_allowed` for rights that the maker does not hold, and for a token: what it made would outlive it
            and its maker's rights; `unknown_organisation`, `invalid_request`.
    """
    check_in(actor, "people", place.organisation_id, place.site_id)
    if actor.kind == "token":
        raise Refusal("not_allowed", right="people", problem="tokens are made by people, not by tokens")
    held = rights_in(actor, place.organisation_id, place.site_id)
    # running the server is nobody's right in an organisation
    wanted = narrowed(scopes, held - {"server"})
    called = name_of(name)
    if len(called) > NAME_CHARS_MAX:
        raise Refusal("invalid_request", field="name", expected=f"up to {NAME_CHARS_MAX} characters")
    if not wanted:
        raise Refusal("invalid_request", field="scopes", problem="is empty", possible=sorted(EVERYTHING - {"server"}))
    secret, token_id = new_token(), new_id()
    async with accounts.changing() as connection:
        if await store.organisation(connection, place.organisation_id) is None:
            raise Refusal("unknown_organisation", organisation=str(place.organisation_id))
        line = await store.insert_token(
            connection, token_id, hash_of(secret), Grant(place.organisation_id, place.site_id, "owner"),
            account_id=actor.account_id, name=called, scopes=sorted(wanted), expires_at=expires_at,
        )  # fmt: skip
        await note(connection, actor, "token_made", organisation_id=place.organisation_id, token=str(token_id),
                   name=called, scopes=sorted(wanted), site=place.site)  # fmt: skip
    return msgspec.structs.replace(_view(line), token=secret)


async def page(accounts: Accounts, actor: Actor, organisation_id: UUID, *, cursor: str | None, limit: int) -> TokenPage:
    """The tokens of an organisation in the order of their making, revoked ones too.

    Raises:
        Refusal: `unknown_organisation`, `not_allowed`, `invalid_cursor`.
    """
    check_in(actor, "people", organisation_id)
    position = cursors.read(cursors.AtTime, cursor, "tokens")
    after = (position.at, position.id) if position is not None else (reads.BEGINNING, reads.FIRST_ID)
    limit = bounded(limit)
    found = await store.tokens(accounts.pool, organisation_id, after=after, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = cursors.write(cursors.AtTime("tokens", last.created_at, last.id)) if last is not None else None
    return TokenPage([_view(line) for line in found[:limit]], following)


async def revoke(accounts: Accounts, actor: Actor, organisation_id: UUID, token_id: UUID) -> TokenView:
    """Ends a token at once.

    Raises:
        Refusal: `unknown_token`, `unknown_organisation`, `not_allowed`.
    """
    check_in(actor, "people", organisation_id)
    async with accounts.changing(rights=True) as connection:
        line = await store.revoke_token(connection, token_id, organisation_id)
        if line is None:
            raise Refusal("unknown_token", token=str(token_id))
        await account_store.end_invitations_by(connection, token_name(token_id))
        await note(connection, actor, "token_revoked", organisation_id=organisation_id, token=str(token_id),
                   name=line.name)  # fmt: skip
    return _view(line)


def _view(line: store.TokenLine) -> TokenView:
    return TokenView(
        line.id, line.name, line.site_id, line.scopes, line.account_id, line.created_at, line.expires_at, line.used_at,
        line.revoked_at,
    )  # fmt: skip
