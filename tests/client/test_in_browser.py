"""The browser's module in a real browser: a screen follows a site through every break, and says how well it does."""

import asyncio
import json
import random
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page, Route

from holdfast.client import Holdfast, Replica
from tests.browser import browser, browser_address, page
from tests.client.conftest import QUICK
from tests.client.test_live import WINDOW, free_port, looks, started, wander
from tests.client.test_stream_js import CORE
from tests.client.wire import Wire
from tests.http.conftest import TOKEN

__all__ = ["browser", "browser_address", "page"]

SCREEN = """<!doctype html><title>screen</title><script type="module">
import { openReplica, openStream } from "/static/core/stream.js";
window.said = [];
window.follow = async (options) => {
  window.live = await openReplica({
    ...options,
    onChange: (event) => said.push({ event: event.version }),
    onReset: (reset) => said.push({ reset: reset.reason }),
    onState: (state) => said.push({ state }),
  });
  window.begun = live.replica.version;
};
window.listen = (options) => {
  window.live = openStream({
    ...options,
    onEvent: (event, position) => said.push({ event: event.version, position }),
    onReset: (reset) => said.push({ reset: reset.reason }),
    onState: (state, problem) => said.push({ state, problem: problem?.code }),
  });
};
window.held = () => ({
  units: Object.fromEntries(live.replica.units), bookings: Object.fromEntries(live.replica.bookings),
  blocks: [...live.replica.blocks.keys()].sort(),
});
window.isReady = true;
</script>"""


