"""What tests of the desk are built on: a virtual clock, a site, a desk on it, and the promises to check afterwards.

async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
    booking = await stage.book("PC-1", "10:00", "11:00")
    stage.clock.set("10:00")
    await stage.act(booking, "start")
    await stage.check()
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from holdfast.domain.bookings.values import NOBODY, Customer
from holdfast.domain.commands import Act, AddBlock, AddUnits, Book, ChangeUnit, Command, NewUnit, RemoveBlock, Tick
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.services.desk import Answer, Desk, DeskLimits
from holdfast.services.sites import Sites
from tests.promises import check_promises

__all__ = ["MONDAY", "Stage", "VirtualClock", "check_promises", "make_site", "refused", "staged"]

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

Units = Iterable[str | NewUnit]


class VirtualClock:
    """An instant that only tests move. It is the day of `start` that bare times ("10:00") mean."""

    def __init__(self, start: datetime = MONDAY) -> None:
        self.day = start.replace(hour=0, minute=0, second=0, microsecond=0)
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def at(self, time: str | datetime) -> datetime:
        """`"10:00"`, or `"1 10:00"` for the day after the first."""
        if isinstance(time, datetime):
            return time
        *days, clock = time.split()
        hours, minutes = clock.split(":")
        return self.day + timedelta(days=int(days[0]) if days else 0, hours=int(hours), minutes=int(minutes))

    def set(self, time: str | datetime) -> None:
        self.now = self.at(time)

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


async def make_site(
    pool: asyncpg.Pool,
    kind: str,
    units: Units = (),
    settings: Mapping[str, Any] | None = None,
    *,
    zone: str = "UTC",
    clock: Callable[[], datetime] | None = None,
) -> int:
    """A new site with units (codes, of category "standard", or whole `NewUnit`s), as its id."""
    site_id: int = await pool.fetchval(
        "with o as (insert into organisation (name) values ('Test') returning id) "
        "insert into site (organisation_id, kind, slug, name, time_zone, settings) "
        "select id, $1, $2, 'Test', $3, $4 from o returning id",
        kind, f"{kind}-{uuid4().hex[:12]}", zone, json.dumps(dict(settings or {})).encode(),
    )  # fmt: skip
    new = tuple(NewUnit(unit, "standard") if isinstance(unit, str) else unit for unit in units)
    if new:
        desk = Desk(pool, DeskLimits(lanes=1), clock=clock)
        await desk.start()
        try:
            await desk.submit(site_id, AddUnits(new), actor="test")
        finally:
            await desk.stop()
    return site_id


class Stage:
    """A site, a desk that serves it, and the clock both go by."""

    def __init__(self, pool: asyncpg.Pool, desk: Desk, site_id: int, clock: VirtualClock) -> None:
        self.pool = pool
        self.desk = desk
        self.site_id = site_id
        self.clock = clock

    async def submit(self, command: Command, *, key: str | None = None, body: bytes = b"") -> Answer:
        return await self.desk.submit(self.site_id, command, actor="test", key=key, body_hash=body)

    async def do(self, command: Command, **more: Any) -> dict[str, Any]:
        """The command's answer, read."""
        answer: dict[str, Any] = json.loads((await self.submit(command, **more)).body)
        return answer

    def wish(self, units: str | Iterable[str], start: str | datetime, end: str | datetime | None, **more: Any) -> Book:
        names = (units,) if isinstance(units, str) else tuple(units)
        until = self.clock.at(end) if end is not None else None
        return Book(more.pop("id", None) or uuid4(), self.clock.at(start), until, units=names, **more)

    async def book(
        self, units: str | Iterable[str], start: str | datetime, end: str | datetime | None, **more: Any
    ) -> UUID:
        """The id of a booking made."""
        return UUID((await self.do(self.wish(units, start, end, **more)))["id"])

    async def walk_in(self, units: str | Iterable[str], end: str | None = None, **more: Any) -> dict[str, Any]:
        return await self.do(self.wish(units, self.clock(), end, walk_in=True, **more))

    async def act(self, booking_id: UUID | str, act: str, **more: Any) -> dict[str, Any]:
        for name in ("start", "end"):
            if isinstance(more.get(name), str):
                more[name] = self.clock.at(more[name])
        if isinstance(more.get("units"), str):
            more["units"] = (more["units"],)
        return await self.do(Act(UUID(str(booking_id)), act, **more))

    async def block(self, units: str | Iterable[str], start: str, end: str, **more: Any) -> dict[str, Any]:
        names = (units,) if isinstance(units, str) else tuple(units)
        return await self.do(AddBlock(uuid4(), names, self.clock.at(start), self.clock.at(end), **more))

    async def unblock(self, block: Mapping[str, Any]) -> dict[str, Any]:
        return await self.do(RemoveBlock(UUID(block["id"])))

    async def condition(self, unit: str, condition: str | None) -> dict[str, Any]:
        return await self.do(ChangeUnit(unit, condition=condition))

    async def tick(self, time: str | datetime | None = None) -> None:
        """Lets the clock be `time`, and the desk hear of it."""
        if time is not None:
            self.clock.set(time)
        await self.submit(Tick())

    async def status(self, unit: str) -> str:
        word: str = await self.pool.fetchval(
            "select shown_status from unit where site_id = $1 and code = $2", self.site_id, unit
        )
        return word

    async def state(self, booking_id: UUID) -> str:
        state: str = await self.pool.fetchval("select state from booking where id = $1", booking_id)
        return state

    async def version(self) -> int:
        version: int = await self.pool.fetchval("select version from site where id = $1", self.site_id)
        return version

    async def claims(self, unit: str) -> list[tuple[str, str, str]]:
        """(kind, from, to) of the claims on a unit in order, as clock times of the stage's days."""
        rows = await self.pool.fetch(
            "select kind, lower(during) as start, upper(during) as end from claim c join unit u "
            "on u.site_id = c.site_id and u.id = c.unit_id where u.site_id = $1 and u.code = $2 order by 2",
            self.site_id, unit,
        )  # fmt: skip
        return [(row["kind"], self._spoken(row["start"]), self._spoken(row["end"])) for row in rows]

    async def told(self, subject: object) -> list[tuple[str, str]]:
        """(type, instant it became true) of the journal's lines on a booking, block or unit."""
        rows = await self.pool.fetch(
            "select type, effective_at from journal where site_id = $1 and subject = $2 order by version",
            self.site_id, str(subject),
        )  # fmt: skip
        return [(row["type"], self._spoken(row["effective_at"])) for row in rows]

    async def check(self) -> None:
        """Catches up with the clock, then checks every promise."""
        await self.tick()
        await check_promises(self.pool, self.clock)

    def _spoken(self, at: datetime) -> str:
        days = (at - self.clock.day).days
        clock = f"{at:%H:%M}" + (f":{at:%S}" if at.second else "")
        return f"{days} {clock}" if days else clock


@asynccontextmanager
async def staged(
    pool: asyncpg.Pool,
    kind: str,
    units: Units,
    settings: Mapping[str, Any] | None = None,
    *,
    start: datetime = MONDAY,
    zone: str = "UTC",
    limits: DeskLimits | None = None,
) -> AsyncIterator[Stage]:
    """A site of that kind with a running desk; at the end the desk is stopped and all promises are checked."""
    clock = VirtualClock(start)
    site_id = await make_site(pool, kind, units, settings, zone=zone, clock=clock)
    desk = Desk(pool, limits, clock=clock)
    await desk.start()
    try:
        stage = Stage(pool, desk, site_id, clock)
        yield stage
        await stage.check()
    finally:
        await desk.stop()


async def site_of(stage: Stage) -> Site:
    return await Sites(stage.pool).find(str(stage.site_id))


async def refused(answer: Any, code: str) -> dict[str, Any]:
    """The data of the refusal with that code which an awaitable must end in."""
    try:
        got = await answer
    except Refusal as refusal:
        assert refusal.code == code, refusal
        return refusal.data
    raise AssertionError(f"expected {code}, got {got!r}")


def customer(email: str) -> Customer:
    return Customer(email=email) if email else NOBODY
