"""The account log: sign-ins, rights, tokens; who did it, when, and from what network. Written with the act itself."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.actors import Actor
from holdfast.domain.errors import Refusal
from holdfast.domain.people import address_class
from holdfast.services import actors, cursors
from holdfast.services.identity import new_id
from holdfast.services.paging import bounded
from holdfast.store import people as store
from holdfast.store import reads
from holdfast.store.accounts import Source

Wanted = store.LogFilter
EVERYTHING = Wanted()
ACTIONS: dict[str, str] = {
    # action → what has happened (the reference page is made of this table)
    "set_up": "the first owner was made by the set-up link",
    "account_created": "an account was made",
    "account_changed": "name, telephone, language or profile were changed",
    "account_disabled": "an account was closed",
    "account_enabled": "an account was opened again",
    "account_erased": "a person was forgotten",
    "account_exported": "all that is kept of a person was handed out",
    "signed_in": "somebody signed in",
    "sign_in_failed": "a password or code was wrong",
    "signed_out": "a session was ended",
    "signed_out_everywhere": "all sessions of an account were ended",
    "password_changed": "a password was changed",
    "password_reset": "a password was set by a link sent by mail",
    "reset_asked": "a link to set a new password was sent",
    "second_factor_on": "a second factor was set up",
    "second_factor_off": "a second factor was given up",
    "recovery_code_used": "a recovery code stood in for the second factor",
    "invited": "somebody was invited",
    "invitation_withdrawn": "an invitation was taken back",
    "invitation_accepted": "somebody accepted an invitation",
    "role_given": "somebody got a role",
    "role_taken": "somebody lost a role",
    "token_made": "a token was made",
    "token_revoked": "a token was revoked",
    "organisation_made": "an organisation was made",
    "organisation_renamed": "an organisation was renamed",
    "webhook_made": "an endpoint for webhooks was made",
    "webhook_changed": "an endpoint got another address, description or other events",
    "webhook_rotated": "an endpoint got a new secret",
    "webhook_paused": "an endpoint was paused, by somebody or after days of failures",
    "webhook_resumed": "an endpoint goes on",
    "webhook_removed": "an endpoint was removed",
    "calendar_added": "a calendar from outside was added to a unit",
    "calendar_changed": "a calendar from outside got another address or pace, was paused or goes on",
    "calendar_removed": "a calendar from outside was removed",
    "log_exported": "the account log or a journal was exported",
}


class LogPage(msgspec.Struct, frozen=True):
    """Newest first. `actors` are the names of those who are told of, as far as they are known."""

    lines: list[store.LogLine]
    actors: dict[str, str]
    next: str | None


async def note(
    source: Source, actor: Actor, action: str, *,
    account_id: UUID | None = None, organisation_id: UUID | None = None, address: str | None = None,
    **data: Any,
) -> None:  # fmt: skip
    """Writes a line, in the transaction of what it tells. `account_id` is whom it is about."""
    assert action in ACTIONS, f"undocumented action {action!r}"
    await store.log(
        source, new_id(), organisation_id=organisation_id, account_id=account_id, actor=actor.name, action=action,
        address=address_class(address), data={name: value for name, value in data.items() if value is not None},
    )  # fmt: skip


async def page(
    pool: asyncpg.Pool, organisation_id: UUID, wanted: Wanted = EVERYTHING, *, cursor: str | None = None,
    limit: int = 100,
) -> LogPage:  # fmt: skip
    """A page of what happened in an organisation, newest first.

    Raises:
        Refusal: `invalid_cursor`, `invalid_request` for an action that is none, `invalid_time`.
    """
    check_wanted(wanted)
    position = cursors.read(cursors.AtTime, cursor, "log")
    limit = bounded(limit)
    before = (position.at, position.id) if position is not None else (reads.END, reads.LAST_ID)
    found = await store.log_page(pool, organisation_id, before=before, wanted=wanted, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = cursors.write(cursors.AtTime("log", last.at, last.id)) if last is not None else None
    lines = found[:limit]
    return LogPage(lines, await actors.of_lines(pool, organisation_id, lines), following)


def check_wanted(wanted: Wanted) -> None:
    """Raises:
    Refusal: `invalid_request` for an action that is none, `invalid_time` for a time that ends before it begins.
    """
    for action in wanted.actions or ():
        if action not in ACTIONS:
            raise Refusal("invalid_request", field="action", given=action[:40], possible=sorted(ACTIONS))
    if wanted.start is not None and wanted.end is not None and wanted.end <= wanted.start:
        raise Refusal("invalid_time", field="to", problem="is not after `from`")
