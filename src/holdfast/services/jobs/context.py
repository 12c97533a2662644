"""What a handler is given: which attempt it is, a way to tell how far it is and what it sees, and, when it is
transactional, the transaction in which its effect and its end are committed together."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from holdfast.services.jobs.notes import Notes
    from holdfast.store.connection import Connection
    from holdfast.store.jobs import Claimed

LEVELS = ("debug", "info", "warning", "error")
LINE_CHARS_MAX = 2_000


class Retry(Exception):
    """Raised by a handler: not now; try again after so many seconds. It costs an attempt."""

    def __init__(self, after_s: float, why: str = "") -> None:
        super().__init__(why or f"the handler asked for another attempt after {after_s:g} s")
        self.after_s = after_s


class GiveUp(Exception):
    """Raised by a handler: another attempt would be of no use. The job becomes a dead letter at once."""


class JobContext:
    """One attempt at a job, seen from its handler."""

    __slots__ = ("_notes", "_tx", "job", "pool", "services")

    def __init__(
        self,
        job: "Claimed",
        notes: "Notes",
        *,
        pool: asyncpg.Pool,
        services: Mapping[str, Any],
        tx: "Connection | None" = None,
    ) -> None:
        self.job = job
        self.pool = pool
        self.services = services
        """What the program offers to handlers, by name: `desk`, `sites`, …"""
        self._notes = notes
        self._tx = tx

    @property
    def id(self) -> int:
        return self.job.id

    @property
    def attempt(self) -> int:
        """1 for the first one."""
        return self.job.attempt

    @property
    def tenant(self) -> str:
        return self.job.tenant

    @property
    def key(self) -> str:
        """The same for each attempt at this job, and for no other: send it along where others can tell repetitions."""
        return f"holdfast-job-{self.job.id}"

    @property
    def tick_at(self) -> datetime | None:
        """The due instant of the schedule that this job is for."""
        return self.job.tick_at

    @property
    def tx(self) -> "Connection":
        """The open transaction of a transactional job; its end is committed with it.

        Raises:
            RuntimeError: the job is not transactional.
        """
        if self._tx is None:
            raise RuntimeError("only a job with is_transactional=True has a transaction")
        return self._tx

    def progress(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """How far it is; written down within half a second, the last one wins."""
        self._notes.progress(self.job, done, total, note)

    def log(self, text: str, level: str = "info") -> None:
        """A line that is kept with the run."""
        if level not in LEVELS:
            raise ValueError(f"a level is one of {', '.join(LEVELS)}")
        self._notes.line(self.job, text[:LINE_CHARS_MAX].replace("\x00", ""), level)
