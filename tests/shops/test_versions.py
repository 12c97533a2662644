"""Which version of an order stays: late ones, same-second ones, those that change while they are read."""

from datetime import timedelta
from decimal import Decimal

import pytest

from holdfast.services.demo_http import Asked, Told
from holdfast.services.demo_shop import ShopLine, ShopRefund
from tests.shops.conftest import NOON, Fill, Rig, now_s, order


async def test_a_change_within_the_same_second_wins(rig: Rig, fill: Fill) -> None:
    at = now_s()
    rig.shop.put(order(1, updated_at=at, subtotal=Decimal("10.00")))
    await rig.sync()
    rig.shop.put(order(1, updated_at=at, subtotal=Decimal("11.00")))
    run = await rig.sync()
    assert run.stages[0].changed == 1
    assert (await rig.ours())["1"]["gross"] == Decimal("11.00")


async def test_an_older_version_never_overwrites_a_newer_one(rig: Rig) -> None:
    rig.shop.put(order(1, updated_at=NOON + timedelta(days=2), subtotal=Decimal("20.00")))
    await rig.sync()
    rig.shop.put(order(1, updated_at=NOON + timedelta(days=1), subtotal=Decimal("5.00")))
    await rig.sync("backfill")
    assert (await rig.ours())["1"]["gross"] == Decimal("20.00")


async def test_children_are_replaced_with_their_order(rig: Rig) -> None:
    lines = tuple(ShopLine(n, 1, Decimal("1.00")) for n in range(3))
    rig.shop.put(order(1, lines=lines, refunds=(ShopRefund(5, NOON, Decimal("1.00")),)))
    await rig.sync()
    rig.shop.put(order(1, updated_at=now_s(), lines=lines[:1]))
    await rig.sync()
    assert await rig.pool.fetchval("select count(*) from shop_order_line") == 1
    assert await rig.pool.fetchval("select count(*) from shop_refund") == 0
    assert (await rig.ours())["1"]["refunded"] == 0


async def test_an_order_with_more_lines_than_a_page_holds_is_whole(rig: Rig) -> None:
    rig.shop.put(order(1, lines=tuple(ShopLine(n, 1, Decimal("1.00")) for n in range(700))))
    assert await rig.state() == "verified"
    assert await rig.pool.fetchval("select count(distinct product) from shop_order_line") == 700


@pytest.mark.parametrize("operation", ["incremental", "backfill", "verify"])
async def test_an_order_that_moves_out_of_the_window_while_it_is_read_is_not_lost(
    rig: Rig, fill: Fill, operation: str
) -> None:
    fill(600)
    if operation == "verify":
        await rig.sync()
        rig.shop.pages_served = 0
    moved = False

    async def move(asked: Asked, name: str) -> Told | None:
        nonlocal moved
        if name == "Orders" and rig.shop.pages_served == 1 and not moved:
            moved = True
            rig.shop.put(order(599, updated_at=now_s() + timedelta(seconds=1), subtotal=Decimal("7.00")))
            # the page takes its time: when the read is over, what was changed meanwhile is of the past
            await rig.pool.execute("select pg_sleep(1.1)")
        return None

    rig.shop.fault = move
    run = await rig.sync(operation)
    assert moved and run.state == "verified", run.stages
    assert run.stages[0].deleted == 0
    await rig.pool.execute("select pg_sleep(1.1)")
    assert await rig.state() == "verified"
    kept = (await rig.ours())["599"]
    assert kept["gross"] == Decimal("7.00") and kept["deleted_at"] is None


async def test_an_order_that_shows_up_late_within_the_overlap_is_found_by_the_next_sync(rig: Rig, fill: Fill) -> None:
    fill(20)
    await rig.sync()
    rig.shop.put(order(21, updated_at=now_s() - timedelta(minutes=5)))
    assert await rig.state() == "verified"
    assert "21" in await rig.ours()
