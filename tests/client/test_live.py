"""A site followed is the site as it is, whatever breaks between: snapshot + events = a later snapshot."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import Event, Holdfast, Live, NoAnswer, Patience, Position, Refused, Replica, Reset, Site, Stream
from holdfast.client.replica import Change
from holdfast.realtime import hub
from holdfast.services import journal
from tests.client.conftest import QUICK
from tests.client.wire import Wire
from tests.http.conftest import TOKEN

DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = {"start": DAY - timedelta(days=1), "end": DAY + timedelta(days=6)}
ROOT = Path(__file__).parents[2]
LONG = Patience(attempts_max=100, total_s=20.0, attempt_s=5.0, wait_s=0.05, wait_max_s=0.3)
ACTS = ["start", "end", "cancel", "confirm", "no-show", "undo"]


async def wander(site: Site, rng: random.Random, steps: int, made: list[str] | None = None) -> None:
    """Random commands of one client, to bookings that it `made`; a refusal changes nothing."""
    made = [] if made is None else made
    for _ in range(steps):
        unit = f"PC{rng.randint(1, 4)}"
        start = DAY + timedelta(days=rng.choice([0, 1, 1, 2, 5, 8]), minutes=30 * rng.randrange(48))
        with suppress(Refused):
            match rng.randrange(9):
                case 0 | 1 | 2:
                    hold = {"hold_s": 60} if rng.random() < 0.2 else {}
                    made.append((await site.book(unit=unit, start=start, end=start + timedelta(hours=1), **hold))["id"])
                case 3:
                    end = (datetime.now(UTC) + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
                    made.append((await site.book(unit=unit, walk_in=True, end=end))["id"])
                case 4:
                    await site.block([unit], start=start, end=start + timedelta(minutes=30), kind="maintenance")
                case 5:
                    await site.change_unit(unit, condition=rng.choice([None, "dirty", "clean", "under_maintenance"]))
                case 6 if made:
                    await site.act(rng.choice(made), "move", unit=unit, start=start)
                case 7 if len(made) > 1:
                    first, second = rng.sample(made, 2)
                    await site.act(first, "swap", other=second)
                case _ if made:
                    await site.act(rng.choice(made), rng.choice(ACTS), reason="test", override=True)


def looks(told: Replica | Live, *, unit: str | None = None) -> dict[str, Any]:
    """What a replica holds, to be compared; of one unit, or all."""
    own = {code: one for code, one in told.units.items() if unit in (None, code)}
    return {"units": own, "bookings": dict(told.bookings), "blocks": sorted(told.blocks)}


async def caught_up(live: Live, version: int) -> None:
    async with asyncio.timeout(20):
        await live.until(version)


@pytest.mark.parametrize("number", range(3))
async def test_a_replica_is_the_later_snapshot_whatever_was_cut(
    wire: Wire, wired: Holdfast, house: Holdfast, slug: str, number: int
) -> None:
    rng = random.Random(number)
    site, far = house.site(slug), wired.site(slug)
    await wander(site, rng, 10)
    units = tuple(kind for kind in ("unit.created", "unit.changed", "unit.condition_changed", "unit.status_changed",
                                    "unit.status_repaired"))  # fmt: skip
    async with far.live(**WINDOW) as whole, far.live(unit="PC1", **WINDOW) as one, far.live(types=units) as words:
        told: list[Change | Reset] = []
        keeping = [asyncio.create_task(kept(whole, told)), one.keep(), words.keep()]
        wandering = [asyncio.create_task(wander(site, random.Random(100 * number + n), 45)) for n in range(3)]
        while not all(task.done() for task in wandering):
            await asyncio.sleep(rng.uniform(0.02, 0.15))
            wire.cut()
        await asyncio.gather(*wandering)
        await site.change_unit("PC1", name=f"the last {number}")
        later = (await site.board(**WINDOW)).data
        async with asyncio.timeout(20):
            while min(live.version for live in (whole, one, words)) < later["version"]:
                assert not any(task.done() for task in keeping), [task for task in keeping if task.done()]
                await asyncio.sleep(0.01)
        keeping[0].cancel()
        await asyncio.wait(keeping[:1])
        assert whole.version == later["version"]
        assert looks(whole) == looks(Replica(later))
        assert looks(one) == looks(Replica(later, unit="PC1"))
        assert looks(words) == looks(Replica(later, types=units))
        assert words.bookings == {} and one.units.keys() == {"PC1"}
        assert [change for change in told if isinstance(change, Reset)] == []
        changes = [change.event.version for change in told if isinstance(change, Change)]
        assert changes == list(range(later["version"] - len(changes) + 1, later["version"] + 1))
        assert wire.count > 5


async def kept(live: Live, told: list[Change | Reset]) -> None:
    while True:
        told.append(await anext(live))


async def test_each_event_comes_once_over_a_line_that_breaks(
    wire: Wire, wired: Holdfast, house: Holdfast, slug: str
) -> None:
    site = house.site(slug)
    begun = (await site.board()).data
    async with wired.site(slug).events(after=f"{begun['epoch']}:{begun['version']}") as events:
        for n in range(12):
            await site.change_unit("PC1", name=f"name {n}")
            if n % 3 == 0:
                wire.cut()
            async with asyncio.timeout(5):
                event = await anext(events)
            assert isinstance(event, Event) and event.version == begun["version"] + n + 1
            assert event.type == "unit.changed" and event.data["name"] == f"name {n}"
            assert event.at.tzinfo is not None and event.position.epoch == begun["epoch"]


async def test_a_waiting_that_is_given_up_loses_nothing(house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    async with site.events(after=0, types=["unit.changed"], unit="PC2") as events:
        for n in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(events), 0.3)
            await site.change_unit("PC2", name=f"name {n}")
            await site.change_unit("PC3", name=f"name {n}")
            event = await asyncio.wait_for(anext(events), 5)
            assert isinstance(event, Event) and event.data["name"] == f"name {n}" and event.subject == "PC2"


async def test_another_epoch_is_a_reset_and_a_new_snapshot(house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    async with site.events(after="anotherepoch:3") as events:
        told = await asyncio.wait_for(anext(events), 5)
        assert isinstance(told, Reset) and told.reason == "other_epoch" and told.position.epoch != "anotherepoch"
        await site.change_unit("PC1", name="after it")
        assert isinstance(await asyncio.wait_for(anext(events), 5), Event)
    async with site.live() as live:
        assert live._line is not None
        await live._line.aclose()
        live._line.position = Position("anotherepoch", 3)
        await site.change_unit("PC2", name="in between")
        told = await asyncio.wait_for(anext(live), 5)
        assert isinstance(told, Reset) and told.reason == "other_epoch"
        assert live.units["PC2"]["name"] == "in between"
        await site.change_unit("PC2", name="behind it")
        change = await asyncio.wait_for(anext(live), 5)
        assert isinstance(change, Change) and change.units == ("PC2",)


async def test_a_gap_is_noticed_and_mended_by_a_new_snapshot(house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    async with site.live() as live:
        await site.change_unit("PC1", name="one")
        await asyncio.wait_for(anext(live), 5)
        stream = live._line
        assert stream is not None and stream.position is not None
        # an event that a bad proxy ate: the reader believes to stand where it does not
        await stream.aclose()
        stream.position = Position(stream.position.epoch, stream.position.version - 1)
        chain_broken = live.replica.position
        await site.change_unit("PC1", name="two")
        seen: list[Any] = []
        async with asyncio.timeout(5):
            while live.units["PC1"]["name"] != "two":
                seen.append(await anext(live))
        assert live.replica.position.version > chain_broken.version


async def test_a_command_is_seen_once_its_version_is_reached(house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    async with site.live() as live:
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        booked = await site.book(unit="PC1", walk_in=True, end=start + timedelta(hours=3))
        assert booked.version is not None
        await caught_up(live, booked.version)
        assert live.units["PC1"]["shown_status"] == "Active" and live.units["PC1"]["booking"] == booked["id"]
        board = (await site.board()).data
        mine = live.board()
        assert mine["units"] == board["units"] and mine["bookings"] == board["bookings"]
        assert abs((live.now() - datetime.now(UTC)).total_seconds()) < 1


async def test_a_silent_line_is_stale_and_taken_up_again(
    wire: Wire, wired: Holdfast, house: Holdfast, slug: str
) -> None:
    site = house.site(slug)
    async with wired.site(slug).events() as events:
        states: list[str] = []
        events.on_state = states.append
        events.quiet_s = 0.3
        waiting = asyncio.create_task(anext(events))
        await until(lambda: events.position is not None)
        wire.silent = True
        await site.change_unit("PC1", name="while silent")
        await until(lambda: "stale" in states)
        wire.silent = False
        told = await asyncio.wait_for(waiting, 10)
        assert isinstance(told, Event) and told.data["name"] == "while silent"
        assert states[0] == "live" and events.state == "live"


async def test_no_stream_is_said_when_there_will_be_none(house: Holdfast, slug: str) -> None:
    with pytest.raises(Refused, match="unknown_site"):
        await anext(house.site("nowhere").events())
    with pytest.raises(Refused, match="invalid_cursor"):
        await anext(Stream(house._http, f"/api/sites/{slug}/events", Position("x" * 80, 1)))
    async with Holdfast("http://127.0.0.1:9", patience=QUICK) as nobody:
        events = nobody.site("a").events()
        events.give_up_s = 0.3
        with pytest.raises(NoAnswer):
            await anext(events)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("sign", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
async def test_a_server_that_dies_and_comes_again_is_followed_on(database_url: str, sign: signal.Signals) -> None:
    port = free_port()
    first = await started(database_url, port)
    try:
        async with Holdfast(f"http://127.0.0.1:{port}", token=TOKEN, patience=LONG) as house:
            made = await house.post("/api/sites", {"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
            site = house.site(made["slug"])
            await house.post(f"/api/sites/{made['slug']}/units", {"units": [{"code": "PC1", "category": "pc"}]})
            async with site.live(**WINDOW) as live:
                told: list[Change | Reset] = []
                keeping = asyncio.create_task(kept(live, told))
                begun = live.version
                wandering = asyncio.create_task(wander(site, random.Random(7), 60))
                await until(lambda: len(told) > 5)
                first.send_signal(sign)
                assert await asyncio.wait_for(first.wait(), 10) == (0 if sign == signal.SIGTERM else -sign)
                first = await started(database_url, port)
                await asyncio.wait_for(wandering, 30)
                later = (await site.board(**WINDOW)).data
                await until(lambda: live.version == later["version"])
                keeping.cancel()
                await asyncio.wait({keeping})
                assert looks(live) == looks(Replica(later))
                versions = [change.event.version for change in told if isinstance(change, Change)]
                assert versions == list(range(begun + 1, later["version"] + 1))
    finally:
        if first.returncode is None:
            first.terminate()
            await asyncio.wait_for(first.wait(), 10)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


async def started(database_url: str, port: int) -> asyncio.subprocess.Process:
    """A server of its own process, once it answers."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    variables |= {"HOLDFAST_DATABASE_URL": database_url, "HOLDFAST_ADMIN_TOKEN": TOKEN, "PYTHONPATH": str(ROOT / "src")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "holdfast", "serve", "--port", str(port),
        env=variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while b"ready at" not in (line := await process.stdout.readline()):
            assert line, "it did not start"
    return process


async def test_what_is_written_while_the_hub_looks_is_no_other_history(
    house: Holdfast, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []

    async def slowly(*asked: Any) -> dict[int, int]:
        found = await journal.stands(*asked)
        await asyncio.sleep(0.3)
        looked.append(found)
        return found

    monkeypatch.setattr(hub, "stands", slowly)
    site = house.site(slug)
    async with site.events() as events:
        said: list[Event | Reset] = []
        listening = asyncio.create_task(listen(events, said))
        await until(lambda: events.position is not None)
        for n in range(25):
            await site.change_unit("PC1", name=f"name {n}")
            await asyncio.sleep(0.1)
        await until(lambda: len(said) >= 25)
        listening.cancel()
        await asyncio.wait({listening})
    assert [one for one in said if isinstance(one, Reset)] == [] and len(said) == 25 and len(looked) > 1


async def listen(events: Stream, said: list[Event | Reset]) -> None:
    while True:
        said.append(await anext(events))
