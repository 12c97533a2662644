"""What a long-lived server process tells its interpreter, and how it is told to end."""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from holdfast.services import logs

_YOUNG_MAX = 50_000
_OLD_EVERY = 50
_LAST_LINES_S = 0.2
SECOND_SIGNAL_CODE = 130
TOO_LATE_CODE = 1

log = structlog.get_logger("holdfast")


def settle_memory() -> None:
    """Makes garbage collection rare and short: called once, when all that stays has been loaded.

    Our values hold no cycles (they are freed by reference counts), so the collector's frequent look at what a batch has
    just made found nothing and took a quarter of the time to decide a booking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_MAX, _OLD_EVERY, _OLD_EVERY)


@contextmanager
def stopped_by_signals(stopping: asyncio.Event, on_stop: Callable[[], None], *, limit_s: float) -> Iterator[None]:
    """During the block SIGTERM and SIGINT set `stopping` and call `on_stop`; a second one ends the process at once.

    From the first one on the process has `limit_s` to end by itself, then it is ended: a driver that waits for a
    database that stands still cannot be told to stop waiting.
    """
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            _end_at_once(SECOND_SIGNAL_CODE, "second signal: ending at once")
        stopping.set()
        last = threading.Timer(limit_s, _end_at_once, (TOO_LATE_CODE, "not stopped in time: ending at once"))
        last.daemon = True
        last.start()
        on_stop()

    signals = (signal.SIGTERM, signal.SIGINT)
    for each in signals:
        loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        for each in signals:
            # the default would end us in the middle of closing: a second signal stays "at once" until the end
            loop.remove_signal_handler(each)
            signal.signal(each, lambda *_: _end_at_once(SECOND_SIGNAL_CODE, "second signal: ending at once"))


def _end_at_once(code: int, why: str) -> None:
    log.warning(why)
    sink = logs.current()
    if sink is not None:
        sink.writer.close(within_s=_LAST_LINES_S)
    os._exit(code)
