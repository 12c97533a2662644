"""Several sites on one line: each is as its later snapshot, whatever was cut; and a hole in any of them is noticed."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.client import (
    Broken,
    Event,
    Gap,
    Holdfast,
    Live,
    LiveSites,
    NoAnswer,
    Places,
    Refused,
    Replica,
    Reset,
)
from holdfast.client.blocks import Block
from holdfast.client.chain import SitesChain
from holdfast.client.replica import Change
from tests.client.conftest import QUICK
from tests.client.test_live import WINDOW, looks, until, wander
from tests.client.wire import Wire

UNITS = ("unit.created", "unit.changed", "unit.condition_changed", "unit.status_changed", "unit.status_repaired")


@pytest.fixture
async def slugs(house: Holdfast, slug: str) -> list[str]:
    """The café, and two more like it."""
    units = {"units": [{"code": f"PC{n}", "category": "pc"} for n in range(1, 5)]}
    for name in ("north", "south"):
        await house.post("/api/sites", {"kind": "cafe", "slug": name, "name": name, "time_zone": "UTC"})
        await house.post(f"/api/sites/{name}/units", units)
    return [slug, "north", "south"]


async def kept(live: LiveSites | Live, told: list[Change | Reset]) -> None:
    while True:
        told.append(await anext(live))


async def test_each_of_several_sites_is_its_later_snapshot_whatever_was_cut(
    wire: Wire, wired: Holdfast, house: Holdfast, slugs: list[str]
) -> None:
    rng = random.Random(5)
    async with wired.live(slugs, **WINDOW) as whole, wired.live(slugs[:2], types=UNITS, **WINDOW) as words:
        told: list[Change | Reset] = []
        begun = {name: whole.version(name) for name in slugs}
        keeping = [asyncio.create_task(kept(whole, told)), words.keep()]
        wandering = [asyncio.create_task(wander(house.site(name), random.Random(name), 40)) for name in slugs]
        while not all(task.done() for task in wandering):
            await asyncio.sleep(rng.uniform(0.05, 0.2))
            wire.cut()
        await asyncio.gather(*wandering)
        later: dict[str, Any] = {}
        for name in slugs:
            await house.site(name).change_unit("PC1", name="the last")
            later[name] = (await house.site(name).board(**WINDOW)).data
        await until(lambda: all(whole.version(name) == later[name]["version"] for name in slugs))
        await until(lambda: all(words.version(name) == later[name]["version"] for name in slugs[:2]))
        assert not any(task.done() for task in keeping)
        keeping[0].cancel()
        await asyncio.wait(keeping[:1])
        for name in slugs:
            assert looks(whole[name]) == looks(Replica(later[name]))
        for name in slugs[:2]:
            assert looks(words[name]) == looks(Replica(later[name], types=UNITS)) and words[name].bookings == {}
        changes = [one.event for one in told if isinstance(one, Change)]
        assert len(changes) == len(told), "nobody was reset"
        for name in slugs:
            versions = [event.version for event in changes if event.site == name]
            assert versions == list(range(begun[name] + 1, later[name]["version"] + 1))
        assert wire.count > 5


async def test_a_command_at_one_of_several_is_seen_once_its_version_is_reached(
    house: Holdfast, slugs: list[str]
) -> None:
    async with house.live(slugs) as live:
        changed = await house.site("south").change_unit("PC2", name="seen")
        assert changed.version is not None
        async with asyncio.timeout(5):
            await live.until("south", changed.version)
        assert live["south"].units["PC2"]["name"] == "seen" and live.state == "live"


async def test_events_of_several_go_on_behind_a_position_that_was_kept(house: Holdfast, slugs: list[str]) -> None:
    async with house.events(slugs) as events:
        waiting = asyncio.create_task(anext(events))
        await until(lambda: events.position is not None)
        await house.site("north").change_unit("PC1", name="one")
        first = await asyncio.wait_for(waiting, 5)
        kept_position = str(events.position)
    await house.site("south").change_unit("PC1", name="two")
    await house.site("north").change_unit("PC1", name="three")
    assert isinstance(first, Event) and (first.site, first.data["name"]) == ("north", "one")
    for types in ((), ("unit.changed",)):
        async with house.events(slugs, after=kept_position, types=types) as events:
            said = [await asyncio.wait_for(anext(events), 5) for _ in range(2)]
        # between the sites there is no order
        assert {(one.site, one.data["name"]) for one in said if isinstance(one, Event)} == {
            ("south", "two"), ("north", "three"),
        }  # fmt: skip


@pytest.mark.parametrize("types", [(), ("unit.changed",)])
async def test_a_single_one_of_several_is_told_as_well(
    house: Holdfast, slugs: list[str], types: tuple[str, ...]
) -> None:
    async with house.live(slugs[1:2], types=types) as live:
        for n in range(3):
            version = (await house.site("north").change_unit("PC1", name=f"name {n}")).version
            await house.site("north").change_unit("PC2", condition=("dirty", "clean", None)[n])
            assert version is not None
            await asyncio.wait_for(live.until("north", version), 5)
            assert live.replicas["north"].position.version >= version and live.version("north") >= version


async def test_another_list_of_sites_or_another_epoch_begins_all_anew(house: Holdfast, slugs: list[str]) -> None:
    async with house.events(slugs) as events:
        waiting = asyncio.create_task(anext(events))
        await until(lambda: events.position is not None)
        waiting.cancel()
        await asyncio.wait({waiting})
        places = events.position
    assert places is not None
    fewer = Places(places.epoch, dict(list(places.versions.items())[:2]))
    for wrong, reason in ((fewer, "other_sites"), (Places("another", places.versions), "other_epoch")):
        async with house.events(slugs, after=wrong) as events:
            told = await asyncio.wait_for(anext(events), 5)
            assert isinstance(told, Reset) and told.reason == reason and str(told.position) == str(places)
    async with house.live(slugs) as live:
        assert live._line is not None
        await live._line.aclose()
        live._line.position = Places("another", places.versions)
        await house.site("north").change_unit("PC1", name="in between")
        told = await asyncio.wait_for(live.step(), 5)
        assert isinstance(told, Reset) and live["north"].units["PC1"]["name"] == "in between"


async def test_there_is_no_stream_of_sites_that_are_not_there(house: Holdfast, slugs: list[str]) -> None:
    with pytest.raises(Refused, match="unknown_site"):
        await anext(house.events([*slugs, "nowhere"]))
    with pytest.raises(Broken):
        house.events(slugs, after="epoch:5")
    async with Holdfast("http://127.0.0.1:9", patience=QUICK) as nobody:
        events = nobody.events(slugs)
        events.give_up_s = 0.3
        with pytest.raises(NoAnswer):
            await anext(events)


IDS = {"a": 1, "b": 2}


def block(site: str, places: str, prev: str | None = None) -> Block:
    version = next(part.split(".")[1] for part in places.split(",") if part.startswith(f"{IDS[site]}."))
    more = f', "prev": "e:{prev}"' if prev is not None else ""
    at = '"2027-03-08T10:00:00Z"'
    line = (
        f'{{"site": "{site}", "version": {version}, "at": {at}, "effective_at": {at}, "type": "unit.changed", '
        f'"subject": "PC1", "actor": "a", "cause": "changed", "data": {{}}{more}}}'
    )
    return Block("unit.changed", line, f"e:{places}")


def told(chain: SitesChain, blocks: Iterator[Block]) -> list[str]:
    said = (chain.follow(one) for one in blocks)
    return [f"{event.site}{event.version}" for event in said if isinstance(event, Event)]


def test_a_hole_in_any_of_several_sites_is_a_gap() -> None:
    start = Places("e", {1: 5, 2: 7})
    fine = [block("a", "1.6,2.7"), block("b", "1.6,2.8"), Block("", None, "e:1.6,2.8"), block("a", "1.7,2.8")]
    assert told(SitesChain(start, IDS, is_whole=True), iter(fine)) == ["a6", "b8", "a7"]
    for left_out in (0, 1):
        with pytest.raises(Gap):
            told(SitesChain(start, IDS, is_whole=True), iter(fine[:left_out] + fine[left_out + 1 :]))
    for wrong in (
        block("a", "1.6,2.8"), block("a", "1.5,2.7"), Block("", None, "e:1.5,2.8"), Block("", None, "f:1.5,2.7"),
    ):  # fmt: skip
        with pytest.raises(Gap):
            SitesChain(start, IDS, is_whole=True).follow(wrong)
    for stranger in (Block("", None, "e:1.5"), Block("unit.changed", '{"site": "c"}', "e:1.5,2.7")):
        with pytest.raises(Broken):
            SitesChain(start, IDS, is_whole=True).follow(stranger)


def test_a_hole_in_some_types_of_several_sites_is_a_gap() -> None:
    start = Places("e", {1: 5, 2: 7})
    fine = [
        block("a", "1.8,2.7", "1.5,2.7"), Block("", None, "e:1.9,2.9"), block("b", "1.9,2.11", "1.8,2.7"),
        block("a", "1.10,2.11", "1.9,2.11"),
    ]  # fmt: skip
    assert told(SitesChain(start, IDS, is_whole=False), iter(fine)) == ["a8", "b11", "a10"]
    for left_out in (0, 2):
        with pytest.raises(Gap):
            told(SitesChain(start, IDS, is_whole=False), iter(fine[:left_out] + fine[left_out + 1 :]))
    with pytest.raises(Gap):
        SitesChain(start, IDS, is_whole=False).follow(Block("", None, "e:1.4,2.9"))
