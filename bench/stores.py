"""Stores: orders a second from a local server into PostgreSQL, beside dlt doing the same; reading cohorts, counting
again after 5,000 changed customers; the processor time of a store without news."""

import asyncio
import json
import os
import sys
import tempfile
import time
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.store_sync import connected
from holdfast.services.demo_shop import TOKEN
from holdfast.services.sync.runs import Wish
from holdfast.store import ltv

ORDERS = int(os.environ.get("HOLDFAST_BENCH_ORDERS", "100000"))
CUSTOMERS, MONTHS = 200_000, 60
CHANGED = 5_000
IDLE_SYNCS = 30
READS = 50
DLT_S = 300
HERE = Path(__file__).parent


async def main(database_url: str) -> dict[str, object]:
    results: dict[str, object] = {}
    async with shop(ORDERS) as address:
        ours = await told(sys.executable, "-m", "bench.store_sync", "sync", database_url, address)
        results[f"{ORDERS} orders of two lines, over HTTP"] = {"ours": ours, "dlt": await by_dlt(database_url, address)}
        results["a store without news"] = await idle(database_url, address)
    results["lifetime value"] = await lifetime_value(database_url)
    return results


@asynccontextmanager
async def shop(count: int) -> AsyncIterator[str]:
    """A shop in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.store_sync", "shop", str(count), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), 300)).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def told(*command: str) -> Any:
    """What a command printed as JSON in its last line, or why not."""
    environment = dict(os.environ) if command[0] == sys.executable else {"PATH": os.environ.get("PATH", "")}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        return {"failed": err.decode(errors="replace").strip().splitlines()[-1:]}
    return json.loads(out.decode().strip().splitlines()[-1])


async def by_dlt(database_url: str, address: str) -> Any:
    """dlt in an environment made for this run only; the reason, when it cannot be had in time."""
    try:
        async with asyncio.timeout(DLT_S):
            return await _by_dlt(database_url, address)
    except TimeoutError:
        return {"skipped": f"dlt was not installed and done within {DLT_S} s"}


async def _by_dlt(database_url: str, address: str) -> Any:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-dlt-") as folder:
        await asyncio.to_thread(venv.create, folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        process = await asyncio.create_subprocess_exec(
            python, "-m", "pip", "install", "--quiet", "dlt[postgres]",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            _, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            return {"skipped": f"dlt cannot be installed here: {err.decode(errors='replace').strip()[-200:]}"}
        # -P: what stands beside the script must not stand in for its modules
        return await told(python, "-P", str(HERE / "store_dlt.py"), database_url, address, TOKEN)


async def idle(database_url: str, address: str) -> dict[str, float]:
    """One small store, synced again and again while nothing happens there."""
    async with shop(200) as small:
        stores, sites, desk, name = await connected(database_url, small, "idle")
        site = await sites.find(name)
        for count in range(IDLE_SYNCS + 2):
            if count == 2:
                began, before = time.perf_counter(), time.process_time()
            run_id, _ = await stores.runs.ask(site, Wish(), actor="bench", cause="asked")
            await stores.runs.lease(1)
            await stores.runs.work(site, run_id)
        cpu, took = time.process_time() - before, time.perf_counter() - began
        await desk.stop()
        await stores.kit.pool.close()
    return {"cpu_ms": round(1000 * cpu / IDLE_SYNCS, 2), "ms": round(1000 * took / IDLE_SYNCS, 1)}


async def lifetime_value(database_url: str) -> dict[str, object]:
    """A store of `MONTHS` cohorts, its orders written past us: read as it stands, then counted again in part."""
    stores, sites, desk, name = await connected(database_url, "http://127.0.0.1:1", "counted")
    site, pool = await sites.find(name), stores.kit.pool
    async with pool.acquire() as connection:
        await connection.execute(
            """insert into shop_order (site_id, connection_id, id, updated_at, placed_at, currency, gross, discounts,
                refunded, customer_id, is_test, hash)
            select $1, 1, n::text, at, at, 'USD', 10 + n % 90, 0, 0, (n % $2)::text, false, ''
            from (select n, timestamptz '2021-01-01' + interval '1 month' * (n * 7919 % $3)
                + interval '1 minute' * (n % 40000) as at from generate_series(1, $2::bigint * 3) n) as x""",
            site.id, CUSTOMERS, MONTHS,
        )  # fmt: skip
        await connection.execute("analyze shop_order")
    began = time.perf_counter()
    differed = await stores.counting.verify(site)
    whole_s = time.perf_counter() - began
    await pool.execute(
        "insert into ltv_touched select $1, n::text from generate_series(1, $2::int) n", site.id, CHANGED
    )
    began = time.perf_counter()
    counted = await stores.counting.refresh(site)
    refresh_s = time.perf_counter() - began
    await pool.execute("update ltv_state set orders_as_of = now()")
    times = []
    for _ in range(READS):
        began = time.perf_counter()
        view = await stores.reading.cohorts(site)
        times.append(1000 * (time.perf_counter() - began))
    rows_ms = []
    for _ in range(READS):
        async with pool.acquire() as connection:
            began = time.perf_counter()
            await ltv.cohorts(connection, site.id)
            rows_ms.append(1000 * (time.perf_counter() - began))
    cells = sum(len(cohort.months) for cohort in view.cohorts)
    await desk.stop()
    await pool.close()
    return {
        "orders": CUSTOMERS * 3, "customers": CUSTOMERS, "cells": cells, "counted anew in s": round(whole_s, 1),
        "differed": differed, "changed customers": counted, "counted again in s": round(refresh_s, 2),
        "cohorts read in ms": round(sorted(times)[READS // 2], 1),
        "of it the database's ms": round(sorted(rows_ms)[READS // 2], 1),
    }  # fmt: skip
