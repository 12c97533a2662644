"""The requests that change a site, and the two that only ask whether they may. One function each, no logic.

`opt` names what the address expects, for the OpenAPI document: `body` a type, `key` an Idempotency-Key,
`match` an If-Match, `codes` the refusals.
"""

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery

from holdfast.domain.commands import RemoveBlock
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.domain.wire import SiteView
from holdfast.http.calls import check, id_of, if_version, plain, post_booking, preview, reply, submit
from holdfast.http.context import Context, caller_of, context_of
from holdfast.http.framework import body_of, respond, rows_of
from holdfast.http.rights import rights_of
from holdfast.services.identity import new_id, now_ms
from holdfast.services.recurring import SeriesActRequest, series_act
from holdfast.services.requests import (
    ActRequest,
    BlockRequest,
    BookingRequest,
    CheckRequest,
    CustomerRequest,
    SiteChangeRequest,
    SiteRequest,
    UnitChangeRequest,
    UnitsRequest,
    act_command,
    block_command,
    check_command,
    check_site,
    site_change_command,
    unit_change_command,
    units_command,
)
from holdfast.services.site_settings import SettingsView

T = TypeVar("T")
Asked = Request[Any, Any, Any]
Named = FromPath[str]
Text = FromQuery[str | None]

_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    wanted: msgspec.json.Decoder(wanted)
    for wanted in (
        ActRequest, BlockRequest, BookingRequest, CheckRequest, SeriesActRequest, SiteChangeRequest, SiteRequest,
        UnitChangeRequest, UnitsRequest,
    )
}  # fmt: skip
SOMEBODY_NEW = "somebody@new.invalid"
"""In whose name is asked for those who have none: a person who has no bookings yet (RFC 2606: nobody's address)."""
_BUSY = ("busy", "disk_full", "unavailable", "outcome_unknown")
_TIMES = ("closed", "off_grid", "too_short", "too_long", "too_soon", "too_far", "in_the_past")


@get(
    "/sites", operation_id="list_sites", summary="List sites", tags=["sites"],
    opt={"right": "known", "answer": list[SiteView], "codes": ("invalid_cursor", "unavailable")},
)  # fmt: skip
async def list_sites(request: Asked, cursor: Text = None, limit: FromQuery[int] = 100) -> Response[bytes]:
    """The sites where one has a role, in the order of their making; `next` is the cursor of the page that follows."""
    context = context_of(request)
    if cursor is not None and (not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18):
        raise Refusal("invalid_cursor")
    limit = rows_of(request, limit)
    found = await context.sites.page(caller_of(request), after_id=int(cursor or 0), limit=limit)
    following = str(found[-1].id) if len(found) == limit else None
    return respond(plain(200, {"sites": found, "next": following}))


@post(
    "/sites", operation_id="create_site", summary="Create a site", tags=["sites"],
    opt={
        "right": "sites", "by": "service", "body": SiteRequest, "answer": SiteView,
        "codes": ("already_exists", "invalid_settings", "unavailable"),
    },
)  # fmt: skip
async def create_site(request: Asked) -> Response[bytes]:
    """A café, hotel or sports ground: a kind, a name, a time zone; every setting has a default."""
    context = context_of(request)
    body = await _body(request, SiteRequest)
    check_site(body)
    site = await context.sites.create(body, actor=caller_of(request))
    status, headers, answer = plain(201, site, site.version)
    headers.append((b"location", f"/api/sites/{site.slug}".encode()))
    return respond((status, headers, answer))


@get(
    "/sites/{site:str}", operation_id="get_site", summary="Get a site", tags=["sites"],
    opt={"right": "public", "answer": SiteView, "codes": ("unknown_site", "unavailable")},
)  # fmt: skip
async def get_site(request: Asked, site: Named) -> Response[bytes]:
    """A site by slug or id, with all its settings, defaults included; of those, customers see what they book by."""
    context = context_of(request)
    found = await context.sites.find(site)
    view = await context.sites.view(site, whole="read" in rights_of(request, found))
    status, headers, answer = plain(200, view, view.version)
    headers.append((b"etag", b'"%d"' % view.version))
    return respond((status, headers, answer))


