"""Bookings and units from a file, through the desk, row by row: each whole or not at all, and each at most once.

A row's id follows from the file and its number, or from its `external_id`; so an import that broke off is simply run
again: what is there already is seen and left alone. Imported bookings keep their state and are not bound by the rules
for customers (hours, grid, notice, past), but never overlap. Refuses nothing silently: every row has its result.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec.structs import replace

from holdfast.domain.commands import Book, Command
from holdfast.domain.errors import CODES, Refusal
from holdfast.domain.sites import Site
from holdfast.services.desk import Desk
from holdfast.services.import_files import ImportFileError, Row, Rows
from holdfast.services.mapping import DETAILS, FIELDS, Mapping, load_mapping, unknown_field
from holdfast.services.refusals import spoken
from holdfast.services.requests import (
    BookingRequest,
    CustomerRequest,
    UnitRequest,
    UnitsRequest,
    book_command,
    units_command,
)
from holdfast.store import checks as store

IN_FLIGHT = 256
EXTERNAL_ID_CHARS_MAX = 200
CREATED, THERE, REFUSED, SKIPPED = "created", "there", "refused", "skipped"

_NAMESPACE = UUID("5b1c7f0e-6f3b-5a64-9d7c-3f1f0a9d2c11")
_WHO = ("name", "email", "phone", "reference")
_encode = msgspec.json.Encoder(order="sorted").encode


class RowResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a row. `code` is a refusal's."""

    row: int
    outcome: str
    id: UUID | None = None
    code: str | None = None
    why: str | None = None


class _Wish(msgspec.Struct, frozen=True):
    row: int
    command: Command
    key: str
    body_hash: bytes
    booking_id: UUID | None


class Importer:
    """Imports into one site. `source` tells this file from others (its digest); `actor` is who the journal names."""

    def __init__(
        self, desk: Desk, pool: asyncpg.Pool, site: Site, *, mapping: Mapping | None, kind: str, source: str, actor: str
    ) -> None:
        self.desk = desk
        self.pool = pool
        self.site = site
        self.mapping = mapping
        self.kind = kind
        self.source = source
        self.actor = actor

    async def run(self, rows: Rows) -> AsyncIterator[RowResult]:
        """One result per row, in their order; 256 rows are under way at once.

        Raises:
            ImportFileError: the header does not fit, or the file cannot be read on; rows before that are done.
        """
        self.check_header(rows.columns)
        now: datetime = await self.pool.fetchval("select now()")
        waiting = iter(rows.rows)
        while chunk := list(islice(waiting, IN_FLIGHT)):
            for result in await self._chunk(chunk, now, is_text=rows.is_text):
                yield result

    def check_header(self, columns: list[str] | None) -> None:
        """Raises:
        ImportFileError: a column is unknown or missing.
        """
        if self.mapping is not None:
            self.mapping.check(columns)
            return
        for name in columns or ():
            if name not in FIELDS[self.kind] and not name.startswith(DETAILS[self.kind]):
                raise ImportFileError(unknown_field(name, self.kind))
        if columns is not None and self.kind == "units" and not {"code", "category"} <= set(columns):
            raise ImportFileError("A file of units needs the columns code and category.")

    async def _chunk(self, chunk: list[Row], now: datetime, *, is_text: bool) -> Iterator[RowResult]:
        results: dict[int, RowResult] = {}
        wishes: list[_Wish] = []
        for row in chunk:
            read = self._read(row, now, is_text=is_text)
            if isinstance(read, RowResult):
                results[row.number] = read
            else:
                wishes.append(read)
        there = await self._there(wishes)
        todo = []
        for wish in wishes:
            if wish.booking_id in there:
                results[wish.row] = RowResult(wish.row, THERE, wish.booking_id)
            else:
                todo.append(wish)
        for result in await asyncio.gather(*(self._submit(wish) for wish in todo)):
            results[result.row] = result
        return (results[row.number] for row in chunk)

    async def _there(self, wishes: Iterable[_Wish]) -> set[UUID]:
        ids = [wish.booking_id for wish in wishes if wish.booking_id is not None]
        return {booking.id for booking in await self._bookings(ids)} if ids else set()

    async def _bookings(self, ids: list[UUID]) -> list[Any]:
        async with self.pool.acquire() as connection:
            return list(await store.bookings(connection, self.site.id, ids))

    async def _submit(self, wish: _Wish) -> RowResult:
        for _ in range(3):
            try:
                answer = await self.desk.submit(
                    self.site.id, wish.command, actor=self.actor, key=wish.key, body_hash=wish.body_hash
                )
            except Refusal as refusal:
                if refusal.code in ("busy", "unavailable", "outcome_unknown"):
                    # its key makes asking again safe
                    await asyncio.sleep(float(refusal.data.get("retry_after_s", 1)))
                    continue
                return RowResult(wish.row, REFUSED, None, refusal.code, spoken(refusal, self.site.zone))
            return RowResult(wish.row, THERE if answer.replayed else CREATED, wish.booking_id)
        return RowResult(wish.row, REFUSED, None, "unavailable", CODES["unavailable"])

    # -- rows to commands ----------------------------------------------------------------------------------------

    def _read(self, row: Row, now: datetime, *, is_text: bool) -> _Wish | RowResult:
        if row.values is None:
            return _refused(row, "invalid_request", row.problem or "cannot be read")
        try:
            if self.mapping is not None:
                if not self.mapping.wants(row.values):
                    return RowResult(row.number, SKIPPED)
                flat = self.mapping.flat(row.values)
            else:
                flat = {name: value for name, value in row.values.items() if not (is_text and value == "")}
            return self._wish(row, flat, now, is_text=is_text)
        except ValueError as error:
            return _refused(row, "invalid_request", str(error))
        except Refusal as refusal:
            return _refused(row, refusal.code, spoken(refusal, self.site.zone))

    def _wish(self, row: Row, flat: dict[str, Any], now: datetime, *, is_text: bool) -> _Wish:
        external = flat.pop("external_id", None)
        if external is not None and not 1 <= len(str(external)) <= EXTERNAL_ID_CHARS_MAX:
            raise ValueError(f"`external_id`: has more than {EXTERNAL_ID_CHARS_MAX} characters")
        key = f"import:{self.source}:{row.number}" if external is None else f"import-id:{external}"
        body_hash = hashlib.sha256(_encode(flat)).digest()
        if self.kind == "units":
            return _Wish(row.number, _units_of(flat, is_text=is_text), key, body_hash, None)
        booking_id = uuid5(_NAMESPACE, f"{self.site.id}:{key}")
        command = _book_of(self.site, flat, booking_id, now, is_text=is_text)
        return _Wish(row.number, command, key, body_hash, booking_id)


