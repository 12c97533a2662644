"""Lifetime value: cell by cell as a plain loop counts it, whatever way the orders came in."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from holdfast.domain.ltv import forecast
from holdfast.domain.sync.rows import Line, Order, Refund
from holdfast.services.demo_orders import find_file, generated, purchases, shop_orders
from holdfast.services.ltv import counting
from holdfast.services.sync.connections import RateRequest
from holdfast.services.sync.kit import SyncLimits
from holdfast.store import ltv as ltv_store
from holdfast.store import orders as order_store
from tests.shops.conftest import NOON, Rig, now_s, order
from tests.shops.loop import Bought, Cells, counted

ROOT = Path(__file__).parents[2]


async def cells_of(rig: Rig) -> tuple[Cells, dict[Any, int]]:
    """What is kept, in the loop's shape."""
    async with rig.pool.acquire() as connection:
        sizes, months, _ = await ltv_store.cohorts(connection, rig.site.id)
    cells = {
        (m.cohort, m.month): (m.active, m.orders, m.gross, m.discounts, m.refunds_by_order, m.refunds_by_date)
        for m in months
    }
    return cells, {one.cohort: one.size for one in sizes}


async def write(rig: Rig, given: Iterable[Order]) -> None:
    """Orders, as a batch brings them."""
    place = order_store.Place(rig.site.id, rig.connection_id)
    kit = rig.stores.kit
    async with kit.pool.acquire() as connection, kit.journal.locked(connection, rig.site.id) as lines:
        await order_store.write_orders(connection, place, order_store.packed(list(given)), seen_at=lines.now)


@pytest.mark.parametrize(
    ("limits", "time_zone"),
    [
        pytest.param(SyncLimits(batch_rows=1_000), "UTC", marks=pytest.mark.long),
        (SyncLimits(batch_rows=1_000, ltv_customers=3_000), "Asia/Kolkata"),
    ],
)
async def test_the_cdnow_cohorts_are_what_a_plain_loop_counts(rig: Rig, limits: SyncLimits, time_zone: str) -> None:
    path = find_file(ROOT)
    given = purchases(path) if path is not None else generated()
    shop = list(shop_orders(given))
    rig.shop.fill(shop)
    run = await rig.sync()
    assert run.state == "verified" and run.stages[0].changed == len(shop)
    if path is not None:
        assert len(shop) == 69_659 and len({one.customer_id for one in shop}) == 23_570
    bought = [Bought(str(one.customer_id), one.placed_at, one.subtotal) for one in shop]
    assert await cells_of(rig) == counted(bought, rig.site.zone)
    assert await rig.stores.counting.verify(rig.site) == 0
    view = await rig.stores.reading.cohorts(rig.site)
    assert all(cell.retention <= 1 for cohort in view.cohorts for cell in cohort.months)
    if path is not None:
        await prediction_is_near(rig)


async def prediction_is_near(rig: Rig) -> None:
    """What is foretold of these customers is held against the quarter of their past that it was not shown."""
    end = datetime(1998, 7, 1, tzinfo=UTC)
    async with rig.pool.acquire() as connection:
        found = await ltv_store.histories(
            connection, rig.site.id, zone=rig.site.time_zone, before=end, limit=1_000, currency="USD"
        )
    told = forecast.fit(found, end.date())
    assert told is not None and told.values is not None
    trial = told.trial
    assert trial.real > 200 and trial.value_foretold is not None
    assert abs(trial.foretold / trial.real - 1) < 0.2 and abs(trial.value_foretold / trial.value_real - 1) < 0.3
    # it is told as it adds up, until the end
    assert (trial.steps[-1].until, trial.steps[-1].real) == (end.date(), trial.real)
    for before, after in pairwise(trial.steps):
        assert before.until < after.until and before.foretold <= after.foretold and before.real <= after.real
    near, far = (forecast.mean_outlook(told, weeks) for weeks in (13, 39))
    assert 0 < near.orders < far.orders and near.alive == far.alive < 1


