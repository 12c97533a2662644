"""How a store stands, in one answer to start a live screen from: its connections, latest runs, totals, watermark."""

from datetime import datetime
from decimal import Decimal

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.services.ltv.reading import Reading, Watermark
from holdfast.services.sync.connections import Connections, ConnectionView
from holdfast.services.sync.kit import SyncKit
from holdfast.services.sync.runs import Runs, RunView
from holdfast.store import orders
from holdfast.store import reads as site_store

RUNS = 10


class Totals(msgspec.Struct, frozen=True):
    """All customers that count, their orders, and what they brought, net of discounts and refunds."""

    customers: int
    orders: int
    net: Decimal


class StoreView(msgspec.Struct, frozen=True):
    """A store at least as late as that journal version: events up to it may be told in it already, those behind it are
    to be heard. `runs` are the latest, the newest first; `rejects` counts rows set aside."""

    site: str
    version: int
    now: datetime
    connections: list[ConnectionView]
    runs: list[RunView]
    ltv: Watermark
    totals: Totals
    rejects: int


class Overview:
    """Looks at stores; changes nothing."""

    def __init__(self, kit: SyncKit, connections: Connections, runs: Runs, reading: Reading) -> None:
        self._kit, self._connections, self._runs, self._reading = kit, connections, runs, reading

    async def of(self, site: Site) -> StoreView:
        """Raises:
        Refusal: `unknown_site`.
        """
        async with self._kit.pool.acquire() as connection:
            # before all else: what happens meanwhile is told again by the events behind it
            standing = await site_store.standing(connection, site.id)
            rejects = await orders.count_rejects_of_store(connection, site.id)
        if standing is None:
            raise Refusal("unknown_site", site=site.slug)
        totals = await self._reading.totals(site)
        return StoreView(
            site.slug, standing.version, standing.now,
            await self._connections.page(self._kit, site),
            await self._runs.page(site, before=None, limit=RUNS),
            await self._reading.watermark(site),
            Totals(totals.customers, totals.orders, totals.net),
            rejects,
        )  # fmt: skip
