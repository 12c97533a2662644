"""Customers in a few words that a shop can act on, by how often and how lately they bought. One function, one table."""

from datetime import datetime, timedelta

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
