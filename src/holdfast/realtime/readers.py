"""A reader: a place in the journal of one site or several, and a way to whoever listens.

It is a cursor, not a queue: what it has not been sent yet stays in the rings, or in the journal. One that does not read
is left alone and resumes without loss; one that never does is cut, and resumes by its last position.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from holdfast.realtime.frames import Frame, block, mark, reset
from holdfast.realtime.outlets import HIGH, Outlet
from holdfast.realtime.ring import Ring

if TYPE_CHECKING:
    from holdfast.realtime.hub import Hub
    from holdfast.realtime.listeners import Listeners

DRAIN_S = 0.01
CHUNK = 64 * 1024
"""About how many bytes one delivery takes, so that no reader has more unsent than HIGH and this."""


class Filter:
    """Which events a reader wants: of some types, about a unit; None for all. Of the sites in `nameless` it is told no
    names, but what the right that stands there lets it see."""

    __slots__ = ("nameless", "types", "unit")

    def __init__(
        self, types: frozenset[str] | None = None, unit: str | None = None, nameless: Mapping[int, str] | None = None
    ) -> None:
        self.types = types
        self.unit = unit
        self.nameless = nameless or {}

    @property
    def is_open(self) -> bool:
        return self.types is None and self.unit is None and not self.nameless

    def takes(self, frame: Frame) -> bool:
        return (self.types is None or frame.type in self.types) and (self.unit is None or self.unit in frame.units)


class Reader:
    """Sends what its sites' rings hold behind its place, as fast as its outlet takes it. `caller` is whoever it reads
    for, None when that is the house itself. `company` are those with whom it is told together; `places` rest then."""

    __slots__ = (
        "_hub", "_is_whole", "caller", "catching_up", "company", "done", "ends_at", "epoch", "filter", "is_queued",
        "outlet", "paused_at", "places", "prev", "sent_at",
    )  # fmt: skip

    def __init__(
        self, hub: "Hub", outlet: Outlet, wanted: Filter, *, now: float, ends_at: float, caller: object = None
    ) -> None:
        self._hub = hub
        self.outlet = outlet
        self.caller = caller
        self.company: Listeners | None = None
        self.filter = wanted
        self.epoch = ""
        self.places: dict[int, int] = {}
        self.prev = ""
        self.is_queued = False
        self.paused_at: float | None = None
        self.sent_at = now
        self.ends_at = ends_at
        self.catching_up: asyncio.Task[None] | None = None
        self.done = asyncio.Event()
        self._is_whole = False
        outlet.drained = self.resume

    def start(self, epoch: str, places: dict[int, int]) -> None:
        """Takes its place."""
        self.epoch, self.places = epoch, places
        self._is_whole = len(places) == 1 and self.filter.is_open
        self.prev = self.position()

    def position(self) -> str:
        """Where it stands, as its next `Last-Event-ID` will say."""
        if len(self.places) == 1:
            (version,) = self.places.values()
            return f"{self.epoch}:{version}"
        return f"{self.epoch}:" + ",".join(f"{site}.{version}" for site, version in sorted(self.places.items()))

    def is_abreast_of(self, site_id: int, version: int) -> bool:
        """Whether it wants all of a site, stands there, and has taken all it was sent."""
        return (
            self._is_whole and self.places.get(site_id) == version and self.outlet.unsent == 0
            and self.catching_up is None and self.paused_at is None and not self.done.is_set()
        )  # fmt: skip

    def pump(self, ring: Ring, told: int) -> bool:
        """Sends what the ring has behind its place; if it wants all, and others are told together up to `told`, up to
        there, so that it comes abreast of them. False when the ring no longer reaches back that far."""
        if self.catching_up is not None or self.done.is_set():
            return True
        site_id, outlet = ring.site_id, self.outlet
        until = told if self._is_whole and self.places[site_id] <= told else ring.last
        while self.places[site_id] < until:
            if outlet.unsent > HIGH:
                self.pause()
                return True
            if self.places[site_id] + 1 < ring.first:
                return False
            if self._is_whole:
                self.places[site_id], blocks = ring.joined(self.places[site_id], until, CHUNK)
                self.write(blocks)
            else:
                self._pump_each(ring)
        return True

    def _pump_each(self, ring: Ring) -> None:
        blocks: list[bytes] = []
        size = 0
        for frame in ring.behind(self.places[ring.site_id]):
            if (one := self.take(ring.site_id, frame)) is not None:
                blocks.append(one)
                size += len(one)
                if size > CHUNK:
                    break
        if blocks:
            self.write(b"".join(blocks))

    def take(self, site_id: int, frame: Frame) -> bytes | None:
        """Moves its place over a frame; what to send of it, None when it is not wanted."""
        self.places[site_id] = frame.version
        if not self.filter.takes(frame):
            return None
        position = self.position()
        if self._is_whole:
            return block(position, frame)
        one = block(position, frame, self.prev, right=self.filter.nameless.get(site_id, "names"))
        self.prev = position
        return one

    def write(self, data: bytes) -> None:
        if not self.done.is_set():
            self.sent_at = self._hub.now()
            self.outlet.write(data)

    def mark(self) -> None:
        """Tells its place, and that the line is open."""
        self.write(mark(self.position()))

    def reset(self, reason: str, epoch: str, places: dict[int, int]) -> None:
        """Tells that what lies between cannot be told, and takes its place behind it."""
        self.start(epoch, places)
        self.write(reset(self.position(), reason))

    def pause(self) -> None:
        if self.paused_at is None:
            self.paused_at = self._hub.now()

    def resume(self) -> None:
        """Called when the outlet has room again."""
        if self.paused_at is not None:
            self.paused_at = None
            self._hub.queue(self)

    async def emptied(self, *, within_s: float) -> bool:
        """Whether all that was written is with the operating system, or the stream has ended, within that time."""
        until = self._hub.now() + within_s
        while self.outlet.unsent > 0 and not self.done.is_set():
            if self._hub.now() > until:
                return False
            await asyncio.sleep(DRAIN_S)
        return True

    def end(self) -> None:
        """Ends the stream in order: it is sent nothing more, and comes again by itself, with its last position."""
        self.done.set()
        if self.company is not None:
            # at once: the number of its socket may soon be another connection's
            self.company.part(self)

    def cut(self) -> None:
        self.outlet.cut()
        self.end()
