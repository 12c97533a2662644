"""Lists with cursors, and single bookings with their history. Every page is bounded; order never depends on chance."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.values import Booking, Customer
from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.domain.units import Unit
from holdfast.domain.wire import BlockView, BookingView, UnitView, booking_view
from holdfast.services import cursors
from holdfast.services.paging import PAGE_ROWS_MAX, bounded
from holdfast.services.showing import NEXT_WITHIN, by_unit, expected, horizon, parents, present
from holdfast.services.windows import edge
from holdfast.store import reads as store

HISTORY_MAX = 200
STATES_MAX = 20
REACH = timedelta(days=31)
"""How long before a window a booking may start and still be listed in it, unless the site's own limit says."""
REACH_OF_NIGHTS = timedelta(days=366)
BLOCKS_MAX = 20_000
FINDING_STATES = ("open", "repaired", "resolved", "dismissed")

Clock = Callable[[], datetime]


class UnitPage(msgspec.Struct, frozen=True):
    """Units by code, as they show at `at`. Of the past only what the journal keeps is told: condition and next booking
    are null, and units that were not there yet are left out."""

    site: str
    at: datetime
    units: list[UnitView]
    next: str | None


class BookingPage(msgspec.Struct, frozen=True):
    """Bookings in the order of their start."""

    site: str
    bookings: list[BookingView]
    next: str | None


class HistoryLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of a booking: who, when, by which cause and why; the states it led from and to."""

    version: int
    at: datetime
    effective_at: datetime
    type: str
    actor: str
    cause: str
    before: str | None = msgspec.field(name="from")
    after: str | None = msgspec.field(name="to")
    reason: str | None = None


class BookingDetail(msgspec.Struct, frozen=True):
    """A booking, the acts that its state allows, and its history; with `older` there is more of it in the journal."""

    booking: BookingView
    may: list[str]
    history: list[HistoryLine]
    older: bool

    def body(self) -> dict[str, Any]:
        """The booking's own fields, with the others beside them."""
        told: dict[str, Any] = msgspec.to_builtins(self.booking)
        return {**told, "may": self.may, "history": self.history, "older": self.older}


class BlockPage(msgspec.Struct, frozen=True):
    site: str
    blocks: list[BlockView]
    next: str | None


class FindingView(msgspec.Struct, frozen=True):
    id: UUID
    rule: str
    subject: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None
    data: msgspec.Raw


class FindingPage(msgspec.Struct, frozen=True):
    site: str
    findings: list[FindingView]
    next: str | None


class BookingQuery(msgspec.Struct, frozen=True):
    """Which bookings are asked for; texts are as they were given."""

    states: tuple[str, ...] | None = None
    start: str | None = None
    end: str | None = None
    customer: str | None = None
    unit: str | None = None
    category: str | None = None
    series: UUID | None = None
    reference: str | None = None
    name: str | None = None


class _Said(msgspec.Struct):
    """As much of an event as a history is made of."""

    booking: "_SaidBooking | None" = None
    reason: str | None = None


class _SaidBooking(msgspec.Struct):
    state: str | None = None


_said = msgspec.json.Decoder(_Said)


async def unit_page(
    pool: asyncpg.Pool, site: Site, *, at: str | None, category: str | None, cursor: str | None, limit: int,
    clock: Clock | None = None,
) -> UnitPage:  # fmt: skip
    """A page of units as they show now, or showed or will show at an instant; a date alone means its local start.

    Raises:
        Refusal: `invalid_time`, `invalid_cursor`, `unknown_site`.
    """
    position = cursors.read(cursors.AtCode, cursor, "units")
    limit = bounded(limit)
    async with store.snapshot(pool) as connection:
        found = await store.site(connection, site.id)
        if found is None:
            raise Refusal("unknown_site", site=site.slug)
        site, standing = found
        now = clock() if clock is not None else standing.now
        instant = edge(site, at, "at") if at is not None else now
        after = position.code if position is not None else ""
        units = await store.units(connection, site.id, category=category, after=after, limit=limit + 1)
        following = cursors.write(cursors.AtCode("units", units[limit - 1].code)) if len(units) > limit else None
        units = units[:limit]
        codes = await store.unit_codes(connection, site.id, parents(units))
        if instant < now:
            views = await _past(connection, site, units, codes, instant)
        else:
            views = await _present_or_ahead(connection, site, units, codes, now=now, at=instant)
    return UnitPage(site.slug, instant, views, following)


async def bookable_units(pool: asyncpg.Pool, site: Site) -> list[Unit]:
    """The units of a site by code, up to a page of them, without those that only hold others."""
    async with pool.acquire() as connection:
        units = await store.units(connection, site.id, category=None, after="", limit=PAGE_ROWS_MAX)
    parents = {unit.parent_id for unit in units}
    return [unit for unit in units if unit.id not in parents]


