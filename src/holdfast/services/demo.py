"""Three believable sites around now: a café, a hotel, a sports ground, made through the desk like anybody's.

Made again on the same day it adds nothing: every wish has a key of its site's day. On another day it adds that day's
guests; what then meets yesterday's is left out. Writes nothing past the desk, and touches no site of another slug.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.bookings.values import Customer
from holdfast.domain.commands import Act, AddBlock, AddUnits, Book, Command, NewUnit
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import resolve, to_local
from holdfast.domain.opening import Slot, slots_of
from holdfast.domain.sites import Site
from holdfast.services.demo_places import CAFE, CAFE_UNITS, GROUNDS, GROUNDS_UNITS, HOTEL, HOTEL_UNITS, PEOPLE
from holdfast.services.desk import Desk
from holdfast.services.identity import new_id
from holdfast.services.requests import SiteRequest
from holdfast.services.sites import Sites

ACTOR = "demo"
GRID_MINUTES = 30

_DAY = timedelta(days=1)
_HALF = timedelta(minutes=GRID_MINUTES)
_id_in = msgspec.json.Decoder(dict[str, Any]).decode


class Made(msgspec.Struct):
    """What one site got: `new` wishes fulfilled now, `known` from earlier today, `left_out` for want of room."""

    slug: str
    kind: str
    name: str
    new: int = 0
    known: int = 0
    left_out: int = 0


async def make_demo(desk: Desk, sites: Sites, pool: asyncpg.Pool) -> list[Made]:
    """The three sites, their units, and what goes on in them around now."""
    now: datetime = await pool.fetchval("select now()")
    made = []
    for request, units, story in (
        (CAFE, CAFE_UNITS, _cafe),
        (HOTEL, HOTEL_UNITS, _hotel),
        (GROUNDS, GROUNDS_UNITS, _grounds),
    ):
        teller = _Teller(desk, await _site(sites, request), now)
        await teller.units(units)
        await story(teller)
        made.append(teller.made)
    return made


async def _site(sites: Sites, request: SiteRequest) -> Site:
    try:
        return await sites.find(str((await sites.create(request)).id))
    except Refusal as refusal:
        if refusal.code != "already_exists":
            raise
    return await sites.find(request.slug or "")


class _Teller:
    """Submits the wishes of one site's story, each under its own key of the day."""

    def __init__(self, desk: Desk, site: Site, now: datetime) -> None:
        self.desk = desk
        self.site = site
        self.now = now
        self.local = to_local(now, site.zone)
        self.made = Made(site.slug, site.kind, site.name)
        self._count = 0

    async def units(self, units: tuple[NewUnit, ...]) -> None:
        await self.desk.submit(self.site.id, AddUnits(units, update=True), actor=ACTOR)

    async def wish(self, command: Command) -> UUID | None:
        """The id of what the command made or did, also when that was earlier today; None when there was no room."""
        self._count += 1
        key = f"demo:{self.local.date()}:{self._count}"
        try:
            answer = await self.desk.submit(self.site.id, command, actor=ACTOR, key=key, body_hash=b"demo")
        except Refusal:
            # yesterday's demo guests may be in the way, and a slot of today may be over
            self.made.left_out += 1
            return None
        self.made.known += answer.replayed
        self.made.new += not answer.replayed
        told = _id_in(answer.body).get("id")
        return UUID(told) if told else None

    async def book(self, who: int, start: datetime, end: datetime | None, **more: Any) -> UUID | None:
        """A booking for the n-th of our people; with a `state` it comes in as it is, past or running."""
        imported = "state" in more
        return await self.wish(Book(new_id(), start, end, customer=_person(who), imported=imported, **more))

    async def act(self, booking_id: UUID | None, act: str, **more: Any) -> None:
        if booking_id is None:
            self._count += 1
            return
        await self.wish(Act(booking_id, act, **more))

    def at(self, days: int, clock: Any) -> datetime:
        """A local time of the day that lies so many days from today."""
        return resolve(datetime.combine(self.local.date() + days * _DAY, clock), self.site.zone).instant


