"""Cohorts as a table: what customers who first bought in one month brought in each month since, and what they cost.

A cohort is the month of the first order on the store's clock. Month 0 is that month. A month that is not over by the
watermark is `partial`, one that has not begun is not there; neither is ever taken for zero, and nothing is divided by
spend that is not known.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal, Protocol

import msgspec

HORIZONS = (1, 3, 6, 12)
"""Months of life after which LTV is held against its cost."""
CENT = Decimal("0.01")
FOURTH = Decimal("0.0001")
ZERO = Decimal(0)
NO_MONEY = Decimal("0.00")

RefundsBy = Literal["order", "date"]


class MonthFigures(Protocol):
    """What a cohort did in one of its months, as it is kept."""

    @property
    def cohort(self) -> date: ...
    @property
    def month(self) -> int: ...
    @property
    def active(self) -> int: ...
    @property
    def orders(self) -> int: ...
    @property
    def gross(self) -> Decimal: ...
    @property
    def discounts(self) -> Decimal: ...
    @property
    def refunds_by_order(self) -> Decimal: ...
    @property
    def refunds_by_date(self) -> Decimal: ...


class CohortSize(Protocol):
    @property
    def cohort(self) -> date: ...
    @property
    def size(self) -> int: ...
    @property
    def repeaters(self) -> int: ...


class Cell(msgspec.Struct, frozen=True):
    """One month of a cohort. `ltv` is the net so far per customer of the cohort, `retention` the share of it that
    ordered in this month, `aov` the net per order; None where there is nothing to divide by."""

    month: int
    is_partial: bool
    active: int
    orders: int
    gross: Decimal
    discounts: Decimal
    refunds: Decimal
    net: Decimal
    ltv: Decimal
    retention: Decimal
    aov: Decimal | None


class Ratio(msgspec.Struct, frozen=True):
    """LTV against its cost after so many whole months of life; None before they are over, or without known spend."""

    months: int
    ltv: Decimal | None
    ltv_to_cac: Decimal | None


class Cohort(msgspec.Struct, frozen=True):
    """`repeat_rate` is the share that has ordered more than once so far. `payback_month` is the month of life (1 is
    the first) in which a customer had brought what one cost; None when that has not happened, or cost is unknown."""

    cohort: date
    size: int
    repeat_rate: Decimal
    spend: Decimal | None
    cac: Decimal | None
    payback_month: int | None
    ratios: list[Ratio]
    months: list[Cell]


class Point(msgspec.Struct, frozen=True):
    """The mean LTV and retention after a month of life, over all customers whose cohort has that month complete."""

    month: int
    customers: int
    ltv: Decimal
    retention: Decimal


def table(
    sizes: Iterable[CohortSize], months: Iterable[MonthFigures], spend: Mapping[date, Decimal | None], *,
    until: date, refunds_by: RefundsBy = "order", months_max: int = 1_200,
) -> list[Cohort]:  # fmt: skip
    """The cohorts, the oldest first. `until` is the first local day that is not complete: months that end by it are
    complete. `spend` None for a month is spend that cannot be told in the store's currency."""
    by_cohort: dict[date, dict[int, MonthFigures]] = {}
    for figures in months:
        by_cohort.setdefault(figures.cohort, {})[figures.month] = figures
    return [
        _cohort(one, by_cohort.get(one.cohort, {}), spend.get(one.cohort), until, refunds_by, months_max)
        for one in sizes
        if one.size > 0
    ]  # fmt: skip


def curve(cohorts: Sequence[Cohort]) -> list[Point]:
    """LTV and retention by month of life over all cohorts, each by its size; complete months only."""
    sums: dict[int, tuple[int, Decimal, int]] = {}
    for cohort in cohorts:
        net = ZERO
        for cell in cohort.months:
            if cell.is_partial:
                break
            net += cell.net
            customers, total, active = sums.get(cell.month, (0, ZERO, 0))
            sums[cell.month] = customers + cohort.size, total + net, active + cell.active
    return [
        Point(month, customers, _money(net / customers), _share(active, customers))
        for month, (customers, net, active) in sorted(sums.items())
    ]


def _cohort(
    one: CohortSize, figures: Mapping[int, MonthFigures], spend: Decimal | None, until: date, refunds_by: RefundsBy,
    months_max: int,
) -> Cohort:  # fmt: skip
    cells: list[Cell] = []
    net_so_far = ZERO
    complete = (until.year - one.cohort.year) * 12 + until.month - one.cohort.month
    begun = complete + (until.day > 1)
    for number in range(min(begun, months_max)):
        is_partial = number >= complete
        cell = _cell(one, figures.get(number), number, net_so_far, refunds_by, is_partial=is_partial)
        net_so_far += cell.net
        cells.append(cell)
    cac = None if spend is None else spend / one.size
    return Cohort(
        one.cohort,
        one.size,
        _share(one.repeaters, one.size),
        spend,
        None if cac is None else _money(cac),
        None if cac is None else _payback(cells, one.size, cac),
        [_ratio(cells, one.size, months, cac) for months in HORIZONS],
        cells,
    )


def _cell(
    one: CohortSize, figures: MonthFigures | None, number: int, before: Decimal, refunds_by: RefundsBy, *,
    is_partial: bool,
) -> Cell:  # fmt: skip
    if figures is None:
        # nobody bought: that is known, and zero
        return Cell(
            number, is_partial, 0, 0, ZERO, ZERO, ZERO, ZERO, _money(before / one.size), _share(0, one.size), None
        )
    refunds = figures.refunds_by_order if refunds_by == "order" else figures.refunds_by_date
    net = figures.gross
    if figures.discounts or refunds:
        net -= figures.discounts + refunds
    return Cell(
        number,
        is_partial,
        figures.active,
        figures.orders,
        _money(figures.gross),
        _money(figures.discounts),
        _money(refunds),
        net,
        _money((before + net) / one.size),
        _share(figures.active, one.size),
        _money(net / figures.orders) if figures.orders else None,
    )


def _ratio(cells: Sequence[Cell], size: int, months: int, cac: Decimal | None) -> Ratio:
    if len(cells) < months or cells[months - 1].is_partial:
        return Ratio(months, None, None)
    ltv = sum((cell.net for cell in cells[:months]), ZERO) / size
    known = cac is not None and cac > 0
    return Ratio(months, _money(ltv), (ltv / cac).quantize(FOURTH, ROUND_HALF_EVEN) if known and cac else None)


def _payback(cells: Sequence[Cell], size: int, cac: Decimal) -> int | None:
    net = ZERO
    for cell in cells:
        net += cell.net
        if net / size >= cac:
            return cell.month + 1
    return None


def _money(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_EVEN) if value else NO_MONEY


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / whole).quantize(FOURTH, ROUND_HALF_EVEN)
