"""Slots and bookings of sports grounds under the addresses of the replaced system, with and without `/api` before.

One function each: who asks, which site, one command or one question, the former shape.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import HttpMethod, Response, route
from litestar.params import FromPath, FromQuery, QueryParameter

from holdfast.domain.actors import Actor, guest_of
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.domain.wire import BookingView
from holdfast.http.bodies import decode, read_body
from holdfast.http.calls import Reply, id_of, if_version, key_holder, reply, submit
from holdfast.http.context import Context, caller_of, context_of
from holdfast.http.former.asking import Asked, needed, site_of, text_of
from holdfast.http.former.shape import BLOCKED, TAKEN, failure, success
from holdfast.http.framework import respond, rows_of
from holdfast.http.rights import rights_of
from holdfast.services.former_grounds import (
    KIND,
    FormerBooking,
    FormerDay,
    FormerQuery,
    Ground,
    booking_as_before,
    bookings_as_before,
    day_of,
    find_ground,
    names_of,
    offers_as_before,
)
from holdfast.services.former_requests import FormerActRequest, FormerBookingRequest, booking_request, in_former_words
from holdfast.services.identity import new_id, now_ms
from holdfast.services.listing import booking_detail
from holdfast.services.requests import ActRequest, act_command, book_command

Text = FromQuery[str | None]
Number = Annotated[str | None, QueryParameter(name="rollNumber", description="a roll number")]
Limit = FromQuery[int]
TAG = "replaced systems"
MESSAGES = {
    # act → what to tell when it is done
    "approve": "Booking approved.",
    "reject": "Booking rejected.",
    "revoke": "Approval revoked; the booking waits for a decision again.",
    "cancel": "Booking cancelled.",
}
_ASK_DATE = "say which day, such as 2027-03-08"


class FormerBookingData(msgspec.Struct, frozen=True):
    booking: FormerBooking


class FormerBookingsData(msgspec.Struct, frozen=True):
    """`next` is the cursor of the bookings before these, if there are any."""

    bookings: list[FormerBooking]
    next: str | None


class FormerSlotsAnswer(msgspec.Struct, frozen=True):
    success: bool
    message: str
    data: FormerDay


class FormerBookingAnswer(msgspec.Struct, frozen=True):
    success: bool
    message: str
    data: FormerBookingData


class FormerBookingsAnswer(msgspec.Struct, frozen=True):
    success: bool
    message: str
    data: FormerBookingsData


_booking_request = msgspec.json.Decoder(FormerBookingRequest)
_act_request = msgspec.json.Decoder(FormerActRequest)
_object = msgspec.json.Decoder(dict[str, Any])
_booking = msgspec.json.Decoder(BookingView)


async def get_slots(request: Asked, ground: Text = None, date: Text = None, site: Text = None) -> Response[bytes]:
    """Every slot of a ground on a date, `Vacant` or `Booked`; `state` says more: Pending, Approved, Blocked, Past,
    TooSoon, TooFar, Closed. Post `slot` as the `time` of a booking. The same without `/api`."""
    context = context_of(request)
    found = await site_of(context, request, "public", KIND, site)
    wanted = needed(ground, "ground", "say which ground")
    day = needed(date, "date", _ASK_DATE)
    where = await find_ground(context.reads, found, wanted)
    return respond(success(200, "Slots as they are now.", await day_of(context.reads, found, where, day)))


async def create_booking(request: Asked, site: Text = None) -> Response[bytes]:
    """Asks for a slot: it is held at once and waits for approval. 409 when it is taken, with the sentence that the
    frontend shows and, in `data`, the day's slots as they are now. The same without `/api`."""
    context, caller, headers = _asked(request)
    body = await read_body(request.receive, headers, context.limits.body_bytes_max)
    asked, sent = decode(_booking_request, body or b"{}"), decode(_object, body or b"{}")
    found = await site_of(context, request, "own", KIND, site)
    ground = await find_ground(context.reads, found, asked.ground)
    at_ms = now_ms()
    now = datetime.fromtimestamp(at_ms / 1000, UTC)
    has_teams = found.settings.team_max > 0
    wish, made = booking_request(asked, sent, ground, has_teams=has_teams), new_id(at_ms)
    by = key_holder(caller, wish)
    if "book" not in rights_of(request, found):
        caller = caller if caller.is_known else guest_of(made)
        wish = await context.own.request(caller, found, wish)
    try:
        command = book_command(found, wish, id=made, now=now)
    except Refusal as refusal:
        raise in_former_words(refusal) from None
    try:
        said = ("former", ground.code, sent)
        answer = await submit(context, caller, found, command, headers=headers, said=said, key_of=by)
    except Refusal as refusal:
        if refusal.code != "slot_taken":
            raise
        return respond(await _taken(context, found, ground, refusal, day=asked.date, start=command.start))
    status, more, told = reply(answer, location="/api/bookings/")
    view = _booking.decode(told)
    booking = booking_as_before(found, view, {ground.code: ground.name})
    if caller.booking_id is not None:
        more.append((b"booking-key", (await context.links.key(found, view.id)).encode()))
    message = "Booking submitted. It waits for approval."
    return respond(success(status, message, {"booking": booking}, more))


