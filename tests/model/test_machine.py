"""Stories nobody thought of: random commands through two desks, time that passes, every promise after each step.

`make test` tells the same few stories each time; `make test-long` many new ones.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from holdfast.domain.commands import Check, Command, NewUnit, Tick, Together
from holdfast.domain.errors import Refusal
from holdfast.services import catching_up
from holdfast.services.desk import Answer, Desk, DeskLimits
from holdfast.services.reconcile import Reconciler, Report
from holdfast.store import database
from tests.model.wishes import DELTAS, LONG_DELTAS, SETTINGS, UNITS, Scene, command, wishes
from tests.stage import VirtualClock, check_promises, make_site

TRIES_MAX = 100
OURS = {"busy", "unavailable", "outcome_unknown"}
"""Refusals that would mean that the desk failed: never in these stories."""
ROOMS = [NewUnit("A", "room"), NewUnit("A1", "standard", parent="A"), NewUnit("A2", "standard", parent="A")]


class World:
    """One event loop, one database and two desks on it, as two processes would have them."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.clock = VirtualClock()
        self.runner.run(self._open(url))

    async def _open(self, url: str) -> None:
        self.pool = await database.open_pool(url)
        self.desks = [Desk(self.pool, DeskLimits(answer_s=20.0), clock=self.clock) for _ in range(2)]
        for desk in self.desks:
            await desk.start()

    async def _close(self) -> None:
        for desk in self.desks:
            await desk.stop()
        await self.pool.close()

    def close(self) -> None:
        self.runner.run(self._close())
        self.runner.close()


class Story(RuleBasedStateMachine):
    """A site's life. Subclasses name the world and the kind of site."""

    world: World
    kind: str
    past_the_desk = False

    @initialize(
        which=st.integers(0, 7),
        zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    )
    def open_site(self, which: int, zone: str) -> None:
        self.world.clock.now = VirtualClock().now + timedelta(minutes=7)
        options = SETTINGS[self.kind]
        zone = "UTC" if self.kind != "hotel" and zone.startswith("Australia") else zone
        self.bookings: list[UUID] = []
        self.blocks: list[UUID] = []
        self.told: list[str] = []
        raw = options[which % len(options)]
        making = make_site(self.world.pool, self.kind, [*ROOMS, "B1"], raw, zone=zone, clock=self.world.clock)
        self.site_id = self.world.runner.run(making)

    @rule(wish=wishes, desk=st.integers(0, 1))
    def one(self, wish: Any, desk: int) -> None:
        self.world.runner.run(self._one(command(wish, self._scene()), desk))

    async def _one(self, wished: Command, desk: int) -> None:
        await self._tick()
        before = await self._version()
        answer = await self._submit(wished, desk)
        if isinstance(answer, Refusal) or isinstance(wished, Check):
            assert await self._version() == before, f"{answer!r} changed something"
        else:
            assert answer.version == await self._version()

    @rule(bunch=st.lists(wishes, min_size=2, max_size=8), desks=st.integers(0, 3), key=st.booleans())
    def many_at_once(self, bunch: list[Any], desks: int, key: bool) -> None:
        scene = self._scene()
        commands = [command(wish, scene) for wish in bunch]
        self.world.runner.run(self._many(commands, desks, str(uuid4()) if key else None))

    async def _many(self, commands: list[Command], desks: int, key: str | None) -> None:
        """Through one desk or through both; with a key the first command is sent three times."""
        if key is not None:
            commands = [commands[0]] * 2 + commands
        desk_of = [(desks, n % 2)[desks > 1] for n in range(len(commands))]
        answers = await asyncio.gather(
            *(
                self._submit(one, desk, key if n < 3 else None)
                for n, (one, desk) in enumerate(zip(commands, desk_of, strict=True))
            )
        )
        given = {one.body for one in answers[:3] if isinstance(one, Answer)}
        assert key is None or len(given) <= 1, "one key, several answers"

    @rule(delta=st.sampled_from(DELTAS))
    def time_passes(self, delta: timedelta) -> None:
        self.world.clock.now += delta

    @rule(delta=st.sampled_from(LONG_DELTAS))
    def a_long_time_passes(self, delta: timedelta) -> None:
        self.world.clock.now += delta

    @invariant()
    def every_promise_is_kept(self) -> None:
        if hasattr(self, "site_id"):
            try:
                self.world.runner.run(self._check())
            except AssertionError as error:
                error.add_note("\n".join(self.told[-15:]))
                raise

    async def _check(self) -> None:
        options: dict[str, Any] = {"site_id": self.site_id, "past_the_desk": self.past_the_desk}
        await check_promises(self.world.pool, self.world.clock, **options)
        await self._tick()
        await check_promises(self.world.pool, self.world.clock, **options)
        alarm = await self.world.pool.fetchval("select wakes_at from site where id = $1", self.site_id)
        assert alarm is None or alarm > self.world.clock(), "an alarm that stays due after a look rings for ever"
        if not self.past_the_desk:
            report = await self._reconciled(dry_run=True)
            assert not report.fixed, f"reconciling would repair what nobody broke: {report.details}"

    async def _reconciled(self, *, dry_run: bool) -> Report:
        reconciler = Reconciler(self.world.pool, self.world.desks[0], clock=self.world.clock)
        report = await reconciler.run(str(self.site_id), dry_run=dry_run)
        assert not report.failed, report.failed
        return report

    # -- how it is done --------------------------------------------------------------------------------------------

    def _scene(self) -> Scene:
        return Scene(self.kind, self.world.clock(), self.bookings, self.blocks)

    async def _tick(self) -> None:
        await self.world.desks[0].submit(self.site_id, Tick(), actor="clock")

    async def _version(self) -> int:
        version: int = await self.world.pool.fetchval("select version from site where id = $1", self.site_id)
        return version

    async def _submit(self, wished: Command, desk: int, key: str | None = None) -> Answer | Refusal:
        try:
            answer = await self._asked(wished, desk, key)
        except Exception as error:
            self.told.append(f"{self.world.clock()} {desk} {wished} -> {error!r}")
            assert isinstance(error, Refusal) and error.code not in OURS, "\n".join(self.told[-15:])
            return error
        self.told.append(f"{self.world.clock()} {desk} {wished} -> {answer.body.decode()}")
        if not isinstance(wished, Check):
            told = json.loads(answer.body)
            for one in told["results"] if isinstance(wished, Together) else [told]:
                if "reference" in one and (made := UUID(one["id"])) not in self.bookings:
                    self.bookings.append(made)
                elif "return_condition" in one:
                    self.blocks.append(UUID(one["id"]))
        return answer

    async def _asked(self, wished: Command, desk: int, key: str | None) -> Answer:
        """Whoever meets the other desk's lock is sent away after a while, with nothing done, and asks again."""
        for _ in range(TRIES_MAX):
            try:
                return await self.world.desks[desk].submit(self.site_id, wished, actor="story", key=key, body_hash=b"b")
            except Refusal as refusal:
                if refusal.code != "busy":
                    raise
        raise AssertionError("the site was never free")


