"""What all that is outside has in common: rows by number, and errors that a person can act on."""

import difflib
from collections.abc import Iterable
from typing import Any

import msgspec

UNITS_MAX = 200_000
BOOKINGS_MAX = 2_000_000
NAMED_MAX = 20


class OutsideError(Exception):
    """It cannot be read or written; the message says where, what is wrong and what to do."""


class OutsideBusy(OutsideError):
    """It could be done, but not now: it cannot be reached, or somebody else is at it."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row by its number, from 1. `values` is None when it could not be read, and `problem` says why."""

    number: int
    values: dict[str, Any] | None
    problem: str | None = None


class Rewrite(msgspec.Struct, frozen=True):
    """A wish: the row of that number, or of that `key`, whose `field` was read as `before`, shall have `after`."""

    number: int
    key: Any
    field: str
    before: Any
    after: str


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence about a name that is not there, with the nearest one that is."""
    names = sorted(known)
    folded = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.lower(), folded, n=1)
    if near:
        return f"There is no {what} {name!r}. Did you mean {folded[near[0]]!r}?"
    listed = ", ".join(names[:NAMED_MAX]) + (", …" if len(names) > NAMED_MAX else "")
    return f"There is no {what} {name!r}. There are: {listed}." if names else f"There is no {what} {name!r}, nor any."


def check_count(count: int, count_max: int, what: str) -> None:
    """Raises:
    OutsideError: there are more rows than one check takes.
    """
    if count > count_max:
        raise OutsideError(
            f"{what} has more than {count_max:,} rows, the most that one check takes. "
            "Leave old ones out (`where` in a mapping file), or check a part at a time."
        )
