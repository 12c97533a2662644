"""Orders as Shopify tells them: by its GraphQL Admin API, and by its webhooks in the shape of its REST API.

Both mean the same order, so both become the same value: then a webhook and a page of the same version are equal.
"""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from holdfast.domain.sync.rows import (
    RAW_BYTES_MAX,
    ZERO,
    Line,
    Order,
    Refund,
    Reject,
    Unreadable,
    amount,
    checked,
    turns,
)
from holdfast.gateways.shops.source import Row

LINES_PER_PAGE = 25


class _Money(msgspec.Struct, gc=False):
    amount: str
    currencyCode: str = ""


class _MoneyBag(msgspec.Struct, gc=False):
    shopMoney: _Money


class _Id(msgspec.Struct, gc=False):
    id: str


class _LineNode(msgspec.Struct, gc=False):
    id: str
    quantity: int
    originalUnitPriceSet: _MoneyBag
    totalDiscountSet: _MoneyBag
    product: _Id | None = None
    sku: str | None = None


class PageInfo(msgspec.Struct, gc=False):
    hasNextPage: bool
    endCursor: str | None = None


class LinePage(msgspec.Struct, gc=False):
    nodes: list[_LineNode]
    pageInfo: PageInfo


class _RefundNode(msgspec.Struct, gc=False):
    id: str
    createdAt: datetime
    totalRefundedSet: _MoneyBag


class OrderNode(msgspec.Struct, gc=False):
    """As much of an order as is asked for."""

    id: str
    createdAt: datetime
    updatedAt: datetime
    subtotalPriceSet: _MoneyBag
    totalDiscountsSet: _MoneyBag
    lineItems: LinePage
    refunds: list[_RefundNode]
    name: str | None = None
    email: str | None = None
    test: bool = False
    cancelledAt: datetime | None = None
    customer: _Id | None = None


class _Nodes(msgspec.Struct, gc=False):
    nodes: list[OrderNode]
    pageInfo: PageInfo


class _OrdersPage(msgspec.Struct, gc=False):
    orders: _Nodes


class _RestLine(msgspec.Struct, gc=False):
    quantity: int
    price: str
    total_discount: str = "0"
    product_id: int | None = None
    sku: str | None = None


class _RestTransaction(msgspec.Struct, gc=False):
    kind: str
    status: str
    amount: str


class _RestRefund(msgspec.Struct, gc=False):
    id: int
    created_at: datetime
    transactions: list[_RestTransaction] = []


class _RestCustomer(msgspec.Struct, gc=False):
    id: int


class _RestOrder(msgspec.Struct, gc=False):
    id: int
    created_at: datetime
    updated_at: datetime
    currency: str
    subtotal_price: str
    total_discounts: str
    line_items: list[_RestLine] = []
    refunds: list[_RestRefund] = []
    name: str | None = None
    email: str | None = None
    test: bool = False
    cancelled_at: datetime | None = None
    customer: _RestCustomer | None = None


class _Named(msgspec.Struct, gc=False):
    id: str | int | None = None
    updatedAt: datetime | None = None
    updated_at: datetime | None = None


_read_node = msgspec.json.Decoder(OrderNode).decode
_read_page = msgspec.json.Decoder(_OrdersPage).decode
_read_rest = msgspec.json.Decoder(_RestOrder).decode
_read_named = msgspec.json.Decoder(_Named).decode


async def plain_page(data: msgspec.Raw) -> tuple[list[Row], PageInfo] | None:
    """The orders of a page, all of it read at once; None when one of them cannot be read, or has more lines than a page
    holds, and all are to be looked at one by one. Lets others have their turn in between."""
    try:
        orders = _read_page(data).orders
        if any(node.lineItems.pageInfo.hasNextPage for node in orders.nodes):
            return None
        found: list[Row] = []
        for nodes in turns(orders.nodes):
            found += [_order(node, node.lineItems.nodes) for node in nodes]
            await asyncio.sleep(0)
        return found, orders.pageInfo
    except (msgspec.MsgspecError, ValueError, RecursionError):  # of which Unreadable is one
        return None