async def _past(
    connection: store.Connection, site: Site, units: list[Unit], codes: dict[int, str], at: datetime
) -> list[UnitView]:
    shown = await store.statuses_at(connection, site.id, [unit.code for unit in units], at)
    return [
        UnitView(
            unit.code, unit.name, unit.category, codes.get(unit.parent_id) if unit.parent_id is not None else None,
            None, was.status, was.since, was.booking, None, was.version,
        )
        for unit in units
        if (was := shown.get(unit.code)) is not None
    ]  # fmt: skip


async def _present_or_ahead(
    connection: store.Connection, site: Site, units: list[Unit], codes: dict[int, str], *, now: datetime, at: datetime
) -> list[UnitView]:
    policy = policy_of(site.kind)
    ids = [unit.id for unit in units]
    window = Interval(at, horizon(site, policy, at, within=NEXT_WITHIN))
    claims = await store.claims_of_units(connection, site.id, ids, window)
    if at > now:
        if policy.after_end_condition is not None:
            claims += await store.sessions_of_units(connection, site.id, ids)
        blocks = await store.blocks_of_window(connection, site.id, Interval(now, at), BLOCKS_MAX)
        return expected(units, by_unit(claims), codes, site=site, policy=policy, at=at, blocks=blocks)
    if policy.overstays:
        claims += await store.sessions_of_units(connection, site.id, ids)
    return present(units, by_unit(claims), codes, site=site, policy=policy, now=now)


