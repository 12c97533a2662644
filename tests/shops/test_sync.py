"""The rules of syncing, each through the real client from a shop that behaves like the original."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.demo_http import Asked, Told
from holdfast.services.demo_shop import ShopLine, ShopRefund
from holdfast.services.sync.kit import SyncLimits
from holdfast.services.sync.runs import Wish
from holdfast.services.vault import Vault
from tests.shops.conftest import NOON, Rig, order

Fill = Callable[..., None]


def now_s() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


# -- complete, or why not ------------------------------------------------------------------------------------------


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


# -- versions ------------------------------------------------------------------------------------------------------


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


# -- rows that cannot be read --------------------------------------------------------------------------------------


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


# -- the source's limits and faults --------------------------------------------------------------------------------


async def test_throttling_that_comes_as_a_success_is_waited_for(rig: Rig, fill: Fill) -> None:
    fill(300)
    rig.shop.burst, rig.shop.per_s, rig.shop._left = 150.0, 100.0, 5.0
    run = await rig.sync()
    assert run.state == "verified" and rig.shop.throttled > 0
    row = await rig.pool.fetchrow("select burst, per_s from rate_limit where name like 'shopify %'")
    assert (row["burst"], row["per_s"]) == (150.0, 100.0), "the shared limit is as the replies said"


async def test_once_primed_the_limit_keeps_us_from_being_throttled_again(rig: Rig, fill: Fill) -> None:
    fill(1_000)
    rig.shop.burst, rig.shop.per_s, rig.shop._left = 150.0, 500.0, 150.0
    await rig.sync()
    throttled = rig.shop.throttled
    assert (await rig.sync("backfill")).state == "verified"
    assert rig.shop.throttled <= throttled + 2


async def test_429_and_server_errors_are_waited_out(rig: Rig, fill: Fill) -> None:
    fill(400)
    faults = [
        Told(b"slow down", 429, {"retry-after": "0.2"}), Told(b"oops", 502), Told(b"", 503),
    ]  # fmt: skip

    async def fail(asked: Asked, name: str) -> Told | None:
        return faults.pop(0) if faults and name == "Orders" else None

    rig.shop.fault = fail
    assert await rig.state() == "verified"
    assert not faults and len(await rig.ours()) == 400


async def test_a_page_that_costs_too_much_is_asked_for_smaller(rig: Rig, fill: Fill) -> None:
    fill(400)
    asked_rows: list[int] = []

    async def costly(asked: Asked, name: str) -> Told | None:
        rows = msgspec.json.decode(asked.body)["variables"].get("rows", 0)
        if name == "Orders":
            asked_rows.append(rows)
        if name == "Orders" and rows > 100:
            errors = [{"message": "too costly", "extensions": {"code": "MAX_COST_EXCEEDED"}}]
            return Told(msgspec.json.encode({"errors": errors}))
        return None

    rig.shop.fault = costly
    assert await rig.state() == "verified"
    assert asked_rows[:3] == [250, 125, 62] and len(await rig.ours()) == 400


async def test_a_source_that_does_not_let_us_in_fails_the_run_with_its_words(rig: Rig, fill: Fill) -> None:
    fill(5)

    async def refuse(asked: Asked, name: str) -> Told | None:
        return Told(b'{"errors":"[API] Invalid API key or access token"}', 401)

    rig.shop.fault = refuse
    run = await rig.sync()
    assert run.state == "failed" and "Invalid API key" in (run.reason or "")


async def test_a_source_that_goes_on_failing_is_left_alone_and_the_run_says_until_when(rig: Rig, fill: Fill) -> None:
    fill(5)

    async def refuse(asked: Asked, name: str) -> Told | None:
        return Told(b"no", 403)

    rig.shop.fault = refuse
    states = [await rig.state() for _ in range(4)]
    assert states == ["failed", "failed", "paused", "paused"]
    (run, *_) = await rig.stores.runs.page(rig.site, before=None, limit=1)
    assert "next try at" in (run.reason or "")
    view = await rig.stores.connections.view(rig.stores.kit, rig.site, rig.connection_id)
    assert view.failures == 4 and view.paused_until is not None
    rig.shop.fault = None
    assert await rig.state() == "verified", "whoever asks is not kept from it"
    view = await rig.stores.connections.view(rig.stores.kit, rig.site, rig.connection_id)
    assert view.failures == 0 and view.paused_until is None


async def test_a_read_that_failed_in_its_middle_is_gone_on_with_by_the_next_run(rig: Rig, fill: Fill) -> None:
    fill(1_000)

    async def fail(asked: Asked, name: str) -> Told | None:
        return Told(b"no", 403) if name == "Orders" and rig.shop.pages_served >= 3 else None

    rig.shop.fault = fail
    assert await rig.state() == "failed"
    there = len(await rig.ours())
    assert 500 <= there < 1_000
    rig.shop.fault, rig.shop.rows_served = None, 0
    run = await rig.sync()
    assert run.state == "verified" and rig.shop.rows_served == 1_000 - there
    assert run.stages[0].done == 1_000


# -- runs ----------------------------------------------------------------------------------------------------------


async def test_a_second_wish_joins_the_run_that_is_under_way(rig: Rig, fill: Fill) -> None:
    fill(10)
    first, joined = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")
    assert not joined
    asked = await asyncio.gather(
        *(rig.stores.runs.ask(rig.site, Wish("verify"), actor="test", cause="asked") for _ in range(5))
    )
    assert asked == [(first, True)] * 5
    assert (await rig.work(first)).state == "verified"
    assert len(await rig.stores.runs.page(rig.site, before=None, limit=10)) == 1


async def test_a_cancelled_run_stops_behind_its_batch_and_what_came_in_stays(rig: Rig, fill: Fill) -> None:
    fill(3_000)
    run_id, _ = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")

    async def cancel(asked: Asked, name: str) -> Told | None:
        if name == "Orders" and rig.shop.pages_served == 4:
            await rig.stores.runs.cancel(rig.site, run_id)
        return None

    rig.shop.fault = cancel
    run = await rig.work(run_id)
    assert run.state == "cancelled" and [stage.state for stage in run.stages] == ["cancelled", "cancelled"]
    there = len(await rig.ours())
    assert 0 < there < 3_000
    rig.shop.fault = None
    run = await rig.sync()
    assert run.state == "verified" and len(await rig.ours()) == 3_000
    with pytest.raises(Refusal, match="wrong_state"):
        await rig.stores.runs.cancel(rig.site, run_id)


async def test_progress_never_runs_backwards_and_never_exceeds_its_total(rig: Rig, fill: Fill) -> None:
    fill(2_000)
    grown = False

    async def grow(asked: Asked, name: str) -> Told | None:
        nonlocal grown
        if name == "Orders" and rig.shop.pages_served == 2 and not grown:
            grown = True
            rig.shop.put(*(order(n, updated_at=NOON) for n in range(5_000, 5_040)))
        return None

    rig.shop.fault = grow
    await rig.sync()
    told = [msgspec.json.decode(line["data"]) for line in await rig.journal() if line["type"] == "sync.progressed"]
    done = [line["done"] for line in told]
    assert done == sorted(done) and all(line["done"] <= line["total"] for line in told)


async def test_each_batch_is_one_journal_line_with_its_progress(rig: Rig, fill: Fill) -> None:
    fill(1_000)
    run = await rig.sync()
    journal = await rig.journal()
    types = [line["type"] for line in journal if line["type"].startswith("sync.")]
    assert types == ["sync.started", *["sync.progressed"] * 4, "sync.stage_ended", "sync.stage_ended", "sync.ended"]
    assert {line["subject"] for line in journal if line["type"].startswith("sync.")} == {str(run.id)}


async def test_a_backfill_reads_the_range_that_was_asked_for(rig: Rig, fill: Fill) -> None:
    fill(300)
    await rig.sync()
    await rig.pool.execute("delete from shop_order")
    wish: dict[str, Any] = {"since": NOON + timedelta(minutes=101), "until": NOON + timedelta(minutes=200)}
    run = await rig.sync("backfill", **wish)
    assert run.state == "verified"
    assert {int(key) for key in await rig.ours()} == set(range(101, 201))


async def test_a_worker_that_lost_its_lease_writes_nothing_more(rig: Rig, fill: Fill) -> None:
    fill(2_000)
    run_id, _ = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")

    async def steal(asked: Asked, name: str) -> Told | None:
        if name == "Orders" and rig.shop.pages_served == 3:
            await rig.pool.execute("update sync_run set leased_by = 'another', leased_until = now() + interval '1 h'")
        return None

    rig.shop.fault = steal
    await rig.work(run_id)
    there = len(await rig.ours())
    assert there < 2_000
    rig.shop.fault = None
    await rig.pool.execute("update sync_run set leased_until = now() - interval '1 s'")
    run = await rig.work(run_id)
    assert run.state == "verified" and len(await rig.ours()) == 2_000


@pytest.mark.parametrize("limits", [SyncLimits(batch_rows=1_000)])
async def test_a_batch_is_about_as_large_as_the_limit_says(rig: Rig, fill: Fill, limits: SyncLimits) -> None:
    fill(2_500)
    await rig.sync()
    journal = await rig.journal()
    assert [line["type"] for line in journal].count("sync.progressed") == 3


async def test_secrets_are_encrypted_anew_with_a_new_key(rig: Rig, fill: Fill) -> None:
    fill(3)
    old = rig.stores.connections.vault()
    new = Vault(["a newer key for tests", "a key for tests only"])
    rig.stores.connections._open_vault = lambda: new
    async with rig.pool.acquire() as connection:
        assert await rig.stores.connections.rotate(connection) == 1
        assert await rig.stores.connections.rotate(connection) == 0
    assert await rig.pool.fetchval("select secret_key_id from connection") == new.key_id != old.key_id
    assert await rig.state() == "verified"
