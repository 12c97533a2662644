"""Rows that cannot be read: set aside with their reason, told, tried again; never coerced, never silent."""

from tests.shops.conftest import Fill, Rig, now_s, order


async def test_a_row_that_cannot_be_read_is_set_aside_with_its_reason_and_the_run_says_so(rig: Rig, fill: Fill) -> None:
    fill(30)
    rig.shop.spoil(4, b'{"id":"gid://shopify/Order/4","updatedAt":"2026-03-02T12:04:00Z","totalPrice":null}')
    run = await rig.sync()
    assert (run.state, run.stages[0].rejects) == ("rejects", 1)
    (reject,) = (await rig.stores.rejects.page(rig.site, limit=10)).rejects
    assert reject.id == "4" and "createdAt" in reject.reason
    assert len(await rig.ours()) == 29
    assert await rig.findings() == {"sync_rejects": "shop: orders"}
    # once the shop tells it properly again it is no reject any more
    rig.shop.put(order(4, updated_at=now_s()))
    assert await rig.state() == "verified"
    assert (await rig.stores.rejects.page(rig.site, limit=10)).rejects == []


async def test_an_amount_that_is_none_is_a_reject_and_never_nothing(rig: Rig) -> None:
    rig.shop.put(order(1))
    raw = rig.shop._told(1).replace(b'"amount":"10.00"', b'"amount":"ten"', 1)
    rig.shop.spoil(1, raw)
    assert await rig.state() == "rejects"
    assert await rig.ours() == {}


async def test_rows_set_aside_can_be_tried_again(rig: Rig) -> None:
    rig.shop.put(order(1))
    good = rig.shop._told(1)
    rig.shop.spoil(1, good.replace(b'"currencyCode":"USD"', b'"currencyCode":"usd"', 1))
    await rig.sync()
    assert (await rig.stores.rejects.retry(rig.site, actor="test")).read == 0
    await rig.pool.execute("update quarantine set raw = $1", good)
    retried = await rig.stores.rejects.retry(rig.site, actor="test")
    assert (retried.tried, retried.read) == (1, 1)
    assert set(await rig.ours()) == {"1"}
