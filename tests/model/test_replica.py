"""Readers of whom nobody knows what will happen to them: random commands at two server processes on one database, lines
cut at any byte, readers that move between the servers or come again, servers killed and started anew. Whatever came to
pass, a snapshot and the events behind it are the later snapshot, and every event came once.

`make test` tells a few stories; `make test-long` many new ones.
"""

import asyncio
import os
import random
import signal
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from holdfast.client import Event, Holdfast, Live, LiveSites, Patience, Replica, Reset
from holdfast.client.replica import Change
from tests.client.test_live import WINDOW, free_port, looks, started, wander
from tests.client.wire import Wire
from tests.http.conftest import TOKEN

UNITS = ("unit.created", "unit.changed", "unit.condition_changed", "unit.status_changed", "unit.status_repaired")
WAYS: dict[str, dict[str, Any]] = {
    "whole": {}, "unit": {"unit": "PC1"}, "types": {"types": UNITS}, "unit and types": {"unit": "PC2", "types": UNITS},
}  # fmt: skip
PATIENT = Patience(attempts_max=200, total_s=30.0, attempt_s=5.0, wait_s=0.02, wait_max_s=0.2)
SETTLES_MAX = 5
SETTLED_S = 30.0
BYTES = st.sampled_from([1, 7, 100, 300, 1000, 5000]) | st.integers(1, 3000)


