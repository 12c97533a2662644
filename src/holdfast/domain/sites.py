"""Sites and their settings: what an owner may tune of a policy, with defaults for all of it."""

import difflib
import re
from collections.abc import Mapping
from datetime import datetime, time
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.mail import LANGUAGES, MailTexts, check_texts
from holdfast.domain.opening import Hours, SlotRule, parse_hours, parse_slots


class ProfileField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something a site asks of its customers, such as a roll number. `is_reference` marks the one that identifies
    them in bookings; `choices` are all there are, none means free text of up to `chars_max` characters."""

    name: str
    label: str
    required: bool = False
    is_reference: bool = False
    choices: tuple[str, ...] = ()
    chars_max: int = 100


class SiteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An owner's numbers. Zero switches a limit off unless it says otherwise."""

    grid_minutes: int = 0
    slots: Any = None
    hours: dict[str, Any] = {}
    look_ahead: int | str = 0
    """Minutes before a start from which a unit shows as reserved; hotels also take `today` and `any`."""
    no_show_grace_minutes: int = 15
    auto_start: bool = False
    start_code: bool = False
    buffer_minutes: int = 0
    length_min_minutes: int = 0
    length_max_minutes: int = 0
    notice_minutes: int = 0
    horizon_days: int = 730
    """How far ahead a booking may start; 0 means ten years."""
    quota_per_person: int = 0
    walk_in_hours_max: int = 12
    """How long an open-ended walk-in claims its unit when no booking comes before; at least 1."""
    hold_s_max: int = 1800
    check_in: str = "15:00"
    check_out: str = "11:00"
    cut_off: str = "06:00"
    """When a hotel's day ends: no-shows are called at this local time of the morning after arrival."""
    show_clean: bool = False
    late_check_out_minutes: int = 15
    """How long after the time to leave a guest who is still there becomes a discrepancy."""
    late_arrival_minutes: int = 240
    """How long after the time of arrival a guest who is not there becomes a discrepancy; 0 means never."""
    observation_minutes: int = 10
    """How long what agents and staff saw of a unit counts when they do not say; at least 1."""
    auto_end_idle_minutes: int = 0
    """Cafés: a session ends by itself after nobody was seen for so long; 0 leaves that to people."""
    language: str = "en"
    """In which mails are written to those whose language nobody knows."""
    mail_bookings: bool = False
    """Whether customers are told by mail what becomes of their bookings."""
    mail_texts: MailTexts = {}
    """The owner's own words: kind of mail → language → subject and body."""
    booking_page: str = "off"
    """Who may see what is free and book by themselves: `off` nobody, `accounts` people with an account, `guests`
    everybody."""
    sign_up: bool = False
    """Whether customers may make accounts of their own."""
    sign_up_domains: tuple[str, ...] = ()
    """Mail domains whose people may sign up; none means all."""
    profile_fields: tuple[ProfileField, ...] = ()
    """What is asked of customers beside name and e-mail."""
    team_max: int = 0
    """How many people a booking may name beside its booker; 0 keeps whatever is said of them unread."""
    currency: str = "USD"
    """Stores: what lifetime value is counted in; orders in another currency need a rate."""


LIMITS: dict[str, tuple[int, int]] = {
    "grid_minutes": (0, 720),
    "no_show_grace_minutes": (0, 10_080),
    "buffer_minutes": (0, 1_440),
    "length_min_minutes": (0, 527_040),
    "length_max_minutes": (0, 527_040),
    "notice_minutes": (0, 527_040),
    "horizon_days": (0, 3_660),
    "quota_per_person": (0, 10_000),
    "walk_in_hours_max": (1, 168),
    "hold_s_max": (1, 604_800),
    "late_check_out_minutes": (0, 10_080),
    "late_arrival_minutes": (0, 10_080),
    "observation_minutes": (1, 10_080),
    "auto_end_idle_minutes": (0, 10_080),
    "team_max": (0, 100),
}
"""The lowest and the highest that a number may be."""
BOOKING_PAGES = ("off", "accounts", "guests")
PROFILE_FIELDS_MAX = 20
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


class Site(msgspec.Struct, frozen=True):
    """A café, hotel, sports ground or store, ready to decide with: zone and rules parsed."""

    id: int
    organisation_id: UUID
    kind: str
    slug: str
    name: str
    zone: ZoneInfo
    settings: SiteSettings
    hours: Hours
    slots: SlotRule | None
    check_in: time
    check_out: time
    cut_off: time
    raw_settings: dict[str, Any]
    created_at: datetime

    @property
    def time_zone(self) -> str:
        return self.zone.key


