"""Local clocks against an oracle that only knows how to read a clock at an instant."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.domain import local_time
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import (
    day_exists,
    local_date,
    parse_date,
    parse_instant,
    reached,
    resolve,
    start_of_day,
    to_local,
)

ZONES = [
    "UTC",
    "America/New_York",
    "America/Havana",
    "America/Santiago",
    "America/St_Johns",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Asia/Tehran",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "America/Nuuk",
]
SECOND = timedelta(seconds=1)
zones = st.sampled_from(ZONES).map(local_time.zone)
# Whole minutes find the edges of clock changes far more often than random microseconds would.
locals_ = st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1)).map(lambda d: d.replace(second=0, microsecond=0))
instants = st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def changes(zone: str, year_from: int = 1990, year_to: int = 2040) -> list[datetime]:
    """The instants at which the zone's offset changes, found by reading clocks each week, then bisecting."""
    place = local_time.zone(zone)
    found = []
    here, stop = datetime(year_from, 1, 1, tzinfo=UTC), datetime(year_to, 1, 1, tzinfo=UTC)
    while here < stop:
        there = here + timedelta(days=7)
        if here.astimezone(place).utcoffset() != there.astimezone(place).utcoffset():
            low, high = here, there
            while high - low > SECOND:
                middle = low + (high - low) // SECOND // 2 * SECOND
                same = middle.astimezone(place).utcoffset() == here.astimezone(place).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high)
        here = there
    return found


ALL_CHANGES = [(name, change) for name in ZONES for change in changes(name)]
near_changes = st.tuples(st.sampled_from(ALL_CHANGES), st.integers(-3000, 3000)).map(
    lambda drawn: (
        local_time.zone(drawn[0][0]),
        (drawn[0][1].astimezone(local_time.zone(drawn[0][0])).replace(tzinfo=None) + drawn[1] * timedelta(minutes=1)),
    )
)
places_and_locals = st.one_of(near_changes, st.tuples(zones, locals_))


def naive(instant: datetime, zone: local_time.ZoneInfo) -> datetime:
    return to_local(instant, zone).replace(tzinfo=None, fold=0)


def test_the_zones_of_the_tests_do_change_their_clocks() -> None:
    assert len({name for name, _ in ALL_CHANGES}) >= 15 and len(ALL_CHANGES) > 500


@given(instants, zones)
def test_an_instant_survives_the_way_to_local_and_back(instant: datetime, zone: local_time.ZoneInfo) -> None:
    resolved = resolve(naive(instant, zone), zone)
    # In the second pass of a repeated hour the rule answers with the first pass, and says so.
    if resolved.instant != instant:
        assert to_local(instant, zone).fold == 1 and resolved.note is not None and "twice" in resolved.note
    assert parse_instant(to_local(instant, zone).isoformat(), zone) == local_time.Resolved(instant)


@given(places_and_locals)
def test_a_local_time_is_shown_at_its_instant_or_the_note_says_why_not(
    drawn: tuple[local_time.ZoneInfo, datetime],
) -> None:
    zone, local = drawn
    resolved = resolve(local, zone)
    shown = naive(resolved.instant, zone)
    if shown != local:
        assert resolved.note is not None and "does not exist" in resolved.note and zone.key in resolved.note
        # The rule: as far behind the gap's end as the time lay behind its start. Just before `local - behind`
        # lies the last local time that exists.
        jump = reached(local, zone)
        before_jump = naive(jump - SECOND, zone) + SECOND
        assert shown - naive(jump, zone) == local - before_jump
        assert before_jump <= local < naive(jump, zone)
    elif resolved.note is not None:
        assert "twice" in resolved.note
        others = [resolved.instant + timedelta(minutes=m) for m in (*range(15, 181, 15), 1440)]
        assert local in [naive(each, zone) for each in others]
    else:
        assert local not in [naive(resolved.instant + timedelta(minutes=m), zone) for m in (-60, -30, 30, 60, 120)]


@given(places_and_locals, st.integers(0, 300))
def test_resolve_is_monotone_or_says_so(drawn: tuple[local_time.ZoneInfo, datetime], minutes: int) -> None:
    zone, local = drawn
    one, other = resolve(local, zone), resolve(local + timedelta(minutes=minutes), zone)
    assert one.instant <= other.instant or (one.note is not None and "does not exist" in one.note)


@given(places_and_locals, st.integers(0, 300))
def test_reached_is_always_monotone(drawn: tuple[local_time.ZoneInfo, datetime], minutes: int) -> None:
    zone, local = drawn
    assert reached(local, zone) <= reached(local + timedelta(minutes=minutes), zone)


