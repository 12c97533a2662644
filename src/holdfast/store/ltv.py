"""Lifetime value as it is kept. Rows in, values out; what counts is said by the queries, once."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec

from holdfast.domain.ltv.segments import Bounds
from holdfast.store import sql
from holdfast.store.connection import Connection

_Q = sql.load("ltv")
LONG_TIMEOUT = "30min"
LONG_MEMORY = "64MB"


_LONG = f"set local statement_timeout = '{LONG_TIMEOUT}'; set local work_mem = '{LONG_MEMORY}'"

Part = tuple[str | None, str | None]
"""Customers behind one, up to another; None: from the first, to the last."""


class LtvState(msgspec.Struct, frozen=True):
    """What was last counted: in which zone and currency, up to when its orders and its spend were complete then."""

    zone: str
    currency: str
    orders_as_of: datetime | None
    ads_as_of: datetime | None
    generation: int
    counted_at: datetime | None
    rebuilt_at: datetime | None
    guests: int
    unconverted: int


class CohortRow(msgspec.Struct, frozen=True):
    cohort: date
    size: int
    repeaters: int


class MonthRow(msgspec.Struct, frozen=True, gc=False):
    """What a cohort did in one of its months; month 0 is that of the first order."""

    cohort: date
    month: int
    active: int
    orders: int
    gross: Decimal
    discounts: Decimal
    refunds_by_order: Decimal
    refunds_by_date: Decimal


class CustomerRow(msgspec.Struct, frozen=True, gc=False):
    customer_id: str
    cohort: date
    first_at: datetime
    last_at: datetime
    orders: int
    net: Decimal
    email: str | None


class SegmentRow(msgspec.Struct, frozen=True):
    """How many customers are in a segment, their orders, and what they brought."""

    segment: str
    customers: int
    orders: int
    net: Decimal


class Totals(msgspec.Struct, frozen=True):
    """All customers of a store that count, their orders, and what they brought."""

    customers: int
    orders: int
    net: Decimal


class Watermarks(msgspec.Struct, frozen=True):
    """Up to when a store's streams are complete; None: never, or not at all. `generation` counts what came in."""

    orders_as_of: datetime | None = None
    ads_as_of: datetime | None = None
    generation: int = 0


async def state(connection: Connection, site_id: int) -> LtvState | None:
    row = await connection.fetchrow(_Q["state"], site_id)
    return None if row is None else LtvState(*row)


async def take_touched(connection: Connection, site_id: int, limit: int) -> list[str]:
    return [row["customer_id"] for row in await connection.fetch(_Q["take_touched"], site_id, limit)]


async def has_touched(connection: Connection, site_id: int) -> bool:
    found: bool = await connection.fetchval(_Q["has_touched"], site_id)
    return found


async def recount(connection: Connection, site_id: int, customers: Sequence[str], *, zone: str, currency: str) -> None:
    """Counts these customers again and brings their cohorts in line, in the caller's transaction under the site's
    lock."""
    await connection.execute(_Q["plan_for_counting"])
    wanted = list(customers)
    await connection.execute(_Q["subtract"], site_id, wanted)
    await connection.execute(_Q["forget_customers"], site_id, wanted)
    await connection.execute(_Q["count_customers"], site_id, wanted, zone, currency, None, None)
    await connection.execute(_Q["keep_counted"], site_id)
    await connection.execute(_Q["add_counted"], site_id)
    await connection.execute(_Q["forget_empty"], site_id)


async def analyse(connection: Connection) -> None:
    """Lets the planner see how large the tables are; outside of a transaction."""
    await connection.execute(_Q["analyse"])


async def rebuild(connection: Connection, site_id: int, *, zone: str, currency: str) -> None:
    """Counts the whole store anew, in place of what was kept, in the caller's transaction under the site's lock."""
    await connection.execute(_LONG)
    await connection.execute(_Q["forget_all"], site_id)
    await connection.execute(_Q["count_customers"], site_id, None, zone, currency, None, None)
    await connection.execute(_Q["keep_counted"], site_id)
    await connection.execute(_Q["add_counted"], site_id)


async def plan_for_parts(connection: Connection) -> None:
    """Begins a transaction that counts parts of a store anew."""
    await connection.execute(_LONG)
    await connection.execute(_Q["plan_for_counting"])


async def end_of_part(connection: Connection, site_id: int, behind: str | None, orders: int) -> str | None:
    """The last customer of the next part of a store; None when the rest is its last part."""
    found: str | None = await connection.fetchval(_Q["end_of_part"], site_id, behind, orders)
    return found


async def differing(connection: Connection, site_id: int, part: Part, *, zone: str, currency: str) -> dict[str, int]:
    """Counts a part of a store anew, and holds it against what is kept: customers, and how many rows of them differ. In
    the caller's transaction, which must be of one snapshot and needs no lock."""
    await connection.execute(_Q["count_customers"], site_id, None, zone, currency, *part)
    rows = await connection.fetch(_Q["differing_customers"], site_id, *part)
    return {row["customer_id"]: row["rows"] for row in rows}


