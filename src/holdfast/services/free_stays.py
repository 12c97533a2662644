"""What is free where nights or slots are sold: rooms for whole stays, and the slots of a day."""

from datetime import date, datetime, timedelta

import asyncpg
import msgspec
from msgspec import field

from holdfast.domain.availability import first_start, free_runs, last_start, stay_nights
from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import local_date, parse_date, parse_instant
from holdfast.domain.opening import Slot, find_slot, is_open, slots_of
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.domain.units import HAND_KINDS, UNSERVICEABLE
from holdfast.services import cursors
from holdfast.services.availability import PAGE_UNITS_MAX, Asked, Clock, FreeUnit, Span, check_category, named_units
from holdfast.store import availability as store

NIGHTS_MAX = 92
CELLS_MAX = 50_000
_LIST = "availability"
_DAY = timedelta(days=1)


class Night(msgspec.Struct, frozen=True):
    """One night: per category how many rooms are free, of how many."""

    date: date
    categories: dict[str, dict[str, int]]


class FreeStays(msgspec.Struct, frozen=True):
    """Rooms by the night. `units` are free for at least `length_nights` in a row; left out, that is the whole stay."""

    site: str
    now: datetime
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    length_nights: int
    nights: list[Night]
    units: list[FreeUnit]
    next: str | None


class SlotStatus(msgspec.Struct, frozen=True, gc=False):
    unit: str
    status: str
    bookable: bool


class SlotLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A slot of a date with the status of each unit; `free` is how many can be booked now."""

    date: date
    slot: str
    index: int
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    free: int
    units: list[SlotStatus]
    note: str | None = None


class FreeSlots(msgspec.Struct, frozen=True):
    """The slots of some days. `next` goes on with further units, for the same slots."""

    site: str
    now: datetime
    slots: list[SlotLine]
    next: str | None


async def free_stays(pool: asyncpg.Pool, site: Site, asked: Asked, *, clock: Clock | None = None) -> FreeStays:
    """Per night and category how many rooms are free, and which rooms are for the whole stay.

    Raises:
        Refusal: `invalid_time`, `invalid_request`, `too_long`, `unknown_unit`, `unknown_category`, `invalid_cursor`.
    """
    position = cursors.read(cursors.AtCode, asked.cursor, _LIST)
    async with pool.acquire() as connection:
        now = clock() if clock is not None else await store.clock(connection)
        first, count = _stay(site, asked, now)
        nights = stay_nights(site, first, count)
        length = min(asked.length or count, count)
        lines = await _nights(connection, site, asked, nights, first=first, now=now)
        after = position.code if position is not None else ""
        units, following = await _rooms(connection, site, asked, nights, now=now, length=length, after=after)
    return FreeStays(
        site.slug, now, nights[0].start, nights[-1].end, length, lines, units,
        cursors.write(cursors.AtCode(_LIST, following)) if following is not None else None,
    )  # fmt: skip


def _stay(site: Site, asked: Asked, now: datetime) -> tuple[date, int]:
    """The first night and how many."""
    given = asked.date or asked.start
    first = _date(site, given, "from") if given is not None else local_date(now, site.zone)
    if asked.end is not None:
        count = (_date(site, asked.end, "to") - first).days
        if count < 1:
            raise Refusal("invalid_time", field="to", problem="is not after `from`")
    else:
        count = asked.length if asked.length is not None else 1
    if count > NIGHTS_MAX:
        raise Refusal("too_long", field="to", problem=f"ask for at most {NIGHTS_MAX} nights at once")
    if count < 1 or (asked.length is not None and asked.length < 1):
        raise Refusal("invalid_request", field="length", given=asked.length, expected=f"1 to {NIGHTS_MAX} nights")
    return first, count


def _date(site: Site, text: str, name: str) -> date:
    if len(text) == 10:
        return parse_date(text, field=name)
    return local_date(parse_instant(text, site.zone, field=name).instant, site.zone)


def _sold(site: Site, night: Interval, now: datetime) -> bool:
    return first_start(site, policy_of(site.kind), now) <= night.start <= last_start(site, now)


async def _nights(
    connection: store.Connection, site: Site, asked: Asked, nights: list[Interval], *, first: date, now: datetime
) -> list[Night]:
    buffer = timedelta(minutes=site.settings.buffer_minutes)
    wanted = [Interval(night.start, night.end + buffer) for night in nights]
    found = await store.nights_by_category(connection, site.id, wanted, now=now, category=asked.category)
    bookable = {category: units for number, category, units in found if number == 0}
    if asked.category is not None and not bookable:
        await check_category(connection, site, asked.category)
    taken = {(number, category): units for number, category, units in found if number}
    lines = []
    for index, night in enumerate(nights):
        sold = _sold(site, night, now)
        categories = {
            category: {"free": units - taken.get((index + 1, category), 0) if sold else 0, "of": units}
            for category, units in bookable.items()
        }
        lines.append(Night(first + index * _DAY, categories))
    return lines


async def _rooms(
    connection: store.Connection, site: Site, asked: Asked, nights: list[Interval], *,
    now: datetime, length: int, after: str,
) -> tuple[list[FreeUnit], str | None]:  # fmt: skip
    limit = max(1, min(asked.limit, PAGE_UNITS_MAX))
    buffer = timedelta(minutes=site.settings.buffer_minutes)
    claimed = Interval(nights[0].start, nights[-1].end + buffer)
    sold = [night for night in nights if _sold(site, night, now)]
    if asked.units:
        known = await named_units(connection, site, asked.units)
        lines = [unit for unit in known if unit.condition not in UNSERVICEABLE]
        following = None
    elif length == len(nights):
        page = (
            await store.free_units(
                connection, site.id, claimed, now=now, category=asked.category, after=after, limit=limit + 1
            )
        ).page
        lines, following = page[:limit], page[limit - 1].code if len(page) > limit else None
    else:
        category = asked.category
        page = await store.serviceable_units(connection, site.id, category=category, after=after, limit=limit + 1)
        lines, following = page[:limit], page[limit - 1].code if len(page) > limit else None
    taken = await store.claims_of_units(connection, site.id, [unit.id for unit in lines], claimed, now=now)
    units = []
    for unit in lines:
        shadows = [Interval(each.start - buffer, each.end) for each in taken[unit.id]]
        runs = free_runs(sold, shadows, at_least=length)
        if runs:
            spans = tuple(Span(run.start, run.end) for run in runs)
            units.append(FreeUnit(unit.code, unit.name, unit.category, spans))
    return units, following


async def free_slots(pool: asyncpg.Pool, site: Site, asked: Asked, *, clock: Clock | None = None) -> FreeSlots:
    """The slots of a date, or of the dates from `from` to `to`, with the status of each unit in each.

    Raises:
        Refusal: `invalid_time`, `invalid_request`, `too_long`, `unknown_slot`, `unknown_unit`, `unknown_category`,
            `invalid_cursor`.
    """
    position = cursors.read(cursors.AtCode, asked.cursor, _LIST)
    limit = max(1, min(asked.limit, PAGE_UNITS_MAX))
    async with pool.acquire() as connection:
        now = clock() if clock is not None else await store.clock(connection)
        slots = _slots(site, asked, now)
        if asked.units:
            lines = await named_units(connection, site, asked.units)
        else:
            after = position.code if position is not None else ""
            lines = await store.first_units(connection, site.id, category=asked.category, after=after, limit=limit + 1)
            if not lines and asked.category is not None and position is None:
                raise Refusal("unknown_category", category=asked.category[:64])
        more = not asked.units and len(lines) > limit
        lines = lines[:limit] if more else lines
        if len(lines) * len(slots) > CELLS_MAX:
            raise Refusal("too_long", field="to", problem="that is too many slots at once; name fewer days or units")
        taken: dict[int, list[store.Taken]] = {}
        if slots:
            buffer = timedelta(minutes=site.settings.buffer_minutes)
            window = Interval(slots[0][1].interval.start, slots[-1][1].interval.end + buffer)
            taken = await store.claims_of_units(connection, site.id, [unit.id for unit in lines], window, now=now)
    found = [_slot_line(site, day, slot, lines, taken, now=now) for day, slot in slots]
    return FreeSlots(site.slug, now, found, cursors.write(cursors.AtCode(_LIST, lines[-1].code)) if more else None)


def _slots(site: Site, asked: Asked, now: datetime) -> list[tuple[date, Slot]]:
    if site.slots is None:
        raise Refusal("invalid_request", field="date", problem="this site has no slots; give `from` and `to`")
    if asked.date is not None or asked.start is None:
        first = parse_date(asked.date) if asked.date is not None else local_date(now, site.zone)
        last = first
    else:
        first = _date(site, asked.start, "from")
        last = _date(site, asked.end, "to") if asked.end is not None else first
    if last < first:
        raise Refusal("invalid_time", field="to", problem="is before `from`")
    if (last - first).days >= NIGHTS_MAX:
        raise Refusal("too_long", field="to", problem=f"ask for at most {NIGHTS_MAX} days at once")
    days = [first + number * _DAY for number in range((last - first).days + 1)]
    if asked.slot is not None:
        given = int(asked.slot) if asked.slot.isascii() and asked.slot.isdigit() and len(asked.slot) < 4 else asked.slot
        return [(day, find_slot(site.slots, given, day, site.zone)) for day in days]
    return [(day, slot) for day in days for slot in slots_of(site.slots, day, site.zone)]


def _slot_line(
    site: Site, day: date, slot: Slot, lines: list[store.UnitLine], taken: dict[int, list[store.Taken]],
    *, now: datetime,
) -> SlotLine:  # fmt: skip
    buffer = timedelta(minutes=site.settings.buffer_minutes)
    policy = policy_of(site.kind)
    earliest, latest = first_start(site, policy, now), last_start(site, now)
    sold = earliest <= slot.interval.start <= latest and is_open(site.hours, slot.interval, site.zone)
    units = []
    for unit in lines:
        status = "Blocked" if unit.condition in UNSERVICEABLE else "Vacant"
        for claim in taken.get(unit.id, ()):
            if claim.start < slot.interval.end + buffer and slot.interval.start < claim.end:
                if claim.kind in HAND_KINDS:
                    status = "Blocked"
                elif status == "Vacant":
                    status = "Pending" if claim.kind == "hold" else "Booked"
        units.append(SlotStatus(unit.code, status, sold and status == "Vacant"))
    free = sum(unit.bookable for unit in units)
    return SlotLine(
        day, slot.name, slot.index, slot.interval.start, slot.interval.end, free, units, slot.note
    )  # fmt: skip
