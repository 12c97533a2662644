"""How a line of the log looks, and where it goes: for people on a terminal, else one JSON object each.

No line holds a control character (a unit's code or a header must not write on somebody's terminal), and none holds the
rows that PostgreSQL quotes in its errors: there are people in them. Passwords in addresses, and secrets in their
queries, are left out.
"""

import re
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import IO, Any

import msgspec
import structlog

from holdfast.services.identity import now_ms
from holdfast.services.log_writer import Writer

Line = dict[str, Any]

_encode = msgspec.json.Encoder(enc_hook=str).encode
_QUOTED_ROWS = re.compile(
    r"^(\s*DETAIL:).*?(?=^(?:HINT|CONTEXT|QUERY|WHERE|LOCATION):|^Traceback |^(?:During|The above) |\Z)",
    re.DOTALL | re.MULTILINE,
)
_SECRETS = re.compile(
    r"(?P<before>://[^\s:/@]*:)[^\s/@]+(?=@)"
    r"|(?P<name>\b(?:key|booking_key|token|code|password|sslpassword|secret|admin_token)=)[^\s&\"'#;,)]+"
    r"|(?P<scheme>\bBearer )[^\s\"',)]+",
    re.IGNORECASE,
)


class Sink:
    """Where lines go: their writer, how one is made, and whether those at `info` are wanted."""

    def __init__(self, writer: Writer, render: Callable[[Line], str], *, tells: bool) -> None:
        self.writer = writer
        self.render = render
        self.tells = tells


class _Current:
    sink: Sink | None = None


def current() -> Sink | None:
    """Where this process's lines go; None while nobody has said."""
    return _Current.sink


def configure(*, log_format: str, level: str, file: IO[str] | None = None) -> Sink:
    """Sends all lines of this process to standard error, or that file, by a writer that never blocks."""
    file = file if file is not None else sys.stderr
    as_json = log_format == "json" or (log_format == "auto" and not file.isatty())
    colours = not as_json and file.isatty()
    people = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)

    def render(line: Line) -> str:
        if not as_json:
            return str(people(None, "", clean(line)))
        text = _encode(line).decode()
        # JSON escapes most of it itself: only what it leaves as it is has to be looked for, and rarely is there any
        return text if _is_clean(text) else _encode(clean(line)).decode()

    def last(_: Any, __: str, line: MutableMapping[str, Any]) -> str:
        return render(dict(line))

    if _Current.sink is not None:
        _Current.sink.writer.close()
    _Current.sink = sink = Sink(Writer(file), render, tells=level in ("debug", "info"))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Logger(),
        cache_logger_on_first_use=True,
    )
    return sink


def timestamp(at_s: float) -> str:
    """Seconds since 1970 as the log writes instants."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instant() -> datetime:
    """What this machine's clock says; what time it *is* the database says."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC)


def clean(line: Line) -> Line:
    """The line without control characters, secrets, and rows that the database quotes."""
    for name, value in line.items():
        if isinstance(value, str):
            if not _is_clean(value):
                line[name] = _plain(value, keeps_lines=name == "exception")
        elif isinstance(value, list | tuple):
            line[name] = [_plain(str(each), keeps_lines=False) for each in value]
        elif isinstance(value, dict):
            line[name] = clean(dict(value))
    return line


def _is_clean(text: str) -> bool:
    """Whether there is certainly nothing to leave out: cheap, since most lines hold nothing of the kind."""
    return text.isprintable() and not ("=" in text or "://" in text or "DETAIL:" in text or "earer " in text)


def _plain(value: str, *, keeps_lines: bool) -> str:
    value = _QUOTED_ROWS.sub(r"\1 (left out)\n", value)
    value = _SECRETS.sub(lambda found: f"{found['before'] or found['name'] or found['scheme']}***", value)
    return "".join(
        letter if letter.isprintable() or (keeps_lines and letter in "\n\t") else _escaped(letter) for letter in value
    )


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "backslashreplace").decode()


class _Logger:
    """What structlog hands its finished lines to. Loggers are kept from one configuration to the next, so it asks for
    the present writer each time."""

    def msg(self, message: str) -> None:
        if _Current.sink is not None:
            _Current.sink.writer.put(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg
