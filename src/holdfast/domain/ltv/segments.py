"""Customers in a few words that a shop can act on, by how often and how lately they bought.

One table, told from both sides: which segment somebody is in, and who is in a segment.
"""

from datetime import datetime, timedelta

import msgspec

SEGMENTS: dict[str, str] = {
    # segment → who is in it
    "new": "first order within 30 days, and none since",
    "active": "more than one order, the last within 90 days",
    "loyal": "five orders or more, the last within 90 days",
    "one_time": "one order, older than 30 days",
    "at_risk": "more than one order, the last 90 to 180 days ago",
    "lost": "more than one order, the last more than 180 days ago",
}
NEW = timedelta(days=30)
LATELY = timedelta(days=90)
LONG_AGO = timedelta(days=180)
LOYAL_ORDERS = 5


def segment_of(*, orders: int, last_at: datetime, now: datetime) -> str:
    """The segment of a customer with so many orders, the last of them at an instant."""
    age = now - last_at
    if orders <= 1:
        return "new" if age <= NEW else "one_time"
    if age > LATELY:
        return "lost" if age > LONG_AGO else "at_risk"
    return "loyal" if orders >= LOYAL_ORDERS else "active"


class Bounds(msgspec.Struct, frozen=True):
    """Who is in a segment: with so many orders, the last of them behind `last_after` (None: however long ago) and at or
    before `last_until` (None: however lately)."""

    orders_min: int = 0
    orders_max: int | None = None
    last_after: datetime | None = None
    last_until: datetime | None = None


def bounds_of(segment: str, now: datetime) -> Bounds:
    """Who is in one of `SEGMENTS` at an instant: nobody is in two, everybody is in one."""
    tick = timedelta(microseconds=1)
    lately, long_ago, new = (now - span - tick for span in (LATELY, LONG_AGO, NEW))
    return {
        "new": Bounds(0, 1, new),
        "one_time": Bounds(0, 1, None, new),
        "active": Bounds(2, LOYAL_ORDERS - 1, lately),
        "loyal": Bounds(LOYAL_ORDERS, None, lately),
        "at_risk": Bounds(2, None, long_ago, lately),
        "lost": Bounds(2, None, None, long_ago),
    }[segment]
