"""The demo: three sites that look alive, made once however often it is asked for."""

from collections import Counter

import asyncpg

from holdfast.services.checking import check_sites
from holdfast.services.demo import make_demo
from holdfast.services.desk import Desk
from holdfast.services.sites import Sites


async def test_the_demo_shows_places_in_use_and_is_made_once(pool: asyncpg.Pool) -> None:
    desk = Desk(pool)
    await desk.start()
    made = await make_demo(desk, Sites(pool), pool)
    assert [(one.slug, one.kind) for one in made] == [
        ("demo-cafe", "cafe"), ("demo-hotel", "hotel"), ("demo-grounds", "grounds"),
    ]  # fmt: skip
    # late in the day the grounds have no slot left for today's requests
    assert all(one.new >= 7 for one in made)
    before = await pool.fetch("select id, version from site order by id")
    again = await make_demo(desk, Sites(pool), pool)
    await desk.stop()
    assert all(one.new == 0 and one.known >= 7 for one in again)
    assert await pool.fetch("select id, version from site order by id") == before
    shown = await _counts(pool, "select shown_status from unit")
    assert shown["Active"] >= 7 and shown["OCCUPIED"] == 6 and shown["OUT_OF_SERVICE"] == 1
    assert shown["Under Maintenance"] == 1 and shown["DIRTY"] >= 1
    states = await _counts(pool, "select state from booking")
    assert states["Approved"] >= 2 and states["Pending"] >= 2 and states["Held"] == 2 and states["Completed"] == 1
    assert all(not one.mismatches for one in await check_sites(pool))


async def _counts(pool: asyncpg.Pool, query: str) -> Counter[str]:
    return Counter(row[0] for row in await pool.fetch(query))
