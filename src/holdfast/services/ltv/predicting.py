"""What customers are to be expected to bring: fitted on a part of the store's past, held against the rest of it.

The last quarter of the past is left out of the fit and foretold; how far that was off stands beside every figure. A
sample of customers is used, the same one each time, and what it came to is kept until more came in.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.ltv import bgnbd, gamma_gamma
from holdfast.domain.sites import Site
from holdfast.store import ltv as store

SAMPLE = 3_000
HELD_OUT_SHARE = 0.25
CUSTOMERS_MIN = 200
DAYS_MIN = 120
WEEK = 7.0
KEPT_MAX = 50

Purchases = tuple[list[date], list[float]]
"""One customer's days of order, and what each order came to."""


class Prediction(msgspec.Struct, frozen=True):
    """What a mean customer will yet bring in the `weeks` that follow, and how far the same model was off for weeks that
    are known: `held_out_error` is (foretold - real) / real, over the repeat orders of `held_out_weeks`."""

    customers: int
    weeks: int
    orders_per_customer: float
    value_per_customer: float | None
    alive_share: float
    held_out_weeks: float
    held_out_foretold: float
    held_out_real: int
    held_out_error: float | None
    bg_nbd: bgnbd.BgNbd
    gamma_gamma: gamma_gamma.GammaGamma | None
    orders_as_of: datetime


class Predicting:
    """Foretells for stores, in a thread beside everything else, one at a time."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._fitting = asyncio.Lock()
        self._kept: dict[tuple[int, int, int], Prediction] = {}

    async def predict(self, site: Site, *, weeks: int) -> Prediction:
        """Raises:
        Refusal: `invalid_request` while there is too little past to fit anything to.
        """
        weeks = max(1, min(weeks, 520))
        async with self._pool.acquire() as connection:
            state = await store.state(connection, site.id)
            if state is None or state.orders_as_of is None:
                raise Refusal("invalid_request", field="site", problem="its orders have never been read to their end")
            key = (site.id, state.generation, weeks)
            if key in self._kept:
                return self._kept[key]
            found = await store.histories(
                connection, site.id, zone=state.zone, before=state.orders_as_of, limit=SAMPLE, currency=state.currency
            )
        async with self._fitting:
            end = state.orders_as_of.astimezone(site.zone).date()
            prediction = await asyncio.to_thread(foretell, found, end, weeks=weeks, as_of=state.orders_as_of)
        if prediction is None:
            problem = f"it takes {CUSTOMERS_MIN} customers and {DAYS_MIN} days of orders to foretell anything"
            raise Refusal("invalid_request", field="site", problem=problem)
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[key] = prediction
        return prediction


def foretell(found: Sequence[Purchases], end: date, *, weeks: int, as_of: datetime) -> Prediction | None:
    """The prediction for these customers watched until `end`; None when they are too few, or their past too short."""
    if not found:
        return None
    first = min(days[0] for days, _ in found)
    length = (end - first).days
    cut = end - timedelta(days=round(length * HELD_OUT_SHARE))
    known = [one for one in found if one[0][0] < cut]
    if length < DAYS_MIN or len(known) < CUSTOMERS_MIN:
        return None
    tried = [history_of(days, cut) for days, _ in known]
    held_weeks = (end - cut).days / WEEK
    trial = bgnbd.fit(tried)
    foretold = sum(bgnbd.expected(trial, one, held_weeks) for one in tried)
    real = sum(len({day for day in days if cut < day <= end}) for days, _ in known)
    histories = [history_of(days, end) for days, _ in found]
    model = bgnbd.fit(histories)
    orders = sum(bgnbd.expected(model, one, weeks) for one in histories) / len(histories)
    worth = [worth_of(days, amounts) for days, amounts in found]
    repeaters = [one for one in worth if one.x > 0 and one.mean > 0]
    values = gamma_gamma.fit(repeaters) if len(repeaters) >= CUSTOMERS_MIN // 4 else None
    value = None
    if values is not None and values.q > 1:
        value = sum(
            bgnbd.expected(model, history, weeks) * gamma_gamma.expected(values, one)
            for history, one in zip(histories, worth, strict=True)
        ) / len(histories)
    return Prediction(
        len(histories), weeks, round(orders, 4), None if value is None else round(value, 2),
        round(sum(bgnbd.alive(model, one) for one in histories) / len(histories), 4), round(held_weeks, 1),
        round(foretold, 1), real, round((foretold - real) / real, 4) if real else None, model, values, as_of,
    )  # fmt: skip


def history_of(days: Sequence[date], end: date) -> bgnbd.History:
    """A customer's repeat transactions up to a day, in weeks; several orders of one day are one."""
    seen = sorted({day for day in days if day <= end})
    return bgnbd.History(len(seen) - 1, (seen[-1] - seen[0]).days / WEEK, (end - seen[0]).days / WEEK)


def worth_of(days: Sequence[date], amounts: Sequence[float]) -> gamma_gamma.Worth:
    """What a customer's repeat transactions are worth in the mean."""
    by_day: dict[date, float] = {}
    for day, amount in zip(days, amounts, strict=True):
        by_day[day] = by_day.get(day, 0.0) + amount
    repeats = [by_day[day] for day in sorted(by_day)[1:]]
    return gamma_gamma.Worth(len(repeats), sum(repeats) / len(repeats) if repeats else 0.0)
