"""The demo's store and its shop: a shop that speaks as Shopify does, served beside the server for as long as it runs,
and a store that is synced from it, so that a sync can be watched.

The shop takes about 2,500 orders a second, as its limit says, and gets a new order every few seconds. Its orders are
those of the CDNOW customers of 1997 and 1998, moved so that the last one is of yesterday, where their file is at hand.
What winning these customers cost is made up, and told by an ad account beside the shop.
"""

import asyncio
import random
import threading
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from holdfast.domain.errors import Refusal
from holdfast.services.demo import Made
from holdfast.services.demo_ads import ACCOUNT, ADS_TOKEN, PATH_END, spent_on
from holdfast.services.demo_http import Asked, DemoServer, Told
from holdfast.services.demo_orders import find_file, generated, moved_to_end_at, purchases, shop_orders
from holdfast.services.demo_shop import TOKEN, DemoShop, ShopLine, ShopOrder
from holdfast.services.requests import SiteRequest
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores
from holdfast.services.sync.connections import ConnectionChangeRequest, ConnectionRequest, SyncScheduleRequest
from holdfast.services.sync.runs import Wish

ACTOR = "demo"
STORE = SiteRequest("store", "CD store", "America/New_York", "demo-store", {})
CONNECTION = "demo shop"
ADS_CONNECTION = "demo ads"
BURST, PER_S = 2_000.0, 1_000.0
NEW_ORDER_S = 7.0
START_S = 30.0
RULE = "* * * * *"
ADS_RULE = "*/10 * * * *"


class DemoShopThread:
    """The shop in a thread of its own: it must answer while the server's loop waits for it. Ends with the process."""

    def __init__(self, now: datetime, *, beside: Path) -> None:
        self.shop = DemoShop(burst=BURST, per_s=PER_S)
        self.address = ""
        path = find_file(beside)
        self.is_real = path is not None
        given = purchases(path) if path is not None else generated()
        moved = moved_to_end_at(given, now.date())
        self.shop.fill(shop_orders(given, moved=moved))
        self._ads = spent_on(given, moved=moved)
        self._now = now
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo shop", daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(START_S):
            raise TimeoutError("the demo's shop did not start")

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        began = asyncio.get_running_loop().time()
        chance = random.Random(1)  # noqa: S311 - any customer will do
        async with DemoServer(self._answer) as server:
            self.address = server.address
            self._ready.set()
            while True:
                await asyncio.sleep(NEW_ORDER_S)
                passed = timedelta(seconds=asyncio.get_running_loop().time() - began)
                self._sell((self._now + passed).replace(microsecond=0), chance)

    async def _answer(self, asked: Asked) -> Told:
        return await (self._ads if asked.path.endswith(PATH_END) else self.shop).answer(asked)

    def _sell(self, at: datetime, chance: random.Random) -> None:
        number = len(self.shop) + 1
        price = Decimal(chance.randrange(999, 2_999)) / 100
        line = ShopLine(1, 1, price)
        self.shop.put(ShopOrder(number, at, at, price, chance.randrange(1, 20_000), lines=(line,)))


async def make_demo_store(stores: Stores, sites: Sites, address: str) -> Made:
    """The store, connected to the shop at that address; made before, it is told where the shop is now. Its first sync
    waits for the server."""
    try:
        site = await sites.find(str((await sites.create(STORE)).id))
    except Refusal as refusal:
        if refusal.code != "already_exists":
            raise
        site = await sites.find(STORE.slug or "")
    made = Made(site.slug, site.kind, site.name)
    there = {one.name: one for one in await stores.connections.page(stores.kit, site)}
    for wanted in _sources(address):
        if wanted.name in there:
            change = ConnectionChangeRequest(config=wanted.config)
            await stores.connections.change(stores.kit, site, there[wanted.name].id, change, actor=ACTOR)
            made.known += 1
        else:
            await stores.connections.create(stores.kit, site, wanted, actor=ACTOR)
            made.new += 1
    # a shop that was started anew does not know what it sold before: that is taken out
    wish = Wish("verify") if there else Wish()
    await stores.runs.ask(site, wish, actor=ACTOR, cause="demo")
    return made


def _sources(address: str) -> tuple[ConnectionRequest, ...]:
    orders, ads = SyncScheduleRequest(rule=RULE), SyncScheduleRequest(rule=ADS_RULE)
    return (
        ConnectionRequest("shopify", CONNECTION, {"address": address}, {"access_token": TOKEN}, {"orders": orders}),
        ConnectionRequest(
            "meta_ads", ADS_CONNECTION, {"account": ACCOUNT, "address": address}, {"access_token": ADS_TOKEN},
            {"ads": ads},
        ),
    )  # fmt: skip
