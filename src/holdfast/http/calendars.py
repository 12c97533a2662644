"""Calendars from outside over HTTP: a site's list, adding, asking now, pausing, removing. No logic."""

from typing import Any

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath

from holdfast.domain.sites import Site
from holdfast.http.calls import find_site, plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import body_of, respond
from holdfast.services.calendar_feeds import CalendarChange, CalendarRequest, CalendarView, view
from holdfast.services.calendar_following import FUNCTION, FollowedView, Following, ask_now
from holdfast.services.jobs.enqueueing import Enqueued

Asked = Request[Any, Any, Any]
Named = FromPath[str]
TAG = "calendars"
_ALL = "/api/sites/{site:str}/calendars"
_ONE = _ALL + "/{calendar:str}"
_SITE = ("unknown_site", "not_allowed", "unavailable")
_CODES = ("unknown_calendar", *_SITE)
_BUSY = ("busy", "disk_full", "outcome_unknown")

_make = msgspec.json.Decoder(CalendarRequest)
_change = msgspec.json.Decoder(CalendarChange)


class CalendarList(msgspec.Struct, frozen=True):
    """By name."""

    calendars: list[CalendarView]


@get(
    _ALL, operation_id="list_calendars", summary="Calendars that are followed", tags=[TAG],
    opt={"right": "units", "answer": CalendarList, "codes": _SITE},
)  # fmt: skip
async def list_calendars(request: Asked, site: Named) -> Response[bytes]:
    """The calendars from outside that block units of the site, with when each was last read and what stood in the way.
    Their addresses are not told again, but for the host."""
    return respond(plain(200, CalendarList(await _following(request).feeds.page(await _site(request, site)))))


@post(
    _ALL, operation_id="add_calendar", summary="Follow a calendar", tags=[TAG], status_code=201,
    opt={
        "right": "units", "body": CalendarRequest, "answer": CalendarView,
        "codes": (*_SITE, "unknown_unit", "already_exists", "quota_reached"),
    },
)  # fmt: skip
async def add_calendar(request: Asked, site: Named) -> Response[bytes]:
    """What the calendar (RFC 5545) at `url` says is taken is blocked on the unit, from its first reading on, which is
    asked for at once."""
    body, found, following = await body_of(request, _make), await _site(request, site), _following(request)
    made = await following.feeds.add(caller_of(request), found, body)
    await ask_now(following, _job(request), found, str(made.id))
    return respond(plain(201, made))


@get(
    _ONE, operation_id="get_followed_calendar", summary="One calendar", tags=[TAG],
    opt={"right": "units", "answer": CalendarView, "codes": _CODES},
)  # fmt: skip
async def get_followed_calendar(request: Asked, site: Named, calendar: Named) -> Response[bytes]:
    """By id or name."""
    return respond(plain(200, view(await _following(request).feeds.find(await _site(request, site), calendar))))


@patch(
    _ONE, operation_id="change_calendar", summary="Change a calendar", tags=[TAG],
    opt={
        "right": "units", "body": CalendarChange, "answer": CalendarView,
        "codes": (*_CODES, "nothing_to_change"),
    },
)  # fmt: skip
async def change_calendar(request: Asked, site: Named, calendar: Named) -> Response[bytes]:
    """What is left out stays. `active: false` pauses it: its blocks stay as they are."""
    body, found = await body_of(request, _change), await _site(request, site)
    return respond(plain(200, await _following(request).feeds.change(caller_of(request), found, calendar, body)))


@post(
    _ONE + "/fetch", operation_id="fetch_calendar", summary="Read it now", tags=[TAG], status_code=202,
    opt={"right": "units", "answer": Enqueued, "codes": _CODES},
)  # fmt: skip
async def fetch_calendar(request: Asked, site: Named, calendar: Named) -> Response[bytes]:
    """Its job starts at once; what became of it stands with the calendar, and with the job."""
    put = await ask_now(_following(request), _job(request), await _site(request, site), calendar)
    return respond(plain(202, put))


@delete(
    _ONE, operation_id="remove_calendar", summary="Follow it no more", tags=[TAG], status_code=200,
    opt={"right": "units", "answer": FollowedView, "codes": (*_CODES, *_BUSY)},
)  # fmt: skip
async def remove_calendar(request: Asked, site: Named, calendar: Named) -> Response[bytes]:
    """Its blocks give their time back."""
    found = await _following(request).remove(caller_of(request), await _site(request, site), calendar)
    return respond(plain(200, found))


CALENDAR_HANDLERS: list[Any] = [
    list_calendars, add_calendar, get_followed_calendar, change_calendar, fetch_calendar, remove_calendar,
]  # fmt: skip


def _following(request: Asked) -> Following:
    found: Following = request.app.state["calendars"]
    return found


def _job(request: Asked) -> Any:
    return request.app.state["jobs"].registry.find(FUNCTION)


async def _site(request: Asked, named: str) -> Site:
    return await find_site(context_of(request), caller_of(request), named)
