"""Stores without news: settled at a glance where there is plainly nothing, by a run of their own where there is not."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.services.demo_http import Asked, Told
from holdfast.services.sync import glances
from holdfast.services.sync.runs import Wish
from holdfast.services.sync.scheduling import Scheduling
from tests.shops.conftest import Rig, now_s, order


async def make_due(rig: Rig) -> datetime:
    """All is in, as of an hour ago, and due again; up to when all is in."""
    assert (await rig.sync()).state == "verified"
    await rig.pool.execute(
        """update stream set due_at = now() - interval '1 second', watermark = watermark - interval '1 hour',
            verified_at = verified_at - interval '1 hour' where name = 'orders'"""
    )
    await rig.pool.execute("update ltv_state set orders_as_of = orders_as_of - interval '1 hour'")
    mark: datetime = await rig.pool.fetchval("select watermark from stream where name = 'orders'")
    return mark


def asked_of(rig: Rig) -> list[str]:
    """The names of the queries that the shop is asked from now on."""
    names: list[str] = []

    async def note(asked: Asked, name: str) -> Told | None:
        names.append(name)
        return None

    rig.shop.fault = note
    return names


async def runs_of(rig: Rig) -> list[Any]:
    return list(await rig.pool.fetch("select * from sync_run order by started_at desc"))


async def test_a_store_without_news_is_settled_with_one_question(rig: Rig) -> None:
    rig.shop.fill(order(number) for number in range(1, 5))
    mark, before = await make_due(rig), len(await runs_of(rig))
    names = asked_of(rig)
    assert await Scheduling(rig.stores, rig.sites).ask_for_due() == 0
    assert names == ["Glance"]
    assert not await rig.stores.runs.lease(10)
    run, *earlier = await rig.stores.runs.page(rig.site, before=None, limit=10)
    assert len(earlier) == before
    assert (run.state, run.operation, run.actor, run.cause) == ("verified", "incremental", "schedule", "due")
    orders, ltv = run.stages
    assert (orders.stage, orders.connection, orders.state, orders.total, orders.done) == (
        "orders", "shop", "verified", 0, 0,
    )  # fmt: skip
    assert orders.since == mark.replace(microsecond=0) - timedelta(minutes=10)
    assert orders.until is not None and orders.until >= now_s() - timedelta(seconds=30)
    assert (ltv.stage, ltv.state) == ("ltv", "done")
    line = (await rig.journal())[-1]
    assert (line["type"], line["subject"]) == ("sync.ended", str(run.id))
    stream = await rig.pool.fetchrow("select * from stream where name = 'orders'")
    assert stream["watermark"] == orders.until and stream["due_at"] > datetime.now(UTC)
    assert stream["verified_at"] > datetime.now(UTC) - timedelta(seconds=30)
    assert (await rig.stores.reading.watermark(rig.site)).orders_as_of == orders.until
    # and what comes later is found from there on
    rig.shop.put(order(9, placed_at=now_s(), updated_at=now_s()))
    assert (await rig.sync()).stages[0].changed == 1


Trouble = Callable[[Rig], Awaitable[None]]


async def _news(rig: Rig) -> None:
    rig.shop.put(order(9, placed_at=now_s(), updated_at=now_s()))


async def _a_late_row(rig: Rig) -> None:
    mark = await rig.pool.fetchval("select watermark from stream where name = 'orders'")
    at = mark.replace(microsecond=0) - timedelta(minutes=9)
    rig.shop.put(order(9, placed_at=at, updated_at=at))


async def _told_otherwise(rig: Rig) -> None:
    async def count(asked: Asked, name: str) -> Told | None:
        if name != "Glance":
            return None
        return Told(b'{"data":{"orders":{"nodes":[]},"ordersCount":{"count":1,"precision":"EXACT"}}}')

    rig.shop.fault = count


async def _no_exact_count(rig: Rig) -> None:
    rig.shop.counts_exactly = False


async def _megabytes(rig: Rig) -> None:
    async def much(asked: Asked, name: str) -> Told | None:
        return Told(b" " * 100_000 + b"{}") if name == "Glance" else None

    rig.shop.fault = much


async def _refused(rig: Rig) -> None:
    async def refuse(asked: Asked, name: str) -> Told | None:
        return Told(b"{}", 403) if name == "Glance" else None

    rig.shop.fault = refuse


async def _rubbish(rig: Rig) -> None:
    async def rubbish(asked: Asked, name: str) -> Told | None:
        return Told(b"<html>") if name == "Glance" else None

    rig.shop.fault = rubbish


async def _too_costly(rig: Rig) -> None:
    async def cost(asked: Asked, name: str) -> Told | None:
        if name != "Glance":
            return None
        return Told(b'{"errors":[{"message":"no","extensions":{"code":"MAX_COST_EXCEEDED"}}]}')

    rig.shop.fault = cost


async def _silence(rig: Rig) -> None:
    async def silent(asked: Asked, name: str) -> Told | None:
        if name == "Glance":
            await asyncio.sleep(1)
        return None

    rig.shop.fault = silent


def _written(statement: str) -> Trouble:
    async def write(rig: Rig) -> None:
        await rig.pool.execute(statement)

    return write


TROUBLES: dict[str, Trouble] = {
    "a new order": _news,
    "an order that shows up late": _a_late_row,
    "another count": _told_otherwise,
    "a count that is not exact": _no_exact_count,
    "megabytes": _megabytes,
    "a refusal": _refused,
    "rubbish": _rubbish,
    "a question that costs too much": _too_costly,
    "silence": _silence,
    "an order of ours": _written("update shop_order set updated_at = now()"),
    "a row set aside": _written(
        "insert into quarantine (site_id, connection_id, stream, id, reason, raw)"
        " select site_id, connection_id, name, '1', 'why', '' from stream where name = 'orders'"
    ),
    "a customer to be counted": _written("insert into ltv_touched select id, '1' from site"),
    "another zone": _written("update ltv_state set zone = 'Asia/Kolkata'"),
    "another count of what came in": _written("update stream set generation = generation + 1"),
    "a read that was broken off": _written(
        """update stream set reading = '{"operation": "incremental", "window": {"until": "2026-01-01T00:00:00Z"}}'"""
    ),
    "a failure before": _written("update connection set failures = 1"),
    "all in long ago": _written("update stream set watermark = now() - interval '31 days'"),
    "nothing ever verified": _written("update stream set verified_at = null"),
    "a finding that stands": _written(
        "insert into finding (site_id, id, rule, subject, state, data, opened_at, stands)"
        " select id, gen_random_uuid(), 'sync_drift', 'shop: orders', 'open', '{}', now(), true from site"
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_where_anything_is_to_be_done_there_is_a_run(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(glances, "GLANCE_S", 0.3)
    rig.shop.fill(order(number) for number in range(1, 5))
    await make_due(rig)
    await TROUBLES[trouble](rig)
    lines = len(await rig.journal())
    assert await Scheduling(rig.stores, rig.sites).ask_for_due() == 1
    (run, *_) = await runs_of(rig)
    assert (run["state"], run["actor"]) == ("waiting", "schedule")
    assert [line["type"] for line in (await rig.journal())[lines:]] == ["sync.started"]


async def test_ads_that_are_due_too_take_a_run(rig: Rig) -> None:
    rig.shop.fill(order(number) for number in range(1, 5))
    await make_due(rig)
    await rig.connect("rest", "ads", config={"url": f"{rig.address}/ads", "stream": "ads"}, secret=None)
    await rig.pool.execute("update stream set due_at = now() - interval '1 second'")
    names = asked_of(rig)
    assert await Scheduling(rig.stores, rig.sites).ask_for_due() == 1
    assert names == []


async def test_of_several_processes_one_settles_a_store(rig: Rig) -> None:
    rig.shop.fill(order(number) for number in range(1, 5))
    await make_due(rig)
    before, names = len(await runs_of(rig)), asked_of(rig)
    asked = await asyncio.gather(*(Scheduling(rig.stores, rig.sites).ask_for_due() for _ in range(4)))
    assert sum(asked) == 0 and names == ["Glance"]
    assert len(await runs_of(rig)) == before + 1
    await rig.journal()


async def test_a_store_that_is_locked_meanwhile_is_not_waited_for(rig: Rig) -> None:
    rig.shop.fill(order(number) for number in range(1, 5))
    await make_due(rig)
    scheduling, kit = Scheduling(rig.stores, rig.sites), rig.stores.kit
    async with kit.pool.acquire() as connection, kit.journal.locked(connection, rig.site.id):
        async with asyncio.timeout(4):
            await scheduling._glances.settle(await scheduling._due())
    assert len(await scheduling._due()) == 1
    assert await scheduling.ask_for_due() == 0 and await scheduling._due() == []


MEANWHILE = {
    "its schedule is switched off": "update stream set due_at = null",
    "its schedule is another": "update stream set due_at = now() + interval '1 minute'",
    "it is another shop": "update connection set config = config || '{\"page_rows\": 10}'",
    "it is switched off": "update connection set is_enabled = false",
    "it is in another zone": "update site set time_zone = 'Asia/Kolkata'",
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
async def test_what_is_changed_while_the_shop_is_asked_stays_changed(rig: Rig, meanwhile: str) -> None:
    rig.shop.fill(order(number) for number in range(1, 5))
    mark, before = await make_due(rig), len(await runs_of(rig))

    async def change(asked: Asked, name: str) -> Told | None:
        if name == "Glance":
            await rig.pool.execute(MEANWHILE[meanwhile])
        return None

    rig.shop.fault = change
    await Scheduling(rig.stores, rig.sites).ask_for_due()
    assert await rig.pool.fetchval("select watermark from stream where name = 'orders'") == mark
    due_at = await rig.pool.fetchval("select due_at from stream where name = 'orders'")
    made = (await runs_of(rig))[: len(await runs_of(rig)) - before]
    if "schedule" in meanwhile or "off" in meanwhile:
        assert made == []
    else:
        assert [run["state"] for run in made] == ["waiting"]
    if "schedule" in meanwhile:
        assert due_at is None or due_at < now_s() + timedelta(minutes=2)


async def test_somebody_who_presses_the_button_meanwhile_has_a_run(rig: Rig) -> None:
    rig.shop.fill(order(number) for number in range(1, 5))
    await make_due(rig)

    async def press(asked: Asked, name: str) -> Told | None:
        if name == "Glance":
            await rig.stores.runs.ask(rig.site, Wish(), actor="owner", cause="asked")
        return None

    rig.shop.fault = press
    await Scheduling(rig.stores, rig.sites).ask_for_due()
    (run, *_) = await runs_of(rig)
    assert (run["actor"], run["state"]) == ("owner", "waiting")
    assert (await rig.work(run["id"])).state == "verified"
