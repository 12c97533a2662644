"""Files to import, read row by row: CSV or JSON lines, plain or gzip, always UTF-8, never more than a line in memory.

A file that is not what it says ends with one clear error that names the line; a row that merely makes no sense is the
importer's to refuse. Refuses lines over a megabyte, so that a file without line ends cannot fill the memory.
"""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

import msgspec

LINE_BYTES_MAX = 1024 * 1024
COLUMNS_MAX = 500
_GZIP = b"\x1f\x8b"
_BOM = "\ufeff"

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class ImportFileError(Exception):
    """The file cannot be read on; the message says where, what is wrong and what to do."""


class Row(msgspec.Struct, frozen=True):
    """A row by its number, from 1. `values` is None when it could not be read, and `problem` says why."""

    number: int
    values: dict[str, Any] | None
    problem: str | None = None


class Rows:
    """A file's rows. `columns` are a CSV's header; for JSON lines, where each row names its own, they are None."""

    def __init__(self, columns: list[str] | None, rows: Iterator[Row]) -> None:
        self.columns = columns
        self.rows = rows

    @property
    def is_text(self) -> bool:
        """Whether all values are text, as in CSV."""
        return self.columns is not None


def digest_of(stream: IO[bytes]) -> str:
    """What tells this file from others: the start of its SHA-256; the stream is at its start again."""
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()[:32]  # type: ignore[arg-type]
    stream.seek(0)
    return digest


def open_rows(stream: IO[bytes], *, delimiter: str | None = None) -> Rows:
    """The rows of a seekable stream; CSV or JSON lines is seen from its first letter, gzip from its first bytes.

    Raises:
        ImportFileError: it is empty, not text, or has no usable header; its rows raise it where they cannot go on.
    """
    lines = text_lines(stream)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise ImportFileError("The file is empty.")
    everything = _chained(first, lines)
    if first.lstrip().startswith("{"):
        return Rows(None, _json_rows(everything))
    if first.lstrip().startswith("["):
        raise ImportFileError("This is one JSON array. Write one object per line instead (JSON lines), or CSV.")
    return _csv_rows(everything, delimiter or _delimiter_of(first))


def text_lines(stream: IO[bytes]) -> Iterator[str]:
    """The lines of a stream as text, with their line ends.

    Raises:
        ImportFileError: a line is too long or not UTF-8, or the gzip is damaged.
    """
    start = stream.read(2)
    stream.seek(0)
    source: IO[bytes] = gzip.GzipFile(fileobj=stream, mode="rb") if start == _GZIP else stream  # type: ignore[assignment]
    number = 0
    while True:
        number += 1
        try:
            line = source.readline(LINE_BYTES_MAX + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ImportFileError(f"The file is damaged behind line {number - 1}: {error}.") from None
        if not line:
            return
        if len(line) > LINE_BYTES_MAX:
            raise ImportFileError(
                f"Line {number} is longer than {LINE_BYTES_MAX // 1024} KiB. Is this a text file with one row a line?"
            )
        yield _text(line, number)


def _text(line: bytes, number: int) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ImportFileError(
            f"Line {number} is not UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x}). "
            "Save the file as UTF-8, for example: iconv -f latin1 -t utf-8 FILE > NEW"
        ) from None
    if "\x00" in text:
        raise ImportFileError(f"Line {number} holds a NUL byte: no text, or UTF-16. Save the file as UTF-8.")
    return text.removeprefix(_BOM) if number == 1 else text


def _chained(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter_of(header: str) -> str:
    """Spreadsheets of half the world write semicolons; the header shows it."""
    return max(",;\t", key=header.count) if any(mark in header for mark in ",;\t") else ","


def _csv_rows(lines: Iterator[str], delimiter: str) -> Rows:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise ImportFileError(f"The header cannot be read: {error}.") from None
    twice = {name for name in columns if columns.count(name) > 1}
    if twice or len(columns) > COLUMNS_MAX:
        raise ImportFileError(f"The header names {', '.join(sorted(twice)[:3]) or 'too many columns'} more than once.")
    return Rows(columns, _csv_values(reader, columns))


def _csv_values(reader: Any, columns: list[str]) -> Iterator[Row]:
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ImportFileError(f"Line {reader.line_num} cannot be read as CSV: {error}.") from None
        if not cells:
            continue
        number += 1
        if len(cells) != len(columns):
            yield Row(number, None, f"has {len(cells)} cells, the header {len(columns)}")
        else:
            yield Row(number, dict(zip(columns, cells, strict=True)))


def _json_rows(lines: Iterator[str]) -> Iterator[Row]:
    number = 0
    for line in lines:
        if not line.strip():
            continue
        number += 1
        try:
            yield Row(number, _decode_object(line))
        except (msgspec.MsgspecError, RecursionError) as error:
            yield Row(number, None, f"is no JSON object: {error}")


def spooled(data: bytes) -> IO[bytes]:
    """A stream of bytes in memory, for tests and small bodies."""
    return io.BytesIO(data)
