"""Whatever comes in from outside: every parser answers with a value or in its own words, and never breaks otherwise."""

import asyncio
import base64
import io
import json
import string
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import parse_date, parse_instant, zone
from holdfast.domain.mail import address_of, filled, on_one_line, sender_of
from holdfast.domain.opening import parse_hours
from holdfast.domain.people import (
    address_class,
    email_of,
    language_of,
    name_of,
    phone_of,
    profile_of,
)
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import SiteSettings, parse_settings, rules_of
from holdfast.domain.slots import find_slot, parse_slots
from holdfast.gateways import mail_url
from holdfast.gateways.mail_url import MailUrlError
from holdfast.http.auth import session_cookie, session_of
from holdfast.http.bodies import check_encoding, decode
from holdfast.http.calls import if_version
from holdfast.http.cors import origins_of
from holdfast.http.errors import EdgeError, problem
from holdfast.http.proxies import Proxies, forwarded, forwarded_for, networks_of
from holdfast.http.proxies import address_of as proxied
from holdfast.realtime.socketio_callers import text_of, wish_of
from holdfast.realtime.streams import _given
from holdfast.services import cursors
from holdfast.services.import_files import ImportFileError, open_rows
from holdfast.services.journal import position
from holdfast.services.limiter import neighbourhood_of, place_of
from holdfast.services.mapping import load_mapping
from holdfast.services.mirror_mapping import MappingError, load_mirror_mapping
from holdfast.services.recurrence import expand
from holdfast.services.requests import (
    ActRequest,
    BlockRequest,
    BookingRequest,
    CheckRequest,
    SiteChangeRequest,
    UnitsRequest,
    book_command,
)
from holdfast.services.sites import Sites
from holdfast.settings import SettingsError, load
from tests.domain.test_policies import site_of

UTC_ZONE, APIA = zone("UTC"), zone("Pacific/Apia")
bounded = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))

words = st.sampled_from([
    "2027-03-08", "2027-03-08T18:00", "2011-12-30", "9999-12-31T23:59:60+99:99", "0000-00-00", "+", "-", ":", "T", "Z",
    "9-10 AM", "24:00", "\u06f9-\u06f1\u06f0", "½", "²", "FREQ=WEEKLY",
    ";COUNT=", ";BYDAY=+53MO", ";UNTIL=2027", "=", ",", "[", "]",
    "{", "}", "{a}", "\\", '"', "\x00", "\u202e", "ﬃ", "@", "xn--", ".", "http://", "smtp://", "file:", "%00",
    "%", "#", "?", "..", "/", "for=", "proto=https", "::1", "::ffff:1.2.3.4", "[", "1.2.3.4:80", "9" * 21,
    "1e999", "NaN", "true", "null", "e:", "\r\n", "\x1f\x8b",
])  # fmt: skip
texts = st.one_of(st.text(max_size=60), st.lists(st.one_of(words, st.text(max_size=4)), max_size=8).map("".join))
raw = st.one_of(st.binary(max_size=80), texts.map(lambda text: text.encode("utf-8", "replace")))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
OWN = (Refusal, EdgeError)


def survives(work: Callable[..., Any], *arguments: Any, own: tuple[type[Exception], ...] = OWN, **more: Any) -> Any:
    """The parser's value; None when it refused. A refusal must be tellable: it becomes an answer."""
    try:
        return work(*arguments, **more)
    except own as error:
        if isinstance(error, OWN):
            status, headers, body = problem(error, staff=False)
            assert 400 <= status < 500 and msgspec.json.decode(body)["code"] == error.code
            assert all(b"\r" not in value and b"\n" not in value for _, value in headers)
        return None


def a_site(kind: str) -> Any:
    return site_of(kind, {})


