"""A process that does sync runs until it is killed: `python -m tests.shops.worker <database url>`."""

import asyncio
import sys
from ipaddress import ip_network

from holdfast.services import logs
from holdfast.services.desk import Desk
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores, prepare_session
from holdfast.services.sync.kit import SyncLimits
from holdfast.services.vault import Vault
from holdfast.store import database

HERE = [ip_network("127.0.0.1/32")]
LEASE_S = 1.0


async def work(url: str) -> None:
    # nobody reads what it says: a pipe that is full would hold it up, and whoever waits for its end
    logs.configure(log_format="json", level="warning")
    pool = await database.open_pool(url, init=prepare_session)
    desk = Desk(pool)
    await desk.start()
    vault = Vault(["a key for tests only"])
    stores = Stores(pool, desk, lambda: vault, limits=SyncLimits(lease_s=LEASE_S), allowed=HERE)
    sites = Sites(pool)
    print("ready", flush=True)
    while True:
        for site_id, run_id in await stores.runs.lease(1):
            await stores.runs.work(await sites.find(str(site_id)), run_id)
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
