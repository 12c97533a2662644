"""Schedules against a real database: each due instant has one line in the ledger, whatever became of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.jobs.registry import Registry
from holdfast.services.schedules.acts import Schedules
from holdfast.services.schedules.firing import fire_due
from holdfast.services.schedules.values import ScheduleChange, ScheduleRequest, view
from holdfast.testing import Stage, jobs_on

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.ran = []  # type: ignore[attr-defined]

    async def tick(what: str = "") -> None:
        made.ran.append(what)  # type: ignore[attr-defined]

    async def fails() -> None:
        raise ValueError("broken")

    made.job(name="tick")(tick)
    made.job(name="fails", retries=0)(fails)
    made.job(name="single", unique="name")(tick)
    return made


@pytest.fixture
async def stage(database_url: str, registry: Registry) -> AsyncIterator[Stage]:
    async with jobs_on(database_url, registry) as found:
        yield found


async def make(stage: Stage, schedule: str = "*/5 * * * *", **more: Any) -> int:
    """A schedule that has last been fired at NOW."""
    request = ScheduleRequest(
        name=more.pop("name", "every"), schedule=schedule, function=more.pop("function", "tick"), **more
    )
    row = await stage.schedules.make(request, by="test")
    await stage.pool.execute("update schedule set next_at = $2 where id = $1", row.id, NOW + 5 * MINUTE)
    return row.id


async def fire(stage: Stage, registry: Registry, at: datetime) -> None:
    await fire_due(stage.pool, registry, now=at)


async def ledger(stage: Stage, id: int) -> list[tuple[int, str]]:
    """Minutes since NOW, and the state, oldest first."""
    lines = await stage.schedules.ticks(id, limit=500)
    return [(int((line.at - NOW) / MINUTE), line.state) for line in reversed(lines)]


async def test_a_tick_fires_once_at_its_instant_and_its_run_is_counted(stage: Stage, registry: Registry):
    id = await make(stage, args={"what": "x"})
    await fire(stage, registry, NOW + 4 * MINUTE)
    assert await ledger(stage, id) == []
    await fire(stage, registry, NOW + 5 * MINUTE)
    await fire(stage, registry, NOW + 5 * MINUTE)
    assert await ledger(stage, id) == [(5, "fired")]
    await stage.run_jobs()
    assert registry.ran == ["x"]  # type: ignore[attr-defined]
    row = await stage.schedules.find(id)
    assert (row.runs, row.failures, row.last_outcome) == (1, 0, "succeeded")
    assert row.next_at == NOW + 10 * MINUTE
    assert (await stage.schedules.ticks(id))[0].outcome == "succeeded"


async def test_a_failed_run_is_a_failure_with_its_error(stage: Stage, registry: Registry):
    """The replaced system counted failures as successes."""
    id = await make(stage, function="fails")
    await fire(stage, registry, NOW + 5 * MINUTE)
    await stage.run_jobs()
    row = await stage.schedules.find(id)
    assert (row.runs, row.failures, row.last_outcome) == (1, 1, "dead")
    assert row.last_error is not None and row.last_error.startswith("ValueError: broken")


@pytest.mark.parametrize(
    ("missed", "wanted"),
    [
        ("skip", ["missed"] * 288),
        ("last", ["missed"] * 287 + ["late"]),
        ("all", ["late"] * 288),
    ],
)
async def test_after_a_day_of_downtime_every_tick_has_a_line(
    stage: Stage, registry: Registry, missed: str, wanted: list[str]
):
    id = await make(stage, missed=missed, overlap="allow")
    await fire(stage, registry, NOW + 1_442 * MINUTE)
    lines = await ledger(stage, id)
    assert [minute for minute, _ in lines] == list(range(5, 1_441, 5))
    assert [state for _, state in lines] == wanted
    jobs = await stage.pool.fetchval("select count(*) from job where schedule_id = $1", id)
    assert jobs == len(wanted) - wanted.count("missed"), "a line that says it ran has its job, and no other has"


async def test_the_last_missed_tick_is_caught_up_and_only_within_the_window(stage: Stage, registry: Registry):
    near = await make(stage, name="near", missed="last", overlap="allow")
    far = await make(stage, name="far", missed="all", catch_up_s=600, overlap="allow")
    await fire(stage, registry, NOW + 28 * MINUTE)
    assert [state for _, state in await ledger(stage, near)] == ["missed"] * 4 + ["late"]
    assert [state for _, state in await ledger(stage, far)] == ["missed"] * 3 + ["late"] * 2
    reasons = {line.reason for line in await stage.schedules.ticks(far, state="missed")}
    assert reasons == {"down: nobody was awake, and it lies before the catch-up window"}


async def test_more_missed_ticks_than_one_transaction_takes_all_have_their_line(stage: Stage, registry: Registry):
    id = await make(stage, "* * * * *", missed="last")
    for _ in range(4):
        await fire(stage, registry, NOW + 1_500 * MINUTE)
    found = await ledger(stage, id)
    assert [minute for minute, _ in found] == list(range(5, 1_501))[-500:]
    count = await stage.pool.fetchval("select count(*) from tick where schedule_id = $1", id)
    assert count == 1_496
    fired = await stage.pool.fetch("select at from tick where state in ('fired', 'late')")
    assert [row["at"] for row in fired] == [NOW + 1_500 * MINUTE]


@pytest.mark.parametrize(
    ("overlap", "wanted", "waiting"),
    [
        ("allow", ["fired", "fired"], 2),
        ("skip", ["fired", "skipped"], 1),
        ("queue", ["fired", "fired"], 2),
        ("replace", ["fired", "fired"], 1),
    ],
)
async def test_what_happens_while_the_last_job_has_not_ended(
    stage: Stage, registry: Registry, overlap: str, wanted: list[str], waiting: int
):
    id = await make(stage, overlap=overlap)
    await fire(stage, registry, NOW + 5 * MINUTE)
    first = (await stage.schedules.find(id)).last_job_id
    await fire(stage, registry, NOW + 10 * MINUTE)
    lines = list(reversed(await stage.schedules.ticks(id)))
    assert [line.state for line in lines] == wanted
    assert await stage.pool.fetchval("select count(*) from job") == waiting
    if overlap == "skip":
        assert lines[1].reason == f"overlap: job {first} has not ended"
    if overlap == "replace":
        assert lines[0].outcome == "cancelled"
    await stage.run_jobs()
    assert await stage.pool.fetchval("select count(*) from done where outcome = 'succeeded'") == waiting


async def test_ticks_that_queue_run_one_after_the_other(stage: Stage, registry: Registry):
    gate, at_once = asyncio.Event(), []

    async def slow() -> None:
        at_once.append(stage.crew.running)
        await gate.wait()

    registry.job(name="slow")(slow)
    await make(stage, function="slow", overlap="queue", missed="all")
    await stage.crew.limiting.refresh()
    await fire(stage, registry, NOW + 20 * MINUTE)
    for _ in range(20):
        await stage.crew.take()
        await asyncio.sleep(0.005)
    assert stage.crew.running == 1 and len(at_once) == 1
    gate.set()
    await stage.run_jobs()
    assert len(at_once) == 4


async def test_a_paused_schedule_keeps_its_ledger_and_goes_on_from_the_present(stage: Stage, registry: Registry):
    id = await make(stage)
    await stage.schedules.change(id, ScheduleChange(active=False), by="ada")
    await fire(stage, registry, NOW + 11 * MINUTE)
    assert await ledger(stage, id) == [(5, "skipped"), (10, "skipped")]
    assert (await stage.schedules.ticks(id))[0].reason == "paused by ada"
    await stage.schedules.change(id, ScheduleChange(active=True), by="ada")
    await fire(stage, registry, NOW + 15 * MINUTE)
    assert (await ledger(stage, id))[-1] == (15, "fired")


async def test_two_nodes_that_fire_at_once_fire_once(stage: Stage, registry: Registry):
    ids = [await make(stage, name=f"s{n}", overlap="allow") for n in range(20)]
    for step in range(1, 6):
        at = NOW + 5 * step * MINUTE
        await asyncio.gather(*(fire_due(stage.pool, registry, now=at) for _ in range(6)))
        await fire(stage, registry, at)
    for id in ids:
        assert await ledger(stage, id) == [(5 * step, "fired") for step in range(1, 6)]
    assert await stage.pool.fetchval("select count(*) from job") == 100
    assert await stage.pool.fetchval("select count(distinct (schedule_id, tick_at)) from job") == 100


async def test_a_unique_function_says_which_job_stood_in_the_ticks_way(stage: Stage, registry: Registry):
    first = await make(stage, name="a", function="single", overlap="allow")
    second = await make(stage, name="b", function="single", overlap="allow")
    await fire(stage, registry, NOW + 5 * MINUTE)
    (winner,), (loser,) = [await stage.schedules.ticks(id) for id in (first, second)]
    assert (winner.state, loser.state) == ("fired", "skipped")
    assert loser.reason == f"unique: job {winner.job} has not ended"


async def test_one_schedule_that_cannot_be_fired_holds_up_no_other(stage: Stage, registry: Registry):
    bad = await make(stage, name="bad")
    good = await make(stage, name="good")
    worse = await make(stage, name="worse")
    unread = await make(stage, name="unread")
    await stage.pool.execute("update schedule set queue = repeat('q', 100) where id = $1", bad)
    await stage.pool.execute("""update schedule set args = '{"no": 1}' where id = $1""", worse)
    await stage.pool.execute("update schedule set expression = 'never' where id = $1", unread)
    await fire(stage, registry, NOW + 5 * MINUTE)
    assert await ledger(stage, good) == [(5, "fired")]
    for id, why in ((bad, "a_queue_has_a_short_name"), (worse, "invalid_arguments"), (unread, "cannot be read")):
        (line,) = await stage.schedules.ticks(id)
        assert line.state == "skipped" and line.reason is not None and why in line.reason


async def test_run_now_and_backfill_have_their_lines_and_no_instant_a_second_job(stage: Stage, registry: Registry):
    id = await make(stage, missed="skip")
    await fire(stage, registry, NOW + 18 * MINUTE)
    made = await stage.schedules.backfill(id, NOW, NOW + 20 * MINUTE, by="ada")
    assert len(made.jobs) == 3 and made.known == 0 and not made.more
    again = await stage.schedules.backfill(id, NOW - 10 * MINUTE, NOW + 20 * MINUTE, by="ada")
    assert len(again.jobs) == 2 and again.known == 3
    assert await ledger(stage, id) == [(minute, "backfilled") for minute in (-5, 0, 5, 10, 15)]
    assert (await stage.schedules.ticks(id))[0].reason == (
        "asked for by ada; was missed: down: nobody was awake, and missed ticks are skipped"
    )
    put = await stage.schedules.run_now(id, by="ada")
    (line,) = await stage.schedules.ticks(id, state="manual")
    assert line.job == put.id
    assert len(await stage.run_jobs()) == 6


async def test_a_schedule_is_checked_when_made_and_when_changed(stage: Stage):
    base = {"name": "x", "schedule": "0 0 29 2 *", "function": "tick"}
    for wrong, code in [
        ({"schedule": "0 0 30 2 *"}, "invalid_schedule"),
        ({"schedule": "30 2 ? 3 0#2", "time_zone": "America/New_York", "gap": "skip"}, "invalid_schedule"),
        ({"time_zone": "Europe/Berlinn"}, "invalid_settings"),
        ({"function": "os.system"}, "unknown_function"),
        ({"args": {"no": 1}}, "invalid_arguments"),
        ({"name": " "}, "invalid_request"),
        ({"priority": 9}, "invalid_request"),
        ({"catch_up_s": -1}, "invalid_request"),
    ]:
        with pytest.raises(Refusal) as refused:
            await stage.schedules.make(ScheduleRequest(**{**base, **wrong}), by="test")
        assert refused.value.code == code
    row = await stage.schedules.make(ScheduleRequest(**base), by="test")
    with pytest.raises(Refusal, match="already_exists"):
        await stage.schedules.make(ScheduleRequest(**base), by="test")
    with pytest.raises(Refusal, match="nothing_to_change"):
        await stage.schedules.change(row.id, ScheduleChange(name="x"), by="test")
    changed = await stage.schedules.change(row.id, ScheduleChange(schedule="hourly"), by="test")
    assert changed.next_at < row.next_at and view(changed).means == "every hour"
    await stage.schedules.remove(row.id)
    with pytest.raises(Refusal, match="unknown_schedule"):
        await stage.schedules.find(row.id)


async def test_the_stages_clock_makes_retries_and_schedules_due(stage: Stage, registry: Registry):
    row = await stage.schedules.make(ScheduleRequest(name="x", schedule="0 * * * *", function="tick"), by="test")
    assert await stage.run() == []
    await stage.advance(hours=1)
    (run,) = await stage.run()
    assert (run.function, run.outcome, run.schedule) == ("tick", "succeeded", row.id)


def test_schedules_can_be_handled_without_a_stage(stage: Stage):
    assert isinstance(stage.schedules, Schedules)
