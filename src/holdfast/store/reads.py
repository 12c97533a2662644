"""What is recorded, for whoever reads past the desk: rows in, values out. Takes no lock, decides nothing."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.values import Booking
from holdfast.domain.intervals import Interval
from holdfast.domain.sites import Site
from holdfast.domain.units import Claim, Unit
from holdfast.store import desk, sql

_Q = sql.load("reads")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2300, 1, 1, tzinfo=UTC)
FIRST_ID = UUID(int=0)
LAST_ID = UUID(int=(1 << 128) - 1)
_TICK = timedelta(microseconds=1)

Connection = Any
"""A connection, a pool's stand-in for one, or for single questions the pool itself: they have no common type."""
_decode_status = msgspec.json.Decoder(dict[str, Any]).decode


class Standing(msgspec.Struct, frozen=True):
    """Where a site stands."""

    version: int
    now: datetime


class ShownAt(msgspec.Struct, frozen=True, gc=False):
    """What a unit showed, since when, and the booking behind it."""

    code: str
    status: str
    since: datetime
    booking: UUID | None
    version: int


class BookingFilter(msgspec.Struct, frozen=True):
    """Which bookings a list is of. `since` bounds how early a booking that reaches into the window may start."""

    states: tuple[str, ...] | None = None
    category: str | None = None
    unit_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    since: datetime = BEGINNING
    customer_keys: tuple[str, ...] | None = None
    series: UUID | None = None
    reference: str | None = None
    name: str | None = None
    """Part of the customer's name, in whatever case."""


class LineFilter(msgspec.Struct, frozen=True):
    """Which journal lines are asked for; None means all."""

    types: tuple[str, ...] | None = None
    subject: str | None = None
    actor: str | None = None
    cause: str | None = None

    @property
    def is_of_all(self) -> bool:
        return self.types is None and self.subject is None and self.actor is None and self.cause is None


ALL_LINES = LineFilter()


def booking_of(row: asyncpg.Record) -> Booking:
    """A booking as far as it can be read: what somebody wrote past the desk into one must not blind a whole list."""
    try:
        return desk.booking_of(row)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return desk.booking_of(dict(row) | {"parts": None, "details": None})


def unit_of(row: asyncpg.Record) -> Unit:
    """A unit as far as it can be read."""
    try:
        return desk.unit_of(row)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return desk.unit_of((*tuple(row)[:-1], b"{}"))