class Trespass(Story):
    """The same with somebody who writes and deletes claims past the desk: never twice and the journal hold even so."""

    past_the_desk = True

    @rule(unit=st.sampled_from(UNITS), start=st.integers(0, 7), length=st.integers(1, 4))
    def somebody_writes_a_claim(self, unit: str, start: int, length: int) -> None:
        scene = self._scene()
        self.world.runner.run(
            self.world.pool.execute(
                "insert into claim (site_id, unit_id, holder_id, kind, during) "
                "select site_id, id, $3, 'calendar', tstzrange($4, $5) from unit where site_id = $1 and code = $2 "
                "on conflict do nothing",
                self.site_id, unit, uuid4(), scene.at(start), scene.at(start + length),
            )
        )  # fmt: skip

    @rule(which=st.integers(0, 5))
    def somebody_deletes_a_claim(self, which: int) -> None:
        self.world.runner.run(
            self.world.pool.execute(
                "delete from claim where ctid = "
                "(select ctid from claim where site_id = $1 order by during offset $2 limit 1)",
                self.site_id, which,
            )
        )  # fmt: skip


TAMPERINGS = {
    # what somebody may write past the desk; $2 chooses the row, $3 is an instant
    "status": "update unit set shown_status = 'Nonsense' where {unit}",
    "unit alarm": "update unit set wakes_at = null where {unit}",
    "late unit alarm": "update unit set wakes_at = $3::timestamptz + interval '9 days' where {unit}",
    "site alarm": "update site set wakes_at = null where id = $1 and {always}",
    "booking alarm": "update booking set wakes_at = null where {booking}",
    "late booking alarm": "update booking set wakes_at = $3::timestamptz + interval '9 days' where {booking}",
    "live": "update booking set live = not live where {booking}",
    "claim": "delete from claim where {claim}",
    "claim kind": "update claim set kind = case kind when 'hold' then 'booking' else 'hold' end where {claim}",
    "claim expiry": "update claim set expires_at = $3::timestamptz where {claim}",
    "claim unit": "update claim set unit_id = (select max(id) from unit where site_id = $1) where {claim}",
    "block alarm": "update block set wakes_at = null where site_id = $1 and {always}",
}
_ALWAYS = "$2::int >= 0 and $3::timestamptz is not null"
_ROW = "ctid = (select ctid from {0} where site_id = $1 {1} order by {2} offset $2 limit 1) and " + _ALWAYS
_ROWS = {
    "always": _ALWAYS,
    "unit": _ROW.format("unit", "", "id"),
    "booking": _ROW.format("booking", "and live", "id"),
    "claim": _ROW.format("claim", "", "during, unit_id"),
}


