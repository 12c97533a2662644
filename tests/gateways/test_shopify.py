"""Shopify's client against a shop that behaves like it: slow pages, members that come and go."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network

import msgspec

from holdfast.domain.sync.rows import Order, Reject
from holdfast.domain.sync.windows import Window
from holdfast.gateways.addresses import Reachable
from holdfast.gateways.shops.http import Client, Outside, Rate
from holdfast.gateways.shops.shopify import Shopify
from holdfast.gateways.shops.source import Row
from holdfast.services.demo_http import Asked, DemoServer, Told
from holdfast.services.demo_shop import TOKEN, DemoShop, ShopLine, ShopOrder
from tests.gateways.test_addresses import Unlimited

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW = Window(NOON + timedelta(days=30))


def shop_of(count: int) -> DemoShop:
    shop = DemoShop(burst=1e9, per_s=1e9)
    lines = (ShopLine(7, 2, Decimal("5.00"), sku="A\tB\\C"),)
    shop.fill(
        ShopOrder(n, NOON, NOON + timedelta(minutes=n), Decimal("10.00"), n, lines=lines) for n in range(1, count + 1)
    )
    return shop


async def read(shop: DemoShop, *, reply_s: float = 20.0) -> list[Row]:
    async with DemoServer(shop.answer) as server:
        outside = Outside(Unlimited(), Reachable([ip_network("127.0.0.1/32")]))
        client = Client(outside, Rate("shop", 1, 1), headers={"x-shopify-access-token": TOKEN}, reply_s=reply_s)
        source = Shopify(client, server.address)
        try:
            return [row async for page in source.pages("orders", WINDOW, None) for row in page.rows]
        finally:
            await source.close()


async def test_a_page_that_takes_too_long_is_asked_for_smaller():
    shop, asked_rows = shop_of(300), list[int]()

    async def slow(asked: Asked, name: str) -> Told | None:
        rows = msgspec.json.decode(asked.body)["variables"].get("rows", 0)
        asked_rows.append(rows)
        return Told(b"{}", after_s=60) if rows > 200 else None

    shop.fault = slow
    rows = await read(shop, reply_s=2.0)
    assert asked_rows[:2] == [250, 125]
    assert {row.id for row in rows if isinstance(row, Order)} == {str(n) for n in range(1, 301)}


async def test_a_member_that_is_new_changes_nothing_and_one_that_is_gone_makes_rejects_of_its_rows_only():
    shop = shop_of(5)
    plain = await read(shop)
    assert len(plain) == 5 and all(isinstance(row, Order) for row in plain)
    for number in range(1, 5):
        told = msgspec.json.decode(shop._told(number))
        if number == 1:
            told["giftNote"] = {"text": "new"}
        elif number == 2:
            del told["updatedAt"]
        elif number == 3:
            told["subtotalPriceSet"] = "10.00"
        else:
            told["lineItems"]["nodes"][0]["quantity"] = 1.5
        shop.spoil(number, msgspec.json.encode(told))
    rows = await read(shop)
    assert [type(row) for row in rows] == [Order, Reject, Reject, Reject, Order]
    assert [rows[0], rows[4]] == [plain[0], plain[4]]
    assert [row.id for row in rows] == ["1", "2", "3", "4", "5"]
