"""How the server is: whether what must run runs, whether the database answers, how far the clock is behind.

Answers within a bounded time, also while the database stands still. Looks, and changes nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg
import msgspec

from holdfast import __version__
from holdfast.services.brake import Brake
from holdfast.services.disk import Disks
from holdfast.services.logs import instant
from holdfast.services.outages import UNREACHABLE
from holdfast.services.probe import Probe
from holdfast.store import sql

_Q = sql.load("watch")
ANSWER_S = 1.5
"""How long the database may take to answer before it counts as away."""
LATE_S = 1.0
"""What is due for less than this is not called overdue: it is on its way."""
DEGRADED_S = 60.0
CLOCK_LOOP = "alarms"


class Running(Protocol):
    """A loop as health sees it. Times are the event loop's."""

    name: str
    beat_at: float | None
    next_at: float | None
    failures: int
    failures_total: int
    is_running: bool
    has_ended: bool

    def silent_s(self, now: float) -> float: ...


class CronJob(msgspec.Struct, frozen=True, rename="camel"):
    """The clock's loop, in the words of the systems that this replaces."""

    is_running: bool
    next_run: datetime | None


class LoopHealth(msgspec.Struct, frozen=True):
    """`last_beat_s` is how long ago its last step ended well; `lateness_s` how long a sign of life is overdue."""

    running: bool
    last_beat_s: float | None
    lateness_s: float
    failures: int
    next_run: datetime | None


class Overdue(msgspec.Struct, frozen=True):
    """Sites where something is due for more than a second by the database's clock."""

    oldest: datetime | None = None
    seconds: float = 0.0
    count: int = 0


class DatabaseHealth(msgspec.Struct, frozen=True):
    reachable: bool
    embedded: bool
    latency_ms: float | None = None
    version: str | None = None


class DiskHealth(msgspec.Struct, frozen=True):
    """`free_bytes` is that of the fullest disk that we can see; None when we see none."""

    free_bytes: int | None
    low: bool
    commands_refused: bool


class FindingsHealth(msgspec.Struct, frozen=True):
    open: int | None


class HealthReport(msgspec.Struct, frozen=True, rename={"cron_job": "cronJob"}):
    """OK, DEGRADED (served, but somebody should look) or FAILED (a loop that must run does not, or no database)."""

    status: str
    cron_job: CronJob
    loops: dict[str, LoopHealth]
    overdue: Overdue
    database: DatabaseHealth
    disk: DiskHealth
    findings: FindingsHealth
    version: str
    warnings: list[str]


class BriefHealth(msgspec.Struct, frozen=True, rename={"cron_job": "cronJob"}):
    """What everybody may know."""

    status: str
    cron_job: CronJob


class Standing(msgspec.Struct, frozen=True):
    """What the database said, and when by the event loop's clock."""

    now: datetime
    version: str
    oldest: datetime | None
    overdue: int
    findings: int
    latency_ms: float
    acquire_s: float
    heard_at: float


class Health:
    """Reports on one process. `loops` is the list that the running ones are put into; `warnings` tells what the
    operator switched off."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        loops: Sequence[Running],
        *,
        disks: Disks,
        brake: Brake,
        stopping: asyncio.Event,
        warnings: Callable[[], list[str]] = list,
    ) -> None:
        self._pool = pool
        self._loops = loops
        self._disks = disks
        self._brake = brake
        self._stopping = stopping
        self._warnings = warnings
        self._probe: Probe[Standing] = Probe(self._ask)
        self.last: Standing | None = None
        """What the database said last; None while it has said nothing."""

    async def report(self) -> HealthReport:
        """Never raises, and takes `ANSWER_S` at most."""
        standing = await self.ask(ANSWER_S)
        now = asyncio.get_running_loop().time()
        loops = {loop.name: self._loop(loop, now, standing) for loop in self._loops}
        clock = loops.get(CLOCK_LOOP)
        overdue = _overdue(standing)
        warnings = [*self._warnings(), *self._noticed(overdue, loops)]
        return HealthReport(
            self._status(standing, loops, overdue),
            CronJob(clock is not None and _works(clock), clock.next_run if clock is not None else None),
            loops,
            overdue,
            DatabaseHealth(
                standing is not None,
                self._disks.embedded,
                round(standing.latency_ms, 1) if standing is not None else None,
                standing.version if standing is not None else None,
            ),
            DiskHealth(self._disks.free_bytes(), self._disks.is_low, self._brake.is_on),
            FindingsHealth(standing.findings if standing is not None else None),
            __version__,
            warnings,
        )

    async def ask(self, within_s: float) -> Standing | None:
        """What the database says now; None when it does not in time."""
        try:
            return await self._probe.answer(within_s)
        except UNREACHABLE:
            return None

    def not_ready(self) -> str | None:
        """Why no requests should be sent here, None when they may; asks nothing of the database."""
        if self._stopping.is_set():
            return "the server is stopping"
        if not self._loops or not all(loop.is_running for loop in self._loops):
            return "not all of the server's loops run"
        return None

    def _status(self, standing: Standing | None, loops: dict[str, LoopHealth], overdue: Overdue) -> str:
        if standing is None or self._stopping.is_set() or not loops or not all(map(_works, loops.values())):
            return "FAILED"
        fails = any(loop.failures for loop in loops.values())
        if fails or overdue.seconds > DEGRADED_S or self._disks.is_low or self._brake.is_on:
            return "DEGRADED"
        return "OK"

    def _noticed(self, overdue: Overdue, loops: dict[str, LoopHealth]) -> list[str]:
        said = []
        if self._stopping.is_set():
            said.append("the server is stopping")
        for name, loop in loops.items():
            if not loop.running:
                said.append(f"the loop {name} does not run")
            elif loop.lateness_s > 0:
                said.append(f"the loop {name} gives no sign of life")
        if overdue.seconds > DEGRADED_S:
            said.append("transitions are late by more than a minute")
        if self._brake.is_on:
            said.append("the disk is full: commands are refused")
        elif self._disks.is_low:
            said.append("the disk is nearly full")
        return said

    def _loop(self, loop: Running, now: float, standing: Standing | None) -> LoopHealth:
        beat_s = round(now - loop.beat_at, 3) if loop.beat_at is not None else None
        next_run = _instant_in(loop.next_at - now, standing, now) if loop.next_at is not None else None
        return LoopHealth(loop.is_running, beat_s, round(loop.silent_s(now), 3), loop.failures, next_run)

    async def _ask(self) -> Standing:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._pool.acquire() as connection:
            began = loop.time()
            (row,) = await connection.fetch(_Q["standing"], LATE_S)
        heard_at = loop.time()
        self.last = Standing(
            row["now"], row["version"], row["oldest"], row["overdue"], row["findings"],
            (heard_at - began) * 1000, began - asked, heard_at,
        )  # fmt: skip
        return self.last


def _works(loop: LoopHealth) -> bool:
    return loop.running and loop.lateness_s == 0


def _overdue(standing: Standing | None) -> Overdue:
    if standing is None or standing.oldest is None:
        return Overdue()
    return Overdue(standing.oldest, round((standing.now - standing.oldest).total_seconds(), 3), standing.overdue)


def _instant_in(seconds: float, standing: Standing | None, now: float) -> datetime:
    """By the database's clock where it has just told it, else by this machine's."""
    base = standing.now + timedelta(seconds=now - standing.heard_at) if standing is not None else instant()
    return base + timedelta(seconds=seconds)