@patch(
    "/sites/{site:str}", operation_id="change_site", summary="Change a site", tags=["sites"],
    opt={"right": "settings", 
        "body": SiteChangeRequest, "answer": SiteView, "key": True,
        "codes": ("unknown_site", "invalid_settings", "nothing_to_change", "key_reused", *_BUSY),
    },
)  # fmt: skip
async def change_site(request: Asked, site: Named) -> Response[bytes]:
    """Name, time zone, settings: what is left out stays; a setting of null goes back to its default."""
    context, headers = _asked(request)
    body = await _body(request, SiteChangeRequest)
    found = await context.sites.find(site)
    command = site_change_command(body)
    answer = await submit(context, caller_of(request), found, command, headers=headers, said=("site", body))
    context.sites.forget(found.id)
    return respond(reply(answer))


@get(
    "/sites/{site:str}/settings", operation_id="get_settings", summary="Get a site's settings", tags=["sites"],
    opt={"right": "settings", "answer": SettingsView, "codes": ("unknown_site", "unavailable")},
)  # fmt: skip
async def get_settings(request: Asked, site: Named) -> Response[bytes]:
    """The settings that hold, which of them are the owner's own, what each would be by default, and the texts of mails:
    what is needed to change them."""
    return respond(plain(200, *await context_of(request).sites.settings(site)))


@post(
    "/sites/{site:str}/units", operation_id="add_units", summary="Add or update units", tags=["units"],
    status_code=200,
    opt={"right": "units", 
        "body": UnitsRequest, "key": True,
        "codes": ("unknown_site", "unknown_unit", "already_exists", "key_reused", *_BUSY),
    },
)  # fmt: skip
async def add_units(request: Asked, site: Named, update: FromQuery[bool] = False) -> Response[bytes]:
    """Up to 5,000 at once, all or none; with `update=true` existing ones are brought in line."""
    context, headers = _asked(request)
    body = await _body(request, UnitsRequest)
    found = await context.sites.find(site)
    said = ("units", update, body)
    command = units_command(body, update=update)
    return respond(reply(await submit(context, caller_of(request), found, command, headers=headers, said=said)))


@patch(
    "/sites/{site:str}/units/{code:str}", operation_id="change_unit", summary="Change a unit", tags=["units"],
    opt={"right": "condition", 
        "body": UnitChangeRequest, "key": True, "match": True,
        "codes": (
            "unknown_site", "unknown_unit", "unit_occupied", "nothing_to_change", "version_mismatch", "key_reused",
            *_BUSY,
        ),
    },
)  # fmt: skip
async def change_unit(request: Asked, site: Named, code: Named) -> Response[bytes]:
    """Its condition (clean, dirty, inspected, under_maintenance, out_of_service or null) and its `note`, which stays
    until it is null; with the right `units` also name, category, parent, attributes."""
    context, headers = _asked(request)
    body = await _body(request, UnitChangeRequest)
    found = await context.sites.find(site)
    more = {name for name in ("name", "category", "parent", "attributes") if getattr(body, name) is not msgspec.UNSET}
    if more and "units" not in rights_of(request, found):
        raise Refusal("not_allowed", right="units", field=min(more))
    command = unit_change_command(body, code=code, if_version=if_version(headers))
    said = ("unit", code, body)
    return respond(reply(await submit(context, caller_of(request), found, command, headers=headers, said=said)))


@post(
    "/sites/{site:str}/bookings", operation_id="create_booking", summary="Book", tags=["bookings"],
    opt={"right": "own", 
        "body": BookingRequest, "key": True, "answer": "Booking", "also": {200: "Series"},
        "codes": (
            "unknown_site", "unknown_unit", "unknown_category", "unknown_slot", "slot_taken", "not_bookable",
            "quota_reached", "hold_not_supported", "key_reused", *_TIMES, *_BUSY,
        ),
    },
)  # fmt: skip
async def create_booking(request: Asked, site: Named) -> Response[bytes]:
    """Book units, or some of a category. 409 `slot_taken` names what is in the way and what is free instead.

    With `recurrence` the answer is 200 and has one result a date."""
    context, headers = _asked(request)
    return respond(await post_booking(context, request.scope, site, request.receive, headers))


