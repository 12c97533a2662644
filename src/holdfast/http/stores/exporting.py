"""Cohorts, customers and orders as files, as CSV and as Parquet: whole, and never whole in memory."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from holdfast.domain.errors import Refusal
from holdfast.domain.ltv.cohorts import Cohort
from holdfast.domain.sites import Site
from holdfast.gateways.parquet import Column, ParquetMissing, check, written
from holdfast.http.stores.asking import READ, TAG, Asked, store_named, stores_of
from holdfast.services.stores import Stores

Named = FromPath[str]
Rows = AsyncIterator[Sequence[tuple[Any, ...]]]
FORMATS = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
_CODES = ("unknown_site", "unknown_store", "unavailable")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def _columns(**kinds: Any) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


COLUMNS = {
    "cohorts": _columns(
        cohort="day", size="number", spend="amount", cac="amount", month="number", is_partial="flag", active="number",
        orders="number", gross="amount", discounts="amount", refunds="amount", net="amount", ltv="amount",
        retention="amount", aov="amount",
    ),
    "customers": _columns(
        customer="text", segment="text", cohort="day", first_at="instant", last_at="instant", orders="number",
        net="amount", email="text",
    ),
    "predictions": _columns(
        customer="text", segment="text", last_at="instant", orders="number", net="amount", alive="real",
        expected_orders="real", expected_value="real", email="text",
    ),
    "orders": _columns(
        connection="number", id="text", name="text", placed_at="instant", updated_at="instant", currency="text",
        gross="amount", discounts="amount", refunded="amount", customer_id="text", is_test="flag",
        cancelled_at="instant", deleted_at="instant",
    ),
}  # fmt: skip


@get(
    "/api/sites/{site:str}/ltv/export",
    operation_id="export_ltv",
    summary="Export as CSV or Parquet",
    tags=[TAG],
    opt={**READ, "codes": (*_CODES, "too_little_past")},
)
async def export(
    request: Asked, site: Named, of: FromQuery[str] = "cohorts", refunds_by: FromQuery[str] = "order",
    format: FromQuery[str] = "csv", segment: FromQuery[str | None] = None, weeks: FromQuery[int] = 52,
) -> Stream:  # fmt: skip
    """`of=cohorts`, `customers`, `predictions` (what each will bring in `weeks`; both of a `segment`) or `orders`,
    whole. In CSV a cell that a spreadsheet would take for a formula gets a quote in front; `format=parquet` has amounts
    as decimals, and is there where pyarrow is installed."""
    found = await store_named(request, site)
    for field, given, possible in (("of", of, COLUMNS), ("format", format, FORMATS)):
        if given not in possible:
            raise Refusal("invalid_request", field=field, given=given[:40], possible=list(possible))
    if format == "parquet":
        try:
            check()
        except ParquetMissing as missing:
            raise Refusal("invalid_request", field="format", given=format, problem=str(missing)) from None
    if of == "predictions":
        told = await stores_of(request).predicting.all_customers(found, weeks=weeks, segment=segment)
        rows: Rows = _tuples(told)
    else:
        rows = await _rows(stores_of(request), found, of, refunds_by, segment)
    parts = written(COLUMNS[of], rows) if format == "parquet" else _lines_of(COLUMNS[of], rows)
    headers = {"content-disposition": f'attachment; filename="{found.slug}-{of}.{format}"'}
    return Stream(parts, media_type=FORMATS[format], headers=headers)


EXPORT_HANDLERS: list[Any] = [export]


async def _rows(stores: Stores, site: Site, of: str, refunds_by: str, segment: str | None) -> Rows:
    if of == "cohorts":
        view = await stores.reading.cohorts(site, refunds_by=refunds_by)
        return _once(_cohort_rows(view.cohorts))
    if of == "customers":
        return _tuples(stores.reading.all_customers(site, now=await stores.reading.now(), segment=segment))
    return stores.reading.all_orders(site)


def _cohort_rows(cohorts: Iterable[Cohort]) -> list[tuple[Any, ...]]:
    return [
        (one.cohort, one.size, one.spend, one.cac, *msgspec.structs.astuple(cell))
        for one in cohorts
        for cell in one.months
    ]


async def _once(rows: list[tuple[Any, ...]]) -> Rows:
    yield rows


async def _tuples(parts: AsyncIterator[list[Any]]) -> Rows:
    async for part in parts:
        yield [msgspec.structs.astuple(one) for one in part]


async def _lines_of(columns: Sequence[Column], parts: Rows) -> AsyncIterator[bytes]:
    yield _csv([[column.name for column in columns]])
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
