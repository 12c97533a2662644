"""Verdicts, windows, progress, back-off and cron rules, as plain values."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from holdfast.domain.errors import Refusal
from holdfast.domain.sync.breaker import FAILURES_MAX, back_off_s, paused_until
from holdfast.domain.sync.progress import Progress, foretold
from holdfast.domain.sync.rows import Unreadable, amount
from holdfast.domain.sync.rules import following
from holdfast.domain.sync.verdicts import STAGE, Control, Verdict, ended, judge, overall
from holdfast.domain.sync.windows import OVERLAP, Reading, Window, carried_on, met, tail_of, window_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("theirs", "ours", "more", "state", "n"),
    [
        (Control(5), Control(5), {}, "verified", 0),
        (Control(5), Control(4), {}, "drift", 1),
        (Control(4), Control(6), {}, "drift", 2),
        (Control(), Control(5), {}, "unverifiable", 0),
        (Control(5), Control(5), {"warnings": ("hidden",)}, "unverifiable", 0),
        (Control(0), Control(0), {"held_before": 3}, "unverifiable", 3),
        (Control(0), Control(0), {}, "verified", 0),
        (Control(5), Control(5), {"rejects": 2}, "rejects", 2),
        (Control(5), Control(5), {"differences": 1, "rejects": 2}, "drift", 1),
        (Control(amounts=(("EUR", Decimal(5)),)), Control(amounts=(("EUR", Decimal("5.00")),)), {}, "verified", 0),
        (Control(amounts=(("EUR", Decimal(5)),)), Control(amounts=()), {}, "drift", 1),
    ],
)
def test_a_verdict_says_complete_or_why_not(theirs: Control, ours: Control, more: dict, state: str, n: int):
    verdict = judge(theirs, ours, **more)
    assert (verdict.state, verdict.n) == (state, n)
    assert (verdict.reason is None) == (state == "verified")


def test_a_run_ends_as_the_worst_of_its_stages():
    assert overall(["verified", "failed", "done"]) == "failed"
    assert overall(["verified", "drift", "left_out"]) == "drift"
    assert overall(["verified", "done"]) == "verified" and overall(["left_out"]) == "verified"


def test_a_stage_ends_once():
    assert ended("running", Verdict("drift", 1)) == "drift"
    with pytest.raises(Refusal, match="wrong_state"):
        ended("verified", Verdict("drift", 1))
    assert all(STAGE.is_final(state) for state in STAGE.states if state not in ("waiting", "running"))


def test_a_window_begins_behind_its_watermark_and_ends_on_a_whole_second():
    now = NOON.replace(microsecond=700_000)
    assert window_of("orders", None, now) == Window(NOON, None)
    assert window_of("orders", NOON, now).since == NOON - timedelta(minutes=10)
    assert window_of("ads", NOON, now).since == NOON - timedelta(days=28)
    # a clock that went back makes no window that ends before it begins
    assert window_of("orders", NOON + timedelta(days=1), now).since == NOON - OVERLAP["orders"]
    tail = tail_of("orders", Window(NOON, NOON - timedelta(minutes=3)), NOON + timedelta(seconds=9))
    assert tail == Window(NOON + timedelta(seconds=9), NOON - timedelta(minutes=3))


def test_what_is_shown_never_runs_backwards_and_never_exceeds_its_total():
    reading = met(Reading("incremental", Window(NOON), total=10), 8, "c")
    again = met(Reading("incremental", Window(NOON), total=10, done=8, met=0), 3, "c")
    assert (reading.done, again.done) == (8, 8)
    grown = met(reading, 5, None)
    assert (grown.done, grown.total) == (13, 13)
    assert carried_on(grown, "orders", NOON + timedelta(minutes=1)).done == 13


def test_an_end_is_foretold_only_from_a_total_and_earlier_reads():
    assert foretold(Progress(50, 100), [10.0, 20.0, 40.0]).eta_s == 2.5
    assert foretold(Progress(50, None), [10.0]).eta_s is None
    assert foretold(Progress(50, 100), []).eta_s is None


def test_a_breaker_opens_after_failures_in_a_row_and_for_ever_longer():
    assert paused_until(FAILURES_MAX - 1, NOON, 0.0) is None
    pauses = [paused_until(FAILURES_MAX + n, NOON, 0.0) - NOON for n in range(12)]  # type: ignore[operator]
    assert pauses == sorted(pauses) and pauses[0] == timedelta(minutes=1) and pauses[-1] == timedelta(hours=1)
    assert back_off_s(1, 0.5, asked_s=7.0) >= 7.0
    assert back_off_s(3, 0.0) <= back_off_s(3, 1.0) <= 30.0


@pytest.mark.parametrize("text", ["ten", "", "1,5", "NaN", "1e99", True, None, "0.0000001", 10**15])
def test_what_is_no_amount_is_never_taken_for_one(text: object):
    with pytest.raises(Unreadable):
        amount(text, "total")


def test_amounts_are_exact_and_in_their_shortest_form():
    assert amount("11.70", "total") == Decimal("11.7") and str(amount("11.70", "total")) == "11.7"
    assert amount(0.1, "total") + amount(0.2, "total") == Decimal("0.3")
    assert amount("-0.00", "total") == 0


@pytest.mark.parametrize(
    ("rule", "after", "expected"),
    [
        ("0 * * * *", "2026-03-02T12:00:30+00:00", "2026-03-02T13:00:00+00:00"),
        ("*/15 * * * *", "2026-03-02T12:15:00+00:00", "2026-03-02T12:30:00+00:00"),
        ("30 6,18 * * *", "2026-03-02T18:30:00+00:00", "2026-03-03T05:30:00+00:00"),
        ("0 8-9 * * *", "2026-03-02T12:00:00+00:00", "2026-03-03T07:00:00+00:00"),
        # 02:30 is not shown in the night when clocks go forward: right after the gap
        ("30 2 * * *", "2026-03-28T12:00:00+00:00", "2026-03-29T01:00:00+00:00"),
        ("0 4 * * mon", "2026-03-03T12:00:00+00:00", "2026-03-09T03:00:00+00:00"),
    ],
)
def test_a_rule_is_told_on_the_stores_own_clock(rule: str, after: str, expected: str):
    found = following(rule, datetime.fromisoformat(after), ZoneInfo("Europe/Berlin"))
    assert found == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "rule", ["", "* * *", "0 0 31 2 *", "60 * * * *", "*/0 * * * *", "a b * * *", "* * * * * *", "@every 5s"]
)
def test_a_rule_that_is_not_understood_is_refused(rule: str):
    with pytest.raises(Refusal):
        following(rule, NOON, ZoneInfo("UTC"))
