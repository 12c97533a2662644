"""Slots and nights, also on the days on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import resolve, to_local, zone
from holdfast.domain.opening import (
    find_slot,
    nights,
    nights_between,
    parse_slots,
    slots_covering,
    slots_of,
)
from holdfast.domain.slots import spoken_time
from tests.domain.places import PLACES, places

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
BERLIN = zone("Europe/Berlin")
NEW_YORK = zone("America/New_York")


SEED = parse_slots({"first": "08:00", "minutes": 60, "count": 11})
MARCH_1 = date(2026, 3, 1)


def test_slots_are_named_as_the_seed_names_them() -> None:
    assert [slot.name for slot in slots_of(SEED, MARCH_1, BERLIN)] == [
        "8-9 AM",
        "9-10 AM",
        "10-11 AM",
        "11 AM-12 PM",
        "12-1 PM",
        "1-2 PM",
        "2-3 PM",
        "3-4 PM",
        "4-5 PM",
        "5-6 PM",
        "6-7 PM",
    ]


@pytest.mark.parametrize(
    ("first", "minutes", "name"),
    [
        ("09:30", 60, "9:30-10:30 AM"),
        ("11:30", 60, "11:30 AM-12:30 PM"),
        ("00:00", 60, "12-1 AM"),
        ("23:00", 60, "11 PM-12 AM"),
        ("10:00", 120, "10 AM-12 PM"),
        ("12:00", 30, "12-12:30 PM"),
        ("09:00", 1440, "9 AM-9 AM"),
        ("09:00", 1380, "9 AM-8 AM"),
        ("23:30", 60, "11:30 PM-12:30 AM"),
    ],
)
def test_a_slot_name_is_unambiguous(first: str, minutes: int, name: str) -> None:
    rule = parse_slots({"first": first, "minutes": minutes, "count": 1})
    assert [slot.name for slot in slots_of(rule, MARCH_1, BERLIN)] == [name]


@given(st.sampled_from([5, 15, 20, 30, 45, 60, 90, 120]), st.integers(0, 1439), st.integers(1, 288))
def test_every_slot_of_a_day_has_its_own_name_and_is_found_by_it(minutes: int, first: int, count: int) -> None:
    count = min(count, 1440 // minutes)
    rule = parse_slots({"first": f"{first // 60:02}:{first % 60:02}", "minutes": minutes, "count": count})
    slots = slots_of(rule, MARCH_1, BERLIN)
    assert len({slot.name for slot in slots}) == count
    for slot in (slots[0], slots[count // 2], slots[-1]):
        assert find_slot(rule, slot.name, MARCH_1, BERLIN) == slot
        assert find_slot(rule, slot.index, MARCH_1, BERLIN) == slot
        starts = to_local(slot.interval.start, BERLIN)
        assert find_slot(rule, f"{starts:%H:%M}", MARCH_1, BERLIN) == slot
        assert slots_covering(rule, slot.interval, BERLIN) == [slot]


@pytest.mark.parametrize(
    ("given", "index"),
    [
        ("9-10 AM", 1),
        (" 9 - 10  am ", 1),
        ("9–10 AM", 1),  # noqa: RUF001 (people paste dashes)
        ("9—10am", 1),
        ("9 AM-10 AM", 1),
        ("09:00", 1),
        ("9:00", 1),
        ("09:00-10:00", 1),
        ("9 am", 1),
        (1, 1),
        ("11 AM-12 PM", 3),
        ("11-12 PM", 3),
        ("12-1 PM", 4),
        ("12:00", 4),
        ("6-7 pm", 10),
        ("9:00 AM - 10:00 AM", 1),
        ("09:00 am-10:00 am", 1),
        ("9:00-10:00 AM", 1),
        ("11:00 AM - 12:00 PM", 3),
        ("11:00-12:00 pm", 3),
        ("6:00 PM", 10),
    ],
)
def test_a_slot_is_found_however_people_write_it(given: str | int, index: int) -> None:
    assert find_slot(SEED, given, MARCH_1, BERLIN).index == index


@pytest.mark.parametrize(
    "given", ["", "7-8 AM", "9-10 PM", "9-11 AM", "09:30", "1", 11, -1, True, None, "9-10 AM" * 99]
)
def test_an_unknown_slot_is_refused_with_the_names_there_are(given: str | int) -> None:
    with pytest.raises(Refusal) as caught:
        find_slot(SEED, given, MARCH_1, BERLIN)
    assert caught.value.code == "unknown_slot"
    assert caught.value.data["given"] == str(given)[:60]
    assert len(caught.value.data["slots"]) == 11


@settings(deadline=None)
@given(places, st.sampled_from([30, 60, 90, 120]), st.integers(0, 47), st.integers(-2, 2))
def test_the_name_and_date_by_which_people_speak_of_a_slot_find_it(
    drawn: tuple[str, date], minutes: int, first: int, days: int
) -> None:
    place, day = zone(drawn[0]), drawn[1] + days * DAY
    rule = parse_slots({"first": f"{first // 2:02}:{first % 2 * 30:02}", "minutes": minutes, "count": 1440 // minutes})
    for slot in slots_of(rule, day, place):
        spoken_on, name = spoken_time(rule, slot.interval, place)
        assert find_slot(rule, name, spoken_on, place).interval == slot.interval


def test_a_time_that_is_no_one_slot_is_spoken_of_by_its_hours() -> None:
    eight = datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert spoken_time(SEED, Interval(eight, eight + 120 * MINUTE), BERLIN) == (MARCH_1, "8-10 AM")
    assert spoken_time(SEED, Interval(eight + 210 * MINUTE, eight + 270 * MINUTE), BERLIN)[1] == "11:30 AM-12:30 PM"
    assert spoken_time(None, Interval(eight, eight + 60 * MINUTE), BERLIN) == (MARCH_1, "8-9 AM")
    late = parse_slots([{"name": "Late", "from": "22:00", "to": "00:30"}, {"from": "00:30", "to": "02:00"}])
    (_, night) = slots_of(late, MARCH_1, BERLIN)
    assert spoken_time(late, night.interval, BERLIN) == (MARCH_1, "12:30-2 AM")


def test_named_slots_keep_their_names_and_order() -> None:
    rule = parse_slots(
        [
            {"name": "Evening", "from": "18:00", "to": "22:00"},
            {"name": "Late", "from": "22:00", "to": "00:30"},
            {"from": "00:30", "to": "02:00"},
            {"name": "Morning", "from": "08:00", "to": "12:00"},
        ]
    )
    slots = slots_of(rule, MARCH_1, BERLIN)
    assert [slot.name for slot in slots] == ["Morning", "Evening", "Late", "12:30-2 AM"]
    assert slots[-1].interval.start == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert find_slot(rule, "00:30", MARCH_1, BERLIN) == slots[-1]
    assert slots_covering(rule, slots[-1].interval, BERLIN) == [slots[-1]]
    run = Interval(slots[1].interval.start, slots[-1].interval.end)
    assert slots_covering(rule, run, BERLIN) == slots[1:]
    assert slots_covering(rule, Interval(slots[0].interval.start, slots[-1].interval.end), BERLIN) is None


def test_a_run_of_slots_may_pass_midnight_where_slots_fill_the_day() -> None:
    rule = parse_slots({"first": "00:00", "minutes": 60, "count": 24})
    late = datetime(2026, 3, 1, 22, tzinfo=UTC)
    covered = slots_covering(rule, Interval(late, late + 120 * MINUTE), BERLIN)
    assert covered is not None and [slot.name for slot in covered] == ["11 PM-12 AM", "12-1 AM"]
    year = Interval(late, late + 400 * DAY)
    assert slots_covering(rule, year, BERLIN) is None


@pytest.mark.parametrize(("start", "end"), [(1, 60), (0, 59), (0, 61), (-60, 0), (0, 661), (30, 90), (-30, 60)])
def test_an_interval_that_is_no_run_of_slots_is_covered_by_none(start: int, end: int) -> None:
    eight = datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert slots_covering(SEED, Interval(eight + start * MINUTE, eight + end * MINUTE), BERLIN) is None


@settings(deadline=None)
@given(places, st.sampled_from([15, 20, 30, 45, 60, 90, 120]), st.integers(0, 95))
def test_slots_of_a_full_day_leave_no_gap_and_no_overlap_where_clocks_change(
    drawn: tuple[str, date], minutes: int, first: int
) -> None:
    place, middle = zone(drawn[0]), drawn[1]
    rule = parse_slots({"first": f"{first // 4:02}:{first % 4 * 15:02}", "minutes": minutes, "count": 1440 // minutes})
    if 1440 % minutes:
        return
    slots = [slot for n in range(-2, 3) for slot in slots_of(rule, middle + n * DAY, place)]
    for earlier, later in pairwise(slots):
        assert earlier.interval.end == later.interval.start
    for slot in slots:
        is_usual = slot.interval.length == minutes * MINUTE
        assert (slot.note is None) == is_usual
        assert slots_covering(rule, slot.interval, place) == [slot]
    assert slots_covering(rule, Interval(slots[0].interval.start, slots[-1].interval.end), place) == slots


def test_a_slot_that_clocks_skip_does_not_exist_on_that_day() -> None:
    rule = parse_slots({"first": "00:00", "minutes": 60, "count": 6})
    names = [slot.name for slot in slots_of(rule, date(2026, 3, 8), NEW_YORK)]
    assert names == ["12-1 AM", "1-2 AM", "3-4 AM", "4-5 AM", "5-6 AM"]
    with pytest.raises(Refusal) as caught:
        find_slot(rule, "2-3 AM", date(2026, 3, 8), NEW_YORK)
    assert "2-3 AM" in caught.value.data["note"] and "2-3 AM" not in caught.value.data["slots"]


def test_a_slot_with_a_repeated_hour_says_how_long_it_lasts() -> None:
    rule = parse_slots({"first": "01:00", "minutes": 60, "count": 1})
    slot = find_slot(rule, 0, date(2026, 11, 1), NEW_YORK)
    assert slot.interval.length == 120 * MINUTE and slot.note is not None and "120 minutes" in slot.note


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "slots"),
        ("08:00", "slots"),
        ([], "slots"),
        ({}, "slots"),
        ({"first": "08:00", "minutes": 60}, "slots"),
        ({"first": "08:00", "minutes": 60, "count": 11, "gap": 5}, "slots"),
        ({"first": "8", "minutes": 60, "count": 11}, "slots.first"),
        ({"first": "08:00", "minutes": 0, "count": 11}, "slots.minutes"),
        ({"first": "08:00", "minutes": 60.5, "count": 11}, "slots.minutes"),
        ({"first": "08:00", "minutes": True, "count": 11}, "slots.minutes"),
        ({"first": "08:00", "minutes": 60, "count": 0}, "slots.count"),
        ({"first": "08:00", "minutes": 60, "count": 25}, "slots"),
        ({"first": "24:00", "minutes": 60, "count": 1}, "slots"),
        ([{"name": "A", "from": "08:00"}], "slots[0]"),
        ([{"name": "A", "from": "08:00", "to": "09:00", "price": 3}], "slots[0]"),
        ([{"name": " ", "from": "08:00", "to": "09:00"}], "slots[0].name"),
        ([{"name": "A" * 61, "from": "08:00", "to": "09:00"}], "slots[0].name"),
        ([{"from": "08:00", "to": "10:00"}, {"from": "09:00", "to": "11:00"}], "slots"),
        ([{"from": "08:00", "to": "10:00"}, {"from": "22:00", "to": "09:00"}], "slots"),
        (
            [{"name": "a b", "from": "08:00", "to": "10:00"}, {"name": "AB", "from": "10:00", "to": "11:00"}],
            "slots",
        ),
        ([17], "slots[0]"),
    ],
)
def test_malformed_slots_are_refused_by_their_field(value: object, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_slots(value)
    assert caught.value.code == "invalid_settings" and caught.value.data["field"] == field


# --- nights ---

CHECK_IN, CHECK_OUT = time(15), time(11)


@pytest.mark.parametrize(("name", "middle"), PLACES[:-1])
@pytest.mark.parametrize("count", [1, 2, 14])
def test_a_night_is_a_night_though_clocks_change(name: str, middle: date, count: int) -> None:
    place = zone(name)
    for arrival in (middle - DAY, middle):
        stay, notes = nights(arrival, count, check_in=CHECK_IN, check_out=CHECK_OUT, zone=place)
        assert nights_between(stay, place) == [arrival + i * DAY for i in range(count)]
        assert to_local(stay.start, place).time() == CHECK_IN and to_local(stay.end, place).time() == CHECK_OUT
        assert notes == ()


def test_a_check_in_hour_that_clocks_skip_is_resolved_and_said() -> None:
    cairo = zone("Africa/Cairo")
    stay, notes = nights(date(2026, 4, 24), 1, check_in=time(0, 30), check_out=CHECK_OUT, zone=cairo)
    assert to_local(stay.start, cairo).time() == time(1, 30)
    assert len(notes) == 1 and "does not exist" in notes[0]


def test_the_date_that_apia_skipped_is_no_night() -> None:
    apia = zone("Pacific/Apia")
    with pytest.raises(Refusal) as caught:
        nights(date(2011, 12, 30), 1, check_in=CHECK_IN, check_out=CHECK_OUT, zone=apia)
    assert caught.value.code == "invalid_time"
    stay, _ = nights(date(2011, 12, 29), 2, check_in=CHECK_IN, check_out=CHECK_OUT, zone=apia)
    assert nights_between(stay, apia) == [date(2011, 12, 29)]


def test_day_use_is_no_night_and_a_late_start_counts_its_own_date() -> None:
    noon = resolve(datetime(2026, 3, 1, 12), BERLIN).instant
    assert nights_between(Interval(noon, noon + 60 * MINUTE), BERLIN) == []
    assert nights_between(Interval(noon, noon + 24 * 60 * MINUTE), BERLIN) == [MARCH_1]


@pytest.mark.parametrize("count", [0, -1, 3661, True])
def test_a_stay_of_no_or_endless_nights_is_refused(count: int) -> None:
    with pytest.raises(Refusal) as caught:
        nights(MARCH_1, count, check_in=CHECK_IN, check_out=CHECK_OUT, zone=BERLIN)
    assert caught.value.code == "invalid_time" and caught.value.data["field"] == "nights"
