"""Sync runs as they are asked for: begun or joined, cancelled, looked at. One run at a time per connection.

Whoever asks while a run is at one of the connections joins that run. Asking only records the run; workers take it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.progress import Progress, foretold
from holdfast.domain.sync.windows import OPERATIONS, STREAMS
from holdfast.gateways.shops.source import Source
from holdfast.services.identity import new_id
from holdfast.services.ltv.counting import Counting
from holdfast.services.sync.findings import Findings
from holdfast.services.sync.kit import SyncKit
from holdfast.services.sync.running import Running
from holdfast.store import connections as connection_store
from holdfast.store import runs as store
from holdfast.store.connection import Connection

RUNS_MAX = 200


class StageView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stage of a run. `total` is there when the source says how many rows there are, `eta_s` when earlier runs tell
    how long the rest takes; `n` rows differ or are set aside."""

    stage: str
    state: str
    done: int
    connection: str | None = None
    connection_id: int | None = None
    total: int | None = None
    eta_s: float | None = None
    changed: int = 0
    rejects: int = 0
    deleted: int = 0
    n: int = 0
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class RunView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run. `state` is waiting or running, and at its end verified, drift, unverifiable, rejects, cancelled, failed or
    paused; `is_stopping` while it was asked to stop and has not yet."""

    id: UUID
    operation: str
    state: str
    actor: str
    cause: str
    started_at: datetime
    stages: list[StageView]
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ended_at: datetime | None = None
    joined: bool = False
    is_stopping: bool = False


class Wish(msgspec.Struct, frozen=True):
    """What a run is to do: bring news, read a range again, or compare row by row; for these connections, or all.
    Without streams it is lifetime value alone."""

    operation: str = "incremental"
    connections: tuple[int, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    streams: tuple[str, ...] = STREAMS


class Runs:
    """The runs of all stores. `asked` is called when a run waits for a worker; it must return at once."""

    def __init__(self, kit: SyncKit, counting: Counting, findings: Findings) -> None:
        self._kit = kit
        self._counting = counting
        self._findings = findings
        self.asked: list[Callable[[], None]] = []

    async def ask(self, site: Site, wish: Wish, *, actor: str, cause: str) -> tuple[UUID, bool]:
        """The id of the run that does what is wished, and whether that was under way already.

        Raises:
            Refusal: `no_connections`, `unknown_connection`, `invalid_request`.
        """
        run_id, joined = await self._record(site, wish, actor=actor, cause=cause)
        if not joined:
            for asked in self.asked:
                asked()
        return run_id, joined

    async def upload(self, site: Site, connection_id: int, source: Source, *, actor: str) -> RunView:
        """Reads a file that was handed in, at once and here; its run's end.

        Raises:
            Refusal: `busy` while another run is at the connection.
        """
        wish = Wish("backfill", (connection_id,), streams=source.streams)
        run_id, joined = await self._record(site, wish, actor=actor, cause="upload", worker=self._kit.worker)
        if joined:
            await source.close()
            raise Refusal("busy", retry_after_s=2, problem="another file is being read by this connection")
        await self._running(site, run_id, {connection_id: source}).run()
        return await self.view(site, run_id)

    async def lease(self, limit: int) -> list[tuple[int, UUID]]:
        """Runs that nobody works at, now this process's."""
        async with self._kit.pool.acquire() as connection:
            return await store.lease(connection, self._kit.worker, self._kit.limits.lease_s, limit)

    async def work(self, site: Site, run_id: UUID) -> str | None:
        """Does a leased run to its end; how it ended, None when it is to be gone on with elsewhere."""
        return await self._running(site, run_id, {}).run()

    async def release(self, site_id: int, run_id: UUID) -> None:
        """Lets a run go, for another worker to go on with at once."""
        async with self._kit.pool.acquire() as connection:
            await store.release(connection, site_id, run_id, self._kit.worker)

    async def fail(self, site: Site, run_id: UUID, reason: str) -> None:
        """Ends a run that could not be done for a fault of ours; nothing when it is not ours any more."""
        kit = self._kit
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site.id) as lines:
            if await store.renew(connection, site.id, run_id, kit.worker, kit.limits.lease_s) is not None:
                await store.end(connection, site.id, run_id, kit.worker, state="failed", reason=reason)
                told = {"run": run_id, "state": "failed", "reason": reason, "stages": []}
                lines.add(events.ENDED, str(run_id), told, actor="sync", cause="failed")

    async def cancel(self, site: Site, run_id: UUID) -> RunView:
        """Asks a run to stop behind its present batch; what came in stays.

        Raises:
            Refusal: `unknown_run`, `wrong_state` when it has ended.
        """
        async with self._kit.pool.acquire() as connection:
            is_asked = await store.cancel(connection, site.id, run_id)
        view = await self.view(site, run_id)
        if not is_asked:
            raise Refusal("wrong_state", state=view.state, problem="the run has ended")
        for asked in self.asked:
            asked()
        return view

    async def view(self, site: Site, run_id: UUID) -> RunView:
        """Raises:
        Refusal: `unknown_run`.
        """
        async with self._kit.pool.acquire() as connection:
            run = await store.one(connection, site.id, run_id)
            if run is None:
                raise Refusal("unknown_run", run=str(run_id))
            return (await self._views(connection, site, [run]))[0]

    async def page(self, site: Site, *, before: UUID | None, limit: int) -> list[RunView]:
        """Runs of a store, the latest first, from before one on.

        Raises:
            Refusal: `unknown_run` for that one.
        """
        async with self._kit.pool.acquire() as connection:
            place = None
            if before is not None:
                run = await store.one(connection, site.id, before)
                if run is None:
                    raise Refusal("unknown_run", run=str(before))
                place = run.started_at, run.id
            found = await store.page(connection, site.id, before=place, limit=max(1, min(limit, RUNS_MAX)))
            return await self._views(connection, site, found)

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _running(self, site: Site, run_id: UUID, given: Mapping[int, Source]) -> Running:
        return Running(self._kit, self._counting, self._findings, site=site, run_id=run_id, given=given)

    async def _record(
        self, site: Site, wish: Wish, *, actor: str, cause: str, worker: str | None = None
    ) -> tuple[UUID, bool]:
        if wish.operation not in OPERATIONS:
            raise Refusal("invalid_request", field="operation", given=wish.operation[:40], possible=list(OPERATIONS))
        if wish.since is not None and wish.until is not None and wish.since >= wish.until:
            raise Refusal("invalid_request", field="until", problem="lies before since")
        kit = self._kit
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site.id) as lines:
            stages = await self._stages(connection, site, wish)
            ids = sorted({stage[1] for stage in stages if stage[1] is not None})
            under_way = await store.run_at(connection, site.id, ids) if ids else await store.any_at(connection, site.id)
            if under_way is not None:
                return under_way, True
            run = store.RunRow(
                new_id(), wish.operation, wish.since, wish.until, "waiting", None, actor, cause, lines.now, None, False
            )
            await store.insert(connection, site.id, run, stages)
            await store.take_connections(connection, site.id, ids, run.id)
            if worker is not None:
                await store.lease_one(connection, site.id, run.id, worker, kit.limits.lease_s)
            told = {"run": run.id, "operation": wish.operation, "stages": [stage[0] for stage in stages]}
            lines.add(events.STARTED, str(run.id), told, actor=actor, cause=cause)
        return run.id, False

    async def _stages(self, connection: Connection, site: Site, wish: Wish) -> Sequence[store.Stage]:
        """Orders of all connections, then their ads, then what follows from both."""
        there = {row.id: row for row in await connection_store.of_site(connection, site.id)}
        for wanted in wish.connections:
            if wanted not in there:
                raise Refusal("unknown_connection", connection=wanted)
        ids = wish.connections or [
            row.id for row in there.values() if row.is_enabled and row.kind != "upload"
        ]  # fmt: skip
        streams = await connection_store.streams(connection, site.id)
        stages: list[store.Stage] = [
            (name, stream.connection_id)
            for name in STREAMS
            for stream in streams
            if stream.name == name and stream.connection_id in ids and name in wish.streams
        ]
        if not stages and wish.streams:
            raise Refusal("no_connections", site=site.slug)
        return [*stages, ("ltv", None)]

    async def _views(self, connection: Connection, site: Site, found: Sequence[store.RunRow]) -> list[RunView]:
        stages = await store.stages(connection, site.id, [run.id for run in found])
        by_run: dict[UUID, list[StageView]] = {}
        for stage in stages:
            eta_s = None
            if stage.state == "running" and stage.connection_id is not None and stage.total is not None:
                key = store.StageKey(site.id, stage.run_id, stage.number, stage.name, stage.connection_id)
                rates = await store.rates_of_earlier(connection, key)
                eta_s = foretold(Progress(stage.done, stage.total), rates).eta_s
            by_run.setdefault(stage.run_id, []).append(
                StageView(
                    stage.name,
                    stage.state,
                    stage.done,
                    stage.connection,
                    stage.connection_id,
                    stage.total,
                    eta_s,
                    stage.changed,
                    stage.rejects,
                    stage.deleted,
                    stage.n,
                    stage.reason,
                    stage.since,
                    stage.until,
                    stage.started_at,
                    stage.ended_at,
                )
            )
        return [
            RunView(
                run.id,
                run.operation,
                run.state,
                run.actor,
                run.cause,
                run.started_at,
                by_run.get(run.id, []),
                run.reason,
                run.since,
                run.until,
                run.ended_at,
                is_stopping=run.is_cancelled and run.ended_at is None,
            )
            for run in found
        ]
