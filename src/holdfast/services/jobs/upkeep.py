"""Tables of days: made ahead, dropped whole when they are old. Lines of the ledger and batches go in bounded bites."""

from datetime import timedelta

import asyncpg
import structlog

from holdfast.store import job_upkeep as store

AHEAD_DAYS = 3
ROWS_MAX = 5_000

log = structlog.get_logger("holdfast.jobs")


async def keep_days(pool: asyncpg.Pool, *, run_days: float) -> None:
    """Each day from today on for some days has its tables; those older than `run_days` are gone."""
    for table in store.PARTITIONED:
        today, there = await store.days(pool, table)
        wanted = [today + timedelta(days=number) for number in range(AHEAD_DAYS + 1)]
        for day in [day for day in wanted if day not in there]:
            try:
                async with pool.acquire() as tx, tx.transaction():
                    await store.add_day(tx, table, day)
            except (asyncpg.DuplicateTableError, asyncpg.InvalidObjectDefinitionError, asyncpg.WrongObjectTypeError):
                log.debug("another process made it", table=table, day=str(day))
        last = today - timedelta(days=int(run_days))
        for day in sorted(day for day in there if day < last):
            async with pool.acquire() as tx, tx.transaction():
                await store.drop_day(tx, table, day)
            log.info("runs of a day let go", table=table, day=str(day))
    await store.forget_other(pool, after_days=run_days)


async def forget(pool: asyncpg.Pool, *, tick_days: float) -> bool:
    """Lets go of old lines of the ledger, ended batches and edges to nowhere; True when there may be more."""
    counts = [
        await store.forget_ticks(pool, after_days=tick_days, limit=ROWS_MAX),
        await store.forget_batches(pool, after_days=tick_days, limit=ROWS_MAX),
        await store.forget_edges(pool, limit=ROWS_MAX),
    ]
    return max(counts) >= ROWS_MAX
