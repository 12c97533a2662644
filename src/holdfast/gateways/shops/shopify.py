"""Shopify's GraphQL Admin API: orders by `updated_at`, with its count, its cost-based limit and its scopes.

Throttling arrives as HTTP 200 with an error THROTTLED; every reply says what is left of the limit and how fast it
fills. A page that costs too much, or takes too long, is asked for again at half its size.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec

from holdfast.domain.sync.rows import Reject
from holdfast.domain.sync.verdicts import Control
from holdfast.domain.sync.windows import Window
from holdfast.gateways.shops.http import REPLY_BYTES_MAX, Client, SlowPage, said, utc_seconds
from holdfast.gateways.shops.shopify_orders import (
    LINES_PER_PAGE,
    LinePage,
    OrderNode,
    PageInfo,
    node_or_reject,
    order_of_node,
    plain_page,
)
from holdfast.gateways.shops.source import CursorLost, Page, Row, SourceError

API_VERSION = "2026-10"
"""Each is answered for a year at least, later by the oldest that still is; a connection may name another."""
PAGE_ROWS_MAX = 250
PAGE_ROWS_MIN = 5
BURST, PER_S = 1_000.0, 50.0
"""The limit of the plainest plan, until a reply has said more."""
ALL_ORDERS_SCOPE = "read_all_orders"
SHOWN_WITHOUT = timedelta(days=60)
"""Without that scope older orders are hidden, and not counted either."""
MORE_LINES_PAGES_MAX = 200
THROTTLES_MAX = 20
GLANCE_BYTES_MAX = 64 * 1024
"""Of a reply that should say that there is nothing: many are waited for at once."""
LIMIT_MAX = 1e9
"""No limit is larger, and no wait longer, than what a reply may say of them."""
_NOTHING = b"null"

_MONEY = "{ shopMoney { amount currencyCode } }"
_LINES = (
    f"nodes {{ id quantity sku product {{ id }} originalUnitPriceSet {_MONEY} totalDiscountSet {_MONEY} }} "
    "pageInfo { hasNextPage endCursor }"
)
_ORDERS = f"""query Orders($rows: Int!, $after: String, $query: String!) {{
  orders(first: $rows, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{
      id name email test createdAt updatedAt cancelledAt customer {{ id }}
      subtotalPriceSet {_MONEY} totalDiscountsSet {_MONEY}
      refunds {{ id createdAt totalRefundedSet {_MONEY} }}
      lineItems(first: {LINES_PER_PAGE}) {{ {_LINES} }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
_MORE_LINES = f"""query Lines($id: ID!, $after: String!) {{
  order(id: $id) {{ lineItems(first: 250, after: $after) {{ {_LINES} }} }}
}}"""
_COUNT = "query Count($query: String!) { ordersCount(query: $query, limit: null) { count precision } }"
_GLANCE = """query Glance($query: String!) {
  orders(first: 1, query: $query) { nodes { id } }
  ordersCount(query: $query, limit: 1) { count precision }
}"""
_SCOPES = "query Scopes { currentAppInstallation { accessScopes { handle } } }"


class _Status(msgspec.Struct, gc=False):
    maximumAvailable: float
    currentlyAvailable: float
    restoreRate: float


class _Cost(msgspec.Struct, gc=False):
    requestedQueryCost: float = 0.0
    throttleStatus: _Status | None = None


class _Extensions(msgspec.Struct, gc=False):
    cost: _Cost | None = None


class _Code(msgspec.Struct, gc=False):
    code: str = ""


class _Error(msgspec.Struct, gc=False):
    message: str = ""
    extensions: _Code = msgspec.field(default_factory=_Code)


class _Reply(msgspec.Struct, gc=False):
    data: msgspec.Raw = msgspec.Raw(_NOTHING)
    errors: list[_Error] = []
    extensions: _Extensions = msgspec.field(default_factory=_Extensions)


class _Orders(msgspec.Struct, gc=False):
    nodes: list[msgspec.Raw]
    pageInfo: PageInfo


class _OrdersData(msgspec.Struct, gc=False):
    orders: _Orders


class _Lines(msgspec.Struct, gc=False):
    lineItems: LinePage


class _LinesData(msgspec.Struct, gc=False):
    order: _Lines | None


class _Count(msgspec.Struct, gc=False):
    count: int
    precision: str = "EXACT"


class _CountData(msgspec.Struct, gc=False):
    ordersCount: _Count


class _Ids(msgspec.Struct, gc=False):
    nodes: list[msgspec.Raw]


class _GlanceData(msgspec.Struct, gc=False):
    orders: _Ids
    ordersCount: _Count


class _Scope(msgspec.Struct, gc=False):
    handle: str


class _Installation(msgspec.Struct, gc=False):
    accessScopes: list[_Scope]


class _ScopesData(msgspec.Struct, gc=False):
    currentAppInstallation: _Installation


_read_reply = msgspec.json.Decoder(_Reply).decode
_encode = msgspec.json.Encoder().encode


class TooCostly(Exception):
    """One query would cost more than one query may."""


class Shopify:
    """The orders of one shop. `rows_max` bounds its pages further."""

    streams = ("orders",)

    def __init__(
        self, client: Client, address: str, *, rows_max: int = PAGE_ROWS_MAX, api_version: str | None = None
    ) -> None:
        self._client = client
        self._url = f"{address.rstrip('/')}/admin/api/{api_version or API_VERSION}/graphql.json"
        self._rows = max(PAGE_ROWS_MIN, min(rows_max, PAGE_ROWS_MAX))
        self._cost = 0.0

    async def close(self) -> None:
        await self._client.close()

    async def pages(self, stream: str, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        while True:
            variables = {"rows": self._rows, "after": cursor, "query": _query(window)}
            try:
                data = await self._ask(_ORDERS, variables, msgspec.Raw, is_paged=True)
            except (SlowPage, TooCostly) as error:
                if self._rows <= PAGE_ROWS_MIN:
                    raise SourceError("even its smallest page is too slow or too costly", is_passing=True) from error
                self._rows = max(self._rows // 2, PAGE_ROWS_MIN)
                continue
            rows, info = await plain_page(data) or await self._page(data)
            if info.hasNextPage and (not info.endCursor or info.endCursor == cursor):
                raise SourceError("it says that there is another page, and not where")
            cursor = info.endCursor if info.hasNextPage else None
            yield Page(rows, cursor)
            if cursor is None:
                return

    async def control(self, stream: str, window: Window) -> Control:
        data = await self._ask(_COUNT, {"query": _query(window)}, _CountData)
        return Control(data.ordersCount.count if data.ordersCount.precision == "EXACT" else None)

    async def has_nothing(self, stream: str, window: Window) -> bool:
        """Whether there is no order in the window, and none is counted: with one request."""
        data = await self._ask(_GLANCE, {"query": _query(window)}, _GlanceData, bytes_max=GLANCE_BYTES_MAX)
        counted = data.ordersCount
        return not data.orders.nodes and (counted.count, counted.precision) == (0, "EXACT")

    async def warnings(self, stream: str, window: Window) -> list[str]:
        if window.since is not None and window.since > window.until - SHOWN_WITHOUT:
            return []
        data = await self._ask(_SCOPES, {}, _ScopesData)
        scopes = {scope.handle for scope in data.currentAppInstallation.accessScopes}
        if ALL_ORDERS_SCOPE in scopes:
            return []
        return [f"the scope {ALL_ORDERS_SCOPE} is missing: orders older than 60 days are hidden and not counted"]

    async def _page(self, data: msgspec.Raw) -> tuple[list[Row], PageInfo]:
        """The rows of a page one by one: where one has more lines than a page holds, or cannot be read."""
        orders = _decoded(data, _OrdersData).orders
        return [await self._row(raw) for raw in orders.nodes], orders.pageInfo

    async def _row(self, raw: msgspec.Raw) -> Row:
        node = node_or_reject(bytes(raw))
        if isinstance(node, Reject):
            return node
        if not node.lineItems.pageInfo.hasNextPage:
            return order_of_node(node, bytes(raw))
        return order_of_node(node, bytes(raw), await self._more_lines(node))

    async def _more_lines(self, node: OrderNode) -> list[Any]:
        found: list[Any] = []
        info = node.lineItems.pageInfo
        for _ in range(MORE_LINES_PAGES_MAX):
            if not info.hasNextPage:
                return found
            data = await self._ask(_MORE_LINES, {"id": node.id, "after": info.endCursor}, _LinesData)
            if data.order is None:
                # deleted while it was read
                return found
            found += data.order.lineItems.nodes
            info = data.order.lineItems.pageInfo
        raise SourceError(f"the order {node.id} has too many lines")

    async def _ask(
        self, query: str, variables: dict[str, Any], wanted: type[Any], *, is_paged: bool = False,
        bytes_max: int = REPLY_BYTES_MAX,
    ) -> Any:  # fmt: skip
        """The data of a reply; waits while it is throttled.

        Raises:
            SourceError, CursorLost; for a page also SlowPage, TooCostly.
        """
        body = _encode({"query": query, "variables": variables})
        for _ in range(THROTTLES_MAX):
            sent = await self._client.send(
                "POST", self._url, cost=self._cost if is_paged else 1.0, is_paged=is_paged, bytes_max=bytes_max,
                content=body, headers={"content-type": "application/json"},
            )  # fmt: skip
            try:
                reply = _read_reply(sent.body)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                raise SourceError(f"its reply is not GraphQL: {said(sent.body)}", is_passing=True) from None
            wait_s = await self._learn(reply, is_paged=is_paged)
            codes = {error.extensions.code for error in reply.errors}
            if "THROTTLED" in codes:
                await self._client.throttled(wait_s)
                continue
            _check(reply, codes)
            return _decoded(reply.data, wanted)
        raise SourceError("it goes on throttling", is_passing=True)

    async def _learn(self, reply: _Reply, *, is_paged: bool) -> float:
        """Primes the limit with what a reply says; returns how long it takes until its query could be asked again."""
        cost = reply.extensions.cost
        if cost is None or cost.throttleStatus is None:
            return 1.0
        status = cost.throttleStatus
        asked, left = _plausible(cost.requestedQueryCost), _plausible(status.currentlyAvailable)
        if is_paged:
            self._cost = asked
        per_s = max(_plausible(status.restoreRate), 0.1)
        burst = max(_plausible(status.maximumAvailable), 1.0)
        await self._client.limiter.prime(self._client.rate.name, left, burst=burst, per_s=per_s)
        return max((asked - left) / per_s, 0.05)


def _decoded(data: msgspec.Raw, wanted: type[Any]) -> Any:
    try:
        return msgspec.json.decode(data, type=wanted)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SourceError(f"its reply is in another shape than asked for: {error}") from None


def _plausible(value: float) -> float:
    return min(max(value, 0.0), LIMIT_MAX)


def _check(reply: _Reply, codes: set[str]) -> None:
    if reply.errors:
        if "MAX_COST_EXCEEDED" in codes:
            raise TooCostly
        message = reply.errors[0].message[:200]
        if "cursor" in message.lower():
            raise CursorLost(message)
        raise SourceError(message, is_passing="INTERNAL_SERVER_ERROR" in codes)
    if bytes(reply.data) == _NOTHING:
        raise SourceError("its reply holds no data", is_passing=True)


def _query(window: Window) -> str:
    until = f"updated_at:<='{utc_seconds(window.until)}'"
    return until if window.since is None else f"updated_at:>='{utc_seconds(window.since)}' AND {until}"