@post(
    "/sites/{site:str}/bookings/{booking:str}/{act:str}", operation_id="act_on_booking", summary="Act on a booking",
    tags=["bookings"], status_code=200,
    opt={"right": "own", 
        "body": ActRequest, "body_optional": True, "key": True, "match": True, "answer": "Booking",
        "codes": (
            "unknown_site", "unknown_booking", "unknown_act", "unknown_unit", "unknown_slot", "slot_taken",
            "wrong_state", "wrong_code", "wrong_day", "unit_occupied", "not_bookable", "not_serviceable",
            "nothing_to_change", "quota_reached", "version_mismatch", "key_reused", *_TIMES, *_BUSY,
        ),
    },
)  # fmt: skip
async def act_on_booking(request: Asked, site: Named, booking: Named, act: Named) -> Response[bytes]:
    """confirm, start, check-in, check-out, end, extend, move, swap, split, amend, cancel, no-show, approve, reject,
    revoke, undo: as far as the kind of site knows them."""
    context, headers = _asked(request)
    body = await _body(request, ActRequest)
    found = await context.sites.find(site)
    booking_id = id_of(booking, "unknown_booking", "booking")
    await context.own.check_act(caller_of(request), rights_of(request, found), found, booking_id, act=act, wish=body)
    command = act_command(found, body, booking_id=booking_id, act=act, if_version=if_version(headers))
    said = ("act", booking_id, act, body)
    return respond(reply(await submit(context, caller_of(request), found, command, headers=headers, said=said)))


@post(
    "/sites/{site:str}/series/{series:str}/{act:str}", operation_id="act_on_series", summary="Act on a series",
    tags=["bookings"], status_code=200,
    opt={"right": "book", 
        "body": SeriesActRequest, "key": True, "answer": "Series",
        "codes": (
            "unknown_site", "unknown_booking", "unknown_act", "slot_taken", "wrong_state", "version_mismatch",
            "nothing_to_change", "key_reused", *_TIMES, *_BUSY,
        ),
    },
)  # fmt: skip
async def act_on_series(request: Asked, site: Named, series: Named, act: Named) -> Response[bytes]:
    """cancel, move (by `minutes` on the site's clock) or extend (by `minutes`): this booking, it and all that follow,
    or all; all or none, or with mode `skip` those that can be."""
    context, headers = _asked(request)
    body = await _body(request, SeriesActRequest)
    found = await context.sites.find(site)
    series_id = id_of(series, "unknown_booking", "series")
    command = await series_act(context.reads, found, series_id, act, body)
    said = ("series", series_id, act, body)
    return respond(reply(await submit(context, caller_of(request), found, command, headers=headers, said=said)))


@post(
    "/sites/{site:str}/check", operation_id="check", summary="May I?", tags=["bookings"], status_code=200,
    opt={"right": "public", "body": CheckRequest, "answer": "Check", "codes": ("unknown_site", *_BUSY)},
)  # fmt: skip
async def may_i(request: Asked, site: Named) -> Response[bytes]:
    """The body of a booking, or `booking` and `act` with the act's own fields: decided as it would be now, not kept.

    200 either way: `{allowed: true, would_be}` or `{allowed: false, code, detail, …}` with alternatives."""
    context, _ = _asked(request)
    body = await _body(request, CheckRequest)
    found = await context.sites.find(site)
    body = await _question(request, found, body)
    if body.recurrence is not None:
        return respond(await preview(context, caller_of(request), found, body))
    command = check_command(found, body, id=new_id(), now=datetime.fromtimestamp(now_ms() / 1000, UTC))
    return respond(await check(context, caller_of(request), found, command))