async def _taken(context: Context, site: Site, ground: Ground, refusal: Refusal, *, day: str, start: datetime) -> Reply:
    """The refusal, with what the frontend would ask for next."""
    now = await day_of(context.reads, site, ground, day)
    asked = next((slot for slot in now.slots if slot.start == start), None)
    offers = refusal.data.get("alternatives", ())
    names = await names_of(context.reads, site, (offer["unit"] for offer in offers))
    data = {**msgspec.to_builtins(now), "alternatives": offers_as_before(site, offers, names)}
    message = BLOCKED if asked is not None and asked.state == "Blocked" else TAKEN
    return failure(refusal, staff=False, message=message, data=data)


async def list_bookings(
    request: Asked, status: Text = None, ground: Text = None, date: Text = None, email: Text = None,
    roll_number: Number = None, cursor: Text = None, limit: Limit = 100, site: Text = None,
) -> Response[bytes]:  # fmt: skip
    """Bookings, the latest first, by status, ground, date, e-mail or roll number; `next` in `data` is the `cursor` of
    the page that follows. The same without `/api`."""
    query = FormerQuery(
        text_of(status, "status"), text_of(ground, "ground"), text_of(date, "date"), text_of(email, "email"),
        text_of(roll_number, "rollNumber"), cursor, rows_of(request, limit),
    )  # fmt: skip
    return await _list(request, query, site)


async def list_my_bookings(
    request: Asked, email: Text = None, roll_number: Number = None, status: Text = None,
    cursor: Text = None, limit: Limit = 100, site: Text = None,
) -> Response[bytes]:  # fmt: skip
    """The bookings of one person, by the e-mail or roll number they booked with, the latest first. The same without
    `/api`."""
    query = FormerQuery(
        text_of(status, "status"), email=text_of(email, "email"), roll_number=text_of(roll_number, "rollNumber"),
        cursor=cursor, limit=rows_of(request, limit),
    )  # fmt: skip
    if query.email is None and query.roll_number is None and caller_of(request).customer_key is None:
        raise Refusal("invalid_request", field="email", problem="is missing; say whose by `email` or `rollNumber`")
    return await _list(request, query, site)


async def _list(request: Asked, query: FormerQuery, named: str | None) -> Response[bytes]:
    context, caller, _ = _asked(request)
    found = await site_of(context, request, "own", KIND, named)
    if "names" not in rights_of(request, found):
        if caller.customer_key is None:
            raise Refusal("not_allowed" if caller.is_known else "unauthorised", right="names")
        # customers see their own, whoever's they ask for
        query = msgspec.structs.replace(query, email=caller.customer_key[2:], roll_number=None)
    page = await bookings_as_before(context.reads, found, query)
    count = len(page.bookings)
    return respond(success(200, f"{count} booking{'' if count == 1 else 's'}.", page))


async def get_booking(request: Asked, booking: FromPath[str], site: Text = None) -> Response[bytes]:
    """One booking by its id. The same without `/api`."""
    context, caller, _ = _asked(request)
    found = await site_of(context, request, "own", KIND, site)
    booking_id = id_of(booking, "unknown_booking", "booking")
    await context.own.check(caller, rights_of(request, found), found, booking_id, right="names")
    detail = await booking_detail(context.reads, found, booking_id)
    return respond(await _told(context, found, detail.booking, "Booking found."))


async def act_on_booking(
    request: Asked, booking: FromPath[str], act: FromPath[str], site: Text = None
) -> Response[bytes]:
    """approve, reject (with a `reason`), revoke, cancel: as the states allow, 409 where they do not. Also by PUT and
    PATCH, and without `/api`."""
    context, caller, headers = _asked(request)
    body = decode(_act_request, await read_body(request.receive, headers, context.limits.body_bytes_max) or b"{}")
    found = await site_of(context, request, "own", KIND, site)
    if act not in MESSAGES:
        raise Refusal("unknown_act", act=act[:40], possible=sorted(MESSAGES))
    booking_id = id_of(booking, "unknown_booking", "booking")
    wish = ActRequest(reason=body.reason or body.rejection_reason)
    await context.own.check_act(caller, rights_of(request, found), found, booking_id, act=act, wish=wish)
    command = act_command(found, wish, booking_id=booking_id, act=act, if_version=if_version(headers))
    said = ("former", booking_id, act, wish)
    _, more, told = reply(await submit(context, caller, found, command, headers=headers, said=said))
    return respond(await _told(context, found, _booking.decode(told), MESSAGES[act], more))


