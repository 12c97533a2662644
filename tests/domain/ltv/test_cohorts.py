"""Cohorts as a table: what is partial, what is blank, and what nothing is divided by."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from holdfast.domain.ltv.cohorts import Cohort, curve, table
from holdfast.domain.ltv.segments import LATELY, LONG_AGO, NEW, SEGMENTS, bounds_of, segment_of
from holdfast.store.ltv import CohortRow, MonthRow

JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)


def month(cohort: date, number: int, active: int, gross: int, *, by_order: int = 0, by_date: int = 0) -> MonthRow:
    return MonthRow(cohort, number, active, active, Decimal(gross), Decimal(0), Decimal(by_order), Decimal(by_date))


def january(until: date, spend: Decimal | None = Decimal(100), **more: object) -> Cohort:
    months = [month(JAN, 0, 10, 200, by_order=20), month(JAN, 2, 4, 60, by_date=20)]
    spends = {} if spend is None else {JAN: spend}
    (found,) = table([CohortRow(JAN, 10, 3)], months, spends, until=until, **more)  # type: ignore[arg-type]
    return found


def test_a_month_that_is_not_over_is_partial_and_one_that_has_not_begun_is_not_there():
    cells = january(date(2026, 3, 10)).months
    assert [(cell.month, cell.is_partial) for cell in cells] == [(0, False), (1, False), (2, True)]
    assert [cell.is_partial for cell in january(date(2026, 4, 1)).months] == [False, False, False]
    assert january(date(2026, 1, 1)).months == []


def test_a_month_without_orders_is_zero_because_that_is_known():
    cell = january(date(2026, 4, 1)).months[1]
    assert (cell.active, cell.orders, cell.net, cell.retention, cell.aov) == (0, 0, 0, 0, None)
    assert cell.ltv == Decimal("18.00"), "what came before stays"


def test_retention_is_distinct_active_customers_over_size():
    assert [cell.retention for cell in january(date(2026, 4, 1)).months] == [1, 0, Decimal("0.4")]


def test_ltv_adds_up_net_of_refunds_by_order_or_by_date():
    assert [cell.ltv for cell in january(date(2026, 4, 1)).months] == [18, 18, 24]
    assert [cell.ltv for cell in january(date(2026, 4, 1), refunds_by="date").months] == [20, 20, 24]


def test_cost_and_payback():
    found = january(date(2026, 4, 1), Decimal(190))
    assert (found.cac, found.payback_month) == (19, 3)
    assert january(date(2026, 4, 1), Decimal(500)).payback_month is None
    ratios = {ratio.months: (ratio.ltv, ratio.ltv_to_cac) for ratio in found.ratios}
    assert ratios[1] == (18, Decimal("0.9474")) and ratios[3] == (24, Decimal("1.2632"))
    assert ratios[6] == (None, None), "six months are not over"


def test_without_spend_there_is_no_ratio():
    found = january(date(2026, 4, 1), None)
    assert (found.spend, found.cac, found.payback_month) == (None, None, None)
    assert all(ratio.ltv_to_cac is None for ratio in found.ratios)
    assert found.ratios[0].ltv == 18
    free = january(date(2026, 4, 1), Decimal(0))
    assert free.cac == 0 and all(ratio.ltv_to_cac is None for ratio in free.ratios)


def test_the_curve_weighs_cohorts_by_size_and_takes_complete_months_only():
    months = [month(JAN, 0, 10, 100), month(JAN, 1, 5, 50), month(FEB, 0, 30, 600)]
    cohorts = table([CohortRow(JAN, 10, 0), CohortRow(FEB, 30, 0)], months, {}, until=date(2026, 3, 2))
    points = curve(cohorts)
    assert [(p.month, p.customers, p.ltv) for p in points] == [(0, 40, Decimal("17.50")), (1, 10, Decimal("15.00"))]


def test_every_segment_says_who_is_in_it():
    assert all(SEGMENTS.values())


@pytest.mark.parametrize("orders", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("span", [NEW, LATELY, LONG_AGO])
def test_everybody_is_within_the_bounds_of_their_segment_and_of_no_other(orders: int, span: timedelta):
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    for off in (-1, 0, 1):
        last_at = now - span + timedelta(microseconds=off)
        within = {
            name
            for name in SEGMENTS
            if (one := bounds_of(name, now)).orders_min <= orders <= (one.orders_max or orders)
            and (one.last_after is None or last_at > one.last_after)
            and (one.last_until is None or last_at <= one.last_until)
        }
        assert within == {segment_of(orders=orders, last_at=last_at, now=now)}
