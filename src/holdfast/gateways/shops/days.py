"""Windows as days: ad networks tell spend by the day of the account, and restate whole days."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from holdfast.domain.sync.windows import Window

FIRST_DAYS = 3 * 366
"""How far back a first read goes; ad networks keep about three years of days."""


def days_of(window: Window, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last day of a window in the account's zone."""
    last = window.until.astimezone(zone).date()
    if window.since is None:
        return last - timedelta(days=FIRST_DAYS), last
    return window.since.astimezone(zone).date(), last


def month_ends(first: date, last: date) -> list[tuple[date, date]]:
    """The days from first to last in pieces of at most 31: a cursor between them survives a restart."""
    found = []
    while first <= last:
        end = min(first + timedelta(days=30), last)
        found.append((first, end))
        first = end + timedelta(days=1)
    return found


def piece_of(cursor: str | None, first: date) -> tuple[date, str | None]:
    """The day a cursor `2027-03-08` or `2027-03-08/abc` goes on at, and the source's own cursor within that piece."""
    if cursor is None:
        return first, None
    day, _, within = cursor.partition("/")
    return max(datetime.fromisoformat(day).date(), first), within or None
