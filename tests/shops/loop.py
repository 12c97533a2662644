"""Lifetime value once more, by a plain loop over orders: shares no line with what it is compared with."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Bought(NamedTuple):
    """One order that counts, in the store's currency: who, when, for how much, and what came back when."""

    customer: str
    at: datetime
    gross: Decimal
    discounts: Decimal = Decimal(0)
    refunds: tuple[tuple[datetime, Decimal], ...] = ()


Cells = dict[tuple[date, int], tuple[int, int, Decimal, Decimal, Decimal, Decimal]]
"""(cohort, month) → active customers, orders, gross, discounts, refunds by order, refunds by date."""


def month_of(at: datetime, zone: ZoneInfo) -> date:
    local = at.astimezone(zone)
    return date(local.year, local.month, 1)


def months_between(first: date, second: date) -> int:
    return (second.year - first.year) * 12 + second.month - first.month


def counted(bought: Iterable[Bought], zone: ZoneInfo) -> tuple[Cells, dict[date, int]]:
    """The cells that are not empty, and the sizes of cohorts."""
    bought = list(bought)
    first: dict[str, date] = {}
    for one in sorted(bought, key=lambda one: one.at):
        first.setdefault(one.customer, month_of(one.at, zone))
    active: dict[tuple[date, int], set[str]] = {}
    sums: dict[tuple[date, int], list[Decimal]] = {}
    orders: dict[tuple[date, int], int] = {}

    def add(key: tuple[date, int], place: int, amount: Decimal) -> None:
        sums.setdefault(key, [Decimal(0)] * 4)[place] += amount

    for one in bought:
        cohort = first[one.customer]
        key = cohort, months_between(cohort, month_of(one.at, zone))
        active.setdefault(key, set()).add(one.customer)
        orders[key] = orders.get(key, 0) + 1
        add(key, 0, one.gross)
        add(key, 1, one.discounts)
        for at, amount in one.refunds:
            add(key, 2, amount)
            back = cohort, max(0, months_between(cohort, month_of(at, zone)))
            add(back, 3, amount)
    sizes: dict[date, int] = {}
    for cohort in first.values():
        sizes[cohort] = sizes.get(cohort, 0) + 1
    return {
        key: (len(active.get(key, ())), orders.get(key, 0), *map(Decimal, values)) for key, values in sums.items()
    }, sizes  # type: ignore[return-value]
