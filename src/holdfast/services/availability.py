"""What is free: by the hour, by the night, by the slot. Read past the desk, so it is an offer and not a promise:
the desk decides again under its lock, and says what stands in the way.

Free means that a booking made now would be taken: open, on the grid, not in the past, with its cleaning time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec
from msgspec import field

from holdfast.domain.availability import free_time, sellable, shortest
from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.domain.units import UNSERVICEABLE
from holdfast.services import cursors
from holdfast.services.windows import WINDOW_DAYS_MAX, checked, edge
from holdfast.store import availability as store

PAGE_UNITS_MAX = 500
PAGE_UNITS = 100
SCANNED_UNITS_MAX = 2_000
"""How many units one request for gaps looks at; behind that `next` goes on, though the page is not full."""
_LIST = "availability"
_DAY = timedelta(days=1)

Clock = Callable[[], datetime]


class Asked(msgspec.Struct, frozen=True):
    """The question. `length` counts minutes, or nights where nights are sold; texts are as they were given."""

    start: str | None = None
    end: str | None = None
    category: str | None = None
    units: tuple[str, ...] = ()
    length: int | None = None
    date: str | None = None
    slot: str | None = None
    cursor: str | None = None
    limit: int = PAGE_UNITS


class Span(msgspec.Struct, frozen=True, gc=False):
    start: datetime = field(name="from")
    end: datetime = field(name="to")


class FreeUnit(msgspec.Struct, frozen=True, gc=False):
    """A unit and when it is free, in order."""

    code: str
    name: str
    category: str
    free: tuple[Span, ...]


class FreeTimes(msgspec.Struct, frozen=True):
    """Free time in a window. `free` of `among` units are free for all of it; `sold` is the part of it that the site
    sells at all. `units` are those with free time of the asked length, by code; `next` goes on behind them."""

    site: str
    now: datetime
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    length_minutes: float
    free: int
    among: int
    sold: tuple[Span, ...]
    units: list[FreeUnit]
    next: str | None


async def free_times(pool: asyncpg.Pool, site: Site, asked: Asked, *, clock: Clock | None = None) -> FreeTimes:
    """The units with free time in a window, a page of them, and how many are free throughout.

    Raises:
        Refusal: `invalid_time`, `invalid_request`, `too_long`, `unknown_unit`, `unknown_category`, `invalid_cursor`.
    """
    position = cursors.read(cursors.AtCode, asked.cursor, _LIST)
    async with pool.acquire() as connection:
        now = clock() if clock is not None else await store.clock(connection)
        window = window_of(site, asked, now)
        stretches = sellable(site, policy_of(site.kind), window, now)
        wished = timedelta(minutes=asked.length) if asked.length is not None else None
        question = _Question(site, asked, now, stretches, shortest(site, wished), position.code if position else "")
        free, among, units, following = await _answer(connection, question)
        if not among and asked.category is not None:
            await check_category(connection, site, asked.category)
    return FreeTimes(
        site.slug, now, window.start, window.end, question.at_least.total_seconds() / 60, free, among,
        tuple(Span(each.start, each.end) for each in stretches), units,
        cursors.write(cursors.AtCode(_LIST, following)) if following is not None else None,
    )  # fmt: skip


class _Question(msgspec.Struct, frozen=True):
    site: Site
    asked: Asked
    now: datetime
    stretches: list[Interval]
    at_least: timedelta
    after: str

    @property
    def limit(self) -> int:
        return max(1, min(self.asked.limit, PAGE_UNITS_MAX))

    @property
    def claimed(self) -> Interval:
        """The time whose claims matter: the cleaning time behind the last booking, too."""
        buffer = timedelta(minutes=self.site.settings.buffer_minutes)
        return Interval(self.stretches[0].start, self.stretches[-1].end + buffer)

    @property
    def is_all_or_nothing(self) -> bool:
        """Whether only units that are free throughout can answer it: then the database need not say when."""
        fitting = [each for each in self.stretches if each.length >= self.at_least]
        return len(fitting) == len(self.stretches) == 1 and fitting[0].length == self.at_least


_Answer = tuple[int, int, list[FreeUnit], str | None]


async def _answer(connection: store.Connection, question: _Question) -> _Answer:
    if question.asked.units:
        return await _of_named(connection, question)
    asked, site = question.asked, question.site
    if not question.stretches:
        nothing = Interval(question.now, question.now + timedelta(microseconds=1))
        found = await store.free_units(
            connection, site.id, nothing, now=question.now, category=asked.category, after="", limit=0
        )
        return 0, found.among, [], None
    whole = question.is_all_or_nothing
    found = await store.free_units(
        connection, site.id, question.claimed,
        now=question.now, category=asked.category, after=question.after, limit=question.limit + 1 if whole else 0,
    )  # fmt: skip
    if not whole:
        units, following = await _gaps(connection, question)
        return found.free, found.among, units, following
    spans = tuple(Span(each.start, each.end) for each in question.stretches)
    page = found.page[: question.limit]
    units = [FreeUnit(unit.code, unit.name, unit.category, spans) for unit in page]
    return found.free, found.among, units, page[-1].code if len(found.page) > question.limit else None


async def _of_named(connection: store.Connection, question: _Question) -> _Answer:
    known = await named_units(connection, question.site, question.asked.units)
    serviceable = [unit for unit in known if unit.condition not in UNSERVICEABLE]
    if not question.stretches:
        return 0, len(known), [], None
    units, throughout = await _free_of(connection, question, serviceable)
    return throughout, len(known), units, None


async def _gaps(connection: store.Connection, question: _Question) -> tuple[list[FreeUnit], str | None]:
    """Units with free time, in the order of their codes: looked at page by page until enough are found."""
    found: list[FreeUnit] = []
    after, size = question.after, question.limit
    for _ in range(max(1, SCANNED_UNITS_MAX // size)):
        lines = await store.serviceable_units(
            connection, question.site.id, category=question.asked.category, after=after, limit=size
        )
        more, _throughout = await _free_of(connection, question, lines)
        room = question.limit - len(found)
        found += more[:room]
        if len(more) > room:
            return found, found[-1].code
        if len(lines) < size:
            return found, None
        after = lines[-1].code
        if len(found) == question.limit:
            return found, after
    return found, after


async def _free_of(
    connection: store.Connection, question: _Question, lines: Sequence[store.UnitLine]
) -> tuple[list[FreeUnit], int]:
    """Those of these units that have free time, and how many of them are free throughout."""
    ids = [unit.id for unit in lines]
    site, claimed = question.site, question.claimed
    taken = await store.claims_of_units(connection, site.id, ids, claimed, now=question.now)
    units, throughout = [], 0
    for unit in lines:
        claims = [Interval(each.start, each.end) for each in taken[unit.id]]
        throughout += not claims
        free = free_time(question.stretches, claims, site, at_least=question.at_least)
        if free:
            spans = tuple(Span(each.start, each.end) for each in free)
            units.append(FreeUnit(unit.code, unit.name, unit.category, spans))
    return units, throughout


# -- shared with nights and slots ----------------------------------------------------------------------------


def window_of(site: Site, asked: Asked, now: datetime) -> Interval:
    """The asked window; from now on and for a day where it is left open.

    Raises:
        Refusal: `invalid_time`, `too_long`, `invalid_request`.
    """
    if asked.length is not None and not 1 <= asked.length <= WINDOW_DAYS_MAX * 24 * 60:
        raise Refusal("invalid_request", field="length", given=asked.length, expected="a length that fits the window")
    start = edge(site, asked.start, "from") if asked.start is not None else now
    return checked(start, edge(site, asked.end, "to") if asked.end is not None else start + _DAY)


async def named_units(connection: store.Connection, site: Site, codes: Sequence[str]) -> list[store.UnitLine]:
    """Raises:
    Refusal: `unknown_unit`, `invalid_request`.
    """
    wanted = list(dict.fromkeys(codes))
    if len(wanted) > PAGE_UNITS_MAX:
        raise Refusal("invalid_request", field="units", expected=f"at most {PAGE_UNITS_MAX} units")
    found = await store.named_units(connection, site.id, wanted)
    if missing := set(wanted) - {unit.code for unit in found}:
        raise Refusal("unknown_unit", units=sorted(missing)[:20])
    return found


async def check_category(connection: store.Connection, site: Site, category: str) -> None:
    """Raises:
    Refusal: `unknown_category`.
    """
    if not await store.category_exists(connection, site.id, category):
        raise Refusal("unknown_category", category=category[:64])
