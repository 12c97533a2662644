"""Settings of mail: what their values must be like."""

from urllib.parse import urlsplit

from holdfast.domain.errors import Refusal
from holdfast.domain.mail import on_one_line, sender_of
from holdfast.gateways import mail_url

MAIL_FROM = "Holdfast <holdfast@localhost>"
SENDER_CHARS_MAX = 320


def is_public_url(value: object) -> str | None:
    assert isinstance(value, str)
    wrong = "must look like https://bookings.example.org"
    try:
        parts = urlsplit(value)
        is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return wrong
    return None if is_web and is_plain and value.isascii() and value.isprintable() and " " not in value else wrong


def is_mail_url(value: object) -> str | None:
    assert isinstance(value, str)
    return mail_url.problem(value)


def is_mail_from(value: object) -> str | None:
    assert isinstance(value, str)
    wrong = "must be an address, or Name <address>"
    if on_one_line(value, SENDER_CHARS_MAX) != value:
        return wrong
    try:
        sender_of(value)
    except Refusal:
        return wrong
    return None
