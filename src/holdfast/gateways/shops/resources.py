"""A `dlt` resource as a source: whatever `dlt` can extract, loaded by us. Needs `pip install holdfast[dlt]`.

A resource is code, so it is installed like code: it is found by its name under the entry point group
`holdfast.resources`, never by a path that a request names.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from importlib.metadata import entry_points
from itertools import islice
from typing import Any

from holdfast.domain.sync.mapping import Mapped, order_of, spend_of
from holdfast.domain.sync.rows import Reject
from holdfast.domain.sync.verdicts import Control
from holdfast.domain.sync.windows import Window
from holdfast.gateways.shops.source import CursorLost, Page, Row, SourceError

GROUP = "holdfast.resources"
PAGE_ROWS = 500

Resource = Callable[..., Iterable[Any]]


def resource_named(name: str) -> Resource:
    """The resource that another package offers under that name: called with `since` and `until`, it gives rows.

    Raises:
        SourceError: there is none, or it cannot be loaded.
    """
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            try:
                found: Resource = entry.load()
                return found
            except (ImportError, AttributeError) as error:
                raise SourceError(f"the resource {name!r} cannot be loaded: {error}") from error
    raise SourceError(f"no package offers a resource {name!r} under the entry point group {GROUP}")


class Extracted:
    """The rows of one resource, drawn in a thread: extracting may block. It cannot go on in its middle, so a read that
    was broken off begins anew."""

    def __init__(self, resource: Resource, stream: str, mapped: Mapped) -> None:
        self.streams = (stream,)
        self._resource = resource
        self._mapped = mapped

    async def close(self) -> None:
        return None

    async def pages(self, stream: str, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        if cursor is not None:
            raise CursorLost("a resource begins anew each time")
        rows = iter(self._resource(since=window.since, until=window.until))
        number = 0
        while True:
            drawn = await asyncio.to_thread(_draw, rows)
            number += len(drawn)
            is_last = len(drawn) < PAGE_ROWS
            yield Page([self._read(row) for row in drawn], None if is_last else str(number))
            if is_last:
                return

    async def control(self, stream: str, window: Window) -> Control:
        return Control()

    async def warnings(self, stream: str, window: Window) -> list[str]:
        return []

    def _read(self, row: Any) -> Row:
        if not isinstance(row, dict):
            return Reject("", "it is no object", str(row).encode()[:1_000])
        return order_of(row, self._mapped) if self.streams == ("orders",) else spend_of(row, self._mapped)


def _draw(rows: Iterator[Any]) -> list[Any]:
    try:
        return list(islice(rows, PAGE_ROWS))
    except Exception as error:  # whatever fails in another package's extractor is a failing source
        raise SourceError(f"{type(error).__name__}: {error}"[:200], is_passing=True) from error
