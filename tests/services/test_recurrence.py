"""Recurrence rules: what they yield on local clocks, and that no rule can make the server search for long."""

from datetime import UTC, date, datetime, time, timedelta
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import resolve, to_local, zone
from holdfast.services.recurrence import Nights, Occurrence, expand

HOUR = timedelta(hours=1)
BERLIN = zone("Europe/Berlin")
NEW_YORK = zone("America/New_York")
MONDAY_9 = datetime(2026, 3, 2, 9)


def days(found: list[Occurrence]) -> list[str]:
    return [each.date.isoformat() for each in found]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", ["2026-03-02", "2026-03-03", "2026-03-04"]),
        ("RRULE:FREQ=DAILY;INTERVAL=10;COUNT=2", ["2026-03-02", "2026-03-12"]),
        ("freq=weekly;byday=mo,th;count=3", ["2026-03-02", "2026-03-05", "2026-03-09"]),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,SU;COUNT=3", ["2026-03-02", "2026-03-15", "2026-03-16"]),
        ("FREQ=WEEKLY;COUNT=2;", ["2026-03-02", "2026-03-09"]),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=2", ["2026-03-03", "2026-03-10"]),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", ["2026-03-27", "2026-04-24"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", ["2026-03-31", "2026-05-31", "2026-07-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", ["2026-03-31", "2026-04-30"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=2", ["2028-02-29", "2032-02-29"]),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;COUNT=2", ["2028-02-29", "2032-02-29"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SA;COUNT=1", ["2027-01-02"]),
        ("FREQ=YEARLY;BYYEARDAY=-1;COUNT=1", ["2026-12-31"]),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=1", ["2026-05-18"]),
        ("FREQ=DAILY;UNTIL=20260304", ["2026-03-02", "2026-03-03", "2026-03-04"]),
        ("FREQ=DAILY;UNTIL=20260304T090000", ["2026-03-02", "2026-03-03", "2026-03-04"]),
        ("FREQ=DAILY;UNTIL=20260304T085959", ["2026-03-02", "2026-03-03"]),
        ("FREQ=DAILY;UNTIL=20260304T080000Z", ["2026-03-02", "2026-03-03", "2026-03-04"]),
        ("FREQ=DAILY;UNTIL=20260304T075959Z", ["2026-03-02", "2026-03-03"]),
        ("FREQ=DAILY;UNTIL=20260303T230000Z", ["2026-03-02", "2026-03-03"]),
    ],
)
def test_a_rule_yields_its_local_dates(rule: str, expected: list[str]) -> None:
    assert days(expand(rule, MONDAY_9, HOUR, BERLIN)) == expected


def test_until_in_utc_is_compared_in_utc_where_the_local_date_differs() -> None:
    kiritimati = zone("Pacific/Kiritimati")
    found = expand("FREQ=DAILY;UNTIL=20260303T190000Z", MONDAY_9, HOUR, kiritimati)
    assert days(found) == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert found[-1].interval.start == datetime(2026, 3, 3, 19, tzinfo=UTC)


def test_nine_stays_nine_when_clocks_change() -> None:
    found = expand("FREQ=WEEKLY;COUNT=6", MONDAY_9, HOUR, BERLIN)
    assert {to_local(each.interval.start, BERLIN).time() for each in found} == {time(9)}
    assert [each.interval.start.hour for each in found] == [8, 8, 8, 8, 7, 7]
    assert all(each.interval.length == HOUR and not each.notes for each in found)


def test_an_occurrence_in_a_gap_keeps_its_length_and_says_where_it_went() -> None:
    found = expand("FREQ=DAILY;COUNT=2", datetime(2026, 3, 7, 2, 30), timedelta(minutes=45), NEW_YORK)
    usual, moved = found
    assert not usual.notes and len(moved.notes) == 1 and "does not exist" in moved.notes[0]
    assert to_local(moved.interval.start, NEW_YORK).time() == time(3, 30)
    assert moved.interval.length == timedelta(minutes=45)


