"""What customers are to be expected to bring: BG/NBD and Gamma-Gamma fitted to a store's past, and the same models held
against the last quarter of it, which they are not shown. Refuses to fit anything to too little.

A customer's several orders of one day are one; the first is none that is foretold.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from holdfast.domain.ltv import bgnbd, gamma_gamma

HELD_OUT_SHARE = 0.25
CUSTOMERS_MIN = 200
DAYS_MIN = 120
REPEATERS_MIN = 50
STEPS_MAX = 26
WEEK = 7.0

Purchases = tuple[Sequence[date], Sequence[float]]
"""One customer's days of order, and what each order came to."""
Known = tuple[bgnbd.History, gamma_gamma.Worth]


class Past(msgspec.Struct, frozen=True):
    """How much past there is: days from the first order on, customers that came before the last quarter of it."""

    days: int
    customers: int

    @property
    def is_enough(self) -> bool:
        return self.days >= DAYS_MIN and self.customers >= CUSTOMERS_MIN


class Step(msgspec.Struct, frozen=True):
    """Repeat orders since the beginning of the held-out weeks until the end of a day, as foretold and as they were."""

    until: date
    foretold: float
    real: int


class Trial(msgspec.Struct, frozen=True):
    """How the models did for the days after `after`, which they were not shown, for customers known by then. The value
    is that of the same orders; None where too few came again for any to be foretold."""

    after: date
    until: date
    customers: int
    foretold: float
    real: int
    value_foretold: float | None
    value_real: float
    steps: tuple[Step, ...]

    @property
    def weeks(self) -> float:
        return (self.until - self.after).days / WEEK


class Fitted(msgspec.Struct, frozen=True):
    """The models of a store's customers up to a day, and how the same did on trial."""

    orders: bgnbd.BgNbd
    values: gamma_gamma.GammaGamma | None
    trial: Trial
    end: date
    customers: tuple[Known, ...]


class Outlook(msgspec.Struct, frozen=True):
    """What is to be expected of one customer, or of a mean one: orders, what they bring in all, and with what
    chance the customer has not left for good. The value is None where none can be foretold."""

    orders: float
    value: float | None
    alive: float


def past_of(found: Iterable[Purchases], end: date) -> Past:
    """How much past these customers have until `end`."""
    firsts = [days[0] for days, _ in found]
    if not firsts:
        return Past(0, 0)
    cut = _cut(min(firsts), end)
    return Past((end - min(firsts)).days, sum(first < cut for first in firsts))


def fit(found: Sequence[Purchases], end: date) -> Fitted | None:
    """The models of these customers, watched until `end`; None when there is too little past."""
    if not past_of(found, end).is_enough:
        return None
    customers = tuple(known for one in found if (known := known_of(one, end)) is not None)
    orders, values = _models(customers)
    return Fitted(orders, values, _tried(found, end), end, customers)


def outlook(fitted: Fitted, known: Known, weeks: float) -> Outlook:
    """What one customer is to be expected to bring in the weeks that follow."""
    history, worth = known
    orders = bgnbd.expected(fitted.orders, history, weeks)
    value = None if fitted.values is None else orders * gamma_gamma.expected(fitted.values, worth)
    return Outlook(orders, value, bgnbd.alive(fitted.orders, history))


def mean_outlook(fitted: Fitted, weeks: float) -> Outlook:
    """What a mean customer is to be expected to bring."""
    each = [outlook(fitted, known, weeks) for known in fitted.customers]
    count = len(each)
    value = None if fitted.values is None else sum(one.value or 0.0 for one in each) / count
    return Outlook(sum(one.orders for one in each) / count, value, sum(one.alive for one in each) / count)


def known_of(one: Purchases, end: date) -> Known | None:
    """What the models know of a customer until the end of a day; None of one who had not come yet."""
    days, amounts = one
    kept = [(day, amount) for day, amount in zip(days, amounts, strict=True) if day <= end]
    if not kept:
        return None
    own = [day for day, _ in kept]
    return history_of(own, end), worth_of(own, [amount for _, amount in kept])


def history_of(days: Sequence[date], end: date) -> bgnbd.History:
    """A customer's repeat transactions up to a day, in weeks; several orders of one day are one."""
    seen = sorted({day for day in days if day <= end})
    return bgnbd.History(len(seen) - 1, (seen[-1] - seen[0]).days / WEEK, (end - seen[0]).days / WEEK)


def worth_of(days: Sequence[date], amounts: Sequence[float]) -> gamma_gamma.Worth:
    """What a customer's repeat transactions are worth in the mean; at least nothing."""
    by_day: dict[date, float] = {}
    for day, amount in zip(days, amounts, strict=True):
        by_day[day] = by_day.get(day, 0.0) + amount
    repeats = [by_day[day] for day in sorted(by_day)[1:]]
    return gamma_gamma.Worth(len(repeats), max(0.0, sum(repeats) / len(repeats)) if repeats else 0.0)


def _cut(first: date, end: date) -> date:
    return end - timedelta(days=round((end - first).days * HELD_OUT_SHARE))


def _models(customers: Sequence[Known]) -> tuple[bgnbd.BgNbd, gamma_gamma.GammaGamma | None]:
    repeaters = [worth for _, worth in customers if worth.x > 0 and worth.mean > 0]
    values = gamma_gamma.fit(repeaters) if len(repeaters) >= REPEATERS_MIN else None
    # with q of 1 or less an order has no mean value
    return bgnbd.fit(history for history, _ in customers), values if values is not None and values.q > 1 else None


def _tried(found: Sequence[Purchases], end: date) -> Trial:
    cut = _cut(min(days[0] for days, _ in found), end)
    shown = [one for one in found if one[0][0] < cut]
    known = [one for each in shown if (one := known_of(each, cut)) is not None]
    orders, values = _models(known)
    weeks = (end - cut).days / WEEK
    value = None
    if values is not None:
        value = sum(
            bgnbd.expected(orders, history, weeks) * gamma_gamma.expected(values, worth) for history, worth in known
        )
    came = sorted(day for days, _ in shown for day in set(days) if cut < day <= end)
    brought = sum(
        amount for days, amounts in shown for day, amount in zip(days, amounts, strict=True) if cut < day <= end
    )
    steps = _steps(orders, Counter(history for history, _ in known), came, cut, end)
    return Trial(cut, end, len(known), steps[-1].foretold, steps[-1].real, value, brought, steps)


def _steps(
    model: bgnbd.BgNbd, known: Counter[bgnbd.History], came: Sequence[date], cut: date, end: date
) -> tuple[Step, ...]:
    """Week by week, in so few steps as can be told apart; the last is the end."""
    length = (end - cut).days
    stride = 7 * -(-length // (7 * STEPS_MAX))
    steps = []
    for days in [*range(stride, length, stride), length]:
        foretold = sum(count * bgnbd.expected(model, one, days / WEEK) for one, count in known.items())
        until = cut + timedelta(days=days)
        steps.append(Step(until, round(foretold, 1), sum(day <= until for day in came)))
    return tuple(steps)
