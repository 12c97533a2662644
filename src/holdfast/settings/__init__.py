"""What the operator decided: one frozen value, read once, with the source of every part.

Weakest first: default, TOML file, `HOLDFAST_*` variables, command line flags. Refuses unknown names and
values out of bounds, names the nearest known one, and never shows a secret.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path

from holdfast.gateways import mail_url as mail_urls
from holdfast.settings.about import about as _about
from holdfast.settings.about import about_of as _about_of
from holdfast.settings.about import between as _between
from holdfast.settings.about import check_admin_token as _check_admin_token
from holdfast.settings.about import check_database_url as _check_database_url
from holdfast.settings.about import check_host as _check_host
from holdfast.settings.about import check_networks as _check_networks
from holdfast.settings.about import check_origins as _check_origins
from holdfast.settings.about import check_secret_key as _check_secret_key
from holdfast.settings.about import hide_password as hide_password
from holdfast.settings.about import one_of as _one_of
from holdfast.settings.about import shown as _shown
from holdfast.settings.mail import MAIL_FROM
from holdfast.settings.mail import is_mail_from as _is_mail_from
from holdfast.settings.mail import is_mail_url as _is_mail_url
from holdfast.settings.mail import is_public_url as _is_public_url
from holdfast.settings.reading import PREFIX, from_environ, from_file, label, parsed, unknown
from holdfast.settings.reading import SettingsError as SettingsError

MIB = 1024 * 1024
_RATE = _between(0, 100_000_000)


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
    public_url: str | None = field(
        default=None,
        metadata=_about(
            "url",
            "address under which people reach the server, for links in mails; else made of host and port",
            _is_public_url,
        ),
    )
    mail_url: str = field(
        default=mail_urls.DEFAULT,
        repr=False,
        metadata=_about("url", "where mail goes: smtp, smtps, file or console", _is_mail_url, secret=True),
    )
    mail_from: str = field(
        default=MAIL_FROM,
        metadata=_about(
            "address", "whom mails come from: an address, or Name <address>; SMTP needs one", _is_mail_from
        ),
    )
    token: str | None = field(
        default=None,
        repr=False,
        metadata=_about("text", "what commands with --url show a server; else the admin token", secret=True),
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
    streams_per_address_max: int = field(
        default=200,
        metadata=_about("streams", "how many of them may be one caller's, or from one address", _between(1, 1_000_000)),
    )
    requests_per_minute_principal: int = field(
        default=6000,
        metadata=_about("requests", "how often a known caller may ask within a minute; 0 for no limit", _RATE),
    )
    requests_per_minute_address: int = field(
        default=3000,
        metadata=_about("requests", "the same for unknown people, by their address; 0 for no limit", _RATE),
    )
    anonymous_writes_per_minute_address: int = field(
        default=30,
        metadata=_about("requests", "how often unknown people may change something, by address; 0 for no limit", _RATE),
    )
    trusted_proxies: str | None = field(
        default=None,
        metadata=_about("addresses", "proxies whose word on who asks is taken, with commas between", _check_networks),
    )
    cors_origins: str | None = field(
        default=None,
        metadata=_about("origins", "other origins whose pages may ask with a bearer token", _check_origins),
    )
    finding_retention_days: float = field(
        default=90.0,
        metadata=_about("days", "how long closed findings are listed; the journal keeps them", _between(1, 3660)),
    )
    account_log_retention_days: float = field(
        default=365.0,
        metadata=_about(
            "days", "how long the account log is kept: who signed in, got a role, exported", _between(1, 36_600)
        ),
    )
    session_idle_hours: float = field(
        default=12.0, metadata=_about("h", "how long a session lasts that is not used", _between(0.1, 24 * 366))
    )
    session_days_max: float = field(
        default=30.0, metadata=_about("days", "how long a session lasts at most", _between(0.01, 366))
    )
    secret_key: str | None = field(
        default=None,
        repr=False,
        metadata=_about(
            "text",
            "seals secrets that are kept in the database; several with commas, the newest first; "
            "without it a file in the data folder does",
            _check_secret_key,
            secret=True,
        ),
    )
    syncs_max: int = field(
        default=2,
        metadata=_about("runs", "sync runs of stores that this process does at once; 0: none", _between(0, 64)),
    )
    answer_retention_hours: float = field(
        default=24.0,
        metadata=_about("h", "how long the answer to an Idempotency-Key is kept", _between(1, 24 * 366)),
    )
    jobs: bool = field(
        default=True, metadata=_about("yes/no", "whether the server runs jobs and schedules; else `holdfast work` does")
    )
    job_queues: str = field(
        default="*", metadata=_about("names", "queues that this process works on, with commas between; * for all")
    )
    job_capacity: int = field(
        default=50, metadata=_about("jobs", "how many jobs one process runs at once", _between(1, 10_000))
    )
    job_transactions_max: int = field(
        default=4,
        metadata=_about("jobs", "how many transactional jobs one process runs at once", _between(1, 1000)),
    )
    job_modules: str = field(
        default="", metadata=_about("names", "Python modules that register jobs, with commas between")
    )
    run_retention_days: float = field(
        default=30.0, metadata=_about("days", "how long runs of jobs and their log lines are kept", _between(1, 3660))
    )
    tick_retention_days: float = field(
        default=400.0, metadata=_about("days", "how long the ledger of schedules is kept", _between(1, 3660))
    )
    presence_beat_s: float = field(
        default=60.0,
        metadata=_about("s", "how often browsers and devices are asked for a sign of life", _between(1, 3600)),
    )
    presence_lease_s: float = field(
        default=300.0, metadata=_about("s", "for how long such a sign counts", _between(2, 86_400))
    )
    presence_away_minutes: float = field(
        default=10.0,
        metadata=_about("minutes", "after how long somebody who touches nothing is away", _between(0.1, 24 * 60)),
    )
    calendar_http: bool = field(
        default=False, metadata=_about("yes/no", "whether calendars may be read from addresses without TLS")
    )
    calendar_networks: str | None = field(
        default=None,
        metadata=_about(
            "addresses",
            "networks that are not public and calendars may be read from, with commas between",
            _check_networks,
        ),
    )
    webhook_http: bool = field(
        default=False, metadata=_about("yes/no", "whether webhooks may go to addresses without TLS")
    )
    webhook_networks: str | None = field(
        default=None,
        metadata=_about(
            "addresses", "networks that are not public and webhooks may go to, with commas between", _check_networks
        ),
    )
    sync_networks: str | None = field(
        default=None,
        metadata=_about(
            "addresses", "networks that are not public and stores' sources may be asked in, with commas between",
            _check_networks,
        ),
    )  # fmt: skip
    webhook_timeout_s: float = field(
        default=15.0, metadata=_about("s", "how long the receiver of a webhook may take", _between(1, 50))
    )
    webhook_pause_days: float = field(
        default=5.0,
        metadata=_about("days", "after how long without success nothing is sent to an endpoint", _between(0.01, 90)),
    )
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def reached_at(self) -> str:
        """The address under which people reach the server, without a slash at its end."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - told, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

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
        from_file(flags, environ, cwd),
        from_environ(environ, cwd),
        (
            "flag",
            cwd,
            {name: value for name, value in flags.items() if value is not None and name != "config"},
        ),
    ):
        for name, value in given.items():
            place = label(source, name)
            if name not in known:
                raise SettingsError(unknown(source, name, list(known)))
            values[name] = parsed(known[name], value, label=place, base=base, environ=environ)
            sources[name] = place
    settings = Settings(**values, sources=sources)  # type: ignore[arg-type]
    if settings.mail_url.startswith("smtp") and settings.mail_from == MAIL_FROM:
        raise SettingsError("mail_url names a mail server: set mail_from (HOLDFAST_MAIL_FROM), too.")
    return settings


def _setting_fields() -> list[Field[object]]:
    return [item for item in fields(Settings) if "about" in item.metadata]
