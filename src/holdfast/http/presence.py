"""Who is there, over HTTP: signs of life, what one says of oneself, and looking. One function each, no logic."""

from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get, post, put
from litestar.params import FromPath
from msgspec import Meta

from holdfast.domain.local_time import parse_instant
from holdfast.http.calls import id_of, plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import body_of, respond
from holdfast.services.presence import ASKED_MAX, PersonView, Presence, SiteView, device_of, subject_of

Asked = Request[Any, Any, Any]
Named = FromPath[str]
TAG = "presence"
_UTC = ZoneInfo("UTC")


class BeatRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sign of life. `idle_s`: for how long nobody has touched the device; `offline`: it leaves; `device`: which of a
    program's devices it is (a person's is the session they signed in with)."""

    status: Literal["active", "busy", "away", "offline"] = "active"
    idle_s: Annotated[float, Meta(ge=0)] = 0.0
    device: Annotated[str, Meta(max_length=64, pattern=r"^[ -~]*$")] = ""


class BeatAnswer(msgspec.Struct, frozen=True):
    """It counts within a second; when the next one is asked for, and for how long this one counts."""

    beat_every_s: float
    lease_s: float


class StatusRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one says of oneself; `auto`: nothing any more. `offline` is not to be shown as there."""

    status: Literal["active", "busy", "away", "offline", "auto"]
    until: str | None = None


class PresenceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    accounts: Annotated[list[UUID], Meta(max_length=ASKED_MAX)]


class PersonList(msgspec.Struct, frozen=True):
    """Those of whom one may see it, in the order in which they were asked for."""

    people: list[PersonView]


_beat = msgspec.json.Decoder(BeatRequest)
_status = msgspec.json.Decoder(StatusRequest)
_query = msgspec.json.Decoder(PresenceQuery)


@post(
    "/api/presence/beat", operation_id="beat", summary="I am here", tags=[TAG], status_code=200,
    opt={"right": "known", "body": BeatRequest, "answer": BeatAnswer, "codes": ("not_allowed", "busy")},
)  # fmt: skip
async def beat(request: Asked) -> Response[bytes]:
    """A sign of life of the signed-in person's browser, or of a device that a program with a token speaks for."""
    body, caller, presence = await body_of(request, _beat), caller_of(request), _presence(request)
    subject = subject_of(caller)
    is_person = caller.account_id is not None and caller.credential is not None
    device = device_of(caller.credential) if is_person and caller.credential else body.device
    presence.beat(subject, device, body.status, body.idle_s)
    return respond(plain(200, BeatAnswer(presence.rules.beat_s, presence.rules.lease_s)))


@put(
    "/api/presence/status", operation_id="set_presence_status", summary="Say how one is", tags=[TAG], status_code=200,
    opt={
        "right": "known", "body": StatusRequest, "answer": PersonView,
        "codes": ("not_allowed", "unknown_account", "invalid_time", "unavailable"),
    },
)  # fmt: skip
async def set_presence_status(request: Asked) -> Response[bytes]:
    """Busy, away or not to be shown, whatever one's devices say; it makes nobody be there who is not."""
    body = await body_of(request, _status)
    until = parse_instant(body.until, _UTC, field="until").instant if body.until is not None else None
    said = None if body.status == "auto" else body.status
    return respond(plain(200, await _presence(request).say(caller_of(request), said, until)))


@get(
    "/api/presence/{account:str}", operation_id="get_presence", summary="Is somebody there?", tags=[TAG],
    opt={"right": "known", "answer": PersonView, "codes": ("unknown_account", "unavailable")},
)  # fmt: skip
async def get_presence(request: Asked, account: Named) -> Response[bytes]:
    """By the leases of now. Oneself (`me`), or somebody of a team at a place where one sees names."""
    caller = caller_of(request)
    is_own = account == "me" and caller.account_id is not None
    account_id = caller.account_id if is_own else id_of(account, "unknown_account", "account")
    assert account_id is not None
    return respond(plain(200, await _presence(request).person(caller, account_id)))


@post(
    "/api/presence/query", operation_id="query_presence", summary="Who of these is there?", tags=[TAG],
    status_code=200,
    opt={"right": "known", "body": PresenceQuery, "answer": PersonList, "codes": ("unavailable",)},
)  # fmt: skip
async def query_presence(request: Asked) -> Response[bytes]:
    """Up to 500 at once; whom one may not see is left out."""
    body = await body_of(request, _query)
    return respond(plain(200, PersonList(await _presence(request).people(caller_of(request), body.accounts))))


@get(
    "/api/sites/{site:str}/presence", operation_id="get_site_presence", summary="Who of the team is there?", tags=[TAG],
    opt={"right": "names", "answer": SiteView, "codes": ("unknown_site", "unavailable")},
)  # fmt: skip
async def get_site_presence(request: Asked, site: Named) -> Response[bytes]:
    """The people with a role there by name, and the devices that its programs speak for."""
    found = await context_of(request).sites.find(site)
    return respond(plain(200, await _presence(request).of_site(found)))


PRESENCE_HANDLERS: list[Any] = [beat, set_presence_status, get_presence, query_presence, get_site_presence]


def _presence(request: Asked) -> Presence:
    found: Presence = request.app.state["presence"]
    return found
