"""The requests that only look: boards, lists, free time, the journal, calendars. One function each, no logic."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from holdfast.domain.actors import check
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.calls import find_site, id_of, plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import respond, rows_of
from holdfast.http.rights import rights_of
from holdfast.services.availability import Asked, FreeTimes, free_times
from holdfast.services.board import Board, BoardView
from holdfast.services.calendars import NOT_VALID, Calendars, Which
from holdfast.services.discretion import nameless, nameless_block, nameless_board, nameless_event, own_detail
from holdfast.services.free_stays import free_slots, free_stays
from holdfast.services.journal import Epochs, JournalPage, LineFilter, Lines, journal_page
from holdfast.services.listing import (
    BlockPage,
    BookingDetail,
    BookingPage,
    BookingQuery,
    FindingPage,
    UnitPage,
    block_page,
    booking_detail,
    booking_page,
    finding_page,
    unit_page,
)
from holdfast.services.own import own_acts
from holdfast.services.selling import Selling, selling
from holdfast.services.windows import edge

Query = Request[Any, Any, Any]
Named = FromPath[str]
Text = FromQuery[str | None]
Flag = FromQuery[bool]
Limit = FromQuery[int]
Items = FromQuery[list[str] | None]
_EDGE = "RFC 3339, a local time of the site, or a date, which means the start of that day"
From = Annotated[str | None, QueryParameter(name="from", description=_EDGE)]
To = Annotated[str | None, QueryParameter(name="to", description=f"{_EDGE}; not included")]
States = Annotated[list[str] | None, QueryParameter(name="state", description="states of the policy, or `live`")]
FindingState = Annotated[str | None, QueryParameter(name="state", description="open, repaired, resolved or dismissed")]
_PAGE = ("unknown_site", "invalid_cursor", "unavailable")
ITEMS_MAX = 500


class Readers:
    """What is kept between requests that look: the epoch, the secret of calendar links. One per application."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.epochs = Epochs(pool)
        self.board = Board(pool, self.epochs)
        self.calendars = Calendars(pool)


@get(
    "/sites/{site:str}/board", operation_id="get_board", summary="Snapshot for a live screen", tags=["live"],
    opt={"right": "read", "answer": BoardView, "codes": ("unknown_site", "too_long", "unavailable")},
)  # fmt: skip
async def get_board(request: Query, site: Named, start: From = None, end: To = None) -> Response[bytes]:
    """Units, bookings and blocks at exactly `version`; go on with the events behind it. From today's start for two
    days (a hotel: fourteen nights) unless asked otherwise, at most 92 days. Send its ETag as If-None-Match: 304 while
    nothing has changed."""
    found = await context_of(request).sites.find(site)
    board, sees = _readers(request).board, "names" in rights_of(request, found)
    given = request.headers.get("if-none-match")
    headers = [(b"cache-control", b"private, no-cache")]
    if given is not None:
        tag = _tag(await board.tag(found, start, end), sees=sees)
        if any(one.strip().removeprefix("W/") == tag for one in given.split(",")):
            return respond((304, [*headers, (b"etag", tag.encode())], b""))
    view = await board.read(found, start, end)
    if not sees:
        view = nameless_board(view)
    status, more, body = plain(200, view, view.version)
    return respond((status, [*headers, *more, (b"etag", _tag(board.tag_of(view), sees=sees).encode())], body))