def node_or_reject(raw: bytes) -> OrderNode | Reject:
    """One node of a page; a reject when it is not in the shape that was asked for."""
    try:
        return _read_node(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return rejected(raw, str(error))


def order_of_node(node: OrderNode, raw: bytes, more_lines: list[_LineNode] | None = None) -> Order | Reject:
    """The order that a node means; `more_lines` are those that its page had no room for."""
    try:
        return _order(node, [*node.lineItems.nodes, *(more_lines or ())])
    except Unreadable as error:
        return rejected(raw, str(error))


def order_of_webhook(raw: bytes) -> Order | Reject:
    """The order that a webhook's body means."""
    try:
        rest = _read_rest(raw)
        less = amount(rest.total_discounts, "discounts")
        gross = _together(amount(rest.subtotal_price, "subtotal"), less)
        return checked(
            Order(
                str(rest.id),
                rest.updated_at.astimezone(UTC),
                rest.created_at.astimezone(UTC),
                rest.currency,
                gross,
                less,
                None if rest.customer is None else str(rest.customer.id),
                rest.email or None,
                rest.name or None,
                rest.test,
                None if rest.cancelled_at is None else rest.cancelled_at.astimezone(UTC),
                tuple(
                    Line(
                        "" if line.product_id is None else str(line.product_id), line.quantity,
                        amount(line.price, "price"), amount(line.total_discount, "discount"), line.sku or None,
                    )
                    for line in rest.line_items
                ),
                tuple(Refund(str(r.id), r.created_at.astimezone(UTC), _refunded(r)) for r in rest.refunds),
            )
        )  # fmt: skip
    except (msgspec.MsgspecError, ValueError) as error:
        return rejected(raw, str(error))


def rejected(raw: bytes, reason: str) -> Reject:
    """A reject with as much of who it is as can be read of it."""
    try:
        named = _read_named(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Reject("", reason, raw[:RAW_BYTES_MAX])
    seen_at = named.updatedAt or named.updated_at
    if seen_at is not None and seen_at.tzinfo is None:
        seen_at = None
    return Reject("" if named.id is None else number_of(str(named.id)), reason, raw[:RAW_BYTES_MAX], seen_at)


def number_of(gid: str) -> str:
    """The number at the end of a global id: `gid://shopify/Order/123` is 123, as webhooks call it."""
    return gid.rpartition("/")[2]


def _order(node: OrderNode, lines: list[_LineNode]) -> Order:
    subtotal, less = node.subtotalPriceSet.shopMoney, amount(node.totalDiscountsSet.shopMoney.amount, "discounts")
    return checked(
        Order(
            number_of(node.id),
            node.updatedAt,
            node.createdAt,
            subtotal.currencyCode,
            _together(amount(subtotal.amount, "subtotal"), less),
            less,
            None if node.customer is None else number_of(node.customer.id),
            node.email or None,
            node.name or None,
            node.test,
            node.cancelledAt,
            tuple([_line_of(line) for line in lines]),
            tuple([
                Refund(number_of(r.id), r.createdAt, amount(r.totalRefundedSet.shopMoney.amount, "refund"))
                for r in node.refunds
            ]) if node.refunds else (),
        )
    )  # fmt: skip


def _together(subtotal: Decimal, less: Decimal) -> Decimal:
    """A sum in its shortest form, as both parts are."""
    if not less:
        return subtotal
    total = subtotal + less
    return total.normalize() if total else ZERO


def _line_of(line: _LineNode) -> Line:
    return Line(
        "" if line.product is None else number_of(line.product.id),
        line.quantity,
        amount(line.originalUnitPriceSet.shopMoney.amount, "price"),
        amount(line.totalDiscountSet.shopMoney.amount, "discount"),
        line.sku or None,
    )


def _refunded(refund: _RestRefund) -> Decimal:
    given = [amount(t.amount, "refund") for t in refund.transactions if t.kind == "refund" and t.status == "success"]
    total = sum(given, Decimal(0))
    return total.normalize() if total else ZERO