def test_an_occurrence_in_a_repeated_hour_takes_the_first_and_says_so() -> None:
    found = expand("FREQ=DAILY;COUNT=2", datetime(2026, 10, 31, 1, 30), timedelta(minutes=15), NEW_YORK)
    assert found[1].interval.start == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert [("twice" in note) for note in found[1].notes] == [True, True]


def test_a_night_shift_ends_at_its_local_hour_though_clocks_change() -> None:
    found = expand("FREQ=DAILY;COUNT=2", datetime(2026, 3, 28, 22), timedelta(hours=8), BERLIN)
    assert [to_local(each.interval.end, BERLIN).hour for each in found] == [6, 6]
    assert [each.interval.length for each in found] == [timedelta(hours=7), timedelta(hours=8)]


def test_a_length_in_nights_ends_at_check_out() -> None:
    found = expand("FREQ=WEEKLY;COUNT=2", datetime(2026, 3, 27, 15), Nights(2, time(11)), BERLIN)
    ends = [to_local(each.interval.end, BERLIN).replace(tzinfo=None) for each in found]
    assert ends == [datetime(2026, 3, 29, 11), datetime(2026, 4, 5, 11)]


def test_excluded_dates_are_left_out_and_use_up_count() -> None:
    found = expand("FREQ=DAILY;COUNT=3", MONDAY_9, HOUR, BERLIN, exclude={date(2026, 3, 3)})
    assert days(found) == ["2026-03-02", "2026-03-04"]


def test_a_date_that_the_zone_left_out_does_not_occur() -> None:
    apia = zone("Pacific/Apia")
    found = expand("FREQ=DAILY;COUNT=4", datetime(2011, 12, 28, 9), HOUR, apia)
    assert days(found) == ["2011-12-28", "2011-12-29", "2011-12-31"]
    starts = [each.interval.start for each in found]
    assert starts == sorted(set(starts))


def test_microseconds_of_the_first_start_are_kept() -> None:
    found = expand("FREQ=DAILY;COUNT=2", MONDAY_9.replace(microsecond=7), HOUR, BERLIN)
    assert {each.interval.start.microsecond for each in found} == {7}


