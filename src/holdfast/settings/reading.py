"""Where settings come from: a file, the environment, flags; and how a text becomes a value of the setting's type."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import Field
from pathlib import Path

from holdfast.settings.about import About, about_of

PREFIX = "HOLDFAST_"
CONFIG_VARIABLE = "HOLDFAST_CONFIG"
CONFIG_NAME = "holdfast.toml"
TEST_PREFIX = "HOLDFAST_TEST_"
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class SettingsError(Exception):
    """A setting is unknown, unreadable or out of bounds; the message says which and what is allowed."""


def from_file(
    flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path
) -> tuple[str, Path, Mapping[str, object]]:
    named = flags.get("config") or environ.get(CONFIG_VARIABLE)
    path = cwd / (Path(str(named)).expanduser() if named else CONFIG_NAME)
    if not named and not path.is_file():
        return f"file {path.name}", cwd, {}
    try:
        return f"file {path.name}", path.parent, tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"The settings file {path} does not exist. Check --config and {CONFIG_VARIABLE}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error}") from error


def from_environ(environ: Mapping[str, str], cwd: Path) -> tuple[str, Path, Mapping[str, object]]:
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name != CONFIG_VARIABLE and not name.startswith(TEST_PREFIX)
    }
    return "variable", cwd, given


def label(source: str, name: str) -> str:
    if source == "variable":
        return PREFIX + name.upper()
    return "--" + name.replace("_", "-") if source == "flag" else source


def unknown(source: str, name: str, known: list[str]) -> str:
    def spelt(word: str) -> str:
        return word if source.startswith("file ") else label(source, word)

    place = f" in {source}" if source.startswith("file ") else ""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {spelt(near[0])}?" if near else "`holdfast settings` lists all of them."
    return f"Unknown setting {spelt(name)}{place}. {hint}"


def parsed(item: Field[object], value: object, *, label: str, base: Path, environ: Mapping[str, str]) -> object:
    about = about_of(item)
    read = _read(_kind(item), value)
    if read is None:
        wanted = {"int": "a whole number", "float": "a number", "Path": "a folder", "bool": "true or false"}.get(
            _kind(item), "a text"
        )
        raise SettingsError(f"{item.name} ({label}) must be {wanted}{_quoted(about, value)}.")
    wrong = about.check(read) if about.check else None
    if wrong:
        raise SettingsError(f"{item.name} ({label}) {wrong}{_quoted(about, value)}.")
    if isinstance(read, Path):
        home = environ.get("HOME")
        if home and read.parts[0] == "~":
            return Path(home, *read.parts[1:])
        try:
            return base / read.expanduser()
        except RuntimeError:
            raise SettingsError(
                f"{item.name} ({label}) begins with {read.parts[0]}, and no such home is known{_quoted(about, value)}."
            ) from None
    return read


def _kind(item: Field[object]) -> str:
    return item.type.__name__ if isinstance(item.type, type) else "str"


def _read(kind: str, value: object) -> object | None:
    """Return the value in the field's type, None when it cannot be."""
    if kind == "bool":
        return value if isinstance(value, bool) else _WORDS.get(str(value).lower())
    if isinstance(value, bool):
        return None
    try:
        if kind == "Path":
            return Path(value) if isinstance(value, str | Path) and str(value) else None
        if kind == "int":
            return int(value) if isinstance(value, int | str) else None
        if kind == "float":
            number = float(value) if isinstance(value, int | float | str) else None
            return number if number is not None and number == number else None
    except ValueError:
        return None
    return value if isinstance(value, str) and value else None


def _quoted(about: About, value: object) -> str:
    return "" if about.secret else f", not {value!r}"
