"""Several devices, and what a person says of themselves, become one word."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.domain.presence import ACTIVE, AWAY, BUSY, OFFLINE, UNKNOWN, Said, Shown, Sign, merged, shown

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEN = timedelta(minutes=10)


def sign(status: str = ACTIVE, *, idle_minutes: float = 0.0, ago_s: float = 0.0) -> Sign:
    return Sign(status, NOW - timedelta(minutes=idle_minutes), NOW - timedelta(seconds=ago_s))


def show(*signs: Sign, said: Said | None = None, is_known: bool = True, last_seen: datetime | None = None) -> Shown:
    return shown(signs, last_seen=last_seen, said=said, now=NOW, away_after=TEN, is_known=is_known)


@pytest.mark.parametrize(("one", "other"), list(product((BUSY, ACTIVE, AWAY), repeat=2)))
def test_of_two_devices_the_more_present_one_counts(one: str, other: str):
    order = [BUSY, ACTIVE, AWAY]
    assert merged([sign(one), sign(other)], NOW, TEN) == min(one, other, key=order.index)


@pytest.mark.parametrize(
    ("given", "minutes", "status"),
    [(ACTIVE, 9.99, ACTIVE), (ACTIVE, 10.0, AWAY), (BUSY, 60.0, BUSY), (AWAY, 0.0, AWAY)],
)
def test_an_untouched_device_is_away_after_ten_minutes_unless_busy(given: str, minutes: float, status: str):
    assert show(sign(given, idle_minutes=minutes)).status == status


@given(st.sampled_from(["active", "busy", "away", "offline"]), st.booleans())
def test_nothing_that_is_said_makes_somebody_be_there(status: str, is_known: bool):
    told = show(said=Said(status, NOW, None), is_known=is_known)
    assert told.status == told.live_status == (OFFLINE if is_known else UNKNOWN)


def test_what_is_said_counts_until_its_time_and_while_somebody_is_there():
    assert show(sign(), said=Said(BUSY, NOW, None)).status == BUSY
    assert show(sign(), said=Said(BUSY, NOW, NOW)).status == ACTIVE
    assert show(sign(), said=Said(BUSY, NOW, NOW + TEN)).live_status == "online"


def test_whoever_does_not_want_to_be_shown_is_offline_since_then():
    told = show(sign(), said=Said(OFFLINE, NOW - TEN, None))
    assert told == Shown(OFFLINE, OFFLINE, NOW - TEN)


def test_the_last_sign_of_all_is_when_somebody_was_seen():
    assert show(sign(ago_s=30), sign(ago_s=5)).last_seen == NOW - timedelta(seconds=5)
    assert show(last_seen=NOW - TEN).last_seen == NOW - TEN
    assert show().last_seen is None


def test_while_nobody_can_tell_a_missing_sign_is_no_absence_and_a_sign_is_one():
    assert show(is_known=False).live_status == UNKNOWN
    assert show(sign(), is_known=False).live_status == "online"
