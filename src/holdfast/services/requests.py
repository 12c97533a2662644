"""What clients send, as values with their limits, and how it becomes commands.

Decoding is strict: no unknown fields, no numbers as text. Refuses what the database could not keep (NUL) and what
would harm a screen (control characters). Times are read by `reading`; rules of a site are the domain's.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, NoReturn
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from holdfast.domain.bookings.values import NOBODY, Customer
from holdfast.domain.commands import Act, AddBlock, AddUnits, Book, ChangeSite, ChangeUnit, NewUnit
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.domain.team import MEMBER, team_of
from holdfast.services.identity import new_start_code
from holdfast.services.reading import read_end, read_interval, read_start

NOTE_CHARS_MAX = 2_000
JSON_BYTES_MAX = 16_384
JSON_DEPTH_MAX = 32

Code = Annotated[str, Meta(min_length=1, max_length=64, description="a unit's code", examples=["PC01"])]
Codes = Annotated[tuple[Code, ...], Meta(max_length=200)]
Category = Annotated[str, Meta(min_length=1, max_length=64, examples=["pc"])]
Text = Annotated[str, Meta(max_length=200)]
Reason = Annotated[str, Meta(max_length=500)]
TeamGiven = Annotated[
    tuple[str | dict[str, Any], ...],
    Meta(max_length=200, description="names, or each a `name` with a `reference`", examples=[["Ann Lee"]]),
]
Clock = Annotated[
    str,
    Meta(
        max_length=60,
        description="RFC 3339 with an offset, or a local time of the site; for hotels also a date",
        examples=["2027-03-08T18:00", "2027-03-08T18:00:00+01:00"],
    ),
]
BlockKind = Annotated[str, Meta(max_length=40, examples=["maintenance", "out_of_service", "closed", "event"])]
Day = Annotated[str, Meta(max_length=60, description="a local date of the site", examples=["2027-03-08"])]
NightCount = Annotated[int, Meta(ge=1, le=3_660)]
SlotName = Annotated[str, Meta(max_length=120, examples=["9-10 AM"])] | Annotated[int, Meta(ge=0, le=287)]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """What all requests have in common."""


class CustomerRequest(_Request, frozen=True):
    """Who a booking is for; all parts are optional."""

    name: Text | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    phone: Annotated[str, Meta(max_length=50)] | None = None
    reference: Text | None = None


class Recurrence(_Request, frozen=True):
    """An RFC 5545 rule; `all` books every date or none, `skip` those that can be; `preview` books nothing."""

    rule: Annotated[str, Meta(min_length=1, max_length=500, examples=["FREQ=WEEKLY;COUNT=10"])]
    mode: Annotated[str, Meta(pattern="^(all|skip)$", examples=["all", "skip"])] = "all"
    preview: bool = False
    exclude: Annotated[tuple[Day, ...], Meta(max_length=366)] = ()


class BookingRequest(_Request, frozen=True):
    """A unit, some units, or a number of a category, from `from` to `to`, for a `slot` on a `date`, or for `nights`
    from a `date` on."""

    unit: Code | None = None
    units: Codes = ()
    category: Category | None = None
    count: Annotated[int, Meta(ge=1, le=200)] = 1
    start: Clock | None = field(name="from", default=None)
    end: Clock | None = field(name="to", default=None)
    slot: SlotName | None = None
    date: Day | None = None
    nights: NightCount | None = None
    customer: CustomerRequest | None = None
    party: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    note: Annotated[str, Meta(max_length=NOTE_CHARS_MAX)] | None = None
    hold_s: Annotated[int, Meta(ge=1, le=604_800, description="hold it for so many seconds")] | None = None
    walk_in: bool = False
    details: dict[str, Any] | None = None
    recurrence: Recurrence | None = None


class ActRequest(_Request, frozen=True):
    """What an act may need; which parts count depends on the act."""

    start: Clock | None = field(name="from", default=None)
    end: Clock | None = field(name="to", default=None)
    at: Clock | None = None
    slot: SlotName | None = None
    date: Day | None = None
    nights: NightCount | None = None
    minutes: Annotated[int, Meta(ge=-527_040, le=527_040)] | None = None
    unit: Code | None = None
    units: Codes = ()
    reason: Reason | None = None
    override: bool = False
    code: Annotated[str, Meta(max_length=20, description="the start code")] | None = None
    other: UUID | None = None
    team: TeamGiven | None = None


class CheckRequest(BookingRequest, frozen=True):
    """A booking to ask about, or an act on a booking that exists."""

    booking: UUID | None = None
    act: Annotated[str, Meta(max_length=40)] | None = None
    at: Clock | None = None
    minutes: Annotated[int, Meta(ge=-527_040, le=527_040)] | None = None
    reason: Reason | None = None
    override: bool = False
    code: Annotated[str, Meta(max_length=20)] | None = None
    other: UUID | None = None
    team: TeamGiven | None = None


class BlockRequest(_Request, frozen=True):
    """Units out of use for a time."""

    units: Annotated[tuple[Code, ...], Meta(min_length=1, max_length=1_000)]
    start: Clock = field(name="from")
    end: Clock = field(name="to")
    kind: BlockKind = "maintenance"
    reason: Reason | None = None
    return_condition: Annotated[str, Meta(max_length=40, examples=["dirty"])] | None = None
    allow_conflicts: bool = False


class UnitRequest(_Request, frozen=True):
    """A unit to add, or with `update=true` to bring in line."""

    code: Code
    category: Category
    name: Text | None = None
    parent: Code | None = None
    condition: Annotated[str, Meta(max_length=40)] | None = None
    attributes: dict[str, Any] = {}


class UnitsRequest(_Request, frozen=True):
    """Units to add together: all or none."""

    units: Annotated[tuple[UnitRequest, ...], Meta(min_length=1, max_length=5_000)]


class UnitChangeRequest(_Request, frozen=True):
    """What to change of a unit; what is left out stays as it is."""

    condition: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET
    name: Text | UnsetType = UNSET
    category: Category | UnsetType = UNSET
    parent: Code | UnsetType | None = UNSET
    attributes: dict[str, Any] | UnsetType = UNSET
    note: Annotated[str, Meta(max_length=500)] | UnsetType | None = UNSET
    reason: Reason | None = None


class SiteRequest(_Request, frozen=True):
    """A site to make; `settings` are the owner's, all others have defaults."""

    kind: Annotated[str, Meta(max_length=40, examples=["cafe", "hotel", "grounds"])]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    time_zone: Annotated[str, Meta(max_length=64, examples=["Europe/Berlin"])]
    slug: Annotated[str, Meta(max_length=63, examples=["main-street"])] | None = None
    settings: dict[str, Any] = {}
    organisation: UUID | None = None


