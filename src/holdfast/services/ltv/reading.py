"""Lifetime value as it is asked for: cohorts, curves, customers; every figure with up to when it is complete."""

import base64
from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal, cast

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.ltv.cohorts import Cohort, Point, RefundsBy, curve, table
from holdfast.domain.ltv.segments import SEGMENTS, Bounds, bounds_of, segment_of
from holdfast.domain.sites import Site
from holdfast.store import ltv as store
from holdfast.store import orders as order_store

MONTHS_MAX = 240
CUSTOMERS_MAX = 500
EXPORT_CUSTOMERS = 2_000
REFUNDS_BY = ("order", "date")

Text = Literal["cohorts", "customers", "orders"]
_encode = msgspec.json.Encoder().encode


class Watermark(msgspec.Struct, frozen=True):
    """What figures stand on. `orders_as_of`: all orders up to then are in; `ads_as_of`: all spend; None: never yet.
    `without_customer` orders count for nobody, `unconverted` ones are in a currency without a rate."""

    currency: str
    time_zone: str
    orders_as_of: datetime | None
    ads_as_of: datetime | None
    counted_at: datetime | None
    verified_at: datetime | None
    without_customer: int
    unconverted: int


class CohortsView(msgspec.Struct, frozen=True):
    """The cohorts of a store, the oldest first. Refunds count in the month of their order, or of the refund itself."""

    watermark: Watermark
    refunds_by: str
    cohorts: list[Cohort]


class CurvesView(msgspec.Struct, frozen=True):
    """LTV and retention by month of life, over complete months only."""

    watermark: Watermark
    refunds_by: str
    points: list[Point]


class CustomerView(msgspec.Struct, frozen=True):
    """A customer with what they brought so far, net of discounts and refunds."""

    customer: str
    segment: str
    cohort: date
    first_at: datetime
    last_at: datetime
    orders: int
    net: Decimal
    email: str | None


class CustomersPage(msgspec.Struct, frozen=True):
    """Customers by what they brought, the most first."""

    watermark: Watermark
    customers: list[CustomerView]
    next: str | None


class SegmentView(msgspec.Struct, frozen=True):
    """A segment: who is in it, how many they are, and what they brought so far."""

    segment: str
    meaning: str
    customers: int
    orders: int
    net: Decimal


class SegmentsView(msgspec.Struct, frozen=True):
    """All segments of a store's customers, those that are empty too."""

    watermark: Watermark
    segments: list[SegmentView]


