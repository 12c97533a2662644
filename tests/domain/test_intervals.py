"""Lists of intervals, compared with plain sets of minutes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.domain.intervals import Interval, gaps, intersect, interval, merge, subtract

ORIGIN = datetime(2026, 3, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return ORIGIN + timedelta(minutes=minute)


def between(start: int, end: int) -> Interval:
    return Interval(at(start), at(end))


def minutes(intervals: list[Interval]) -> set[int]:
    found: set[int] = set()
    for each in intervals:
        start = (each.start - ORIGIN) // timedelta(minutes=1)
        end = (each.end - ORIGIN) // timedelta(minutes=1)
        found.update(range(start, end))
    return found


# Unchecked on purpose: an empty or reversed one must count as nothing.
anything = st.builds(between, st.integers(0, 60), st.integers(0, 60))
some = st.lists(anything, max_size=8)
proper = st.tuples(st.integers(0, 60), st.integers(0, 60)).filter(lambda p: p[0] < p[1]).map(lambda p: between(*p))


def is_tidy(intervals: list[Interval]) -> bool:
    ends = [each.end for each in intervals]
    starts = [each.start for each in intervals]
    return all(each.start < each.end for each in intervals) and all(
        end < start for end, start in zip(ends, starts[1:], strict=False)
    )


@given(some)
def test_merge_keeps_every_minute_in_the_fewest_intervals(taken: list[Interval]) -> None:
    merged = merge(taken)
    assert minutes(merged) == minutes(taken)
    assert is_tidy(merged)
    assert merge(merged) == merged


@given(some, proper)
def test_gaps_and_taken_share_out_the_whole(taken: list[Interval], within: Interval) -> None:
    free = gaps(taken, within)
    whole = minutes([within])
    assert minutes(free) | (minutes(taken) & whole) == whole
    assert not minutes(free) & minutes(taken)
    assert is_tidy(free)


@given(some, proper, st.integers(0, 30))
def test_gaps_leave_out_only_what_is_too_short(taken: list[Interval], within: Interval, least: int) -> None:
    shortest = timedelta(minutes=least)
    assert gaps(taken, within, at_least=shortest) == [g for g in gaps(taken, within) if g.length >= shortest]


@given(some, some)
def test_intersect_and_subtract_are_those_of_sets(ones: list[Interval], others: list[Interval]) -> None:
    common, rest = intersect(ones, others), subtract(ones, others)
    assert minutes(common) == minutes(ones) & minutes(others)
    assert minutes(rest) == minutes(ones) - minutes(others)
    assert is_tidy(rest)
    assert merge(common + rest) == merge(ones)


@given(proper, proper)
def test_overlap_is_a_shared_minute_and_the_same_from_both_sides(one: Interval, other: Interval) -> None:
    assert one.overlaps(other) == other.overlaps(one) == bool(minutes([one]) & minutes([other]))
    assert one.covers(other) == (minutes([one]) >= minutes([other]))


def test_touching_intervals_do_not_overlap_and_an_end_is_not_contained() -> None:
    one, other = between(0, 10), between(10, 20)
    assert not one.overlaps(other)
    assert one.contains(at(0)) and not one.contains(at(10))
    assert one.length == timedelta(minutes=10)
    assert sorted([other, between(0, 12), one]) == [one, between(0, 12), other]


def test_a_checked_interval_is_in_utc() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    built = interval(datetime(2026, 3, 1, 5, 30, tzinfo=kolkata), at(60))
    assert built == between(0, 60) and built.start.tzinfo is UTC


@pytest.mark.parametrize(
    ("start", "end"),
    [(at(5), at(5)), (at(6), at(5)), (datetime(2026, 3, 1), at(5)), (at(5), datetime(2026, 3, 2))],
)
def test_an_empty_reversed_or_naive_interval_is_an_error(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError):
        interval(start, end)
