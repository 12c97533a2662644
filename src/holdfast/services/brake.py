"""The brake on writing: while there is hardly room on the disk of the database, commands are refused and reads go on.

A PostgreSQL that finds no room for its log ends with a panic, and its reads with it. So we stop well before; what the
clock has to do goes on for longer, until there is next to nothing.
"""

from collections.abc import Callable
from time import monotonic

import structlog

from holdfast.domain.commands import Check, CloseFinding, Command, OpenFinding, Tick
from holdfast.domain.errors import Refusal

REST_S = 1.0
"""After the database said that its disk is full it is let alone for so long, then the next command tries."""
RETRY_AFTER_S = 5
CLOCK_SHARE = 0.25
"""Of the room below which commands are refused, the clock is stopped at this share."""

_GOES_ON = (Tick, OpenFinding, CloseFinding)

log = structlog.get_logger("holdfast.disk")


class Brake:
    """Whether commands may be written. `release` is called when the database says that its disk is full: it may give
    back room that was kept for that, and tells whether there was any."""

    def __init__(self) -> None:
        self.release: Callable[[], bool] = lambda: False
        self.is_on = False
        """Whether people's commands are refused."""
        self._full_until = 0.0
        self._stop_bytes = 0
        self._free_bytes: int | None = None

    def look(self, free_bytes: int | None, *, stop_bytes: int) -> None:
        """Notes how much room there is on the database's disk; None when that is not ours to see."""
        was_low = self._is_low
        self._free_bytes, self._stop_bytes = free_bytes, stop_bytes
        if self._is_low and not was_low:
            log.error("the disk is nearly full: commands are refused, reads go on", free_bytes=free_bytes)
        elif was_low and not self._is_low:
            self._full_until = 0.0
            log.info("there is room on the disk again: commands are taken", free_bytes=free_bytes)
        self._settle()

    def tripped(self) -> Refusal:
        """Notes that the database found its disk full; what the command that met it is told."""
        self._full_until = monotonic() + REST_S
        self._settle()
        log.error("the database says that its disk is full: commands are refused, reads go on", kept=self.release())
        return Refusal("disk_full", retry_after_s=RETRY_AFTER_S)

    def check(self, command: Command) -> None:
        """Raises:
        Refusal: `disk_full`, unless the command only asks, or is the clock's or the watch's and there is room for that.
        """
        self._settle()
        if not self.is_on or type(command) is Check:
            return
        if type(command) in _GOES_ON and not self._is_resting and not self._is_nothing_left:
            return
        raise Refusal("disk_full", retry_after_s=RETRY_AFTER_S)

    def _settle(self) -> None:
        self.is_on = self._is_low or self._is_resting

    @property
    def _is_resting(self) -> bool:
        return monotonic() < self._full_until

    @property
    def _is_low(self) -> bool:
        return self._free_bytes is not None and self._free_bytes < self._stop_bytes

    @property
    def _is_nothing_left(self) -> bool:
        return self._free_bytes is not None and self._free_bytes < self._stop_bytes * CLOCK_SHARE
