"""Complete, or why not: how a sync ends when rows are missing, altered, hidden, deleted at either end."""

from decimal import Decimal

import msgspec
import pytest

from holdfast.services.demo_http import Asked, Told
from holdfast.services.demo_shop import ShopLine, ShopRefund
from tests.shops.conftest import NOON, Fill, Rig, now_s, order


async def test_a_first_sync_brings_every_order_and_says_verified(rig: Rig, fill: Fill) -> None:
    fill(1_234)
    run = await rig.sync()
    assert run.state == "verified", run.stages
    stage = run.stages[0]
    assert (stage.done, stage.total, stage.changed) == (1_234, 1_234, 1_234)
    assert len(await rig.ours()) == 1_234
    assert [stage.state for stage in run.stages] == ["verified", "done"]
    assert await rig.findings() == {}


async def test_a_store_without_news_writes_nothing_but_the_verdict(rig: Rig, fill: Fill) -> None:
    fill(300)
    await rig.sync()
    before = len(await rig.journal())
    run = await rig.sync()
    assert run.state == "verified"
    assert run.stages[0].state == "verified" and run.stages[0].changed == 0
    types = [line["type"] for line in (await rig.journal())[before:]]
    assert "sync.progressed" not in types


async def test_only_what_changed_since_is_read_again(rig: Rig, fill: Fill) -> None:
    fill(500)
    await rig.sync()
    rig.shop.rows_served = 0
    rig.shop.put(order(3, updated_at=now_s(), subtotal=Decimal("12.50")))
    run = await rig.sync()
    assert run.state == "verified" and run.stages[0].changed == 1
    assert rig.shop.rows_served <= 2
    assert (await rig.ours())["3"]["gross"] == Decimal("12.50")


async def test_a_source_that_cannot_count_is_unverifiable_and_never_green(rig: Rig, fill: Fill) -> None:
    fill(10)
    rig.shop.counts_exactly = False
    run = await rig.sync()
    assert run.state == "unverifiable" and "does not say how many" in (run.reason or "")
    assert run.stages[0].total is None
    assert "sync_unverifiable" in await rig.findings()
    rig.shop.counts_exactly = True
    assert await rig.state() == "verified"
    assert await rig.findings() == {}


async def test_an_unexpected_zero_is_never_green(rig: Rig, fill: Fill) -> None:
    fill(50)
    await rig.sync()
    for number in range(1, 51):
        rig.shop.take_out(number)
    run = await rig.sync("backfill")
    assert run.state == "drift"
    assert (await rig.sync("verify")).state == "drift"
    # with nothing left on either side there is nothing to doubt
    assert (await rig.sync("verify")).state == "verified"


async def test_a_scope_that_hides_old_orders_is_told(rig: Rig, fill: Fill) -> None:
    fill(10)
    rig.shop.scopes = ["read_orders"]
    run = await rig.sync()
    assert run.state == "unverifiable" and "read_all_orders" in (run.reason or "")


async def test_rows_that_the_pages_do_not_show_are_a_drift_of_so_many(rig: Rig, fill: Fill) -> None:
    fill(40)

    async def hide(asked: Asked, name: str) -> Told | None:
        if name != "Count":
            return None
        answer = {"data": {"ordersCount": {"count": 43, "precision": "EXACT"}}}
        return Told(msgspec.json.encode(answer))

    rig.shop.fault = hide
    run = await rig.sync()
    assert (run.state, run.stages[0].n) == ("drift", 3)
    assert await rig.findings() == {"sync_drift": "shop: orders"}
    rig.shop.fault = None
    # the read begins at the old mark again, as rows were missing
    assert await rig.state() == "verified"
    assert await rig.findings() == {}


@pytest.mark.parametrize(
    "spoil",
    [
        "delete from shop_order where id = '7'",
        "update shop_order set gross = gross + 1 where id = '7'",
        "update shop_order set deleted_at = now() where id = '7'",
        "update shop_order_line set price = 0 where order_id = '7'",
        "delete from shop_refund where order_id = '7'",
    ],
)
async def test_one_row_altered_or_removed_at_our_end_is_a_drift_of_one(rig: Rig, spoil: str) -> None:
    line = ShopLine(1, 1, Decimal("10.00"))
    refund = ShopRefund(1, NOON, Decimal("2.00"))
    rig.shop.fill(order(n, lines=(line,), refunds=(refund,)) for n in range(1, 21))
    await rig.sync()
    await rig.pool.execute(spoil)
    run = await rig.sync("verify")
    assert (run.state, run.stages[0].n) == ("drift", 1)
    kept = (await rig.ours())["7"]
    assert kept["gross"] == Decimal("10.00") and kept["deleted_at"] is None
    assert (await rig.sync("verify")).state == "verified"


async def test_one_row_removed_at_the_source_is_a_drift_of_one_and_soft_deleted(rig: Rig, fill: Fill) -> None:
    fill(20)
    await rig.sync()
    rig.shop.take_out(7)
    run = await rig.sync("verify")
    assert (run.state, run.stages[0].n, run.stages[0].deleted) == ("drift", 1, 1)
    assert (await rig.ours())["7"]["deleted_at"] is not None
    assert (await rig.sync("verify")).state == "verified"


async def test_one_row_altered_at_the_source_without_a_new_stamp_is_a_drift_of_one(rig: Rig, fill: Fill) -> None:
    fill(20)
    await rig.sync()
    rig.shop.put(order(7, subtotal=Decimal("99.00")))
    assert await rig.state() == "verified", "an incremental read cannot see it"
    run = await rig.sync("verify")
    assert (run.state, run.stages[0].n) == ("drift", 1)
    assert (await rig.ours())["7"]["gross"] == Decimal("99.00")


async def test_what_changed_since_the_last_sync_is_news_and_no_drift(rig: Rig, fill: Fill) -> None:
    fill(20)
    await rig.sync()
    rig.shop.put(order(7, updated_at=now_s(), subtotal=Decimal("11.00")), order(21, updated_at=now_s()))
    run = await rig.sync("verify")
    assert run.state == "verified" and run.stages[0].changed == 2


async def test_absence_in_an_incremental_page_deletes_nothing(rig: Rig, fill: Fill) -> None:
    fill(20)
    await rig.sync()
    rig.shop.take_out(7)
    rig.shop.put(order(8, updated_at=now_s()))
    await rig.sync()
    assert (await rig.ours())["7"]["deleted_at"] is None


async def test_an_order_that_is_seen_again_is_undeleted(rig: Rig, fill: Fill) -> None:
    fill(5)
    await rig.sync()
    rig.shop.take_out(3)
    await rig.sync("verify")
    rig.shop.put(order(3))
    await rig.sync("verify")
    assert (await rig.ours())["3"]["deleted_at"] is None
