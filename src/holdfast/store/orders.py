"""What sources brought, written in batches: copied into temporary tables, then merged set-based. Decides only what a
row's own stamps decide: the newer version stays."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from holdfast.domain.sync.rows import ZERO, Order, Reject, Spend, fingerprint
from holdfast.store import sql
from holdfast.store.connection import Connection
from holdfast.store.copying import NOTHING, cell, copy_text, is_plain, plain_cell

_Q = sql.load("orders")
_INCOMING = sql.load("incoming")
ORDER_COLUMNS = ("number", "id", "updated_at", "placed_at", "currency", "gross", "discounts", "refunded",
                 "customer_id", "email", "name", "is_test", "cancelled_at", "hash")  # fmt: skip
LINE_COLUMNS = ("order_number", "number", "product", "sku", "quantity", "price", "discount")
REFUND_COLUMNS = ("order_number", "id", "at", "amount")
SPEND_COLUMNS = ("number", "day", "campaign_id", "campaign", "currency", "spend", "impressions", "clicks")
UNSEEN_MAX = 5_000
EXPORT_ROWS = 2_000


class Place(msgspec.Struct, frozen=True):
    """Whose rows they are."""

    site_id: int
    connection_id: int


class Packed(msgspec.Struct, frozen=True):
    """A batch of orders as it is copied in: made ahead, while the one before is written."""

    count: int
    orders: bytes
    lines: bytes
    refunds: bytes


class Written(msgspec.Struct, frozen=True):
    """What a batch came to: rows new or changed, and how many of those should have been so long ago."""

    changed: int = 0
    overdue: int = 0


class RejectFilter(msgspec.Struct, frozen=True):
    """Which rows set aside are wanted; None does not choose. `words` are part of the reason, in capitals or not."""

    connection_id: int | None = None
    stream: str | None = None
    words: str | None = None


class RejectPlace(msgspec.Struct, frozen=True):
    """Where a row set aside stands among all of its store."""

    at: datetime
    connection_id: int
    stream: str
    id: str


class RejectRow(msgspec.Struct, frozen=True):
    """A row set aside, as it is listed."""

    connection_id: int
    stream: str
    id: str
    reason: str
    raw: bytes
    updated_at: datetime | None
    at: datetime


async def prepare_incoming(connection: Connection) -> None:
    """Makes a session's temporary tables, where it does not have them yet. Must not run inside a batch's transaction:
    a rollback would take them along."""
    for statement in _INCOMING.values():
        await connection.execute(statement)


async def analyse(connection: Connection) -> None:
    """Lets the planner see how large the tables are; outside of a transaction."""
    await connection.execute(_Q["analyse"])


class Packing:
    """Packs a batch of orders, a part of it at a time."""

    def __init__(self) -> None:
        self._count = 0
        self._orders: list[str] = []
        self._lines: list[str] = []
        self._refunds: list[str] = []

    def add(self, orders: Sequence[Order]) -> None:
        texts = [f"{o.id}{o.currency}{o.customer_id}{o.email}{o.name}" for o in orders]
        texts += [f"{line.product}{line.sku}" for order in orders for line in order.lines]
        of = plain_cell if is_plain("".join(texts)) else cell
        for number, order in enumerate(orders, self._count):
            self._orders.append(_order_row(number, order, of))
            for at, line in enumerate(order.lines):
                self._lines.append(
                    f"{number}\t{at}\t{of(line.product)}\t{of(line.sku)}\t{line.quantity}\t{line.price!s}\t"
                    f"{line.discount!s}\n"
                )
            for refund in order.refunds:
                self._refunds.append(f"{number}\t{cell(refund.id)}\t{refund.at!s}\t{refund.amount!s}\n")
        self._count += len(orders)

    def packed(self) -> Packed:
        parts = ("".join(rows).encode() for rows in (self._orders, self._lines, self._refunds))
        return Packed(self._count, *parts)


def packed(orders: Sequence[Order]) -> Packed:
    """A few orders at once."""
    packing = Packing()
    packing.add(orders)
    return packing.packed()


async def copy_in(connection: Connection, batch: Packed) -> None:
    """Copies a batch into the session's tables of what is coming in, for the transaction that is to merge it. Needs no
    lock."""
    for table, columns, rows in (
        ("incoming_order", ORDER_COLUMNS, batch.orders),
        ("incoming_line", LINE_COLUMNS, batch.lines),
        ("incoming_refund", REFUND_COLUMNS, batch.refunds),
    ):
        if rows:
            await copy_text(connection, table, columns, rows)


async def write_orders(
    connection: Connection, place: Place, batch: Packed, *, seen_at: datetime, compare: bool = False,
    settled_before: datetime | None = None, is_in: bool = False,
) -> Written:  # fmt: skip
    """Merges orders that were read from the source at `seen_at`, in the caller's transaction, which holds the site's
    lock. With `compare` also those change that differ only where somebody wrote past us; changes of orders that were
    last changed `settled_before` are overdue. `is_in`: they were copied in before, in this transaction."""
    if not batch.count:
        return Written()
    here = (place.site_id, place.connection_id)
    await connection.execute(_Q["plan_for_batches"])
    if not is_in:
        await copy_in(connection, batch)
    await connection.execute(_Q["touch_former"], *here)
    await connection.execute(_Q["upsert_orders"], *here, seen_at, compare)
    if compare:
        await connection.execute(_Q["differing_children"], *here)
    row = await connection.fetchrow(_Q["touch_changed"], *here, settled_before)
    assert row is not None
    if row["changed"] and (batch.lines or batch.refunds):
        await connection.execute(_Q["insert_children"], *here)
    await connection.execute(_Q["take_back"], *here)
    return Written(row["changed"], row["overdue"])


async def write_spend(connection: Connection, place: Place, spend: Sequence[Spend], *, read: int) -> int:
    """Merges days of ad spend met by this read; returns how many were new or changed."""
    if not spend:
        return 0
    await connection.execute(_Q["plan_for_batches"])
    records = [
        (n, s.day, s.campaign_id, s.campaign, s.currency, s.spend, s.impressions, s.clicks)
        for n, s in enumerate(spend)
    ]  # fmt: skip
    await connection.copy_records_to_table("incoming_spend", records=records, columns=SPEND_COLUMNS)
    changed: int = await connection.fetchval(_Q["upsert_spend"], place.site_id, place.connection_id, read)
    return changed


async def set_aside(
    connection: Connection, place: Place, stream: str, rejects: Sequence[Reject], *, run_id: UUID | None
) -> None:
    """Keeps rows that could not be read, each once, with its latest reason."""
    latest = {_reject_id(one): one for one in rejects}
    columns: list[list[Any]] = [[], [], [], []]
    for key, one in sorted(latest.items()):
        for column, value in zip(columns, (key, one.reason, one.raw, one.updated_at), strict=True):
            column.append(value)
    if latest:
        await connection.execute(_Q["set_aside"], place.site_id, place.connection_id, stream, *columns, run_id)


async def delete_orders(connection: Connection, place: Place, ids: Iterable[str], *, at: datetime) -> int:
    """Marks orders as deleted at the source since `at`; those not known yet will come in as deleted. How many were
    known and not deleted yet."""
    wanted = sorted(set(ids))
    deleted: int = await connection.fetchval(_Q["delete_orders"], place.site_id, place.connection_id, wanted, at)
    return deleted


async def note_seen(connection: Connection, place: Place, ids: Sequence[str]) -> None:
    await connection.execute(_Q["note_seen"], place.site_id, place.connection_id, list(ids))


async def forget_seen(connection: Connection, place: Place) -> None:
    await connection.execute(_Q["forget_seen"], place.site_id, place.connection_id)


async def unseen(connection: Connection, place: Place, since: datetime | None, until: datetime) -> list[str]:
    """Orders of the window that a verifying read did not meet, at most `UNSEEN_MAX`."""
    rows = await connection.fetch(_Q["unseen"], place.site_id, place.connection_id, since, until, UNSEEN_MAX)
    return [row["id"] for row in rows]


async def count_orders(connection: Connection, place: Place, since: datetime | None, until: datetime) -> int:
    found: int = await connection.fetchval(_Q["count_orders"], place.site_id, place.connection_id, since, until)
    return found


async def sum_spend(
    connection: Connection, place: Place, first: date, last: date
) -> tuple[tuple[tuple[str, Decimal], ...], int]:
    """Our spend of these days by currency, and how many rows make it."""
    rows = await connection.fetch(_Q["sum_spend"], place.site_id, place.connection_id, first, last)
    return tuple((row["currency"], row["spend"]) for row in rows), sum(row["rows"] for row in rows)


async def delete_unmet_spend(connection: Connection, place: Place, first: date, last: date, *, read: int) -> int:
    """Takes out what a whole read of these days did not meet; how many rows."""
    gone: int = await connection.fetchval(
        _Q["delete_unmet_spend"], place.site_id, place.connection_id, first, last, read
    )
    return gone


async def rejects(
    connection: Connection, site_id: int, wanted: RejectFilter, *, behind: RejectPlace | None, limit: int, raw_max: int
) -> list[RejectRow]:
    """Rows set aside, the latest first; of what each was the first `raw_max` bytes."""
    place = (None, None, None, None) if behind is None else msgspec.structs.astuple(behind)
    chosen = msgspec.structs.astuple(wanted)
    rows = await connection.fetch(_Q["rejects"], site_id, *chosen, *place, limit, raw_max)
    return [RejectRow(*row) for row in rows]


async def count_rejects_like(connection: Connection, site_id: int, wanted: RejectFilter) -> int:
    found: int = await connection.fetchval(_Q["count_rejects_like"], site_id, *msgspec.structs.astuple(wanted))
    return found


async def reject_reasons(
    connection: Connection, site_id: int, wanted: RejectFilter, limit: int
) -> list[tuple[str, int]]:
    """The reasons of most rows, whatever words are wanted in them."""
    rows = await connection.fetch(
        _Q["reject_reasons"], site_id, wanted.connection_id, wanted.stream, limit
    )  # fmt: skip
    return [(row["reason"], row["rows"]) for row in rows]


async def rejects_to_retry(
    connection: Connection, place: Place, stream: str, after: str, limit: int
) -> list[tuple[str, bytes]]:
    rows = await connection.fetch(_Q["rejects_to_retry"], place.site_id, place.connection_id, stream, after, limit)
    return [(row["id"], row["raw"]) for row in rows]


async def drop_rejects(connection: Connection, place: Place, stream: str, ids: Sequence[str]) -> int:
    gone: int = await connection.fetchval(_Q["drop_rejects"], place.site_id, place.connection_id, stream, list(ids))
    return gone


async def count_rejects(connection: Connection, place: Place, stream: str) -> int:
    found: int = await connection.fetchval(_Q["count_rejects"], place.site_id, place.connection_id, stream)
    return found


async def count_rejects_of_store(connection: Connection, site_id: int) -> int:
    found: int = await connection.fetchval(_Q["count_rejects_of_store"], site_id)
    return found


async def orders_after(connection: Connection, site_id: int, after: tuple[int, str]) -> list[tuple[Any, ...]]:
    """The next orders of a store for export, as plain tuples."""
    return [tuple(row) for row in await connection.fetch(_Q["orders_after"], site_id, *after, EXPORT_ROWS)]


def _order_row(number: int, o: Order, of: Callable[[str | None], str]) -> str:
    refunded = sum((refund.amount for refund in o.refunds), ZERO) if o.refunds else ZERO
    return (
        f"{number}\t{of(o.id)}\t{o.updated_at!s}\t{o.placed_at!s}\t{of(o.currency)}\t{o.gross!s}\t{o.discounts!s}\t"
        f"{refunded!s}\t{of(o.customer_id)}\t{of(o.email)}\t{of(o.name)}\t{'t' if o.is_test else 'f'}\t"
        f"{NOTHING if o.cancelled_at is None else o.cancelled_at}\t\\\\x{fingerprint(o).hex()}\n"
    )


def _reject_id(reject: Reject) -> str:
    """Its own id, or what stands for one that has none."""
    if reject.id:
        return reject.id
    return "?" + hashlib.blake2b(reject.raw, digest_size=8).hexdigest()
