"""Sports grounds in the words of the system that Holdfast replaces: its slots with "Vacant" and "Booked", its bookings.

The former shapes of days and bookings, made of what is recorded here. Refuses to decide anything: that is the desk's.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from msgspec import field

from holdfast.domain.availability import first_start, last_start
from holdfast.domain.bookings.values import Customer
from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import parse_date, start_of_day
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.domain.slots import slots_of, spoken_time
from holdfast.domain.team import MEMBER
from holdfast.domain.wire import BookingView
from holdfast.services import cursors
from holdfast.services.availability import Asked
from holdfast.services.free_stays import SlotLine, free_slots
from holdfast.services.listing import REACH, booking_views, states_named
from holdfast.services.paging import bounded
from holdfast.store import availability, former

KIND = "grounds"
GROUNDS_TOLD_MAX = 12
ROLL_NUMBER_DAYS = 400
"""How far back bookings are looked for by a roll number alone, for which there is no index."""
_LIST = "former"
_DAY = timedelta(days=1)

Clock = Callable[[], datetime]

REASONS: Mapping[str, str] = {
    # state of a slot that is not vacant → what to tell
    "Pending": "Asked for; waiting for a decision.",
    "Approved": "Booked.",
    "Blocked": "The ground is not available then.",
    "Past": "This slot has begun or is over.",
    "TooSoon": "This slot starts too soon to be asked for.",
    "TooFar": "This slot is too far ahead to be asked for.",
    "Closed": "The site is closed then.",
}
_BOOKED_STATES = frozenset({"Pending", "Approved"})


class Ground(msgspec.Struct, frozen=True):
    """A unit as a frontend names it: by its name, which is its code unless the owner gave it another."""

    id: int
    code: str
    name: str


class FormerSlot(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A slot of a day. `status` is Vacant or Booked; `state` says why it is not vacant: Pending, Approved, Blocked,
    Past, TooSoon, TooFar or Closed, and `reason` says it in words."""

    slot: str
    status: str
    state: str
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    reason: str | None = None


class FormerDay(msgspec.Struct, frozen=True, rename="camel"):
    """The slots of a ground on a date; `bookedTimes` are those that bookings take."""

    ground: str
    date: str
    slots: list[FormerSlot]
    booked_times: list[str]


class FormerUser(msgspec.Struct, frozen=True, rename="camel"):
    """Who a booking is for."""

    name: str | None
    email: str | None
    phone: str | None
    roll_number: str | None


class FormerBooking(msgspec.Struct, frozen=True, rename="camel"):
    """A booking. What was sent beside the known fields stands beside them as it came."""

    object_id: str = field(name="_id")
    id: str
    reference: str
    game: str | None
    ground: str
    date: str
    time: str
    status: str
    user: FormerUser
    name: str | None
    email: str | None
    phone: str | None
    roll_number: str | None
    roll_no: str | None
    reason: str | None
    notes: str | None
    rejection_reason: str | None
    decided_by: str | None
    created_at: datetime
    version: int


ANSWERED = frozenset(part.encode_name for part in msgspec.structs.fields(FormerBooking))
"""What an answer says itself: nothing sent under these names stands for it."""
SAID = ("game", "reason", "notes")
"""Fields that are kept as they were sent."""
TEAM = "teamMembers"
"""What frontends call those who come along."""


class FormerQuery(msgspec.Struct, frozen=True):
    """Which bookings are asked for; texts are as they were given."""

    status: str | None = None
    ground: str | None = None
    date: str | None = None
    email: str | None = None
    roll_number: str | None = None
    cursor: str | None = None
    limit: int = 100


class FormerPage(msgspec.Struct, frozen=True):
    """Bookings, the latest first; `next` is the cursor of those before them, if there are any."""

    bookings: list[dict[str, Any]]
    next: str | None


async def find_ground(connection: former.Connection, site: Site, named: str) -> Ground:
    """The ground of that code, else the only one of that name or code in whatever case.

    Raises:
        Refusal: `unknown_unit`, naming those there are; `invalid_request` when several have that name.
    """
    exact = await availability.named_units(connection, site.id, [named])
    found = exact or await former.units_called(connection, site.id, named)
    if not found:
        some = await availability.first_units(connection, site.id, category=None, after="", limit=GROUNDS_TOLD_MAX)
        raise Refusal("unknown_unit", field="ground", given=named[:64], possible=[unit.name for unit in some])
    if len(found) > 1:
        codes = [unit.code for unit in found]
        raise Refusal(
            "invalid_request", field="ground", given=named[:64], possible=codes, problem="name one by its code"
        )
    return Ground(found[0].id, found[0].code, found[0].name)


async def day_of(pool: asyncpg.Pool, site: Site, ground: Ground, day: str, *, clock: Clock | None = None) -> FormerDay:
    """The slots of a ground on a local date, as they stand.

    Raises:
        Refusal: `invalid_time`, `invalid_request` when the site has no slots, `unknown_unit`.
    """
    found = await free_slots(pool, site, Asked(units=(ground.code,), date=day), clock=clock)
    slots = [_slot(site, line, found.now) for line in found.slots]
    booked = [slot.slot for slot in slots if slot.state in _BOOKED_STATES]
    return FormerDay(ground.name, day, slots, booked)


