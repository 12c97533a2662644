"""What people give of themselves, read: addresses, names, passwords, profiles. Refuses what cannot be meant."""

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from holdfast.domain.errors import Refusal
from holdfast.domain.mail import LANGUAGES, address_of
from holdfast.domain.sites import SiteSettings

NAME_CHARS_MAX = 200
PASSWORD_CHARS_MIN = 10
PASSWORD_CHARS_MAX = 256

_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{2,38}")


def email_of(text: str, field: str = "email") -> str:
    """The address in small letters, as accounts are known by.

    Raises:
        Refusal: `invalid_request` when it is no address.
    """
    return address_of(unicodedata.normalize("NFC", text).strip().lower(), field=field)


def name_of(text: str, field: str = "name") -> str:
    """A name in one line, without spaces at its ends.

    Raises:
        Refusal: `invalid_request`.
    """
    given = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(given) <= NAME_CHARS_MAX or not given.isprintable():
        raise Refusal("invalid_request", field=field, problem=f"must have 1 to {NAME_CHARS_MAX} printable characters")
    return given


def phone_of(text: str | None, field: str = "phone") -> str | None:
    """Raises:
    Refusal: `invalid_request` when it is no telephone number.
    """
    if text is None or not text.strip():
        return None
    if not _PHONE.fullmatch(text.strip()):
        raise Refusal("invalid_request", field=field, problem="must be a telephone number such as +44 20 7946 0000")
    return text.strip()


def language_of(text: str) -> str:
    """Raises:
    Refusal: `invalid_request` for a language there are no texts in.
    """
    if text not in LANGUAGES:
        raise Refusal("invalid_request", field="language", given=text[:20], possible=list(LANGUAGES))
    return text


def password_of(text: str, field: str = "password") -> str:
    """The password as it is hashed: normalised, so that every keyboard's accents mean the same (NIST SP 800-63B).

    Raises:
        Refusal: `weak_password` for one that is too short or too long. No rules of composition.
    """
    given = unicodedata.normalize("NFKC", text)
    if not PASSWORD_CHARS_MIN <= len(given) <= PASSWORD_CHARS_MAX:
        problem = f"must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters; a few words in a row are best"
        raise Refusal("weak_password", field=field, problem=problem)
    return given


def check_sign_up(settings: SiteSettings, email: str) -> None:
    """Raises:
    Refusal: `sign_up_closed` where customers make no accounts, or not with this address.
    """
    if not settings.sign_up or settings.booking_page == "off":
        raise Refusal("sign_up_closed")
    domain = email.rpartition("@")[2]
    if settings.sign_up_domains and domain not in settings.sign_up_domains:
        raise Refusal("sign_up_closed", field="email", possible=list(settings.sign_up_domains))


def profile_of(settings: SiteSettings, given: Mapping[str, Any]) -> dict[str, str]:
    """A profile as the site asks for it: its own fields only, each as it must be.

    Raises:
        Refusal: `invalid_request`, naming the field.
    """
    known = {each.name for each in settings.profile_fields}
    for name in given:
        if name not in known:
            raise Refusal("invalid_request", field=f"profile.{name[:40]}", possible=sorted(known), given=name[:40])
    found: dict[str, str] = {}
    for each in settings.profile_fields:
        field, value = f"profile.{each.name}", given.get(each.name)
        text = value.strip() if isinstance(value, str) else ""
        if value is not None and not isinstance(value, str):
            raise Refusal("invalid_request", field=field, problem="must be a text")
        if not text:
            if each.required:
                raise Refusal("invalid_request", field=field, problem=f"is missing: {each.label}")
            continue
        if len(text) > each.chars_max or not text.isprintable():
            raise Refusal("invalid_request", field=field, expected=f"up to {each.chars_max} printable characters")
        if each.choices and text not in each.choices:
            raise Refusal("invalid_request", field=field, given=text[:40], possible=list(each.choices))
        found[each.name] = text
    return found


def address_class(address: str | None) -> str | None:
    """As much of an address as is kept: the network it is in, not who in it (a /24, or a /48 of IPv6)."""
    if not address:
        return None
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "local"
    if found.is_loopback:
        return "loopback"
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))
