"""Rows that could not be understood: looked at page by page or all at once, and tried again once their mapping, or we,
have learnt to."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.mapping import Mapped, order_of, spend_of
from holdfast.domain.sync.rows import RAW_BYTES_MAX, Order, Reject, Spend
from holdfast.domain.sync.windows import STREAMS
from holdfast.gateways.shops.shopify_orders import node_or_reject, order_of_node, order_of_webhook
from holdfast.services import cursors
from holdfast.services.paging import bounded
from holdfast.services.sync.kinds import read_config
from holdfast.services.sync.kit import SyncKit
from holdfast.store import connections as connection_store
from holdfast.store import orders as store
from holdfast.store import runs

LIST = "rejects"
PART = 200
RAW_SHOWN = 4_000
REASONS_MAX = 12
WORDS_CHARS_MAX = 200


class RejectView(msgspec.Struct, frozen=True):
    """A row set aside: whose, which, why, and the beginning of what it was."""

    connection_id: int
    stream: str
    id: str
    reason: str
    raw: str
    updated_at: datetime | None
    at: datetime


class ReasonView(msgspec.Struct, frozen=True):
    """A reason, and how many rows are set aside for it."""

    reason: str
    rows: int


class RejectsPage(msgspec.Struct, frozen=True):
    """Rows set aside at a store, the latest first. `total` is how many are wanted in all; `reasons` are those of most
    rows, whatever part of a reason is wanted; `next` goes on."""

    rejects: list[RejectView]
    total: int
    reasons: list[ReasonView]
    next: str | None = None


class Retried(msgspec.Struct, frozen=True):
    """How many rows were tried again, and how many of them could be read now."""

    tried: int
    read: int


Wanted = store.RejectFilter
ANY = Wanted()
COLUMNS = ("connection", "stream", "id", "reason", "at", "updated_at", "raw")
"""Of a row in a file."""


def wanted_of(connection_id: int | None, stream: str | None, reason: str | None) -> Wanted:
    """Which rows are wanted.

    Raises:
        Refusal: `invalid_request` for a stream there is not, or a part of a reason that can be none.
    """
    if stream is not None and stream not in STREAMS:
        raise Refusal("invalid_request", field="stream", given=stream[:40], possible=list(STREAMS))
    if reason is not None and (len(reason) > WORDS_CHARS_MAX or not reason.isprintable()):
        problem = f"has up to {WORDS_CHARS_MAX} printable characters"
        raise Refusal("invalid_request", field="reason", problem=problem)
    return Wanted(connection_id, stream, reason or None)


class Rejects:
    """The rows set aside of all stores."""

    def __init__(self, kit: SyncKit) -> None:
        self._kit = kit

    async def page(self, site: Site, wanted: Wanted = ANY, *, cursor: str | None = None, limit: int) -> RejectsPage:
        """Raises:
        Refusal: `invalid_cursor`.
        """
        position, limit = cursors.read(cursors.AtRow, cursor, LIST), bounded(limit)
        behind = None if position is None else _place(position)
        async with self._kit.pool.acquire() as connection:
            rows = await store.rejects(
                connection, site.id, wanted, behind=behind, limit=limit + 1, raw_max=RAW_SHOWN
            )  # fmt: skip
            total = await store.count_rejects_like(connection, site.id, wanted)
            reasons = await store.reject_reasons(connection, site.id, wanted, REASONS_MAX)
        following = None
        if len(rows) > limit:
            last = rows[limit - 1]
            following = cursors.write(cursors.AtRow(LIST, last.at, last.connection_id, last.stream, last.id))
        shown = [_view(row) for row in rows[:limit]]
        return RejectsPage(shown, total, [ReasonView(*one) for one in reasons], following)

    async def all(self, site: Site, wanted: Wanted) -> AsyncIterator[list[dict[str, Any]]]:
        """All of them as they came, some at a time, for export; `connection` is its name."""
        async with self._kit.pool.acquire() as connection:
            names = {one.id: one.name for one in await connection_store.of_site(connection, site.id)}
        behind: store.RejectPlace | None = None
        while True:
            async with self._kit.pool.acquire() as connection:
                rows = await store.rejects(
                    connection, site.id, wanted, behind=behind, limit=PART, raw_max=RAW_BYTES_MAX
                )  # fmt: skip
            yield [
                {
                    "connection": names.get(row.connection_id, str(row.connection_id)), "stream": row.stream,
                    "id": row.id, "reason": row.reason, "at": row.at, "updated_at": row.updated_at,
                    "raw": row.raw.decode("utf-8", "replace"),
                }
                for row in rows
            ]  # fmt: skip
            if len(rows) < PART:
                return
            behind = _place(rows[-1])

    async def retry(self, site: Site, *, actor: str) -> Retried:
        """Reads every row that was set aside again, as it was kept; what can be read now is no reject any more. A row
        that has come in whole since is not replaced by its older self."""
        async with self._kit.pool.acquire() as connection:
            connections = await connection_store.of_site(connection, site.id)
            streams = await connection_store.streams(connection, site.id)
        tried = read = 0
        for stream in streams:
            row = next(one for one in connections if one.id == stream.connection_id)
            more = await self._retry(site, row, stream, actor)
            tried, read = tried + more.tried, read + more.read
        return Retried(tried, read)

    async def _retry(
        self, site: Site, row: connection_store.ConnectionRow, known: connection_store.StreamRow, actor: str
    ) -> Retried:
        place, stream, reads = store.Place(site.id, row.id), known.name, known.reads
        mapped = getattr(read_config(row.kind, row.config), "mapping", Mapped())
        after, tried, read = "", 0, 0
        while True:
            async with self._kit.pool.acquire() as connection, self._kit.journal.locked(connection, site.id) as lines:
                kept = await store.rejects_to_retry(connection, place, stream, after, PART)
                found = {key: _again(row.kind, stream, raw, mapped) for key, raw in kept}
                good = {key: one for key, one in found.items() if not isinstance(one, Reject)}
                if good:
                    await store.drop_rejects(connection, place, stream, list(good))
                    orders = [one for one in good.values() if isinstance(one, Order)]
                    await store.write_orders(connection, place, store.packed(orders), seen_at=lines.now)
                    spend = [one for one in good.values() if isinstance(one, Spend)]
                    await store.write_spend(connection, place, spend, read=reads)
                    await runs.raise_generation(connection, place, stream)
                    told = {"connection": row.name, "stream": stream, "read": len(good)}
                    lines.add(events.ORDERS_CHANGED, row.name, told, actor=actor, cause="retried")
            tried, read = tried + len(kept), read + len(good)
            if len(kept) < PART:
                return Retried(tried, read)
            after = kept[-1][0]


def _place(row: store.RejectRow | cursors.AtRow) -> store.RejectPlace:
    return store.RejectPlace(row.at, row.connection_id, row.stream, row.id)


def _view(row: store.RejectRow) -> RejectView:
    raw = row.raw.decode("utf-8", "replace")
    return RejectView(row.connection_id, row.stream, row.id, row.reason, raw, row.updated_at, row.at)


def _again(kind: str, stream: str, raw: bytes, mapped: Mapped) -> Order | Spend | Reject:
    """A row as its source would tell it now; whatever shape it came in."""
    if kind == "shopify":
        node = node_or_reject(raw)
        return order_of_webhook(raw) if isinstance(node, Reject) else order_of_node(node, raw)
    try:
        value: Any = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError) as error:
        return Reject("", f"is no JSON: {error}", raw)
    if not isinstance(value, dict):
        return Reject("", "it is no object", raw)
    return order_of(value, mapped) if stream == "orders" else spend_of(value, mapped)
