"""What customers are to be expected to bring, of a mean one, of all, and of each: by models fitted to a sample of a
store's customers, always the same one. Fitting takes a second: what it came to is kept until enough came in to matter.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.ltv import bgnbd, forecast, gamma_gamma
from holdfast.domain.sites import Site
from holdfast.services.ltv.reading import CustomerView, Reading, Watermark
from holdfast.store import ltv as store

SAMPLE = 3_000
WEEKS_MAX = 520
KEPT_MAX = 50
NEAR = timedelta(minutes=10)
NEAR_SHARE = 0.005
"""A fit holds until orders are so much further, or so large a share of them is new."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a mean customer will yet bring in the `weeks` that follow, and all `customers_total` of them; fitted to
    `customers` of these. The same models were held against the days from behind `held_out_after` to `held_out_until`,
    which they were not shown: an error is (foretold - real) / real, of repeat orders and of what those came to, and
    `held_out` has the orders as they added up. `order_value` is what an order of a mean customer is worth."""

    customers: int
    customers_total: int
    weeks: int
    currency: str
    orders_per_customer: float
    orders_total: float
    value_per_customer: float | None
    value_total: float | None
    order_value: float | None
    alive_share: float
    held_out_weeks: float
    held_out_after: date
    held_out_until: date
    held_out_customers: int
    held_out_foretold: float
    held_out_real: int
    held_out_error: float | None
    held_out_value_foretold: float | None
    held_out_value_real: float
    held_out_value_error: float | None
    held_out: tuple[forecast.Step, ...]
    bg_nbd: bgnbd.BgNbd
    gamma_gamma: gamma_gamma.GammaGamma | None
    orders_as_of: datetime


class CustomerPrediction(msgspec.Struct, frozen=True):
    """What a customer brought so far, and is to be expected to bring yet. `alive` is the chance that they have not left
    for good. None of somebody without an order in the store's currency up to when orders are complete."""

    customer: str
    segment: str
    last_at: datetime
    orders: int
    net: Decimal
    alive: float | None
    expected_orders: float | None
    expected_value: float | None
    email: str | None


class PredictionsPage(msgspec.Struct, frozen=True):
    """Customers by what they brought so far, the most first, with what is foretold of each for the `weeks` ahead."""

    watermark: Watermark
    weeks: int
    customers: list[CustomerPrediction]
    next: str | None


class _Kept(msgspec.Struct, frozen=True):
    """What a store's models came to when its figures were at `state`, with so many orders; `total` is how many
    customers they stand for."""

    state: store.LtvState
    as_of: datetime
    orders: int
    fitted: forecast.Fitted
    total: int
    told: dict[int, Prediction]


class Predicting:
    """Foretells for stores, in a thread beside everything else, one at a time. A fit that somebody asked for goes on
    when they do not wait for it any more: whoever asks next has it."""

    def __init__(self, pool: asyncpg.Pool, reading: Reading) -> None:
        self._pool = pool
        self._reading = reading
        self._lock = asyncio.Lock()
        self._fitting: dict[int, asyncio.Task[_Kept]] = {}
        self._kept: dict[int, _Kept] = {}

    async def predict(self, site: Site, *, weeks: int) -> Prediction:
        """Raises:
        Refusal: `too_little_past`.
        """
        weeks, kept = _bounded(weeks), await self._known(site)
        found = kept.told.get(weeks)
        if found is None:
            found = kept.told[weeks] = await asyncio.to_thread(told_of, kept, weeks)
        return found

    async def customers(
        self, site: Site, *, weeks: int, cursor: str | None, limit: int, segment: str | None = None
    ) -> PredictionsPage:
        """Raises:
        Refusal: `too_little_past`, `invalid_cursor`, `invalid_request` for a segment there is not.
        """
        now = await self._reading.now()
        page = await self._reading.customers(site, cursor=cursor, limit=limit, now=now, segment=segment)
        kept, weeks = await self._known(site), _bounded(weeks)
        told = await self._each(site, kept, page.customers, weeks)
        mark = msgspec.structs.replace(page.watermark, orders_as_of=kept.as_of)
        return PredictionsPage(mark, weeks, told, page.next)

    async def all_customers(
        self, site: Site, *, weeks: int, segment: str | None = None
    ) -> AsyncIterator[list[CustomerPrediction]]:
        """All customers, some at a time, for export.

        Raises:
            Refusal: `too_little_past`, `invalid_request` for a segment there is not; before anything is read.
        """
        kept, now = await self._known(site), await self._reading.now()
        parts = self._reading.all_customers(site, now=now, segment=segment)
        return self._all(site, kept, parts, _bounded(weeks))

    async def _all(
        self, site: Site, kept: _Kept, parts: AsyncIterator[list[CustomerView]], weeks: int
    ) -> AsyncIterator[list[CustomerPrediction]]:
        async for part in parts:
            yield await self._each(site, kept, part, weeks)

    async def _each(
        self, site: Site, kept: _Kept, customers: Sequence[CustomerView], weeks: int
    ) -> list[CustomerPrediction]:
        async with self._pool.acquire() as connection:
            found = await store.histories_of(
                connection, site.id, [one.customer for one in customers], zone=kept.state.zone, before=kept.as_of,
                currency=kept.state.currency,
            )  # fmt: skip
        return await asyncio.to_thread(_foretold, kept.fitted, customers, found, weeks)

    async def _known(self, site: Site) -> _Kept:
        """The models of a store as its figures are now, or were not long ago."""
        async with self._pool.acquire() as connection:
            state = await store.state(connection, site.id)
            totals = await store.totals(connection, site.id)
        if state is None or state.orders_as_of is None:
            raise _too_little(forecast.Past(0, 0))
        kept = self._kept.get(site.id)
        if kept is not None and _holds(kept, state, state.orders_as_of, totals.orders):
            return kept
        task = self._fitting.get(site.id)
        if task is None:
            task = asyncio.create_task(self._fit(site, state, state.orders_as_of, totals.orders))
            self._fitting[site.id] = task
            task.add_done_callback(lambda done: self._end(site.id, done))
        return await asyncio.shield(task)

    def _end(self, site_id: int, task: asyncio.Task[_Kept]) -> None:
        del self._fitting[site_id]
        # looked at, or the loop tells of a refusal that nobody waited for
        if not task.cancelled() and task.exception() is None:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[site_id] = task.result()

    async def _fit(self, site: Site, state: store.LtvState, as_of: datetime, orders: int) -> _Kept:
        async with self._lock:
            async with self._pool.acquire() as connection:
                found = await store.histories(
                    connection, site.id, zone=state.zone, before=as_of, limit=SAMPLE, currency=state.currency
                )
                count = await store.customers_before(connection, site.id, as_of)
            end = as_of.astimezone(site.zone).date()
            fitted = await asyncio.to_thread(forecast.fit, found, end)
        if fitted is None:
            raise _too_little(forecast.past_of(found, end))
        # customers without an order in the store's currency are in no history: they are left out of the whole, too
        total = round(count * len(fitted.customers) / max(1, min(SAMPLE, count)))
        return _Kept(state, as_of, orders, fitted, total, {})