def parse_settings(raw: Mapping[str, Any], defaults: Mapping[str, Any]) -> SiteSettings:
    """The settings that follow from a policy's defaults and an owner's overrides.

    Raises:
        Refusal: `invalid_settings`, naming the field, what was given and what would do.
    """
    for name in raw:
        if name not in SiteSettings.__struct_fields__:
            near = difflib.get_close_matches(name, SiteSettings.__struct_fields__, n=1)
            raise Refusal(
                "invalid_settings", field=name, problem="unknown setting", did_you_mean=near[0] if near else None
            )
    try:
        settings = msgspec.convert({**defaults, **raw}, SiteSettings)
    except msgspec.ValidationError as error:
        raise Refusal("invalid_settings", field="settings", problem=str(error)) from None
    for name, (low, high) in LIMITS.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            raise Refusal("invalid_settings", field=name, given=value, expected=f"{low} to {high}")
    if 0 < settings.length_max_minutes < settings.length_min_minutes:
        raise Refusal("invalid_settings", field="length_max_minutes", problem="is below length_min_minutes")
    if not (len(settings.currency) == 3 and settings.currency.isascii() and settings.currency.isupper()):
        raise Refusal("invalid_settings", field="currency", given=settings.currency[:20], expected="such as EUR")
    look_ahead = settings.look_ahead
    if look_ahead not in ("today", "any") and not (isinstance(look_ahead, int) and 0 <= look_ahead <= 527_040):
        raise Refusal("invalid_settings", field="look_ahead", given=look_ahead, expected="minutes, or today, or any")
    if settings.language not in LANGUAGES:
        raise Refusal(
            "invalid_settings", field="language", given=settings.language[:20], expected=" or ".join(LANGUAGES)
        )
    check_texts(settings.mail_texts)
    _check_customers(settings)
    return settings


def _check_customers(settings: SiteSettings) -> None:
    if settings.booking_page not in BOOKING_PAGES:
        raise Refusal(
            "invalid_settings", field="booking_page", given=settings.booking_page[:40], possible=list(BOOKING_PAGES)
        )
    for domain in settings.sign_up_domains:
        if not _DOMAIN.fullmatch(domain):
            raise Refusal(
                "invalid_settings", field="sign_up_domains", given=domain[:100], expected="domains such as example.org"
            )
    asked = settings.profile_fields
    names = [each.name for each in asked]
    if len(asked) > PROFILE_FIELDS_MAX or len(set(names)) < len(names):
        problem = f"at most {PROFILE_FIELDS_MAX} fields, each with a name of its own"
        raise Refusal("invalid_settings", field="profile_fields", problem=problem)
    for each in asked:
        if not _FIELD_NAME.fullmatch(each.name) or not 1 <= len(each.label) <= 100 or not 1 <= each.chars_max <= 500:
            problem = "a name of small letters, a label, and 1 to 500 characters at most"
            raise Refusal("invalid_settings", field="profile_fields", given=each.name[:40], problem=problem)
    if sum(each.is_reference for each in asked) > 1:
        raise Refusal("invalid_settings", field="profile_fields", problem="only one field can be the reference")


@lru_cache(maxsize=64)
def clock_time(text: str, field: str) -> time:
    """A wall-clock time such as 15:00.

    Raises:
        Refusal: `invalid_settings` when it is not HH:MM.
    """
    try:
        hour, minute = text.split(":")
        if len(hour) != 2 or len(minute) != 2:
            raise ValueError
        return time(int(hour), int(minute))
    except ValueError:
        raise Refusal("invalid_settings", field=field, given=text[:20], expected="HH:MM, for example 15:00") from None


def rules_of(settings: SiteSettings) -> tuple[Hours, SlotRule | None, time, time, time]:
    """Opening hours, slots, check-in, check-out and cut-off, parsed.

    Raises:
        Refusal: `invalid_settings`.
    """
    return (
        parse_hours(settings.hours),
        parse_slots(settings.slots) if settings.slots is not None else None,
        clock_time(settings.check_in, "check_in"),
        clock_time(settings.check_out, "check_out"),
        clock_time(settings.cut_off, "cut_off"),
    )