@get(
    "/sites/{site:str}/units", operation_id="list_units", summary="List units", tags=["units"],
    opt={"right": "read", "answer": UnitPage, "codes": _PAGE},
)  # fmt: skip
async def list_units(
    request: Query, site: Named, at: Text = None, category: Text = None, cursor: Text = None,
    limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """Units by code, as they show now; with `at` (an instant, a local time, or a date for its start) as they showed
    then (by the journal) or will show (by the claims, and what the ends of blocks and stays leave behind)."""
    found = await context_of(request).sites.find(site)
    page = await unit_page(
        context_of(request).reads,
        found,
        at=at,
        category=_text(category, "category"),
        cursor=cursor,
        limit=rows_of(request, limit),
    )
    return respond(plain(200, page))


@get(
    "/sites/{site:str}/availability", operation_id="get_availability", summary="What is free?", tags=["bookings"],
    opt={"right": "public", 
        "answer": FreeTimes,
        "codes": ("unknown_site", "unknown_unit", "unknown_category", "unknown_slot", "too_long", "invalid_cursor",
                  "unavailable"),
    },
)  # fmt: skip
async def get_availability(
    request: Query, site: Named, start: From = None, end: To = None, category: Text = None,
    units: Items = None, length: FromQuery[int | None] = None, date: Text = None, slot: Text = None,
    cursor: Text = None, limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """By the hour: units with free time of `length` minutes in the window, and how many are free for all of it.
    A hotel: per night and category how many rooms are free, and the rooms that are for the whole stay (or for
    `length` nights in a row). A site with slots: the slots of `date` with the status of each unit. Free means that a
    booking made now would be taken; who comes first gets it."""
    context = context_of(request)
    found = await context.sites.find(site)
    asked = Asked(
        start, end, _text(category, "category"), tuple(_items(units, "units")), length, date, _text(slot, "slot"),
        cursor, rows_of(request, limit),
    )  # fmt: skip
    match selling(found, asked.date):
        case Selling.SLOTS:
            return respond(plain(200, await free_slots(context.reads, found, asked)))
        case Selling.NIGHTS:
            return respond(plain(200, await free_stays(context.reads, found, asked)))
        case Selling.HOURS:
            return respond(plain(200, await free_times(context.reads, found, asked)))


@get(
    "/sites/{site:str}/bookings", operation_id="list_bookings", summary="List bookings", tags=["bookings"],
    opt={"right": "own", "answer": BookingPage, "codes": (*_PAGE, "unknown_unit")},
)  # fmt: skip
async def list_bookings(
    request: Query, site: Named, start: From = None, end: To = None, states: States = None,
    customer: Text = None, unit: Text = None, category: Text = None, series: Text = None,
    reference: Text = None, name: Text = None, cursor: Text = None, limit: Limit = 100,
) -> Response[bytes]:  # fmt: skip
    """Bookings in the order of their start, by state (`live` for all that hold their units), time, customer (e-mail,
    reference or phone), unit, category, series, reference, or part of the customer's name. Customers see their own."""
    found = await context_of(request).sites.find(site)
    query = BookingQuery(
        tuple(_items(states, "state")) or None, start, end, _text(customer, "customer"), _text(unit, "unit"),
        _text(category, "category"), id_of(series, "unknown_booking", "series") if series is not None else None,
        _text(reference, "reference"), _text(name, "name"),
    )  # fmt: skip
    held, caller = rights_of(request, found), caller_of(request)
    whose = None if "read" in held else caller.customer_key
    if whose is None and "read" not in held:
        raise Refusal("not_allowed" if caller.is_known else "unauthorised", right="read")
    asks_whose = next((field for field, given in (
        ("customer", customer), ("reference", reference), ("name", query.name)
    ) if given is not None), None)  # fmt: skip
    if "names" not in held and whose is None and asks_whose is not None:
        raise Refusal("not_allowed", right="names", field=asks_whose, problem="asks whose bookings there are")
    page = await booking_page(
        context_of(request).reads, found, query, cursor=cursor, limit=rows_of(request, limit), own_key=whose
    )
    if "names" not in held and whose is None:
        page = msgspec.structs.replace(page, bookings=[nameless(view) for view in page.bookings])
    return respond(plain(200, page))


@get(
    "/sites/{site:str}/bookings/{booking:str}", operation_id="get_booking", summary="Get a booking", tags=["bookings"],
    opt={"right": "own", "answer": BookingDetail, "codes": ("unknown_site", "unknown_booking", "unavailable")},
)  # fmt: skip
async def get_booking(request: Query, site: Named, booking: Named) -> Response[bytes]:
    """A booking with its history (who, when, why, from which state to which) and the acts that are possible now."""
    found = await context_of(request).sites.find(site)
    booking_id = id_of(booking, "unknown_booking", "booking")
    held, caller, context = rights_of(request, found), caller_of(request), context_of(request)
    await context.own.check(caller, held, found, booking_id, right="names")
    detail = await booking_detail(context.reads, found, booking_id)
    if "names" not in held:
        detail = own_detail(detail, caller.name, own_acts(found, detail.booking.state))
    status, headers, body = plain(200, detail.body())
    return respond((status, [*headers, (b"etag", b'"%d"' % detail.booking.version)], body))


@get(
    "/sites/{site:str}/blocks", operation_id="list_blocks", summary="List blocks", tags=["blocks"],
    opt={"right": "read", "answer": BlockPage, "codes": _PAGE},
)  # fmt: skip
async def list_blocks(request: Query, site: Named, cursor: Text = None, limit: Limit = 100) -> Response[bytes]:
    """Blocks that are not over, in the order of their start."""
    found = await context_of(request).sites.find(site)
    page = await block_page(context_of(request).reads, found, cursor=cursor, limit=rows_of(request, limit))
    if "names" not in rights_of(request, found):
        page = msgspec.structs.replace(page, blocks=[nameless_block(block) for block in page.blocks])
    return respond(plain(200, page))


@get(
    "/sites/{site:str}/findings", operation_id="list_findings", summary="List findings", tags=["findings"],
    opt={"right": "names", "answer": FindingPage, "codes": _PAGE},
)  # fmt: skip
async def list_findings(
    request: Query, site: Named, state_of: FindingState = None, cursor: Text = None, limit: Limit = 100
) -> Response[bytes]:
    """What was found to be otherwise than recorded, newest first: repaired, or open for a person to judge."""
    found = await context_of(request).sites.find(site)
    page = await finding_page(
        context_of(request).reads, found, state=state_of, cursor=cursor, limit=rows_of(request, limit)
    )
    return respond(plain(200, page))


@get(
    "/sites/{site:str}/journal", operation_id="get_journal", summary="Read the journal", tags=["live"],
    opt={"right": "read", "answer": JournalPage, "codes": _PAGE},
)  # fmt: skip
async def get_journal(
    request: Query, site: Named, after: Text = None, limit: Limit = 100, types: Items = None,
    subject: Text = None, actor: Text = None, cause: Text = None, start: From = None, end: To = None,
) -> Response[bytes]:  # fmt: skip
    """Events behind a version (or `epoch:version`), dense and in order. With `types`, `subject`, `actor`, `cause` or a
    time (when they were written) only those, and `next` is still where to go on: everything up to it has been looked
    at. `reset` says that the position means nothing here. `account:…` and `token:…` are called by `actors`."""
    found = await context_of(request).sites.find(site)
    readers = _readers(request)
    wanted = lines_wanted(found, lines_by(types, subject, actor, cause), start, end)
    page = await journal_page(
        readers.pool, readers.epochs, found, after=after, limit=rows_of(request, limit), wanted=wanted
    )
    if "names" not in rights_of(request, found):
        if actor is not None:
            raise Refusal("not_allowed", right="names", field="actor")
        page = msgspec.structs.replace(page, events=[nameless_event(event, is_inside=True) for event in page.events])
    return respond(plain(200, page, page.last))


@get(
    "/sites/{site:str}/calendar.ics", operation_id="get_calendar", summary="Subscribe to a calendar",
    tags=["calendars"],
    opt={
        "right": "names", "by": "handler", "media": "text/calendar",
        "codes": ("unknown_site", "unknown_unit", "unavailable"),
    },
)  # fmt: skip
async def get_calendar(
    request: Query, site: Named, unit: Text = None, person: Text = None, names: Flag = False,
    key: Text = None,
) -> Response[bytes]:  # fmt: skip
    """Bookings from 30 days ago to a year ahead (RFC 5545), of the site, a unit or a person. `key` from `calendar-link`
    stands in for a token, as calendar programs send none."""
    context = context_of(request)
    try:
        found = await find_site(context, caller_of(request), site)
    except Refusal:
        if key is not None:  # the same answer as to a wrong key: it must not tell which sites there are
            raise Refusal("unauthorised", problem=NOT_VALID) from None
        raise
    calendars = _readers(request).calendars
    which = Which(_text(unit, "unit"), _text(person, "person"), names)
    if key is not None:
        await calendars.check(found, which, key)
    else:
        check(caller_of(request), "names", found)
    body = await calendars.read(found, which)
    return respond((200, [], body), "text/calendar")


@get(
    "/sites/{site:str}/calendar-link", operation_id="get_calendar_link", summary="A calendar's secret link",
    tags=["calendars"], opt={"right": "names", "codes": ("unknown_site", "unknown_unit", "unavailable")},
)  # fmt: skip
async def get_calendar_link(
    request: Query, site: Named, unit: Text = None, person: Text = None, names: Flag = False
) -> Response[bytes]:
    """The address of a calendar that whoever has it may read; with `names` it tells customers' names."""
    found = await context_of(request).sites.find(site)
    which = Which(_text(unit, "unit"), _text(person, "person"), names)
    return respond(plain(200, {"path": await _readers(request).calendars.link(found, which)}))


READ_HANDLERS: list[Any] = [
    get_board, list_units, get_availability, list_bookings, get_booking, list_blocks, list_findings, get_journal,
    get_calendar, get_calendar_link,
]  # fmt: skip


def lines_by(types: list[str] | None, subject: str | None, actor: str | None, cause: str | None) -> LineFilter:
    """Which journal lines a request asks for by what they say.

    Raises:
        Refusal: `invalid_request`.
    """
    named = tuple(_items(types, "types")) or None
    return LineFilter(named, _text(subject, "subject"), _text(actor, "actor"), _text(cause, "cause"))


def lines_wanted(site: Site, by: LineFilter, start: str | None, end: str | None) -> Lines:
    """The same, written within a time.

    Raises:
        Refusal: `invalid_time`.
    """
    since = edge(site, start, "from") if start is not None else None
    return Lines(by, since, edge(site, end, "to") if end is not None else None)


def _readers(request: Query) -> Readers:
    state: Any = request.app.state
    found = state.get("readers")
    if found is None:
        found = state.readers = Readers(context_of(request).reads)
    assert isinstance(found, Readers)
    return found


def _tag(tag: str, *, sees: bool) -> str:
    """A board's tag for who sees names; without them it is another board."""
    return tag if sees else f'{tag[:-1]}-n"'


def _items(given: list[str] | None, name: str) -> list[str]:
    """`a,b` and repeated parameters alike."""
    items = [item.strip() for text in given or () for item in text.split(",")]
    if len(items) > ITEMS_MAX:
        raise Refusal("invalid_request", field=name, expected=f"at most {ITEMS_MAX}")
    return [_checked(item, name) for item in items if item]


def _text(given: str | None, name: str) -> str | None:
    return _checked(given, name) if given else None


def _checked(text: str, name: str) -> str:
    # no database text holds such characters, and asking with them would be an error there
    if len(text) > 320 or not text.isprintable():
        raise Refusal("invalid_request", field=name, problem="must be up to 320 printable characters")
    return text
