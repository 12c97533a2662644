"""What looks otherwise than it should, asked of whole tables at once. Rows in, values out; decides nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.bookings.values import Part
from holdfast.store import sql
from holdfast.store.connection import Connection

Q = sql.load("suspects")
_decode_parts = msgspec.json.Decoder(tuple[Part, ...]).decode

_ROOM = (
    "set local statement_timeout = '120s'; set local work_mem = '64MB'; set local jit = off; "
    # one waits for the other, and for what is made of their answers
    "set local idle_in_transaction_session_timeout = '300s'"
)

Found = list[tuple[int, Any]]
"""Site id and the id of a unit, booking, block or holder."""


class Look(msgspec.Struct, frozen=True):
    """What of these sites' rules a question needs: until which start claims have come into view by `now`, how long
    before its start one may at most, and whether sessions last until somebody ends them. At most `limit` rows."""

    site_ids: list[int]
    seen_until: list[datetime]
    lags: list[timedelta]
    overstays: list[bool]
    now: datetime
    limit: int


class Times(msgspec.Struct, frozen=True):
    """Live bookings that the clock judges alike; `parts` None also when they cannot be read (`is_damaged`)."""

    site_id: int
    state: str
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime | None
    wakes_at: datetime | None
    parts: tuple[Part, ...] | None
    is_damaged: bool
    ids: list[UUID]


@asynccontextmanager
async def two_looks(pool: asyncpg.Pool, taking: asyncio.Lock) -> AsyncIterator[tuple[Connection, Connection]]:
    """Two connections that show one snapshot, read-only, with room for joins of whole tables. Under the lock both are
    taken, so that nobody who has one waits for the other of somebody who waits for one."""
    async with AsyncExitStack() as stack:
        async with taking:
            first = await stack.enter_async_context(pool.acquire())
            second = await stack.enter_async_context(pool.acquire())
        yield await _snapshot(stack, first, second)


async def _snapshot(stack: AsyncExitStack, first: Connection, second: Connection) -> tuple[Connection, Connection]:
    for connection in (first, second):
        await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
    snapshot = await first.fetchval("select pg_export_snapshot()")
    await second.execute(f"set transaction snapshot '{snapshot}'")
    for connection in (first, second):
        await connection.execute(_ROOM)
    return first, second


async def page_of_sites(
    connection: Connection, after_id: int, named: str | None, limit: int, organisation_id: UUID | None = None
) -> list[asyncpg.Record]:
    """Ids of sites behind an id, with the instant of their last journal line and the transaction's now."""
    rows: list[asyncpg.Record] = await connection.fetch(Q["page_of_sites"], after_id, named, limit, organisation_id)
    return rows


