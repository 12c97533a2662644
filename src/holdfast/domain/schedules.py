"""What a schedule does with the ticks that are due: each one becomes a line of the ledger, and some of them a job."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

Missed = Literal["skip", "last", "all"]
Overlap = Literal["allow", "skip", "queue", "replace"]
TickState = Literal["fired", "late", "skipped", "missed", "backfilled", "manual"]

LATE_AFTER = timedelta(seconds=5)
"""A tick that fires later than this is called late."""
GRACE = timedelta(seconds=60)
"""What is late by no more than this is a hiccup, and fires whatever the rule for missed ticks says."""


class Firing(msgspec.Struct, frozen=True):
    """The rules of a schedule, and whether its last job is still waiting or running."""

    missed: Missed
    overlap: Overlap
    catch_up: timedelta
    live_job_id: int | None = None
    paused_by: str | None = None


class Ticked(msgspec.Struct, frozen=True):
    """A line of the ledger; `fires` says that a job follows, `replaces` that the live one is to be cancelled first."""

    at: datetime
    state: TickState
    reason: str | None = None
    fires: bool = False
    replaces: int | None = None


def decide(rules: Firing, due: Sequence[datetime], now: datetime, *, is_last_due: bool = True) -> list[Ticked]:
    """What becomes of ticks that are due, in their order. With more due than one transaction takes `is_last_due` is
    False for all but the last part, so that `last` can tell which one that is."""
    lines: list[Ticked] = []
    live, just_fired = rules.live_job_id, False
    for number, at in enumerate(due):
        late = now - at
        if rules.paused_by is not None:
            lines.append(Ticked(at, "skipped", f"paused by {rules.paused_by}"))
            continue
        is_latest = is_last_due and number == len(due) - 1
        if late >= GRACE and not _is_caught_up(rules, late, is_latest=is_latest):
            lines.append(Ticked(at, "missed", _why_missed(rules, late)))
            continue
        if rules.overlap == "skip" and (live is not None or just_fired):
            blocker = f"job {live}" if live is not None and not just_fired else "the one before it"
            lines.append(Ticked(at, "skipped", f"overlap: {blocker} has not ended"))
            continue
        state: TickState = "late" if late > LATE_AFTER else "fired"
        reason = f"{late.total_seconds():.1f} s late" if state == "late" else None
        replaces = live if rules.overlap == "replace" and not just_fired else None
        lines.append(Ticked(at, state, reason, fires=True, replaces=replaces))
        just_fired = True
    if rules.overlap == "replace":
        lines = _only_last_fires(lines)
    return lines


def _is_caught_up(rules: Firing, late: timedelta, *, is_latest: bool) -> bool:
    if late > rules.catch_up:
        return False
    return rules.missed == "all" or (rules.missed == "last" and is_latest)


def _why_missed(rules: Firing, late: timedelta) -> str:
    if rules.missed == "skip":
        return "down: nobody was awake, and missed ticks are skipped"
    if late > rules.catch_up:
        return "down: nobody was awake, and it lies before the catch-up window"
    return "down: nobody was awake, and only the last missed tick is caught up"


def _only_last_fires(lines: list[Ticked]) -> list[Ticked]:
    """Of several at once each would replace the one before it, before it ran."""
    fires = [number for number, line in enumerate(lines) if line.fires]
    if len(fires) < 2:
        return lines
    first = lines[fires[0]].replaces
    for number in fires[:-1]:
        lines[number] = Ticked(lines[number].at, "skipped", "overlap: replaced by the next one before it ran")
    last = lines[fires[-1]]
    lines[fires[-1]] = msgspec.structs.replace(last, replaces=first)
    return lines
