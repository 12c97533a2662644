"""Parts of the bench of stores that need a process of their own: a shop that is served, and one sync of it.

`python -m bench.store_sync shop <orders>` prints its address and serves; `sync <database url> <address>` syncs a new
store from it and prints what that took.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network

from holdfast.services.demo_http import DemoServer
from holdfast.services.demo_shop import TOKEN, DemoShop, ShopLine, ShopOrder
from holdfast.services.desk import Desk
from holdfast.services.requests import SiteRequest
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores, leave_session, prepare_session
from holdfast.services.sync.connections import ConnectionRequest
from holdfast.services.sync.runs import Wish
from holdfast.services.vault import Vault
from holdfast.store.database import ConnectionLimits, open_pool

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS_SHARE = 0.35
NO_LIMIT = 1e9


def orders(count: int) -> Iterator[ShopOrder]:
    """Orders of two lines each, one every half minute."""
    customers = max(int(count * CUSTOMERS_SHARE), 1)
    for number in range(1, count + 1):
        at = BEGAN + timedelta(seconds=30 * number)
        price = Decimal(1_000 + number % 5_000) / 100
        lines = (ShopLine(number % 500, 1, price, sku=f"SKU-{number % 500}"), ShopLine(number % 91, 2, price))
        yield ShopOrder(
            number, at, at, price * 3, number * 7 % customers, lines=lines, email=f"c{number % customers}@x.y"
        )


async def shop(count: int) -> None:
    served = DemoShop(burst=NO_LIMIT, per_s=NO_LIMIT, keeps_told=True)
    served.fill(orders(count))
    for number in range(1, count + 1):
        served._told(number)
    async with DemoServer(served.answer) as server:
        print(server.address, flush=True)
        await asyncio.Event().wait()


async def connected(url: str, address: str, name: str) -> tuple[Stores, Sites, Desk, str]:
    pool = await open_pool(url, ConnectionLimits(statement_timeout_s=300), init=prepare_session, reset=leave_session)
    desk = Desk(pool)
    await desk.start()
    vault = Vault(["a key for the bench only"])
    stores, sites = Stores(pool, desk, lambda: vault, allowed=[ip_network("127.0.0.1/32")]), Sites(pool)
    await sites.create(SiteRequest("store", name, "UTC", name))
    site = await sites.find(name)
    await stores.connections.create(stores.kit, site, connection_of(address), actor="bench")
    return stores, sites, desk, name


def connection_of(address: str) -> ConnectionRequest:
    return ConnectionRequest("shopify", "shop", {"address": address}, {"access_token": TOKEN})


async def sync(url: str, address: str) -> None:
    stores, sites, desk, name = await connected(url, address, f"bench-{time.time_ns()}")
    site = await sites.find(name)
    wish = Wish(streams=("orders",))
    run_id, _ = await stores.runs.ask(site, wish, actor="bench", cause="asked")
    await stores.runs.lease(1)
    began, before = time.perf_counter(), time.process_time()
    await stores.runs.work(site, run_id)
    took = time.perf_counter() - began
    run = await stores.runs.view(site, run_id)
    stage = run.stages[0]
    assert stage.ended_at is not None and stage.started_at is not None
    read_s = (stage.ended_at - stage.started_at).total_seconds()
    told = {
        "state": run.state, "orders": stage.done, "seconds": round(read_s, 2),
        "orders_per_s": round(stage.done / read_s), "with_ltv_s": round(took, 2),
        "cpu_s": round(time.process_time() - before, 2),
        "resident_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }  # fmt: skip
    print(json.dumps(told), flush=True)
    await desk.stop()
    await stores.kit.pool.close()


if __name__ == "__main__":
    import uvloop

    if sys.argv[1] == "shop":
        uvloop.run(shop(int(sys.argv[2])))
    else:
        uvloop.run(sync(*sys.argv[2:]))
