"""The source's limits and faults, through the real client: throttled, refused, failing, gone on with."""

import msgspec

from holdfast.services.demo_http import Asked, Told
from tests.shops.conftest import Fill, Rig


async def test_throttling_that_comes_as_a_success_is_waited_for(rig: Rig, fill: Fill) -> None:
    fill(300)
    rig.shop.burst, rig.shop.per_s, rig.shop._left = 150.0, 100.0, 5.0
    run = await rig.sync()
    assert run.state == "verified" and rig.shop.throttled > 0
    row = await rig.pool.fetchrow("select burst, per_s from rate_limit where name like 'shopify %'")
    assert (row["burst"], row["per_s"]) == (150.0, 100.0), "the shared limit is as the replies said"


async def test_once_primed_the_limit_keeps_us_from_being_throttled_again(rig: Rig, fill: Fill) -> None:
    fill(1_000)
    rig.shop.burst, rig.shop.per_s, rig.shop._left = 150.0, 500.0, 150.0
    await rig.sync()
    throttled = rig.shop.throttled
    assert (await rig.sync("backfill")).state == "verified"
    assert rig.shop.throttled <= throttled + 2


async def test_429_and_server_errors_are_waited_out(rig: Rig, fill: Fill) -> None:
    fill(400)
    faults = [
        Told(b"slow down", 429, {"retry-after": "0.2"}), Told(b"oops", 502), Told(b"", 503),
    ]  # fmt: skip

    async def fail(asked: Asked, name: str) -> Told | None:
        return faults.pop(0) if faults and name == "Orders" else None

    rig.shop.fault = fail
    assert await rig.state() == "verified"
    assert not faults and len(await rig.ours()) == 400


async def test_a_page_that_costs_too_much_is_asked_for_smaller(rig: Rig, fill: Fill) -> None:
    fill(400)
    asked_rows: list[int] = []

    async def costly(asked: Asked, name: str) -> Told | None:
        rows = msgspec.json.decode(asked.body)["variables"].get("rows", 0)
        if name == "Orders":
            asked_rows.append(rows)
        if name == "Orders" and rows > 100:
            errors = [{"message": "too costly", "extensions": {"code": "MAX_COST_EXCEEDED"}}]
            return Told(msgspec.json.encode({"errors": errors}))
        return None

    rig.shop.fault = costly
    assert await rig.state() == "verified"
    assert asked_rows[:3] == [250, 125, 62] and len(await rig.ours()) == 400


async def test_a_source_that_does_not_let_us_in_fails_the_run_with_its_words(rig: Rig, fill: Fill) -> None:
    fill(5)

    async def refuse(asked: Asked, name: str) -> Told | None:
        return Told(b'{"errors":"[API] Invalid API key or access token"}', 401)

    rig.shop.fault = refuse
    run = await rig.sync()
    assert run.state == "failed" and "Invalid API key" in (run.reason or "")


async def test_a_source_that_goes_on_failing_is_left_alone_and_the_run_says_until_when(rig: Rig, fill: Fill) -> None:
    fill(5)

    async def refuse(asked: Asked, name: str) -> Told | None:
        return Told(b"no", 403)

    rig.shop.fault = refuse
    states = [await rig.state() for _ in range(4)]
    assert states == ["failed", "failed", "paused", "paused"]
    (run, *_) = await rig.stores.runs.page(rig.site, before=None, limit=1)
    assert "next try at" in (run.reason or "")
    view = await rig.stores.connections.view(rig.stores.kit, rig.site, rig.connection_id)
    assert view.failures == 4 and view.paused_until is not None
    rig.shop.fault = None
    assert await rig.state() == "verified", "whoever asks is not kept from it"
    view = await rig.stores.connections.view(rig.stores.kit, rig.site, rig.connection_id)
    assert view.failures == 0 and view.paused_until is None


async def test_a_read_that_failed_in_its_middle_is_gone_on_with_by_the_next_run(rig: Rig, fill: Fill) -> None:
    fill(1_000)

    async def fail(asked: Asked, name: str) -> Told | None:
        return Told(b"no", 403) if name == "Orders" and rig.shop.pages_served >= 3 else None

    rig.shop.fault = fail
    assert await rig.state() == "failed"
    there = len(await rig.ours())
    assert 500 <= there < 1_000
    rig.shop.fault, rig.shop.rows_served = None, 0
    run = await rig.sync()
    assert run.state == "verified" and rig.shop.rows_served == 1_000 - there
    assert run.stages[0].done == 1_000
