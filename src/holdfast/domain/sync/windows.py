"""Which part of a source one read covers: from an overlap behind what was complete up to an end fixed at its start."""

from datetime import datetime, timedelta

import msgspec

OVERLAP = {"orders": timedelta(minutes=10), "ads": timedelta(days=28)}
"""How far behind its watermark a stream is read again: orders show up late, and ad networks restate four weeks."""
STREAMS = tuple(OVERLAP)
OPERATIONS = ("incremental", "backfill", "verify")
TAILS_MAX = 3
"""How often a window is carried on until a source that moves on and on cannot be counted."""


class Window(msgspec.Struct, frozen=True):
    """Rows that changed in [since, until]; `since` None is everything there ever was."""

    until: datetime
    since: datetime | None = None


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """A read under way: kept with each batch, so that whoever goes on does so behind the last committed one.

    `window` is what is being read, from `cursor` on (the source's own; None at the beginning). `since` is where all of
    it begins: `tails` counts how often the window had to be carried on because the source moved while it was read.
    """

    operation: str
    window: Window
    since: datetime | None = None
    cursor: str | None = None
    done: int = 0
    total: int | None = None
    met: int = 0
    """Rows met, also again: what is shown as done never falls behind what was shown before."""
    tails: int = 0
    held_before: int = 0
    """How many rows of the window the store held already."""
    differences: int = 0
    """Rows that were not as the source has them although they should have been long ago."""
    settled_before: datetime | None = None
    """Rows that changed before this should be as the source has them."""
    warnings: tuple[str, ...] = ()
    read: int = 0
    """Numbers the reads of a stream: rows that a whole read did not meet are not there any more."""

    @property
    def whole(self) -> Window:
        return Window(self.window.until, self.since)


def met(reading: Reading, rows: int, cursor: str | None, *, differences: int = 0) -> Reading:
    """The read after one more batch. The number shown never runs backwards and never exceeds its total."""
    count = reading.met + rows
    done = max(reading.done, count)
    total = None if reading.total is None else max(reading.total, done)
    return msgspec.structs.replace(
        reading, met=count, done=done, total=total, cursor=cursor, differences=reading.differences + differences
    )


def begun_anew(reading: Reading) -> Reading:
    """The read from the window's beginning again, as its source has lost the place; what was shown stays."""
    return msgspec.structs.replace(reading, cursor=None, met=0)


def carried_on(reading: Reading, stream: str, now: datetime) -> Reading:
    """The read of what may have moved out of the window meanwhile."""
    tail = tail_of(stream, reading.whole, now)
    return msgspec.structs.replace(reading, window=tail, cursor=None, tails=reading.tails + 1)


def window_of(stream: str, watermark: datetime | None, now: datetime) -> Window:
    """What an incremental read covers; a stream that was never complete is read from the beginning."""
    until = whole(now)
    return Window(until, None if watermark is None else min(whole(watermark), until) - OVERLAP[stream])


def tail_of(stream: str, window: Window, now: datetime) -> Window:
    """What may have moved out of a window while it was read, with an overlap for rows that show up late."""
    since = window.until - OVERLAP[stream]
    if window.since is not None:
        since = max(since, window.since)
    return Window(max(whole(now), window.until), since)


def whole(at: datetime) -> datetime:
    """The whole second that an instant is in. Sources stamp and ask in seconds: a finer bound would count a row on one
    side and not on the other."""
    return at.replace(microsecond=0)