async def _cafe(teller: _Teller) -> None:
    now = teller.now
    grid = now - timedelta(minutes=teller.local.minute % GRID_MINUTES, seconds=now.second, microseconds=now.microsecond)
    for who, (code, ago, left) in enumerate(
        (("PC01", 58, 2), ("PC02", 45, 6), ("PC03", 95, 25), ("PC07", 30, 48), ("PC08", 30, 48), ("PS5-1", 20, 70))
    ):
        start, end = now - timedelta(minutes=ago), now + timedelta(minutes=left)
        await teller.book(who, start, end, units=(code,), state="Active")
    await teller.book(6, grid - 6 * _HALF, grid - 2 * _HALF, units=("PC04",), state="Completed")
    await teller.book(7, grid + _HALF, grid + 3 * _HALF, units=("PC05",))
    await teller.book(8, grid + 2 * _HALF, grid + 6 * _HALF, category="pc", count=4, note="birthday, sit together")
    await teller.book(9, grid + 4 * _HALF, grid + 6 * _HALF, units=("PS5-2",))
    await teller.book(10, grid + _DAY, grid + _DAY + 4 * _HALF, units=("PC01",))
    await teller.book(11, grid + 3 * _HALF, grid + 5 * _HALF, units=("PC12",), hold_s=900)
    await teller.book(12, now, None, category="pc", walk_in=True)
    await teller.wish(AddBlock(new_id(), ("PC20",), now, now + timedelta(hours=6), reason="new graphics card"))


async def _hotel(teller: _Teller) -> None:
    check_in, check_out = teller.site.check_in, teller.site.check_out

    def stay(first: int, last: int) -> tuple[datetime, datetime]:
        return teller.at(first, check_in), teller.at(last, check_out)

    for who, (code, first, last) in enumerate(
        (("101", -2, 1), ("102", -1, 3), ("203", -4, 2), ("205", -1, 1), ("301", -3, 4), ("201", -2, 0)), start=13
    ):
        await teller.book(who, *stay(first, last), units=(code,), state="CheckedIn", party=2)
    gone = await teller.book(19, *stay(-2, 0), units=("108",), state="CheckedIn", party=1)
    await teller.act(gone, "check-out")
    await teller.book(20, *stay(-5, -1), units=("104",), state="CheckedOut", party=2)
    for who, (category, nights) in enumerate((("double", 2), ("double", 1), ("suite", 3), ("single", 2)), start=21):
        await teller.book(who, *stay(0, nights), category=category, party=2)
    await teller.book(25, *stay(1, 4), category="double", count=3, note="wedding party")
    await teller.book(26, *stay(2, 5), category="suite", hold_s=1800)
    until = teller.at(3, check_in)
    block = AddBlock(new_id(), ("208",), teller.now, until, "out_of_service", "bathroom tiles", "dirty")
    await teller.wish(block)


async def _grounds(teller: _Teller) -> None:
    assert teller.site.slots is not None
    today = slots_of(teller.site.slots, teller.local.date(), teller.site.zone)
    tomorrow = slots_of(teller.site.slots, teller.local.date() + _DAY, teller.site.zone)
    running = [slot for slot in today if slot.interval.contains(teller.now)]
    # a fixed number of wishes whatever the hour, so that keys mean the same all day
    await _request(teller, 27, running[0] if running else None, "North", state="Approved")
    later = [slot for slot in today if slot.interval.start > teller.now]
    await _request(teller, 28, later[0] if later else None, "South", approve=True)
    await _request(teller, 29, later[-1] if later else None, "North")
    await _request(teller, 30, tomorrow[1], "North", approve=True)
    await _request(teller, 31, tomorrow[1], "East", approve=True)
    team = ["Kavya Nair", {"name": "Arjun Mehta", "reference": "CS-17"}]
    await _request(teller, 0, tomorrow[2], "North", details={"team": team})
    await _request(teller, 1, tomorrow[8], "Hall")
    start, end = tomorrow[5].interval.start, tomorrow[7].interval.end
    await teller.wish(AddBlock(new_id(), ("Hall",), start, end, "event", "school sports day"))


async def _request(
    teller: _Teller, who: int, slot: Slot | None, ground: str, *, approve: bool = False, **more: Any
) -> None:
    booking_id = None
    if slot is None:
        teller._count += 1
    else:
        booking_id = await teller.book(who, slot.interval.start, slot.interval.end, units=(ground,), **more)
    if approve:
        await teller.act(booking_id, "approve")


def _person(number: int) -> Customer:
    name = PEOPLE[number % len(PEOPLE)]
    return Customer(name, f"{name.lower().replace(' ', '.')}@example.org")
