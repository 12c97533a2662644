"""Lifetime value: cohorts, curves, customers, what is to be expected of them. Counts nothing itself."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from holdfast.http.calls import plain
from holdfast.http.framework import respond
from holdfast.http.stores.asking import READ, TAG, Asked, store_named, stores_of
from holdfast.services.ltv.predicting import Prediction, PredictionsPage
from holdfast.services.ltv.reading import CohortsView, CurvesView, CustomersPage, SegmentsView

Named = FromPath[str]
_CODES = ("unknown_site", "unknown_store", "unavailable")


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
    opt={**READ, "answer": Prediction, "codes": (*_CODES, "too_little_past")},
)
async def read_prediction(request: Asked, site: Named, weeks: FromQuery[int] = 52) -> Response[bytes]:
    """By BG/NBD and Gamma-Gamma, fitted to a sample of customers. `held_out_error` says how far the same models were
    off for the last quarter of the past, which they were not shown."""
    found = await store_named(request, site)
    return respond(plain(200, await stores_of(request).predicting.predict(found, weeks=weeks)))


@get(
    "/api/sites/{site:str}/ltv/prediction/customers",
    operation_id="list_ltv_predictions",
    summary="What each customer will yet bring",
    tags=[TAG],
    opt={**READ, "answer": PredictionsPage, "codes": (*_CODES, "too_little_past", "invalid_cursor")},
)
async def list_predictions(
    request: Asked, site: Named, weeks: FromQuery[int] = 52, cursor: FromQuery[str | None] = None,
    limit: FromQuery[int] = 100, segment: FromQuery[str | None] = None,
) -> Response[bytes]:  # fmt: skip
    """By what they brought so far, the most first, by the same models; with `segment` only those who are in it."""
    found = await store_named(request, site)
    page = await stores_of(request).predicting.customers(
        found, weeks=weeks, cursor=cursor, limit=limit, segment=segment
    )  # fmt: skip
    return respond(plain(200, page))


LTV_HANDLERS: list[Any] = [
    read_cohorts, read_curves, list_customers, read_segments, read_prediction, list_predictions,
]  # fmt: skip
