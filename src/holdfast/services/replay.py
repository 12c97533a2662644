"""Years of real hotel bookings driven through the desk on a virtual clock, every promise checked each simulated day.

What happens at the same instant is submitted at once, as guests do. The look at the promises is taken at another hour
each day, so that every hour of the day is seen. Needs a database of its own: a clock that runs in the present would
call every guest of the past a no-show. Repairs nothing; what it finds is the result.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.commands import Act, AddUnits, Book, ChangeUnit, Command, NewUnit, Tick
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import resolve, zone
from holdfast.services.desk import Answer, Desk, DeskLimits
from holdfast.services.hotel_bookings import Stay, Step, interval_of, rooms_needed, steps_of
from holdfast.services.replay_checks import House, check_house
from holdfast.services.replay_report import Report as Report
from holdfast.services.replay_report import add_nights
from holdfast.services.requests import SiteRequest
from holdfast.services.sites import Sites
from holdfast.store.database import open_pool

ACTOR = "replay"
CANDIDATES = 6
HORIZON_DAYS = 3_660
HOUSEKEEPING = clock_time(13, 30)
SETTINGS = {"horizon_days": HORIZON_DAYS}
# Refusals that a full house explains; any other is a bug in the replay or in the core.
EXPECTED = frozenset({"slot_taken", "unit_occupied"})

_DAY = timedelta(days=1)
_view = msgspec.json.Decoder(type=dict[str, Any]).decode

Progress = Callable[[date, Report], None]


class ReplayError(Exception):
    """The replay cannot begin; the message says why."""


class Replay:
    """One run. `now` is the virtual clock; `report` grows while it runs."""

    def __init__(self, pool: asyncpg.Pool, stays: Iterable[Stay], *, time_zone: str = "Europe/Lisbon") -> None:
        self.pool = pool
        self.stays = {stay.row: stay for stay in stays}
        self.time_zone = time_zone
        self.report = Report()
        self.houses: dict[str, House] = {}
        self.now = datetime.min
        self._standing: dict[int, tuple[UUID, str]] = {}
        self._dirty: dict[str, list[str]] = defaultdict(list)

    async def run(self, *, until: date | None = None, progress: Progress | None = None) -> Report:
        """Drives all that happens before `until`, checking each day; the report says what came of it.

        Raises:
            ReplayError: there is nothing to replay, or the database is not empty.
        """
        started = time.perf_counter()
        desk = Desk(self.pool, DeskLimits(), clock=lambda: self.now)
        await desk.start()
        try:
            agenda = await self._prepare(desk, until)
            for at in sorted(agenda):
                self.now = at
                await self._live_through(desk, agenda[at])
                if progress is not None and None in agenda[at]:
                    progress(at.date(), self.report)
            await self._check(whole=True)
        finally:
            await desk.stop()
        add_nights(self.report, self.houses)
        self.report.took_s = time.perf_counter() - started
        return self.report

    async def _prepare(self, desk: Desk, until: date | None) -> "dict[datetime, list[Step | str | None]]":
        """Opens the houses a day before the first booking, and writes the agenda: steps, housekeeping ("clean") and
        the daily look (None) by instant."""
        local = zone(self.time_zone)
        steps = [step for stay in self.stays.values() for step in steps_of(stay, local)]
        steps = [step for step in steps if until is None or step.at.date() < until]
        if not steps:
            raise ReplayError(f"There is nothing to replay{f' before {until}' if until else ''}.")
        if await self.pool.fetchval("select exists (select from site)"):
            raise ReplayError("A replay needs a database of its own, and this one has sites already.")
        agenda: dict[datetime, list[Step | str | None]] = defaultdict(list)
        hotels: dict[str, list[Stay]] = defaultdict(list)
        for stay in self.stays.values():
            hotels[stay.hotel].append(stay)
        sites = Sites(self.pool)
        for hotel, stays in hotels.items():
            slug = hotel.lower().replace(" ", "-")
            request = SiteRequest("hotel", hotel, self.time_zone, slug, SETTINGS)
            site = await sites.find(str((await sites.create(request)).id))
            self.houses[hotel] = House(site, rooms_needed(stays, local))
        for step in steps:
            agenda[step.at].append(step)
        first, last = min(agenda).date(), max(agenda).date()
        for number in range((last - first).days + 1):
            day = first + number * _DAY
            look = clock_time(number * 7 % 24, 45)
            agenda[resolve(datetime.combine(day, look), local).instant].append(None)
            agenda[resolve(datetime.combine(day, HOUSEKEEPING), local).instant].append("clean")
        self.now = min(agenda) - _DAY
        for house in self.houses.values():
            await self._open(desk, house)
        return agenda

    async def _open(self, desk: Desk, house: House) -> None:
        units = tuple(
            NewUnit(f"{category}{number:03}", category, condition="clean")
            for category, count in house.rooms.items()
            for number in range(1, count + 1)
        )
        await desk.submit(house.site.id, AddUnits(units), actor=ACTOR)
        self.report.rooms[house.site.name] = len(units)

    async def _live_through(self, desk: Desk, todo: "list[Step | str | None]") -> None:
        """Everything of one instant, at once; the look comes after."""
        started = time.perf_counter()
        work: list[Awaitable[object]] = [self._take(desk, step) for step in todo if isinstance(step, Step)]
        if "clean" in todo:
            work += [self._clean(desk, name, code) for name, codes in self._dirty.items() for code in codes]
            self._dirty.clear()
        if None in todo:
            work += [self._submit(desk, house, Tick()) for house in self.houses.values()]
        await asyncio.gather(*work)
        self.report.desk_s += time.perf_counter() - started
        if None in todo:
            self.report.days += 1
            await self._check(whole=self.report.days % 7 == 0)

    async def _check(self, *, whole: bool) -> None:
        started = time.perf_counter()
        for house in self.houses.values():
            found = await check_house(self.pool, house, self.now, whole=whole)
            self.report.mismatches += found
            self.report.checks += 1
        self.report.check_s += time.perf_counter() - started

    # -- what happens to a stay ----------------------------------------------------------------------------------

    async def _take(self, desk: Desk, step: Step) -> None:
        stay = self.stays[step.row]
        if step.what == "book":
            await self._book(desk, stay, step)
        elif step.row in self._standing:
            await self._steps[step.what](self, desk, stay, step)

    async def _book(self, desk: Desk, stay: Stay, step: Step) -> None:
        house = self.houses[stay.hotel]
        during = interval_of(stay, house.site.zone, extra=step.extra)
        booking_id = _id_of(step.at, stay.row)
        command = Book(
            booking_id, during.start, during.end, category=stay.reserved, party=stay.party or None, details=stay.details
        )
        answer = await self._submit(desk, house, command)
        self.report.counts["booked" if answer else "refused"] += 1
        if answer is not None:
            self._standing[stay.row] = booking_id, _view(answer.body)["units"][0]

    async def _change(self, desk: Desk, stay: Stay, step: Step) -> None:
        house = self.houses[stay.hotel]
        end = interval_of(stay, house.site.zone, extra=step.extra).end
        answer = await self._act(desk, stay, "extend", end=end, expected=frozenset({"slot_taken", "nothing_to_change"}))
        self.report.counts["changed" if answer else "change refused"] += 1

    async def _cancel(self, desk: Desk, stay: Stay, step: Step) -> None:
        if await self._act(desk, stay, "cancel") is not None:
            self.report.counts["cancelled"] += 1
        del self._standing[stay.row]

    async def _arrive(self, desk: Desk, stay: Stay, step: Step) -> None:
        """Into the type that was assigned, if one is free; into any free room when somebody has not left ours."""
        if stay.assigned != stay.reserved and not await self._move(desk, stay, [stay.assigned]):
            self.report.counts["stayed in the type reserved"] += 1
        answer = await self._act(desk, stay, "check-in")
        for categories in ([stay.assigned], [stay.reserved], list(self.houses[stay.hotel].rooms)):
            if answer is None and await self._move(desk, stay, categories):
                answer = await self._act(desk, stay, "check-in")
        if answer is None:
            await self._act(desk, stay, "cancel", reason="no room")
            self.report.counts["sent elsewhere"] += 1
            del self._standing[stay.row]
            return
        self.report.counts["checked in"] += 1

    async def _move(self, desk: Desk, stay: Stay, categories: list[str]) -> bool:
        house = self.houses[stay.hotel]
        during = interval_of(stay, house.site.zone)
        codes = await house.free_rooms(self.pool, categories, during.start, during.end, limit=CANDIDATES)
        booking_id, _ = self._standing[stay.row]
        for offset in range(len(codes)):
            code = codes[(stay.row + offset) % len(codes)]
            if await self._act(desk, stay, "move", units=(code,)) is not None:
                self._standing[stay.row] = booking_id, code
                self.report.counts["moved"] += 1
                return True
        return False

    async def _leave(self, desk: Desk, stay: Stay, step: Step) -> None:
        _, code = self._standing[stay.row]
        if await self._act(desk, stay, "check-out") is not None:
            self.report.counts["checked out"] += 1
            self._dirty[stay.hotel].append(code)
        del self._standing[stay.row]

    async def _clean(self, desk: Desk, hotel: str, code: str) -> None:
        expected = frozenset({"nothing_to_change"})
        await self._submit(desk, self.houses[hotel], ChangeUnit(code, condition="clean"), expected=expected)

    _steps = {"change": _change, "cancel": _cancel, "arrive": _arrive, "leave": _leave}  # noqa: RUF012

    # -- the desk ------------------------------------------------------------------------------------------------

    async def _act(
        self, desk: Desk, stay: Stay, act: str, *, expected: frozenset[str] = EXPECTED, **more: Any
    ) -> Answer | None:
        booking_id, _ = self._standing[stay.row]
        return await self._submit(desk, self.houses[stay.hotel], Act(booking_id, act, **more), expected=expected)

    async def _submit(
        self, desk: Desk, house: House, command: Command, *, expected: frozenset[str] = EXPECTED
    ) -> Answer | None:
        """The answer, or None when it was refused; a refusal that nothing explains goes into the report."""
        self.report.commands += 1
        try:
            return await desk.submit(house.site.id, command, actor=ACTOR)
        except Refusal as refusal:
            if refusal.code not in expected:
                self.report.unexpected.append(f"{self.now:%Y-%m-%d %H:%M} {house.site.slug} {command} → {refusal!r}")
            return None


def _id_of(at: datetime, row: int) -> UUID:
    """A UUID of version 7 that a second run makes again."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | row)


async def replay_into(
    url: str, stays: Iterable[Stay], *, until: date | None = None, progress: Progress | None = None
) -> Report:
    """A replay into the empty, migrated database of that URL.

    Raises:
        ReplayError: there is nothing to replay, or the database is not empty.
    """
    pool = await open_pool(url, application_name="holdfast replay")
    try:
        return await Replay(pool, stays).run(until=until, progress=progress)
    finally:
        await pool.close()
