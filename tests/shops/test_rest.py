"""Any JSON API by configuration: each way to page, a mapping, a count, a limit; and resources of other packages."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from holdfast.domain.sync.mapping import Mapped
from holdfast.domain.sync.rows import Order, Reject
from holdfast.domain.sync.windows import Window
from holdfast.gateways.shops.resources import Extracted
from holdfast.services.demo_http import Asked, DemoServer, Told
from tests.shops.conftest import NOON, Rig

ROWS = 23
MAPPING = {
    "currency": "EUR",
    "fields": {
        "id": "number", "updated_at": "changed", "placed_at": "made", "gross": "money.total", "customer_id": "who.id",
        "lines": "items",
    },
    "line": {"product": "what", "price": "each"},
}  # fmt: skip


def row(number: int, **more: Any) -> dict[str, Any]:
    at = (NOON + timedelta(minutes=number)).isoformat()
    return {
        "number": number, "changed": at, "made": at, "money": {"total": 12.5}, "who": {"id": number % 5},
        "items": [{"what": "tea", "quantity": 2, "each": "6.25"}], **more,
    }  # fmt: skip


class Api:
    """Somebody's API: pages in whichever way it is asked."""

    def __init__(self) -> None:
        self.rows = [row(number) for number in range(1, ROWS + 1)]
        self.address = ""
        self.faults: list[Told] = []
        self.asked: list[Asked] = []

    async def answer(self, asked: Asked) -> Told:
        self.asked.append(asked)
        if self.faults:
            return self.faults.pop(0)
        if asked.headers.get("x-key") != "Key secret-token":
            return Told(b"who are you?", 401)
        if asked.path == "/count":
            return Told(msgspec.json.encode({"total": {"rows": len(self.rows)}}))
        size = int(asked.query.get("limit", "1000"))
        if "offset" in asked.query:
            start = int(asked.query["offset"])
        elif "page" in asked.query:
            start = (int(asked.query["page"]) - 1) * size
        else:
            start = int(asked.query.get("cursor", "0"))
        shown, end = self.rows[start : start + size], start + size
        headers = {}
        following = str(end) if end < len(self.rows) else None
        if asked.path == "/linked" and following:
            headers["link"] = f'<{self.address}/linked?cursor={end}&limit={size}>; rel="next"'
        return Told(msgspec.json.encode({"data": shown, "meta": {"next": following}}), headers=headers)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    async with DemoServer(api.answer) as server:
        api.address = server.address
        yield api


async def connect(rig: Rig, api: Api, path: str = "/orders", **more: Any) -> int:
    config = {
        "url": api.address + path, "rows": "data", "page_rows": 7, "mapping": MAPPING, "count_url": "/count",
        "count": "total.rows", "auth_header": "X-Key", "auth_prefix": "Key ", "burst": 1_000, "per_s": 1_000, **more,
    }  # fmt: skip
    return await rig.connect("rest", "api", config=config, secret={"access_token": "secret-token"})


WAYS: list[tuple[str, dict[str, Any]]] = [
    ("/orders", {"paging": "none"}),
    ("/orders", {"paging": "page"}),
    ("/orders", {"paging": "offset", "page_param": "offset"}),
    ("/orders", {"paging": "cursor", "cursor": "meta.next"}),
    ("/linked", {"paging": "link"}),
]


@pytest.mark.parametrize(("path", "way"), WAYS, ids=[way["paging"] for _, way in WAYS])
async def test_every_way_to_page_brings_every_row(rig: Rig, api: Api, path: str, way: dict[str, Any]) -> None:
    connection = await connect(rig, api, path, **way)
    run = await rig.sync(connections=(connection,))
    assert run.state == "verified", run.stages
    ours = await rig.ours()
    assert len(ours) == ROWS and run.stages[0].total == ROWS
    kept = ours["3"]
    assert (str(kept["gross"]), kept["currency"], kept["customer_id"]) == ("12.5", "EUR", "3")
    assert await rig.pool.fetchval("select price from shop_order_line where order_id = '3'") == Decimal("6.25")


async def test_a_change_is_asked_for_by_when_it_happened(rig: Rig, api: Api) -> None:
    connection = await connect(rig, api, paging="page", since_param="changed_since", until_param="changed_until")
    await rig.sync(connections=(connection,))
    await rig.sync(connections=(connection,))
    last = api.asked[-1].query if "changed_since" in api.asked[-1].query else api.asked[-2].query
    since = datetime.fromisoformat(last["changed_since"])
    assert timedelta(minutes=9) < datetime.now(UTC) - since < timedelta(minutes=15)


async def test_without_a_count_nobody_knows_whether_it_is_complete(rig: Rig, api: Api) -> None:
    connection = await connect(rig, api, paging="page", count="")
    run = await rig.sync(connections=(connection,))
    assert run.state == "unverifiable" and run.stages[0].total is None


async def test_rows_that_do_not_fit_the_mapping_are_rejects(rig: Rig, api: Api) -> None:
    api.rows[4] = row(5, money={})
    api.rows[5] = row(6, changed="yesterday")
    connection = await connect(rig, api, paging="page")
    run = await rig.sync(connections=(connection,))
    assert (run.state, run.stages[0].n) == ("rejects", 2)
    reasons = {one.id: one.reason for one in (await rig.stores.rejects.page(rig.site, limit=9)).rejects}
    assert reasons == {"5": "gross is missing", "6": "updated_at is no instant: 'yesterday'"}


async def test_a_next_page_at_another_server_does_not_get_our_secret(rig: Rig, api: Api) -> None:
    link = {"link": '<http://127.0.0.1:1/elsewhere>; rel="next"'}
    api.faults = [Told(b'{"total":{"rows":1}}'), Told(b'{"data":[]}', headers=link)]
    connection = await connect(rig, api, "/linked", paging="link")
    run = await rig.sync(connections=(connection,))
    assert run.state == "failed" and "another server" in (run.reason or "")


async def test_a_resource_is_drawn_in_pages_and_its_rows_are_mapped() -> None:
    def resource(*, since: Any, until: Any) -> Iterator[dict[str, Any]]:
        assert since is None and until == NOON
        yield from (row(number) for number in range(1, 1_102))
        yield row(9_999, money=None)

    source = Extracted(resource, "orders", msgspec.convert(MAPPING, Mapped))
    pages = [page async for page in source.pages("orders", Window(NOON), None)]
    assert [len(page.rows) for page in pages] == [500, 500, 102] and pages[-1].cursor is None
    rows = [one for page in pages for one in page.rows]
    assert sum(isinstance(one, Order) for one in rows) == 1_101 and isinstance(rows[-1], Reject)


async def test_a_dlt_resource_is_a_source_when_dlt_is_there() -> None:
    dlt = pytest.importorskip("dlt", reason="dlt is not installed: pip install holdfast[dlt]")

    @dlt.resource(name="orders")
    def orders(since: Any = None, until: Any = None) -> Iterator[dict[str, Any]]:
        yield from (row(number) for number in range(1, 11))

    source = Extracted(orders, "orders", msgspec.convert(MAPPING, Mapped))
    pages = [page async for page in source.pages("orders", Window(NOON), None)]
    assert sum(len(page.rows) for page in pages) == 10
