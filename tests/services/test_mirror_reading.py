"""How the mirror reads what other systems write: times, words, rows of nonsense."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.domain.local_time import zone
from holdfast.domain.mirror import rules_for
from holdfast.domain.policies import place_kinds, policy_of
from holdfast.services.mirror_mapping import BookingPlace, MirrorMapping, Vocabularies
from holdfast.services.mirror_times import Times, plain
from holdfast.services.mirror_words import WordError, folded, state_words, status_words
from tests.services.mirror_stage import Look, booking, look_at, room, rules_found, told

__all__ = ["look_at"]


def test_a_room_with_an_unknown_word_is_told_by_its_row(look_at: Look):
    report = look_at([room(1, "OCUPIED"), room(2, "AVAILABLE")], [])
    (found,) = report.not_understood
    assert found.where == "rooms.json, row 1" and "did you mean 'OCCUPIED'" in found.problem
    assert report.checked == 1 and not report.details


ODD_ROWS: list[Any] = [None, 7, [], {}, {"id": None}, {"id": {"a": 1}, "status": "OCCUPIED"}, {"id": 1, "status": {}}]


def test_rows_of_nonsense_are_reported_and_never_a_traceback(look_at: Look):
    report = look_at([*ODD_ROWS, room(1, "OCCUPIED")], [*ODD_ROWS, booking("b1", 1, "CheckedIn")])
    assert report.is_clean is False and not report.details
    assert len(report.not_understood) >= len(ODD_ROWS)


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.dates(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["$date", "$oid", "$numberLong", "x"]), inner, max_size=2)
        ),
        max_leaves=4,
    ),
    kind=st.sampled_from(place_kinds()),
)
@example(value=float("nan"), kind="cafe")
@example(value=10**400, kind="hotel")
@example(value="2027-03-08T25:00", kind="hotel")
def test_any_value_for_a_time_is_an_interval_or_a_sentence(value: Any, kind: str):
    times = Times(rules_for(kind, "Asia/Kolkata", {}, datetime(2027, 3, 8, tzinfo=UTC)), zone("Asia/Kolkata"))
    try:
        start, end = times.interval(plain(value), plain(value))
    except (ValueError, TypeError, OverflowError) as error:
        assert str(error)
    else:
        assert end is None or start < end


@given(
    start=st.datetimes(datetime(1980, 1, 1), datetime(2150, 1, 1)), minutes=st.integers(1, 100_000),
    offset=st.sampled_from(["UTC", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"]),
)  # fmt: skip
def test_however_an_instant_is_written_it_is_the_same(start: datetime, minutes: int, offset: str):
    first = start.replace(microsecond=start.microsecond // 1000 * 1000, tzinfo=UTC)
    last = first + timedelta(minutes=minutes)
    times = Times(rules_for("cafe", "UTC", {}, first), zone("UTC"))

    def forms(instant: datetime) -> list[Any]:
        milliseconds = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        local = instant.astimezone(ZoneInfo(offset))
        return [
            local.isoformat(), instant.isoformat(sep=" "), instant.replace(tzinfo=None).isoformat(), local,
            f"{instant.replace(tzinfo=None).isoformat()}Z", {"$date": milliseconds},
            {"$date": {"$numberLong": str(milliseconds)}}, {"$date": f"{instant.replace(tzinfo=None).isoformat()}Z"},
        ]  # fmt: skip

    for one, other in zip(forms(first), forms(last), strict=True):
        found = times.interval(plain(one), plain(other))
        assert abs(found[0] - first) < timedelta(milliseconds=1), one
        assert found[1] is not None and abs(found[1] - last) < timedelta(milliseconds=1), other


@pytest.mark.parametrize(
    ("given", "hours"),
    [
        (("2027-03-08", "2027-03-10"), ("2027-03-08T15:00", "2027-03-10T11:00")),
        (("2027-03-08T00:00:00.000Z", "2027-03-10T00:00:00.000Z"), ("2027-03-08T15:00", "2027-03-10T11:00")),
        (("2027-03-07T18:30:00Z", "2027-03-09T18:30:00Z"), ("2027-03-08T15:00", "2027-03-10T11:00")),
        (("2027-03-08", "2027-03-08"), ("2027-03-08T11:00", "2027-03-08T15:00")),
        (("2027-03-08T14:00", "2027-03-10"), ("2027-03-08T14:00", "2027-03-10T11:00")),
    ],
)
def test_nights_given_as_dates_or_midnights_have_the_hours_of_the_house(given: tuple[str, str], hours: tuple[str, str]):
    kolkata = zone("Asia/Kolkata")
    times = Times(rules_for("hotel", "Asia/Kolkata", {}, datetime(2027, 3, 8, tzinfo=UTC)), kolkata)
    found = times.interval(*given)
    assert [each.astimezone(kolkata).strftime("%Y-%m-%dT%H:%M") for each in found if each] == list(hours)


def test_a_date_of_another_order_is_read_when_its_format_is_said(look_at: Look):
    mapping = MirrorMapping(bookings=BookingPlace(time_format="%d/%m/%Y"))
    bookings = [booking("b1", 1, "CheckedIn", "09/03/2027", "12/03/2027")]
    assert look_at([room(1, "OCCUPIED")], bookings, mapping).is_clean


@given(word=st.text(max_size=12), kind=st.sampled_from(place_kinds()))
def test_a_word_is_understood_as_one_of_ours_or_not_at_all(word: str, kind: str):
    policy = policy_of(kind)
    for words, ours in ((status_words(policy, {}), policy.statuses), (state_words(policy, {}), policy.machine.states)):
        assert set(words.read(word)) <= set(ours)
        assert all(words.read(each.upper().replace("_", " ")) == (each,) for each in ours)
        assert folded(word) == folded(word.upper()) or len(word.upper()) != len(word)


def test_a_status_is_written_as_they_write_it(look_at: Look):
    def written(*statuses: str, given: dict[str, Any] | None = None) -> str | None:
        words = status_words(policy_of("hotel"), given or {})
        for status in statuses:
            words.read(status)
        return words.write("OUT_OF_SERVICE")

    assert written("OCCUPIED") == "OUT_OF_SERVICE"
    assert written("occupied", "available") == "out_of_service"
    assert written("Occupied") == "Out Of Service"
    assert written("Occupied", "out-of-service") == "out-of-service"
    assert written("Occupied", given={"OOO": "OUT_OF_SERVICE"}) == "OOO"
    assert written("Occupied", given={"VAC": "AVAILABLE"}) is None
    with pytest.raises(WordError, match="did you mean 'OCCUPIED'"):
        written(given={"X": "OCUPIED"})


def test_what_has_no_word_of_theirs_is_told_and_not_written(look_at: Look):
    words = Vocabularies(units={"VAC": "AVAILABLE", "OCC": "OCCUPIED"})
    report = look_at([room(1, "VAC")], [booking("b1", 1, "Reserved")], MirrorMapping(words=words), fix=True, at=None)
    assert rules_found(report)[:1] == ["no_word"] and not report.details
    one_for_two = Vocabularies(units={"VAC": ["AVAILABLE", "RESERVED"], "OCC": "OCCUPIED"})
    mapping = MirrorMapping(words=one_for_two)
    assert not look_at([room(1, "VAC")], [booking("b1", 1, "Reserved", "2027-03-10")], mapping).details
    assert told(look_at([room(1, "OCC")], [], mapping))[0][2] == "VAC"