@bounded
@given(texts)
def test_times_dates_and_positions(text: str) -> None:
    for place in (UTC_ZONE, APIA):
        found = survives(parse_instant, text, place)
        assert found is None or found.instant.tzinfo is not None
    day = survives(parse_date, text)
    assert day is None or text == day.isoformat()
    survives(position, text)
    survives(_given, text, [1])
    survives(_given, text, [1, 2])
    survives(zone, text)
    for kind in (cursors.AtTime, cursors.AtCode):
        survives(cursors.read, kind, text, "bookings")


@bounded
@given(
    st.one_of(texts, values.map(lambda value: json.dumps(value, default=str))), st.sampled_from(["bookings", "units"])
)
def test_a_cursor_that_looks_like_ours_is_ours_or_refused(text: str, name: str) -> None:
    made = base64.urlsafe_b64encode(text.encode("utf-8", "replace")).rstrip(b"=").decode()
    for kind in (cursors.AtTime, cursors.AtCode):
        survives(cursors.read, kind, made, name)
    own = cursors.write(cursors.AtTime(name, datetime(2027, 1, 1, tzinfo=UTC), uuid4()))
    assert survives(cursors.read, cursors.AtTime, own, name) is not None
    assert survives(cursors.read, cursors.AtTime, own, name + "x") is None


@bounded
@given(texts, st.one_of(st.none(), st.integers(-5, 400)))
def test_slots_in_words_and_numbers(text: str, number: int | None) -> None:
    _, rule, *_ = rules_of(parse_settings({}, policy_of("grounds").defaults))
    assert rule is not None
    for asked in (text, number if number is not None else 0):
        survives(find_slot, rule, asked, date(2027, 3, 8), UTC_ZONE)


@bounded
@given(values, texts)
def test_settings_of_a_site(value: Any, name: str) -> None:
    survives(parse_hours, value)
    survives(parse_slots, value)
    for setting in (*SiteSettings.__struct_fields__, name):
        parsed = survives(parse_settings, {setting: value}, policy_of("grounds").defaults)
        if parsed is not None:
            survives(rules_of, parsed)


@bounded
@given(texts)
@example("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5")
@example("FREQ=DAILY;INTERVAL=999999999;COUNT=2")
@example("FREQ=DAILY;UNTIL=99991231T235959Z")
def test_recurrence_rules(text: str) -> None:
    for rule in (text, "FREQ=WEEKLY" + text, "FREQ=DAILY;COUNT=" + text):
        survives(expand, rule, datetime(2027, 3, 8, 9), timedelta(hours=1), APIA)


@bounded
@given(texts, values)
def test_what_people_give_of_themselves(text: str, value: Any) -> None:
    for parser in (email_of, name_of, phone_of, language_of, address_of, sender_of):
        survives(parser, text)
    found = survives(email_of, text)
    assert found is None or ("\n" not in found and found.count("@") == 1 and found.isprintable())
    asked = parse_settings(
        {"profile_fields": [{"name": "roll", "label": "Roll", "required": True}]}, policy_of("grounds").defaults
    )
    survives(profile_of, asked, value if isinstance(value, dict) else {"roll": value})
    address_class(text)
    assert "\n" not in on_one_line(text, 40) and len(on_one_line(text, 40)) <= 40
    filled(text, {"a": text})


@bounded
@given(raw)
def test_headers(value: bytes) -> None:
    found = session_of(value)
    assert found is None or found
    assert session_of(value, is_encrypted=True) is None or b"__Host-holdfast" in value
    survives(check_encoding, value)
    survives(if_version, {b"if-match": value})
    text = value.decode("latin-1")
    for hops in (forwarded(text), forwarded_for(text)):
        for hop, _ in hops:
            proxied(hop)
    place_of(text)
    neighbourhood_of(text)
    scope = {"type": "http", "client": ("127.0.0.1", 1), "scheme": "http", "headers": [
        (b"x-forwarded-for", value), (b"forwarded", value), (b"x-forwarded-proto", value),
    ]}  # fmt: skip
    Proxies("127.0.0.1, 10.0.0.0/8").resolve(scope)
    assert scope["scheme"] in ("http", "https")
    assert "\n" not in str(scope["client"][0])


