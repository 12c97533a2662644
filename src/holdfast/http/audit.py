"""The requests that tell who did what: the account log, the journals as files, who is behind an actor, and what is
kept of a person, handed out or taken out. One function each; the journal itself is one of the reads."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream
from msgspec import Meta

from holdfast.domain.actors import Actor, check_in
from holdfast.http.account_bodies import Email
from holdfast.http.accounts import where_of
from holdfast.http.calls import id_of, instant_of, plain
from holdfast.http.context import accounts_of, caller_of, context_of
from holdfast.http.framework import body_of, respond, rows_of
from holdfast.http.reads import From, Items, To, lines_by, lines_wanted
from holdfast.http.rights import rights_of
from holdfast.services import account_log, actors, exports, person_export, persons

Asked = Request[Any, Any, Any]
Named = FromPath[str]
Text = FromQuery[str | None]
Limit = FromQuery[int]
TAG = "audit"
_ORG = "/api/organisations/{organisation:str}"
_CODES = ("unknown_organisation", "not_allowed", "unavailable")
_LOG_CODES = (*_CODES, "unknown_account", "invalid_time")
_BUSY = ("busy", "disk_full", "outcome_unknown")
TIME_SHARE = 0.5
"""Of the time that an answer has: for forgetting. What is not done then is done when asked again."""


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What both requests have in common."""


class PersonRequest(_Request, frozen=True):
    """Who is meant: an address, or an account's id. `phone` and `reference` find bookings that were made without an
    address as well."""

    email: Email | None = None
    account: UUID | None = None
    phone: Annotated[str, Meta(max_length=50)] | None = None
    reference: Annotated[str, Meta(max_length=200)] | None = None


class EraseRequest(PersonRequest, frozen=True, kw_only=True):
    """`reason` is kept, so it must not name the person. Live bookings go on without a name with `include_live`."""

    reason: Annotated[str, Meta(max_length=persons.REASON_CHARS_MAX)]
    include_live: bool = False


class Actors(msgspec.Struct, frozen=True):
    """How actors are called; those nobody knows (any more) are left out."""

    actors: dict[str, str]


_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    wanted: msgspec.json.Decoder(wanted) for wanted in (PersonRequest, EraseRequest)
}


