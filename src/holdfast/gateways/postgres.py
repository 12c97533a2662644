"""Other people's PostgreSQL databases: read and written in one repeatable-read transaction.

What somebody else changes meanwhile is never overwritten: not when the status reads otherwise, and not when the row
was merely touched. Everything but times is read as text, so that a key of any type finds its row again.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import asyncpg

from holdfast.gateways.outside import OutsideBusy, OutsideError, Rewrite, Row, unknown
from holdfast.gateways.tables import Table, check_columns, quoted

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 300
LOCK_TIMEOUT_S = 5
BATCH_ROWS = 5_000
_BROKEN = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_FAILURES = (asyncpg.PostgresError, *_BROKEN)
_PASSING = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError)
_TIMES = ("timestamp with time zone", "timestamp without time zone", "date")
_TABLES = """
    select c.oid, case when pg_table_is_visible(c.oid) then c.relname else n.nspname || '.' || c.relname end as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_toast' and has_table_privilege(c.oid, 'select')
    order by name limit 1000
"""
# without a length: an explicit cast to varchar(5) would cut a word off silently, where writing it is an error
_COLUMNS = """
    select attname, format_type(atttypid, -1) from pg_attribute
    where attrelid = to_regclass($1) and attnum > 0 and not attisdropped
"""


class PostgresDatabase:
    """One look at a database, in one transaction; read-only unless `writing`."""

    def __init__(self, url: str, *, writing: bool) -> None:
        self._url = url
        self._writing = writing
        self._types: dict[str, dict[str, str]] = {}

    async def __aenter__(self) -> "PostgresDatabase":
        server = {
            "application_name": "holdfast check",
            "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
            "lock_timeout": f"{LOCK_TIMEOUT_S}s",
        }
        try:
            self._db = await asyncpg.connect(
                self._url, timeout=CONNECT_TIMEOUT_S, statement_cache_size=0, server_settings=server
            )
        except ValueError:
            # what could not be understood may be a part of the password, so it is not repeated
            raise OutsideError(
                "The URL of the PostgreSQL database is not understood; is a / or @ in it escaped?"
            ) from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise OutsideBusy(f"The PostgreSQL database cannot be reached: {error or type(error).__name__}.") from None
        self._tx = self._db.transaction(isolation="repeatable_read", readonly=not self._writing)
        await self._tx.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        # what was not committed is not wanted
        with suppress(*_FAILURES, OSError):
            await self._db.close(timeout=CONNECT_TIMEOUT_S)

    async def now(self) -> datetime:
        found: datetime = await self._db.fetchval("select now()")
        return found

    async def columns(self, table_name: str) -> list[str]:
        """Raises:
        OutsideError: there is no such table or view.
        """
        try:
            found = await self._db.fetch(_COLUMNS, _qualified(table_name))
            types: dict[str, str] = {name: type_name for name, type_name in found}
            if not types:
                names = [name for _, name in await self._db.fetch(_TABLES)]
                raise OutsideError(unknown("table", table_name, names))
        except _FAILURES as error:
            raise _told(error, table_name) from None
        self._types[table_name] = types
        return list(types)

    async def read(self, table: Table, rows_max: int) -> AsyncIterator[list[Row]]:
        """A table's rows, some thousand at a time, and at most one more than `rows_max`.

        Raises:
            OutsideError: the table or a column is not there, or may not be read.
        """
        try:
            check_columns(table, await self.columns(table.name))
            types = self._types[table.name]
            columns = ", ".join(_read_as(name, types[name]) for name in table.columns)
            condition, values = _condition(table, first=1)
            query = f"select {columns} from {_qualified(table.name)} as theirs{condition} limit {rows_max + 1:d}"
            cursor = await self._db.cursor(query, *values)
            number = 0
            while batch := await cursor.fetch(BATCH_ROWS):
                yield [Row(number + n, dict(zip(table.columns, row, strict=True))) for n, row in enumerate(batch, 1)]
                number += len(batch)
        except _FAILURES as error:
            raise _told(error, table.name) from None

    async def rewrite(self, table: Table, key: str, status: str, rewrites: Iterable[Rewrite]) -> list[Rewrite]:
        """Writes the new statuses and commits; returns the wishes whose row is no longer as it was read.

        Raises:
            OutsideError: a key is there twice, or the database refuses; nothing was changed.
        """
        wishes = sorted(rewrites, key=lambda each: str(each.key))
        types = self._types[table.name]
        condition, values = _condition(table, first=4)
        update = (
            f"update {_qualified(table.name)} as theirs set {quoted(status)} = wish.after::{types[status]} "
            "from unnest($1::text[], $2::text[], $3::text[]) as wish (key, before, after)"
            f"{condition}{' and' if condition else ' where'} theirs.{quoted(key)} = wish.key::{types[key]} "
            f"and theirs.{quoted(status)}::text = wish.before returning wish.key"
        )
        try:
            try:
                done = await self._update(update, wishes, values)
            except asyncpg.SerializationError:
                # somebody has touched one of the rows since; the others can still be written
                done = [key for each in wishes for key in await self._update_one(update, each, values)]
        except _FAILURES as error:
            raise _told(error, table.name) from None
        if len(done) != len(set(done)):
            raise OutsideError(f"Rows of {table.name} share a {key}; nothing was changed.")
        await self._commit(table)
        written = set(done)
        return [each for each in wishes if each.key not in written]

    async def _commit(self, table: Table) -> None:
        try:
            await self._tx.commit()
        except (*_BROKEN, OSError):
            raise OutsideBusy("The connection broke while committing; check again to see what was written.") from None
        except asyncpg.PostgresError as error:
            raise _told(error, table.name) from None

    async def _update(self, update: str, wishes: Sequence[Rewrite], values: Sequence[Any]) -> list[str]:
        async with self._db.transaction():
            rows = await self._db.fetch(
                update,
                [each.key for each in wishes],
                [each.before for each in wishes],
                [each.after for each in wishes],
                *values,
            )
        return [key for (key,) in rows]

    async def _update_one(self, update: str, wish: Rewrite, values: Sequence[Any]) -> list[str]:
        try:
            return await self._update(update, [wish], values)
        except asyncpg.SerializationError:
            return []


def _qualified(name: str) -> str:
    """A table's name, `schema.table` when its schema is not on the search path."""
    return ".".join(quoted(part) for part in name.split("."))


def _read_as(name: str, type_name: str) -> str:
    return quoted(name) if type_name in _TIMES else f"{quoted(name)}::text"


def _condition(table: Table, *, first: int) -> tuple[str, list[list[str]]]:
    parts: list[str] = []
    values: list[list[str]] = []
    for name, wanted in table.where.items():
        several = wanted if isinstance(wanted, list) else [wanted]
        values.append([str(each).lower() if isinstance(each, bool) else str(each) for each in several])
        parts.append(f"theirs.{quoted(name)}::text = any(${first + len(values) - 1}::text[])")
    parts += [f"theirs.{quoted(name)} is null" for name in table.empty]
    return (f" where {' and '.join(parts)}" if parts else ""), values


def _told(error: Exception, table_name: str) -> OutsideError:
    if isinstance(error, _BROKEN):
        return OutsideBusy("The connection to the PostgreSQL database broke; nothing was changed.")
    said = f"Table {table_name}: {error}; nothing was changed."
    return OutsideBusy(said) if isinstance(error, _PASSING) else OutsideError(said)