@given(places_and_locals)
def test_reached_is_the_first_instant_that_shows_the_time_or_later(
    drawn: tuple[local_time.ZoneInfo, datetime],
) -> None:
    zone, local = drawn
    found = reached(local, zone)
    assert naive(found, zone) >= local
    for minutes in (1 / 60, 1, 10, 29, 30, 45, 60, 90, 120, 1439, 1440):
        assert naive(found - timedelta(minutes=minutes), zone) < local


@given(places_and_locals)
def test_days_follow_each_other_without_gap_or_overlap(drawn: tuple[local_time.ZoneInfo, datetime]) -> None:
    zone, local = drawn
    day = local.date()
    start, end = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    assert start <= end
    assert day_exists(day, zone) == (start < end)
    assert local_date(start, zone) == day or not day_exists(day, zone)
    assert local_date(start - SECOND, zone) < day


NEW_YORK_NOTE = "2026-03-08 02:30 does not exist in America/New_York, where clocks jump ahead; 03:30 is meant."


@pytest.mark.parametrize(
    ("name", "local", "instant", "note"),
    [
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:30Z", NEW_YORK_NOTE),
        ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00Z", "does not exist"),
        ("America/New_York", "2026-03-08T01:59:59.999999", "2026-03-08T06:59:59.999999Z", None),
        ("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00Z", None),
        (
            "America/New_York",
            "2026-11-01T01:30",
            "2026-11-01T05:30Z",
            "twice in America/New_York; the first one (offset -04:00)",
        ),
        ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00Z", None),
        ("Asia/Kolkata", "2026-03-08T02:30", "2026-03-07T21:00Z", None),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:45Z", "02:45 is meant"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45Z", "twice"),
        ("Africa/Cairo", "2026-04-24T00:30", "2026-04-23T22:30Z", "01:30 is meant"),
        ("Africa/Cairo", "2026-10-29T23:30", "2026-10-29T20:30Z", "twice"),
        ("Asia/Beirut", "2026-03-29T00:00", "2026-03-28T22:00Z", "01:00 is meant"),
        ("America/Havana", "2026-03-08T00:15", "2026-03-08T05:15Z", "01:15 is meant"),
        ("America/Havana", "2026-11-01T00:15", "2026-11-01T04:15Z", "twice"),
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T19:00Z", "2011-12-31 09:00 is meant"),
        ("Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00Z", None),
    ],
)
def test_what_clocks_skip_or_repeat_is_resolved_by_rule_and_said(
    name: str, local: str, instant: str, note: str | None
) -> None:
    resolved = parse_instant(local, local_time.zone(name))
    assert resolved.instant == datetime.fromisoformat(instant)
    assert (resolved.note is None) if note is None else (resolved.note is not None and note in resolved.note)


@pytest.mark.parametrize(
    ("name", "day", "instant"),
    [
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00Z"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00Z"),
        ("America/Havana", "2026-03-08", "2026-03-08T05:00Z"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00Z"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z"),
        # Clocks jumped from 00:01 back to 23:01: the date began twice; its first start counts.
        ("America/St_Johns", "2006-10-29", "2006-10-29T02:30Z"),
        # From 23:30 on 30 March 1919 clocks jumped to 00:30: that date has no midnight at its own hour.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z"),
    ],
)
def test_a_day_starts_at_its_first_instant_even_without_a_midnight(name: str, day: str, instant: str) -> None:
    assert start_of_day(date.fromisoformat(day), local_time.zone(name)) == datetime.fromisoformat(instant)


def test_a_day_that_apia_skipped_does_not_exist() -> None:
    assert not day_exists(date(2011, 12, 30), local_time.zone("Pacific/Apia"))
    assert day_exists(date(2011, 12, 29), local_time.zone("Pacific/Apia"))


def test_a_time_that_carries_an_offset_is_not_taken_for_local() -> None:
    with pytest.raises(ValueError):
        resolve(datetime(2026, 1, 1, tzinfo=UTC), local_time.zone("UTC"))
    with pytest.raises(ValueError):
        reached(datetime(2026, 1, 1, tzinfo=UTC), local_time.zone("UTC"))


