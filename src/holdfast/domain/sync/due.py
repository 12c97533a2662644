"""When a stream is to be synced by itself: a schedule in the store's zone, always or only while somebody watches.

A schedule is a cron rule; what it means is said by `rules`.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.sync.rules import following, preceding

DEFAULT_RULE = "0 * * * *"
WHEN = ("always", "while_watched")
VERIFICATION_RULE = "20 3 * * *"
VERIFICATION_DAYS = 30
"""When a store is verified, and how far back its rows are compared, until somebody says otherwise."""


class Schedule(msgspec.Struct, frozen=True):
    """When one stream is synced. `older_than_s` leaves it alone while its data is younger than that."""

    rule: str = DEFAULT_RULE
    when: str = "always"
    older_than_s: int = 0
    is_enabled: bool = True


def due_at(schedule: Schedule, after: datetime, zone: ZoneInfo) -> datetime | None:
    """When a stream is due next behind an instant, by its rule alone; None when it is switched off."""
    return following(schedule.rule, after, zone) if schedule.is_enabled else None


def was_due_at(schedule: Schedule, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When a stream was last due by its rule; None when it is switched off, or never was. What is complete up to then
    is as fresh as its schedule wants it."""
    return preceding(schedule.rule, now, zone) if schedule.is_enabled else None


def expected_at(
    schedule: Schedule, due: datetime | None, *, watermark: datetime | None, paused_until: datetime | None
) -> datetime | None:
    """When a stream that is due at an instant will be synced, as far as that is known: not while its data is young, and
    not while its connection is paused."""
    if due is None:
        return None
    if watermark is not None:
        due = max(due, watermark + timedelta(seconds=schedule.older_than_s))
    return due if paused_until is None else max(due, paused_until)
