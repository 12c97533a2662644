"""What handlers tell while they run: progress and log lines, collected and written in groups. A handler that tells more
than can be kept loses lines, and is told so in the log; it is never held up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg

from holdfast.store import jobs as store
from holdfast.store.jobs import Claimed

LINES_MAX = 20_000
"""Lines that may wait to be written."""
LINES_OF_ATTEMPT_MAX = 10_000
WRITTEN_AT_ONCE_MAX = 2_000

Line = tuple[int, int, int, datetime, str, str]


class Notes:
    """Of one worker. `now` is the database's clock as last heard; lines are stamped by it."""

    def __init__(self) -> None:
        self._progress: dict[tuple[int, int], tuple[int | None, int | None, str | None]] = {}
        self._lines: list[Line] = []
        self._numbers: dict[tuple[int, int], int] = {}
        self._base = (datetime(1970, 1, 1, tzinfo=UTC), 0.0)
        self._clock: Callable[[], float] = lambda: 0.0

    def set_clock(self, now: datetime, clock: Callable[[], float]) -> None:
        """The database's time, and a monotonic clock to go on from it."""
        self._base, self._clock = (now, clock()), clock

    def progress(self, job: Claimed, done: int, total: int | None, note: str | None) -> None:
        self._progress[job.id, job.attempt] = (done, total, note)

    def line(self, job: Claimed, text: str, level: str) -> None:
        key = job.id, job.attempt
        number = self._numbers[key] = self._numbers.get(key, 0) + 1
        if number == LINES_OF_ATTEMPT_MAX:
            text, level = "more lines follow than are kept", "warning"
        if number > LINES_OF_ATTEMPT_MAX or len(self._lines) >= LINES_MAX:
            return
        at, since = self._base
        self._lines.append((job.id, job.attempt, number, at + timedelta(seconds=self._clock() - since), level, text))

    def forget(self, job: Claimed) -> None:
        """The attempt is over."""
        if self._numbers:
            self._numbers.pop((job.id, job.attempt), None)

    @property
    def has_news(self) -> bool:
        return bool(self._progress or self._lines)

    async def write(self, pool: asyncpg.Pool) -> None:
        """Writes what has been told, and forgets it once it is written."""
        told, self._progress = self._progress, {}
        lines = self._lines[:WRITTEN_AT_ONCE_MAX]
        if told:
            await store.tell_progress(pool, [(*key, *value) for key, value in told.items()])
        if lines:
            await store.keep_lines(pool, lines)
            del self._lines[: len(lines)]
