"""The mapping file of the mirror: where somebody else keeps units and bookings, and in which words, in TOML.

    [database]
    url = "sqlite:///cafe.db"             # or postgresql://…; url_env = "MY_URL" keeps a password out of the file
    [policy]
    kind = "cafe"                         # cafe, hotel or grounds
    time_zone = "Asia/Kolkata"
    look_ahead = 30                       # and any other setting of a site
    [units]
    table = "systems"                     # or file = "cafe.json", and path = "cafe.systems" for what is inside it
    key = "id"
    code = "name"
    status = "status"
    [bookings]
    table = "bookings"
    id = "id"
    unit = "system_id"                    # refers to key or code of the units; matches = "code" says which
    state = "status"
    starts_at = "session_start"
    ends_at = "session_end"
    [words.units]                         # their word = ours, or a list of ours that they have one word for
    Free = ["Available", "Reserved"]
    [words.bookings]
    Confirmed = "Booked"

A column that is not named is looked for under its usual names. Refuses SQL: rows are chosen by `where` (a column and
its value, or a list of values) and `empty` (columns without a value).
"""

import difflib
import tomllib
from collections.abc import Mapping as Map
from pathlib import Path
from typing import Any

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import SiteSettings, parse_settings, rules_of

Meanings = dict[str, str | list[str]]
Wanted = str | int | bool | list[str | int]


class MappingError(Exception):
    """The mapping, or a flag, cannot be used as it is; the message says where and what would do."""


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a section `[units]` or `[bookings]` says of where its rows are."""

    table: str | None = None
    file: str | None = None
    path: str | None = None
    where: dict[str, Wanted] = {}
    empty: tuple[str, ...] = ()


class UnitPlace(Place, frozen=True, forbid_unknown_fields=True):
    key: str | None = None
    code: str | None = None
    status: str | None = None
    condition: str | None = None


class BookingPlace(Place, frozen=True, forbid_unknown_fields=True):
    id: str | None = None
    unit: str | None = None
    matches: str | None = None
    state: str | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    """Of times without an offset; None means the policy's."""


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str | None = None
    url_env: str | None = None


class Vocabularies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    units: Meanings = {}
    bookings: Meanings = {}
    conditions: Meanings = {}


class MirrorMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping file, or what takes its place when only files are named. `folder` is where its paths begin."""

    database: Database | None = None
    policy: dict[str, Any] = {}
    units: UnitPlace = UnitPlace()
    bookings: BookingPlace = BookingPlace()
    words: Vocabularies = Vocabularies()
    folder: Path = Path()

    @property
    def kind(self) -> str:
        return str(self.policy.get("kind", "hotel"))

    @property
    def time_zone(self) -> str:
        return str(self.policy.get("time_zone", "UTC"))

    def settings(self) -> dict[str, Any]:
        """The settings of a site that are given, with the look-ahead that people of that kind of place mean."""
        given = {name: value for name, value in self.policy.items() if name not in ("kind", "time_zone")}
        if self.kind == "hotel":
            given.setdefault("look_ahead", "any")
        return given

    def database_url(self, environ: Map[str, str]) -> str | None:
        """Where the database is; None when the rows are in files.

        Raises:
            MappingError: it is not said, or the variable is not set.
        """
        if self.database is None:
            return None
        if (self.database.url is None) == (self.database.url_env is None):
            raise MappingError("[database] must have either url or url_env.")
        if self.database.url is not None:
            return self.database.url
        name = self.database.url_env or ""
        if not environ.get(name):
            raise MappingError(f"[database] url_env: the variable {name} is not set.")
        return environ[name]


SECTIONS: Map[str, type[msgspec.Struct]] = {
    "database": Database, "units": UnitPlace, "bookings": BookingPlace, "words": Vocabularies,
}  # fmt: skip


def load_mirror_mapping(path: Path) -> MirrorMapping:
    """The mapping of a file, checked as far as it can be without looking at the rows.

    Raises:
        MappingError: there is none, or it is not one; with the nearest name for one that is unknown.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MappingError(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path.name} cannot be read: {error}.") from None
    _check_names(path.name, "", raw, (*SECTIONS, "policy"))
    for section, fields in SECTIONS.items():
        if isinstance(raw.get(section), dict):
            _check_names(path.name, f"[{section}] ", raw[section], fields.__struct_fields__)
    try:
        mapping = msgspec.convert({**raw, "folder": str(path.parent)}, MirrorMapping, dec_hook=_hook)
    except msgspec.ValidationError as error:
        raise MappingError(f"{path.name}: {error}.") from None
    _check_places(path.name, mapping)
    return mapping


def check_policy(mapping: MirrorMapping) -> None:
    """Raises:
    MappingError: a setting of `[policy]` is unknown, or its value cannot work.
    """
    _check_names("The mapping", "[policy] ", mapping.policy, ("kind", "time_zone", *SiteSettings.__struct_fields__))
    try:
        zone(mapping.time_zone)
        zone(mapping.bookings.time_zone or mapping.time_zone)
        settings = parse_settings(mapping.settings(), policy_of(mapping.kind).defaults)
        rules_of(settings)
    except Refusal as refusal:
        told = ", ".join(f"{name}: {value}" for name, value in refusal.data.items() if value)
        raise MappingError(f"[policy] cannot be used: {told}.") from None
    if mapping.kind != "hotel" and not isinstance(settings.look_ahead, int):
        raise MappingError(f"look_ahead {settings.look_ahead!r} is for hotels; a {mapping.kind} has minutes.")


def _check_places(name: str, mapping: MirrorMapping) -> None:
    for section, place in (("units", mapping.units), ("bookings", mapping.bookings)):
        if place.table is not None and place.file is not None:
            raise MappingError(f"{name}: [{section}] has a table and a file; name one.")
        if mapping.database is not None and place.table is None:
            raise MappingError(f"{name}: [{section}] does not say its table.")
        if mapping.database is None and place.table is not None:
            raise MappingError(f"{name}: [{section}] names a table, but there is no [database].")
        for column, wanted in place.where.items():
            if isinstance(wanted, list) and not wanted:
                raise MappingError(f"{name}: [{section}] where {column}: the list is empty.")
    if mapping.bookings.matches not in (None, "key", "code"):
        raise MappingError(f"{name}: [bookings] matches must be key or code, not {mapping.bookings.matches!r}.")


def _check_names(name: str, section: str, given: Map[str, Any], known: tuple[str, ...]) -> None:
    for each in given:
        if each not in known or each == "folder":
            near = difflib.get_close_matches(each, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
            raise MappingError(f"{name}: {section}there is no {each!r}. {hint}")


def _hook(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise TypeError(f"no part of a mapping is a {kind.__name__}")
