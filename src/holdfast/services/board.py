"""The board: a site as of one journal version, to start a live screen from. All of it is read in one snapshot."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
from msgspec import field

from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import local_date, start_of_day
from holdfast.domain.policies import policy_of
from holdfast.domain.policies.base import Policy
from holdfast.domain.sites import Site
from holdfast.domain.units import BLOCK_KINDS, Claim, Unit
from holdfast.domain.wire import BlockView, BookingView, UnitView, booking_view
from holdfast.services.journal import Epochs
from holdfast.services.listing import block_views
from holdfast.services.showing import by_unit, horizon, present
from holdfast.services.windows import checked, edge
from holdfast.store import reads as store

UNITS_MAX = 5_000
BOOKINGS_MAX = 20_000
BLOCKS_MAX = 5_000
CLAIMS_MAX = 100_000
DAYS = 2
DAYS_OF_HOTELS = 14
_DAY = timedelta(days=1)

Clock = Callable[[], datetime]


class BoardView(msgspec.Struct, frozen=True):
    """A site at exactly that version. `bookings` are those that start in the window, and the live ones that reach
    into it or are under way; `next_booking_at` of the units looks as far as the window goes."""

    site: str
    version: int
    epoch: str
    now: datetime
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    units: list[UnitView]
    bookings: list[BookingView]
    blocks: list[BlockView]


class Board:
    """Boards of any site, from a pool for reads."""

    def __init__(self, pool: asyncpg.Pool, epochs: Epochs, *, clock: Clock | None = None) -> None:
        self._pool = pool
        self._epochs = epochs
        self._clock = clock

    async def tag(self, site: Site, start: str | None, end: str | None) -> str:
        """What tells a board from a later one of the same window: one question, to answer `If-None-Match` with.

        Raises:
            Refusal: `invalid_time`, `too_long`, `unknown_site`.
        """
        standing = await store.standing(self._pool, site.id)
        if standing is None:
            raise Refusal("unknown_site", site=site.slug)
        window = window_of(site, start, end, self._now(standing.now))
        return tag_of(await self._epochs.current(), standing.version, window)

    async def read(self, site: Site, start: str | None, end: str | None, *, days: int | None = None) -> BoardView:
        """The site in one snapshot; `days` is how long the window is when `end` is not given.

        Raises:
            Refusal: `invalid_time`, `too_long`, `unknown_site`; `invalid_request` when it is too much for one answer.
        """
        epoch = await self._epochs.current()
        async with store.snapshot(self._pool) as connection:
            found = await store.site(connection, site.id)
            if found is None:
                raise Refusal("unknown_site", site=site.slug)
            site, standing = found
            now = self._now(standing.now)
            window = window_of(site, start, end, now, days=days)
            units = await store.units(connection, site.id, category=None, after="", limit=UNITS_MAX + 1)
            _refuse_more("units", len(units), UNITS_MAX)
            claims = await _claims(connection, site, policy_of(site.kind), window, now)
            bookings = await _bookings(connection, site, window, claims)
            blocks = await store.blocks_of_window(connection, site.id, window, BLOCKS_MAX + 1)
            _refuse_more("blocks", len(blocks), BLOCKS_MAX)
        known = {unit.id: unit for unit in units}
        codes = {unit.id: unit.code for unit in units}
        policy = policy_of(site.kind)
        return BoardView(
            site.slug, standing.version, epoch, now, window.start, window.end,
            present(units, by_unit(claims), codes, site=site, policy=policy, now=now),
            [booking_view(booking, site.slug, known) for booking in bookings if _is_told(booking, known)],
            block_views(blocks, codes),
        )  # fmt: skip

    def tag_of(self, view: BoardView) -> str:
        return tag_of(view.epoch, view.version, Interval(view.start, view.end))

    def _now(self, database: datetime) -> datetime:
        return self._clock() if self._clock is not None else database


def tag_of(epoch: str, version: int, window: Interval) -> str:
    """The entity tag of a board."""
    return f'"{epoch}:{version}:{_minutes(window.start)}-{_minutes(window.end)}"'


def window_of(site: Site, start: str | None, end: str | None, now: datetime, *, days: int | None = None) -> Interval:
    """The asked window; from today's start in the site's zone, for so many days, or two, or a hotel's fourteen nights.

    Raises:
        Refusal: `invalid_time`, `too_long`.
    """
    today = local_date(now, site.zone)
    begins = edge(site, start, "from") if start is not None else start_of_day(today, site.zone)
    if end is not None:
        return checked(begins, edge(site, end, "to"))
    if days is None:
        days = DAYS_OF_HOTELS if policy_of(site.kind).overstays else DAYS
    return checked(begins, start_of_day(local_date(begins, site.zone) + days * _DAY, site.zone))


async def _claims(
    connection: store.Connection, site: Site, policy: Policy, window: Interval, now: datetime
) -> list[Claim]:
    """All claims that the units' statuses and the window's bookings follow from."""
    around_now = Interval(now, horizon(site, policy, now, within=timedelta(minutes=1)))
    windows = [window, around_now]
    if window.overlaps(around_now):
        windows = [Interval(min(window.start, now), max(window.end, around_now.end))]
    found: list[Claim] = []
    for one in windows:
        found += await store.claims_of_window(connection, site.id, one, CLAIMS_MAX + 1)
        _refuse_more("claims", len(found), CLAIMS_MAX)
    if policy.overstays:
        found += await store.sessions(connection, site.id, CLAIMS_MAX)
    return found


async def _bookings(connection: store.Connection, site: Site, window: Interval, claims: list[Claim]) -> list[Booking]:
    starting = await store.bookings_starting(connection, site.id, window, BOOKINGS_MAX + 1)
    _refuse_more("bookings", len(starting), BOOKINGS_MAX)
    known = {booking.id for booking in starting}
    missing: dict[UUID, None] = {}
    for claim in claims:
        if claim.kind not in BLOCK_KINDS and claim.holder_id not in known and claim.start < window.end:
            missing[claim.holder_id] = None
    _refuse_more("bookings", len(starting) + len(missing), BOOKINGS_MAX)
    reaching = await store.bookings_by_id(connection, site.id, list(missing))
    wanted = [booking for booking in reaching if _reaches(booking, window)]
    return sorted([*wanted, *starting], key=lambda booking: (booking.starts_at, booking.id))


def _reaches(booking: Booking, window: Interval) -> bool:
    """Whether a live booking from before the window reaches into it, or is under way past its planned end."""
    if booking.starts_at >= window.end:
        return False
    overstaying = booking.started_at is not None and booking.ended_at is None
    return booking.live and (booking.ends_at > window.start or overstaying)


def _is_told(booking: Booking, known: dict[int, Unit]) -> bool:
    """Whether all units of a booking are known; a row written past the desk may name one that never was."""
    named = {*booking.unit_ids, *(part.unit_id for part in booking.parts or ())}
    return all(unit_id in known for unit_id in named)


def _refuse_more(what: str, count: int, most: int) -> None:
    if count > most:
        problem = f"that is more than {most} {what} for one answer; narrow the window, or use the lists"
        raise Refusal("invalid_request", field="to", problem=problem)


def _minutes(instant: datetime) -> str:
    return f"{int(instant.timestamp()):x}"
