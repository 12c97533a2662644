"""Rows of other people's files: a JSON array, an object with one inside, JSON lines, what `mongoexport` writes, or CSV.

A row is rewritten by exchanging the bytes of one value; a CSV is only looked at, for it is a copy and not the system.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from holdfast.gateways import json_text
from holdfast.gateways.json_text import Span
from holdfast.gateways.outside import OutsideError, Rewrite, Row, unknown
from holdfast.gateways.replacing import Seen, read, replace

_encode = msgspec.json.Encoder().encode


class RowFile:
    """A file of rows, read once. `inside` is the way to its arrays, by member names with dots between."""

    def __init__(self, path: Path, inside: str | None = None) -> None:
        self.name = path.name
        self.inside = inside
        self.data, self.seen = read(path)
        self.is_csv = path.suffix.lower() in (".csv", ".tsv")
        self._entries = [] if self.is_csv else self._found(inside)

    @property
    def count(self) -> int:
        return self.data.count(b"\n") if self.is_csv else len(self._entries)

    def rows(self) -> Iterator[Row]:
        """Every row in the file's order; each call begins anew."""
        if self.is_csv:
            yield from _csv_rows(self.name, self.data)
            return
        for number, span in enumerate(self._entries, 1):
            try:
                values = json_text.value(self.data, span)
            except (msgspec.DecodeError, RecursionError) as error:
                yield Row(number, None, f"is no JSON: {error}")
                continue
            if isinstance(values, dict):
                yield Row(number, values)
            else:
                yield Row(number, None, f"is no object but {str(values)[:20]!r}")

    def rewrite(self, rewrites: Iterable[Rewrite], also: tuple[Seen, ...]) -> Path:
        """Writes the rows' new values into the file, in one step; returns where the old one is.

        Raises:
            OutsideBusy: this file, or one of `also`, has changed since it was read.
            OutsideError: it is a CSV, or cannot be written.
        """
        if self.is_csv:
            raise OutsideError(f"{self.name} is a CSV, and is only looked at: correct the system that it came from.")
        exchanges = [(self._place(each), each) for each in rewrites]
        texts = [(span, _as_before(self.data[slice(*span)], each.after)) for span, each in exchanges]
        return replace(self.seen, self.data, json_text.exchanged(self.data, texts), also=also)

    def _place(self, rewrite: Rewrite) -> Span:
        span = self._entries[rewrite.number - 1]
        for name in rewrite.field.split("."):
            span = json_text.members(self.data, span)[name]
        if json_text.value(self.data, span) != rewrite.before:
            raise OutsideError(f"{self.name}, row {rewrite.number}: {rewrite.field} is not {rewrite.before!r}.")
        return span

    def _found(self, inside: str | None) -> list[Span]:
        try:
            top = json_text.whole(self.data)
        except (msgspec.DecodeError, RecursionError) as error:
            spans = json_text.lines(self.data)
            if len(spans) < 2 or not all(json_text.is_object(self.data, span) for span in spans[:2]):
                raise OutsideError(f"{self.name} is no JSON: {error}{_line_of(self.data, str(error))}.") from None
            return spans if inside is None else [each for span in spans for each in self._follow(span, inside)]
        if inside is not None:
            return self._follow(top, inside)
        if json_text.is_array(self.data, top):
            return json_text.items(self.data, top)
        return self._only_array(top)

    def _only_array(self, top: Span) -> list[Span]:
        found = json_text.members(self.data, top) if json_text.is_object(self.data, top) else {}
        arrays = {name: span for name, span in found.items() if json_text.is_array(self.data, span)}
        if len(arrays) == 1:
            return json_text.items(self.data, *arrays.values())
        if arrays:
            raise OutsideError(
                f"{self.name} has several arrays: {', '.join(sorted(arrays))}. Say which in a mapping file, as `path`."
            )
        raise OutsideError(f"{self.name} has no array of rows in it.")

    def _follow(self, span: Span, inside: str) -> list[Span]:
        """The rows at the end of a way; arrays on the way are gone through."""
        if json_text.is_array(self.data, span):
            entries = json_text.items(self.data, span)
            return entries if not inside else [each for entry in entries for each in self._follow(entry, inside)]
        if not json_text.is_object(self.data, span):
            raise OutsideError(f"{self.name}: {inside!r} does not lead to an array.")
        if not inside:
            return [span]
        name, _, rest = inside.partition(".")
        found = json_text.members(self.data, span)
        if name not in found:
            raise OutsideError(f"{self.name}: {unknown('member', name, found)}")
        return self._follow(found[name], rest)


def machine_clock() -> datetime:
    """The machine's clock, for files: no database is there to say what time it is."""
    return datetime.now(UTC)  # noqa: TID251


def _csv_rows(name: str, data: bytes) -> Iterator[Row]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OutsideError(f"{name} is not UTF-8 (byte {error.start + 1}).") from None
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    columns: list[str] | None = None
    number = 0
    try:
        for cells in reader:
            if columns is None:
                columns = [cell.strip() for cell in cells]
                continue
            if not cells:
                continue
            number += 1
            if len(cells) == len(columns):
                yield Row(number, dict(zip(columns, cells, strict=True)))
            else:
                yield Row(number, None, f"has {len(cells)} cells, the header {len(columns)}")
    except csv.Error as error:
        raise OutsideError(f"{name}, line {reader.line_num}, cannot be read as CSV: {error}.") from None


def _as_before(before: bytes, after: str) -> bytes:
    """The new value as JSON: a text where a text stood, else a bare number or word where that is one."""
    if not before.startswith(b'"'):
        try:
            msgspec.json.decode(after)
        except msgspec.DecodeError:
            return _encode(after)
        return after.encode()
    return _encode(after)


def _line_of(data: bytes, problem: str) -> str:
    """In which line msgspec's byte is."""
    _, _, place = problem.partition("(byte ")
    digits = place.partition(")")[0]
    if not digits.isdigit():
        return ""
    line = data.count(b"\n", 0, int(digits)) + 1
    return f", line {line}"
