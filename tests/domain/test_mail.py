"""Addresses, placeholders, an owner's own texts, and times as people read them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from holdfast.domain.errors import Refusal
from holdfast.domain.mail import KINDS, address_of, filled, on_one_line, sender_of
from holdfast.domain.sites import parse_settings
from holdfast.domain.spoken_times import spoken_hours, spoken_instant, spoken_interval

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("ann@example.org", "ann@example.org"),
        (" Ann.Lee+tag@Example.ORG ", "Ann.Lee+tag@Example.ORG"),
        ("ann@bücher.de", "ann@xn--bcher-kva.de"),
        ("o'neill@localhost", "o'neill@localhost"),
    ],
)
def test_an_address_is_taken_as_it_can_be_sent_to(given: str, address: str) -> None:
    assert address_of(given) == address


@pytest.mark.parametrize(
    "given",
    [
        "", "ann", "@example.org", "ann@", "a@b@example.org", "a b@example.org", "ann@example..org", ".ann@example.org",
        "ann.@example.org", "a..b@example.org", "ann@-example.org", "Ann <ann@example.org>", "a@x.org, b@x.org",
        "ann@example.org\r\nBcc: b@example.org", "ann\n@example.org", '"a b"@example.org', "ann@[127.0.0.1]",
        "ä@example.org", "ann@\u202eexample.org", f"{'a' * 65}@example.org", f"a@{'b' * 250}.org",
        f"a@{'.'.join(['b' * 60] * 5)}", f"ann@{'ü' * 10_000}.de", "ann@example.org\x00",
    ],
)  # fmt: skip
def test_what_is_not_one_address_is_refused(given: str) -> None:
    with pytest.raises(Refusal) as refusal:
        address_of(given)
    assert refusal.value.code == "invalid_request" and len(refusal.value.data["given"]) <= 100


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        ("post@example.org", ("", "post@example.org")),
        ("Corner <post@example.org>", ("Corner", "post@example.org")),
        ('"Food, Drink" <post@example.org>', ("Food, Drink", "post@example.org")),
        ("Food, Drink <post@bücher.de>", ("Food, Drink", "post@xn--bcher-kva.de")),
    ],
)
def test_a_sender_is_an_address_that_may_have_a_name(given: str, sender: tuple[str, str]) -> None:
    assert sender_of(given) == sender
    with pytest.raises(Refusal):
        sender_of(given + " <")


def test_placeholders_are_replaced_once_and_nothing_else_is_understood() -> None:
    values = {"name": "{site} {x.__class__} {{", "site": "Sea View"}
    assert filled("{name} at {site} {other} {site.x} {0} {{site}}", values) == (
        "{site} {x.__class__} {{ at Sea View {other} {site.x} {0} {Sea View}"
    )


def test_a_line_with_nothing_to_say_is_left_out() -> None:
    assert filled("Hello\n\nReason: {reason}\n\n{site} {reason}", {"reason": "", "site": "X"}) == "Hello\n\nX"


def test_a_value_becomes_one_bounded_line() -> None:
    assert on_one_line("a\r\nBcc: b\x00\u2028c\u202e", 50) == "a Bcc: b c"
    assert on_one_line("x" * 1_000_000, 10) == "x" * 9 + "…"


OWN = {"booking_confirmed": {"de": {"subject": "Bis bald, {name}", "body": "{when}\n{units}"}, "en": {"body": "Hi"}}}


def test_an_owner_may_say_it_otherwise() -> None:
    settings = parse_settings({"mail_texts": OWN, "language": "de", "mail_bookings": True}, {})
    assert settings.mail_texts["booking_confirmed"]["de"].subject == "Bis bald, {name}"
    assert settings.language == "de" and settings.mail_bookings


TOO_LONG = {"body": "x" * 4_001}


@pytest.mark.parametrize(
    ("texts", "where", "said"),
    [
        ({"booking_confirmd": {}}, ".booking_confirmd", "booking_confirmed"),
        ({"booking_confirmed": {"fr": {}}}, ".booking_confirmed.fr", "unknown language"),
        ({"booking_confirmed": {"en": {"body": "{sitte}"}}}, ".booking_confirmed.en.body", "'did_you_mean': 'site'"),
        ({"booking_confirmed": {"en": {"subject": "{unit}"}}}, ".booking_confirmed.en.subject", "'units'"),
        ({"booking_confirmed": {"en": {"body": "{x.__class__}"}}}, ".booking_confirmed.en.body", "{x.__class__}"),
        ({"booking_confirmed": {"en": {"body": "{name!r}"}}}, ".booking_confirmed.en.body", "{name!r}"),
        ({"booking_confirmed": {"en": {"body": "{{name}}"}}}, ".booking_confirmed.en.body", "brace"),
        ({"booking_confirmed": {"en": {"body": "{%"}}}, ".booking_confirmed.en.body", "brace"),
        ({"booking_confirmed": {"en": TOO_LONG}}, ".booking_confirmed.en.body", "4000"),
        ({"booking_confirmed": {"en": {"body": " "}}}, ".booking_confirmed.en.body", "plain text"),
        ({"booking_confirmed": {"en": {"subject": "a\r\nBcc: b"}}}, ".booking_confirmed.en.subject", "one line"),
        ({"booking_confirmed": {"en": {"subject": "x" * 201}}}, ".booking_confirmed.en.subject", "200"),
        ({"reset": {"en": {"body": "Hi"}}}, ".reset.en.body", "{link}"),
        ({"reset": {"en": {"subject": "{link}"}}}, ".reset.en.subject", "secret"),
        ({"reset": {"en": {"body": "{link} {site}"}}}, ".reset.en.body", "{site}"),
        ({"booking_confirmed": {"en": {"text": "Hi"}}}, None, "text"),
        ({"booking_confirmed": "Hi"}, None, "object"),
    ],
)
def test_an_owners_text_that_cannot_work_is_refused(texts: Any, where: str | None, said: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse_settings({"mail_texts": texts}, {})
    assert refusal.value.code == "invalid_settings"
    assert refusal.value.data["field"] == (f"mail_texts{where}" if where else "settings")
    assert said in str(refusal.value.data)


def test_an_unknown_language_of_a_site_is_refused() -> None:
    with pytest.raises(Refusal):
        parse_settings({"language": "fr"}, {})


def test_every_kind_that_has_a_link_says_until_when() -> None:
    assert {kind for kind, each in KINDS.items() if each.has_link} == {"invitation", "reset", "verify"}
    assert all("valid_for" in each.placeholders for each in KINDS.values() if each.has_link)


def test_times_are_told_on_the_sites_clock_with_the_zone() -> None:
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    hour, days = timedelta(hours=1), timedelta(days=2)
    assert spoken_interval(start, start + hour, BERLIN, "en") == (
        "Monday, 2 March 2026, 10:00 to 11:00 (Europe/Berlin, UTC+1)"
    )
    assert spoken_interval(start, start + hour, BERLIN, "de") == (
        "Montag, 2. März 2026, 10:00 bis 11:00 Uhr (Europe/Berlin, UTC+1)"
    )
    assert spoken_interval(start, start + days, BERLIN, "de") == (
        "Montag, 2. März 2026, 10:00 Uhr bis Mittwoch, 4. März 2026, 10:00 Uhr (Europe/Berlin, UTC+1)"
    )
    assert spoken_instant(start, ZoneInfo("Asia/Kathmandu"), "en") == (
        "Monday, 2 March 2026, 14:45 (Asia/Kathmandu, UTC+5:45)"
    )
    assert spoken_instant(start, ZoneInfo("UTC"), "en").endswith("09:00 (UTC)")
    assert "UTC-3:30" in spoken_instant(start, ZoneInfo("America/St_Johns"), "en")


def test_a_night_when_the_clocks_change_is_told_with_both_offsets() -> None:
    start = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    assert spoken_interval(start, start + timedelta(hours=2), BERLIN, "en") == (
        "Sunday, 25 October 2026, 01:30 to 02:30 (Europe/Berlin, UTC+2, then UTC+1)"
    )


def test_durations_are_told_in_hours_or_whole_days() -> None:
    assert [spoken_hours(hours, "en") for hours in (1, 24, 36, 48, 168)] == [
        "1 hour", "24 hours", "36 hours", "2 days", "7 days",
    ]  # fmt: skip
    assert [spoken_hours(hours, "de") for hours in (1, 2, 72)] == ["1 Stunde", "2 Stunden", "3 Tage"]
