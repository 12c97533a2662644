"""Why a job is not running: every reason that holds, each with the facts that somebody can act on."""

from datetime import datetime
from typing import Any

import msgspec


class Parent(msgspec.Struct, frozen=True):
    """A job that another one waits for, and what has become of it."""

    id: int
    state: str


class Facts(msgspec.Struct, frozen=True):
    """What is known of a waiting job at `now`."""

    now: datetime
    starts_at: datetime
    run_at: datetime | None
    """None while it waits for something that has no time."""
    queue: str
    attempt: int = 0
    last_error: str | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    workers: int = 0
    parked_on: str | None = None
    running_max: int | None = None
    holders: tuple[int, ...] = ()
    rate_per_s: float | None = None
    is_postponed: bool = False
    parents: tuple[Parent, ...] = ()
    batch_left: int | None = None
    ahead: int = 0


class Reason(msgspec.Struct, frozen=True):
    """One reason: a word for programs, a sentence for people."""

    why: str
    says: str
    data: dict[str, Any] = {}


def reasons(facts: Facts) -> list[Reason]:
    """All of them, the one that holds longest first; for a job that is only next, `behind` or `due`."""
    found = [*_blocked(facts), *_held(facts)]
    if facts.run_at is not None and facts.run_at > facts.now:
        found.append(_future(facts, facts.run_at))
    if facts.paused_at is not None:
        by = f" by {facts.paused_by}" if facts.paused_by else ""
        data = {"queue": facts.queue, "since": facts.paused_at, "by": facts.paused_by}
        found.append(Reason("queue_paused", f"the queue {facts.queue} is paused{by}", data))
    if facts.workers == 0:
        says = f"no live worker serves the queue {facts.queue}"
        found.append(Reason("no_worker", says, {"queue": facts.queue}))
    if not found and facts.ahead:
        jobs = "job is" if facts.ahead == 1 else "jobs are"
        found.append(
            Reason("behind", f"{facts.ahead} {jobs} before it in the queue {facts.queue}", {"ahead": facts.ahead})
        )
    return found or [Reason("due", "it is next: a worker takes it any moment")]


def _blocked(facts: Facts) -> list[Reason]:
    found = []
    for parent in facts.parents:
        hopeless = parent.state in ("dead", "cancelled", "discarded", "unknown")
        says = f"it waits for job {parent.id}, which is {parent.state}"
        if hopeless:
            says += "; it goes on only if that one succeeds after all"
        found.append(Reason("blocked_by_parent", says, {"job": parent.id, "state": parent.state}))
    if facts.batch_left:
        says = f"it waits for {facts.batch_left} more of its batch to end"
        found.append(Reason("blocked_by_batch", says, {"unfinished": facts.batch_left}))
    return found


def _held(facts: Facts) -> list[Reason]:
    if facts.parked_on is None:
        return []
    who = ", ".join(str(each) for each in facts.holders[:5])
    most = f"{facts.running_max} of {facts.parked_on} may run at once"
    says = f"{most}: {who} {'runs' if len(facts.holders) == 1 else 'run'}" if who else most
    data = {"key": facts.parked_on, "running_max": facts.running_max, "holders": list(facts.holders)}
    return [Reason("limit_reached", says, data)]


def _future(facts: Facts, run_at: datetime) -> Reason:
    data = {"at": run_at}
    if facts.is_postponed and run_at > facts.starts_at:
        return Reason("rate_reached", f"its turn by the rate of its limit is at {run_at:%Y-%m-%d %H:%M:%S} UTC", data)
    if facts.attempt:
        says = f"attempt {facts.attempt} failed; the next one is at {run_at:%Y-%m-%d %H:%M:%S} UTC"
        return Reason("retrying", says, {**data, "attempt": facts.attempt, "error": facts.last_error})
    return Reason("future", f"it is to start at {run_at:%Y-%m-%d %H:%M:%S} UTC", data)
