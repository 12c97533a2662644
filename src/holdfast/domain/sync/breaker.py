"""When to try a source again: soon after a passing failure, ever later after more, and not at all for a while when it
keeps failing. Jitter comes in as a number from 0 to 1, so that many stores do not come back at one instant."""

from datetime import datetime, timedelta

FAILURES_MAX = 3
"""So many failed runs in a row open the breaker."""
PAUSE_S = 60.0
PAUSE_MAX_S = 3_600.0
BACK_OFF_S = 0.5
BACK_OFF_MAX_S = 30.0
TRIES_MAX = 6
"""How often one request is sent before its run fails."""


def paused_until(failures: int, now: datetime, jitter: float) -> datetime | None:
    """Until when a connection that failed so often in a row is left alone; None while its breaker is closed."""
    if failures < FAILURES_MAX:
        return None
    pause_s = min(PAUSE_S * 2.0 ** min(failures - FAILURES_MAX, 20), PAUSE_MAX_S)
    return now + timedelta(seconds=pause_s * (1 + 0.2 * jitter))


def back_off_s(tries: int, jitter: float, *, asked_s: float | None = None) -> float:
    """How long to wait after so many tries of one request: what the source asked for, else twice as long each time."""
    if asked_s is not None:
        return max(asked_s, 0.0) * (1 + 0.1 * jitter)
    return float(min(BACK_OFF_S * 2.0 ** min(tries, 20), BACK_OFF_MAX_S) * (0.5 + 0.5 * jitter))