def _holds(kept: _Kept, state: store.LtvState, as_of: datetime, orders: int) -> bool:
    if kept.state.generation == state.generation:
        return True
    is_alike = (kept.state.zone, kept.state.currency) == (state.zone, state.currency)
    return is_alike and as_of - kept.as_of < NEAR and abs(orders - kept.orders) <= NEAR_SHARE * kept.orders


def told_of(kept: _Kept, weeks: int) -> Prediction:
    """What models tell of the weeks that follow, in figures to be shown."""
    fitted, trial, values = kept.fitted, kept.fitted.trial, kept.fitted.values
    mean = forecast.mean_outlook(fitted, weeks)
    return Prediction(
        customers=len(fitted.customers), customers_total=kept.total, weeks=weeks, currency=kept.state.currency,
        orders_per_customer=round(mean.orders, 4), orders_total=round(mean.orders * kept.total, 1),
        value_per_customer=_money(mean.value), value_total=_money(mean.value, kept.total),
        order_value=None if values is None else _money(values.p * values.gamma / (values.q - 1)),
        alive_share=round(mean.alive, 4), held_out_weeks=round(trial.weeks, 1), held_out_after=trial.after,
        held_out_until=trial.until, held_out_customers=trial.customers, held_out_foretold=trial.foretold,
        held_out_real=trial.real, held_out_error=_error(trial.foretold, trial.real),
        held_out_value_foretold=_money(trial.value_foretold), held_out_value_real=round(trial.value_real, 2),
        held_out_value_error=_error(trial.value_foretold, trial.value_real), held_out=trial.steps,
        bg_nbd=fitted.orders, gamma_gamma=values, orders_as_of=kept.as_of,
    )  # fmt: skip


def _foretold(
    fitted: forecast.Fitted, customers: Sequence[CustomerView], found: Mapping[str, forecast.Purchases], weeks: int
) -> list[CustomerPrediction]:
    told = []
    for one in customers:
        bought = found.get(one.customer)
        known = None if bought is None else forecast.known_of(bought, fitted.end)
        each = None if known is None else forecast.outlook(fitted, known, weeks)
        alive, orders = (None, None) if each is None else (round(each.alive, 4), round(each.orders, 4))
        value = None if each is None else _money(each.value)
        told.append(
            CustomerPrediction(
                one.customer, one.segment, one.last_at, one.orders, one.net, alive, orders, value, one.email
            )
        )
    return told


def _bounded(weeks: int) -> int:
    return max(1, min(weeks, WEEKS_MAX))


def _money(value: float | None, times: int = 1) -> float | None:
    return None if value is None else round(value * times, 2)


def _error(foretold: float | None, real: float) -> float | None:
    return None if foretold is None or real <= 0 else round((foretold - real) / real, 4)


def _too_little(past: forecast.Past) -> Refusal:
    return Refusal(
        "too_little_past", days=past.days, days_min=forecast.DAYS_MIN, customers=past.customers,
        customers_min=forecast.CUSTOMERS_MIN,
    )  # fmt: skip
