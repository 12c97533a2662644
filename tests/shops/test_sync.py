"""Runs: one at a time, joined, cancelled, leased; their progress, batches and ranges."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.demo_http import Asked, Told
from holdfast.services.sync.kit import SyncLimits
from holdfast.services.sync.runs import Wish
from holdfast.services.vault import Vault
from tests.shops.conftest import NOON, Fill, Rig, order


async def test_a_second_wish_joins_the_run_that_is_under_way(rig: Rig, fill: Fill) -> None:
    fill(10)
    first, joined = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")
    assert not joined
    asked = await asyncio.gather(
        *(rig.stores.runs.ask(rig.site, Wish("verify"), actor="test", cause="asked") for _ in range(5))
    )
    assert asked == [(first, True)] * 5
    assert (await rig.work(first)).state == "verified"
    assert len(await rig.stores.runs.page(rig.site, before=None, limit=10)) == 1


async def test_a_cancelled_run_stops_behind_its_batch_and_what_came_in_stays(rig: Rig, fill: Fill) -> None:
    fill(3_000)
    run_id, _ = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")

    async def cancel(asked: Asked, name: str) -> Told | None:
        if name == "Orders" and rig.shop.pages_served == 4:
            await rig.stores.runs.cancel(rig.site, run_id)
        return None

    rig.shop.fault = cancel
    run = await rig.work(run_id)
    assert run.state == "cancelled" and [stage.state for stage in run.stages] == ["cancelled", "cancelled"]
    there = len(await rig.ours())
    assert 0 < there < 3_000
    rig.shop.fault = None
    run = await rig.sync()
    assert run.state == "verified" and len(await rig.ours()) == 3_000
    with pytest.raises(Refusal, match="wrong_state"):
        await rig.stores.runs.cancel(rig.site, run_id)


async def test_progress_never_runs_backwards_and_never_exceeds_its_total(rig: Rig, fill: Fill) -> None:
    fill(2_000)
    grown = False

    async def grow(asked: Asked, name: str) -> Told | None:
        nonlocal grown
        if name == "Orders" and rig.shop.pages_served == 2 and not grown:
            grown = True
            rig.shop.put(*(order(n, updated_at=NOON) for n in range(5_000, 5_040)))
        return None

    rig.shop.fault = grow
    await rig.sync()
    told = [msgspec.json.decode(line["data"]) for line in await rig.journal() if line["type"] == "sync.progressed"]
    done = [line["done"] for line in told]
    assert done == sorted(done) and all(line["done"] <= line["total"] for line in told)


async def test_each_batch_is_one_journal_line_with_its_progress(rig: Rig, fill: Fill) -> None:
    fill(1_000)
    run = await rig.sync()
    journal = await rig.journal()
    types = [line["type"] for line in journal if line["type"].startswith("sync.")]
    assert types == ["sync.started", *["sync.progressed"] * 4, "sync.stage_ended", "sync.stage_ended", "sync.ended"]
    assert {line["subject"] for line in journal if line["type"].startswith("sync.")} == {str(run.id)}


async def test_a_backfill_reads_the_range_that_was_asked_for(rig: Rig, fill: Fill) -> None:
    fill(300)
    await rig.sync()
    await rig.pool.execute("delete from shop_order")
    wish: dict[str, Any] = {"since": NOON + timedelta(minutes=101), "until": NOON + timedelta(minutes=200)}
    run = await rig.sync("backfill", **wish)
    assert run.state == "verified"
    assert {int(key) for key in await rig.ours()} == set(range(101, 201))


async def test_a_worker_that_lost_its_lease_writes_nothing_more(rig: Rig, fill: Fill) -> None:
    fill(2_000)
    run_id, _ = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")

    async def steal(asked: Asked, name: str) -> Told | None:
        if name == "Orders" and rig.shop.pages_served == 3:
            await rig.pool.execute("update sync_run set leased_by = 'another', leased_until = now() + interval '1 h'")
        return None

    rig.shop.fault = steal
    await rig.work(run_id)
    there = len(await rig.ours())
    assert there < 2_000
    rig.shop.fault = None
    await rig.pool.execute("update sync_run set leased_until = now() - interval '1 s'")
    run = await rig.work(run_id)
    assert run.state == "verified" and len(await rig.ours()) == 2_000


@pytest.mark.parametrize("limits", [SyncLimits(batch_rows=1_000)])
async def test_a_batch_is_about_as_large_as_the_limit_says(rig: Rig, fill: Fill, limits: SyncLimits) -> None:
    fill(2_500)
    await rig.sync()
    journal = await rig.journal()
    assert [line["type"] for line in journal].count("sync.progressed") == 3


async def test_secrets_are_encrypted_anew_with_a_new_key(rig: Rig, fill: Fill) -> None:
    fill(3)
    old = rig.stores.connections.vault()
    new = Vault(["a newer key for tests", "a key for tests only"])
    rig.stores.connections._open_vault = lambda: new
    async with rig.pool.acquire() as connection:
        assert await rig.stores.connections.rotate(connection) == 1
        assert await rig.stores.connections.rotate(connection) == 0
        # one that no key opens stays, and keeps nobody from going on
        rig.stores.connections._open_vault = lambda: Vault(["another key for tests"])
        assert await rig.stores.connections.rotate(connection) == 0
        rig.stores.connections._open_vault = lambda: new
        rig.stores.connections.vault(anew=True)
    assert await rig.pool.fetchval("select secret_key_id from connection") == new.key_id != old.key_id
    assert await rig.state() == "verified"
