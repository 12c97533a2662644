"""Batches of a source's rows, made ready while the one before is written: fetched, packed in turns with everybody else,
and, where they are orders, copied into the tables from which they are merged. Never more than one is ahead.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from asyncpg.transaction import Transaction
from msgspec.structs import replace

from holdfast.domain.sync.rows import Order, turns
from holdfast.domain.sync.windows import Window
from holdfast.gateways.shops.source import Row, Source
from holdfast.services.sync.kit import SyncKit
from holdfast.store import orders


class Copied(msgspec.Struct, frozen=True):
    """A session with a transaction into whose tables a batch was copied, to be merged there: so it is copied in while
    the batch before it is written. More than a quarter of what writing takes."""

    connection: Any
    transaction: Transaction


class Batch(msgspec.Struct, frozen=True):
    """Its rows, the cursor behind it, when the source was asked for the first of them; orders as they are copied in,
    and where they were. Whoever takes it gives that session back."""

    rows: list[Row]
    cursor: str | None
    seen_at: datetime
    packed: orders.Packed | None = None
    copied: Copied | None = None


Queue = asyncio.Queue[Batch | BaseException | None]


class Batches:
    """The batches of one stream. `now` tells the database's time."""

    def __init__(self, kit: SyncKit, source: Source, stream: str, now: Callable[[], datetime]) -> None:
        self._kit = kit
        self._source = source
        self._stream = stream
        self._now = now

    async def read(self, window: Window, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Those of a window, from behind a cursor on.

        Raises:
            SourceError, CursorLost.
        """
        queue, room = Queue(1), asyncio.Semaphore(1)
        fetching = asyncio.create_task(self._fetch(window, cursor, queue, room), name="sync pages")
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                room.release()
                yield item
        finally:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)
            left = None if queue.empty() else queue.get_nowait()
            if isinstance(left, Batch):
                await self._let_go(left)

    async def _fetch(self, window: Window, cursor: str | None, queue: Queue, room: asyncio.Semaphore) -> None:
        pages = self._source.pages(self._stream, window, cursor)
        rows: list[Row] = []
        first_at: datetime | None = None
        try:
            await room.acquire()
            while True:
                # asked from here on: a deletion heard of later is newer than what the page says
                asked_at = self._now()
                page = await anext(pages, None)
                if page is None:
                    break
                first_at = first_at or asked_at
                rows += page.rows
                # before a page as long as this one would be too much
                if len(rows) + len(page.rows) > self._kit.limits.batch_rows or page.cursor is None:
                    batch = await self._packed(Batch(rows, page.cursor, first_at))
                    queue.put_nowait(await self._copied_in(batch))
                    rows, first_at = [], None
                    await room.acquire()
            await queue.put(None)
        except Exception as error:  # told to whoever waits for the pages, where it is handled
            await queue.put(error)

    async def _packed(self, batch: Batch) -> Batch:
        """In turns, so that neither the batch that is being written nor anybody else waits for all of it."""
        if self._stream != "orders":
            return batch
        packing = orders.Packing()
        for some in turns(batch.rows):
            packing.add([row for row in some if isinstance(row, Order)])
            await asyncio.sleep(0)
        return replace(batch, packed=packing.packed())

    async def _copied_in(self, batch: Batch) -> Batch:
        if batch.packed is None or not batch.packed.count:
            return batch
        pool: asyncpg.Pool = self._kit.pool
        connection = await pool.acquire()
        try:
            transaction = connection.transaction()
            await transaction.start()
            await orders.copy_in(connection, batch.packed)
        except BaseException:
            await _taken_back(pool, connection)
            raise
        return replace(batch, copied=Copied(connection, transaction))

    async def _let_go(self, batch: Batch) -> None:
        if batch.copied is not None:
            await _taken_back(self._kit.pool, batch.copied.connection)


async def _taken_back(pool: asyncpg.Pool, connection: Any) -> None:
    """Gives a session back without what was begun in it."""
    if not connection.is_closed() and connection.is_in_transaction():
        await connection.execute("rollback")
    await pool.release(connection)
