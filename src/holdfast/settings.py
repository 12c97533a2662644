"""What the operator decided: one frozen value, read once, with the source of every part.

Weakest first: default, TOML file, `HOLDFAST_*` variables, command line flags. Refuses unknown names and
values out of bounds, names the nearest known one, and never shows a secret.
"""

import difflib
import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

PREFIX = "HOLDFAST_"
CONFIG_VARIABLE = "HOLDFAST_CONFIG"
CONFIG_NAME = "holdfast.toml"
TEST_PREFIX = "HOLDFAST_TEST_"
ADMIN_TOKEN_CHARS_MIN = 16
HIDDEN = "(hidden)"
MIB = 1024 * 1024
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

Check = Callable[[object], str | None]


class SettingsError(Exception):
    """A setting is unknown, unreadable or out of bounds; the message says which and what is allowed."""


@dataclass(frozen=True)
class SettingLine:
    """One setting as `holdfast settings` prints it; secrets are already hidden."""

    name: str
    value: str
    source: str
    unit: str
    meaning: str
    variable: str
    flag: str


def _between(low: float, high: float) -> Check:
    def check(value: object) -> str | None:
        assert isinstance(value, int | float)
        return None if low <= value <= high else f"must be between {low:g} and {high:g}"

    return check


def _one_of(*words: str) -> Check:
    def check(value: object) -> str | None:
        return None if value in words else f"must be one of {', '.join(words)}"

    return check


def _check_database_url(value: object) -> str | None:
    assert isinstance(value, str)
    scheme = value.split("://", 1)[0] if "://" in value else ""
    if scheme in ("postgresql", "postgres"):
        return None
    return "must look like postgresql://user:password@host:5432/database"


def _check_admin_token(value: object) -> str | None:
    assert isinstance(value, str)
    return None if len(value) >= ADMIN_TOKEN_CHARS_MIN else f"must have at least {ADMIN_TOKEN_CHARS_MIN} characters"


def _check_host(value: object) -> str | None:
    assert isinstance(value, str)
    return (
        None if value.strip() and not any(c.isspace() or c == "/" for c in value) else "must be a host name or address"
    )


@dataclass(frozen=True)
class _About:
    unit: str
    meaning: str
    check: Check | None = None
    secret: bool = False


def _about(unit: str, meaning: str, check: Check | None = None, *, secret: bool = False) -> Mapping[str, _About]:
    return {"about": _About(unit, meaning, check, secret)}