async def touch(connection: Connection, site_id: int, customers: Sequence[str]) -> None:
    """Has these customers counted again."""
    await connection.execute(_Q["touch_customers"], site_id, list(customers))


async def differing_cohorts(connection: Connection, site_id: int) -> dict[date, int]:
    """Cohorts that are not the sum of their customers, and how many rows of them are not; in a transaction, without a
    lock."""
    await connection.execute(_LONG)
    return {row["cohort"]: row["rows"] for row in await connection.fetch(_Q["differing_cohorts"], site_id)}


async def add_up_again(connection: Connection, site_id: int, cohorts: Sequence[date]) -> None:
    """Makes these cohorts the sum of their customers, in the caller's transaction under the site's lock."""
    await connection.execute(_LONG)
    await connection.execute(_Q["take_cohorts"], site_id, list(cohorts))
    await connection.execute(_Q["add_counted"], site_id)


async def count_spend(connection: Connection, site_id: int, currency: str) -> None:
    await connection.execute(_Q["count_spend"], site_id, currency)


async def watermarks(connection: Connection, site_id: int) -> Watermarks:
    found = {row["name"]: row for row in await connection.fetch(_Q["watermarks"], site_id)}

    def until(name: str) -> datetime | None:
        at: datetime | None = found[name]["complete_until"] if name in found else None
        # infinite, and so without a zone, while one of the streams was never read to its end
        return None if at is None or at.tzinfo is None else at

    return Watermarks(until("orders"), until("ads"), sum(row["generation"] for row in found.values()))


async def left_out(connection: Connection, site_id: int, *, currency: str, zone: str) -> tuple[int, int]:
    """Orders without a customer, and orders in a currency without a rate."""
    row = await connection.fetchrow(_Q["left_out"], site_id, currency, zone)
    assert row is not None
    return row["guests"], row["unconverted"]


async def keep_state(
    connection: Connection, site_id: int, marks: Watermarks, *, zone: str, currency: str, is_rebuilt: bool,
    left_out: tuple[int, int],
) -> None:  # fmt: skip
    await connection.execute(
        _Q["keep_state"], site_id, zone, currency, marks.orders_as_of, marks.ads_as_of, marks.generation, is_rebuilt,
        *left_out,
    )  # fmt: skip


async def cohorts(
    connection: Connection, site_id: int
) -> tuple[list[CohortRow], list[MonthRow], dict[date, tuple[Decimal, int]]]:
    """The cohorts, their months, and spend with unconverted days by month."""
    sizes = [CohortRow(*row) for row in await connection.fetch(_Q["cohorts"], site_id)]
    months = [MonthRow(*row) for row in await connection.fetch(_Q["cohort_months"], site_id)]
    spend = await connection.fetch(_Q["spend_months"], site_id)
    return sizes, months, {row["month"]: (row["spend"], row["unconverted"]) for row in spend}


async def customers(
    connection: Connection, site_id: int, *, behind: tuple[Decimal, str] | None, limit: int,
    within: Bounds | None = None,
) -> list[CustomerRow]:  # fmt: skip
    """From behind one on; `within` only those who are."""
    place = (site_id, *(behind if behind is not None else (None, None)), limit)
    if within is None:
        rows = await connection.fetch(_Q["customers"], *place)
    else:
        rows = await connection.fetch(_Q["customers_in_segment"], *place, *msgspec.structs.astuple(within))
    return [CustomerRow(*row) for row in rows]


async def segments(connection: Connection, site_id: int, bounds: Mapping[str, Bounds]) -> list[SegmentRow]:
    columns = zip(*(msgspec.structs.astuple(one) for one in bounds.values()), strict=True)
    return [SegmentRow(*row) for row in await connection.fetch(_Q["segments"], site_id, list(bounds), *columns)]


async def totals(connection: Connection, site_id: int) -> Totals:
    row = await connection.fetchrow(_Q["totals"], site_id)
    assert row is not None
    return Totals(*row)


async def histories(
    connection: Connection, site_id: int, *, zone: str, before: datetime, limit: int, currency: str
) -> list[tuple[list[date], list[float]]]:
    """Days and amounts of orders, by customer."""
    rows = await connection.fetch(_Q["histories"], site_id, zone, before, limit, currency)
    return [(row["days"], row["amounts"]) for row in rows]


async def histories_of(
    connection: Connection, site_id: int, customers: Sequence[str], *, zone: str, before: datetime, currency: str
) -> dict[str, tuple[list[date], list[float]]]:
    """Days and amounts of these customers' orders; without those who have none in that currency."""
    rows = await connection.fetch(_Q["histories_of"], site_id, zone, before, list(customers), currency)
    return {row["customer_id"]: (row["days"], row["amounts"]) for row in rows}


async def customers_before(connection: Connection, site_id: int, before: datetime) -> int:
    found: int = await connection.fetchval(_Q["customers_before"], site_id, before)
    return found
