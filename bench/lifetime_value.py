"""Lifetime value: cohorts read as they stand, and counted again after 5,000 changed customers; `HOLDFAST_BENCH_VALUES`
says of how many orders (10000000 takes some ten minutes to make)."""

import os
import statistics
import time

import asyncpg

from bench.store_sync import connected
from holdfast.services.stores import Stores
from holdfast.store import ltv

ORDERS = int(os.environ.get("HOLDFAST_BENCH_VALUES", "600000"))
PER_CUSTOMER, MONTHS = 3, 60
CHANGED, ROUNDS = 5_000, 5
READS = 50
INDEXES = {
    "shop_order_by_change": "shop_order (site_id, connection_id, updated_at)",
    "shop_order_by_customer": "shop_order (site_id, customer_id, placed_at) where customer_id is not null",
    "shop_order_by_currency": "shop_order (site_id, currency)",
}


async def main(database_url: str) -> dict[str, object]:
    stores, sites, desk, name = await connected(database_url, "http://127.0.0.1:1", "counted")
    site = await sites.find(name)
    customers = await fill(database_url, site.id)
    began = time.perf_counter()
    await stores.counting.verify(site)
    anew_s = time.perf_counter() - began
    refreshed = [await refresh_s(stores, site, customers * (number + 1) // (ROUNDS + 1)) for number in range(ROUNDS)]
    began = time.perf_counter()
    assert await stores.counting.verify(site) == 0
    verified_s = time.perf_counter() - began
    await stores.kit.pool.execute("update ltv_state set orders_as_of = now()")
    read_ms, rows_ms = [], []
    for _ in range(READS):
        began = time.perf_counter()
        view = await stores.reading.cohorts(site)
        read_ms.append(1000 * (time.perf_counter() - began))
        async with stores.kit.pool.acquire() as connection:
            began = time.perf_counter()
            await ltv.cohorts(connection, site.id)
            rows_ms.append(1000 * (time.perf_counter() - began))
    await desk.stop()
    await stores.kit.pool.close()
    return {
        f"{ORDERS} orders of {customers} customers": {
            "cells": sum(len(cohort.months) for cohort in view.cohorts),
            "counted anew, the first time, in s": round(anew_s, 1),
            "counted anew and held against what is kept, in s": round(verified_s, 1),
            f"counted again after {CHANGED} changed customers in s": spread(refreshed, 2),
            "cohorts read in ms": spread(read_ms, 1),
            "of it the database's ms": spread(rows_ms, 1),
        }
    }  # fmt: skip


def spread(values: list[float], digits: int) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "least": round(ordered[0], digits), "median": round(statistics.median(ordered), digits),
        "most": round(ordered[-1], digits),
    }  # fmt: skip


async def fill(database_url: str, site_id: int) -> int:
    """Orders written past us, set-wise; how many customers they are of."""
    customers = ORDERS // PER_CUSTOMER
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("set maintenance_work_mem = '256MB'")
        for index in INDEXES:
            await connection.execute(f"drop index {index}")
        await connection.execute(
            """insert into shop_order (site_id, connection_id, id, updated_at, placed_at, currency, gross, discounts,
                refunded, customer_id, is_test, hash)
            select $1, 1, lpad(n::text, 10, '0'), at, at, 'USD', 10 + n % 90, 0, 0, (n % $2)::text, false, ''
            from (select n, timestamptz '2021-01-01' + interval '1 month' * (n * 7919 % $3)
                + interval '1 minute' * (n % 40000) as at from generate_series(1, $4::bigint) n) as x""",
            site_id, customers, MONTHS, ORDERS,
        )  # fmt: skip
        for index, on in INDEXES.items():
            await connection.execute(f"create index {index} on {on}")
        await connection.execute("vacuum analyze shop_order")
    finally:
        await connection.close()
    return customers


async def refresh_s(stores: Stores, site: object, first: int) -> float:
    """How long it takes until so many customers, others each time, are counted again."""
    await stores.kit.pool.execute(
        "insert into ltv_touched select $1, n::text from generate_series($2::int, $2::int + $3::int - 1) n",
        site.id, first, CHANGED,
    )  # fmt: skip
    began = time.perf_counter()
    assert await stores.counting.refresh(site) == CHANGED
    return time.perf_counter() - began
