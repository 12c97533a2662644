"""Batches made ready while another is written: however a read ends, nothing is left open, and nothing is half in."""

import asyncio

import pytest

from holdfast.services.demo_http import Asked, Told
from holdfast.services.sync.runs import Wish
from tests.shops.conftest import Rig, order

ORDERS = 1_500


async def nothing_is_open(rig: Rig) -> None:
    """No session is in a transaction, and all of the pool's are free."""
    async with asyncio.timeout(5):
        while rig.pool.get_idle_size() != rig.pool.get_size():
            await asyncio.sleep(0.01)
    open_ones = "select count(*) from pg_stat_activity where datname = current_database() and state ~ 'transaction'"
    assert await rig.pool.fetchval(open_ones) == 0


@pytest.mark.parametrize("reason", ["it is refused", "its worker is stopped"])
async def test_a_read_that_breaks_off_leaves_no_session_open_and_goes_on_behind_its_last_batch(
    rig: Rig, reason: str
) -> None:
    rig.shop.fill(order(number) for number in range(1, ORDERS + 1))
    pages, reached = 0, asyncio.Event()

    async def break_off(asked: Asked, name: str) -> Told | None:
        nonlocal pages
        pages += name == "Orders"
        if name != "Orders" or pages < 4:
            return None
        reached.set()
        return Told(b"{}", 403) if reason == "it is refused" else Told(b"{}", after_s=30)

    rig.shop.fault = break_off
    run_id, _ = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")
    working = asyncio.create_task(rig.work(run_id))
    await asyncio.wait_for(reached.wait(), 20)
    if reason == "its worker is stopped":
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await rig.stores.runs.release(rig.site.id, run_id)
    else:
        assert (await working).state == "failed"
    await nothing_is_open(rig)
    done = await rig.pool.fetchval("select coalesce(max(done), 0) from sync_stage where name = 'orders'")
    assert done == len(await rig.ours()) < ORDERS
    rig.shop.fault = None
    run = await (rig.work(run_id) if reason == "its worker is stopped" else rig.sync())
    assert run.state == "verified" and len(await rig.ours()) == ORDERS
    await nothing_is_open(rig)
