"""One row that cannot be read, or one unit that cannot be shown, blinds nobody to the others."""

import asyncpg
import pytest

from holdfast.domain import policies
from holdfast.services.availability import Asked, free_times
from holdfast.services.board import Board, BoardView
from holdfast.services.journal import Epochs
from holdfast.services.listing import BookingQuery, booking_detail, booking_page, unit_page
from holdfast.services.sites import Sites
from tests.services.test_alarms_poison import PCS, Shaky, unchecked
from tests.stage import Stage

SPOILED = [
    "update booking set state = 'Zombie' where id = $1",
    "update booking set parts = '{\"x\": 1}' where id = $1",
    "update booking set details = '[1]' where id = $1",
    "update booking set unit_ids = '{987654}' where id = $1",
    "update unit set attributes = '5' where code = 'PC-1' and $1::uuid is not null",
    "delete from unit where code = 'PC-1' and $1::uuid is not null",
]


async def look(stage: Stage) -> BoardView:
    site = await Sites(stage.pool).find(str(stage.site_id))
    return await Board(stage.pool, Epochs(stage.pool), clock=stage.clock).read(site, None, None)


@pytest.mark.parametrize("statement", SPOILED)
async def test_a_spoiled_row_blinds_no_board_no_list_and_no_availability(pool: asyncpg.Pool, statement: str):
    async with unchecked(pool) as stage:
        one, other = [await stage.walk_in(pc, "10:00") for pc in PCS[:2]]
        await pool.execute(statement, one["id"])
        site = await Sites(pool).find(str(stage.site_id))
        board = await look(stage)
        assert {"PC-2", "PC-3"} <= {unit.code for unit in board.units}
        assert other["id"] in {str(booking.id) for booking in board.bookings}
        page = await booking_page(pool, site, BookingQuery(), cursor=None, limit=10)
        assert {str(booking.id) for booking in page.bookings} == {one["id"], other["id"]}
        detail = await booking_detail(pool, site, page.bookings[0].id)
        assert detail.history
        units = await unit_page(pool, site, at=None, category=None, cursor=None, limit=10, clock=stage.clock)
        assert {"PC-2", "PC-3"} <= {unit.code for unit in units.units}
        await free_times(pool, site, Asked(), clock=stage.clock)


async def test_a_unit_that_cannot_be_shown_is_on_the_board_as_recorded(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(policies, "_POLICIES", dict(policies._POLICIES))
    policies.register(Shaky())
    async with unchecked(pool, "shaky") as stage:
        await stage.walk_in("PC-1", "10:00")
        await pool.execute("update unit set attributes = '{\"colour\": \"broken\"}' where code = 'PC-1'")
        shown = {unit.code: unit.shown_status for unit in (await look(stage)).units}
        assert shown == {"PC-1": "Active", "PC-2": "Available", "PC-3": "Available"}
