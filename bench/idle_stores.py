"""Stores without news: the processor time of a sync of each, as their schedules ask for it, from the look at what is
due to the verdict. `HOLDFAST_BENCH_IDLE` says how many stores (10000 are synced within an hour)."""

import os
import time

import asyncpg

from bench.store_sync import connected, connection_of
from bench.stores import shop
from holdfast.services.requests import SiteRequest
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores
from holdfast.services.sync.runs import Wish
from holdfast.services.sync.scheduling import Scheduling

STORES = int(os.environ.get("HOLDFAST_BENCH_IDLE", "200"))
ORDERS = 200
PER_HOUR = 10_000


async def main(database_url: str) -> dict[str, object]:
    async with shop(ORDERS) as address:
        stores, sites, desk, _ = await connected(database_url, address, "idle-0")
        for number in range(1, STORES):
            await sites.create(SiteRequest("store", f"idle-{number}", "UTC", f"idle-{number}"))
            site = await sites.find(f"idle-{number}")
            await stores.connections.create(stores.kit, site, connection_of(address), actor="bench")
        for number in range(STORES):
            site = await sites.find(f"idle-{number}")
            await stores.runs.ask(site, Wish(), actor="bench", cause="asked")
        await work(stores, sites)
        await make_due(stores.kit.pool)
        began, before = time.perf_counter(), time.process_time()
        scheduling, runs = Scheduling(stores, sites), 0
        while await is_due(stores.kit.pool):
            await scheduling.ask_for_due()
            runs += await work(stores, sites)
        cpu, took = time.process_time() - before, time.perf_counter() - began
        verified = await stores.kit.pool.fetchval("select count(*) from sync_run where state = 'verified'")
        assert verified == 2 * STORES, verified
        await desk.stop()
        await stores.kit.pool.close()
    return {
        f"{STORES} stores without news": {
            "cpu_ms a store": round(1000 * cpu / STORES, 2), "ms a store": round(1000 * took / STORES, 1),
            "of them with a run of their own": runs,
            f"cpu_s for {PER_HOUR} within an hour": round(cpu * PER_HOUR / STORES, 1),
        }
    }  # fmt: skip


async def work(stores: Stores, sites: Sites) -> int:
    done = 0
    while leased := await stores.runs.lease(20):
        for site_id, run_id in leased:
            await stores.runs.work(await sites.find(str(site_id)), run_id)
            done += 1
    return done


async def is_due(pool: asyncpg.Pool) -> bool:
    found: bool = await pool.fetchval("select exists (select 1 from stream where due_at <= now())")
    return found


async def make_due(pool: asyncpg.Pool) -> None:
    await pool.execute("update store_verification set due_at = null")
    await pool.execute("update stream set due_at = now() - interval '1 second'")