REFUSED = [
    "",
    "  ",
    "every monday",
    "FREQ",
    "FREQ=;COUNT=1",
    "COUNT=3",
    "FREQ=FORTNIGHTLY;COUNT=3",
    "FREQ=HOURLY;COUNT=3",
    "FREQ=MINUTELY;COUNT=3",
    "FREQ=SECONDLY;COUNT=3",
    "FREQ=DAILY",
    "FREQ=DAILY;COUNT=367",
    "FREQ=DAILY;COUNT=0",
    "FREQ=DAILY;COUNT=-1",
    "FREQ=DAILY;COUNT=1e3",
    "FREQ=DAILY;COUNT=99999999999999999999",
    "FREQ=DAILY;COUNT=3;COUNT=4",
    "FREQ=DAILY;COUNT=3;UNTIL=20260401",
    "FREQ=DAILY;UNTIL=20270401",
    "FREQ=DAILY;UNTIL=22010101",
    "FREQ=DAILY;UNTIL=99999999",
    "FREQ=DAILY;UNTIL=20260230",
    "FREQ=DAILY;UNTIL=2026-04-01",
    "FREQ=DAILY;UNTIL=20260401T090060Z",
    "FREQ=DAILY;UNTIL=20260401Z",
    "FREQ=DAILY;UNTIL=20260301",
    "FREQ=DAILY;UNTIL=20260302T085959",
    "FREQ=DAILY;INTERVAL=0;COUNT=3",
    "FREQ=DAILY;INTERVAL=-1;COUNT=3",
    "FREQ=DAILY;INTERVAL=1000;COUNT=3",
    "FREQ=YEARLY;INTERVAL=999;COUNT=3",
    "FREQ=DAILY;BYHOUR=9,10;COUNT=3",
    "FREQ=DAILY;BYMINUTE=0;COUNT=3",
    "FREQ=DAILY;BYSECOND=0;COUNT=3",
    "FREQ=DAILY;BYEASTER=0;COUNT=3",
    "FREQ=DAILY;BYMONTH=13;COUNT=3",
    "FREQ=DAILY;BYMONTH=-1;COUNT=3",
    "FREQ=DAILY;BYMONTHDAY=32;COUNT=3",
    "FREQ=DAILY;BYMONTHDAY=0;COUNT=3",
    "FREQ=DAILY;BYMONTHDAY=1,,2;COUNT=3",
    "FREQ=DAILY;BYDAY=XX;COUNT=3",
    "FREQ=DAILY;BYDAY=1MO;COUNT=3",
    "FREQ=WEEKLY;BYDAY=1MO;COUNT=3",
    "FREQ=MONTHLY;BYDAY=0MO;COUNT=3",
    "FREQ=MONTHLY;BYDAY=53MO;COUNT=3",
    "FREQ=YEARLY;BYMONTH=12;BYDAY=-53MO;COUNT=3",
    "FREQ=YEARLY;BYDAY=54MO;COUNT=3",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO;COUNT=3",
    "FREQ=WEEKLY;BYMONTHDAY=1;COUNT=3",
    "FREQ=MONTHLY;BYYEARDAY=1;COUNT=3",
    "FREQ=MONTHLY;BYWEEKNO=1;COUNT=3",
    "FREQ=DAILY;BYSETPOS=1;COUNT=3",
    "FREQ=DAILY;WKST=1;COUNT=3",
    "FREQ=DAILY;X-NAME=1;COUNT=3",
    "DTSTART:20260301T090000\nRRULE:FREQ=DAILY;COUNT=3",
    "FREQ=DAILY;DTSTART=20260301T090000;COUNT=3",
    "RRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260303T090000",
    "FREQ=DAILY;COUNT=3;BYMONTH=" + ",".join(["1"] * 300),
    "FREQ=DAILY;COUNT=\u0663",
    "FREQ=DAILY;COUNT=3;\x00=1",
    "FREQ=DAILY;COUNT=3;\ud800",
]
# Each of these makes dateutil search up to the year 9999, the daily and weekly ones for seconds.
NEVER = [
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20270101",
    "FREQ=DAILY;BYDAY=MO;BYSETPOS=2;COUNT=1",
    "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=8;COUNT=1",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=4;COUNT=1",
    "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1;COUNT=1",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
    "FREQ=YEARLY;BYMONTH=6;BYWEEKNO=53;COUNT=1",
    "FREQ=YEARLY;BYDAY=MO;BYSETPOS=54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70;COUNT=1",
    "FREQ=WEEKLY;BYDAY=MO;COUNT=1;BYSETPOS=" + ",".join(str(n) for n in range(8, 39)),
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU;COUNT=300",
]


@pytest.mark.parametrize("rule", REFUSED)
def test_a_rule_that_cannot_be_meant_is_refused_with_what_to_do(rule: str) -> None:
    with pytest.raises(Refusal) as caught:
        expand(rule, MONDAY_9, HOUR, BERLIN)
    assert caught.value.code == "invalid_recurrence"
    assert caught.value.data["problem"] and caught.value.data["hint"]
    assert len(caught.value.data["given"]) <= 60
    str(caught.value.data).encode()


@pytest.mark.parametrize("rule", NEVER)
def test_a_rule_that_never_comes_is_refused_without_a_long_search(rule: str) -> None:
    began = monotonic()
    with pytest.raises(Refusal) as caught:
        expand(rule, MONDAY_9, HOUR, BERLIN)
    assert caught.value.code == "invalid_recurrence" and "match" in caught.value.data["problem"]
    # At most 0.1 s each on a quiet core; dateutil alone needs up to 8 s.
    assert monotonic() - began < 2