def _slot(site: Site, line: SlotLine, now: datetime) -> FormerSlot:
    (unit,) = line.units
    state = _state(site, line, unit.status, now=now, bookable=unit.bookable)
    status = "Vacant" if state == "Vacant" else "Booked"
    return FormerSlot(line.slot, status, state, line.start, line.end, REASONS.get(state))


def _state(site: Site, line: SlotLine, shown: str, *, now: datetime, bookable: bool) -> str:
    """The one word for a slot: who holds it, else why nobody can, the plainest reason first."""
    if bookable:
        return "Vacant"
    if shown in ("Pending", "Booked"):
        return "Pending" if shown == "Pending" else "Approved"
    policy = policy_of(site.kind)
    if line.start < policy.earliest_start(now, site):
        return "Past"
    if shown == "Blocked":
        return "Blocked"
    if line.start < first_start(site, policy, now):
        return "TooSoon"
    return "TooFar" if line.start > last_start(site, now) else "Closed"


async def names_of(connection: former.Connection, site: Site, codes: Iterable[str]) -> dict[str, str]:
    """The names of units by their codes."""
    wanted = sorted(set(codes))
    return (
        {unit.code: unit.name for unit in await availability.named_units(connection, site.id, wanted)} if wanted else {}
    )


def booking_as_before(site: Site, booking: BookingView, names: Mapping[str, str]) -> dict[str, Any]:
    """A booking in the former shape; `names` are of units by code, which stands in for one that is missing."""
    day, label = spoken_time(site.slots, Interval(booking.start, booking.end), site.zone)
    who, details = booking.customer, booking.details or {}
    said = {name: text for name in SAID if isinstance(text := details.get(name), str)}
    told = FormerBooking(
        str(booking.id), str(booking.id), booking.reference, said.get("game"),
        ", ".join(names.get(code, code) for code in booking.units), day.isoformat(), label, booking.state,
        FormerUser(who.name, who.email, who.phone, who.reference),
        who.name, who.email, who.phone, who.reference, who.reference,
        said.get("reason", booking.note), said.get("notes", booking.note),
        booking.decision_reason if booking.state == "Rejected" else None,
        booking.decided_by, booking.created_at, booking.version,
    )  # fmt: skip
    fixed: dict[str, Any] = msgspec.to_builtins(told)
    if site.settings.team_max and MEMBER in details:
        details = {TEAM: details[MEMBER], **{name: value for name, value in details.items() if name != MEMBER}}
    return {**fixed, **{name: value for name, value in details.items() if name not in ANSWERED}}


def offers_as_before(site: Site, offers: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[dict[str, str]]:
    """What a refusal offers instead, as a ground, a date and a slot each."""
    told = []
    for offer in offers:
        day, label = spoken_time(site.slots, Interval(offer["from"], offer["to"]), site.zone)
        told.append({"ground": names.get(offer["unit"], offer["unit"]), "date": day.isoformat(), "time": label})
    return told


async def bookings_as_before(pool: asyncpg.Pool, site: Site, query: FormerQuery) -> FormerPage:
    """A page of bookings, the latest first.

    Raises:
        Refusal: `invalid_time`, `invalid_request`, `invalid_cursor`, `unknown_unit`.
    """
    position = cursors.read(cursors.AtTime, query.cursor, _LIST)
    limit = bounded(query.limit)
    async with pool.acquire() as connection:
        wanted = await _wanted(connection, site, query)
        if position is not None:
            wanted = msgspec.structs.replace(wanted, behind=(position.at, position.id))
        found = await former.bookings_newest(connection, site.id, wanted, limit + 1)
        views = await booking_views(connection, site, found[:limit])
        names = await names_of(connection, site, (code for view in views for code in view.units))
    last = found[limit - 1] if len(found) > limit else None
    following = cursors.write(cursors.AtTime(_LIST, last.starts_at, last.id)) if last is not None else None
    return FormerPage([booking_as_before(site, view, names) for view in views], following)


async def _wanted(connection: former.Connection, site: Site, query: FormerQuery) -> former.NewestFirst:
    states = states_named(site, (query.status,), field="status") if query.status is not None else None
    unit_id = (await find_ground(connection, site, query.ground)).id if query.ground is not None else None
    key = Customer(email=query.email).key
    wanted = former.NewestFirst(states, unit_id, customer_key=key)
    if key is None and query.roll_number is not None:
        since = await availability.clock(connection) - timedelta(days=ROLL_NUMBER_DAYS)
        wanted = msgspec.structs.replace(wanted, customer_reference=query.roll_number, since=since)
    if query.date is not None:
        window = _window(site, parse_date(query.date))
        since = max(wanted.since, window.start - REACH)
        wanted = msgspec.structs.replace(wanted, start=window.start, end=window.end, since=since)
    return wanted


def _window(site: Site, day: date) -> Interval:
    """The time of a date's slots, or the whole date where there are none."""
    slots = slots_of(site.slots, day, site.zone) if site.slots is not None else []
    if slots:
        return Interval(slots[0].interval.start, slots[-1].interval.end)
    return Interval(start_of_day(day, site.zone), start_of_day(day + _DAY, site.zone))
