"""Writes log lines in a thread of its own, so that whoever reads them slowly, or not at all, holds up nobody.

The queue is bounded: what does not fit is dropped, counted, and said once there is room. Lines are gathered for a
moment and written together. Refuses to know what is in them.
"""

import atexit
import threading
import time
from collections.abc import Callable, Iterable
from typing import IO

WAITING_MAX = 20_000
GATHER_S = 0.02
TOGETHER = 64
"""Lines made and written at a time: in between, the thread that serves requests gets its turn."""
CLOSE_S = 2.0

Make = Callable[[], Iterable[str]]


class Writer:
    """Lines on their way to a file. `put` may be called from any thread and never waits for the file."""

    def __init__(self, file: IO[str], *, waiting_max: int = WAITING_MAX) -> None:
        self._file = file
        self._waiting_max = waiting_max
        self._items: list[str | Make] = []
        self._waiting = 0
        self._lost = 0
        self._dropped = 0
        self._is_open = True
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """How many lines were not written, since the start."""
        return self._dropped

    def put(self, item: str | Make, lines: int = 1) -> None:
        """Takes a line, or what makes about that many in the writer's thread; drops it when too many wait."""
        with self._lock:
            if self._waiting + lines > self._waiting_max:
                self._lost += lines
                self._dropped += lines
                return
            self._waiting += lines
            self._items.append(item)
        if not self._rung.is_set():
            self._rung.set()
        if self._thread is None:
            self._start()

    def close(self, within_s: float = CLOSE_S) -> None:
        """Writes what waits, for a short time at most; a later `put` opens it again."""
        self._is_open = False
        self._rung.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(within_s)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._is_open = True
                self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
                self._thread.start()
        atexit.unregister(self.close)
        atexit.register(self.close)

    def _run(self) -> None:
        while True:
            self._rung.wait()
            if self._is_open:
                time.sleep(GATHER_S)
            self._rung.clear()
            with self._lock:
                items, self._items = self._items, []
                lost, self._lost = self._lost, 0
            self._write(items, lost)
            with self._lock:
                if not self._items:
                    self._waiting = 0
                    if not self._is_open:
                        self._thread = None
                        return

    def _write(self, items: list[str | Make], lost: int) -> None:
        lines: list[str] = []
        for item in items:
            if isinstance(item, str):
                lines.append(item)
            else:
                try:
                    lines += item()
                except Exception as error:  # a loop's top: one bad line must not end all the others
                    lines.append(f"a log line could not be made: {error!r}")
            if len(lines) >= TOGETHER:
                self._out(lines)
                lines = []
        if lost:
            lines.append(f"{lost} log lines were dropped: they came faster than they could be written")
        self._out(lines)

    def _out(self, lines: list[str]) -> None:
        if not lines:
            return
        try:
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()
        except (OSError, ValueError):
            # nobody reads any more: what there is to say cannot be said
            self._dropped += len(lines)
