"""What follows when an attempt ends: another one after a while, or none. Formula of the wait: exponential backoff with
full jitter above a half (so that what failed together does not come back together)."""

from typing import Literal

import msgspec

from holdfast.domain.jobs.states import DeadReason, Outcome

LOST_MAX = 5
"""How often a job may take its worker down with it until it is set aside."""
LOST_SPREAD_S = 5.0
"""Within twice this, and twice that again after each further loss, what was lost together is tried again."""
BACKOFF_CAP_S = 6 * 3600.0
ERROR_CHARS_MAX = 4_000

Shape = Literal["exponential", "linear", "constant"]


class Backoff(msgspec.Struct, frozen=True):
    """How long to wait before the next attempt."""

    base_s: float = 5.0
    shape: Shape = "exponential"
    cap_s: float = BACKOFF_CAP_S

    def wait_s(self, attempt: int, chance: float) -> float:
        """After that attempt (from 1 on) has failed; `chance` in [0, 1) is the jitter's."""
        factor = {"exponential": 2.0 ** min(attempt - 1, 30), "linear": float(attempt), "constant": 1.0}[self.shape]
        return min(self.base_s * factor, self.cap_s) * (0.5 + chance / 2)


class Ended(msgspec.Struct, frozen=True):
    """How an attempt ended. `retry_in_s` None: there is no other attempt."""

    outcome: Outcome
    error: str | None = None
    retry_in_s: float | None = None
    reason: DeadReason | None = None


SUCCEEDED = Ended("succeeded")


def failed(error: str, *, attempt: int, attempts_max: int, backoff: Backoff, chance: float) -> Ended:
    """A handler raised, or ran out of time."""
    said = error[:ERROR_CHARS_MAX]
    if attempt >= attempts_max:
        return Ended("dead", said, reason="attempts_used")
    return Ended("failed", said, retry_in_s=backoff.wait_s(attempt, chance))


def refused(error: str) -> Ended:
    """A handler said that trying again is of no use, or its arguments cannot be read."""
    return Ended("dead", error[:ERROR_CHARS_MAX], reason="refused")


def postponed(error: str, after_s: float, *, attempt: int, attempts_max: int) -> Ended:
    """A handler asked for the next attempt at a time of its own."""
    if attempt >= attempts_max:
        return Ended("dead", error[:ERROR_CHARS_MAX], reason="attempts_used")
    return Ended("failed", error[:ERROR_CHARS_MAX], retry_in_s=max(after_s, 0.0))


def lost(times: int, worker: str, chance: float) -> Ended:
    """Its worker died, or was silent for too long; `times` is how often that has happened to this job, this time too.
    It costs none of its attempts: nobody knows that it was its fault, until it has happened again and again. From the
    second time on what was lost together comes back apart, or one that kills its workers would take the same others
    with it each time, and all of them would be set aside."""
    error = f"its worker {worker} was lost"
    if times >= LOST_MAX:
        return Ended("dead", f"{error}, as were {times - 1} before it", reason="quarantined")
    return Ended("lost", error, retry_in_s=0.0 if times == 1 else chance * LOST_SPREAD_S * 2.0 ** (times - 1))


def stopped() -> Ended:
    """Its worker was told to stop before it was done."""
    return Ended("stopped", "its worker stopped", retry_in_s=0.0)
