"""Rows that cannot be read: set aside with their reason, told, tried again; never coerced, never silent."""

import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.sync.rejects import Wanted, wanted_of
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


async def test_all_rows_set_aside_are_met_once_by_pages_whatever_stands_at_the_same_instant(rig: Rig) -> None:
    await rig.pool.execute(
        """insert into quarantine (site_id, connection_id, stream, id, reason, raw, at)
           select $1, n % 2 + 1, case when n % 3 = 0 then 'ads' else 'orders' end, n::text,
               case when n % 5 = 0 then 'Gross is 100% wrong' else 'id is missing' end, convert_to(n::text, 'utf8'),
               timestamptz '2026-03-02 12:00Z' + n / 50 * interval '1 minute'
           from generate_series(1, 430) as n""",
        rig.site.id,
    )
    every = {(n % 2 + 1, "ads" if n % 3 == 0 else "orders", n) for n in range(1, 431)}

    async def met(wanted: Wanted) -> list[tuple[int, str, int]]:
        found, cursor = [], None
        while True:
            page = await rig.stores.rejects.page(rig.site, wanted, cursor=cursor, limit=70)
            found += [(one.connection_id, one.stream, int(one.id)) for one in page.rejects]
            assert page.total == len({one for one in every if _passes(one, wanted)})
            if page.next is None:
                return found
            cursor = page.next

    for wanted in (Wanted(), Wanted(2, None, None), Wanted(1, "ads", None), Wanted(None, None, "100% WRONG")):
        seen = await met(wanted)
        assert set(seen) == {one for one in every if _passes(one, wanted)} and len(seen) == len(set(seen))
        assert [int(row["id"]) async for part in rig.stores.rejects.all(rig.site, wanted) for row in part] == [
            number for _, _, number in seen
        ]
    page = await rig.stores.rejects.page(rig.site, limit=1)
    assert [(one.reason, one.rows) for one in page.reasons] == [("id is missing", 344), ("Gross is 100% wrong", 86)]
    assert page.rejects[0].raw == page.rejects[0].id
    for wrong in (lambda: wanted_of(None, "rows", None), lambda: wanted_of(None, None, "a\0b")):
        with pytest.raises(Refusal, match="invalid_request"):
            wrong()


def _passes(one: tuple[int, str, int], wanted: Wanted) -> bool:
    connection, stream, number = one
    is_of = wanted.connection_id in (None, connection) and wanted.stream in (None, stream)
    return is_of and (wanted.words is None or number % 5 == 0)
