"""Each night a store is held against its source and counted anew, by a schedule that people see, pause and change."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.sync.runs import RunView, Wish
from holdfast.services.sync.scheduling import Scheduling
from holdfast.services.sync.verifying import VerificationRequest
from tests.shops.conftest import Fill, Rig, now_s, order


async def make_due(rig: Rig) -> None:
    await rig.pool.execute("update store_verification set due_at = now() - interval '1 minute'")


async def night(rig: Rig) -> RunView | None:
    """What a worker does when the verification is due; the run, unless there was none."""
    await make_due(rig)
    if not await Scheduling(rig.stores, rig.sites).ask_for_due():
        return None
    (run, *_) = await rig.stores.runs.page(rig.site, before=None, limit=1)
    return await rig.work(run.id)


@pytest.mark.parametrize("time_zone", ["America/New_York"])
async def test_a_store_is_verified_at_night_on_its_own_clock_and_a_difference_is_a_finding(
    rig: Rig, fill: Fill, time_zone: str
) -> None:
    view = await rig.stores.verifying.view(rig.site)
    assert (view.rule, view.days, view.is_enabled, view.run) == ("20 3 * * *", 30, True, None)
    assert view.next_at is not None
    assert view.next_at.astimezone(ZoneInfo(time_zone)).strftime("%H:%M") == "03:20"
    await rig.pool.execute("update stream set due_at = null")
    rig.shop.put(*(order(n, updated_at=now_s() - timedelta(days=n), customer_id=n) for n in range(1, 61)))
    await rig.sync()
    # one within the days that are compared, one far behind them, and a figure that nobody would see
    await rig.pool.execute("update shop_order set gross = gross + 1 where id in ('7', '50')")
    await rig.pool.execute("update cohort_month set gross = gross + 5")
    run = await night(rig)
    assert run is not None and (run.operation, run.actor, run.cause) == ("verify", "schedule", "verification")
    assert run.state == "drift" and run.stages[0].n == 1
    kept = {number: row["gross"] for number, row in (await rig.ours()).items()}
    assert (kept["7"], kept["50"]) == (Decimal(10), Decimal(11))
    assert set(await rig.findings()) == {"sync_drift", "ltv_differs"}
    view = await rig.stores.verifying.view(rig.site)
    assert (view.run, view.state) == (run.id, "drift")
    assert view.next_at is not None and view.next_at > run.started_at
    again = await night(rig)
    assert again is not None and again.state == "verified" and await rig.findings() == {}


async def test_a_verification_waits_for_a_run_that_is_under_way_and_stays_due(rig: Rig, fill: Fill) -> None:
    fill(5)
    await rig.pool.execute("update stream set due_at = null")
    run_id, _ = await rig.stores.runs.ask(rig.site, Wish(), actor="test", cause="asked")
    assert await night(rig) is None
    await rig.work(run_id)
    run = await night(rig)
    assert run is not None and run.operation == "verify"


async def test_a_verification_is_paused_changed_and_told_apart(rig: Rig, fill: Fill) -> None:
    fill(5)
    verifying = rig.stores.verifying
    await rig.pool.execute("update stream set due_at = null")
    with pytest.raises(Refusal, match="invalid_request"):
        await verifying.change(rig.site, VerificationRequest(rule="99 3 * * *"), actor="test")
    view = await verifying.change(rig.site, VerificationRequest(is_enabled=False), actor="test")
    assert view.next_at is None
    assert await Scheduling(rig.stores, rig.sites).ask_for_due() == 0
    view = await verifying.change(
        rig.site, VerificationRequest(rule="0 4 * * sun", days=0, is_enabled=True), actor="test"
    )
    assert view.next_at is not None and (view.next_at.isoweekday(), view.next_at.hour) == (7, 4)
    await rig.sync()
    run = await night(rig)
    assert run is not None and [stage.stage for stage in run.stages] == ["ltv"], "lifetime value alone"
    causes = [line["cause"] for line in await rig.journal() if line["type"] == "connection.changed"]
    assert causes == ["created", "verification_set", "verification_set"]