async def booking_page(
    pool: asyncpg.Pool, site: Site, query: BookingQuery, *, cursor: str | None, limit: int, own_key: str | None = None
) -> BookingPage:
    """A page of the bookings that touch the window and pass the other filters; with `own_key` only those kept under
    that key, whatever else is asked.

    Raises:
        Refusal: `invalid_time`, `invalid_request`, `invalid_cursor`, `unknown_unit`.
    """
    position = cursors.read(cursors.AtTime, cursor, "bookings")
    limit = bounded(limit)
    after = (position.at, position.id) if position is not None else (store.BEGINNING, store.FIRST_ID)
    async with pool.acquire() as connection:
        wanted = await _filter(connection, site, query)
        if own_key is not None:
            if query.series is not None or query.reference is not None:
                raise Refusal("invalid_request", field="reference", problem="is for staff; leave it out")
            wanted = msgspec.structs.replace(wanted, customer_keys=(own_key,))
        found = await store.bookings(connection, site.id, wanted, after=after, limit=limit + 1)
        views = await booking_views(connection, site, found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    following = cursors.write(cursors.AtTime("bookings", last.starts_at, last.id)) if last is not None else None
    return BookingPage(site.slug, views, following)


async def _filter(connection: store.Connection, site: Site, query: BookingQuery) -> store.BookingFilter:
    start = edge(site, query.start, "from") if query.start is not None else None
    end = edge(site, query.end, "to") if query.end is not None else None
    if start is not None and end is not None and end <= start:
        raise Refusal("invalid_time", field="to", problem="is not after `from`")
    unit_id = None
    if query.unit is not None:
        unit_id = await store.unit_id(connection, site.id, query.unit)
        if unit_id is None:
            raise Refusal("unknown_unit", units=[query.unit[:64]])
    return store.BookingFilter(
        states=states_named(site, query.states), category=query.category, unit_id=unit_id, start=start, end=end,
        since=start - _reach(site) if start is not None else store.BEGINNING,
        customer_keys=keys_of(query.customer), series=query.series, reference=query.reference,
        name=query.name,
    )  # fmt: skip


def states_named(site: Site, given: tuple[str, ...] | None, *, field: str = "state") -> tuple[str, ...] | None:
    """The states in the policy's own spelling; `live` means all that hold their units.

    Raises:
        Refusal: `invalid_request`, naming the states there are.
    """
    if given is None:
        return None
    policy = policy_of(site.kind)
    known = {state.lower(): state for state in policy.machine.states}
    found: list[str] = []
    for name in given[:STATES_MAX]:
        if name.lower() == "live":
            found += policy.claim_kinds
        elif name.lower() in known:
            found.append(known[name.lower()])
        else:
            possible = ["live", *policy.machine.states]
            raise Refusal("invalid_request", field=field, given=name[:40], possible=possible)
    return tuple(found)


def keys_of(customer: str | None) -> tuple[str, ...] | None:
    """The keys under which somebody named by e-mail, reference or phone may have booked; None for everybody."""
    if customer is None:
        return None
    whos = (Customer(email=customer), Customer(reference=customer), Customer(phone=customer))
    return tuple(key for who in whos if (key := who.key) is not None)


def _reach(site: Site) -> timedelta:
    if site.settings.length_max_minutes:
        return timedelta(minutes=site.settings.length_max_minutes)
    return REACH_OF_NIGHTS if policy_of(site.kind).overstays else REACH


async def booking_detail(pool: asyncpg.Pool, site: Site, booking_id: UUID) -> BookingDetail:
    """A booking with its history and what may be done with it.

    Raises:
        Refusal: `unknown_booking`.
    """
    async with store.snapshot(pool) as connection:
        found = await store.bookings_by_id(connection, site.id, [booking_id])
        if not found:
            raise Refusal("unknown_booking", booking=str(booking_id))
        (view,) = await booking_views(connection, site, found)
        rows = await store.journal_of_subject(connection, site.id, str(booking_id), HISTORY_MAX + 1)
    policy = policy_of(site.kind)
    may = [act for act, cause in policy.acts.items() if policy.machine.allows(found[0].state, cause)]
    if not site.settings.team_max and "amend" in may:
        may.remove("amend")
    return BookingDetail(view, may, _history(rows), len(rows) > HISTORY_MAX)


def _history(rows: Sequence[Any]) -> list[HistoryLine]:
    """The last changes in the order in which they were made."""
    lines = []
    before: str | None = None
    for index, row in enumerate(reversed(rows)):
        said = _said.decode(row["data"])
        after = said.booking.state if said.booking is not None else None
        if index or len(rows) <= HISTORY_MAX:
            version, at, true_at, kind, actor, cause, _ = row
            lines.append(HistoryLine(version, at, true_at, kind, actor, cause, before, after, said.reason))
        before = after if after is not None else before
    return lines


async def block_page(pool: asyncpg.Pool, site: Site, *, cursor: str | None, limit: int) -> BlockPage:
    """A page of blocks in the order of their start.

    Raises:
        Refusal: `invalid_cursor`.
    """
    position = cursors.read(cursors.AtTime, cursor, "blocks")
    limit = bounded(limit)
    after = (position.at, position.id) if position is not None else (store.BEGINNING, store.FIRST_ID)
    async with pool.acquire() as connection:
        found = await store.blocks(connection, site.id, after=after, limit=limit + 1)
        named = sorted({unit_id for block in found for unit_id in block.unit_ids})
        codes = await store.unit_codes(connection, site.id, named)
    last = found[limit - 1] if len(found) > limit else None
    following = cursors.write(cursors.AtTime("blocks", last.starts_at, last.id)) if last is not None else None
    return BlockPage(site.slug, block_views(found[:limit], codes), following)


async def finding_page(
    pool: asyncpg.Pool, site: Site, *, state: str | None, cursor: str | None, limit: int
) -> FindingPage:
    """A page of findings, newest first.

    Raises:
        Refusal: `invalid_cursor`, `invalid_request`.
    """
    if state is not None and state not in FINDING_STATES:
        raise Refusal("invalid_request", field="state", given=state[:40], possible=list(FINDING_STATES))
    position = cursors.read(cursors.AtTime, cursor, "findings")
    limit = bounded(limit)
    after = (position.at, position.id) if position is not None else (store.END, store.LAST_ID)
    found = await store.findings(pool, site.id, state, after=after, limit=limit + 1)
    views = [
        FindingView(
            row["id"], row["rule"], row["subject"], row["state"], row["opened_at"], row["closed_at"], row["closed_by"],
            row["reason"], msgspec.Raw(row["data"]),
        )
        for row in found[:limit]
    ]  # fmt: skip
    more = len(found) > limit
    following = cursors.write(cursors.AtTime("findings", views[-1].opened_at, views[-1].id)) if more else None
    return FindingPage(site.slug, views, following)


def block_views(blocks: Sequence[Block], codes: dict[int, str]) -> list[BlockView]:
    return [
        BlockView(
            block.id, tuple(codes[unit_id] for unit_id in block.unit_ids if unit_id in codes), block.starts_at,
            block.ends_at, block.kind, block.reason, block.return_condition, block.created_by, block.created_at,
            block.version,
        )
        for block in blocks
    ]  # fmt: skip


async def booking_views(connection: store.Connection, site: Site, bookings: Sequence[Booking]) -> list[BookingView]:
    """The bookings as clients see them, their units by code."""
    named = {unit_id for booking in bookings for unit_id in booking.unit_ids}
    named |= {part.unit_id for booking in bookings for part in booking.parts or ()}
    units = await store.named(connection, site.id, sorted(named))
    for unit_id in named - units.keys():
        # its row was deleted past the desk: the booking is told all the same
        units[unit_id] = _gone(unit_id)
    return [booking_view(booking, site.slug, units) for booking in bookings]


def _gone(unit_id: int) -> Unit:
    return Unit(unit_id, f"?{unit_id}", "", "", None, None, "", store.BEGINNING, None, 0)
