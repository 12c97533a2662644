"""What should not be, noticed by itself: each becomes a finding that opens while it is so and closes when it is over.

Level-triggered: each look compares what is so now with the findings that stand, so a process that starts anew closes
what the one before it opened. Three rules are of one process (its loops, its passes of reconciling, its disks) and name
it; lateness and calendars are of a site, and any process may open and close those.

What is at hand is looked at first, in this process: it is logged at once, also while the database is away.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import asyncpg
import msgspec
import structlog

from holdfast.domain.commands import CloseFinding, OpenFinding
from holdfast.domain.errors import Refusal
from holdfast.services.calendar_following import TROUBLE_AFTER
from holdfast.services.desk import Desk
from holdfast.services.disk import MIB, Disks
from holdfast.services.health import Health, Running
from holdfast.services.identity import new_id
from holdfast.services.outages import UNREACHABLE
from holdfast.services.probe import Probe
from holdfast.store import sql
from holdfast.store.calendar_feeds import in_trouble

_Q = sql.load("watch")
ACTOR = "watch"
LATE_S = 60.0
SITES_MAX = 100
"""So many sites are told of a breach, or found late, at most in one look."""
WITHIN_S = 4.0
EVERY_S = 5.0
SOON_S = 1.0
"""While a full disk stops commands: whoever makes room should not have to wait."""

LOOP_SILENT, TRANSITION_LATE, REPAIRS_MANY, DISK_LOW = "loop_silent", "transition_late", "repairs_many", "disk_low"
CALENDAR_STALE = "calendar_stale"
OF_SITES = frozenset({TRANSITION_LATE, CALENDAR_STALE})
"""Any process may open and close these."""
OVER = {
    LOOP_SILENT: "The loop gives signs of life again",
    TRANSITION_LATE: "The clock has caught up",
    REPAIRS_MANY: "The last pass of reconciling repaired no more than is to be expected",
    DISK_LOW: "There is room on the disk again",
    CALENDAR_STALE: "The calendar can be read again, or is followed no more",
}

log = structlog.get_logger("holdfast.watch")


class Report(Protocol):
    """What a pass of reconciling came to."""

    fixed: int
    checked: int
    at: datetime


class Reconciling(Protocol):
    """Whoever reconciles; `last` is None until a pass has ended."""

    last: Any


class WatchLimits(msgspec.Struct, frozen=True):
    """From where on something is said."""

    repairs_max: int = 10
    disk_stop_bytes: int = 0


class Ballast(Protocol):
    """Room kept on the disk of our own server, for the moment when there is none."""

    def keep_ballast(self) -> bool: ...


class Watched(msgspec.Struct, frozen=True):
    """What there is to look at in one process. `named` tells it from other processes, also when it starts anew."""

    named: str
    loops: Sequence[Any]
    disks: Disks
    health: Health
    stopping: asyncio.Event
    reconciling: Any = None
    ballast: Any = None


Breach = tuple[str, str]
"""Rule and subject."""


class Watch:
    """Looks after one process and its sites."""

    def __init__(self, pool: asyncpg.Pool, desk: Desk, watched: Watched, limits: WatchLimits) -> None:
        self._pool = pool
        self._desk = desk
        self._limits = limits
        self._named = watched.named
        self._loops: Sequence[Running] = watched.loops
        self._disks = watched.disks
        self._health = watched.health
        self._stopping = watched.stopping
        self._reconciling: Reconciling | None = watched.reconciling
        self._ballast: Ballast | None = watched.ballast
        self._began_at: float | None = None
        self._said: dict[Breach, dict[str, Any]] = {}
        self._recording: Probe[None] = Probe(self._record)

    async def look(self) -> float:
        """One look: the brake is put on or let go, breaches are logged, findings are opened and closed. Returns in how
        many seconds the next one should be.

        Raises:
            TimeoutError: they could not be recorded in time; the next look goes on with it.
        """
        now = asyncio.get_running_loop().time()
        self._began_at = self._began_at if self._began_at is not None else now
        if self._stopping.is_set():
            return EVERY_S  # loops that end now were told to
        await self._look_at_disks()
        self._say(self._breaches(now))
        await self._health.ask(WITHIN_S)
        await self._recording.answer(WITHIN_S)
        return SOON_S if self._desk.brake.is_on else EVERY_S

    def close(self) -> None:
        self._recording.close()

    async def _look_at_disks(self) -> None:
        free = self._disks.look().get("database")
        brake = self._desk.brake
        brake.look(free, stop_bytes=self._limits.disk_stop_bytes)
        if self._ballast is not None and not brake.is_on and not self._disks.is_low:
            await asyncio.to_thread(self._ballast.keep_ballast)

    # -- breaches of this process ----------------------------------------------------------------------------------

    def _breaches(self, now: float) -> dict[Breach, dict[str, Any]]:
        found: dict[Breach, dict[str, Any]] = {}
        for loop in self._loops:
            silent_s = loop.silent_s(now)
            if silent_s > 0 or loop.has_ended:
                data = {"loop": loop.name, "running": not loop.has_ended, "silent_s": round(silent_s, 1)}
                found[LOOP_SILENT, f"{loop.name}@{self._named}"] = data
        last = self._reconciling.last if self._reconciling is not None else None
        if last is not None and last.fixed > self._limits.repairs_max:
            data = {
                "fixed": last.fixed,
                "checked": last.checked,
                "at": last.at,
                "expected_max": self._limits.repairs_max,
            }
            found[REPAIRS_MANY, f"reconcile@{self._named}"] = data
        if self._disks.is_low:
            data = {"free_mb": {name: free // MIB for name, free in self._disks.free.items()}}
            found[DISK_LOW, f"disk@{self._named}"] = data
        return found

    def _say(self, breaches: dict[Breach, dict[str, Any]]) -> None:
        for breach, data in breaches.items():
            if breach not in self._said:
                log.error("alert", rule=breach[0], subject=breach[1], **data)
        for breach in self._said:
            if breach not in breaches:
                log.info("alert is over", rule=breach[0], subject=breach[1])
        self._said = breaches

    # -- what is recorded of them ----------------------------------------------------------------------------------

    async def _record(self) -> None:
        standing = {
            (row["site_id"], row["rule"], row["subject"])
            for row in await self._pool.fetch(_Q["standing_findings"], list(OVER))
            if row["rule"] in OF_SITES or row["subject"].endswith("@" + self._named)
        }
        wanted = await self._late_sites()
        if len(wanted) >= SITES_MAX:
            # there are more than were read: who is not among them may be late all the same
            standing = {each for each in standing if each[1] != TRANSITION_LATE or each in wanted}
        stale = await self._stale_calendars()
        if len(stale) >= SITES_MAX:
            standing = {each for each in standing if each[1] != CALENDAR_STALE or each in stale}
        wanted |= stale
        breaches = self._said
        if breaches:
            for row in await self._pool.fetch(_Q["first_sites"], SITES_MAX):
                wanted |= {(row["site_id"], *breach): data for breach, data in breaches.items()}
        for (site_id, rule, subject), data in wanted.items():
            if (site_id, rule, subject) not in standing:
                await self._submit(site_id, OpenFinding(new_id(), rule, subject, data))
        for site_id, rule, subject in sorted(standing.difference(wanted)):
            await self._submit(site_id, CloseFinding(rule, subject, OVER[rule]))

    async def _late_sites(self) -> dict[tuple[int, str, str], dict[str, Any]]:
        """Sites behind by more than a minute. After a start they get that minute to be caught up in."""
        assert self._began_at is not None
        if asyncio.get_running_loop().time() - self._began_at < LATE_S:
            return {}
        rows = await self._pool.fetch(_Q["late_sites"], LATE_S, SITES_MAX)
        return {
            (row["site_id"], TRANSITION_LATE, "clock"): {"since": row["wakes_at"], "late_s": round(row["late_s"], 1)}
            for row in rows
        }

    async def _stale_calendars(self) -> dict[tuple[int, str, str], dict[str, Any]]:
        return {
            (row["site_id"], CALENDAR_STALE, row["name"]): {
                "calendar": row["name"], "unit": row["unit"], "host": row["host"], "since": row["since"],
                "failures": row["failures"], "reason": row["error"] or "It was not read for too long",
            }
            for row in await in_trouble(self._pool, TROUBLE_AFTER, SITES_MAX)
        }  # fmt: skip

    async def _submit(self, site_id: int, command: OpenFinding | CloseFinding) -> None:
        try:
            await self._desk.submit(site_id, command, actor=ACTOR)
        except Refusal as refusal:
            known = refusal.code
        except UNREACHABLE as error:
            known = type(error).__name__
        else:
            return
        # a site that cannot be written, of which there may be one among many: the next look tries again
        log.warning("a finding could not be recorded", site=site_id, rule=command.rule, error=known)