async def stands_of(connection: Connection, site_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Whole rows of these sites, with where they stand and the transaction's now."""
    rows: list[asyncpg.Record] = await connection.fetch(Q["stands"], list(site_ids))
    return rows


async def statuses(connection: Connection, look: Look) -> list[asyncpg.Record]:
    """Groups of units: site id, condition, shown status, signature, is late, beyond, alarm, unit ids."""
    rows: list[asyncpg.Record] = await connection.fetch(
        Q["statuses"], look.site_ids, look.seen_until, look.now, look.lags, look.limit
    )
    return rows


async def times(connection: Connection, look: Look) -> list[Times]:
    found = []
    for row in await connection.fetch(Q["times"], look.site_ids, look.limit):
        parts, is_damaged = None, False
        if row["parts"] is not None:
            try:
                parts = _decode_parts(row["parts"])
            except msgspec.MsgspecError:
                is_damaged = True
        found.append(
            Times(
                row["site_id"], row["state"], row["starts_at"], row["ends_at"], row["expires_at"], row["wakes_at"],
                parts, is_damaged, row["ids"],
            )
        )  # fmt: skip
    return found


async def claims(connection: Connection, look: Look, kinds: Mapping[tuple[str, str], str]) -> Found:
    """Holders and live bookings that are not each other's; `kinds` says which claim a (kind of site, state) holds."""
    columns = [key[0] for key in kinds], [key[1] for key in kinds], list(kinds.values())
    return _pairs(await connection.fetch(Q["claims"], look.site_ids, *columns, look.limit))


async def parted(connection: Connection, look: Look) -> list[asyncpg.Record]:
    """Whole rows of the live bookings in parts."""
    rows: list[asyncpg.Record] = await connection.fetch(Q["parted"], look.site_ids, look.limit)
    return rows


async def blocks(connection: Connection, look: Look) -> Found:
    return _pairs(await connection.fetch(Q["blocks"], look.site_ids, look.now, look.limit))


async def blocks_to_wake(connection: Connection, look: Look) -> Found:
    return _pairs(await connection.fetch(Q["blocks_to_wake"], look.site_ids, look.limit))


async def told(connection: Connection, look: Look) -> list[asyncpg.Record]:
    """Live bookings that are not as their last journal line says: their row, and what the line says."""
    rows: list[asyncpg.Record] = await connection.fetch(Q["told"], look.site_ids, look.limit)
    return rows


async def told_of(connection: Connection, bookings: Iterable[tuple[int, UUID]]) -> list[asyncpg.Record]:
    """The same of these bookings, whether live or not, and whether their units are as told."""
    pairs = list(bookings)
    if not pairs:
        return []
    rows: list[asyncpg.Record] = await connection.fetch(Q["told_of"], *_columns(pairs))
    return rows


async def not_live(connection: Connection, look: Look, states: list[str]) -> Found:
    """Bookings marked as not live in one of these states."""
    return _pairs(await connection.fetch(Q["not_live"], look.site_ids, states, look.limit))


async def homeless(connection: Connection, look: Look) -> Found:
    """Holders of claims on units there are not."""
    return _pairs(await connection.fetch(Q["homeless"], look.site_ids, look.limit))


async def gone(connection: Connection, holders: Iterable[tuple[int, UUID]]) -> list[asyncpg.Record]:
    """Of these bookings those without a row: what their last journal line says of them."""
    pairs = list(holders)
    if not pairs:
        return []
    columns = [pair[0] for pair in pairs], [str(pair[1]) for pair in pairs]
    rows: list[asyncpg.Record] = await connection.fetch(Q["gone"], *columns)
    return rows


async def observed(connection: Connection, look: Look) -> Found:
    return _pairs(await connection.fetch(Q["observed"], look.site_ids, look.overstays, look.now, look.limit))


async def two_sessions(connection: Connection, look: Look) -> Found:
    return _pairs(await connection.fetch(Q["two_sessions"], look.site_ids, look.overstays, look.now, look.limit))


async def unfit(connection: Connection, look: Look) -> Found:
    return _pairs(await connection.fetch(Q["unfit"], look.site_ids, look.seen_until, look.now, look.limit))


async def sites(connection: Connection, look: Look) -> list[int]:
    """The sites whose own alarm is later than one of theirs."""
    return [row["id"] for row in await connection.fetch(Q["sites"], look.site_ids)]


async def standing(connection: Connection, look: Look, rules: Iterable[str]) -> list[asyncpg.Record]:
    """What stands by these rules: site id, rule, subject, and the unit's id where it is about a unit."""
    rows: list[asyncpg.Record] = await connection.fetch(Q["standing"], look.site_ids, list(rules), look.limit)
    return rows


async def standing_sites(connection: Connection, rules: Iterable[str], *, limit: int) -> list[int]:
    """The sites at which anything stands by these rules."""
    return [row["site_id"] for row in await connection.fetch(Q["standing_sites"], list(rules), limit)]


async def counts(connection: Connection, site_ids: Sequence[int]) -> tuple[int, int]:
    """How many units and live bookings these sites have."""
    (row,) = await connection.fetch(Q["counts"], list(site_ids))
    return row["units"], row["bookings"]


def _columns(pairs: list[tuple[int, UUID]]) -> tuple[list[int], list[UUID]]:
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _pairs(rows: list[asyncpg.Record]) -> Found:
    return [(row[0], row[1]) for row in rows]
