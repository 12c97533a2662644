"""A file of orders or days of spend that somebody hands in: CSV or JSON lines, in our words or by a mapping.

The rows in it are all there are: a file is its own count.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any

import msgspec

from holdfast.domain.sync.mapping import Mapped, order_of, spend_of
from holdfast.domain.sync.rows import RAW_BYTES_MAX, Reject
from holdfast.domain.sync.verdicts import Control
from holdfast.domain.sync.windows import Window
from holdfast.gateways.shops.source import Page, Row

PAGE_ROWS = 500


class Upload:
    """A whole file, read from its beginning each time; its cursor is the number of rows before."""

    counts_its_rows = True
    """Its count is of the rows it gives, whatever the store held before."""

    def __init__(self, file: IO[bytes], stream: str, mapped: Mapped) -> None:
        self.streams = (stream,)
        self._file = file
        self._mapped = mapped

    async def close(self) -> None:
        self._file.close()

    async def pages(self, stream: str, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        skip = int(cursor or 0)
        number, rows = 0, list[Row]()
        for number, row in enumerate(self._rows(), 1):
            if number > skip:
                rows.append(self._read(row))
            if len(rows) >= PAGE_ROWS:
                yield Page(rows, str(number))
                rows = []
        yield Page(rows, None)

    async def control(self, stream: str, window: Window) -> Control:
        return Control(sum(1 for _ in self._rows()))

    async def warnings(self, stream: str, window: Window) -> list[str]:
        return []

    def _rows(self) -> Iterator[Any]:
        self._file.seek(0)
        first = self._file.read(1)
        self._file.seek(0)
        if first in (b"{", b"["):
            yield from self._json_lines()
            return
        text = io.TextIOWrapper(self._file, encoding="utf-8-sig", errors="replace", newline="")
        try:
            yield from csv.DictReader(text)
        except csv.Error as error:
            yield Reject("", f"is no CSV from here on: {error}", b"")
        finally:
            text.detach()

    def _json_lines(self) -> Iterator[Any]:
        for line in self._file:
            if line.strip():
                try:
                    yield msgspec.json.decode(line)
                except (msgspec.MsgspecError, ValueError) as error:
                    yield Reject("", f"is no JSON: {error}", line[:RAW_BYTES_MAX])

    def _read(self, row: Any) -> Row:
        if isinstance(row, Reject):
            return row
        if not isinstance(row, dict):
            return Reject("", "it is no object", msgspec.json.encode(row)[:1_000])
        # a CSV has no way to say "not there" but an empty cell
        told = {name: value for name, value in row.items() if value not in (None, "") and isinstance(name, str)}
        return order_of(told, self._mapped) if self.streams == ("orders",) else spend_of(told, self._mapped)
