"""Mapping files: how the columns of somebody else's table become the fields of our bookings or units, in TOML.

    kind = "bookings"                     # or "units"
    delimiter = ";"                       # left out: seen from the header
    only = { hotel = "Resort Hotel" }     # other rows are skipped
    [fields]                              # our field = one way to fill it
    category = { column = "room type" }
    state = { column = "status", values = { "Canceled" = "Cancelled" }, default = "Reserved" }
    date = { template = "{year} {month} {day}", date_format = "%Y %B %d" }
    from = { column = "start", date_format = "%d.%m.%Y %H:%M" }
    nights = { sum = ["weekend nights", "week nights"] }
    note = { constant = "from the old system" }
    [details]                             # kept with the booking as they are
    price = { column = "adr" }

A value that a `values` table does not have is kept. An empty text leaves the field out. Refuses fields we do not have,
columns that the file does not have, and a field with no way or two ways to fill it.
"""

import difflib
import string
import tomllib
from collections.abc import Mapping as Map
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from holdfast.services.import_files import ImportFileError

BOOKING_FIELDS = (
    "unit", "units", "category", "count", "from", "to", "slot", "date", "nights", "name", "email", "phone", "reference",
    "party", "note", "hold_s", "state", "external_id",
)  # fmt: skip
UNIT_FIELDS = ("code", "category", "name", "parent", "condition")
FIELDS = {"bookings": BOOKING_FIELDS, "units": UNIT_FIELDS}
DETAILS = {"bookings": "details.", "units": "attributes."}
"""Columns of this prefix are kept as they are, without it."""
SHIPPED = Path(__file__).parent / "mappings"
_WAYS = ("column", "template", "sum", "constant")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one field is filled: one of the first four, then `values`, then `date_format`; `default` when empty."""

    column: str | None = None
    template: str | None = None
    sum: tuple[str, ...] | None = None
    constant: str | int | bool | None = None
    values: dict[str, str] = {}
    date_format: str | None = None
    default: str | None = None

    def columns(self) -> list[str]:
        if self.column is not None:
            return [self.column]
        if self.template is not None:
            return [name for _, name, _, _ in string.Formatter().parse(self.template) if name is not None]
        return list(self.sum or ())

    def fill(self, row: Map[str, Any]) -> Any:
        """The field's value for a row, None to leave it out.

        Raises:
            ValueError: with what is wrong with the row.
        """
        if self.column is not None:
            value: Any = row.get(self.column, "")
        elif self.template is not None:
            value = self.template.format_map({name: row.get(name, "") for name in self.columns()})
        elif self.sum is not None:
            value = sum(int(row.get(name) or 0) for name in self.sum)
        else:
            return self.constant
        if isinstance(value, str):
            value = value.strip()
            value = self.values.get(value, value) or self.default
        if self.date_format is not None and value is not None:
            value = _date(str(value), self.date_format)
        return value


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping file."""

    kind: str = "bookings"
    delimiter: str | None = None
    only: dict[str, str] = {}
    fields: dict[str, Source] = {}
    details: dict[str, Source] = {}

    def check(self, columns: list[str] | None) -> None:
        """Raises:
        ImportFileError: the file's header lacks a column that is needed.
        """
        if columns is None:
            return
        needed = [*self.only, *(name for s in (*self.fields.values(), *self.details.values()) for name in s.columns())]
        for name in needed:
            if name not in columns:
                near = difflib.get_close_matches(name, columns, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else f" It has: {', '.join(columns)[:300]}."
                raise ImportFileError(f"The file has no column {name!r}.{hint}")

    def wants(self, row: Map[str, Any]) -> bool:
        return all(str(row.get(name, "")) == value for name, value in self.only.items())

    def flat(self, row: Map[str, Any]) -> dict[str, Any]:
        """The row under our names.

        Raises:
            ValueError: with what is wrong with it.
        """
        found = {}
        for name, source in self.fields.items():
            try:
                value = source.fill(row)
            except ValueError as error:
                raise ValueError(f"`{name}`: {error}") from None
            if value is not None:
                found[name] = value
        prefix = DETAILS[self.kind]
        for name, source in self.details.items():
            if (value := source.fill(row)) is not None:
                found[prefix + name] = value
        return found


def load_mapping(named: str) -> Mapping:
    """The mapping shipped under that name, or of that file.

    Raises:
        ImportFileError: there is none, or it is not one.
    """
    path = Path(named) if named.endswith(".toml") else SHIPPED / f"{named}.toml"
    try:
        mapping = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Mapping)
    except FileNotFoundError:
        known = ", ".join(formats())
        raise ImportFileError(f"There is no format {named!r}. There are: {known}, or a FILE.toml.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ImportFileError(f"The mapping {path.name} cannot be used: {error}.") from None
    _check(mapping, path.name)
    return mapping


def formats() -> list[str]:
    """The names that need no file of the user's own."""
    return ["bookings", "units", *sorted(path.stem for path in SHIPPED.glob("*.toml"))]


def _check(mapping: Mapping, file_name: str) -> None:
    if mapping.kind not in FIELDS:
        raise ImportFileError(f"{file_name}: kind must be bookings or units, not {mapping.kind!r}.")
    for name, source in (*mapping.fields.items(), *mapping.details.items()):
        ways = [way for way in _WAYS if getattr(source, way) is not None]
        if len(ways) != 1:
            raise ImportFileError(f"{file_name}: {name} must have one of {', '.join(_WAYS)}, not {len(ways)}.")
    for name in mapping.fields:
        if name not in FIELDS[mapping.kind]:
            raise ImportFileError(f"{file_name}: {unknown_field(name, mapping.kind)}")


def unknown_field(name: str, kind: str) -> str:
    """The sentence about a column or field that we do not have."""
    near = difflib.get_close_matches(name, FIELDS[kind], n=1)
    known = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(FIELDS[kind])}, {DETAILS[kind]}*."
    return f"There is no field {name!r}. {known}"


def _date(text: str, date_format: str) -> str:
    has_clock = any(mark in date_format for mark in ("%H", "%I", "%X", "%c", "%T"))
    try:
        read = datetime.strptime(text, date_format)
    except ValueError:
        raise ValueError(f"{text!r} does not look like {date_format}") from None
    return read.isoformat() if has_clock else read.date().isoformat()
