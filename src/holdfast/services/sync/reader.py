"""Reads one stream of one connection for one run, batch by batch, and judges whether it is complete.

Each batch is one transaction: its rows, where the read stands, its progress, and a journal line. Whoever goes on after
a `kill -9` does so behind the last of them. A read ends in a verdict, never in "succeeded".
"""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from uuid import UUID

import structlog
from msgspec.structs import replace

from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.progress import Progress, foretold
from holdfast.domain.sync.rows import Reject, Spend
from holdfast.domain.sync.verdicts import Control, Verdict, judge
from holdfast.domain.sync.windows import TAILS_MAX, Reading, Window, begun_anew, carried_on, met, whole, window_of
from holdfast.gateways.shops.days import days_of
from holdfast.gateways.shops.source import CursorLost, Source
from holdfast.services.journal_writer import Lines
from holdfast.services.sync.batches import Batch, Batches, Copied
from holdfast.services.sync.kit import Cancelled, LeaseLost, SourceClock, SyncKit
from holdfast.store import orders, runs
from holdfast.store.connection import Connection
from holdfast.store.connections import StreamRow

ANEW_MAX = 3
UNSEEN_PARTS_MAX = 1_000


log = structlog.get_logger("holdfast.sync")


class Reader:
    """One stage; `label` is the connection's name."""

    def __init__(
        self, kit: SyncKit, site: Site, key: runs.StageKey, *, source: Source, stream: StreamRow, label: str
    ) -> None:
        self._kit = kit
        self._site = site
        self._key = key
        self._source = source
        self._stream = stream
        self._label = label
        self._rates: list[float] = []
        self._clock: SourceClock
        self._has_begun = False
        self._told_at_begin: Control | None = None
        self.reading: Reading | None = None

    async def read(self, run: runs.RunRow) -> Verdict:
        """Reads the window to its end and says how complete the stream is then; written with the verdict.

        Raises:
            SourceError: it cannot be read now; what came in stays, and the next run goes on behind it.
            Cancelled, LeaseLost.
        """
        self.reading = await self._begin(run)
        anew = 0
        while True:
            try:
                await self._read_window()
            except CursorLost:
                anew += 1
                if anew > ANEW_MAX:
                    raise
                await self._begin_anew()
                continue
            deleted = await self._settle(self.reading)
            reading = self.reading
            verdict = await self._judged(reading, deleted)
            is_moving = verdict.state == "drift" and not (reading.differences or deleted)
            if not is_moving or reading.tails >= TAILS_MAX or self._key.stream == "ads":
                await self._finish(verdict)
                return verdict
            self.reading = carried_on(reading, self._key.stream, self._clock.now())

    # -- the beginning -------------------------------------------------------------------------------------------------

    async def _begin(self, run: runs.RunRow) -> Reading:
        """The read to go on with, or a new one. Of a new one nothing is written until its first rows are."""
        stream, key = self._stream, self._key
        async with self._kit.pool.acquire() as connection:
            now: datetime = await connection.fetchval("select now()")
            self._clock = SourceClock(now)
            self._rates = await runs.rates_of_earlier(connection, key)
            left = stream.reading
            if left is not None and _goes_on(left, run):
                return left
            window = window_of(key.stream, stream.watermark, now)
            if run.operation != "incremental":
                until = whole(run.until) if run.until is not None else window.until
                window = Window(min(until, window.until), None if run.since is None else whole(run.since))
            held = await self._held(connection, window)
        control = self._told_at_begin = await self._source.control(key.stream, window)
        warnings = await self._source.warnings(key.stream, window)
        settled = stream.watermark if run.operation == "verify" else None
        if settled is not None:
            settled = window_of(key.stream, settled, settled).since
        return Reading(
            run.operation, window, window.since, total=control.count, held_before=held, settled_before=settled,
            warnings=tuple(warnings),
        )  # fmt: skip

    async def _begin_anew(self) -> None:
        assert self.reading is not None
        self.reading = begun_anew(self.reading)
        if self._has_begun:
            async with self._locked() as (connection, _):
                await runs.set_reading(connection, self._key, self.reading)

    # -- pages and batches ---------------------------------------------------------------------------------------------

    async def _read_window(self) -> None:
        assert self.reading is not None
        batches = Batches(self._kit, self._source, self._key.stream, lambda: self._clock.now())
        async with aclosing(batches.read(self.reading.window, self.reading.cursor)) as found:
            async for batch in found:
                await self._write(batch)

    async def _write(self, batch: Batch) -> None:
        """One batch, in one transaction."""
        reading, rows, cursor = self.reading, batch.rows, batch.cursor
        assert reading is not None
        if not rows and not reading.read:
            # no news: nothing to write but the verdict
            self.reading = met(reading, 0, cursor)
            return
        async with self._locked(batch.copied) as (connection, lines):
            if not self._has_begun:
                reading = await self._note_begin(connection, reading)
            changed, overdue = await self._write_rows(connection, batch, reading)
            reading = met(reading, len(rows), cursor, differences=overdue)
            rejects = sum(isinstance(row, Reject) for row in rows)
            await runs.progress(connection, self._key, reading, changed=changed, rejects=rejects)
            told = {**self._told(reading), "changed": changed, "rejects": rejects}
            lines.add(events.PROGRESSED, str(self._key.run_id), told, actor="sync", cause="read")
        is_first = not self._has_begun and self._stream.watermark is None
        self.reading, self._has_begun = reading, True
        if is_first and self._key.stream == "orders":
            # they may be the table's first rows: every batch behind them would be planned for an empty table
            async with self._kit.pool.acquire() as connection:
                await orders.analyse(connection)

    async def _note_begin(self, connection: Connection, reading: Reading) -> Reading:
        if not reading.read:
            reading = replace(reading, read=await runs.start_reading(connection, self._key))
            if reading.operation == "verify":
                await orders.forget_seen(connection, self._key.place)
        await runs.begin_stage(connection, self._key.site_id, self._key.run_id, self._key.number, reading)
        return reading

    async def _write_rows(self, connection: Connection, batch: Batch, reading: Reading) -> tuple[int, int]:
        """How many rows were new or changed, and how many of them should have been so long ago."""
        key, place, rows = self._key, self._key.place, batch.rows
        rejects = [row for row in rows if isinstance(row, Reject)]
        if rejects:
            await orders.set_aside(connection, place, key.stream, rejects, run_id=key.run_id)
        if key.stream == "ads":
            spend = [row for row in rows if isinstance(row, Spend)]
            return await orders.write_spend(connection, place, spend, read=reading.read), 0
        assert batch.packed is not None
        is_verifying = reading.operation == "verify"
        written = await orders.write_orders(
            connection,
            place,
            batch.packed,
            seen_at=batch.seen_at,
            compare=is_verifying,
            settled_before=reading.settled_before,
            is_in=batch.copied is not None,
        )
        if is_verifying:
            await orders.note_seen(connection, place, [row.id for row in rows if not isinstance(row, Spend) and row.id])
        return written.changed, written.overdue

    # -- the end -------------------------------------------------------------------------------------------------------

    async def _settle(self, reading: Reading) -> int:
        """Takes out what a whole read did not meet; how many rows that were."""
        if not reading.read and reading.operation != "verify":
            return 0
        deleted = 0
        if self._key.stream == "ads":
            first, last = days_of(reading.whole, self._site.zone)
            async with self._locked() as (connection, _):
                deleted = await orders.delete_unmet_spend(connection, self._key.place, first, last, read=reading.read)
                await runs.note_deleted(connection, self._key, deleted)
            return 0
        if reading.operation != "verify":
            return 0
        if not reading.read:
            await self._write_empty(reading)
        await self._read_tail_of_verifying()
        for _ in range(UNSEEN_PARTS_MAX):
            async with self._locked() as (connection, lines):
                gone = await orders.unseen(connection, self._key.place, reading.since, reading.whole.until)
                if not gone:
                    break
                deleted += await orders.delete_orders(connection, self._key.place, gone, at=lines.now)
                await runs.note_deleted(connection, self._key, len(gone))
        return deleted

    async def _write_empty(self, reading: Reading) -> None:
        async with self._locked() as (connection, _):
            self.reading = await self._note_begin(connection, reading)
            await runs.set_reading(connection, self._key, self.reading)
        self._has_begun = True

    async def _read_tail_of_verifying(self) -> None:
        """What changed while it was read is in no page any more, and must not be taken for gone: it is met now."""
        assert self.reading is not None
        self.reading = carried_on(self.reading, self._key.stream, self._clock.now())
        await self._read_window()

    async def _judged(self, reading: Reading, deleted: int) -> Verdict:
        # where no row came, what the source said at the beginning still stands: one request less without news
        told = self._told_at_begin if not reading.met and not reading.tails else None
        theirs = told or await self._source.control(self._key.stream, reading.whole)
        async with self._kit.pool.acquire() as connection:
            if self._key.stream == "ads":
                amounts, _ = await orders.sum_spend(
                    connection, self._key.place, *days_of(reading.whole, self._site.zone)
                )
                ours = Control(amounts=amounts)
            elif getattr(self._source, "counts_its_rows", False):
                ours = Control(reading.met)
            else:
                ours = Control(
                    await orders.count_orders(connection, self._key.place, reading.since, reading.whole.until)
                )
            rejects = await orders.count_rejects(connection, self._key.place, self._key.stream)
        return judge(
            theirs, ours, rejects=rejects, held_before=reading.held_before, warnings=reading.warnings,
            differences=reading.differences + deleted,
        )  # fmt: skip

    async def _finish(self, verdict: Verdict) -> None:
        reading = self.reading
        assert reading is not None
        key = self._key
        known = self._stream.watermark
        # a backfill of a range says nothing of what came after it
        is_whole = reading.operation == "incremental" or reading.since is None
        is_whole = is_whole or (known is not None and reading.since is not None and reading.since <= known)
        # where rows are missing the next read begins at the old mark again, and may find them
        is_short = verdict.state == "drift" and not reading.differences and reading.operation != "verify"
        watermark = reading.whole.until if is_whole and not is_short else None
        async with self._locked() as (connection, lines):
            if not self._has_begun:
                await runs.begin_stage(connection, key.site_id, key.run_id, key.number, reading)
            generation, _ = await runs.finish_stream(
                connection, key, watermark, is_verified=verdict.state == "verified"
            )
            await runs.end_stage(
                connection, key.site_id, key.run_id, key.number, state=verdict.state, n=verdict.n,
                reason=verdict.reason, generation=generation,
            )  # fmt: skip
            told = {**self._told(reading), "state": verdict.state, "n": verdict.n, "reason": verdict.reason}
            lines.add(events.STAGE_ENDED, str(key.run_id), told, actor="sync", cause=verdict.state)

    # -- shared --------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _locked(self, copied: Copied | None = None) -> AsyncIterator[tuple[Connection, Lines]]:
        """The site's lock for one transaction of a run that is still its worker's: that of a batch that was copied in,
        or a new one."""
        kit, key = self._kit, self._key
        connection = copied.connection if copied is not None else await kit.pool.acquire()
        try:
            begun = copied.transaction if copied is not None else None
            async with kit.journal.locked(connection, key.site_id, begun=begun) as lines:
                if begun is None:
                    # the other kind of transaction began some time ago
                    self._clock = SourceClock(lines.now)
                await still_ours(kit, connection, key.site_id, key.run_id)
                yield connection, lines
        finally:
            await kit.pool.release(connection)

    async def _held(self, connection: Connection, window: Window) -> int:
        if self._key.stream == "ads":
            _, rows = await orders.sum_spend(connection, self._key.place, *days_of(window, self._site.zone))
            return rows
        return await orders.count_orders(connection, self._key.place, window.since, window.until)

    def _told(self, reading: Reading) -> dict[str, object]:
        shown = foretold(Progress(reading.done, reading.total), self._rates)
        return {
            "run": self._key.run_id, "stage": self._key.stream, "connection": self._label, "done": shown.done,
            "total": shown.total, "eta_s": shown.eta_s,
        }  # fmt: skip


async def still_ours(kit: SyncKit, connection: Connection, site_id: int, run_id: UUID) -> None:
    """Keeps the run for this worker, as part of what it writes.

    Raises:
        LeaseLost: another worker has it; Cancelled: it is to stop.
    """
    is_cancelled = await runs.renew(connection, site_id, run_id, kit.worker, kit.limits.lease_s)
    if is_cancelled is None:
        raise LeaseLost
    if is_cancelled:
        raise Cancelled


def _goes_on(left: Reading, run: runs.RunRow) -> bool:
    """Whether a read that was broken off is the one this run is to make."""
    if left.operation != run.operation:
        return False
    if run.operation == "incremental":
        return True
    since = None if run.since is None else whole(run.since)
    return left.since == since and (run.until is None or left.window.until >= whole(run.until))
