"""Alerts: what should not be is a finding while it is so, once, and is closed when it is over, by whoever looks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from holdfast.domain.commands import Check
from holdfast.domain.errors import Refusal
from holdfast.services import watch as watch_module
from holdfast.services.brake import Brake
from holdfast.services.desk import Desk
from holdfast.services.disk import MIB, Disks
from holdfast.services.health import Health
from holdfast.services.watch import Watch, Watched, WatchLimits
from tests.stage import Stage, VirtualClock, make_site, refused

GIB = 1024 * MIB


class FakeLoop:
    """A loop as the watch sees it."""

    def __init__(self, name: str = "alarms") -> None:
        self.name = name
        self.beat_at: float | None = None
        self.next_at: float | None = None
        self.failures = self.failures_total = 0
        self.is_running, self.has_ended = True, False
        self.silent = 0.0

    def silent_s(self, now: float) -> float:
        return self.silent


class FakeReport(NamedTuple):
    fixed: int
    checked: int = 100
    at: datetime = datetime(2026, 3, 2, tzinfo=UTC)


class FakeReconciler:
    last: FakeReport | None = None


class FakeBallast:
    kept = 0

    def keep_ballast(self) -> bool:
        self.kept += 1
        return True


class Scene:
    def __init__(self, pool: asyncpg.Pool, desk: Desk, named: str = "here:1") -> None:
        self.pool = pool
        self.desk = desk
        self.loop = FakeLoop()
        self.disks = Disks(Path("/"), Path("/"), low_bytes=2 * GIB)
        self.free: int = 100 * GIB
        self.disks.look = self._look  # type: ignore[method-assign]
        self.reconciler, self.ballast, self.stopping = FakeReconciler(), FakeBallast(), asyncio.Event()
        health = Health(pool, [self.loop], disks=self.disks, brake=desk.brake, stopping=self.stopping)
        watched = Watched(
            named, [self.loop], self.disks, health, self.stopping, reconciling=self.reconciler, ballast=self.ballast
        )
        self.watch = Watch(pool, desk, watched, WatchLimits(10, GIB))

    def _look(self) -> dict[str, int]:
        self.disks.free = {"data": self.free, "database": self.free}
        self.disks.is_low = self.free < 2 * GIB
        return self.disks.free

    async def open(self) -> list[tuple[str, str]]:
        rows = await self.pool.fetch("select rule, subject from finding where state = 'open' order by 1, 2, site_id")
        return [(row["rule"], row["subject"]) for row in rows]

    async def told(self, site_id: int) -> list[str]:
        rows = await self.pool.fetch(
            "select type from journal where site_id = $1 and type like 'finding.%' order by version", site_id
        )
        return [row["type"] for row in rows]


@asynccontextmanager
async def watching(pool: asyncpg.Pool) -> AsyncIterator[Scene]:
    desk = Desk(pool)
    await desk.start()
    try:
        yield Scene(pool, desk)
    finally:
        await desk.stop()


def silence(scene: Scene) -> None:
    scene.loop.silent = 12.0


def end_the_loop(scene: Scene) -> None:
    scene.loop.is_running, scene.loop.has_ended = False, True


def repair_many(scene: Scene) -> None:
    scene.reconciler.last = FakeReport(11)


def fill_the_disk(scene: Scene) -> None:
    scene.free = GIB + 1


def all_well(scene: Scene) -> None:
    scene.loop.silent, scene.free, scene.reconciler.last = 0.0, 100 * GIB, FakeReport(10)
    scene.loop.is_running, scene.loop.has_ended = True, False


@pytest.mark.parametrize(
    ("breach", "finding"),
    [
        (silence, ("loop_silent", "alarms@here:1")),
        (end_the_loop, ("loop_silent", "alarms@here:1")),
        (repair_many, ("repairs_many", "reconcile@here:1")),
        (fill_the_disk, ("disk_low", "disk@here:1")),
    ],
)
async def test_a_breach_is_a_finding_while_it_lasts(
    pool: asyncpg.Pool, breach: Callable[[Scene], None], finding: tuple[str, str]
) -> None:
    first, second = await make_site(pool, "cafe"), await make_site(pool, "cafe")  # an organisation each
    async with watching(pool) as scene:
        await scene.watch.look()
        assert await scene.open() == []
        breach(scene)
        for _ in range(3):
            await scene.watch.look()
        assert await scene.open() == [finding, finding], "once at each organisation's first site"
        all_well(scene)
        await scene.watch.look()
        assert await scene.open() == []
        assert await scene.told(first) == await scene.told(second) == ["finding.opened", "finding.closed"]


async def test_a_process_that_starts_anew_closes_what_is_over_and_leaves_the_others_alone(pool: asyncpg.Pool) -> None:
    await make_site(pool, "cafe")
    async with watching(pool) as scene:
        silence(scene)
        await scene.watch.look()
        other = Scene(pool, scene.desk, "there:1")
        silence(other)
        await other.watch.look()
        await Scene(pool, scene.desk).watch.look()
        assert await scene.open() == [("loop_silent", "alarms@there:1")]


async def test_a_site_that_is_late_is_told_of_at_the_site(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    other, late = await make_site(pool, "cafe"), await make_site(pool, "cafe")
    await pool.execute("update site set wakes_at = now() - interval '2 minutes' where id = $1", late)
    async with watching(pool) as scene:
        await scene.watch.look()
        assert await scene.open() == [], "after a start there is time to catch up in"
        monkeypatch.setattr(scene.watch, "_began_at", asyncio.get_running_loop().time() - 61)
        await scene.watch.look()
        assert await scene.open() == [("transition_late", "clock")]
        # telling of it went through the desk, which caught the site up
        await scene.watch.look()
        assert await scene.open() == []
        assert (await scene.told(other), len(await scene.told(late))) == ([], 2)


async def test_loops_that_end_because_all_does_are_no_breach(pool: asyncpg.Pool) -> None:
    await make_site(pool, "cafe")
    async with watching(pool) as scene:
        scene.stopping.set()
        end_the_loop(scene)
        await scene.watch.look()
        assert await scene.open() == []


async def test_a_look_that_cannot_be_recorded_ends_in_time_and_is_made_up_for(
    pool: asyncpg.Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_site(pool, "cafe")
    monkeypatch.setattr(watch_module, "WITHIN_S", 0.3)
    holder = await asyncpg.connect(database_url)
    async with watching(pool) as scene:
        silence(scene)
        async with holder.transaction():
            await holder.execute("lock table finding in access exclusive mode")
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await scene.watch.look()
        await asyncio.sleep(0.2)
        await scene.watch.look()
        assert await scene.open() == [("loop_silent", "alarms@here:1")]
    await holder.close()


async def test_a_nearly_full_disk_stops_commands_and_not_the_clock_nor_questions(pool: asyncpg.Pool) -> None:
    clock = VirtualClock(datetime.now(UTC))
    site_id = await make_site(pool, "cafe", ["PC-1", "PC-2"], {"grid_minutes": 0})
    async with watching(pool) as scene:
        stage = Stage(pool, scene.desk, site_id, clock)
        session = await stage.walk_in("PC-1")
        scene.free = GIB - 1
        await scene.watch.look()
        assert scene.desk.brake.is_on
        assert (await refused(stage.walk_in("PC-2"), "disk_full"))["retry_after_s"] > 0
        await refused(stage.act(session["id"], "end"), "disk_full")
        may = await stage.do(Check(stage.wish("PC-2", clock(), None, walk_in=True)))
        assert may["allowed"]
        await stage.tick()
        assert ("disk_low", "disk@here:1") in await scene.open(), "and it is recorded"
        kept = scene.ballast.kept
        scene.free = 100 * GIB
        await scene.watch.look()
        assert scene.ballast.kept == kept + 1, "room is kept again once there is some"
        await stage.walk_in("PC-2")


async def test_with_next_to_nothing_left_the_clock_stops_too(pool: asyncpg.Pool) -> None:
    site_id = await make_site(pool, "cafe", ["PC-1"])
    async with watching(pool) as scene:
        scene.free = GIB // 4 - 1
        await scene.watch.look()
        stage = Stage(pool, scene.desk, site_id, VirtualClock())
        await refused(stage.tick(), "disk_full")


async def test_a_disk_that_the_database_calls_full_is_let_alone_for_a_while(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of another machine is not ours to see: only the database can tell."""
    site_id = await make_site(pool, "cafe", ["PC-1", "PC-2"], {"grid_minutes": 0})
    from holdfast.services import batch

    released: list[bool] = []
    write = batch.write

    async def fail(*arguments: Any, **more: Any) -> None:
        raise asyncpg.DiskFullError("could not extend file")

    async with watching(pool) as scene:
        stage = Stage(pool, scene.desk, site_id, VirtualClock(datetime.now(UTC)))
        scene.desk.brake.release = lambda: not released.append(True)
        monkeypatch.setattr(batch, "write", fail)
        told = await asyncio.gather(*(stage.walk_in("PC-1") for _ in range(20)), return_exceptions=True)
        assert {one.code for one in told if isinstance(one, Refusal)} == {"disk_full"} and len(told) == 20
        assert released
        monkeypatch.setattr(batch, "write", write)
        assert scene.desk.brake.is_on
        await refused(stage.walk_in("PC-1"), "disk_full")
        monkeypatch.setattr(scene.desk.brake, "_full_until", 0.0)
        await stage.walk_in("PC-1")
        assert not scene.desk.brake.is_on


def test_a_brake_that_is_off_lets_all_through() -> None:
    assert not Brake().is_on


def test_a_disk_that_was_low_is_low_until_there_is_a_tenth_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter((1000, 999, 1050, 1099, 1100, 1000))
    monkeypatch.setattr("holdfast.services.disk.shutil.disk_usage", lambda _: type("U", (), {"free": next(left)}))
    disks, seen = Disks(tmp_path, None, low_bytes=1000), []
    for _ in range(6):
        disks.look()
        seen.append(disks.is_low)
    assert seen == [False, True, True, True, False, False]


def test_folders_that_are_not_there_are_not_looked_at(tmp_path: Path) -> None:
    disks = Disks(tmp_path / "none", None, low_bytes=1)
    assert (disks.look(), disks.is_low, disks.free_bytes()) == ({}, False, None)