def test_a_fold_flag_does_not_choose_the_second_pass() -> None:
    zone = local_time.zone("America/New_York")
    assert resolve(datetime(2026, 11, 1, 1, 30, fold=1), zone) == resolve(datetime(2026, 11, 1, 1, 30), zone)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-08T09:00:00Z", "2026-03-08T09:00:00+00:00"),
        ("2026-03-08t09:00:00z", "2026-03-08T09:00:00+00:00"),
        ("2026-03-08 09:00:00Z", "2026-03-08T09:00:00+00:00"),
        ("2026-03-08T09:00:00+05:30", "2026-03-08T03:30:00+00:00"),
        ("2026-03-08T09:00:00-00:00", "2026-03-08T09:00:00+00:00"),
        ("2026-03-08T09:00-23:59", "2026-03-09T08:59:00+00:00"),
        ("2026-03-08T09:00:00.123456Z", "2026-03-08T09:00:00.123456+00:00"),
        ("2026-03-08T09:00:00.5Z", "2026-03-08T09:00:00.500000+00:00"),
        ("2026-03-08T09:00:00.123456789Z", "2026-03-08T09:00:00.123456+00:00"),
        ("2026-07-08T09:00", "2026-07-08T07:00:00+00:00"),
        ("2026-07-08T09:00:01.000001", "2026-07-08T07:00:01.000001+00:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
        ("1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00+00:00"),
        ("2200-12-31T23:59:59.999999Z", "2200-12-31T23:59:59.999999+00:00"),
    ],
)
def test_instants_are_read_to_the_microsecond(text: str, instant: str) -> None:
    resolved = parse_instant(text, local_time.zone("Europe/Berlin"))
    assert resolved.instant.isoformat() == instant and resolved.note is None


BAD_INSTANTS = [
    "",
    "now",
    "2026-03-08",
    "20260308T090000Z",
    "2026-03-08T09",
    "2026-03-08T09:00:00+0530",
    "2026-03-08T09:00:00+05",
    "2026-03-08T09:00:00+24:00",
    "2026-03-08T09:00:00 Z",
    "2026-03-08T09:00:00Z\n",
    " 2026-03-08T09:00:00Z",
    "2026-03-08T09:00:00,5Z",
    "2026-03-08T09:00:00.Z",
    "2026-03-08T24:00:00Z",
    "2026-03-08T09:60:00Z",
    "2026-03-08T09:00:60Z",
    "2026-02-29T09:00:00Z",
    "2026-13-01T09:00:00Z",
    "2026-W10-1T09:00:00Z",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+00:01",
    "2201-01-01T00:00:00Z",
    "2200-12-31T23:59:59-01:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "\uff12026-03-08T09:00:00Z",
    "2026-03-08T09:00:00Z" * 100,
]


@pytest.mark.parametrize("text", BAD_INSTANTS)
def test_everything_else_is_refused_with_what_was_given_and_what_was_expected(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_instant(text, local_time.zone("Europe/Berlin"), field="from")
    assert caught.value.code == "invalid_time"
    assert caught.value.data["field"] == "from"
    assert caught.value.data["given"] == text[:60]
    assert caught.value.data["expected"]


@given(st.text(max_size=40))
@example("\ud800")
@example("2026-03-08T09:00:00\x00")
def test_no_text_makes_parsing_fail_otherwise(text: str) -> None:
    for parse in (lambda: parse_instant(text, local_time.zone("Europe/Berlin")), lambda: parse_date(text)):
        try:
            parse()
        except Refusal as refusal:
            assert refusal.code == "invalid_time"
            str(refusal.data["given"]).encode()


def test_a_value_that_is_no_text_is_refused() -> None:
    for value in (None, 17, True, ["2026-03-08T09:00:00Z"]):
        with pytest.raises(Refusal):
            parse_instant(value, local_time.zone("UTC"))  # type: ignore[arg-type]
        with pytest.raises(Refusal):
            parse_date(value)  # type: ignore[arg-type]


def test_dates_are_read_in_one_form_only() -> None:
    assert parse_date("2028-02-29") == date(2028, 2, 29)
    for text in (
        "2026-02-29",
        "20260308",
        "2026-3-8",
        "2026-W10-1",
        "08.03.2026",
        "2026-03-08T00:00",
        "1969-12-31",
        "2201-01-01",
    ):
        with pytest.raises(Refusal) as caught:
            parse_date(text, field="arrival")
        assert caught.value.code == "invalid_time" and caught.value.data["field"] == "arrival"


def test_a_zone_is_one_object() -> None:
    assert local_time.zone("Asia/Kolkata") is local_time.zone("Asia/Kolkata")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("europe/berlin", "Europe/Berlin"),
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("../etc/passwd", None),
        ("/etc/localtime", None),
        ("localtime", None),
        ("America", None),
        ("right/UTC", None),
        ("", None),
        ("UTC\x00", None),
        ("x" * 10_000, None),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_names(name: str, hint: str | None) -> None:
    with pytest.raises(Refusal) as caught:
        local_time.zone(name)
    assert caught.value.code == "invalid_settings"
    assert caught.value.data["field"] == "time_zone" and caught.value.data["given"] == name[:60]
    if hint is not None:
        assert hint in caught.value.data["hint"]