class Reading:
    """Reads what is counted; counts nothing itself."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def watermark(self, site: Site) -> Watermark:
        async with self._pool.acquire() as connection:
            return _watermark(site, await store.state(connection, site.id))

    async def cohorts(self, site: Site, *, refunds_by: str = "order", months: int = MONTHS_MAX) -> CohortsView:
        """Raises:
        Refusal: `invalid_request` for another way to count refunds.
        """
        if refunds_by not in REFUNDS_BY:
            raise Refusal("invalid_request", field="refunds_by", given=refunds_by[:40], possible=list(REFUNDS_BY))
        async with self._pool.acquire() as connection:
            state = await store.state(connection, site.id)
            sizes, figures, spend = await store.cohorts(connection, site.id)
        mark = _watermark(site, state)
        until = _until(site, mark.orders_as_of)
        # spend of a month is known when all of it is in, and all of it could be converted
        ads_until = _until(site, mark.ads_as_of)
        known = {
            month: amount if not unconverted and _is_over(month, ads_until) else None
            for month, (amount, unconverted) in spend.items()
        }
        found = table(
            sizes, figures, known, until=until, refunds_by=cast(RefundsBy, refunds_by),
            months_max=max(1, min(months, MONTHS_MAX)),
        )  # fmt: skip
        return CohortsView(mark, refunds_by, found)

    async def curves(self, site: Site, *, refunds_by: str = "order", months: int = MONTHS_MAX) -> CurvesView:
        view = await self.cohorts(site, refunds_by=refunds_by, months=months)
        return CurvesView(view.watermark, refunds_by, curve(view.cohorts))

    async def segments(self, site: Site, *, now: datetime) -> SegmentsView:
        async with self._pool.acquire() as connection:
            state = await store.state(connection, site.id)
            rows = await store.segments(connection, site.id, {name: bounds_of(name, now) for name in SEGMENTS})
        found = {row.segment: row for row in rows}
        return SegmentsView(
            _watermark(site, state),
            [
                SegmentView(name, meaning, found[name].customers, found[name].orders, found[name].net)
                for name, meaning in SEGMENTS.items()
            ],
        )

    async def totals(self, site: Site) -> store.Totals:
        async with self._pool.acquire() as connection:
            return await store.totals(connection, site.id)

    async def customers(
        self, site: Site, *, cursor: str | None, limit: int, now: datetime, segment: str | None = None
    ) -> CustomersPage:
        """Raises:
        Refusal: `invalid_cursor`, `invalid_request` for a segment there is not.
        """
        limit, within = max(1, min(limit, CUSTOMERS_MAX)), _within(segment, now)
        async with self._pool.acquire() as connection:
            state = await store.state(connection, site.id)
            rows = await store.customers(connection, site.id, behind=_behind(cursor), limit=limit, within=within)
        following = _cursor(rows[-1]) if len(rows) == limit else None
        return CustomersPage(_watermark(site, state), [_customer(row, now) for row in rows], following)

    def all_customers(
        self, site: Site, *, now: datetime, segment: str | None = None
    ) -> AsyncIterator[list[CustomerView]]:
        """All customers, or those of a segment, some at a time, for export.

        Raises:
            Refusal: `invalid_request` for a segment there is not, before anything is read.
        """
        return self._all_customers(site, _within(segment, now), now)

    async def _all_customers(
        self, site: Site, within: Bounds | None, now: datetime
    ) -> AsyncIterator[list[CustomerView]]:
        behind: tuple[Decimal, str] | None = None
        while True:
            async with self._pool.acquire() as connection:
                rows = await store.customers(connection, site.id, behind=behind, limit=EXPORT_CUSTOMERS, within=within)
            yield [_customer(row, now) for row in rows]
            if len(rows) < EXPORT_CUSTOMERS:
                return
            behind = rows[-1].net, rows[-1].customer_id

    async def all_orders(self, site: Site) -> AsyncIterator[list[tuple[object, ...]]]:
        """All orders, some at a time, for export."""
        after = (0, "")
        while True:
            async with self._pool.acquire() as connection:
                rows = await order_store.orders_after(connection, site.id, after)
            yield rows
            if len(rows) < order_store.EXPORT_ROWS:
                return
            after = rows[-1][0], rows[-1][1]

    async def now(self) -> datetime:
        found: datetime = await self._pool.fetchval("select now()")
        return found


def _within(segment: str | None, now: datetime) -> Bounds | None:
    if segment is None:
        return None
    if segment not in SEGMENTS:
        raise Refusal("invalid_request", field="segment", given=segment[:40], possible=list(SEGMENTS))
    return bounds_of(segment, now)


def _watermark(site: Site, state: store.LtvState | None) -> Watermark:
    if state is None:
        return Watermark(site.settings.currency, site.time_zone, None, None, None, None, 0, 0)
    return Watermark(
        state.currency, state.zone, state.orders_as_of, state.ads_as_of, state.counted_at, state.rebuilt_at,
        state.guests, state.unconverted,
    )  # fmt: skip


def _until(site: Site, at: datetime | None) -> date:
    """The first local day of which not all is in."""
    return date.min if at is None else at.astimezone(site.zone).date()


def _is_over(month: date, until: date) -> bool:
    at = month.year * 12 + month.month
    return date(at // 12, at % 12 + 1, 1) <= until


def _customer(row: store.CustomerRow, now: datetime) -> CustomerView:
    segment = segment_of(orders=row.orders, last_at=row.last_at, now=now)
    return CustomerView(
        row.customer_id, segment, row.cohort, row.first_at, row.last_at, row.orders, row.net, row.email
    )  # fmt: skip


def _cursor(row: store.CustomerRow) -> str:
    return base64.urlsafe_b64encode(_encode([str(row.net), row.customer_id])).decode()


def _behind(cursor: str | None) -> tuple[Decimal, str] | None:
    if cursor is None:
        return None
    try:
        net, customer_id = msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode()), type=tuple[str, str])
        return Decimal(net), customer_id
    except (ValueError, msgspec.MsgspecError, InvalidOperation, UnicodeError):
        raise Refusal("invalid_cursor", field="cursor") from None