class Tampering(Story):
    """The same with somebody who writes statuses, alarms, claims and what is live past the desk: one pass of
    reconciling puts right all that is not a person's to judge, and the promises hold again."""

    past_the_desk = True

    @rule(what=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(sorted(TAMPERINGS))), min_size=1, max_size=4))
    def somebody_tampers(self, what: list[tuple[int, str]]) -> None:
        self.told.append(f"{self.world.clock()} tampered: {what}")
        self.world.runner.run(self._tampered(what))

    async def _tampered(self, what: list[tuple[int, str]]) -> None:
        await self._tick()
        for which, how in what:
            await self._tamper(which, how)
        await self._put_right()

    async def _tamper(self, which: int, how: str) -> None:
        statement = TAMPERINGS[how].format(**_ROWS)
        with contextlib.suppress(asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError):
            await self.world.pool.execute(statement, self.site_id, which, self.world.clock())

    async def _put_right(self) -> None:
        tried = await self._reconciled(dry_run=True)
        report = await self._reconciled(dry_run=False)
        assert tried.fixed == report.fixed, (tried.details, report.details)
        again = await self._reconciled(dry_run=False)
        assert not again.fixed, f"one pass was not enough: {again.details}"
        rules = {one.rule for one in report.discrepancies}
        if not rules & {"two_live_bookings", "booking_without_claim"}:
            await check_promises(self.world.pool, self.world.clock, site_id=self.site_id)


SHORT = settings(
    max_examples=10, stateful_step_count=20, derandomize=True, deadline=None, database=None, report_multiple_bugs=False,
    phases=[Phase.generate],  # the long profile shrinks what it finds, which takes minutes
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
LONG = settings(
    SHORT,
    max_examples=int(os.environ.get("HOLDFAST_TEST_STORIES", "400")),
    stateful_step_count=50,
    derandomize=False,
    print_blob=True,
    phases=[Phase.generate, Phase.shrink],
)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    try:
        yield made
    finally:
        made.close()


def tell(story: type[Story], world: World, kind: str, profile: settings) -> None:
    run_state_machine_as_test(
        type(f"{story.__name__}Of{kind}", (story,), {"world": world, "kind": kind}), settings=profile
    )


@pytest.mark.parametrize("kind", ["cafe", "hotel", "grounds"])
def test_no_story_breaks_a_promise(world: World, kind: str):
    tell(Story, world, kind, SHORT)


@pytest.mark.parametrize("kind", ["cafe", "hotel", "grounds"])
def test_no_trespasser_makes_anything_sold_twice_or_the_journal_lie(world: World, kind: str):
    tell(Trespass, world, kind, settings(SHORT, max_examples=6))


@pytest.mark.parametrize("kind", ["cafe", "hotel", "grounds"])
def test_reconciling_puts_right_what_somebody_wrote_past_the_desk(world: World, kind: str):
    tell(Tampering, world, kind, settings(SHORT, max_examples=7))


def test_a_clock_that_catches_up_in_small_transactions_breaks_no_promise(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catching_up, "DUE_MAX", 2)
    tell(Story, world, "cafe", settings(SHORT, max_examples=6))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cafe", "hotel", "grounds"])
def test_no_long_story_breaks_a_promise(world: World, kind: str):
    tell(Story, world, kind, LONG)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cafe", "hotel", "grounds"])
def test_no_trespasser_breaks_a_long_story(world: World, kind: str):
    tell(Trespass, world, kind, LONG)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cafe", "hotel", "grounds"])
def test_reconciling_puts_right_long_stories(world: World, kind: str):
    tell(Tampering, world, kind, LONG)
