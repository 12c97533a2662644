"""Ad spend from networks that answer as Meta's and Google's do: read by day, restated, held against their own total."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from holdfast.services.demo_http import DemoServer, Told
from tests.shops.conftest import Rig, order
from tests.shops.networks import Network

META = {"account": "42"}
GOOGLE_SECRET = {
    "developer_token": "developer", "client_id": "id", "client_secret": "secret", "refresh_token": "refresh",
}  # fmt: skip


def day(ago: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=ago)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture(params=["meta_ads", "google_ads"])
async def connected(request: pytest.FixtureRequest, rig: Rig, network: Network) -> AsyncIterator[str]:
    """A connection to a network of this kind; the store's own shop stays empty."""
    kind: str = request.param
    answer = network.meta if kind == "meta_ads" else network.google
    async with DemoServer(answer) as server:
        config: dict[str, Any] = {"account": "42", "address": server.address}
        secret: dict[str, Any] = {"access_token": "meta-token"}
        if kind == "google_ads":
            config = {"customer": "123-456-7890", "address": server.address, "token_url": f"{server.address}/token"}
            secret = GOOGLE_SECRET
        await rig.connect(kind, "ads", config=config, secret=secret)
        yield kind


async def spend_of(rig: Rig) -> dict[tuple[date, str], Decimal]:
    rows = await rig.pool.fetch("select day, campaign_id, spend from ad_spend where site_id = $1", rig.site.id)
    return {(row["day"], row["campaign_id"]): row["spend"] for row in rows}


async def ads_stage(rig: Rig) -> Any:
    run = await rig.sync(streams=("ads",))
    return run.stages[0]


async def test_spend_comes_in_by_day_and_is_held_against_the_networks_total(
    rig: Rig, network: Network, connected: str
) -> None:
    for ago in range(200):
        network.spend(day(ago), 1 + ago % 3, "10.25")
    stage = await ads_stage(rig)
    assert (stage.stage, stage.state, stage.done, stage.total) == ("ads", "verified", 200, None), stage
    assert await spend_of(rig) == {(d, str(c)): a for (d, c), a in network.days.items()}


async def test_days_that_are_restated_take_the_place_of_those_before(
    rig: Rig, network: Network, connected: str
) -> None:
    for ago in range(60):
        network.spend(day(ago), 1, "10")
    await ads_stage(rig)
    network.spend(day(20), 1, "8.5")
    network.spend(day(5), 2, "3")
    del network.days[day(10), 1]
    stage = await ads_stage(rig)
    assert (stage.state, stage.changed, stage.deleted) == ("verified", 2, 1)
    assert await spend_of(rig) == {(d, str(c)): a for (d, c), a in network.days.items()}


async def test_a_day_older_than_four_weeks_is_not_read_again_but_a_backfill_does(
    rig: Rig, network: Network, connected: str
) -> None:
    for ago in range(60):
        network.spend(day(ago), 1, "10")
    await ads_stage(rig)
    network.spend(day(40), 1, "99")
    stage = await ads_stage(rig)
    assert stage.state == "verified" and (await spend_of(rig))[day(40), "1"] == 10
    await rig.sync("backfill", streams=("ads",), since=datetime.now(UTC) - timedelta(days=59))
    assert (await spend_of(rig))[day(40), "1"] == 99


async def test_a_total_that_is_not_the_sum_of_its_days_is_a_drift(rig: Rig, network: Network, connected: str) -> None:
    for ago in range(30):
        network.spend(day(ago), 1, "10")
    network.hidden = 1
    stage = await ads_stage(rig)
    assert stage.state == "drift"
    assert (await rig.findings())["sync_drift"] == "ads: ads"


async def test_pages_and_a_limit_of_the_network_are_waited_for(rig: Rig, network: Network, connected: str) -> None:
    network.page_rows_max = 7
    for ago in range(40):
        network.spend(day(ago), 1, "1")
    if connected == "meta_ads":
        usage = '{"42":[{"estimated_time_to_regain_access":0.005}]}'
        error = {"error": {"message": "too many calls", "code": 80004}}
        network.faults = [Told(msgspec.json.encode(error), 400, {"x-business-use-case-usage": usage})]
    else:
        details = [{"@type": "RetryInfo", "retryDelay": "0.3s"}]
        network.faults = [Told(msgspec.json.encode({"error": {"code": 429, "details": details}}), 429)]
    stage = await ads_stage(rig)
    assert (stage.state, stage.done) == ("verified", 40)


async def test_a_failed_ads_stage_leaves_fresh_revenue_and_stale_cost_and_says_so(
    rig: Rig, network: Network, connected: str
) -> None:
    network.spend(day(3), 1, "10")
    rig.shop.put(order(1))
    assert (await rig.sync()).state == "verified"
    before = await rig.stores.reading.watermark(rig.site)
    # watermarks are whole seconds
    await rig.pool.execute("select pg_sleep(1.1)")
    rig.shop.put(order(2, updated_at=datetime.now(UTC).replace(microsecond=0)))
    network.faults = [Told(b"{}", 403)] * 20
    run = await rig.sync()
    assert [stage.state for stage in run.stages] == ["verified", "failed", "done"] and run.state == "failed"
    after = await rig.stores.reading.watermark(rig.site)
    assert before.orders_as_of is not None and after.orders_as_of is not None
    assert after.orders_as_of > before.orders_as_of and after.ads_as_of == before.ads_as_of


async def test_a_token_that_ran_out_is_made_anew(rig: Rig, network: Network) -> None:
    async with DemoServer(network.google) as server:
        config = {"customer": "1234567890", "address": server.address, "token_url": f"{server.address}/token"}
        # a version that is switched off is left by changing the connection, not the program
        network.google_version = "v99"
        await rig.connect("google_ads", "ads", config={**config, "api_version": "v99"}, secret=GOOGLE_SECRET)
        network.spend(day(1), 1, "5")
        network.faults = [Told(b"{}", 401)]
        assert (await ads_stage(rig)).state == "verified"
        assert network.tokens_given == 2