@get(
    _ORG + "/log", operation_id="get_account_log", summary="What happened with accounts", tags=[TAG],
    opt={
        "right": "audit", "by": "service", "answer": account_log.LogPage, "codes": (*_LOG_CODES, "invalid_cursor"),
    },
)  # fmt: skip
async def get_account_log(
    request: Asked, organisation: Named, action: Items = None, account: Text = None, actor: Text = None,
    start: From = None, end: To = None, cursor: Text = None, limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """Sign-ins, roles, invitations, tokens and exports, newest first: who (`actor`), whom (`account`), when, from what
    network."""
    organisation_id = _organisation(request, organisation)
    wanted = _wanted((action, account, actor), start, end)
    page = await account_log.page(
        context_of(request).reads, organisation_id, wanted, cursor=cursor, limit=rows_of(request, limit)
    )
    return respond(plain(200, page))


@get(
    _ORG + "/log/export", operation_id="export_account_log", summary="The account log as a file", tags=[TAG],
    opt={"right": "audit", "by": "service", "codes": _LOG_CODES, "media": "text/csv"},
)  # fmt: skip
async def export_account_log(
    request: Asked, organisation: Named, format: FromQuery[str] = "csv", action: Items = None, account: Text = None,
    actor: Text = None, start: From = None, end: To = None,
) -> Stream:  # fmt: skip
    """The same lines, all of them, as `csv` or `jsonl`. That they were taken is a line of the log itself."""
    organisation_id, media = _organisation(request, organisation), exports.check_format(format)
    wanted = _wanted((action, account, actor), start, end)
    account_log.check_wanted(wanted)
    pool = context_of(request).reads
    await account_log.note(
        pool, caller_of(request), "log_exported", organisation_id=organisation_id, address=where_of(request).address,
        format=format,
    )  # fmt: skip
    rows = exports.log_rows(pool, organisation_id, wanted)
    return _file(exports.written(rows, exports.LOG_COLUMNS, format), media, f"account-log.{format}")


@get(
    "/api/sites/{site:str}/journal/export", operation_id="export_journal", summary="The journal as a file", tags=[TAG],
    opt={"right": "audit", "codes": ("unknown_site", "invalid_time", "unavailable"), "media": "text/csv"},
)  # fmt: skip
async def export_journal(
    request: Asked, site: Named, format: FromQuery[str] = "csv", types: Items = None, subject: Text = None,
    actor: Text = None, cause: Text = None, start: From = None, end: To = None,
) -> Stream:  # fmt: skip
    """The lines that are kept, in order, up to where the site stands now, as `csv` or `jsonl`."""
    found, media = await context_of(request).sites.find(site), exports.check_format(format)
    wanted = lines_wanted(found, lines_by(types, subject, actor, cause), start, end)
    pool = context_of(request).reads
    await account_log.note(
        pool, caller_of(request), "log_exported", organisation_id=found.organisation_id,
        address=where_of(request).address, site=found.slug, format=format,
    )  # fmt: skip
    rows = exports.journal_rows(pool, found, wanted, sees="names" in rights_of(request, found))
    return _file(exports.written(rows, exports.JOURNAL_COLUMNS, format), media, f"{found.slug}-journal.{format}")


@get(
    "/api/sites/{site:str}/actors", operation_id="list_actors", summary="Who is behind an actor?", tags=[TAG],
    opt={"right": "names", "answer": Actors, "codes": ("unknown_site", "unavailable")},
)  # fmt: skip
async def list_actors(request: Asked, site: Named, name: Items = None) -> Response[bytes]:
    """The names of people and programs that the journal calls `account:…` and `token:…`, up to 500 at once."""
    found = await context_of(request).sites.find(site)
    asked = [part.strip() for text in name or () for part in text.split(",")]
    return respond(plain(200, Actors(await actors.names(context_of(request).reads, found.organisation_id, asked))))


@post(
    _ORG + "/persons/export", operation_id="export_person", summary="All that is kept of a person", tags=[TAG],
    status_code=200,
    opt={"right": "audit", "by": "service", "body": PersonRequest, "codes": (*_CODES, "unknown_account")},
)  # fmt: skip
async def export_person(request: Asked, organisation: Named) -> Stream:
    """Account, roles, sessions, mails, log lines, and their bookings at all sites with what the journal says of them,
    as one JSON document."""
    body: PersonRequest = await body_of(request, _decoders[PersonRequest])
    accounts, caller = accounts_of(request), caller_of(request)
    person = await persons.find(accounts, caller, _id(organisation), _named(body))
    await account_log.note(
        accounts.pool, caller, "account_exported", organisation_id=person.organisation_id,
        account_id=person.account.id if person.account is not None else None, address=where_of(request).address,
    )  # fmt: skip
    return _file(person_export.document(accounts.pool, person), "application/json", "person.json")


@post(
    _ORG + "/persons/erase", operation_id="erase_person", summary="Forget a person", tags=[TAG], status_code=200,
    opt={
        "right": "audit", "by": "service", "body": EraseRequest, "answer": persons.Erased,
        "codes": (*_CODES, *_BUSY, "unknown_account", "has_live_bookings", "last_owner"),
    },
)  # fmt: skip
async def erase_person(request: Asked, organisation: Named) -> Response[bytes]:
    """Takes name, address, telephone, reference, notes and details out of everything that is kept: bookings, journal,
    mails, the account. What happened stays, without whose it was. Ask again while `done` is false."""
    body: EraseRequest = await body_of(request, _decoders[EraseRequest])
    accounts, caller, context = accounts_of(request), caller_of(request), context_of(request)
    person = await persons.find(accounts, caller, _id(organisation), _named(body))
    erasing = persons.Erasing(accounts, context.desk, person, by=caller, within_s=context.answer_s * TIME_SHARE)
    done = await erasing.run(body.reason, include_live=body.include_live, address=where_of(request).address)
    return respond(plain(200, done))


AUDIT_HANDLERS: list[Any] = [
    get_account_log, export_account_log, export_journal, list_actors, export_person, erase_person,
]  # fmt: skip


def _id(organisation: str) -> UUID:
    return id_of(organisation, "unknown_organisation", "organisation")


def _organisation(request: Asked, named: str) -> UUID:
    """The organisation, for somebody who may audit it."""
    caller: Actor = caller_of(request)
    check_in(caller, "audit", _id(named))
    return _id(named)


def _named(body: PersonRequest) -> persons.Named:
    return persons.Named(body.email, body.account, body.phone or None, body.reference or None)


def _wanted(
    by: tuple[list[str] | None, str | None, str | None], start: str | None, end: str | None
) -> account_log.Wanted:
    actions, account, actor = by
    asked = lines_by(actions, None, actor, None)
    account_id = id_of(account, "unknown_account", "account") if account else None
    return account_log.Wanted(asked.types, account_id, asked.actor, instant_of(start, "from"), instant_of(end, "to"))


def _file(parts: AsyncIterator[bytes], media: str, name: str) -> Stream:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Stream(parts, media_type=media, headers=headers)
