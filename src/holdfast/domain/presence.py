"""Whether somebody is there: several devices and what a person says of themselves become one word.

A sign counts until its lease ends, whoever looks and whatever else has stopped; who gives none that counts is offline,
or unknown while nobody can tell. Nothing that a person says of themselves makes them be there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

BUSY, ACTIVE, AWAY, OFFLINE, UNKNOWN = "busy", "active", "away", "offline", "unknown"
RANK = (BUSY, ACTIVE, AWAY)
"""Of several devices the first of these that any shows."""
SAYABLE = (ACTIVE, BUSY, AWAY, OFFLINE)
ONLINE = "online"


class Sign(msgspec.Struct, frozen=True, gc=False):
    """A sign of life that counts: the status a device gave, when somebody touched it last, when it gave the sign."""

    status: str
    active_at: datetime
    seen_at: datetime


class Said(msgspec.Struct, frozen=True, gc=False):
    """What a person says of themselves, until then or until they say otherwise; `offline` is not to be shown."""

    status: str
    at: datetime
    until: datetime | None


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What others are shown: the status, the same in two words (`live_status`), and when there was a sign last."""

    status: str
    live_status: str
    last_seen: datetime | None


def status_of(sign: Sign, now: datetime, away_after: timedelta) -> str:
    """A device's status: one that nobody has touched for so long is away, unless it says that somebody is busy."""
    if sign.status == ACTIVE and now - sign.active_at >= away_after:
        return AWAY
    return sign.status


def merged(signs: Sequence[Sign], now: datetime, away_after: timedelta) -> str | None:
    """One status of all signs that count; None when there are none."""
    found = {status_of(sign, now, away_after) for sign in signs}
    return next((status for status in RANK if status in found), None)


def shown(
    signs: Sequence[Sign], *, last_seen: datetime | None, said: Said | None, now: datetime, away_after: timedelta,
    is_known: bool,
) -> Shown:  # fmt: skip
    """What is shown of somebody with these signs that count now. With `is_known` False a missing sign says nothing."""
    seen = max([*(sign.seen_at for sign in signs), *([last_seen] if last_seen else [])], default=None)
    status = merged(signs, now, away_after)
    if status is None:
        gone = OFFLINE if is_known else UNKNOWN
        return Shown(gone, gone, seen)
    if said is not None and (said.until is None or said.until > now):
        if said.status == OFFLINE:
            return Shown(OFFLINE, OFFLINE, said.at)
        status = said.status
    return Shown(status, ONLINE, seen)
