"""Rows that could not be understood: looked at, and tried again once their mapping, or we, have learnt to."""

from datetime import datetime
from typing import Any

import msgspec

from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.mapping import Mapped, order_of, spend_of
from holdfast.domain.sync.rows import Order, Reject, Spend
from holdfast.gateways.shops.shopify_orders import node_or_reject, order_of_node, order_of_webhook
from holdfast.services.sync.kinds import read_config
from holdfast.services.sync.kit import SyncKit
from holdfast.store import connections as connection_store
from holdfast.store import orders as store
from holdfast.store import runs

REJECTS_MAX = 500
PART = 200
RAW_SHOWN = 4_000


class RejectView(msgspec.Struct, frozen=True):
    """A row set aside: whose, which, why, and the beginning of what it was."""

    connection_id: int
    stream: str
    id: str
    reason: str
    raw: str
    updated_at: datetime | None
    at: datetime


class RejectsPage(msgspec.Struct, frozen=True):
    """Rows set aside at a store, the latest first; `total` is how many there are."""

    rejects: list[RejectView]
    total: int


class Retried(msgspec.Struct, frozen=True):
    """How many rows were tried again, and how many of them could be read now."""

    tried: int
    read: int


class Rejects:
    """The rows set aside of all stores."""

    def __init__(self, kit: SyncKit) -> None:
        self._kit = kit

    async def page(self, site: Site, *, limit: int) -> RejectsPage:
        async with self._kit.pool.acquire() as connection:
            rows = await store.rejects(connection, site.id, max(1, min(limit, REJECTS_MAX)))
            total = await store.count_rejects_of_store(connection, site.id)
        return RejectsPage(
            [
                RejectView(
                    row.connection_id, row.stream, row.id, row.reason,
                    row.raw[:RAW_SHOWN].decode("utf-8", "replace"), row.updated_at, row.at,
                )
                for row in rows
            ],
            total,
        )  # fmt: skip

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
