"""The proof that a stream left nothing out: each block must follow on the one before.

A whole stream has every version, so the next event is the next number. A filtered one names the event sent before in
`prev`. A block without an event only moves the position: on a whole stream it must stand where the reader stands.
"""

import json

from holdfast.client.blocks import Block
from holdfast.client.errors import Broken, Gap
from holdfast.client.events import Event, Position, Reset, event_of


class Chain:
    """What one connection told so far, behind the position it was asked for (None: from now on)."""

    def __init__(self, position: Position | None, *, is_whole: bool) -> None:
        self.position = position
        self._is_whole = is_whole
        self._last = position
        """The position of the event sent last, or where the connection began."""

    def follow(self, block: Block) -> Event | Reset | None:
        """What a block tells; None when it only moves the position, or tells again what is known.

        Raises:
            Gap: it does not follow.
            Broken: it is no block of Holdfast.
        """
        position = Position.of(block.id)
        if block.data is None:
            self._mark(position)
            return None
        told = _object(block.data)
        if block.event == "reset":
            self.position = self._last = position
            return Reset(str(told.get("reason", "unknown")), position)
        event = event_of(position, told)
        if not self._takes(event):
            return None
        self.position = self._last = position
        return event

    def _mark(self, position: Position) -> None:
        known = self.position
        if known is not None:
            self._check_epoch(known, position)
            if position.version < known.version or (self._is_whole and position.version != known.version):
                raise Gap(str(known), str(position))
        if self._last is None or self._last.epoch is None:
            self._last = position
        self.position = position

    def _takes(self, event: Event) -> bool:
        """Whether an event is the next one; False when it is known already."""
        known, last = self.position, self._last
        if known is None or last is None:
            return True
        self._check_epoch(known, event.position)
        if event.version <= known.version:
            return False
        if self._is_whole:
            if event.version != known.version + 1:
                raise Gap(str(known), str(event.position))
        elif event.prev is None or not _is_same(Position.of(event.prev), last):
            raise Gap(str(last), f"{event.position} behind {event.prev}")
        return True

    def _check_epoch(self, known: Position, position: Position) -> None:
        if known.epoch is not None and position.epoch != known.epoch:
            raise Gap(str(known), str(position))


def _is_same(named: Position, last: Position) -> bool:
    return named.version == last.version and last.epoch in (None, named.epoch)


def _object(data: str) -> dict[str, object]:
    try:
        told = json.loads(data)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Broken(f"an event holds {data[:80]!r}")
    return told
