"""Which table of somebody else's database is meant, and which of its columns: always quoted, never as SQL of theirs."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from holdfast.gateways.outside import OutsideError, unknown

NAME_CHARS_MAX = 200


class Table(msgspec.Struct, frozen=True):
    """The rows of a table of which all `where` columns have that value (or one of a list) and all `empty` ones have
    none. `columns` are those that are read."""

    name: str
    columns: tuple[str, ...]
    where: Mapping[str, Any] = {}
    empty: tuple[str, ...] = ()

    @property
    def needed(self) -> list[str]:
        return list(dict.fromkeys((*self.columns, *self.where, *self.empty)))


def quoted(name: str) -> str:
    """An identifier as SQL takes it literally.

    Raises:
        OutsideError: no database has such a name.
    """
    if not name or len(name) > NAME_CHARS_MAX or "\x00" in name:
        raise OutsideError(f"{name[:40]!r} is no name of a table or column.")
    return '"' + name.replace('"', '""') + '"'


def check_columns(table: Table, known: Iterable[str]) -> None:
    """Raises:
    OutsideError: the table has not all the columns that are needed.
    """
    there = set(known)
    for name in table.needed:
        if name not in there:
            raise OutsideError(f"Table {table.name}: {unknown('column', name, there)}")
