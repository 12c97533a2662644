"""A question that may never be answered, asked by at most one task at a time.

A driver waits for a database that stands still even when it is cancelled. So whoever needs an answer within a time
waits beside the question, not in it, and does not ask again while the last one is still open.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Probe(Generic[T]):
    """Asks `ask`, and gives up waiting in time."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._open: asyncio.Future[T] | None = None

    async def answer(self, timeout_s: float) -> T:
        """The answer to a question asked now, or to the one still open.

        Raises:
            TimeoutError: there was none in time; whatever the question itself raises.
        """
        if self._open is None:
            self._open = asyncio.ensure_future(self._ask())
            self._open.add_done_callback(self._closed)
        asked = self._open
        await asyncio.wait({asked}, timeout=timeout_s)
        if not asked.done() or asked.cancelled():
            raise TimeoutError
        return asked.result()

    def close(self) -> None:
        """Lets go of the question that is still open."""
        if self._open is not None:
            self._open.cancel()

    def _closed(self, asked: "asyncio.Future[T]") -> None:
        self._open = None
        if not asked.cancelled():
            asked.exception()  # seen, so that nobody is told of what nobody waited for