class Servers:
    """Two server processes on one database, and a wire that leads to one of them."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.url = url
        self.ports = [free_port(), free_port()]
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.processes = list(await asyncio.gather(*(started(self.url, port) for port in self.ports)))
        self.wire = Wire("127.0.0.1", self.ports[0])
        await self.wire.open()
        self.near = [Holdfast(f"http://127.0.0.1:{port}", token=TOKEN, patience=PATIENT) for port in self.ports]
        self.far = Holdfast(self.wire.url, token=TOKEN, patience=PATIENT)

    async def kill(self, which: int) -> None:
        """Ends one at once, whatever it is doing, and starts it anew."""
        self.processes[which].send_signal(signal.SIGKILL)
        await self.processes[which].wait()
        self.processes[which] = await started(self.url, self.ports[which])

    async def _close(self) -> None:
        await self.wire.__aexit__()
        for house in (*self.near, self.far):
            await house.__aexit__()
        for process in self.processes:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)

    def close(self) -> None:
        self.runner.run(self._close())
        self.runner.close()


class Screen:
    """One replica of a site, and all that it was told."""

    def __init__(self, live: Live, given: dict[str, Any]) -> None:
        self.live = live
        self.given = given
        self.told: list[Change | Reset] = []

    async def begin(self) -> None:
        await self.live.__aenter__()
        self.first = self.live.version
        self.keeping = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            self.told.append(await anext(self.live))

    async def end(self) -> None:
        self.keeping.cancel()
        await asyncio.wait({self.keeping})
        await self.live.__aexit__()

    def check(self, board: dict[str, Any]) -> None:
        assert looks(self.live) == looks(Replica(board, **self.given))
        assert not [one for one in self.told if isinstance(one, Reset)], (
            "nothing happened that a reader must be told of"
        )
        versions = [one.event.version for one in self.told if isinstance(one, Change)]
        assert versions == sorted(set(versions))
        if not self.given:
            assert versions == list(range(self.first + 1, board["version"] + 1))


class Screens(RuleBasedStateMachine):
    """Two sites with readers, of each and of both. A subclass names the servers and how often one may be killed."""

    servers: Servers
    kills_max: int

    @initialize()
    def open_sites(self) -> None:
        self.killed = 0
        self.made: dict[str, list[str]] = {}
        self.screens: list[Screen] = []
        self.both: LiveSites | None = None
        self.heard: list[Event] = []
        self.position: str | None = None
        self.run(self._open())

    async def _open(self) -> None:
        house = self.servers.near[0]
        for _ in range(2):
            slug = f"site-{uuid4().hex[:12]}"
            await house.post("/api/sites", {"kind": "cafe", "slug": slug, "name": slug, "time_zone": "UTC"})
            units = {"units": [{"code": f"PC{n}", "category": "pc"} for n in range(1, 5)]}
            await house.post(f"/api/sites/{slug}/units", units)
            self.made[slug] = []
        self.slug, self.other = self.made
        self.both = self.servers.far.live([self.slug, self.other], **WINDOW)
        await self.both.__aenter__()
        self.both.keep()
        await self._open_screen("whole")

    def run(self, what: Any) -> Any:
        return self.servers.runner.run(what)

    # -- what happens ------------------------------------------------------------------------------------------------

    @rule(seed=st.integers(0, 10**6), steps=st.integers(1, 6))
    def commands(self, seed: int, steps: int) -> None:
        """At both servers at once."""
        self.run(self._commands(seed, steps))

    async def _commands(self, seed: int, steps: int) -> None:
        rng = random.Random(seed)
        await asyncio.gather(
            *(
                wander(house.site(slug), random.Random(rng.random()), steps, self.made[slug])
                for house in self.servers.near
                for slug in self.made
            )
        )

    @rule(way=st.sampled_from(sorted(WAYS)))
    @precondition(lambda self: len(self.screens) < 6)
    def a_screen_is_opened(self, way: str) -> None:
        self.run(self._open_screen(way))

    async def _open_screen(self, way: str) -> None:
        screen = Screen(self.servers.far.site(self.slug).live(**WAYS[way], **WINDOW), WAYS[way])
        await screen.begin()
        self.screens.append(screen)

    @rule(bytes_more=BYTES, seed=st.integers(0, 10**6))
    def lines_are_cut_somewhere(self, bytes_more: int, seed: int) -> None:
        self.servers.wire.cut_behind = bytes_more
        self.run(self._commands(seed, 2))

    @rule(seed=st.integers(0, 10**6))
    def lines_are_cut_at_once(self, seed: int) -> None:
        self.servers.wire.cut()
        self.run(self._commands(seed, 1))

    @rule(to=st.integers(0, 1), seed=st.integers(0, 10**6))
    def readers_move_to_a_server(self, to: int, seed: int) -> None:
        self.servers.wire.lead_to("127.0.0.1", self.servers.ports[to])
        self.servers.wire.cut()
        self.run(self._commands(seed, 1))

    @rule(which=st.integers(0, 1), seed=st.integers(0, 10**6), steps=st.integers(1, 6))
    @precondition(lambda self: self.killed < self.kills_max)
    def a_server_is_killed(self, which: int, seed: int, steps: int) -> None:
        """In the midst of commands."""
        self.killed += 1
        self.run(self._kill(which, seed, steps))

    async def _kill(self, which: int, seed: int, steps: int) -> None:
        commands = asyncio.create_task(self._commands(seed, steps))
        self.servers.wire.lead_to("127.0.0.1", self.servers.ports[1 - which])
        await self.servers.kill(which)
        await commands

    @rule(count=st.integers(1, 30))
    def one_reads_a_little_and_keeps_its_place(self, count: int) -> None:
        self.run(self._read(lambda: count))

    async def _read(self, count: Callable[[], int]) -> None:
        """Goes on behind its last position, until there is no more or it has read so many."""
        last = (await self.servers.near[0].site(self.slug).about())["version"]
        until = min(last, (self.heard[-1].version if self.heard else 0) + count())
        async with self.servers.far.site(self.slug).events(after=self.position or 0) as events:
            while (self.heard[-1].version if self.heard else 0) < until:
                one = await asyncio.wait_for(anext(events), SETTLED_S)
                assert isinstance(one, Event)
                self.heard.append(one)
                self.position = str(one.position)

    # -- what must be so ---------------------------------------------------------------------------------------------

    @rule()
    def all_is_as_it_is_told(self) -> None:
        self.run(self._settle())

    def teardown(self) -> None:
        if self.both is not None:
            try:
                self.run(self._settle())
            finally:
                self.run(self._end())

    async def _settle(self) -> None:
        self.servers.wire.cut_behind = None
        assert self.both is not None
        for _ in range(SETTLES_MAX):
            boards = await self._caught_up()
            # a hold that lapses in just that moment is told already, and not yet on the boards
            if not any(self.both.version(slug) > board["version"] for slug, board in boards.items()) and not any(
                screen.live.version > boards[self.slug]["version"] for screen in self.screens
            ):
                break
        for screen in self.screens:
            screen.check(boards[self.slug])
        for slug, board in boards.items():
            assert looks(self.both[slug]) == looks(Replica(board))
        version = boards[self.slug]["version"]
        await self._read(lambda: version)
        versions = [event.version for event in self.heard]
        assert versions == list(range(1, len(versions) + 1)) and len(versions) >= version

    async def _caught_up(self) -> dict[str, Any]:
        """The boards of all sites, once everybody has at least what they show."""
        boards: dict[str, Any] = {}
        for slug in self.made:
            site = self.servers.near[0].site(slug)
            # about each unit, of each type that some wait for: whoever has it has all before
            for code in ("PC1", "PC2"):
                await site.change_unit(code, name=uuid4().hex)
            boards[slug] = (await site.board(**WINDOW)).data
        assert self.both is not None
        version = boards[self.slug]["version"]
        async with asyncio.timeout(SETTLED_S):
            for slug, board in boards.items():
                await self.both.until(slug, board["version"])
            while any(screen.live.version < version for screen in self.screens):
                assert not any(screen.keeping.done() for screen in self.screens)
                await asyncio.sleep(0.005)
        return boards

    async def _end(self) -> None:
        for screen in self.screens:
            await screen.end()
        if self.both is not None:
            await self.both.__aexit__()
        self.servers.wire.lead_to("127.0.0.1", self.servers.ports[0])


SHORT = settings(
    max_examples=3, stateful_step_count=12, derandomize=True, deadline=None, database=None, report_multiple_bugs=False,
    phases=[Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
LONG = settings(
    SHORT,
    max_examples=int(os.environ.get("HOLDFAST_TEST_STORIES", "60")),
    stateful_step_count=40,
    derandomize=False,
    print_blob=True,
)


@pytest.fixture
def servers(database_url: str) -> Iterator[Servers]:
    made = Servers(database_url)
    try:
        yield made
    finally:
        made.close()


def tell(servers: Servers, profile: settings, *, kills_max: int) -> None:
    story = type("Story", (Screens,), {"servers": servers, "kills_max": kills_max})
    run_state_machine_as_test(story, settings=profile)


def test_a_snapshot_and_its_events_are_the_later_snapshot_whatever_happens(servers: Servers) -> None:
    tell(servers, SHORT, kills_max=1)


@pytest.mark.long
def test_no_long_story_makes_a_screen_lie(servers: Servers) -> None:
    tell(servers, LONG, kills_max=6)
