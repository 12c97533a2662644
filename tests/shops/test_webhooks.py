"""Webhooks: signed, twice, in any order, and equal to what a sync brings."""

import base64
import hashlib
import hmac
from datetime import timedelta
from decimal import Decimal

import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.demo_shop import ShopLine, ShopOrder, ShopRefund, webhook_of
from holdfast.services.sync.webhooks import Heard
from tests.shops.conftest import NOON, WEBHOOK_SECRET, Rig, order


def heard(body: bytes, topic: str = "orders/updated", *, secret: str = WEBHOOK_SECRET, at: str | None = None) -> Heard:
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return Heard(topic, signature, body, at)


async def take(rig: Rig, one: ShopOrder, topic: str = "orders/updated") -> str:
    return (await rig.stores.webhooks.take(rig.site, rig.connection_id, heard(webhook_of(one), topic))).outcome


async def delete(rig: Rig, number: int, at: str | None = None) -> str:
    body = b'{"id":%d}' % number
    told = heard(body, "orders/delete", at=at)
    return (await rig.stores.webhooks.take(rig.site, rig.connection_id, told)).outcome


RICH = order(
    1, discounts=Decimal("1.50"), email="ann@example.org", cancelled_at=None,
    lines=(ShopLine(7, 2, Decimal("5.75"), Decimal("1.50"), "SKU-1"),),
    refunds=(ShopRefund(3, NOON + timedelta(days=1), Decimal("2.5")),),
)  # fmt: skip


async def test_a_webhook_is_the_same_order_as_a_page_brings(rig: Rig) -> None:
    assert await take(rig, RICH, "orders/create") == "changed"
    rig.shop.put(RICH)
    run = await rig.sync()
    assert run.state == "verified" and run.stages[0].changed == 0, "the two shapes mean the same"
    assert (await rig.sync("verify")).state == "verified"


async def test_a_webhook_that_comes_twice_changes_nothing_the_second_time(rig: Rig) -> None:
    assert await take(rig, RICH) == "changed"
    lines = len(await rig.journal())
    assert await take(rig, RICH) == "known"
    assert len(await rig.journal()) == lines


async def test_webhooks_in_the_wrong_order_leave_the_newest(rig: Rig) -> None:
    newer = order(1, updated_at=NOON + timedelta(hours=9), subtotal=Decimal("20"))
    assert await take(rig, newer) == "changed"
    assert await take(rig, order(1), "orders/create") == "known"
    assert (await rig.ours())["1"]["gross"] == 20


async def test_a_deletion_heard_before_its_order_keeps_it_deleted(rig: Rig) -> None:
    assert await delete(rig, 1) == "known"
    early = heard(webhook_of(order(1)), at=(NOON + timedelta(minutes=1)).isoformat())
    await rig.stores.webhooks.take(rig.site, rig.connection_id, early)
    assert (await rig.ours())["1"]["deleted_at"] is not None


async def test_a_deletion_is_soft_and_an_order_seen_later_is_there_again(rig: Rig) -> None:
    rig.shop.put(order(1))
    await rig.sync()
    assert await delete(rig, 1) == "changed"
    assert (await rig.ours())["1"]["deleted_at"] is not None
    # the shop has it after all, and says so later
    assert (await rig.sync("verify")).state in ("drift", "verified")
    assert (await rig.ours())["1"]["deleted_at"] is None


async def test_a_page_fetched_before_a_deletion_does_not_bring_the_order_back(rig: Rig) -> None:
    rig.shop.fill(order(number) for number in range(1, 21))

    async def gone(asked: object, name: str) -> None:
        if name == "Orders" and rig.shop.pages_served == 0:
            # heard while the page, which still shows it, is on its way
            await rig.pool.execute("select pg_sleep(0.05)")
            await delete(rig, 5)

    rig.shop.fault = gone
    await rig.sync()
    assert (await rig.ours())["5"]["deleted_at"] is not None


@pytest.mark.parametrize("secret", ["another-secret-of-webhooks", ""])
async def test_a_webhook_with_a_wrong_signature_is_not_heard(rig: Rig, secret: str) -> None:
    with pytest.raises(Refusal, match="bad_signature"):
        await rig.stores.webhooks.take(rig.site, rig.connection_id, heard(webhook_of(RICH), secret=secret))
    assert await rig.ours() == {}


async def test_a_webhook_that_cannot_be_read_is_set_aside(rig: Rig) -> None:
    body = webhook_of(RICH).replace(b'"subtotal_price":"10.00"', b'"subtotal_price":null')
    told = await rig.stores.webhooks.take(rig.site, rig.connection_id, heard(body))
    assert told.outcome == "rejected"
    (reject,) = (await rig.stores.rejects.page(rig.site, limit=10)).rejects
    assert reject.id == "1"
