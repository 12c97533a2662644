"""Where their rows come from, so that the mirror need not know: two files, or two tables of one database."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from holdfast.gateways.files import RowFile, machine_clock
from holdfast.gateways.outside import BOOKINGS_MAX, UNITS_MAX, Rewrite, Row, check_count
from holdfast.gateways.postgres import PostgresDatabase
from holdfast.gateways.sqlite import SqliteDatabase
from holdfast.gateways.tables import Table
from holdfast.services.mirror_mapping import BookingPlace, MappingError, MirrorMapping, Place, UnitPlace

BATCH_ROWS = 5_000
SAMPLE_ROWS = 1_000
"""So many first rows of a file tell which fields there are."""
_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


class Source(Protocol):
    """Their units and bookings, as they are at one instant."""

    rows_vary: bool
    """Whether each row names its own fields."""

    async def now(self) -> datetime: ...

    async def fields(self, place: Place) -> list[str]: ...

    def rows(self, place: Place, fields: Iterable[str]) -> AsyncIterator[list[Row]]: ...

    def named(self, place: Place) -> str: ...

    async def rewrite(self, place: UnitPlace, key: str | None, rewrites: list[Rewrite]) -> list[Rewrite]:
        """Writes what was wished, all in one step; returns the wishes whose row has moved meanwhile."""
        ...


class Files:
    """Two files; nothing is locked, so what has changed meanwhile is not written to."""

    rows_vary = True

    def __init__(self, units: RowFile, bookings: RowFile) -> None:
        self._units = units
        self._bookings = bookings
        if units.seen.path == bookings.seen.path and units.inside == bookings.inside:
            raise MappingError(f"{units.name} cannot be both the units and the bookings.")
        check_count(units.count, UNITS_MAX, units.name)
        check_count(bookings.count, BOOKINGS_MAX, bookings.name)

    async def now(self) -> datetime:
        return machine_clock()

    async def fields(self, place: Place) -> list[str]:
        names: dict[str, None] = {}
        for row, _ in zip(self._of(place).rows(), range(SAMPLE_ROWS), strict=False):
            names.update(dict.fromkeys(row.values or ()))
        return list(names)

    async def rows(self, place: Place, fields: Iterable[str]) -> AsyncIterator[list[Row]]:
        batch: list[Row] = []
        for row in _chosen(self._of(place).rows(), place):
            batch.append(row)
            if len(batch) == BATCH_ROWS:
                yield batch
                batch = []
        yield batch

    def named(self, place: Place) -> str:
        return self._of(place).name

    async def rewrite(self, place: UnitPlace, key: str | None, rewrites: list[Rewrite]) -> list[Rewrite]:
        self._units.rewrite(rewrites, (self._bookings.seen,))
        return []

    def _of(self, place: Place) -> RowFile:
        return self._bookings if isinstance(place, BookingPlace) else self._units


class Tables:
    """Two tables of a database, in one transaction."""

    rows_vary = False

    def __init__(self, database: SqliteDatabase | PostgresDatabase) -> None:
        self._database = database

    async def now(self) -> datetime:
        return await self._database.now()

    async def fields(self, place: Place) -> list[str]:
        return await self._database.columns(place.table or "")

    async def rows(self, place: Place, fields: Iterable[str]) -> AsyncIterator[list[Row]]:
        rows_max = BOOKINGS_MAX if isinstance(place, BookingPlace) else UNITS_MAX
        async for batch in self._database.read(_table(place, fields), rows_max):
            check_count(batch[-1].number, rows_max, f"Table {place.table}")
            yield batch

    def named(self, place: Place) -> str:
        return f"table {place.table}"

    async def rewrite(self, place: UnitPlace, key: str | None, rewrites: list[Rewrite]) -> list[Rewrite]:
        if key is None:
            raise MappingError("[units] key: name the column that tells the rows apart; nothing was changed.")
        status = rewrites[0].field
        return await self._database.rewrite(_table(place, (key, status)), key, status, rewrites)


@asynccontextmanager
async def opened(mapping: MirrorMapping, environ: Mapping[str, str], *, writing: bool) -> AsyncIterator[Source]:
    """The rows that a mapping means, open for as long as they are looked at.

    Raises:
        MappingError: it does not say where they are.
        OutsideError: they cannot be read.
    """
    url = mapping.database_url(environ)
    if url is None:
        units, bookings = mapping.units, mapping.bookings
        if units.file is None or bookings.file is None:
            missing = "units" if units.file is None else "bookings"
            raise MappingError(f"It is not said where the {missing} are: name a file, or a [database] and a table.")
        yield Files(
            RowFile(mapping.folder / units.file, units.path), RowFile(mapping.folder / bookings.file, bookings.path)
        )
        return
    async with AsyncExitStack() as stack:
        if url.startswith(_SQLITE):
            path = mapping.folder / Path(url.removeprefix(_SQLITE)).expanduser()
            yield Tables(await stack.enter_async_context(SqliteDatabase(path, writing=writing)))
        elif url.startswith(_POSTGRES):
            yield Tables(await stack.enter_async_context(PostgresDatabase(url, writing=writing)))
        else:
            scheme = url.partition(":")[0][:20]
            raise MappingError(
                f"[database] {scheme!r} is no kind of database that can be looked at: sqlite:/// or postgresql://. "
                "Of any other, export two files (JSON, JSON lines, CSV)."
            )


def _table(place: Place, fields: Iterable[str]) -> Table:
    return Table(place.table or "", tuple(dict.fromkeys(fields)), place.where, place.empty)


def _chosen(rows: Iterator[Row], place: Place) -> Iterator[Row]:
    if not place.where and not place.empty:
        return rows
    wanted = {
        name: {_as_text(each) for each in (several if isinstance(several, list) else [several])}
        for name, several in place.where.items()
    }
    return (row for row in rows if row.values is None or _is_chosen(row.values, wanted, place.empty))


def _is_chosen(values: dict[str, Any], wanted: Mapping[str, set[str]], empty: tuple[str, ...]) -> bool:
    if any(_as_text(values.get(name)) not in texts for name, texts in wanted.items()):
        return False
    return all(values.get(name) in (None, "") for name in empty)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
