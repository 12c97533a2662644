"""Rows as a Parquet file, written by pyarrow some thousands at a time. Needs `pip install holdfast[parquet]`.

Amounts are decimals with twelve places, so that none is ever a float; instants are UTC. What is in memory is one group
of rows, however long the file.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from decimal import Context, Decimal
from typing import Any, Literal

import msgspec

GROUP_ROWS = 20_000
"""Rows of one group of the file: what is in memory at once."""
PLACES = 12
_TWELFTH = Decimal(1).scaleb(-PLACES)
_WIDE = Context(prec=60)

Kind = Literal["text", "number", "amount", "instant", "day", "flag", "real"]
Row = tuple[Any, ...]


class Column(msgspec.Struct, frozen=True):
    """A column and what it holds; any cell may be empty."""

    name: str
    kind: Kind


class ParquetMissing(Exception):
    """pyarrow is not installed."""


def check() -> None:
    """Raises:
    ParquetMissing: nothing can be written here.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise ParquetMissing("pyarrow is not installed where this runs: pip install holdfast[parquet]") from None


async def written(columns: Sequence[Column], parts: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    """The file's bytes, in order, as the rows come.

    Raises:
        ParquetMissing.
    """
    check()
    file = _File(columns)
    rows: list[Row] = []
    async for part in parts:
        rows.extend(part)
        if len(rows) >= GROUP_ROWS:
            yield await asyncio.to_thread(file.group, rows)
            rows = []
    yield await asyncio.to_thread(file.end, rows)


class _Sink:
    """What pyarrow writes into; emptied whenever somebody asks."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class _File:
    def __init__(self, columns: Sequence[Column]) -> None:
        import pyarrow as arrow
        from pyarrow import parquet

        kinds = {
            "text": arrow.string(), "number": arrow.int64(), "amount": arrow.decimal128(38, PLACES),
            "instant": arrow.timestamp("us", tz="UTC"), "day": arrow.date32(), "flag": arrow.bool_(),
            "real": arrow.float64(),
        }  # fmt: skip
        self._columns = columns
        self._schema = arrow.schema([(column.name, kinds[column.kind]) for column in columns])
        self._batch = arrow.record_batch
        self._array = arrow.array
        self._sink = _Sink()
        self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")

    def group(self, rows: Iterable[Row]) -> bytes:
        cells = list(zip(*rows, strict=True))
        arrays = [
            self._array(_exact(values) if column.kind == "amount" else values, type=field.type)
            for column, field, values in zip(self._columns, self._schema, cells, strict=True)
        ]
        self._writer.write_batch(self._batch(arrays, schema=self._schema))
        return self._sink.taken()

    def end(self, rows: Sequence[Row]) -> bytes:
        last = self.group(rows) if rows else b""
        self._writer.close()
        return last + self._sink.taken()


def _exact(values: Iterable[Decimal | None]) -> list[Decimal | None]:
    """Amounts with as many places as a column has: those that sums have fit, quotients are rounded."""
    return [None if value is None else value.quantize(_TWELFTH, context=_WIDE) for value in values]
