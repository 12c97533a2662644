"""What people do with schedules: make, change, pause, remove; run one now; make up for instants that have passed."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from holdfast.domain.cron import Preview, Rules, Schedule, between, next_tick, parse, preview
from holdfast.domain.errors import Refusal
from holdfast.domain.jobs.states import LOW, PRIORITIES
from holdfast.domain.local_time import zone
from holdfast.services.jobs.enqueueing import Enqueued, Options, enqueue
from holdfast.services.jobs.nudge import NUDGE, SCHEDULES
from holdfast.services.jobs.reach import EVERYWHERE, RIGHT, Reach
from holdfast.services.jobs.registry import Registry
from holdfast.services.schedules.firing import limit_key, rules_of
from holdfast.services.schedules.values import ScheduleChange, ScheduleRequest, TickView, request_of
from holdfast.store import job_limits, jobs
from holdfast.store import schedules as store
from holdfast.store.connection import Connection
from holdfast.store.schedules import ScheduleRow

NAME_CHARS_MAX = 200
BACKFILL_MAX = 1_000
CATCH_UP_S_MAX = 366 * 86_400
PAGE_MAX = 500
METADATA_BYTES_MAX = 16_384
TICK_STATES = ("fired", "late", "skipped", "missed", "backfilled", "manual")


class Backfilled(msgspec.Struct, frozen=True):
    """What was made up for: the jobs put in, how many instants had their line already, and whether there are more."""

    jobs: list[int]
    known: int
    more: bool


class Schedules:
    """Schedules as people handle them. When one may be due earlier than before, all who listen are nudged."""

    def __init__(self, pool: asyncpg.Pool, registry: Registry, reach: Reach = EVERYWHERE) -> None:
        self.pool = pool
        self.registry = registry
        self.reach = reach

    def within(self, reach: Reach) -> "Schedules":
        """The same for somebody who reaches only so far: others' schedules are not there for them."""
        return Schedules(self.pool, self.registry, reach)

    async def make(self, request: ScheduleRequest, *, by: str) -> ScheduleRow:
        """A new schedule.

        Raises:
            Refusal: `invalid_schedule`, `invalid_settings` (its zone), `unknown_function`, `invalid_arguments`,
                `invalid_request`, `already_exists`, `not_allowed`.
        """
        request = msgspec.structs.replace(request, tenant=self.reach.owner_of_new(request.tenant))
        self._check(request)
        self.reach.check_function(self.registry.find(request.function))
        async with self.pool.acquire() as tx, tx.transaction():
            next_at = self._next(request, await jobs.clock(tx))
            row = await store.insert(tx, _values(request, next_at, by))
            if row is None:
                raise Refusal("already_exists", name=request.name, tenant=request.tenant)
            await _order(tx, row)
        NUDGE.now({SCHEDULES})
        return row

    async def change(self, id: int, change: ScheduleChange, *, by: str) -> ScheduleRow:
        """A schedule with what is given of it changed; its next tick is computed anew when its time changed.

        Raises:
            Refusal: as `make`; `unknown_schedule`, `nothing_to_change`.
        """
        given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
        async with self.pool.acquire() as tx, tx.transaction():
            row = await self._locked(tx, id)
            before = request_of(row)
            request = msgspec.structs.replace(before, **given)
            if request == before:
                raise Refusal("nothing_to_change")
            if not self.reach.sees(request.tenant):
                raise Refusal("not_allowed", right=RIGHT, tenant=request.tenant[:40])
            self._check(request)
            if (request.function, request.args) != (before.function, before.args):
                self.reach.check_function(self.registry.find(request.function))
            timing = ("schedule", "time_zone", "gap", "fold")
            is_retimed = any(getattr(request, name) != getattr(before, name) for name in timing)
            next_at = row.next_at
            if is_retimed or next_at is None:
                next_at = self._next(request, await jobs.clock(tx))
            changed = await store.change(tx, id, _values(request, next_at, by))
            if changed is None:
                raise Refusal("already_exists", name=request.name, tenant=request.tenant)
            await _order(tx, changed)
        NUDGE.now({SCHEDULES})
        return changed

    async def remove(self, id: int) -> None:
        """Raises:
        Refusal: `unknown_schedule`.
        """
        async with self.pool.acquire() as tx, tx.transaction():
            await self._locked(tx, id)
            await job_limits.drop_limit(tx, limit_key(id))
            await store.remove(tx, id)

    async def run_now(self, id: int, *, by: str) -> Enqueued:
        """A job at once, beside the schedule's own ticks; a line `manual` in its ledger.

        Raises:
            Refusal: `unknown_schedule`, `unknown_function`, `invalid_arguments`, `already_queued` when there may be one
                only.
        """
        async with self.pool.acquire() as tx, tx.transaction():
            row = await self._locked(tx, id)
            now = await jobs.clock(tx)
            put = await self._put_in(tx, row, now)
            if not put.is_new:
                raise Refusal("already_queued", job=put.id)
            await store.note_ticks(tx, [(id, now, "manual", f"asked for by {by}", put.id)])
        return put

    async def backfill(self, id: int, after: datetime, until: datetime, *, by: str) -> Backfilled:
        """Jobs for the instants in (after, until] that have passed and had none: those without a line in the ledger,
        and those missed or skipped, whose line says so from now on. No instant gets a second job.

        Raises:
            Refusal: as `run_now`; `invalid_request` for a window that is none.
        """
        if until <= after:
            _refuse("until", "lies behind `after`")
        async with self.pool.acquire() as tx, tx.transaction():
            row = await self._locked(tx, id)
            top = min(until, await jobs.clock(tx))
            if row.next_at is not None:
                top = min(top, row.next_at - timedelta(microseconds=1))
            schedule, place, rules = _read(row)
            found = list(islice(between(schedule, after, top, place, rules), BACKFILL_MAX + 1))
            instants = found[:BACKFILL_MAX]
            fresh = await store.note_backfill(tx, id, instants, f"asked for by {by}")
            made = []
            for at in fresh:
                put = await self._put_in(tx, row, at, priority=LOW)
                await store.fill_in(tx, id, at, put.id)
                made.append(put.id)
        return Backfilled(made, len(instants) - len(fresh), len(found) > BACKFILL_MAX)

    async def find(self, id: int) -> ScheduleRow:
        """Raises:
        Refusal: `unknown_schedule`.
        """
        row = await store.one(self.pool, id)
        if row is None or not self.reach.sees(row.tenant):
            raise Refusal("unknown_schedule", schedule=id)
        return row

    async def page(
        self, after: int = 0, *, tenant: str | None = None, active: bool | None = None, function: str | None = None,
        limit: int = 100, with_own: bool = True,
    ) -> list[ScheduleRow]:  # fmt: skip
        """Schedules by id, behind one; with those of our own periodic work, or without."""
        limit = min(max(limit, 1), PAGE_MAX)
        tenants = self.reach.among(tenant)
        return await store.page(
            self.pool, after, tenants=tenants, is_active=active, function=function, limit=limit, with_own=with_own
        )

    async def ticks(
        self, id: int, *, before: datetime | None = None, state: str | None = None, limit: int = 100
    ) -> list[TickView]:
        """The ledger, the latest line first.

        Raises:
            Refusal: `unknown_schedule`, `invalid_request` for a state that no line has.
        """
        if state is not None and state not in TICK_STATES:
            raise Refusal("invalid_request", field="state", given=state[:40], possible=list(TICK_STATES))
        await self.find(id)
        rows = await store.ticks(self.pool, id, before=before, state=state, limit=min(max(limit, 1), PAGE_MAX))
        return [
            TickView(row["at"], row["state"], row["reason"], row["job_id"], row["outcome"], row["noted_at"])
            for row in rows
        ]

    async def preview(self, text: str, time_zone: str, rules: Rules, *, count: int, now: datetime | None) -> Preview:
        """The next ticks of a rule that need not be any schedule's.

        Raises:
            Refusal: `invalid_schedule`, `invalid_settings`.
        """
        schedule, place = parse(text), zone(time_zone)
        at = now if now is not None else await jobs.clock(self.pool)
        return preview(schedule, at.astimezone(UTC), place, count=count, rules=rules)

    def _check(self, request: ScheduleRequest) -> None:
        parse(request.schedule)
        zone(request.time_zone)
        self.registry.find(request.function).encode(request.args)
        name = request.name.strip()
        if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
            _refuse("name", f"has 1 to {NAME_CHARS_MAX} printable characters")
        if not 0 <= request.catch_up_s <= CATCH_UP_S_MAX:
            _refuse("catch_up_s", f"must lie between 0 and {CATCH_UP_S_MAX}")
        if request.priority is not None and not 0 <= request.priority < len(PRIORITIES):
            _refuse("priority", f"must be 0 to {len(PRIORITIES) - 1}: {', '.join(PRIORITIES)}")
        if request.queue is not None and not 0 < len(request.queue) <= 64:
            _refuse("queue", "has 1 to 64 characters")
        if len(request.tenant) > NAME_CHARS_MAX:
            _refuse("tenant", f"has up to {NAME_CHARS_MAX} characters")
        if len(msgspec.json.encode(request.metadata)) > METADATA_BYTES_MAX:
            _refuse("metadata", f"has up to {METADATA_BYTES_MAX} bytes")

    def _next(self, request: ScheduleRequest, now: datetime) -> datetime:
        rules = rules_of(request.gap, request.fold)
        found = next_tick(parse(request.schedule), now, zone(request.time_zone), rules)
        if found is None:
            problem = "never happens in that zone by those rules before the year 2200"
            raise Refusal("invalid_schedule", field="schedule", given=request.schedule, problem=problem)
        return found

    async def _put_in(self, tx: Connection, row: ScheduleRow, at: datetime, *, priority: int | None = None) -> Enqueued:
        args: dict[str, Any] = msgspec.json.decode(row.args)
        options = Options(
            queue=row.queue, priority=row.priority if priority is None else priority, tenant=row.tenant,
            schedule_id=row.id, tick_at=at, limit_key=limit_key(row.id) if row.overlap == "queue" else None,
        )  # fmt: skip
        return await enqueue(tx, self.registry.find(row.function), args, options)

    async def _locked(self, tx: Connection, id: int) -> ScheduleRow:
        row = await store.locked(tx, id)
        if row is None or not self.reach.sees(row.tenant):
            raise Refusal("unknown_schedule", schedule=id)
        return row


async def _order(tx: Connection, row: ScheduleRow) -> None:
    """The jobs of a schedule whose ticks queue run one after the other."""
    if row.overlap == "queue":
        await job_limits.set_limit(tx, limit_key(row.id), running_max=1, rate_per_s=None, burst=1)
    else:
        await job_limits.drop_limit(tx, limit_key(row.id))


def _values(request: ScheduleRequest, next_at: datetime, by: str) -> list[Any]:
    return [
        request.name.strip(), request.tenant, request.schedule.strip(), request.time_zone, request.gap, request.fold,
        request.missed, request.catch_up_s, request.overlap, request.function, msgspec.json.encode(request.args),
        request.queue, request.priority, request.active, next_at, msgspec.json.encode(request.metadata), by,
    ]  # fmt: skip


def _read(row: ScheduleRow) -> tuple[Schedule, ZoneInfo, Rules]:
    return parse(row.expression), zone(row.time_zone), rules_of(row.gap, row.fold)


def _refuse(field: str, problem: str) -> NoReturn:
    raise Refusal("invalid_request", field=field, problem=problem)
