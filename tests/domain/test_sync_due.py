"""When a stream was last due: what its freshness is held against."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from holdfast.domain.sync.due import Schedule, was_due_at

ZONE = ZoneInfo("UTC")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "hours", "expected"),
    [
        ("0 9,10,11 * * *", 10.5, 10),
        ("0 9,10,11 * * *", 10.0, 10),
        # through the night the next two are an hour apart, and the last one is long ago
        ("0 9,10,11 * * *", 8.9, 11 - 24),
        ("0 3 * * *", 2.9, 3 - 24),
    ],
)
def test_a_stream_was_last_due_at_the_latest_instant_its_rule_names(rule: str, hours: float, expected: int):
    now = MONDAY + timedelta(hours=hours)
    found = was_due_at(Schedule(rule), now, ZONE)
    assert found == MONDAY + timedelta(hours=expected)


def test_a_stream_that_is_switched_off_was_never_due():
    off = Schedule("0 3 * * *", is_enabled=False)
    assert was_due_at(off, MONDAY, ZONE) is None