@bounded
@given(st.text(alphabet=string.ascii_letters + string.digits + "-_", min_size=43, max_size=43), raw)
def test_a_cookie_comes_back_as_it_was_set_whatever_stands_beside_it(secret: str, other: bytes) -> None:
    for is_encrypted in (False, True):
        header = session_cookie(secret, is_encrypted=is_encrypted, life_s=60)
        pair = header.partition(b";")[0]
        assert session_of(pair, is_encrypted=is_encrypted) == secret
        beside = other.replace(b"holdfast", b"").replace(b";", b"")
        assert session_of(b"a=" + beside + b"; " + pair, is_encrypted=is_encrypted) == secret


@bounded
@given(raw)
def test_bodies(body: bytes) -> None:
    for kind in (BookingRequest, ActRequest, CheckRequest, BlockRequest, UnitsRequest, SiteChangeRequest):
        survives(decode, msgspec.json.Decoder(kind), body)


@bounded
@given(st.dictionaries(st.sampled_from(BookingRequest.__struct_encode_fields__), values, max_size=5))
def test_bodies_with_the_right_names(body: dict[str, Any]) -> None:
    encoded = json.dumps(body, default=str).encode("utf-8", "replace")
    wish = survives(decode, msgspec.json.Decoder(BookingRequest), encoded)
    if wish is not None:
        for kind in ("cafe", "hotel", "grounds"):
            survives(book_command, a_site(kind), wish, id=uuid4(), now=datetime(2027, 1, 1, tzinfo=UTC))


@bounded
@given(st.one_of(raw, st.lists(raw, max_size=6).map(b"\n".join)))
@example(b"\x1f\x8b\x08\x00")
@example(b'a,b\n"x')
@example(b"[" * 5000)
@example(b'{"a":' * 5000)
def test_files_to_import(content: bytes) -> None:
    for start in (b"", b"code,category\n", b'{"code": "a"}\n'):

        def whole(content: bytes = start + content) -> list[Any]:
            return list(open_rows(io.BytesIO(content)).rows)

        survives(whole, own=(ImportFileError,))


@bounded
@given(st.one_of(texts, st.dictionaries(texts, values, max_size=3).map(repr)))
def test_mappings(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "mapping.toml"
    path.write_bytes(text.encode("utf-8", "replace"))
    survives(load_mapping, str(path), own=(ImportFileError,))
    survives(load_mirror_mapping, path, own=(MappingError,))


@bounded
@given(texts, st.sampled_from(sorted(
    ("port", "data", "database_url", "admin_token", "secret_key", "mail_url", "mail_from", "public_url", "log_level",
     "trusted_proxies", "cors_origins", "session_idle_hours", "lanes", "host")
)))  # fmt: skip
@example("~0", "data")
def test_settings_of_the_server(text: str, name: str) -> None:
    if "\x00" not in text:
        survives(load, {}, {f"HOLDFAST_{name.upper()}": text}, Path("/nonexistent"), own=(SettingsError,))
    survives(load, {name: text}, {}, Path("/nonexistent"), own=(SettingsError,))
    survives(mail_url.read, text, own=(MailUrlError,))
    survives(origins_of, text, own=(ValueError,))
    survives(networks_of, text, own=(ValueError,))


@bounded
@given(values)
@example("\ud800")
def test_what_sockets_send(value: Any) -> None:
    survives(text_of, value, "site")
    survives(wish_of, [value], "site", "id")
    survives(wish_of, value if isinstance(value, list) else [], "site")


@bounded
@given(texts)
def test_names_of_sites(text: str) -> None:
    class NoPool:
        async def fetchrow(self, *_: Any) -> None:
            return None

    async def found() -> None:
        await Sites(NoPool()).find(text)  # type: ignore[arg-type]

    survives(asyncio.run, found())
