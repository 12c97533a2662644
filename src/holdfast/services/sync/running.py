"""Does one leased run: its stages in order, each on what is committed, and how it ends.

A stage that fails does not take the later ones along: fresh revenue beside stale spend is said to be just that.
"""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import structlog

from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.breaker import paused_until
from holdfast.domain.sync.verdicts import Verdict, ended, overall
from holdfast.gateways.shops.source import Source, SourceError
from holdfast.services.ltv.counting import Counting
from holdfast.services.outages import UNREACHABLE
from holdfast.services.sync.findings import Findings
from holdfast.services.sync.kit import Cancelled, LeaseLost, SyncKit
from holdfast.services.sync.reader import Reader, still_ours
from holdfast.store import connections, runs

OUTAGES_MAX = 5
"""How often a run goes on by itself when the database is gone or a lock is held too long, before it lets go."""
OUTAGE_PAUSE_S = 1.0

log = structlog.get_logger("holdfast.sync")


class Running:
    """One run of one store. `given` are sources that only this process has: files handed in."""

    def __init__(
        self, kit: SyncKit, counting: Counting, findings: Findings, *, site: Site, run_id: UUID,
        given: Mapping[int, Source] | None = None,
    ) -> None:  # fmt: skip
        self._kit = kit
        self._counting = counting
        self._findings = findings
        self._site = site
        self._run_id = run_id
        self._given = given or {}

    async def run(self) -> str | None:
        """How the run ended; None when it is another worker's now, or is to be gone on with later."""
        beating = asyncio.create_task(self._beat(), name="sync lease")
        working = asyncio.create_task(self._work(), name="sync run")
        try:
            await asyncio.wait({beating, working}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                # the lease is lost: whatever is under way would be refused
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
                return None
            return await working
        except asyncio.CancelledError:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            raise
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _beat(self) -> None:
        """Keeps the lease while the source keeps us waiting; ends when it is lost."""
        limits = self._kit.limits
        while True:
            await asyncio.sleep(limits.lease_s / 3)
            try:
                async with self._kit.pool.acquire() as connection:
                    kept = await runs.renew(connection, self._site.id, self._run_id, self._kit.worker, limits.lease_s)
            except UNREACHABLE:
                continue
            if kept is None:
                return

    async def _work(self) -> str | None:
        outages = 0
        while True:
            try:
                return await self._stages()
            except LeaseLost:
                return None
            except UNREACHABLE as error:
                outages += 1
                log.warning("a sync run waits for the database", site=self._site.slug, error=str(error)[:200])
                if outages > OUTAGES_MAX:
                    return None
                await asyncio.sleep(OUTAGE_PAUSE_S * outages)

    async def _stages(self) -> str | None:
        site_id = self._site.id
        async with self._kit.pool.acquire() as connection:
            run = await runs.one(connection, site_id, self._run_id)
            stages = await runs.stages(connection, site_id, [self._run_id])
        if run is None or run.ended_at is not None:
            return None
        states: dict[int, str] = {}
        is_cancelled = False
        for stage in stages:
            if stage.ended_at is not None:
                states[stage.number] = stage.state
            elif is_cancelled:
                states[stage.number] = await self._end_stage(stage, Verdict("cancelled"))
            else:
                states[stage.number] = await self._stage(run, stage)
                is_cancelled = states[stage.number] == "cancelled"
        return await self._end(overall(states.values()))

    async def _stage(self, run: runs.RunRow, stage: runs.StageRow) -> str:
        try:
            if stage.connection_id is None:
                return await self._count(run, stage)
            return await self._read(run, stage, stage.connection_id)
        except Cancelled:
            return await self._end_stage(stage, Verdict("cancelled", reason="somebody stopped it"))

    async def _read(self, run: runs.RunRow, stage: runs.StageRow, connection_id: int) -> str:
        """Reads one stream to a verdict; a source that cannot be read fails the stage, and pauses its connection when
        it goes on doing so."""
        site_id = self._site.id
        async with self._kit.pool.acquire() as connection:
            row = await connections.one(connection, site_id, connection_id)
            streams = await connections.streams(connection, site_id)
        stream = next((s for s in streams if (s.connection_id, s.name) == (connection_id, stage.name)), None)
        if row is None or stream is None:
            return await self._end_stage(stage, Verdict("failed", reason="its connection is gone"))
        key = runs.StageKey(site_id, self._run_id, stage.number, stage.name, connection_id)
        source: Source | None = None
        try:
            source = self._given.get(connection_id) or await self._kit.make_source(self._site, row)
            reader = Reader(self._kit, self._site, key, source=source, stream=stream, label=row.name)
            verdict = await reader.read(run)
        except SourceError as error:
            return await self._failed(stage, row, error)
        finally:
            if source is not None:
                await source.close()
        async with self._kit.pool.acquire() as connection:
            await connections.note_success(connection, site_id, connection_id)
        await self._findings.judged(self._site, row.name, stage.name, verdict)
        return verdict.state

    async def _failed(self, stage: runs.StageRow, row: connections.ConnectionRow, error: SourceError) -> str:
        async with self._kit.pool.acquire() as connection, connection.transaction():
            failures = await connections.note_failure(connection, row.site_id, row.id)
            now = await connection.fetchval("select now()")
            until = paused_until(failures, now, self._kit.jitter())
            if until is not None:
                await connections.pause(connection, row.site_id, row.id, until)
        if until is None:
            return await self._end_stage(stage, Verdict("failed", reason=error.reason))
        reason = f"{error.reason}; paused, next try at {until.isoformat(timespec='seconds')}"
        return await self._end_stage(stage, Verdict("paused", reason=reason))

    async def _count(self, run: runs.RunRow, stage: runs.StageRow) -> str:
        """Lifetime value on what is committed by now, whatever became of the stages before."""
        if run.operation == "verify":
            differences = await self._counting.verify(self._site)
            if differences:
                reason = "lifetime values differed from those counted anew and were replaced"
                return await self._end_stage(stage, Verdict("drift", differences, reason))
        elif await self._counting.is_due(self._site):
            await self._counting.refresh(self._site)
        else:
            return await self._end_stage(stage, Verdict("left_out"))
        return await self._end_stage(stage, Verdict("done"))

    async def _end_stage(self, stage: runs.StageRow, verdict: Verdict) -> str:
        kit, site_id = self._kit, self._site.id
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site_id) as lines:
            await self._still_ours(connection)
            await runs.end_stage(
                connection, site_id, self._run_id, stage.number, state=ended(stage.state, verdict), n=verdict.n,
                reason=verdict.reason,
            )  # fmt: skip
            told = {
                "run": self._run_id, "stage": stage.name, "connection": stage.connection, "state": verdict.state,
                "n": verdict.n, "reason": verdict.reason,
            }  # fmt: skip
            lines.add(events.STAGE_ENDED, str(self._run_id), told, actor="sync", cause=verdict.state)
        return verdict.state

    async def _still_ours(self, connection: object) -> None:
        """As for a batch, but that a run which is to stop may still say so."""
        try:
            await still_ours(self._kit, connection, self._site.id, self._run_id)  # type: ignore[arg-type]
        except Cancelled:
            return

    async def _end(self, state: str) -> str:
        kit, site_id = self._kit, self._site.id
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site_id) as lines:
            await self._still_ours(connection)
            stages = await runs.stages(connection, site_id, [self._run_id])
            worst = next((stage for stage in stages if stage.state == state and stage.reason), None)
            reason = worst.reason if worst is not None else None
            await runs.end(connection, site_id, self._run_id, kit.worker, state=state, reason=reason)
            told = {
                "run": self._run_id, "state": state, "reason": reason,
                "stages": [
                    {"stage": s.name, "connection": s.connection, "state": s.state, "n": s.n, "done": s.done,
                     "changed": s.changed, "rejects": s.rejects, "deleted": s.deleted}
                    for s in stages
                ],
            }  # fmt: skip
            lines.add(events.ENDED, str(self._run_id), told, actor="sync", cause=state)
        return state