@asynccontextmanager
async def snapshot(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection on which everything read is of one instant."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


async def standing(connection: Connection, site_id: int) -> Standing | None:
    row = await connection.fetchrow(_Q["standing"], site_id)
    return Standing(*row) if row is not None else None


async def stands(connection: Connection, site_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(site id, version) of the sites there are of these."""
    return [tuple(row) for row in await connection.fetch(_Q["stands"], list(site_ids))]


async def site(connection: Connection, site_id: int) -> tuple[Site, Standing] | None:
    row = await connection.fetchrow(_Q["site"], site_id)
    return (desk.site_of(row), Standing(row["version"], row["now"])) if row is not None else None


async def history_line(connection: Connection) -> tuple[int, str, int, int] | None:
    """System identifier, timeline, database and table; None when this role may not ask."""
    try:
        row = await connection.fetchrow(_Q["history_line"])
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError, asyncpg.FeatureNotSupportedError):
        return None
    return row["system"], row["timeline"], row["database"], row["made"]


async def table_made(pool: asyncpg.Pool) -> int:
    """What a backup that is restored in the place of this database makes anew."""
    made: int = await pool.fetchval(_Q["table_made"])
    return made


async def secret(pool: asyncpg.Pool, name: str, fresh: bytes) -> bytes:
    """The secret of that name; `fresh` becomes it when there is none yet, whoever asks first."""
    value: bytes | None = await pool.fetchval(_Q["secret"], name)
    if value is None:
        await pool.execute(_Q["keep_secret"], name, fresh)
        value = await pool.fetchval(_Q["secret"], name)
    assert value is not None
    return value


async def units(connection: Connection, site_id: int, *, category: str | None, after: str, limit: int) -> list[Unit]:
    if category is None:
        rows = await connection.fetch(_Q["units"], site_id, after, limit)
    else:
        rows = await connection.fetch(_Q["units_of_category"], site_id, after, limit, category)
    return [unit_of(row) for row in rows]


async def unit_codes(connection: Connection, site_id: int, unit_ids: Sequence[int]) -> dict[int, str]:
    if not unit_ids:
        return {}
    return {row[0]: row[1] for row in await connection.fetch(_Q["unit_codes"], site_id, list(unit_ids))}


async def named(connection: Connection, site_id: int, unit_ids: Sequence[int]) -> dict[int, Unit]:
    """Units by id, for those who ask for their codes in bulk."""
    rows = await desk.by_keys(connection, "units_by_id", [(site_id, unit_id) for unit_id in unit_ids])
    return {unit.id: unit for unit in map(unit_of, rows)}


async def unit_id(connection: Connection, site_id: int, code: str) -> int | None:
    found: int | None = await connection.fetchval(_Q["unit_by_code"], site_id, code)
    return found


async def claims_of_units(
    connection: Connection, site_id: int, unit_ids: Sequence[int], window: Interval
) -> list[Claim]:
    rows = await connection.fetch(_Q["claims_of_units"], site_id, list(unit_ids), window.start, window.end)
    return [desk.claim_of(row) for row in rows]


async def sessions_of_units(connection: Connection, site_id: int, unit_ids: Sequence[int]) -> list[Claim]:
    rows = await connection.fetch(_Q["sessions_of_units"], site_id, list(unit_ids))
    return [desk.claim_of(row) for row in rows]


async def claims_of_window(connection: Connection, site_id: int, window: Interval, limit: int) -> list[Claim]:
    rows = await connection.fetch(_Q["claims_of_window"], site_id, window.start, window.end, limit)
    return [desk.claim_of(row) for row in rows]


async def sessions(connection: Connection, site_id: int, limit: int) -> list[Claim]:
    return [desk.claim_of(row) for row in await connection.fetch(_Q["sessions"], site_id, limit)]


async def statuses_at(connection: Connection, site_id: int, codes: Sequence[str], at: datetime) -> dict[str, ShownAt]:
    """What these units showed at an instant, by the journal; a unit that was not there yet is left out."""
    found = {}
    for code, since, version, data in await connection.fetch(_Q["statuses_at"], site_id, list(codes), at):
        said = _decode_status(data)
        booking = said.get("booking")
        found[code] = ShownAt(code, said["to"], since, UUID(booking) if booking else None, version)
    return found


async def bookings_starting(connection: Connection, site_id: int, window: Interval, limit: int) -> list[Booking]:
    rows = await connection.fetch(_Q["bookings_starting"], site_id, window.start, window.end, limit)
    return [booking_of(row) for row in rows]


async def bookings_by_id(connection: Connection, site_id: int, ids: Sequence[UUID]) -> list[Booking]:
    rows = await desk.by_keys(connection, "bookings", desk.holder_keys(site_id, ids))
    return [booking_of(row) for row in rows]


async def bookings(
    connection: Connection, site_id: int, wanted: BookingFilter, *, after: tuple[datetime, UUID], limit: int
) -> list[Booking]:
    """A page of the bookings that pass the filter, in the order of their start, by the narrowest index there is."""
    by: tuple[str, Any]
    if wanted.reference is not None:
        by = "bookings_by_reference", wanted.reference
    elif wanted.series is not None:
        by = "bookings_of_series", wanted.series
    elif wanted.customer_keys is not None:
        by = "bookings_of_customer", list(wanted.customer_keys)
    else:
        by = "bookings_by_time", max(wanted.since, after[0] - _TICK)
    states = list(wanted.states) if wanted.states is not None else None
    rows = await connection.fetch(
        _Q[by[0]],
        site_id,
        states,
        wanted.category,
        wanted.unit_id,
        wanted.start,
        wanted.end,
        *after,
        by[1],
        limit,
        wanted.name,
    )
    return [booking_of(row) for row in rows]


async def blocks_of_window(connection: Connection, site_id: int, window: Interval, limit: int) -> list[Block]:
    rows = await connection.fetch(_Q["blocks_of_window"], site_id, window.start, window.end, limit)
    return [desk.block_of(row) for row in rows]


async def blocks(connection: Connection, site_id: int, *, after: tuple[datetime, UUID], limit: int) -> list[Block]:
    return [desk.block_of(row) for row in await connection.fetch(_Q["blocks"], site_id, *after, limit)]


async def findings(
    connection: Connection, site_id: int, state: str | None, *, after: tuple[datetime, UUID], limit: int
) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(_Q["findings"], site_id, state, *after, limit)
    return rows


async def journal_of_subject(connection: Connection, site_id: int, subject: str, limit: int) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(_Q["journal_of_subject"], site_id, subject, limit)
    return rows


async def journal(
    connection: Connection, site_id: int, *, after: int, until: int, limit: int, wanted: LineFilter
) -> list[asyncpg.Record]:
    """Events behind `after` up to `until`, in order, that pass the filter."""
    arguments = (site_id, after, until, limit)
    rows: list[asyncpg.Record]
    if wanted.is_of_all:
        rows = await connection.fetch(_Q["journal"], *arguments)
        return rows
    by = (list(wanted.types) if wanted.types is not None else None, wanted.actor, wanted.cause)
    if wanted.subject is None:
        rows = await connection.fetch(_Q["journal_matching"], *arguments, *by)
    else:
        rows = await connection.fetch(_Q["journal_about"], *arguments, *by, wanted.subject)
    return rows


async def version_before(connection: Connection, site_id: int, at: datetime, *, last: int) -> int:
    """The version of the last line that was written before an instant; found by halving, as lines are written in the
    order of time. 0 when none was, `last` when all were."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        row = await connection.fetchrow(_Q["journal_line_from"], site_id, middle + 1)
        if row is None or row["version"] > last or row["at"] >= at:
            high = middle
        else:
            low = row["version"]
    return low


async def oldest_version(connection: Connection, site_id: int) -> int | None:
    version: int | None = await connection.fetchval(_Q["oldest_version"], site_id)
    return version
