"""A Parquet file is written as its rows come, exactly, and says what to do where it cannot be written."""

import io
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pyarrow import parquet

from holdfast.gateways.parquet import GROUP_ROWS, Column, ParquetMissing, Row, written

COLUMNS = (
    Column("id", "text"), Column("number", "number"), Column("amount", "amount"), Column("at", "instant"),
    Column("day", "day"), Column("is_test", "flag"),
)  # fmt: skip
AT = datetime(2027, 3, 8, 12, 30, 0, 123456, UTC)


def row(number: int) -> Row:
    amount = None if number % 7 == 0 else Decimal(number) / 3
    return f"=ö{number}", number, amount, AT, date(2027, 3, 8), number % 2 == 0


async def test_rows_come_back_as_they_were_and_no_more_than_a_group_is_held():
    given = GROUP_ROWS * 2 + 3
    drawn = 0

    async def parts() -> AsyncIterator[list[Row]]:
        nonlocal drawn
        for first in range(0, given, 1_000):
            drawn = min(first + 1_000, given)
            yield [row(number) for number in range(first, drawn)]

    file, seen = b"", []
    async for piece in written(COLUMNS, parts()):
        seen.append(drawn)
        file += piece
    assert seen == [GROUP_ROWS, GROUP_ROWS * 2, given], "each group is sent before the next is drawn"
    found = parquet.read_table(io.BytesIO(file)).to_pylist()
    assert len(found) == given
    for number in (0, 1, 7, GROUP_ROWS, given - 1):
        amount = None if number % 7 == 0 else (Decimal(number) / 3).quantize(Decimal("0.000000000001"))
        assert tuple(found[number].values()) == (f"=ö{number}", number, amount, AT, date(2027, 3, 8), number % 2 == 0)


async def test_a_file_without_rows_has_its_columns():
    async def parts() -> AsyncIterator[list[Row]]:
        yield []

    file = b"".join([piece async for piece in written(COLUMNS, parts())])
    assert parquet.read_table(io.BytesIO(file)).column_names == [column.name for column in COLUMNS]


async def test_where_pyarrow_is_absent_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    async def parts() -> AsyncIterator[list[Row]]:
        yield []

    with pytest.raises(ParquetMissing, match=r"pip install holdfast\[parquet\]"):
        await anext(written(COLUMNS, parts()))
