"""Where mail goes, read from one address: `smtp://user:password@host:587?tls=starttls`, `smtps://…`, `file:…`,
`console:`. Opens nothing, and never repeats a password."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import PurePath
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

DEFAULT = "file:mail"
TIMEOUT_S = 20.0
_TIMEOUT_S_MIN, _TIMEOUT_S_MAX = 1.0, 120.0
_PORTS: Mapping[str, int] = {"starttls": 587, "tls": 465, "none": 25}
_EXAMPLE = "smtp://user:password@host:587?tls=starttls, smtps://user:password@host, file:folder or console:"


class MailUrlError(ValueError):
    """It cannot be used; the message says why, without the address itself."""


class SmtpRoute(msgspec.Struct, frozen=True):
    """A mail server. `tls` is starttls, tls or none; `ca` a file of certificates to trust instead of the machine's."""

    host: str
    port: int
    tls: str
    user: str | None = None
    password: str | None = None
    timeout_s: float = TIMEOUT_S
    ca: str | None = None

    def __repr__(self) -> str:
        return f"SmtpRoute({self.host}:{self.port}, {self.tls})"


class FileRoute(msgspec.Struct, frozen=True):
    """A folder below the data folder."""

    folder: str


class ConsoleRoute(msgspec.Struct, frozen=True):
    """The log."""


Route = SmtpRoute | FileRoute | ConsoleRoute


def read(url: str) -> Route:
    """Raises:
    MailUrlError: it is in none of the known forms, or would send a password where others can read it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise MailUrlError(f"must look like {_EXAMPLE}") from None
    if parts.scheme == "console":
        return ConsoleRoute()
    if parts.scheme == "file":
        return _file(unquote(parts.netloc + parts.path))
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise MailUrlError(f"must look like {_EXAMPLE}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls = options.pop("tls", "tls" if parts.scheme == "smtps" else "starttls")
    if tls not in _PORTS or (parts.scheme == "smtps" and tls != "tls"):
        raise MailUrlError("must have tls=starttls, tls=tls or tls=none, and smtps:// always means tls")
    timeout_s, ca = _timeout_s(options.pop("timeout_s", str(TIMEOUT_S))), options.pop("ca", None)
    if options:
        raise MailUrlError(f"has an unknown option {next(iter(options))[:20]!r}; there are tls, timeout_s and ca")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (user is None) != (password is None):
        raise MailUrlError("must have a user and a password, or neither; special characters are written as %40")
    if user is not None and tls == "none" and not _is_this_machine(parts.hostname):
        raise MailUrlError("would send a password without encryption: use tls=starttls or smtps://")
    return SmtpRoute(parts.hostname, port or _PORTS[tls], tls, user, password, timeout_s, ca)


def problem(url: str) -> str | None:
    """What is wrong with it, None when nothing is."""
    try:
        read(url)
    except MailUrlError as error:
        return str(error)
    return None


def _file(path: str) -> FileRoute:
    folder = PurePath(path or "mail")
    if folder.is_absolute() or ".." in folder.parts or not folder.parts:
        raise MailUrlError("must name a folder below the data folder, such as file:mail")
    return FileRoute(str(folder))


def _timeout_s(text: str) -> float:
    try:
        timeout_s = float(text)
    except ValueError:
        timeout_s = 0.0
    if not _TIMEOUT_S_MIN <= timeout_s <= _TIMEOUT_S_MAX:
        raise MailUrlError(f"must have a timeout_s of {_TIMEOUT_S_MIN:g} to {_TIMEOUT_S_MAX:g}")
    return timeout_s


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
