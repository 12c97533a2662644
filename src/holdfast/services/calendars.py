"""Calendars to subscribe to (RFC 5545): a site's, a unit's, a person's. Whoever has the secret link may read one, as
calendar programs send no other proof; customers' names are told by staff's links only."""

import asyncio
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import msgspec
from icalendar import Calendar, Event

from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.policies import policy_of
from holdfast.domain.policies.base import Policy
from holdfast.domain.sites import Site
from holdfast.services.listing import keys_of
from holdfast.store import reads as store

LINKS = "calendar_links"
SECRET_BYTES = 32
BACK = timedelta(days=30)
AHEAD = timedelta(days=365)
EVENTS_MAX = 5_000
_SEQUENCE_MAX = (1 << 31) - 1

_encode = msgspec.json.Encoder().encode
NOT_VALID = "this calendar link is not, or no longer, valid"


class Which(msgspec.Struct, frozen=True):
    """Which calendar: of a unit, of a person (e-mail, reference or phone), or of the whole site; with names or not."""

    unit: str | None = None
    person: str | None = None
    names: bool = False


class Calendars:
    """Calendars and their links, from a pool. The secret behind the links is made once and kept in the database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._secret: bytes | None = None

    async def link(self, site: Site, which: Which) -> str:
        """The path and query under which a calendar can be read without any other proof.

        Raises:
            Refusal: `unknown_unit`, `invalid_request`.
        """
        await self._unit_id(site, which)
        given: list[tuple[str, str]] = []
        if which.unit is not None:
            given.append(("unit", which.unit))
        if which.person is not None:
            given.append(("person", which.person))
        if which.names:
            given.append(("names", "true"))
        given.append(("key", await self._key(site, which)))
        return f"/api/sites/{site.slug}/calendar.ics?{urlencode(given)}"

    async def check(self, site: Site, which: Which, key: str) -> None:
        """Raises:
        Refusal: `unauthorised` when the key is not that calendar's.
        """
        if not hmac.compare_digest(key.encode("utf-8", "replace"), (await self._key(site, which)).encode()):
            raise Refusal("unauthorised", problem=NOT_VALID)

    async def read(self, site: Site, which: Which) -> bytes:
        """The calendar: bookings from 30 days ago to a year ahead, at most 5,000, earliest first.

        Raises:
            Refusal: `unknown_unit`, `invalid_request`.
        """
        unit_id = await self._unit_id(site, which)
        async with self._pool.acquire() as connection:
            standing = await store.standing(connection, site.id)
            if standing is None:
                raise Refusal("unknown_site", site=site.slug)
            now = standing.now
            wanted = store.BookingFilter(
                unit_id=unit_id, start=now - BACK, end=now + AHEAD, since=now - 2 * BACK,
                customer_keys=keys_of(which.person),
            )  # fmt: skip
            after = (store.BEGINNING, store.FIRST_ID)
            bookings = await store.bookings(connection, site.id, wanted, after=after, limit=EVENTS_MAX)
            named = sorted({unit_id for booking in bookings for unit_id in booking.unit_ids})
            codes = await store.unit_codes(connection, site.id, named)
        # thousands of events take a while to write, and other requests wait on this thread
        return await asyncio.to_thread(calendar_of, site, which, bookings, codes, now)

    async def read_one(self, site: Site, booking_id: UUID) -> bytes:
        """A single booking's entry, without whose it is, for its booker to keep.

        Raises:
            Refusal: `unknown_booking`.
        """
        async with self._pool.acquire() as connection:
            standing = await store.standing(connection, site.id)
            found = await store.bookings_by_id(connection, site.id, [booking_id])
            if standing is None or not found:
                raise Refusal("unknown_booking", booking=str(booking_id))
            codes = await store.unit_codes(connection, site.id, sorted(found[0].unit_ids))
        return calendar_of(site, Which(), found, codes, standing.now)

    async def _key(self, site: Site, which: Which) -> str:
        if self._secret is None:
            self._secret = await store.secret(self._pool, LINKS, secrets.token_bytes(SECRET_BYTES))
        said = _encode(("calendar", site.id, which.unit, which.person, which.names))
        return hmac.new(self._secret, said, hashlib.sha256).hexdigest()

    async def _unit_id(self, site: Site, which: Which) -> int | None:
        if which.unit is not None and which.person is not None:
            raise Refusal("invalid_request", field="person", problem="name a unit or a person, not both")
        if which.unit is None:
            return None
        unit_id = await store.unit_id(self._pool, site.id, which.unit)
        if unit_id is None:
            raise Refusal("unknown_unit", units=[which.unit[:64]])
        return unit_id


def calendar_of(site: Site, which: Which, bookings: list[Booking], codes: dict[int, str], now: datetime) -> bytes:
    """The text of a calendar. All times are UTC, so that it needs no zone definitions."""
    policy = policy_of(site.kind)
    calendar = Calendar()
    calendar.add("prodid", "-//Holdfast//Holdfast//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{site.name}: {which.unit}" if which.unit is not None else site.name)
    for booking in bookings:
        event = Event()
        units = ", ".join(codes.get(unit_id, "?") for unit_id in booking.unit_ids)
        name = booking.customer.name if which.names else None
        event.add("uid", str(booking.id))
        event.add("dtstamp", now)
        event.add("created", booking.created_at)
        event.add("sequence", min(booking.version, _SEQUENCE_MAX))
        status = status_of(policy, booking)
        start, end = times_of(booking) if status != "CANCELLED" else (booking.starts_at, booking.ends_at)
        event.add("dtstart", start)
        event.add("dtend", max(end, start + timedelta(minutes=1)))
        event.add("status", status)
        event.add("summary", f"{units}: {name}" if name else f"{units} ({booking.state})")
        event.add("location", f"{site.name}, {units}")
        event.add("description", f"{booking.reference} {booking.state}")
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text


def times_of(booking: Booking) -> tuple[datetime, datetime]:
    """From when until when its units were taken: as planned, or as it came when it began early or is over."""
    start, ended = booking.begins_at, booking.ended_at
    return start, ended if booking.started_at is not None and ended is not None and ended > start else booking.ends_at


def status_of(policy: Policy, booking: Booking) -> str:
    """CONFIRMED while it is sold or was used, TENTATIVE while it is only held or asked for, else CANCELLED."""
    kind = policy.claim_kinds.get(booking.state)
    if kind is not None:
        return "TENTATIVE" if kind == "hold" else "CONFIRMED"
    used = {
        after for row in policy.machine.table.values() for cause, after in row.items() if cause in policy.end_causes
    }
    return "CONFIRMED" if booking.state in used else "CANCELLED"
