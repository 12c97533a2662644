"""What can be said of one setting: its unit, its meaning, which values it takes, and whether it is a secret."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from holdfast.http.cors import origins_of
from holdfast.http.proxies import networks_of

ADMIN_TOKEN_CHARS_MIN = 16
SECRET_KEY_CHARS_MIN = 16
HIDDEN = "(hidden)"

Check = Callable[[object], str | None]
"""What is wrong with a value, None when nothing is."""


def between(low: float, high: float) -> Check:
    def check(value: object) -> str | None:
        assert isinstance(value, int | float)
        return None if low <= value <= high else f"must be between {low:g} and {high:g}"

    return check


def one_of(*words: str) -> Check:
    def check(value: object) -> str | None:
        return None if value in words else f"must be one of {', '.join(words)}"

    return check


def check_database_url(value: object) -> str | None:
    assert isinstance(value, str)
    scheme = value.split("://", 1)[0] if "://" in value else ""
    if scheme in ("postgresql", "postgres"):
        return None
    return "must look like postgresql://user:password@host:5432/database"


def check_admin_token(value: object) -> str | None:
    assert isinstance(value, str)
    return None if len(value) >= ADMIN_TOKEN_CHARS_MIN else f"must have at least {ADMIN_TOKEN_CHARS_MIN} characters"


def check_secret_key(value: object) -> str | None:
    assert isinstance(value, str)
    keys = [key.strip() for key in value.split(",") if key.strip()]
    is_long = keys and all(len(key) >= SECRET_KEY_CHARS_MIN for key in keys)
    return None if is_long else f"must have at least {SECRET_KEY_CHARS_MIN} characters"


def check_host(value: object) -> str | None:
    assert isinstance(value, str)
    return (
        None if value.strip() and not any(c.isspace() or c == "/" for c in value) else "must be a host name or address"
    )


def check_networks(value: object) -> str | None:
    assert isinstance(value, str)
    try:
        networks_of(value)
    except ValueError:
        return "must be addresses or networks such as 10.0.0.0/8, with commas between"
    return None


def check_origins(value: object) -> str | None:
    assert isinstance(value, str)
    try:
        origins_of(value)
    except ValueError:
        return "must be origins such as https://app.example.org, with commas between"
    return None


@dataclass(frozen=True)
class About:
    unit: str
    meaning: str
    check: Check | None = None
    secret: bool = False


def about(unit: str, meaning: str, check: Check | None = None, *, secret: bool = False) -> Mapping[str, About]:
    return {"about": About(unit, meaning, check, secret)}


def about_of(item: Field[object]) -> About:
    about = item.metadata["about"]
    assert isinstance(about, About)
    return about


def shown(item: Field[object], value: object) -> str:
    if value is None:
        return "(not set)"
    if not about_of(item).secret:
        return str(value).lower() if isinstance(value, bool) else str(value)
    return hide_password(str(value)) if item.name in ("database_url", "mail_url") else HIDDEN


def hide_password(url: str) -> str:
    """Return the URL with the password replaced, wherever it stands."""
    if "://" not in url:
        return url
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