class SiteChangeRequest(_Request, frozen=True):
    """What to change of a site; a setting of null goes back to its default."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    time_zone: Annotated[str, Meta(max_length=64)] | None = None
    settings: dict[str, Any] | None = None


# -- requests to commands ------------------------------------------------------------------------------------------


def book_command(site: Site, request: BookingRequest, *, id: UUID, now: datetime, imported: bool = False) -> Book:
    """The booking that a request means at this site; `now` stands in for the start of a walk-in. What was `imported`
    from elsewhere keeps its team as it came.

    Raises:
        Refusal: `invalid_request`, `invalid_time`, `unknown_slot`, naming the field.
    """
    units = _units(request.unit, request.units)
    if units and request.category is not None:
        _refuse("category", "name units or a category, not both")
    if units and request.count != 1:
        _refuse("count", "counts units of a category; name the category instead of units")
    start, end, notes = read_interval(site, request, now)
    customer = NOBODY
    if request.customer is not None:
        who = request.customer
        customer = Customer(who.name, who.email, who.phone, who.reference)
        check_line("customer.name", who.name)
        check_line("customer.email", who.email)
        check_line("customer.phone", who.phone)
        check_line("customer.reference", who.reference)
    if request.note is not None and _CONTROL_BUT_LINES.search(request.note):
        _refuse("note", "holds control characters")
    details = request.details
    if details is not None:
        check_json("details", details)
        most = site.settings.team_max
        if most and not imported and (team := details.get(MEMBER)) is not None:
            details = {**details, MEMBER: team_of(team, customer, most=most, field=f"details.{MEMBER}")}
    return Book(
        id, start, end, units, request.category, request.count, customer, request.party, request.note,
        request.hold_s, request.walk_in, details, new_start_code(), notes=notes,
    )  # fmt: skip


def act_command(site: Site, request: ActRequest, *, booking_id: UUID, act: str, if_version: int | None) -> Act:
    """The act that a request means at this site.

    Raises:
        Refusal: `invalid_request`, `invalid_time`, `unknown_slot`, naming the field.
    """
    check_line("reason", request.reason)
    units = _units(request.unit, request.units)
    if request.slot is not None or request.nights is not None:
        start, end, notes = read_interval(site, request, None)
        return Act(
            booking_id, act, start, end, request.minutes, units, request.reason, request.override, request.code,
            request.other, if_version, notes, request.team,
        )  # fmt: skip
    if request.date is not None:
        _refuse("date", "needs a `slot` or `nights` beside it")
    if request.at is not None and request.start is not None:
        _refuse("at", "give `at` or `from`, not both")
    if request.minutes is not None and request.end is not None:
        _refuse("minutes", "give `to` or `minutes`, not both")
    notes_read: list[str] = []
    given, name = (request.at, "at") if request.at is not None else (request.start, "from")
    return Act(
        booking_id, act,
        read_start(site, given, notes_read, field=name) if given is not None else None,
        read_end(site, request.end, notes_read) if request.end is not None else None,
        request.minutes, units, request.reason, request.override, request.code, request.other, if_version,
        tuple(notes_read), request.team,
    )  # fmt: skip


def check_command(site: Site, request: CheckRequest, *, id: UUID, now: datetime) -> Book | Act:
    """The command that a question means.

    Raises:
        Refusal: as `book_command` and `act_command`; `invalid_request` when it is neither.
    """
    if request.booking is None and request.act is None:
        return book_command(site, request, id=id, now=now)
    if request.booking is None or request.act is None:
        _refuse("act" if request.act is None else "booking", "give `booking` and `act` together")
    same = {name: getattr(request, name) for name in ActRequest.__struct_fields__}
    return act_command(site, ActRequest(**same), booking_id=request.booking, act=request.act, if_version=None)


def block_command(site: Site, request: BlockRequest, *, id: UUID) -> AddBlock:
    """Raises:
    Refusal: `invalid_request`, `invalid_time`.
    """
    check_line("reason", request.reason)
    notes: list[str] = []
    start, end = read_start(site, request.start, notes), read_end(site, request.end, notes)
    return AddBlock(
        id, request.units, start, end, request.kind, request.reason, request.return_condition, request.allow_conflicts
    )


def units_command(request: UnitsRequest, *, update: bool) -> AddUnits:
    """Raises:
    Refusal: `invalid_request`.
    """
    units = []
    for unit in request.units:
        if unit.attributes:
            check_json("attributes", unit.attributes)
        units.append(NewUnit(unit.code, unit.category, unit.name, unit.parent, unit.condition, unit.attributes))
    return AddUnits(tuple(units), update)


def unit_change_command(request: UnitChangeRequest, *, code: str, if_version: int | None) -> ChangeUnit:
    """Raises:
    Refusal: `invalid_request`.
    """
    check_line("reason", request.reason)
    if isinstance(request.note, str):
        check_line("note", request.note)
    if isinstance(request.attributes, dict):
        check_json("attributes", request.attributes)
    return ChangeUnit(
        code, request.condition, request.name, request.category, request.parent, request.attributes, request.reason,
        if_version, request.note,
    )  # fmt: skip


def site_change_command(request: SiteChangeRequest) -> ChangeSite:
    """Raises:
    Refusal: `invalid_request`.
    """
    check_line("name", request.name)
    if request.settings is not None:
        check_json("settings", request.settings, bytes_max=4 * JSON_BYTES_MAX)
    return ChangeSite(request.name, request.time_zone, request.settings)


def check_site(request: SiteRequest) -> None:
    """Raises:
    Refusal: `invalid_request`.
    """
    check_line("name", request.name)
    if not request.name.strip():
        _refuse("name", "is blank")
    check_json("settings", request.settings, bytes_max=4 * JSON_BYTES_MAX)


def check_line(name: str, value: str | None) -> None:
    """Raises:
    Refusal: `invalid_request` when the text is not one printable line.
    """
    if value is not None and not value.isprintable() and _CONTROL.search(value):
        _refuse(name, "holds control characters")


def check_json(name: str, value: dict[str, Any], *, bytes_max: int = JSON_BYTES_MAX) -> None:
    """Raises:
    Refusal: `invalid_request` when an object is too deep, too large, or cannot be kept.
    """
    if _deeper_than(value, JSON_DEPTH_MAX):
        _refuse(name, f"is nested deeper than {JSON_DEPTH_MAX} levels")
    try:
        encoded = _encode(value)
    except (ValueError, OverflowError, msgspec.MsgspecError):
        _refuse(name, "holds a number that is too large")
    if len(encoded) > bytes_max:
        _refuse(name, f"is larger than {bytes_max} bytes")
    if holds_nul(encoded):
        _refuse(name, "holds a NUL character")


def holds_nul(json: bytes) -> bool:
    """Whether a JSON text spells the one character that PostgreSQL cannot keep."""
    return b"\\u0000" in json and _NUL.search(json) is not None


def _deeper_than(value: object, levels: int) -> bool:
    parts: Iterable[object]
    if isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list):
        parts = value
    else:
        return False
    return levels == 0 or any(_deeper_than(part, levels - 1) for part in parts)


def _units(unit: str | None, units: Sequence[str]) -> tuple[str, ...]:
    if unit is None:
        return tuple(units)
    if units:
        _refuse("unit", "give `unit` or `units`, not both")
    return (unit,)


def _refuse(name: str, problem: str) -> NoReturn:
    raise Refusal("invalid_request", field=name, problem=problem)
