"""The proof that a stream left nothing out: each block must follow on the one before.

A whole stream has every version, so the next event is the next number. A filtered one names the event sent before in
`prev`. A block without an event only moves the position: on a whole stream it must stand where the reader stands. Of
several sites the same holds for each: one of them moves by one, and the others stand.
"""

import json
from collections.abc import Mapping

from holdfast.client.blocks import Block
from holdfast.client.errors import Broken, Gap
from holdfast.client.events import Event, Places, Position, Reset, event_of


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


class SitesChain:
    """The same for the one stream of several sites; `ids` are theirs, by name."""

    def __init__(self, places: Places | None, ids: Mapping[str, int], *, is_whole: bool) -> None:
        self.position = places
        self._ids = ids
        self._only = next(iter(ids.values())) if len(ids) == 1 else None
        self._is_whole = is_whole
        self._last = places

    def follow(self, block: Block) -> Event | Reset | None:
        """Raises:
        Gap, Broken: as for one site.
        """
        places = Places.of(block.id, only=self._only)
        if places.versions.keys() != set(self._ids.values()):
            raise Broken(f"{block.id!r} is a position of other sites")
        if block.data is None:
            self._check(places, moves=None)
            if self._last is None or self._last.epoch is None:
                self._last = places
            self.position = places
            return None
        told = _object(block.data)
        if block.event == "reset":
            self.position = self._last = places
            return Reset(str(told.get("reason", "unknown")), places)
        moves = self._ids.get(str(told.get("site")))
        if moves is None:
            raise Broken(f"{block.id!r} tells of {told.get('site')!r}")
        event = event_of(Position(places.epoch, places.versions[moves]), told)
        self._check(places, moves=moves)
        if not self._is_whole and self._last is not None:
            prev = Places.of(event.prev or "", only=self._only)
            if prev.versions != self._last.versions or self._last.epoch not in (None, prev.epoch):
                raise Gap(str(self._last), f"{places} behind {event.prev}")
        self.position = self._last = places
        return event

    def _check(self, places: Places, *, moves: int | None) -> None:
        """That each site stands where it stood, and one that moves has moved by one; of filtered ones, that none has
        gone back."""
        known = self.position
        if known is None:
            return
        fits = known.epoch in (None, places.epoch)
        for site_id, version in places.versions.items():
            before = known.versions[site_id]
            if self._is_whole:
                fits = fits and version == before + (site_id == moves)
            else:
                fits = fits and version >= before + (site_id == moves)
        if not fits:
            raise Gap(str(known), str(places))


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
