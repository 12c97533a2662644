"""A store on a real database, synced through the real client from a local shop that behaves like the original."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import asyncpg
import pytest

from holdfast.domain.sites import Site
from holdfast.services.demo_http import DemoServer
from holdfast.services.demo_shop import TOKEN, DemoShop, ShopOrder
from holdfast.services.desk import Desk
from holdfast.services.requests import SiteRequest
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores, leave_session, prepare_session
from holdfast.services.sync.connections import ConnectionRequest
from holdfast.services.sync.kit import SyncLimits
from holdfast.services.sync.runs import RunView, Wish
from holdfast.services.vault import Vault
from holdfast.store import database

WEBHOOK_SECRET = "the-secret-of-webhooks"
HERE = [ip_network("127.0.0.1/32")]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

Fill = Callable[..., None]


def now_s() -> datetime:
    """Now, in whole seconds, as shops stamp."""
    return datetime.now(UTC).replace(microsecond=0)


def order(number: int, **more: Any) -> ShopOrder:
    """An order of the shop, by default of an hour of its own long ago."""
    at = NOON + timedelta(minutes=number)
    given = {"placed_at": at, "updated_at": at, "subtotal": Decimal("10.00"), "customer_id": number, **more}
    return ShopOrder(number, **given)


class Rig:
    """One store with its shop. `sync` runs to the end as a worker would."""

    def __init__(self, stores: Stores, site: Site, sites: Sites, desk: Desk, shop: DemoShop, address: str) -> None:
        self.stores, self.site, self.sites, self.desk, self.shop, self.address = (
            stores, site, sites, desk, shop, address,
        )  # fmt: skip
        self.connection_id = 0

    @property
    def pool(self) -> asyncpg.Pool:
        return self.stores.kit.pool

    async def connect(self, kind: str = "shopify", name: str = "shop", **more: Any) -> int:
        given: dict[str, Any] = {
            "config": {"address": self.address},
            "secret": {"access_token": TOKEN, "webhook_secret": WEBHOOK_SECRET},
            **more,
        }
        request = ConnectionRequest(kind, name, **given)
        made = await self.stores.connections.create(self.stores.kit, self.site, request, actor="test")
        return made.id

    async def sync(self, operation: str = "incremental", **wish: Any) -> RunView:
        run_id, _ = await self.stores.runs.ask(self.site, Wish(operation, **wish), actor="test", cause="asked")
        return await self.work(run_id)

    async def work(self, run_id: Any) -> RunView:
        for site_id, leased in await self.stores.runs.lease(10):
            assert site_id == self.site.id
            await self.stores.runs.work(self.site, leased)
        return await self.stores.runs.view(self.site, run_id)

    async def state(self, **wish: Any) -> str:
        return (await self.sync(**wish)).state

    async def ours(self) -> dict[str, asyncpg.Record]:
        rows = await self.pool.fetch("select * from shop_order where site_id = $1", self.site.id)
        return {row["id"]: row for row in rows}

    async def findings(self) -> dict[str, str]:
        rows = await self.pool.fetch("select rule, subject from finding where site_id = $1 and stands", self.site.id)
        return {row["rule"]: row["subject"] for row in rows}

    async def journal(self) -> list[asyncpg.Record]:
        rows = await self.pool.fetch("select * from journal where site_id = $1 order by version", self.site.id)
        assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
        return list(rows)


@pytest.fixture
def limits() -> SyncLimits:
    return SyncLimits(batch_rows=100)


@pytest.fixture
def time_zone() -> str:
    return "UTC"


@pytest.fixture
async def rig(database_url: str, limits: SyncLimits, time_zone: str) -> AsyncIterator[Rig]:
    """A store connected to an empty shop."""
    pool = await database.open_pool(database_url, init=prepare_session, reset=leave_session)
    desk = Desk(pool)
    await desk.start()
    shop = DemoShop(burst=1e9, per_s=1e9)
    vault = Vault(["a key for tests only"])
    stores, sites = Stores(pool, desk, lambda: vault, limits=limits, allowed=HERE), Sites(pool)
    made = await sites.create(SiteRequest("store", "Shop", time_zone, "shop"))
    async with DemoServer(shop.answer) as server:
        rig = Rig(stores, await sites.find(str(made.id)), sites, desk, shop, server.address)
        rig.connection_id = await rig.connect()
        yield rig
    await desk.stop()
    await asyncio.wait_for(pool.close(), 10)


@pytest.fixture
def fill(rig: Rig) -> Callable[..., None]:
    """A function that puts so many orders into the shop."""

    def put(count: int, **more: Any) -> None:
        rig.shop.fill(order(number, **more) for number in range(1, count + 1))

    return put
