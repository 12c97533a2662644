"""Mails as such: their kinds, what each may say, whom it may go to, and an owner's own texts.

Owners' texts know placeholders such as `{site}` and nothing else: no attributes, no expressions, no templates.
"""

import difflib
import re
from collections.abc import Iterable, Mapping

import msgspec

from holdfast.domain.errors import Refusal

LANGUAGES = ("en", "de")
ADDRESS_CHARS_MAX = 254
SUBJECT_CHARS_MAX = 200
BODY_CHARS_MAX = 4_000
_LOCAL_CHARS_MAX = 64

_ACCOUNT = ("recipient", "link", "valid_for")
_BOOKING = ("greeting", "name", "site", "reference", "units", "when", "from", "to", "page")
_FACTS = ("site", "time_zone", "booking_id", "version", "status", "reference", "units", "start", "end", "name", "page")


class Kind(msgspec.Struct, frozen=True):
    """A kind of mail: `facts` are what it must be given, `placeholders` what its text may name."""

    facts: tuple[str, ...]
    placeholders: tuple[str, ...]

    @property
    def has_link(self) -> bool:
        return "link" in self.facts


KINDS: Mapping[str, Kind] = {
    "invitation": Kind(("link", "valid_hours", "organisation", "inviter"), (*_ACCOUNT, "organisation", "inviter")),
    "reset": Kind(("link", "valid_hours"), _ACCOUNT),
    "verify": Kind(("link", "valid_hours"), _ACCOUNT),
    "webhook_paused": Kind(("organisation", "webhook", "reason"), ("recipient", "organisation", "webhook", "reason")),
    "alert": Kind(
        ("organisation", "site", "event", "about", "reason", "page"),
        ("recipient", "organisation", "site", "what", "about", "reason", "page"),
    ),
    "booking_received": Kind(_FACTS, _BOOKING),
    "booking_approved": Kind((*_FACTS, "reason"), (*_BOOKING, "reason")),
    "booking_confirmed": Kind(_FACTS, _BOOKING),
    "booking_rejected": Kind((*_FACTS, "reason"), (*_BOOKING, "reason")),
    "booking_revoked": Kind((*_FACTS, "reason"), (*_BOOKING, "reason")),
    "booking_cancelled": Kind((*_FACTS, "reason"), (*_BOOKING, "reason")),
    "booking_moved": Kind(
        (*_FACTS, "start_before", "end_before", "units_before"), (*_BOOKING, "when_before", "units_before")
    ),
}


class MailText(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an owner says instead of our words; None leaves ours."""

    subject: str | None = None
    body: str | None = None


MailTexts = dict[str, dict[str, MailText]]
"""kind → language → text."""

_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
_BRACE = re.compile(r"[{}]")
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_NOT_IN_BODIES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BLANK_LINES = re.compile(r"\n{3,}")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def address_of(text: str, *, field: str = "email") -> str:
    """One e-mail address, as it can be sent to: a domain in other letters than ASCII is told in ASCII (IDNA).

    Raises:
        Refusal: `invalid_request` when it is not exactly one well-formed address of at most 254 characters.
    """
    given = text.strip()
    local, _, domain = given.rpartition("@")
    try:
        plain = domain if domain.isascii() or len(given) > ADDRESS_CHARS_MAX else domain.encode("idna").decode("ascii")
    except UnicodeError:
        plain = ""
    address = f"{local}@{plain}"
    is_formed = len(local) <= _LOCAL_CHARS_MAX and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(plain)
    if not is_formed or len(address) > ADDRESS_CHARS_MAX:
        raise Refusal(
            "invalid_request", field=field, given=given[:100], expected="one e-mail address, such as ann@example.org"
        )
    return address


def sender_of(text: str) -> tuple[str, str]:
    """Name (may be empty) and address of `Name <address>` or an address alone.

    Raises:
        Refusal: `invalid_request`, as `address_of`.
    """
    name, opened, address = text.strip().rpartition("<")
    if not opened or not address.endswith(">"):
        return "", address_of(text)
    return name.strip().strip('"'), address_of(address[:-1])


def on_one_line(text: str, chars_max: int) -> str:
    """The text without line breaks and other characters that are not printed, cut with … when it is longer."""
    plain = " ".join(_NOT_PRINTED.sub(" ", text).split())
    return plain if len(plain) <= chars_max else plain[: chars_max - 1].rstrip() + "…"


def placeholders_of(text: str) -> set[str]:
    return set(_PLACEHOLDER.findall(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each `{placeholder}` of `values` replaced, once: what a value says is never looked into.

    A line that has placeholders is left out when all of them are empty.
    """
    lines = []
    for line in text.split("\n"):
        named = [name for name in _PLACEHOLDER.findall(line) if name in values]
        if not named or any(values[name] for name in named):
            lines.append(_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), line).rstrip())
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def check_texts(texts: MailTexts) -> None:
    """Raises:
    Refusal: `invalid_settings` for a kind, language or placeholder that there is not, a text that is too long, or
        one that leaves out the link its kind is sent for.
    """
    for kind, languages in texts.items():
        if kind not in KINDS:
            raise _unknown(f"mail_texts.{kind[:64]}", "unknown kind of mail", kind, KINDS)
        for language, text in languages.items():
            where = f"mail_texts.{kind}.{language[:16]}"
            if language not in LANGUAGES:
                raise _unknown(where, "unknown language", language, LANGUAGES)
            if text.subject is not None:
                _check_subject(f"{where}.subject", text.subject, kind)
            if text.body is not None:
                _check_body(f"{where}.body", text.body, kind)


def _check_subject(where: str, text: str, kind: str) -> None:
    if not text.strip() or len(text) > SUBJECT_CHARS_MAX or _NOT_PRINTED.search(text):
        raise Refusal(
            "invalid_settings", field=where, given=text[:60],
            expected=f"one line of at most {SUBJECT_CHARS_MAX} characters",
        )  # fmt: skip
    _check_placeholders(where, text, kind)
    if placeholders_of(text) & {"link", "page"}:
        raise Refusal("invalid_settings", field=where, problem="a link is a secret, and belongs into the body")


def _check_body(where: str, text: str, kind: str) -> None:
    if not text.strip() or len(text) > BODY_CHARS_MAX or _NOT_IN_BODIES.search(text):
        raise Refusal(
            "invalid_settings", field=where, given=text[:60],
            expected=f"a plain text of at most {BODY_CHARS_MAX} characters",
        )  # fmt: skip
    _check_placeholders(where, text, kind)
    if KINDS[kind].has_link and "link" not in placeholders_of(text):
        raise Refusal("invalid_settings", field=where, problem="must hold {link}, or nobody could follow it")


def _check_placeholders(where: str, text: str, kind: str) -> None:
    known = KINDS[kind].placeholders
    for name in sorted(placeholders_of(text)):
        if name not in known:
            raise _unknown(where, f"unknown placeholder {{{name[:40]}}}", name, known)
    if _BRACE.search(_PLACEHOLDER.sub("", text)):
        raise Refusal("invalid_settings", field=where, problem="a brace stands alone; placeholders look like {site}")


def _unknown(where: str, problem: str, name: str, known: Iterable[str]) -> Refusal:
    names = list(known)
    near = difflib.get_close_matches(name[:64], names, n=1)
    return Refusal(
        "invalid_settings", field=where, problem=problem, possible=names, did_you_mean=near[0] if near else None
    )
