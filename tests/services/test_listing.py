"""Lists are complete, in order and bounded; units can be asked for any instant; a booking tells its history."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from holdfast.domain.bookings.values import Customer
from holdfast.domain.errors import Refusal
from holdfast.services import cursors
from holdfast.services.listing import (
    BookingQuery,
    block_page,
    booking_detail,
    booking_page,
    finding_page,
    unit_page,
)
from tests.stage import Stage, refused, site_of, staged

PCS = ["PC-1", "PC-2", "PC-3"]


async def statuses(stage: Stage, at: datetime | None = None) -> dict[str, str]:
    text = at.isoformat() if at is not None else None
    page = await unit_page(
        stage.pool, await site_of(stage), at=text, category=None, cursor=None, limit=100, clock=stage.clock
    )
    return {unit.code: unit.shown_status for unit in page.units}


async def listed(stage: Stage, limit: int = 100, **query: Any) -> list[UUID]:
    found: list[UUID] = []
    cursor = None
    for _ in range(100):
        page = await booking_page(stage.pool, await site_of(stage), BookingQuery(**query), cursor=cursor, limit=limit)
        assert len(page.bookings) <= limit
        found += [booking.id for booking in page.bookings]
        cursor = page.next
        if cursor is None:
            return found
    raise AssertionError("the list has no end")


async def test_units_of_a_past_instant_are_what_was_shown_then(pool: asyncpg.Pool) -> None:
    rng = random.Random(3)
    async with staged(pool, "cafe", PCS) as stage:
        was: list[tuple[datetime, dict[str, str]]] = []
        made: list[UUID] = []
        for _ in range(60):
            # the last instant before the next move is judged: several things may happen within one
            stage.clock.advance(minutes=rng.choice([1, 13, 30]))
            try:
                match rng.randrange(4):
                    case 0:
                        start = stage.clock.at(f"{rng.randrange(9, 20)}:00")
                        made.append(await stage.book(rng.choice(PCS), start, start + timedelta(hours=1)))
                    case 1:
                        made.append(UUID((await stage.walk_in(rng.choice(PCS)))["id"]))
                    case 2 if made:
                        await stage.act(rng.choice(made), rng.choice(["start", "end", "cancel"]))
                    case 3:
                        await stage.condition(rng.choice(PCS), rng.choice([None, "under_maintenance"]))
            except Refusal:
                pass
            await stage.tick()
            was.append((stage.clock(), {unit: await stage.status(unit) for unit in PCS}))
            assert await statuses(stage) == was[-1][1]
        stage.clock.advance(minutes=1)
        for at, shown in was:
            assert await statuses(stage, at) == shown
        assert await statuses(stage, stage.clock.day) == {}


async def test_units_of_an_instant_ahead_follow_from_the_claims(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        await stage.book("PC-1", "12:00", "13:00")
        await stage.block("PC-2", "12:00", "13:00")
        await stage.walk_in("PC-3", "12:30")
        ahead = stage.clock.at("12:15")
        assert await statuses(stage, ahead) == {"PC-1": "Reserved", "PC-2": "Under Maintenance", "PC-3": "Active"}
        assert set((await statuses(stage, stage.clock.at("14:00"))).values()) == {"Available"}


async def test_ends_ahead_leave_their_condition_behind(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101", "102", "103"]) as stage:
        stage.clock.set("15:00")
        await stage.walk_in("101", "1 11:00")
        await stage.block("102", "16:00", "18:00", return_condition="dirty")
        assert await statuses(stage, stage.clock.at("17:00")) == {
            "101": "OCCUPIED", "102": "MAINTENANCE", "103": "AVAILABLE",
        }  # fmt: skip
        assert (await statuses(stage, stage.clock.at("19:00")))["102"] == "DIRTY"
        assert (await statuses(stage, stage.clock.at("1 11:00")))["101"] == "DIRTY"
        page = await unit_page(
            pool, await site_of(stage), at="2026-03-04", category=None, cursor=None, limit=9, clock=stage.clock
        )
        assert page.at == stage.clock.day + timedelta(days=2)
        assert [unit.condition for unit in page.units] == ["dirty", "dirty", None]
        stage.clock.set("19:00")
        await stage.tick()
        assert await statuses(stage) == {"101": "OCCUPIED", "102": "DIRTY", "103": "AVAILABLE"}


async def test_units_come_in_pages_by_code_and_category(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        site = await site_of(stage)
        first = await unit_page(pool, site, at=None, category="standard", cursor=None, limit=2)
        assert [unit.code for unit in first.units] == PCS[:2]
        second = await unit_page(pool, site, at=None, category="standard", cursor=first.next, limit=2)
        assert ([unit.code for unit in second.units], second.next) == (PCS[2:], None)
        assert (await unit_page(pool, site, at=None, category="none", cursor=None, limit=2)).units == []


async def test_bookings_are_found_by_each_filter_and_page_by_page(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        ann, bob = Customer(name="Ann", email="Ann@x.org"), Customer(phone="+49 1")
        series = uuid4()
        first = await stage.book("PC-1", "10:00", "12:00", customer=ann)
        second = await stage.book("PC-2", "11:00", "12:00", customer=bob, series_id=series)
        third = await stage.book(["PC-1", "PC-3"], "1 10:00", "1 11:00", customer=ann)
        await stage.act(second, "cancel")
        everything = [first, second, third]
        assert await listed(stage) == await listed(stage, limit=1) == everything
        for limit in (100, 1):
            assert await listed(stage, limit, customer="ann@x.org") == [first, third]
        assert await listed(stage, customer="+49 1") == [second]
        assert await listed(stage, series=series) == [second]
        assert await listed(stage, states=("cancelled",)) == [second]
        assert await listed(stage, states=("live",)) == [first, third]
        assert await listed(stage, unit="PC-1") == [first, third]
        assert await listed(stage, category="standard") == everything
        reference = await pool.fetchval("select reference from booking where id = $1", second)
        assert await listed(stage, reference=reference) == [second]
        assert await listed(stage, start="2026-03-02T11:30:00Z", end="2026-03-03T00:00:00Z") == [first, second]
        assert await listed(stage, start="2026-03-02T12:00:00Z") == [third]
        await refused(listed(stage, states=("nonsense",)), "invalid_request")
        await refused(listed(stage, unit="PC-9"), "unknown_unit")


async def test_bookings_that_start_together_are_told_once(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", [f"PC-{n:02}" for n in range(12)]) as stage:
        made = [await stage.book(f"PC-{n:02}", "10:00", "11:00") for n in range(12)]
        assert await listed(stage, limit=5) == sorted(made)


async def test_a_booking_tells_its_history_and_what_may_be_done(pool: asyncpg.Pool) -> None:
    async with staged(pool, "grounds", ["G1"]) as stage:
        booking = await stage.book("G1", "1 10:00", "1 11:00")
        await stage.act(booking, "approve")
        await stage.act(booking, "revoke", reason="rain")
        detail = await booking_detail(pool, await site_of(stage), booking)
        assert [(line.cause, line.before, line.after, line.reason) for line in detail.history] == [
            ("created", None, "Pending", None),
            ("approved", "Pending", "Approved", None),
            ("revoked", "Approved", "Pending", "rain"),
        ]
        assert set(detail.may) == {"approve", "reject", "move", "cancel"}
        assert not detail.older
        assert detail.body()["id"] == str(booking)
        await refused(booking_detail(pool, await site_of(stage), uuid4()), "unknown_booking")


async def test_blocks_and_findings_come_in_pages(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        made = [UUID((await stage.block(unit, "10:00", "11:00"))["id"]) for unit in PCS]
        site = await site_of(stage)
        first = await block_page(pool, site, cursor=None, limit=2)
        second = await block_page(pool, site, cursor=first.next, limit=2)
        assert [block.id for block in (*first.blocks, *second.blocks)] == sorted(made)
        assert second.next is None
        await pool.executemany(
            "insert into finding (site_id, id, rule, subject, state, opened_at) values ($1, $2, 'r', 's', $3, $4)",
            [(site.id, uuid4(), state, stage.clock()) for state in ("open", "open", "dismissed")],
        )
        page = await finding_page(pool, site, state="open", cursor=None, limit=1)
        rest = await finding_page(pool, site, state="open", cursor=page.next, limit=1)
        assert len({one.id for one in (*page.findings, *rest.findings)}) == 2
        assert rest.next is None
        assert len((await finding_page(pool, site, state=None, cursor=None, limit=9)).findings) == 3
        await refused(finding_page(pool, site, state="x", cursor=None, limit=9), "invalid_request")


async def test_cursors_of_other_lists_and_made_up_ones_are_refused(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        site = await site_of(stage)
        theirs = cursors.write(cursors.AtCode("units", "PC-1"))
        for given in (theirs, "x", "é", "a" * 1000, cursors.write(cursors.AtCode("bookings", "\0"))):
            await refused(booking_page(pool, site, BookingQuery(), cursor=given, limit=5), "invalid_cursor")
        nul = cursors.write(cursors.AtCode("units", "\0"))
        await refused(unit_page(pool, site, at=None, category=None, cursor=nul, limit=5), "invalid_cursor")
