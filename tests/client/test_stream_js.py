"""The browser's module, in a real JavaScript engine on a real server: a page follows a site through every break."""

import asyncio
import json
import math
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import Holdfast, Replica
from holdfast.client.blocks import Parser
from tests.client.test_live import WINDOW, looks, wander
from tests.client.wire import Wire
from tests.http.conftest import TOKEN, LiveServer

HERE = Path(__file__).parent
CORE = HERE.parents[1] / "src" / "holdfast" / "console" / "static" / "core"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node on this machine to run the browser's modules in")


class Page:
    """A running script; `lines` are what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[Any] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines.append(json.loads(line))

    async def until(self, holds: Callable[[list[Any]], bool]) -> None:
        async with asyncio.timeout(15):
            while not holds(self.lines):
                assert not self._reading.done(), await self.failure()
                await asyncio.sleep(0.01)

    async def end(self) -> Any:
        """Lets it end; the last thing it said."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(15):
            await self._reading
            assert await self.process.wait() == 0, await self.failure()
        return self.lines[-1]

    async def failure(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


@asynccontextmanager
async def page(folder: Path, what: str, **told: Any) -> AsyncIterator[Page]:
    for file in CORE.glob("*.js"):
        shutil.copy(file, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    said = json.dumps({"what": what, "module": (folder / "stream.js").as_uri(), "token": TOKEN, **told}, default=str)
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE, str(HERE / "follow.mjs"), said,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    try:
        yield Page(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_streams_are_read_as_the_other_client_reads_them(tmp_path: Path) -> None:
    rng = random.Random(3)
    pieces = [
        b"data: a",
        b"data",
        b"id: e:7",
        b"id: x\0",
        b"event: t",
        b"retry: 1500",
        b": c",
        b"",
        b"",
        "data: é€".encode(),
    ]
    texts = [
        b"\xef\xbb\xbf" * rng.randrange(2)
        + b"".join(rng.choice(pieces) + rng.choice([b"\n", b"\r", b"\r\n"]) for _ in range(rng.randrange(25)))
        for _ in range(60)
    ]
    async with page(tmp_path, "parse", texts=[text.decode("latin-1") for text in texts]) as script:
        await script.end()
        read = [[[block.event, block.data, block.id] for block in Parser().feed(text)] for text in texts]
        assert script.lines == [blocks for blocks in read for _ in range(4)]


async def test_the_servers_time_is_kept_and_counted_down(tmp_path: Path) -> None:
    async with page(tmp_path, "clock") as script:
        await script.until(lambda lines: len(lines) == 5)
        now, left, same, later, ticks = script.lines
        assert now == 4_999_005 and left == 1000 and same == 5_000_505 and later == 6_000_000
        lefts = [tick[0] for tick in ticks]
        # each within its second, however late a busy machine calls, and the end never early
        assert [math.ceil(each / 1000) for each in lefts] == [3, 2, 1, 0], ticks
        assert ticks[-1][1] >= 2290, ticks
        await script.end()


@pytest.mark.parametrize("unit", [None, "PC1"])
async def test_a_page_is_the_later_snapshot_whatever_was_cut(
    wire: Wire, house: Holdfast, slug: str, tmp_path: Path, unit: str | None
) -> None:
    rng = random.Random(9)
    site = house.site(slug)
    await wander(site, rng, 10)
    window = {"from": WINDOW["start"].isoformat(), "to": WINDOW["end"].isoformat()}
    async with page(tmp_path, "replica", base=wire.url, site=slug, unit=unit, **window) as script:
        await script.until(lambda lines: {"state": "live"} in lines)
        wandering = [asyncio.create_task(wander(site, random.Random(50 + n), 40)) for n in range(3)]
        while not all(task.done() for task in wandering):
            await asyncio.sleep(rng.uniform(0.05, 0.3))
            wire.cut()
        await asyncio.gather(*wandering)
        await site.change_unit("PC1", name="the last")
        later = (await site.board(**WINDOW)).data
        await script.until(lambda lines: lines[-1].get("event") == later["version"])
        told = await script.end()
        mine = {name: told[name] for name in ("units", "bookings", "blocks")}
        expected = looks(Replica(later, unit=unit))
        assert mine == expected and told["version"] == later["version"] and abs(told["offBy"]) < 1000
        begun = next(line["begun"] for line in script.lines if "begun" in line)
        versions = [line["event"] for line in script.lines if "event" in line]
        assert versions == sorted(set(versions)) and (unit or versions == list(range(begun + 1, later["version"] + 1)))
        assert {"state": "offline"} in script.lines and not any("reset" in line for line in script.lines)


async def test_another_epoch_is_one_reset_and_a_filter_is_proved(house: Holdfast, slug: str, tmp_path: Path) -> None:
    site = house.site(slug)
    more = {"base": house.url, "site": slug, "types": ["unit.changed"], "unit": "PC1"}
    async with page(tmp_path, "stream", after="anotherepoch:3", **more) as script:
        await script.until(lambda lines: any("reset" in line for line in lines))
        await site.change_unit("PC2", name="not wanted")
        await site.change_unit("PC1", name="wanted")
        await script.until(lambda lines: "event" in lines[-1])
        assert script.lines[-1]["name"] == "wanted"
        await script.end()
        resets = [line["reset"]["reason"] for line in script.lines if "reset" in line]
        assert resets == ["other_epoch"]


async def test_a_dead_line_is_stale_and_a_refusal_is_final(
    wire: Wire, house: Holdfast, slug: str, tmp_path: Path
) -> None:
    site = house.site(slug)
    async with page(tmp_path, "stream", base=wire.url, site=slug, quietMs=400) as script:
        await script.until(lambda lines: {"state": "live"} in lines)
        await asyncio.sleep(0.05)
        wire.silent = True
        await site.change_unit("PC1", name="while silent")
        await script.until(lambda lines: {"state": "stale"} in lines)
        wire.silent = False
        await script.until(lambda lines: any(line.get("name") == "while silent" for line in lines))
        await script.end()
    async with page(tmp_path, "stream", base=house.url, site="nowhere") as script:
        await script.until(lambda lines: {"state": "offline", "problem": "unknown_site"} in lines)


async def test_a_page_goes_on_when_the_server_is_there_again(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    first = make_server()
    made = first.client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    address = made.headers["location"]
    first.client.post(f"{address}/units", json={"units": [{"code": "PC1", "category": "pc"}]})
    until = (datetime.now(UTC) + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    async with Wire("127.0.0.1", int(first.url.rsplit(":", 1)[1])) as wire:  # noqa: SIM117
        async with page(tmp_path, "replica", base=wire.url, site=made.json()["slug"]) as script:
            await script.until(lambda lines: {"state": "live"} in lines)
            wire.close()
            await script.until(lambda lines: {"state": "offline"} in lines)
            booked = first.client.post(f"{address}/bookings", json={"unit": "PC1", "walk_in": True, "to": f"{until}"})
            assert booked.status_code == 201, booked.text
            await wire.open()
            await script.until(lambda lines: lines[-1].get("event") == int(booked.headers["holdfast-version"]))
            told = await script.end()
            assert told["units"]["PC1"]["shown_status"] == "Active"
            assert told["units"]["PC1"]["booking"] == booked.json()["id"]
