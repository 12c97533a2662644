"""Tables of days for runs and log lines, and what else of jobs is kept for a while only."""

from datetime import UTC, date, datetime, timedelta

from holdfast.store import sql
from holdfast.store.connection import Connection, Database

_Q = sql.load("job_upkeep")

PARTITIONED = {"done": "finished_at", "job_log": "at"}
"""Tables of days, and the column that says which."""


async def days(connection: Database, table: str) -> tuple[date, set[date]]:
    """The present UTC day, and the days that have a table of their own."""
    row = await connection.fetchrow(_Q["days"], table)
    assert row is not None
    return row["today"], {datetime.strptime(each, "%Y%m%d").replace(tzinfo=UTC).date() for each in row["days"]}


async def add_day(tx: Connection, table: str, day: date) -> None:
    """Makes the table of a day; what lies in the common one already moves there. Needs a transaction."""
    column, name, until = PARTITIONED[table], _name(table, day), day + timedelta(days=1)
    window = f"{column} >= '{day} 00:00+00' and {column} < '{until} 00:00+00'"
    await tx.execute(f"lock table {table} in share update exclusive mode")
    await tx.execute(f"create table if not exists {name} (like {table} including defaults including constraints)")
    await tx.execute(
        f"with moved as (delete from {table}_other where {window} returning *) insert into {name} select * from moved"
    )
    await tx.execute(
        f"alter table {table} attach partition {name} for values from ('{day} 00:00+00') to ('{until} 00:00+00')"
    )


async def drop_day(tx: Connection, table: str, day: date) -> None:
    await tx.execute(f"drop table if exists {_name(table, day)}")


async def forget_ticks(connection: Database, *, after_days: float, limit: int) -> int:
    return _count(await connection.execute(_Q["forget_ticks"], after_days, limit))


async def forget_batches(connection: Database, *, after_days: float, limit: int) -> int:
    return _count(await connection.execute(_Q["forget_batches"], after_days, limit))


async def forget_edges(connection: Database, *, limit: int) -> int:
    return _count(await connection.execute(_Q["forget_edges"], limit))


async def forget_other(connection: Database, *, after_days: float) -> None:
    """What lies in the common tables and is old: written while a day had no table of its own."""
    for table in PARTITIONED:
        await connection.execute(_Q[f"forget_other_{table}"], after_days)


def _name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])


async def bring_forward(connection: Database, span: timedelta) -> None:
    """Lets all jobs that wait for a time wait for so much less; for tests that move the clock."""
    await connection.execute(_Q["bring_forward"], span)
