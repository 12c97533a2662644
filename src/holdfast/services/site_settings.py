"""A site's settings as whoever changes them needs them: what holds, what is the owner's own, what is the default."""

from typing import Any

import msgspec

from holdfast.domain.mail import KINDS, LANGUAGES
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import LIMITS, Site, parse_settings
from holdfast.services.mail_texts import Words, words


class MailKindView(msgspec.Struct, frozen=True):
    """A kind of mail: what its text may name, and what it says while the owner says nothing."""

    placeholders: tuple[str, ...]
    texts: dict[str, Words]


class SettingsView(msgspec.Struct, frozen=True):
    """`settings` are those that hold, `own` the owner's, `defaults` what the others come from; `limits` are the lowest
    and the highest of numbers."""

    settings: dict[str, Any]
    own: dict[str, Any]
    defaults: dict[str, Any]
    limits: dict[str, tuple[int, int]]
    mails: dict[str, MailKindView]


def settings_view(site: Site) -> SettingsView:
    """All settings of a site."""
    defaults = parse_settings({}, policy_of(site.kind).defaults)
    mails = {
        kind: MailKindView(each.placeholders, {language: words(language)[kind] for language in LANGUAGES})
        for kind, each in KINDS.items()
    }
    own = {name: value for name, value in site.raw_settings.items() if value is not None}
    return SettingsView(msgspec.to_builtins(site.settings), own, msgspec.to_builtins(defaults), LIMITS, mails)
