"""What a booking page offers: days, places, and of each day what is free and what is taken, without whose it is."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from holdfast.console.booking_page_wish import Wish, lengths, pick_of_slot
from holdfast.domain.availability import first_start, last_start
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import local_date, start_of_day
from holdfast.domain.opening import next_on_grid
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.services.availability import PAGE_UNITS_MAX, Asked, free_times
from holdfast.services.free_stays import free_slots, free_stays
from holdfast.services.listing import bookable_units

DAYS = 7
STEP_MINUTES = 30
"""Between the starts that are offered where the site has no grid of its own."""
STARTS_MAX = 300
_DAY = timedelta(days=1)


class Place(msgspec.Struct, frozen=True):
    value: str
    name: str
    is_kind: bool = False


class Choice(msgspec.Struct, frozen=True):
    """Something that can be picked, or could have been. `count` is how many of it are left, where they are alike."""

    pick: str
    name: str
    status: str
    start: datetime
    end: datetime
    count: int | None = None
    unit: str | None = None


class Row(msgspec.Struct, frozen=True):
    """Choices for one time; `name` is a slot's own, where it says more than its times."""

    start: datetime | None
    end: datetime | None
    name: str
    choices: list[Choice]


class Offer(msgspec.Struct, frozen=True):
    """`start` and `end` are the time shown: what changes in it changes the offer."""

    days: list[date]
    before: date | None
    after: date | None
    places: list[Place]
    wish: Wish
    rows: list[Row]
    free: int
    start: datetime
    end: datetime
    lengths: list[int] = []


async def offer_of(pool: Any, site: Site, wish: Wish, *, now: datetime) -> Offer:
    """What is offered for a wish; a place that there is not is brought to one there is.

    Raises:
        Refusal: what the reads raise.
    """
    today, latest = local_date(now, site.zone), local_date(last_start(site, now), site.zone)
    week = today + (wish.day - today) // (DAYS * _DAY) * DAYS * _DAY
    days = [week + number * _DAY for number in range(DAYS) if week + number * _DAY <= latest]
    before = week - DAYS * _DAY if week > today else None
    after = week + DAYS * _DAY if week + DAYS * _DAY <= latest else None
    if policy_of(site.kind).overstays:
        places: list[Place] = []
        wish = msgspec.structs.replace(wish, place="")
        rows, start, end = await _stays(pool, site, wish)
    else:
        places = await _places(pool, site)
        wish = _at_a_place(site, wish, places)
        if site.slots is not None:
            names = {place.value[2:]: place.name for place in places if not place.is_kind}
            rows, start, end = await _slots(pool, site, wish, now, names=names)
        else:
            rows, start, end = await _starts(pool, site, wish, now)
    free = sum(choice.status == "free" for row in rows for choice in row.choices)
    has_lengths = not policy_of(site.kind).overstays and site.slots is None
    return Offer(
        days, before, after, places, wish, rows, free, start, end, lengths(site) if has_lengths else []
    )  # fmt: skip


async def _places(pool: Any, site: Site) -> list[Place]:
    """Kinds of units, then the units themselves; what only holds others is not booked here."""
    units = await bookable_units(pool, site)
    counts = Counter(unit.category for unit in units)
    kinds = [Place(f"c:{name}", name, is_kind=True) for name, count in counts.items()]
    return kinds + [Place(f"u:{unit.code}", unit.name or unit.code) for unit in units]


def _at_a_place(site: Site, wish: Wish, places: list[Place]) -> Wish:
    """Of slots all places are shown together where none was chosen; of other times one kind is."""
    known = {place.value for place in places}
    if wish.place in known or (site.slots is not None and not wish.place):
        return wish
    fallback = "" if site.slots is not None or not places else places[0].value
    return msgspec.structs.replace(wish, place=fallback)


Shown = tuple[list[Row], datetime, datetime]


async def _slots(pool: Any, site: Site, wish: Wish, now: datetime, *, names: dict[str, str]) -> Shown:
    asked = Asked(
        date=wish.day.isoformat(), category=wish.category, units=(wish.unit,) if wish.unit else (),
        limit=PAGE_UNITS_MAX,
    )  # fmt: skip
    found = await free_slots(pool, site, asked)
    rows = []
    for line in found.slots:
        if line.start <= now:
            continue
        choices = [
            Choice(
                pick_of_slot(line.index, unit.unit), names[unit.unit],
                "free" if unit.bookable else "closed" if unit.status in ("Blocked", "Vacant") else "taken",
                line.start, line.end, unit=unit.unit,
            )
            for unit in line.units if unit.unit in names
        ]  # fmt: skip
        rows.append(Row(line.start, line.end, line.slot, choices))
    day = Interval(start_of_day(wish.day, site.zone), start_of_day(wish.day + _DAY, site.zone))
    return (
        rows,
        min([day.start, *(line.start for line in found.slots)]),
        max([day.end, *(line.end for line in found.slots)]),
    )


async def _starts(pool: Any, site: Site, wish: Wish, now: datetime) -> Shown:
    length = timedelta(minutes=wish.length)
    first, end = start_of_day(wish.day, site.zone), start_of_day(wish.day + _DAY, site.zone)
    start = max(first, first_start(site, policy_of(site.kind), now))
    if start >= end or not wish.place:
        return [], first, end
    asked = Asked(
        start=start.isoformat(), end=(end + length).isoformat(), category=wish.category,
        units=(wish.unit,) if wish.unit else (), length=wish.length, limit=PAGE_UNITS_MAX,
    )  # fmt: skip
    found = await free_times(pool, site, asked)
    left: Counter[datetime] = Counter()
    for unit in found.units:
        for span in unit.free:
            left.update(_on_grid(site, Interval(span.start, span.end), length, before=end))
    sold: dict[datetime, None] = {}
    for span in found.sold:
        sold.update(dict.fromkeys(_on_grid(site, Interval(span.start, span.end), length, before=end)))
    choices = [
        Choice(each.isoformat(), "", "free" if left[each] else "taken", each, each + length, left[each])
        for each in list(sold)[:STARTS_MAX]
    ]
    return ([Row(None, None, "", choices)] if choices else []), first, end + length


def _on_grid(site: Site, span: Interval, length: timedelta, *, before: datetime) -> list[datetime]:
    """The starts in a span that leave room for the length."""
    grid = site.settings.grid_minutes or STEP_MINUTES
    found: list[datetime] = []
    start = next_on_grid(span.start, grid, site.zone)
    while start + length <= span.end and start < before and len(found) < STARTS_MAX:
        found.append(start)
        start = next_on_grid(start + timedelta(minutes=1), grid, site.zone)
    return found


async def _stays(pool: Any, site: Site, wish: Wish) -> Shown:
    last = wish.day + wish.nights * _DAY
    asked = Asked(start=wish.day.isoformat(), end=last.isoformat(), limit=PAGE_UNITS_MAX)
    found = await free_stays(pool, site, asked)
    free = Counter(unit.category for unit in found.units)
    kinds = dict.fromkeys(name for night in found.nights for name in night.categories)
    choices = [
        Choice(f"c:{name}", name, "free" if free[name] else "taken", found.start, found.end, free[name])
        for name in kinds
    ]
    return ([Row(None, None, "", choices)] if choices else []), found.start, found.end