def data_folder(environ: Mapping[str, str]) -> Path:
    """Return where this platform keeps a program's data.

    Root gets /var/lib/holdfast: PostgreSQL refuses to run as root, and its own user cannot enter root's home.
    """
    if environ.get("XDG_DATA_HOME"):
        return Path(environ["XDG_DATA_HOME"]) / "holdfast"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "holdfast"
    if os.geteuid() == 0:
        return Path("/var/lib/holdfast")
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "holdfast"
    return home / ".local" / "share" / "holdfast"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every decision of the operator. `sources` says for each name where its value comes from."""

    database_url: str | None = field(
        default=None,
        repr=False,
        metadata=_about(
            "url", "PostgreSQL to use; without it Holdfast starts its own", _check_database_url, secret=True
        ),
    )
    data: Path = field(default=Path(), metadata=_about("folder", "where the own PostgreSQL and other files live"))
    host: str = field(default="127.0.0.1", metadata=_about("address", "address to listen on", _check_host))
    port: int = field(
        default=8765, metadata=_about("port", "port to listen on; 0 takes a free one", _between(0, 65535))
    )
    admin_token: str | None = field(
        default=None,
        repr=False,
        metadata=_about("text", "bootstrap token with every right", _check_admin_token, secret=True),
    )
    lanes: int = field(default=2, metadata=_about("count", "queues of decisions served side by side", _between(1, 64)))
    queue_commands_max: int = field(
        default=5000,
        metadata=_about("commands", "commands that may wait before new ones are refused", _between(1, 1_000_000)),
    )
    batch_commands_max: int = field(
        default=256, metadata=_about("commands", "commands decided in one transaction", _between(1, 10_000))
    )
    pool_connections_max: int = field(
        default=10,
        metadata=_about("connections", "connections to the database per process", _between(2, 1000)),
    )
    statement_timeout_s: float = field(
        default=30.0, metadata=_about("s", "longest run of one SQL statement", _between(0.1, 3600))
    )
    lock_timeout_s: float = field(
        default=5.0, metadata=_about("s", "longest wait for a lock in the database", _between(0.1, 3600))
    )
    idle_in_transaction_timeout_s: float = field(
        default=30.0,
        metadata=_about("s", "longest silence inside an open transaction", _between(0.1, 3600)),
    )
    client_check_interval_s: float = field(
        default=5.0,
        metadata=_about("s", "how often the database looks whether we are still there", _between(0, 3600)),
    )
    connect_timeout_s: float = field(
        default=10.0, metadata=_about("s", "longest wait for the database at start", _between(0.1, 3600))
    )
    body_bytes_max: int = field(
        default=MIB, metadata=_about("bytes", "largest request body", _between(1024, 1024 * MIB))
    )
    import_bytes_max: int = field(
        default=64 * MIB, metadata=_about("bytes", "largest file to import", _between(1024, 16 * 1024 * MIB))
    )
    page_rows_max: int = field(
        default=500, metadata=_about("rows", "most rows in one page of a list", _between(1, 10_000))
    )
    shutdown_timeout_s: float = field(
        default=20.0, metadata=_about("s", "time to finish what is under way at stop", _between(0, 3600))
    )
    log_format: str = field(
        default="auto",
        metadata=_about("word", "auto, console or json", _one_of("auto", "console", "json")),
    )
    log_level: str = field(
        default="info",
        metadata=_about("word", "least level to log", _one_of("debug", "info", "warning", "error", "critical")),
    )
    log_acts: str = field(
        default="auto",
        metadata=_about(
            "word",
            "a log line for each act: auto up to 1000 a second and then their counts, all, or off",
            _one_of("auto", "all", "off"),
        ),
    )
    metrics_public: bool = field(
        default=False, metadata=_about("yes/no", "whether everybody may read /metrics, without a token")
    )
    disk_free_min_mb: int = field(
        default=1024, metadata=_about("MiB", "free disk below which an alert is raised", _between(0, 100_000_000))
    )
    disk_stop_mb: int = field(
        default=256,
        metadata=_about(
            "MiB", "free disk of the own PostgreSQL below which commands are refused", _between(0, 100_000_000)
        ),
    )
    reconcile_minutes: float = field(
        default=5.0,
        metadata=_about(
            "min",
            "how often what is recorded is compared with what follows; 0: only at the start and on demand",
            _between(0, 24 * 60),
        ),
    )
    repairs_expected_max: int = field(
        default=10,
        metadata=_about(
            "repairs", "repairs of one reconcile pass above which an alert is raised", _between(0, 1_000_000)
        ),
    )
    journal_retention_days: float = field(
        default=90.0,
        metadata=_about(
            "days",
            "how long journal lines are kept; who resumes from further back begins anew; 0 for ever",
            _between(0, 36_600),
        ),
    )
    streams_max: int = field(
        default=20_000,
        metadata=_about("streams", "how many listeners one process takes", _between(1, 1_000_000)),
    )
    finding_retention_days: float = field(
        default=90.0,
        metadata=_about("days", "how long closed findings are listed; the journal keeps them", _between(1, 3660)),
    )
    answer_retention_hours: float = field(
        default=24.0,
        metadata=_about("h", "how long the answer to an Idempotency-Key is kept", _between(1, 24 * 366)),
    )
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def describe(self) -> list[SettingLine]:
        """Return every setting in declared order with value, source, unit and meaning; secrets hidden."""
        return [
            SettingLine(
                name=item.name,
                value=_shown(item, getattr(self, item.name)),
                source=self.sources.get(item.name, "default"),
                unit=_about_of(item).unit,
                meaning=_about_of(item).meaning,
                variable=PREFIX + item.name.upper(),
                flag="--" + item.name.replace("_", "-"),
            )
            for item in _setting_fields()
        ]


def load(flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path) -> Settings:
    """Return the settings; a flag of None counts as not given, the flag `config` names the file.

    Raises:
        SettingsError: a name is unknown, a value is unreadable or out of bounds, or the file is missing.
    """
    values: dict[str, object] = {"data": data_folder(environ)}
    sources: dict[str, str] = {}
    known = {item.name: item for item in _setting_fields()}
    for source, base, given in (
        _from_file(flags, environ, cwd),
        _from_environ(environ, cwd),
        (
            "flag",
            cwd,
            {name: value for name, value in flags.items() if value is not None and name != "config"},
        ),
    ):
        for name, value in given.items():
            label = _label(source, name)
            if name not in known:
                raise SettingsError(_unknown(source, name, list(known)))
            values[name] = _parsed(known[name], value, label=label, base=base, environ=environ)
            sources[name] = label
    return Settings(**values, sources=sources)  # type: ignore[arg-type]


def hide_password(url: str) -> str:
    """Return the URL with the password replaced, wherever it stands."""
    parts = urlsplit(url)
    netloc = parts.netloc
    if "@" in netloc:
        user, _, rest = netloc.rpartition("@")
        name, colon, _password = user.partition(":")
        netloc = f"{name}{colon}{'***' if colon else ''}@{rest}"
    pairs = [
        (key, "***" if key.lower() in ("password", "sslpassword") else value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(pairs, safe="/*", quote_via=quote), ""))


def _setting_fields() -> list[Field[object]]:
    return [item for item in fields(Settings) if "about" in item.metadata]


def _about_of(item: Field[object]) -> _About:
    about = item.metadata["about"]
    assert isinstance(about, _About)
    return about


def _from_file(
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


def _from_environ(environ: Mapping[str, str], cwd: Path) -> tuple[str, Path, Mapping[str, object]]:
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name != CONFIG_VARIABLE and not name.startswith(TEST_PREFIX)
    }
    return "variable", cwd, given


def _label(source: str, name: str) -> str:
    if source == "variable":
        return PREFIX + name.upper()
    return "--" + name.replace("_", "-") if source == "flag" else source


def _unknown(source: str, name: str, known: list[str]) -> str:
    def spelt(word: str) -> str:
        return word if source.startswith("file ") else _label(source, word)

    place = f" in {source}" if source.startswith("file ") else ""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {spelt(near[0])}?" if near else "`holdfast settings` lists all of them."
    return f"Unknown setting {spelt(name)}{place}. {hint}"


def _parsed(item: Field[object], value: object, *, label: str, base: Path, environ: Mapping[str, str]) -> object:
    about = _about_of(item)
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
        return base / read.expanduser()
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


def _quoted(about: _About, value: object) -> str:
    return "" if about.secret else f", not {value!r}"


def _shown(item: Field[object], value: object) -> str:
    if value is None:
        return "(not set)"
    if not _about_of(item).secret:
        return str(value).lower() if isinstance(value, bool) else str(value)
    return hide_password(str(value)) if item.name == "database_url" else HIDDEN
