"""Who may run now: how many at once, and how many in a second (GCRA, the leaky bucket of ATM, ITU-T I.371, as a
meter that tells each job its own instant)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec


class Limit(msgspec.Struct, frozen=True):
    """What a key allows; `free_at` is when the next one may start by its rate."""

    key: str
    running_max: int | None
    rate_per_s: float | None
    burst: int
    free_at: datetime


class Wanting(msgspec.Struct, frozen=True):
    """A claimed job that must be let in by each of its keys."""

    id: int
    keys: tuple[str, ...]
    is_paid: bool = False
    """Whether its rate has been accounted for: it has waited for its instant."""


class Admission(msgspec.Struct, frozen=True):
    """Who is let in, who waits behind which key, and who until when; and when each key is free next."""

    admitted: list[int]
    parked: list[tuple[int, str]]
    postponed: list[tuple[int, datetime]]
    free_at: dict[str, datetime]


def admit(
    wanting: Iterable[Wanting], limits: Mapping[str, Limit], running: Mapping[str, int], now: datetime
) -> Admission:
    """Lets in what all keys allow, in the given order; a job that one key holds back takes nothing of another."""
    counts = dict(running)
    free_at = {key: limit.free_at for key, limit in limits.items() if limit.rate_per_s is not None}
    found = Admission([], [], [], {})
    for one in wanting:
        keys = [key for key in one.keys if key in limits]
        full = next((key for key in keys if _is_full(limits[key], counts.get(key, 0))), None)
        if full is not None:
            found.parked.append((one.id, full))
            continue
        rated = [] if one.is_paid else [key for key in keys if key in free_at]
        at = max([now, *(_allowed_at(limits[key], free_at[key]) for key in rated)])
        for key in rated:
            free_at[key] = found.free_at[key] = max(free_at[key], at) + _interval(limits[key])
        if at > now:
            found.postponed.append((one.id, at))
            continue
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        found.admitted.append(one.id)
    return found


def _is_full(limit: Limit, running: int) -> bool:
    return limit.running_max is not None and running >= limit.running_max


def _interval(limit: Limit) -> timedelta:
    assert limit.rate_per_s is not None
    return timedelta(seconds=1 / limit.rate_per_s)


def _allowed_at(limit: Limit, free_at: datetime) -> datetime:
    return free_at - (limit.burst - 1) * _interval(limit)
