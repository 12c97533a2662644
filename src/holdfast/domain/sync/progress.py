"""How far a read has come. The number shown never runs backwards and never exceeds its total; a denominator is shown
only when the source gave one, and an end is foretold only from what earlier reads took."""

from collections.abc import Sequence
from statistics import median

import msgspec

RATES_MAX = 5


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows done, of how many (None: the source does not say), and in how many seconds the rest is to be expected."""

    done: int = 0
    total: int | None = None
    eta_s: float | None = None


def foretold(progress: Progress, rates: Sequence[float]) -> Progress:
    """The same with its end foretold by the rows per second of earlier reads, the latest first."""
    known = [rate for rate in rates[:RATES_MAX] if rate > 0]
    if progress.total is None or not known:
        return Progress(progress.done, progress.total)
    return Progress(progress.done, progress.total, round((progress.total - progress.done) / median(known), 1))