@post(
    "/sites/{site:str}/recurrence", operation_id="preview_series", summary="Preview a series", tags=["bookings"],
    status_code=200,
    opt={
        "right": "book", "body": BookingRequest, "answer": "Preview",
        "codes": ("unknown_site", "invalid_recurrence", *_BUSY),
    },
)  # fmt: skip
async def preview_series(request: Asked, site: Named) -> Response[bytes]:
    """The dates of a recurring booking, each with what stands in its way; nothing is booked."""
    context, _ = _asked(request)
    body = await _body(request, BookingRequest)
    if body.recurrence is None:
        raise Refusal("invalid_request", field="recurrence", problem="is missing")
    found = await context.sites.find(site)
    return respond(await preview(context, caller_of(request), found, body))


@post(
    "/sites/{site:str}/blocks", operation_id="create_block", summary="Block units", tags=["blocks"],
    opt={"right": "block", 
        "body": BlockRequest, "key": True, "answer": "Block",
        "codes": ("unknown_site", "unknown_unit", "would_hit", "in_the_past", "too_long", "key_reused", *_BUSY),
    },
)  # fmt: skip
async def create_block(request: Asked, site: Named) -> Response[bytes]:
    """Takes units out of use. Bookings in the way refuse it, or with `allow_conflicts` are listed as `to_replan`."""
    context, headers = _asked(request)
    body = await _body(request, BlockRequest)
    found = await context.sites.find(site)
    command = block_command(found, body, id=new_id())
    answer = await submit(context, caller_of(request), found, command, headers=headers, said=("block", body))
    return respond(reply(answer, location=f"/api/sites/{found.slug}/blocks/"))


@delete(
    "/sites/{site:str}/blocks/{block:str}", operation_id="remove_block", summary="Remove a block", tags=["blocks"],
    status_code=200,
    opt={
        "right": "block", "key": True, "answer": "Block",
        "codes": ("unknown_site", "unknown_block", "key_reused", *_BUSY),
    },
)  # fmt: skip
async def remove_block(request: Asked, site: Named, block: Named, reason: Text = None) -> Response[bytes]:
    """Gives its units back now; their return condition, if the block has one, applies."""
    context, headers = _asked(request)
    found = await context.sites.find(site)
    block_id = id_of(block, "unknown_block", "block")
    if reason is not None and (len(reason) > 500 or not reason.isprintable()):
        raise Refusal("invalid_request", field="reason", problem="must be up to 500 printable characters")
    said = ("unblock", block_id, reason)
    command = RemoveBlock(block_id, reason)
    return respond(reply(await submit(context, caller_of(request), found, command, headers=headers, said=said)))


async def _question(request: Asked, site: Site, asked: CheckRequest) -> CheckRequest:
    """What others than staff may ask: about a booking for themselves, or an act on one of theirs. In whoever's name
    they ask, it is asked in their own: how many bookings somebody has is not for others to find out."""
    held, caller = rights_of(request, site), caller_of(request)
    if "book" in held:
        return asked
    if asked.recurrence is not None or asked.walk_in:
        raise Refusal("not_allowed", right="book")
    if asked.booking is not None:
        wish = ActRequest(override=asked.override)
        own = context_of(request).own
        await own.check_act(caller, held, site, asked.booking, act=asked.act or "", wish=wish)
    email = SOMEBODY_NEW if caller.customer_key is None else caller.customer_key[2:]
    return msgspec.structs.replace(asked, customer=CustomerRequest(email=email))


WRITE_HANDLERS: list[Any] = [
    list_sites, create_site, get_site, change_site, get_settings, add_units, change_unit, create_booking,
    act_on_booking, act_on_series, may_i, preview_series, create_block, remove_block,
]  # fmt: skip


def _asked(request: Asked) -> tuple[Context, dict[bytes, bytes]]:
    return context_of(request), dict(request.scope["headers"])


async def _body(request: Asked, wanted: type[T]) -> T:
    value: T = await body_of(request, _decoders[wanted])
    return value
