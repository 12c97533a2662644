"""The way of the systems this replaces: once a minute a cron selects the sessions that are over and updates one row
after the other. On plain tables of its own, in a schema of its own."""

import time
from typing import Any

import asyncpg

TABLES = """
drop schema if exists minute_cron cascade;
create schema minute_cron;
create table minute_cron.system (id bigint primary key, status text not null);
create table minute_cron.booking (id bigint primary key, system_id bigint not null, status text not null,
    end_time timestamptz not null, completed_at timestamptz);
create index on minute_cron.booking (status, end_time);
"""
# as they were spread over the minute before the cron's next turn
SESSIONS = """
with s as (insert into minute_cron.system select n, 'Active' from generate_series(1, $1::int) n)
insert into minute_cron.booking
select n, n, 'Active', now() - interval '1 minute' * (n - 0.5) / $1::int from generate_series(1, $1::int) n
"""
LATE = """
select percentile_cont(array[0.5, 0.99, 1]) within group (order by extract(epoch from completed_at - end_time)) as late
from minute_cron.booking where status = 'Completed'
"""


async def minute_cron(database_url: str, **counts: int) -> dict[str, Any]:
    """One turn of the cron over so many sessions that ended in the minute before it."""
    connection = await asyncpg.connect(database_url)
    try:
        return {name: await _turn(connection, count) for name, count in counts.items()}
    finally:
        await connection.execute("drop schema if exists minute_cron cascade")
        await connection.close()


async def _turn(connection: asyncpg.Connection, count: int) -> dict[str, float]:
    await connection.execute(TABLES)
    await connection.execute(SESSIONS, count)
    await connection.execute("analyze minute_cron.booking; analyze minute_cron.system")
    complete = await connection.prepare(
        "update minute_cron.booking set status = 'Completed', completed_at = clock_timestamp() where id = $1"
    )
    free = await connection.prepare("update minute_cron.system set status = 'Available' where id = $1")
    began = time.perf_counter()
    rows = await connection.fetch(
        "select id, system_id from minute_cron.booking where status = 'Active' and end_time <= now() order by end_time"
    )
    for row in rows:
        await complete.fetch(row["id"])
        await free.fetch(row["system_id"])
    elapsed = time.perf_counter() - began
    p50, p99, most = await connection.fetchval(LATE)
    return {
        "sessions": count, "rows_per_s": round(count / elapsed),
        "p50_ms": round(p50 * 1000), "p99_ms": round(p99 * 1000), "max_ms": round(most * 1000),
    }  # fmt: skip
