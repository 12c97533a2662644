"""Other people's SQLite databases: read as they are at one instant; written in one transaction, or not at all."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from holdfast.gateways.files import machine_clock
from holdfast.gateways.outside import OutsideBusy, OutsideError, Rewrite, Row, unknown
from holdfast.gateways.tables import Table, check_columns, quoted

BUSY_TIMEOUT_S = 5.0
BATCH_ROWS = 5_000


class SqliteDatabase:
    """One look at a database file, in one transaction. With `writing` nobody else can write meanwhile."""

    def __init__(self, path: Path, *, writing: bool) -> None:
        if not path.is_file():
            raise OutsideError(f"There is no file {path}. (An absolute path has four slashes: sqlite:////srv/cafe.db)")
        mode = "rw" if writing else "ro"
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S
            )
            self._db.text_factory = _text
            self._db.execute("begin immediate" if writing else "begin")
        except sqlite3.Error as error:
            raise _told(error, path.name) from None
        self._name = path.name

    async def __aenter__(self) -> "SqliteDatabase":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._db.close()

    async def now(self) -> datetime:
        return machine_clock()

    async def columns(self, table_name: str) -> list[str]:
        """Raises:
        OutsideError: there is no such table or view.
        """
        tables = [name for (name,) in self._rows("select name from sqlite_master where type in ('table', 'view')")]
        if table_name not in tables:
            raise OutsideError(f"{self._name}: {unknown('table', table_name, tables)}")
        return [name for (name,) in self._rows("select name from pragma_table_xinfo(?)", table_name)]

    async def read(self, table: Table, rows_max: int) -> AsyncIterator[list[Row]]:
        """A table's rows, some thousand at a time, and at most one more than `rows_max`.

        Raises:
            OutsideError: the table or a column is not there.
        """
        check_columns(table, await self.columns(table.name))
        condition, values = _condition(table)
        columns = ", ".join(map(quoted, table.columns))
        query = f"select {columns} from {quoted(table.name)}{condition} limit {rows_max + 1:d}"
        number = 0
        try:
            cursor = self._db.execute(query, values)
            while batch := cursor.fetchmany(BATCH_ROWS):
                yield [Row(number + n, dict(zip(table.columns, row, strict=True))) for n, row in enumerate(batch, 1)]
                number += len(batch)
        except sqlite3.Error as error:
            raise _told(error, self._name) from None

    async def rewrite(self, table: Table, key: str, status: str, rewrites: Iterable[Rewrite]) -> list[Rewrite]:
        """Writes the new statuses and commits; returns the wishes whose row is no longer as it was read.

        Raises:
            OutsideError: a key is there twice, or the database refuses; nothing was changed.
        """
        condition, values = _condition(table)
        glue = " and" if condition else " where"
        update = (
            f"update {quoted(table.name)} set {quoted(status)} = ?{condition}"
            f"{glue} {quoted(key)} = ? and {quoted(status)} = ?"
        )
        moved = []
        try:
            for each in rewrites:
                count = self._db.execute(update, (each.after, *values, each.key, each.before)).rowcount
                if count > 1:
                    raise OutsideError(
                        f"{count} rows of {table.name} have the {key} {each.key!r}; nothing was changed."
                    )
                if count == 0:
                    moved.append(each)
            self._db.execute("commit")
        except sqlite3.Error as error:
            raise _told(error, self._name) from None
        return moved

    def _rows(self, query: str, *values: str) -> list[tuple[str, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _told(error, self._name) from None


def _condition(table: Table) -> tuple[str, Sequence[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    where: Mapping[str, Any] = table.where
    for name, wanted in where.items():
        several = wanted if isinstance(wanted, list) else [wanted]
        parts.append(f"{quoted(name)} in ({', '.join('?' * len(several))})")
        values += several
    parts += [f"{quoted(name)} is null" for name in table.empty]
    return (f" where {' and '.join(parts)}" if parts else ""), values


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _told(error: sqlite3.Error, name: str) -> OutsideError:
    if "locked" in str(error) or "busy" in str(error):
        return OutsideBusy(f"{name} is being written to by somebody else; nothing was changed. Try again.")
    return OutsideError(f"{name}: {error}; nothing was changed.")
