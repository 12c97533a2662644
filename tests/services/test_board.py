"""The board is the journal folded: whoever starts from it and hears the rest knows what a later board says."""

import random
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.board import Board, BoardView
from holdfast.services.journal import Epochs, journal_page
from holdfast.services.sites import Sites
from tests.stage import Stage, refused, staged

UNITS = {"cafe": ["PC-1", "PC-2", "PC-3"], "hotel": ["101", "102", "103"], "grounds": ["G1", "G2", "G3"]}
ACTS = {
    "cafe": ["start", "end", "cancel", "confirm", "no-show"],
    "hotel": ["check-in", "check-out", "cancel", "confirm"],
    "grounds": ["approve", "reject", "revoke", "cancel"],
}


async def look(stage: Stage, start: str | None = None, end: str | None = None) -> BoardView:
    site = await Sites(stage.pool).find(str(stage.site_id))
    return await Board(stage.pool, Epochs(stage.pool), clock=stage.clock).read(site, start, end)


async def events_behind(stage: Stage, version: int) -> list[dict[str, Any]]:
    site = await Sites(stage.pool).find(str(stage.site_id))
    found: list[dict[str, Any]] = []
    for _ in range(100):
        page = await journal_page(stage.pool, Epochs(stage.pool), site, after=str(version), limit=40)
        found += [msgspec.json.decode(msgspec.json.encode(event)) for event in page.events]
        version = page.next
        if version == page.last:
            return found
    raise AssertionError("the journal has no end")


class Screen:
    """What a browser does: takes a board, applies events in order, and notices a hole."""

    def __init__(self, board: BoardView) -> None:
        told = msgspec.json.decode(msgspec.json.encode(board))
        self.version = board.version
        self.units = {unit["code"]: (unit["shown_status"], unit["condition"]) for unit in told["units"]}
        self.bookings = {booking["id"]: booking for booking in told["bookings"]}
        self.blocks = {block["id"]: block for block in told["blocks"]}

    def hear(self, event: dict[str, Any]) -> None:
        assert event["version"] == self.version + 1
        self.version, data = event["version"], event["data"]
        status, condition = self.units.get(data.get("code", ""), ("", None))
        match event["type"]:
            case "unit.status_changed" | "unit.status_repaired":
                self.units[data["code"]] = (data["to"], condition)
            case "unit.condition_changed":
                self.units[data["code"]] = (status, data["to"])
            case "block.created":
                self.blocks[data["block"]["id"]] = data["block"]
            case "block.removed":
                self.blocks.pop(data["id"])
            case kind if kind.startswith("booking."):
                self.bookings[data["booking"]["id"]] = data["booking"]


async def wander(stage: Stage, rng: random.Random, kind: str, steps: int) -> None:
    """Random acts; what the desk refuses changes nothing."""
    made: list[str] = []
    for _ in range(steps):
        stage.clock.advance(minutes=rng.choice([0, 0, 7, 60]))
        unit = rng.choice(UNITS[kind])
        hour = rng.randrange(9, 22)
        try:
            match rng.randrange(6):
                case 0 | 1:
                    start = stage.clock.at(f"{rng.randrange(3)} {hour}:00")
                    length = timedelta(hours=1) if kind != "hotel" else timedelta(hours=20)
                    made.append(str(await stage.book(unit, start, start + length)))
                case 2:
                    await stage.block(unit, f"1 {hour}:00", f"1 {hour + 1}:00")
                case 3:
                    await stage.condition(unit, rng.choice([None, "dirty", "clean", "under_maintenance"]))
                case _ if made:
                    await stage.act(rng.choice(made), rng.choice(ACTS[kind]), reason="test", override=True)
        except Refusal:
            pass


@pytest.mark.parametrize("kind", ["cafe", "hotel", "grounds"])
@pytest.mark.parametrize("seed", range(3))
async def test_a_board_and_the_events_behind_it_are_a_later_board(pool: asyncpg.Pool, kind: str, seed: int) -> None:
    rng = random.Random(seed)
    async with staged(pool, kind, UNITS[kind]) as stage:
        await wander(stage, rng, kind, 25)
        window = ("2026-03-01T00:00:00Z", "2026-03-12T00:00:00Z")
        screen = Screen(await look(stage, *window))
        await wander(stage, rng, kind, 40)
        await stage.tick()
        for event in await events_behind(stage, screen.version):
            screen.hear(event)
        later = Screen(await look(stage, *window))
        assert screen.version == later.version == await stage.version()
        assert screen.units == later.units
        assert screen.bookings == later.bookings
        assert screen.blocks.keys() == later.blocks.keys()


async def test_units_name_the_booking_behind_their_status_and_the_next_one(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        session = (await stage.walk_in("PC-1", "10:00"))["id"]
        following = await stage.book("PC-1", "11:00", "12:00")
        board = await look(stage)
        first, second = board.units
        assert (first.shown_status, str(first.booking)) == ("Active", session)
        assert first.next_booking_at == stage.clock.at("11:00")
        assert (second.shown_status, second.booking, second.next_booking_at) == ("Available", None, None)
        assert [str(booking.id) for booking in board.bookings] == [session, str(following)]


async def test_a_guest_who_has_not_left_is_on_the_board(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101"]) as stage:
        stay = await stage.book("101", "10:00", "1 10:00")
        await stage.act(stay, "check-in", override=True, reason="early")
        await stage.tick("3 12:00")
        board = await look(stage)
        assert (board.units[0].shown_status, board.units[0].booking) == ("OCCUPIED", stay)
        assert [booking.id for booking in board.bookings] == [stay]
        await stage.act(stay, "check-out")


async def test_a_tag_stays_while_nothing_changes_and_no_longer(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        site = await Sites(pool).find(str(stage.site_id))
        board = Board(pool, Epochs(pool), clock=stage.clock)
        tag = await board.tag(site, None, None)
        assert board.tag_of(await board.read(site, None, None)) == tag == await board.tag(site, None, None)
        assert await board.tag(site, "2026-03-05", None) != tag
        await stage.book("PC-1", "10:00", "11:00")
        assert await board.tag(site, None, None) != tag


async def test_too_wide_a_window_is_refused(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        await refused(look(stage, "2026-03-01T00:00:00Z", "2026-07-01T00:00:00Z"), "too_long")
        await refused(look(stage, "2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"), "invalid_time")
