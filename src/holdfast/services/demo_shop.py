"""A shop that is not real but speaks as Shopify does, for the demo and the tests: pages by cursor, a count, scopes, a
cost-based limit that throttles with HTTP 200. It knows the four queries that our client asks, and no GraphQL beyond.
"""

import bisect
import math
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from typing import Any

import msgspec

from holdfast.services.demo_http import Asked, Told

TOKEN = "demo-shop-token"  # noqa: S105 - of a shop that is not real
LINES_SHOWN = 25
COST_PER_ROW = 0.4

_encode = msgspec.json.Encoder().encode
_BOUND = re.compile(r"updated_at:(>=|<=)'([^']+)'")
_NAME = re.compile(r"query (\w+)")


class ShopLine(msgspec.Struct, frozen=True):
    product_id: int
    quantity: int
    price: Decimal
    discount: Decimal = Decimal(0)
    sku: str | None = None


class ShopRefund(msgspec.Struct, frozen=True):
    id: int
    at: datetime
    amount: Decimal


class ShopOrder(msgspec.Struct, frozen=True):
    """An order as the shop keeps it. `subtotal` is after its discounts."""

    id: int
    placed_at: datetime
    updated_at: datetime
    subtotal: Decimal
    customer_id: int | None = None
    discounts: Decimal = Decimal(0)
    currency: str = "USD"
    email: str | None = None
    is_test: bool = False
    cancelled_at: datetime | None = None
    lines: tuple[ShopLine, ...] = ()
    refunds: tuple[ShopRefund, ...] = ()


Fault = Callable[[Asked, str], Awaitable[Told | None]]
"""What may answer in the shop's place: a request and its query's name; None lets the shop answer."""


class DemoShop:
    """The shop: put orders in, take them out, serve `answer`. `burst` and `per_s` are its limit; `fault` may answer
    first, `scopes` are what its token may see. `keeps_told` keeps what was told of each order, to be told again."""

    def __init__(self, *, burst: float = 2_000.0, per_s: float = 100.0, keeps_told: bool = False) -> None:
        self.burst, self.per_s = burst, per_s
        self.scopes = ["read_orders", "read_all_orders"]
        self.fault: Fault | None = None
        self.counts_exactly = True
        self._keeps_told = keeps_told
        self.pages_served = 0
        self.rows_served = 0
        self.throttled = 0
        self._orders: dict[int, ShopOrder] = {}
        self._raw: dict[int, bytes] = {}
        self._keys: list[tuple[datetime, int]] = []
        self._left, self._at = burst, monotonic()

    def __len__(self) -> int:
        return len(self._orders)

    def order(self, order_id: int) -> ShopOrder:
        return self._orders[order_id]

    @property
    def orders(self) -> list[ShopOrder]:
        return list(self._orders.values())

    def put(self, *given: ShopOrder) -> None:
        """Adds orders, or replaces them by what they are now."""
        for order in given:
            self._take_key(order.id)
            self._orders[order.id] = order
            self._raw.pop(order.id, None)
            bisect.insort(self._keys, (order.updated_at, order.id))

    def fill(self, given: Iterable[ShopOrder]) -> None:
        """Adds many new orders at once."""
        for order in given:
            self._orders[order.id] = order
        self._keys = sorted((order.updated_at, order.id) for order in self._orders.values())

    def take_out(self, order_id: int) -> None:
        self._take_key(order_id)
        del self._orders[order_id]
        self._raw.pop(order_id, None)

    def spoil(self, order_id: int, raw: bytes) -> None:
        """Lets an order be told as these bytes, whatever it is."""
        self._raw[order_id] = raw

    async def answer(self, asked: Asked) -> Told:
        """The reply to one request."""
        body: dict[str, Any] = msgspec.json.decode(asked.body) if asked.body else {}
        match = _NAME.match(body.get("query", ""))
        name = match[1] if match is not None else ""
        if self.fault is not None and (told := await self.fault(asked, name)) is not None:
            return told
        if asked.headers.get("x-shopify-access-token") != TOKEN:
            return Told(b'{"errors":"[API] Invalid API key or access token"}', 401)
        variables = body.get("variables") or {}
        rows = int(variables.get("rows") or 1)
        cost = rows * COST_PER_ROW if name == "Orders" else 1.0
        if not self._afford(cost):
            self.throttled += 1
            errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
            return Told(_encode({"errors": errors, "extensions": self._extensions(cost)}))
        data = self._data(name, variables, rows)
        if data is None:
            return Told(_encode({"errors": [{"message": f"unknown query {name!r}"}]}))
        return Told(b'{"data":' + data + b',"extensions":' + _encode(self._extensions(cost)) + b"}")

    def _data(self, name: str, variables: dict[str, Any], rows: int) -> bytes | None:
        match name:
            case "Orders":
                return self._page(variables, rows)
            case "Count":
                first, last = self._range(variables["query"])
                exactness = "EXACT" if self.counts_exactly else "AT_LEAST"
                return _encode({"ordersCount": {"count": last - first, "precision": exactness}})
            case "Glance":
                first, last = self._range(variables["query"])
                ids = [
                    {"id": f"gid://shopify/Order/{number}"} for _, number in self._keys[first : min(first + 1, last)]
                ]
                # as much is counted as was asked for
                exactness = "EXACT" if self.counts_exactly and last - first <= 1 else "AT_LEAST"
                counted = {"count": min(last - first, 1), "precision": exactness}
                return _encode({"orders": {"nodes": ids}, "ordersCount": counted})
            case "Scopes":
                scopes = [{"handle": scope} for scope in self.scopes]
                return _encode({"currentAppInstallation": {"accessScopes": scopes}})
            case "Lines":
                return _encode({"order": self._more_lines(variables)})
        return None

    def _page(self, variables: dict[str, Any], rows: int) -> bytes:
        first, last = self._range(variables["query"])
        if variables.get("after"):
            at, _, number = variables["after"].partition("|")
            first = max(first, bisect.bisect_right(self._keys, (datetime.fromisoformat(at), int(number))))
        shown = self._keys[first : min(first + rows, last)]
        self.pages_served += 1
        self.rows_served += len(shown)
        end = f"{shown[-1][0].isoformat()}|{shown[-1][1]}" if shown else None
        info = _encode({"hasNextPage": first + rows < last, "endCursor": end})
        nodes = b",".join([self._raw.get(number) or self._told(number) for _, number in shown])
        return b'{"orders":{"nodes":[' + nodes + b'],"pageInfo":' + info + b"}}"

    def _told(self, number: int) -> bytes:
        raw = _encode(node_of(self._orders[number]))
        if self._keeps_told:
            self._raw[number] = raw
        return raw

    def _range(self, query: str) -> tuple[int, int]:
        """The positions of the orders in a window."""
        first, last = 0, len(self._keys)
        for sign, text in _BOUND.findall(query):
            at = datetime.fromisoformat(text)
            if sign == ">=":
                first = bisect.bisect_left(self._keys, (at, -1))
            else:
                # stamps are whole seconds, and so are bounds
                last = bisect.bisect_right(self._keys, (at, 1 << 62))
        return first, max(first, last)

    def _more_lines(self, variables: dict[str, Any]) -> dict[str, Any] | None:
        order = self._orders.get(int(str(variables["id"]).rpartition("/")[2]))
        if order is None:
            return None
        return {"lineItems": _lines(order, int(variables["after"]), 250)}

    def _take_key(self, order_id: int) -> None:
        before = self._orders.get(order_id)
        if before is not None:
            del self._keys[bisect.bisect_left(self._keys, (before.updated_at, order_id))]

    def _afford(self, cost: float) -> bool:
        now = monotonic()
        self._left = min(self.burst, self._left + (now - self._at) * self.per_s)
        self._at = now
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def _extensions(self, cost: float) -> dict[str, Any]:
        status = {
            "maximumAvailable": self.burst, "currentlyAvailable": math.floor(self._left), "restoreRate": self.per_s,
        }  # fmt: skip
        return {"cost": {"requestedQueryCost": cost, "throttleStatus": status}}