def importer_for(
    named: str,
    desk: Desk,
    pool: asyncpg.Pool,
    site: Site,
    *,
    source: str,
    actor: str,
    only: dict[str, str] | None = None,
) -> Importer:
    """The importer of a format: `bookings`, `units`, a shipped mapping's name, or a mapping file.

    Raises:
        ImportFileError: there is no such format.
    """
    if named in FIELDS and not only:
        return Importer(desk, pool, site, mapping=None, kind=named, source=source, actor=actor)
    if named in FIELDS:
        raise ImportFileError("--only needs a mapping: the format says which columns there are.")
    mapping = load_mapping(named)
    if only:
        mapping = replace(mapping, only={**mapping.only, **only})
        source += "".join(f":{name}={value}" for name, value in sorted(only.items()))[:200]
    return Importer(desk, pool, site, mapping=mapping, kind=mapping.kind, source=source, actor=actor)


def _book_of(site: Site, flat: dict[str, Any], booking_id: UUID, now: datetime, *, is_text: bool) -> Book:
    state = flat.pop("state", None)
    if isinstance(flat.get("units"), str):
        flat["units"] = flat["units"].replace(",", " ").split()
    who = {name: flat.pop(name) for name in _WHO if name in flat}
    details = _gathered(flat, "details.")
    try:
        request = msgspec.convert(flat, BookingRequest, strict=not is_text)
        if who:
            request = replace(request, customer=msgspec.convert(who, CustomerRequest, strict=not is_text))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if details:
        request = replace(request, details={**(request.details or {}), **details})
    command = book_command(site, request, id=booking_id, now=now, imported=True)
    return replace(command, imported=True, state=None if state is None else str(state))


def _units_of(flat: dict[str, Any], *, is_text: bool) -> Command:
    attributes = _gathered(flat, "attributes.")
    try:
        unit = msgspec.convert(flat, UnitRequest, strict=not is_text)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    unit = replace(unit, attributes={**unit.attributes, **attributes})
    return units_command(UnitsRequest((unit,)), update=True)


def _gathered(flat: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The values under a prefix, taken out of the row."""
    return {name.removeprefix(prefix): flat.pop(name) for name in list(flat) if name.startswith(prefix)}


def _refused(row: Row, code: str, problem: str) -> RowResult:
    return RowResult(row.number, REFUSED, None, code, problem)
