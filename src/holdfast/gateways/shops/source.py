"""What a source is: pages of rows that changed in a window, a total to hold against them, and what stands in the way of
trusting it. And what may go wrong with one."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from holdfast.domain.sync.rows import Order, Reject, Spend
from holdfast.domain.sync.verdicts import Control
from holdfast.domain.sync.windows import Window

Row = Order | Spend | Reject


class SourceError(Exception):
    """A source that cannot be read now. `is_passing`: it may well be able to in a while, by itself."""

    def __init__(self, reason: str, *, is_passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_passing = is_passing


class CursorLost(SourceError):
    """The source does not know the place where its read was to go on: the window is to be read anew."""


class Page(msgspec.Struct, frozen=True):
    """Rows in the source's order, and the cursor of the page behind them; None on the last one."""

    rows: list[Row]
    cursor: str | None


class Source(Protocol):
    """One account somewhere, as it is read by one run."""

    @property
    def streams(self) -> tuple[str, ...]:
        """What it brings."""
        ...

    def pages(self, stream: str, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """The rows that changed in the window, from behind a cursor on, to the last page.

        Raises:
            SourceError, CursorLost.
        """
        ...

    async def control(self, stream: str, window: Window) -> Control:
        """What the source itself says of the whole window."""
        ...

    async def warnings(self, stream: str, window: Window) -> list[str]:
        """What hides rows from us although the source would not say so."""
        ...

    async def close(self) -> None: ...


class Limiter(Protocol):
    """How often a source may be asked, shared by all processes."""

    async def take(self, name: str, cost: float, *, burst: float, per_s: float) -> float:
        """Takes what a request costs; returns for how many seconds it must wait first."""
        ...

    async def prime(self, name: str, left: float, *, burst: float | None, per_s: float | None) -> None:
        """What a reply said of the limit."""
        ...

    async def block(self, name: str, wait_s: float) -> None:
        """Keeps everybody from asking for a while."""
        ...
