"""Opening hours and grids, compared with a walk over the clock minute by minute."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval, interval
from holdfast.domain.local_time import ZoneInfo, start_of_day, zone
from holdfast.domain.opening import (
    WEEKDAYS,
    is_open,
    next_on_grid,
    next_opening,
    on_grid,
    open_intervals,
    parse_hours,
    parse_slots,
)
from tests.domain.places import places

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
BERLIN = zone("Europe/Berlin")
NEW_YORK = zone("America/New_York")


# --- an oracle that knows nothing but how to read a clock ---


def walk(place: ZoneInfo, middle: date) -> tuple[datetime, list[datetime]]:
    """Six days of minutes around `middle`: the first instant, and the latest local time shown by each."""
    first = datetime.combine(middle, time(), UTC) - 3 * DAY
    latest: list[datetime] = []
    for i in range(6 * 1440):
        shown = (first + i * MINUTE).astimezone(place).replace(tzinfo=None, fold=0)
        latest.append(max(shown, latest[-1]) if latest else shown)
    return first, latest


def open_minutes(config: dict[str, list[list[str]]], latest: list[datetime]) -> list[bool]:
    """A minute is open when clocks have reached an opening and not yet its closing."""
    spans: list[tuple[datetime, datetime]] = []
    day = latest[0].date() - 2 * DAY
    while day <= latest[-1].date() + DAY:
        for opens, closes in config.get(day.isoformat(), config.get(WEEKDAYS[day.weekday()], [])):
            start, end = after_midnight(day, opens), after_midnight(day, closes)
            spans.append((start, end if end > start else end + DAY))
        day += DAY
    return [any(start <= shown < end for start, end in spans) for shown in latest]


def after_midnight(day: date, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return datetime.combine(day, time()) + timedelta(hours=int(hour), minutes=int(minute))


clocks = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
spans = st.tuples(clocks, st.one_of(clocks, st.just("24:00"))).map(list)
day_spans = st.lists(spans, max_size=3)


@st.composite
def configs(draw: st.DrawFn, middle: date) -> dict[str, list[list[str]]]:
    config = draw(st.dictionaries(st.sampled_from(WEEKDAYS), day_spans, min_size=1, max_size=7))
    near = st.integers(-2, 2).map(lambda n: (middle + n * DAY).isoformat())
    return config | draw(st.dictionaries(near, day_spans, max_size=2))


@settings(max_examples=60, deadline=None)
@given(st.data(), places)
def test_opening_agrees_with_a_walk_over_every_minute(data: st.DataObject, drawn: tuple[str, date]) -> None:
    place, middle = zone(drawn[0]), drawn[1]
    config = data.draw(configs(middle))
    hours = parse_hours(config)
    first, latest = walk(place, middle)
    expected = open_minutes(config, latest)

    window = open_intervals(hours, middle - DAY, middle + 2 * DAY, place)
    start, end = start_of_day(middle - DAY, place), start_of_day(middle + 2 * DAY, place)
    i, last = (start - first) // MINUTE, (end - first) // MINUTE
    listed = [any(each.contains(first + k * MINUTE) for each in window) for k in range(i, last)]
    assert listed == expected[i:last]

    for _ in range(20):
        begins = data.draw(st.integers(0, len(latest) - 2))
        ends = data.draw(
            st.integers(begins + 1, min(begins + data.draw(st.sampled_from([30, 120, 3000])), len(latest)))
        )
        asked = Interval(first + begins * MINUTE, first + ends * MINUTE)
        assert is_open(hours, asked, place) == all(expected[begins:ends])

    begins = data.draw(st.integers(1440, 4 * 1440))
    found = next_opening(hours, first + begins * MINUTE, place)
    ahead = next((k for k in range(begins, len(expected)) if expected[k]), None)
    if ahead is not None:
        assert found == first + ahead * MINUTE
    else:
        assert found is None or found >= first + len(expected) * MINUTE


def test_no_hours_mean_always_open() -> None:
    year = interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    for nothing in (None, {}, {"exceptions": {}}, {day: [["00:00", "24:00"]] for day in WEEKDAYS}):
        hours = parse_hours(nothing)
        assert hours.always and is_open(hours, year, BERLIN)
        assert next_opening(hours, year.start, BERLIN) == year.start
        assert len(open_intervals(hours, date(2026, 1, 1), date(2026, 2, 1), BERLIN)) == 1


def test_a_weekday_that_is_left_out_is_closed() -> None:
    hours = parse_hours({"mon": [["08:00", "22:00"]]})
    tuesday = interval(datetime(2026, 3, 3, 10, tzinfo=UTC), datetime(2026, 3, 3, 11, tzinfo=UTC))
    assert not is_open(hours, tuesday, BERLIN)
    assert next_opening(hours, tuesday.start, BERLIN) == datetime(2026, 3, 9, 7, tzinfo=UTC)


def test_dates_alone_are_exceptions_from_always_open() -> None:
    hours = parse_hours({"2026-12-25": []})
    eve = datetime(2026, 12, 24, 22, tzinfo=UTC)
    assert is_open(hours, interval(eve, eve + 60 * MINUTE), BERLIN)
    assert not is_open(hours, interval(eve, eve + 61 * MINUTE), BERLIN)
    assert next_opening(hours, eve + 60 * MINUTE, BERLIN) == eve + 25 * 60 * MINUTE


def test_an_exception_does_not_cut_the_night_before() -> None:
    hours = parse_hours({"thu": [["18:00", "02:00"]], "exceptions": {"2026-12-25": []}})
    christmas = datetime(2026, 12, 25, 0, 30, tzinfo=UTC)
    assert is_open(hours, interval(christmas, christmas + 30 * MINUTE), BERLIN)
    assert not is_open(hours, interval(christmas, christmas + 31 * MINUTE), BERLIN)


def test_spans_that_meet_at_midnight_are_one_opening() -> None:
    hours = parse_hours({"fri": [["20:00", "24:00"]], "sat": [["00:00", "03:00"]], "sun": [["00:00", "00:00"]]})
    late = datetime(2026, 3, 6, 19, tzinfo=UTC)
    assert is_open(hours, interval(late, late + 7 * 60 * MINUTE), BERLIN)
    assert not is_open(hours, interval(late, late + 7 * 60 * MINUTE + timedelta(microseconds=1)), BERLIN)
    assert len(open_intervals(hours, date(2026, 3, 6), date(2026, 3, 8), BERLIN)) == 1
    sunday = start_of_day(date(2026, 3, 8), BERLIN)
    assert is_open(hours, Interval(sunday, sunday + DAY), BERLIN)


def test_a_site_that_never_opens_has_no_next_opening() -> None:
    assert next_opening(parse_hours({"mon": []}), datetime(2026, 3, 1, tzinfo=UTC), BERLIN) is None
    once = parse_hours({"mon": [], "2029-05-01": [["10:00", "11:00"]]})
    assert next_opening(once, datetime(2026, 3, 1, tzinfo=UTC), BERLIN) == datetime(2029, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "hours"),
        ("08:00-22:00", "hours"),
        ({"funday": []}, "hours.funday"),
        ({"mon": "08:00"}, "hours.mon"),
        ({"mon": ["08:00", "22:00"]}, "hours.mon[0]"),
        ({"mon": [["08:00"]]}, "hours.mon[0]"),
        ({"mon": [["08:00", "10:00"], ["25:00", "26:00"]]}, "hours.mon[1]"),
        ({"mon": [["24:00", "02:00"]]}, "hours.mon[0]"),
        ({"mon": [["24:01", "02:00"]]}, "hours.mon[0]"),
        ({"mon": [[8, 22]]}, "hours.mon[0]"),
        ({"mon": [["08:00", "10:00"]] * 25}, "hours.mon"),
        ({"mon": None}, "hours.mon"),
        ({"mon": [], "Monday": []}, "hours.Monday"),
        ({"2026-02-30": []}, "hours.2026-02-30"),
        ({"exceptions": []}, "hours.exceptions"),
        ({"exceptions": {"mon": []}}, "hours.exceptions"),
        ({7: []}, "hours.7"),
    ],
)
def test_malformed_hours_are_refused_by_their_field(value: object, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_hours(value)
    assert caught.value.code == "invalid_settings" and caught.value.data["field"] == field
    assert caught.value.data["expected"]


@given(
    st.recursive(
        st.none() | st.text(max_size=6) | st.integers(),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["mon", "first", "minutes", "count", "from", "to", "name", "2026-01-01"]),
                x,
                max_size=3,
            )
        ),
    )
)
def test_no_setting_makes_parsing_fail_otherwise(value: object) -> None:
    for parse in (parse_hours, parse_slots):
        try:
            parse(value)
        except Refusal as refusal:
            assert refusal.code == "invalid_settings"


# --- grids ---


@settings(max_examples=300, deadline=None)
@given(places, st.integers(-1440, 1440), st.sampled_from([5, 7, 15, 30, 45, 60, 90, 720]))
def test_the_next_grid_instant_is_the_first_that_a_walk_finds(drawn: tuple[str, date], minutes: int, grid: int) -> None:
    place = zone(drawn[0])
    instant = start_of_day(drawn[1], place) + minutes * MINUTE
    step = instant
    while True:
        shown = step.astimezone(place)
        if (shown.hour * 60 + shown.minute) % grid == 0:
            break
        step += MINUTE
    assert next_on_grid(instant, grid, place) == step
    assert on_grid(instant, grid, place) == (step == instant)
    barely = timedelta(microseconds=1)
    assert not on_grid(step + barely, grid, place)
    assert next_on_grid(step - barely, grid, place) == step


def test_the_grid_is_that_of_the_local_clock_and_0_accepts_any_start() -> None:
    kolkata = zone("Asia/Kolkata")
    assert on_grid(datetime(2026, 3, 8, 3, 30, tzinfo=UTC), 60, kolkata)
    assert not on_grid(datetime(2026, 3, 8, 3, 0, tzinfo=UTC), 60, kolkata)
    assert on_grid(datetime(2026, 3, 8, 3, 0, 1, 7, tzinfo=UTC), 0, kolkata)