async def test_a_fit_outlives_who_asked_and_holds_until_enough_came_in(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []
    fit = forecast.fit

    def counted_fit(found: Any, end: Any) -> Any:
        fits.append(len(found))
        return fit(found, end)

    monkeypatch.setattr(forecast, "fit", counted_fit)
    rig.shop.fill(
        order(number, placed_at=NOON + timedelta(days=number // 4), customer_id=number % 240)
        for number in range(1, 600)
    )
    await rig.sync()
    predicting = rig.stores.predicting
    asker = asyncio.create_task(predicting.predict(rig.site, weeks=26))
    while not fits:
        await asyncio.sleep(0)
    asker.cancel()
    told = await predicting.predict(rig.site, weeks=52)
    assert fits == [240] and told.customers == told.customers_total == 240
    # another horizon, and one order more, are told by the same fit
    assert (await predicting.predict(rig.site, weeks=26)).orders_total < told.orders_total
    rig.shop.put(order(600, placed_at=NOON, customer_id=1, updated_at=now_s()))
    await rig.sync()
    page = await predicting.customers(rig.site, weeks=52, cursor=None, limit=500)
    assert fits == [240] and page.watermark.orders_as_of == told.orders_as_of
    assert sum(one.expected_orders or 0 for one in page.customers) == pytest.approx(told.orders_total, rel=0.01)
    for number in range(601, 620):
        rig.shop.put(order(number, placed_at=NOON, customer_id=2, updated_at=now_s()))
    await rig.sync()
    assert (await predicting.predict(rig.site, weeks=52)).orders_as_of >= told.orders_as_of and len(fits) == 2


# -- incremental = rebuild = the loop ------------------------------------------------------------------------------

_AMOUNTS = st.integers(0, 50_000).map(lambda cents: Decimal(cents) / 100)
_DAYS = st.integers(0, 400)


@st.composite
def _orders(draw: Any, number: int) -> Order:
    at = NOON + timedelta(days=draw(_DAYS), hours=draw(st.integers(0, 23)))
    gross = draw(_AMOUNTS)
    refunds = tuple(
        Refund(str(n), at + timedelta(days=draw(st.integers(-40, 90))), draw(_AMOUNTS))
        for n in range(draw(st.integers(0, 2)))
    )
    return Order(
        str(number), NOON, at, draw(st.sampled_from(["EUR", "EUR", "EUR", "CHF", "XXX"])), gross,
        draw(st.sampled_from([Decimal(0), gross / 4])), draw(st.sampled_from([None, "a", "b", "c", "d"])),
        is_test=draw(st.sampled_from([False, False, False, True])),
        cancelled_at=draw(st.sampled_from([None, None, None, at])), refunds=refunds,
        lines=(Line("p", 1, gross),),
    )  # fmt: skip


_STEPS = st.lists(
    st.lists(st.integers(1, 8).flatmap(_orders), min_size=1, max_size=6)
    | st.integers(1, 8)
    | st.sampled_from(["recount", "rate"]),
    min_size=1,
    max_size=10,
)  # fmt: skip


def _bought(kept: dict[str, Order], gone: set[str], rate: Decimal | None) -> list[Bought]:
    """The orders that count, in EUR."""
    found = []
    for one in kept.values():
        worth = {"EUR": Decimal(1), "CHF": rate}.get(one.currency)
        if one.id in gone or one.customer_id is None or one.is_test or one.cancelled_at or worth is None:
            continue
        refunds = tuple((refund.at, refund.amount * worth) for refund in one.refunds)
        found.append(Bought(one.customer_id, one.placed_at, one.gross * worth, one.discounts * worth, refunds))
    return found


@pytest.mark.parametrize("time_zone", ["Pacific/Auckland"])
async def test_what_is_kept_up_to_date_is_what_counting_anew_and_a_plain_loop_find(rig: Rig, time_zone: str) -> None:
    """Inserted, changed, deleted, back-dated, refunded, moved between customers, converted: in any order."""
    await rig.pool.execute(
        """update site set settings = '{"currency": "EUR"}', changed_version = changed_version + 1"""
    )
    rig.sites.forget(rig.site.id)
    rig.site = await rig.sites.find(rig.site.slug)
    rounds = 0

    async def go(steps: list[Any]) -> None:
        nonlocal rounds
        rounds += 1
        await rig.pool.execute(
            "truncate shop_order, shop_order_line, shop_refund, shop_order_gone, ltv_touched, ltv_state, "
            "customer_first, customer_month, cohort, cohort_month, currency_rate"
        )
        kept: dict[str, Order] = {}
        gone: set[str] = set()
        rate: Decimal | None = None
        place = order_store.Place(rig.site.id, rig.connection_id)
        for step in steps:
            if step == "recount":
                await rig.stores.counting.refresh(rig.site)
            elif step == "rate":
                rate = Decimal("1.05") if rate is None else rate + Decimal("0.01")
                request = RateRequest("CHF", datetime(2020, 1, 1, tzinfo=UTC).date(), str(rate))
                await rig.stores.connections.set_rate(rig.stores.kit, rig.site, request, actor="test")
            elif isinstance(step, int):
                async with rig.pool.acquire() as connection, connection.transaction():
                    now = await connection.fetchval("select now()")
                    await order_store.delete_orders(connection, place, [str(step)], at=now)
                gone.add(str(step))
            else:
                await write(rig, step)
                for one in step:
                    kept[one.id] = one
                    gone.discard(one.id)
        await rig.stores.counting.refresh(rig.site)
        assert await cells_of(rig) == counted(_bought(kept, gone, rate), rig.site.zone)
        assert await rig.stores.counting.verify(rig.site) == 0

    await _examples(go)
    assert rounds > 10


async def _examples(go: Any) -> None:
    """Runs an async property on the test's own loop: Hypothesis itself is synchronous, so it draws in a thread."""
    loop = asyncio.get_running_loop()

    @hypothesis.settings(max_examples=25, deadline=None, database=None)
    @hypothesis.given(_STEPS)
    def draw(steps: list[Any]) -> None:
        asyncio.run_coroutine_threadsafe(go(steps), loop).result(120)

    await asyncio.to_thread(draw)


# -- what is not added up ------------------------------------------------------------------------------------------


async def test_orders_in_a_currency_without_a_rate_count_for_nothing_and_are_told(rig: Rig) -> None:
    rig.shop.put(order(1), order(2, currency="CHF", subtotal=Decimal(100)), order(3, customer_id=None))
    await rig.sync()
    mark = await rig.stores.reading.watermark(rig.site)
    assert (mark.unconverted, mark.without_customer, mark.currency) == (1, 1, "USD")
    (cohort,) = (await rig.stores.reading.cohorts(rig.site)).cohorts
    assert cohort.size == 1 and cohort.months[0].net == 10
    request = RateRequest("CHF", NOON.date(), "1.25")
    await rig.stores.connections.set_rate(rig.stores.kit, rig.site, request, actor="test")
    await rig.stores.counting.refresh(rig.site)
    mark = await rig.stores.reading.watermark(rig.site)
    assert mark.unconverted == 0
    (cohort,) = (await rig.stores.reading.cohorts(rig.site)).cohorts
    assert cohort.size == 2 and cohort.months[0].net == 135


async def test_a_cohort_is_a_month_on_the_stores_own_clock(rig: Rig) -> None:
    await rig.pool.execute("update site set time_zone = 'Pacific/Auckland', changed_version = changed_version + 1")
    rig.sites.forget(rig.site.id)
    rig.site = await rig.sites.find(rig.site.slug)
    at = datetime(2026, 3, 31, 18, tzinfo=UTC)
    rig.shop.put(order(1, placed_at=at, updated_at=at))
    await rig.sync()
    (cohort,) = (await rig.stores.reading.cohorts(rig.site)).cohorts
    assert cohort.cohort.isoformat() == "2026-04-01"


async def test_another_zone_counts_the_store_anew(rig: Rig) -> None:
    at = datetime(2026, 3, 31, 18, tzinfo=UTC)
    rig.shop.put(order(1, placed_at=at, updated_at=at))
    await rig.sync()
    await rig.pool.execute("update site set time_zone = 'Pacific/Auckland', changed_version = changed_version + 1")
    rig.sites.forget(rig.site.id)
    rig.site = await rig.sites.find(rig.site.slug)
    await rig.sync()
    (cohort,) = (await rig.stores.reading.cohorts(rig.site)).cohorts
    assert cohort.cohort.isoformat() == "2026-04-01"


async def test_a_lifetime_value_that_somebody_altered_is_a_finding_and_replaced(rig: Rig) -> None:
    rig.shop.fill(order(number) for number in range(1, 30))
    await rig.sync()
    await rig.pool.execute("update cohort_month set gross = gross + 1")
    run = await rig.sync("verify")
    assert run.stages[-1].state == "drift" and run.state == "drift"
    assert "ltv_differs" in await rig.findings()
    assert (await rig.sync("verify")).state == "verified"
    assert "ltv_differs" not in await rig.findings()


@pytest.mark.parametrize(
    "written_past_us",
    [
        "update customer_first set orders = orders + 1 where customer_id = '2'",
        "delete from customer_first where customer_id = '1'",
        "delete from customer_month where customer_id = '6'",
        "insert into customer_first (site_id, customer_id, cohort, first_at, last_at, orders, net)"
        " select site_id, 'zz', cohort, first_at, last_at, orders, net from customer_first limit 1",
        "update shop_order set gross = gross + 1 where customer_id = '3'",
        "update shop_order set customer_id = 'x' where customer_id = '4'",
        "update cohort set size = size + 1",
        "delete from cohort_month; delete from cohort",
        "delete from customer_first; delete from customer_month; delete from cohort; delete from cohort_month",
    ],
)
async def test_each_part_of_a_store_is_held_against_what_is_kept(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, written_past_us: str
) -> None:
    monkeypatch.setattr(counting, "PART_ORDERS", 4)
    rig.shop.fill(order(number, customer_id=number % 7) for number in range(1, 30))
    await rig.sync()
    assert await rig.stores.counting.verify(rig.site) == 0
    await rig.pool.execute(written_past_us)
    assert await rig.stores.counting.verify(rig.site) > 0
    rows = await rig.pool.fetch("select customer_id, placed_at, gross from shop_order")
    bought = [Bought(row["customer_id"], row["placed_at"], row["gross"]) for row in rows]
    assert await cells_of(rig) == counted(bought, rig.site.zone)
    assert await rig.stores.counting.verify(rig.site) == 0


async def test_verifying_waits_for_nobody_and_takes_what_comes_in_meanwhile_for_no_difference(rig: Rig) -> None:
    rig.shop.fill(order(number, customer_id=number % 7) for number in range(1, 30))
    await rig.sync()
    store_counting, kit = rig.stores.counting, rig.stores.kit
    async with kit.pool.acquire() as connection, kit.journal.locked(connection, rig.site.id):
        # its lock is held, and orders are on their way that nobody else sees yet
        await connection.execute("update shop_order set gross = gross + 1 where customer_id = '3'")
        await ltv_store.touch(connection, rig.site.id, ["3"])
        assert await store_counting._verify_customers(rig.site) == 0
        assert await store_counting._verify_cohorts(rig.site) == 0
    assert await store_counting._verify_customers(rig.site) == 0
    assert await store_counting.verify(rig.site) == 0


async def test_counting_is_planned_for_the_customers_at_hand_however_often_it_was_done(rig: Rig) -> None:
    """A plan for any customers at all would read the whole store, and hold each of its orders against each of them."""
    rig.shop.fill(order(number, customer_id=number % 7) for number in range(1, 30))
    await rig.sync()
    async with rig.pool.acquire() as connection:
        for _ in range(8):
            async with connection.transaction():
                await ltv_store.recount(connection, rig.site.id, ["3"], zone="UTC", currency="USD")
            async with connection.transaction(isolation="repeatable_read"):
                await ltv_store.plan_for_parts(connection)
                assert await ltv_store.end_of_part(connection, rig.site.id, "1", 2) is not None
                assert not await ltv_store.differing(connection, rig.site.id, ("1", "3"), zone="UTC", currency="USD")
        planned = await connection.fetch(
            """select generic_plans, custom_plans from pg_prepared_statements
            where statement ~ 'into counted_customer|offset|from counted_customer n'"""
        )
    often = [row["generic_plans"] for row in planned if row["custom_plans"] + row["generic_plans"] >= 8]
    assert often == [0] * 3


async def test_customers_are_listed_by_what_they_brought_with_a_segment(rig: Rig) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    rig.shop.put(*(order(n, customer_id=1, placed_at=now, updated_at=now) for n in range(1, 7)))
    rig.shop.put(order(7, customer_id=2, placed_at=now, updated_at=now, email="new@example.org"))
    rig.shop.put(*(order(n, customer_id=3) for n in (8, 9)))
    await rig.sync()
    reading = rig.stores.reading
    first = await reading.customers(rig.site, cursor=None, limit=2, now=now)
    rest = await reading.customers(rig.site, cursor=first.next, limit=2, now=now)
    told = [(one.customer, one.segment, one.orders) for one in (*first.customers, *rest.customers)]
    assert told == [("1", "loyal", 6), ("3", "lost", 2), ("2", "new", 1)]
    assert rest.customers[0].email == "new@example.org"