async def _told(context: Context, site: Site, view: BookingView, message: str, headers: Any = None) -> Reply:
    names = await names_of(context.reads, site, view.units)
    return success(200, message, {"booking": booking_as_before(site, view, names)}, headers)


def _asked(request: Asked) -> tuple[Context, Actor, dict[bytes, bytes]]:
    return context_of(request), caller_of(request), dict(request.scope["headers"])


_BUSY = ("busy", "unavailable", "disk_full", "outcome_unknown")
_READS: dict[str, Any] = {"former": True, "site": True}
_CHANGES: dict[str, Any] = {**_READS, "key": True}
_GET = (HttpMethod.GET,)
_POST = (HttpMethod.POST,)
_DECIDE = (HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH)


def _served(
    doing: Any, path: str, methods: tuple[HttpMethod, ...], *, name: str, summary: str, opt: dict[str, Any]
) -> list[Any]:
    """The handlers of an address: documented under `/api` with its first method; there too are the others and the same
    address without `/api`."""
    status = 201 if name == "former_create_booking" else 200
    same: dict[str, Any] = {"status_code": status, "opt": opt}
    hidden: dict[str, Any] = {**same, "include_in_schema": False}
    shown = route(f"/api{path}", http_method=[methods[0]], operation_id=name, summary=summary, tags=[TAG], **same)
    served = [shown(doing), route(path, http_method=list(methods), **hidden)(doing)]
    if methods[1:]:
        served.append(route(f"/api{path}", http_method=list(methods[1:]), **hidden)(doing))
    return served


FORMER_GROUNDS_HANDLERS: list[Any] = [
    *_served(
        get_slots, "/bookings/availability", _GET, name="former_get_slots", summary="Slots of a ground",
        opt={"right": "public", "by": "handler", 
            **_READS, "answer": FormerSlotsAnswer,
            "codes": ("unknown_site", "unknown_unit", "unavailable"),
        },
    ),
    *_served(
        list_my_bookings, "/bookings/my", _GET, name="former_list_my_bookings", summary="Bookings of one person",
        opt={"right": "own", "by": "handler", 
            **_READS, "answer": FormerBookingsAnswer,
            "codes": ("unknown_site", "invalid_cursor", "not_allowed", "unavailable"),
        },
    ),
    *_served(
        list_bookings, "/bookings", _GET, name="former_list_bookings", summary="List bookings of grounds",
        opt={"right": "own", "by": "handler", 
            **_READS, "answer": FormerBookingsAnswer,
            "codes": ("unknown_site", "unknown_unit", "invalid_cursor", "not_allowed", "unavailable"),
        },
    ),
    *_served(
        create_booking, "/bookings", _POST, name="former_create_booking", summary="Ask for a slot",
        opt={"right": "own", "by": "handler", 
            **_CHANGES, "body": FormerBookingRequest, "answer": FormerBookingAnswer,
            "codes": (
                "unknown_site", "unknown_unit", "unknown_slot", "slot_taken", "not_bookable", "quota_reached",
                "closed", "off_grid", "too_short", "too_long", "too_soon", "too_far", "in_the_past", "key_reused",
                *_BUSY,
            ),
        },
    ),
    *_served(
        get_booking, "/bookings/{booking:str}", _GET, name="former_get_booking", summary="Get a ground's booking",
        opt={"right": "own", "by": "handler", 
            **_READS, "answer": FormerBookingAnswer,
            "codes": ("unknown_site", "unknown_booking", "not_allowed", "unavailable"),
        },
    ),
    *_served(
        act_on_booking, "/bookings/{booking:str}/{act:str}", _DECIDE, name="former_act_on_booking",
        summary="Decide on a request",
        opt={"right": "own", "by": "handler", 
            **_CHANGES, "match": True, "body": FormerActRequest, "body_optional": True, "answer": FormerBookingAnswer,
            "codes": (
                "unknown_site", "unknown_booking", "unknown_act", "wrong_state", "in_the_past", "version_mismatch",
                "not_allowed", "key_reused", *_BUSY,
            ),
        },
    ),
]  # fmt: skip
