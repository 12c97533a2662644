"""`kill -9` of whoever syncs, at random instants: nothing is lost, nothing is written twice, the run ends verified."""

import asyncio
import os
import random
import sys
from pathlib import Path

import msgspec
import pytest

from holdfast.services.sync.kit import BATCH_ROWS, UNDER_WAY_ROWS
from holdfast.services.sync.runs import Wish
from tests.shops.conftest import Rig, order

ROOT = Path(__file__).parents[2]
ENDS_S = 240


async def start_worker(url: str) -> asyncio.subprocess.Process:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shops.worker", url, cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
    return process


async def survive(rig: Rig, url: str, orders: int, kills: int, chance: random.Random) -> None:
    rig.shop.fill(order(number) for number in range(1, orders + 1))
    run_id, _ = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")
    killed = 0
    batches = orders // BATCH_ROWS
    for at in sorted(chance.sample(range(batches), kills)):
        process = await start_worker(url)
        # at a random instant behind a batch that differs each time
        while await rig.pool.fetchval("select coalesce(max(done), 0) from sync_stage") < at * BATCH_ROWS:
            await asyncio.sleep(0.01)
        await asyncio.sleep(chance.random() * 0.2)
        process.kill()
        await process.wait()
        killed += 1
    process = await start_worker(url)
    try:
        async with asyncio.timeout(ENDS_S):
            while await rig.pool.fetchval("select ended_at is null from sync_run"):
                await asyncio.sleep(0.05)
    finally:
        process.kill()
        await process.wait()
    run = await rig.stores.runs.view(rig.site, run_id)
    assert run.state == "verified", run
    stage = run.stages[0]
    assert (stage.done, stage.changed, stage.total) == (orders, orders, orders), "each row was written once"
    assert len(await rig.ours()) == orders
    again = rig.shop.rows_served - orders
    assert again <= killed * UNDER_WAY_ROWS, "at most what was being written, and what was fetched meanwhile"
    journal = [line for line in await rig.journal() if line["type"] == "sync.progressed"]
    done = [msgspec.json.decode(line["data"])["done"] for line in journal]
    assert done == sorted(set(done)), "every batch is in the journal once"


async def test_a_sync_that_is_killed_again_and_again_ends_verified(rig: Rig, database_url: str) -> None:
    await survive(rig, database_url, 12_000, 3, random.Random(11))


@pytest.mark.long
async def test_fifty_kills_of_a_sync_of_a_hundred_thousand_orders(rig: Rig, database_url: str) -> None:
    await survive(rig, database_url, 100_000, 50, random.Random(12))