def test_the_last_match_is_enough_though_no_other_ever_comes() -> None:
    found = expand("FREQ=MONTHLY;INTERVAL=999;BYMONTHDAY=2;COUNT=1", MONDAY_9, HOUR, BERLIN)
    assert days(found) == ["2026-03-02"]
    assert days(expand("FREQ=DAILY;COUNT=1", datetime(2200, 12, 31, 9), HOUR, BERLIN)) == ["2200-12-31"]


def test_all_dates_excluded_is_a_rule_that_matches_nothing() -> None:
    with pytest.raises(Refusal) as caught:
        expand("FREQ=DAILY;COUNT=1", MONDAY_9, HOUR, BERLIN, exclude=[date(2026, 3, 2)])
    assert caught.value.code == "invalid_recurrence"


def test_the_limit_is_the_callers() -> None:
    assert len(expand("FREQ=DAILY;COUNT=5", MONDAY_9, HOUR, BERLIN, limit=5)) == 5
    for rule in ("FREQ=DAILY;COUNT=6", "FREQ=DAILY;UNTIL=20260307"):
        with pytest.raises(Refusal):
            expand(rule, MONDAY_9, HOUR, BERLIN, limit=5)


def test_a_year_of_days_is_within_the_limit() -> None:
    found = expand("FREQ=DAILY;COUNT=366", MONDAY_9, HOUR, BERLIN)
    assert len(found) == 366 and found[-1].date == date(2027, 3, 2)


@pytest.mark.parametrize("length", [timedelta(0), timedelta(hours=-1), Nights(0, time(9))])
def test_a_length_that_is_none_is_an_error(length: timedelta | Nights) -> None:
    with pytest.raises(ValueError):
        expand("FREQ=DAILY;COUNT=1", MONDAY_9, length, BERLIN)


def test_a_first_start_with_an_offset_is_an_error() -> None:
    with pytest.raises(ValueError):
        expand("FREQ=DAILY;COUNT=1", MONDAY_9.replace(tzinfo=UTC), HOUR, BERLIN)


zones = st.sampled_from(["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana"])


@settings(deadline=None, max_examples=50)
@given(
    zones,
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
    st.integers(1, 40),
    st.integers(1, 366),
    st.integers(1, 3000),
)
def test_every_nth_day_is_what_counting_days_says(
    name: str, first: datetime, interval: int, count: int, minutes: int
) -> None:
    place, length = zone(name), timedelta(minutes=minutes)
    found = expand(f"FREQ=DAILY;INTERVAL={interval};COUNT={count}", first, length, place)
    assert [each.date for each in found] == [first.date() + n * interval * timedelta(days=1) for n in range(count)]
    for each in found:
        expected = resolve(datetime.combine(each.date, first.time()), place)
        assert each.interval.start == expected.instant
        assert each.interval.start < each.interval.end
        assert expected.note is None or expected.note in each.notes


PARTS = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=WEEKLY",
        "FREQ=MONTHLY",
        "FREQ=YEARLY",
        "COUNT=5",
        "UNTIL=20280101",
        "INTERVAL=3",
        "BYDAY=MO,-1FR",
        "BYDAY=MO,TU",
        "BYDAY=-53SU",
        "BYDAY=5MO",
        "BYMONTH=2,12",
        "BYMONTHDAY=-31,29",
        "WKST=SU",
        "BYYEARDAY=366,-366",
        "BYWEEKNO=53,-53,1",
        "BYSETPOS=-1,1",
        "BYSETPOS=366",
        "",
        "=",
        "BYDAY=",
        "RRULE:",
    ]
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(PARTS, min_size=1, max_size=8, unique=True),
    st.sampled_from([MONDAY_9, datetime(2199, 12, 31, 23)]),
)
def test_no_combination_of_parts_fails_otherwise_than_by_refusal(parts: list[str], first: datetime) -> None:
    try:
        found = expand(";".join(parts), first, HOUR, BERLIN)
    except Refusal as refusal:
        assert refusal.code == "invalid_recurrence"
    else:
        starts = [each.interval.start for each in found]
        assert starts == sorted(set(starts)) and 0 < len(found) <= 366
