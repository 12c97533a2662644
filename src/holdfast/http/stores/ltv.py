"""Lifetime value: cohorts, curves, customers, what is to be expected, and all of it as CSV. Counts nothing itself."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from holdfast.domain.errors import Refusal
from holdfast.domain.ltv.cohorts import Cohort
from holdfast.http.calls import plain
from holdfast.http.framework import respond
from holdfast.http.stores.asking import READ, TAG, Asked, store_named, stores_of
from holdfast.services.ltv.predicting import Prediction
from holdfast.services.ltv.reading import CohortsView, CurvesView, CustomersPage, SegmentsView

Named = FromPath[str]
EXPORTS = ("cohorts", "customers", "orders")
CSV_MEDIA = "text/csv; charset=utf-8"
_CODES = ("unknown_site", "unknown_store", "unavailable")
_COHORT_COLUMNS = (
    "cohort", "size", "spend", "cac", "month", "is_partial", "active", "orders", "gross", "discounts", "refunds", "net",
    "ltv", "retention", "aov",
)  # fmt: skip
_CUSTOMER_COLUMNS = ("customer", "segment", "cohort", "first_at", "last_at", "orders", "net", "email")
_ORDER_COLUMNS = (
    "connection", "id", "name", "placed_at", "updated_at", "currency", "gross", "discounts", "refunded", "customer_id",
    "is_test", "cancelled_at", "deleted_at",
)  # fmt: skip
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@get(
    "/api/sites/{site:str}/ltv/cohorts",
    operation_id="read_cohorts",
    summary="Lifetime value by cohort",
    tags=[TAG],
    opt={**READ, "answer": CohortsView, "codes": _CODES},
)
async def read_cohorts(
    request: Asked, site: Named, refunds_by: FromQuery[str] = "order", months: FromQuery[int] = 240
) -> Response[bytes]:
    """Customers by the month of their first order, and what they did in each month since. Months that are not over are
    `is_partial`; `refunds_by=date` counts a refund in its own month instead of its order's."""
    found = await store_named(request, site)
    return respond(plain(200, await stores_of(request).reading.cohorts(found, refunds_by=refunds_by, months=months)))


@get(
    "/api/sites/{site:str}/ltv/curves",
    operation_id="read_ltv_curves",
    summary="Lifetime value by month of life",
    tags=[TAG],
    opt={**READ, "answer": CurvesView, "codes": _CODES},
)
async def read_curves(
    request: Asked, site: Named, refunds_by: FromQuery[str] = "order", months: FromQuery[int] = 240
) -> Response[bytes]:
    """Mean LTV and retention over all cohorts that have the month complete."""
    found = await store_named(request, site)
    return respond(plain(200, await stores_of(request).reading.curves(found, refunds_by=refunds_by, months=months)))


@get(
    "/api/sites/{site:str}/ltv/customers",
    operation_id="list_customers",
    summary="List customers",
    tags=[TAG],
    opt={**READ, "answer": CustomersPage, "codes": (*_CODES, "invalid_cursor")},
)
async def list_customers(
    request: Asked, site: Named, cursor: FromQuery[str | None] = None, limit: FromQuery[int] = 100,
    segment: FromQuery[str | None] = None,
) -> Response[bytes]:  # fmt: skip
    """By what they brought, the most first, each with a segment such as `loyal` or `at_risk`; with `segment` only those
    who are in it."""
    found, reading = await store_named(request, site), stores_of(request).reading
    now = await reading.now()
    return respond(plain(200, await reading.customers(found, cursor=cursor, limit=limit, now=now, segment=segment)))


@get(
    "/api/sites/{site:str}/ltv/segments",
    operation_id="read_segments",
    summary="Customers by segment",
    tags=[TAG],
    opt={**READ, "answer": SegmentsView, "codes": _CODES},
)
async def read_segments(request: Asked, site: Named) -> Response[bytes]:
    """Each segment: who is in it, how many they are, what they brought. Everybody is in one of them."""
    found, reading = await store_named(request, site), stores_of(request).reading
    return respond(plain(200, await reading.segments(found, now=await reading.now())))


@get(
    "/api/sites/{site:str}/ltv/prediction",
    operation_id="read_ltv_prediction",
    summary="What customers will yet bring",
    tags=[TAG],
    opt={**READ, "answer": Prediction, "codes": _CODES},
)
async def read_prediction(request: Asked, site: Named, weeks: FromQuery[int] = 52) -> Response[bytes]:
    """By BG/NBD and Gamma-Gamma, fitted to a sample of customers. `held_out_error` says how far the same model was off
    for the last quarter of the past, which it was not shown."""
    found = await store_named(request, site)
    return respond(plain(200, await stores_of(request).predicting.predict(found, weeks=weeks)))


@get(
    "/api/sites/{site:str}/ltv/export",
    operation_id="export_ltv",
    summary="Export as CSV",
    tags=[TAG],
    opt={**READ, "codes": _CODES},
)
async def export(
    request: Asked, site: Named, of: FromQuery[str] = "cohorts", refunds_by: FromQuery[str] = "order",
    segment: FromQuery[str | None] = None,
) -> Stream:  # fmt: skip
    """`of=cohorts`, `customers` (of a `segment`) or `orders`, whole. A cell that a spreadsheet would take for a formula
    gets a quote in front."""
    found, stores = await store_named(request, site), stores_of(request)
    if of not in EXPORTS:
        raise Refusal("invalid_request", field="of", given=of[:40], possible=list(EXPORTS))
    if of == "cohorts":
        view = await stores.reading.cohorts(found, refunds_by=refunds_by)
        parts = _lines_of(_COHORT_COLUMNS, _once(_cohort_rows(view.cohorts)))
    elif of == "customers":
        customers = stores.reading.all_customers(found, now=await stores.reading.now(), segment=segment)
        parts = _lines_of(_CUSTOMER_COLUMNS, _tuples(customers))
    else:
        parts = _lines_of(_ORDER_COLUMNS, stores.reading.all_orders(found))
    headers = {"content-disposition": f'attachment; filename="{found.slug}-{of}.csv"'}
    return Stream(parts, media_type=CSV_MEDIA, headers=headers)


LTV_HANDLERS: list[Any] = [read_cohorts, read_curves, list_customers, read_segments, read_prediction, export]


def _cohort_rows(cohorts: Iterable[Cohort]) -> list[tuple[object, ...]]:
    return [
        (one.cohort, one.size, one.spend, one.cac, *msgspec.structs.astuple(cell))
        for one in cohorts
        for cell in one.months
    ]


async def _once(rows: list[tuple[object, ...]]) -> AsyncIterator[list[tuple[object, ...]]]:
    yield rows


async def _tuples(parts: AsyncIterator[list[Any]]) -> AsyncIterator[list[tuple[object, ...]]]:
    async for part in parts:
        yield [msgspec.structs.astuple(one) for one in part]


async def _lines_of(columns: Sequence[str], parts: AsyncIterator[list[tuple[object, ...]]]) -> AsyncIterator[bytes]:
    yield _csv([columns])
    async for part in parts:
        if part:
            yield _csv(part)


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return "'" + value
    return value.isoformat() if hasattr(value, "isoformat") else value