class Screen:
    """A page that follows a site of the server behind `url`."""

    def __init__(self, page: Page, url: str, site: str) -> None:
        self.page = page
        self.url = url
        self.options = {"site": site, "headers": {"Authorization": f"Bearer {TOKEN}"}}

    async def open(self) -> None:
        """Opens the page, with the modules as they are in the folder."""

        async def answer(route: Route) -> None:
            name = route.request.url.rsplit("/", 1)[1]
            is_page = name == "screen"
            await route.fulfill(
                body=SCREEN if is_page else (CORE / name).read_text(),
                content_type="text/html" if is_page else "text/javascript",
            )

        await self.page.route(f"{self.url}/screen", answer)
        await self.page.route(f"{self.url}/static/core/*", answer)
        await self.page.goto(f"{self.url}/screen")
        await self.page.wait_for_function("window.isReady")

    async def follow(self, **options: Any) -> None:
        await self.page.evaluate("options => follow(options)", {**self.options, **options})

    async def listen(self, **options: Any) -> None:
        await self.page.evaluate("options => listen(options)", {**self.options, **options})

    async def until(self, holds: str, *, within_s: float = 20.0) -> None:
        """Waits until that is so of what was `said`."""
        try:
            await self.page.wait_for_function(holds, timeout=within_s * 1000)
        except Exception:
            raise AssertionError(f"never {holds}: {(await self.said())[-8:]}") from None

    async def said(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = await self.page.evaluate("said")
        return lines

    async def told(self, what: str) -> list[Any]:
        return [line[what] for line in await self.said() if what in line]


@pytest.fixture
def screen(page: Page, wire: Wire, slug: str) -> Screen:
    return Screen(page, wire.url, slug)


@pytest.mark.parametrize("unit", [None, "PC1"])
async def test_a_screen_is_the_later_snapshot_whatever_was_cut(
    screen: Screen, wire: Wire, house: Holdfast, slug: str, unit: str | None
) -> None:
    rng = random.Random(11)
    site = house.site(slug)
    await wander(site, rng, 10)
    await screen.open()
    await screen.follow(unit=unit, **{"from": WINDOW["start"].isoformat(), "to": WINDOW["end"].isoformat()})
    await screen.until("said.some(line => line.state === 'live')")
    wandering = [asyncio.create_task(wander(site, random.Random(70 + n), 40)) for n in range(3)]
    while not all(task.done() for task in wandering):
        await asyncio.sleep(rng.uniform(0.05, 0.3))
        wire.cut()
    await asyncio.gather(*wandering)
    await site.change_unit("PC1", name="the last")
    later = (await site.board(**WINDOW)).data
    await screen.until(f"said.at(-1).event === {later['version']}")
    assert await screen.page.evaluate("held()") == looks(Replica(later, unit=unit))
    versions = await screen.told("event")
    begun = await screen.page.evaluate("begun")
    assert versions == sorted(set(versions)) and (unit or versions == list(range(begun + 1, later["version"] + 1)))
    assert not await screen.told("reset") and "offline" in await screen.told("state")


async def test_a_screen_goes_on_when_a_killed_server_is_there_again(page: Page, database_url: str) -> None:
    port = free_port()
    server = await started(database_url, port)
    try:
        async with Holdfast(f"http://127.0.0.1:{port}", token=TOKEN, patience=QUICK) as house:
            made = await house.post("/api/sites", {"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
            site = house.site(made["slug"])
            await house.post(f"/api/sites/{made['slug']}/units", {"units": [{"code": "PC1", "category": "pc"}]})
            screen = Screen(page, house.url, made["slug"])
            await screen.open()
            await screen.follow()
            begun = await page.evaluate("begun")
            await screen.until("said.some(line => line.state === 'live')")
            for number in range(3):
                await site.change_unit("PC1", name=f"before {number}")
            server.send_signal(signal.SIGKILL)
            await server.wait()
            await screen.until("said.at(-1).state === 'offline'")
            server = await started(database_url, port)
            last = (await site.change_unit("PC1", name="after")).version
            await screen.until(f"said.some(line => line.event === {last})")
            assert await screen.told("event") == list(range(begun + 1, begun + 5)) and not await screen.told("reset")
            assert await screen.told("state") == ["live", "offline", "live"]
            assert (await page.evaluate("held()"))["units"]["PC1"]["name"] == "after"
    finally:
        if server.returncode is None:
            server.terminate()
            await asyncio.wait_for(server.wait(), 10)


async def test_a_screen_says_whether_it_is_live_stale_or_offline(
    screen: Screen, wire: Wire, house: Holdfast, slug: str
) -> None:
    await screen.open()
    await screen.listen(quietMs=1_500)
    # without a place to go on from it would hear of what comes from then on
    await screen.until("said.at(-1)?.state === 'live' && live.position !== null")
    wire.silent = True
    await house.site(slug).change_unit("PC1", name="while silent")
    await screen.until("said.some(line => line.state === 'stale')")
    wire.close()
    await screen.until("said.at(-1).state === 'offline'")
    wire.silent = False
    await wire.open()
    await screen.until("said.some(line => line.event !== undefined)")
    states = await screen.told("state")
    offline = states.index("offline")
    assert states[0] == "live" and "stale" in states[:offline] and "live" in states[offline:]


async def test_what_cannot_be_told_is_one_reset_and_a_new_snapshot(screen: Screen, house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    await screen.open()
    await screen.listen(after="anotherepoch:3")
    await screen.until("said.some(line => line.reset)")
    changed = await site.change_unit("PC1", name="behind it")
    await screen.until(f"said.some(line => line.event === {changed.version})")
    assert await screen.told("reset") == ["other_epoch"]
    await screen.page.evaluate("live.close()")
    # a server that says so of a replica: its snapshot is of another history than its events
    await _answer_once(screen.page, f"{screen.url}/api/sites/{slug}/board", lambda told: {**told, "epoch": "another"})
    await screen.page.evaluate("said.length = 0")
    await screen.follow()
    await screen.until("said.some(line => line.reset)")
    changed = await site.change_unit("PC2", name="after the new snapshot")
    await screen.until(f"said.some(line => line.event === {changed.version})")
    assert await screen.told("reset") == ["other_epoch"]
    assert (await screen.page.evaluate("held()"))["units"]["PC2"]["name"] == "after the new snapshot"


async def _answer_once(page: Page, address: str, change: Callable[[Any], Any]) -> None:
    async def answer(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, body=json.dumps(change(await response.json())))

    await page.route(f"{address}?*", answer, times=1)


async def test_a_hole_is_noticed_and_a_new_snapshot_taken(screen: Screen, house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    await screen.open()
    board = (await site.board()).data

    async def answer(route: Route) -> None:
        # the event after the next
        told = {"version": board["version"] + 2, "data": {"code": "PC1"}}
        position = f"{board['epoch']}:{told['version']}"
        block = f"id: {position}\nevent: unit.changed\ndata: {json.dumps(told)}\n\n"
        await route.fulfill(body=block, content_type="text/event-stream")

    await screen.page.route(f"{screen.url}/api/sites/{slug}/events?*", answer, times=1)
    await screen.follow()
    await screen.until("said.some(line => line.reset)")
    changed = await site.change_unit("PC1", name="seen")
    await screen.until(f"said.some(line => line.event === {changed.version})")
    assert await screen.told("reset") == ["gap"]
    assert (await screen.page.evaluate("held()"))["units"]["PC1"]["name"] == "seen"


@pytest.mark.parametrize("wrong_by_s", [-5400, 0, 90])
async def test_a_screen_counts_with_the_servers_time_and_not_with_its_own(screen: Screen, wrong_by_s: int) -> None:
    await screen.page.add_init_script(
        "const origin = performance.timeOrigin; const now = Date.now; "
        f"Object.defineProperty(performance, 'timeOrigin', {{ value: origin + {wrong_by_s * 1000} }}); "
        f"Date.now = () => now() + {wrong_by_s * 1000};"
    )
    await screen.open()
    await screen.follow()
    before = datetime.now(UTC).timestamp()
    shown, own = await screen.page.evaluate("[live.clock.now() / 1000, Date.now() / 1000]")
    after = datetime.now(UTC).timestamp()
    assert before + wrong_by_s - 1 < own < after + wrong_by_s + 1
    assert before - 0.5 < shown < after + 0.5
    until = datetime.fromtimestamp(after + 60, UTC).isoformat()
    assert abs(await screen.page.evaluate(f"live.clock.until('{until}')") - 60_000) < 1500


async def test_a_refusal_is_final_and_says_why(screen: Screen) -> None:
    screen.options["site"] = "nowhere"
    await screen.open()
    await screen.listen()
    await screen.until("said.some(line => line.problem === 'unknown_site')")
    assert await screen.said() == [{"state": "offline", "problem": "unknown_site"}]