def node_of(order: ShopOrder) -> dict[str, Any]:
    """An order as the GraphQL Admin API tells it."""
    return {
        "id": f"gid://shopify/Order/{order.id}",
        "name": f"#{order.id}",
        "email": order.email,
        "test": order.is_test,
        "createdAt": _z(order.placed_at),
        "updatedAt": _z(order.updated_at),
        "cancelledAt": None if order.cancelled_at is None else _z(order.cancelled_at),
        "customer": None if order.customer_id is None else {"id": f"gid://shopify/Customer/{order.customer_id}"},
        "subtotalPriceSet": _money(order.subtotal, order),
        "totalDiscountsSet": _money(order.discounts, order),
        "refunds": [
            {"id": f"gid://shopify/Refund/{r.id}", "createdAt": _z(r.at), "totalRefundedSet": _money(r.amount, order)}
            for r in order.refunds
        ],
        "lineItems": _lines(order, 0, LINES_SHOWN),
    }


def webhook_of(order: ShopOrder) -> bytes:
    """The same order as a webhook tells it."""
    return _encode(
        {
            "id": order.id,
            "name": f"#{order.id}",
            "email": order.email,
            "test": order.is_test,
            "created_at": order.placed_at.isoformat(),
            "updated_at": order.updated_at.isoformat(),
            "cancelled_at": None if order.cancelled_at is None else order.cancelled_at.isoformat(),
            "currency": order.currency,
            "customer": None if order.customer_id is None else {"id": order.customer_id},
            "subtotal_price": str(order.subtotal),
            "total_discounts": str(order.discounts),
            "line_items": [
                {
                    "product_id": line.product_id, "quantity": line.quantity, "price": str(line.price),
                    "total_discount": str(line.discount), "sku": line.sku,
                }
                for line in order.lines
            ],
            "refunds": [
                {
                    "id": refund.id, "created_at": refund.at.isoformat(),
                    "transactions": [{"kind": "refund", "status": "success", "amount": str(refund.amount)}],
                }
                for refund in order.refunds
            ],
        }
    )  # fmt: skip


def _lines(order: ShopOrder, after: int, rows: int) -> dict[str, Any]:
    shown = order.lines[after : after + rows]
    nodes = [
        {
            "id": f"gid://shopify/LineItem/{order.id}-{after + at}",
            "quantity": line.quantity,
            "sku": line.sku,
            "product": {"id": f"gid://shopify/Product/{line.product_id}"},
            "originalUnitPriceSet": _money(line.price, order),
            "totalDiscountSet": _money(line.discount, order),
        }
        for at, line in enumerate(shown)
    ]
    end = after + len(shown)
    return {"nodes": nodes, "pageInfo": {"hasNextPage": end < len(order.lines), "endCursor": str(end)}}


def _money(value: Decimal, order: ShopOrder) -> dict[str, Any]:
    return {"shopMoney": {"amount": str(value), "currencyCode": order.currency}}


def _z(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
