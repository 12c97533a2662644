"""Those who listen to one site. Nearly all of them want everything and stand at the same place: they are told together,
the same bytes to each, past all that is done for a reader alone.

The others are apart: they want only some of it, hear several sites, are slow, or are still coming up. One that is told
together has no place of its own; it gets it back when it parts. Nobody is told together through anything but a socket
that took all it was given so far.
"""

from holdfast.realtime.outlets import Offer, SocketOutlet
from holdfast.realtime.readers import CHUNK, Reader
from holdfast.realtime.ring import Ring


class Listeners:
    """The readers of a ring. Each is either `apart` or told together with others; those are, or are just being, told
    up to `version`, at last since `sent_at`."""

    __slots__ = ("_before", "_chunk", "_together", "_untold", "apart", "ring", "sent_at", "version")

    def __init__(self, ring: Ring, now: float) -> None:
        self.ring = ring
        self.apart: dict[Reader, None] = {}
        self.version = ring.last
        self.sent_at = now
        self._together: dict[Reader, Offer] = {}
        self._untold: dict[Reader, Offer] = {}
        self._before = ring.last
        self._chunk = b""

    @property
    def is_empty(self) -> bool:
        return not self.apart and not self._together

    @property
    def is_telling(self) -> bool:
        """Whether a round is under way: some of those together have not been given yet what the others have."""
        return bool(self._untold)

    @property
    def is_behind(self) -> bool:
        """Whether those together lack something that the ring has."""
        return self.is_telling or (self.version < self.ring.last and bool(self._together))

    def all(self) -> list[Reader]:
        return [*self.apart, *self._together]

    def take_in(self, reader: Reader) -> None:
        """Lets a reader be told together with the others from now on, if it wants what they want, stands where they
        stand, and has taken all it was sent."""
        offer = reader.outlet.offer
        if offer is not None and reader.is_abreast_of(self.ring.site_id, self.version) and reader in self.apart:
            del self.apart[reader]
            self._together[reader] = offer
            reader.company = self

    def part(self, reader: Reader) -> None:
        """Lets a reader go its own way, from its place on."""
        del self._together[reader]
        is_told = self._untold.pop(reader, None) is None
        reader.company = None
        reader.places[self.ring.site_id] = self.version if is_told else self._before
        self.apart[reader] = None

    def leave(self, reader: Reader) -> None:
        if reader in self._together:
            self.part(reader)
        self.apart.pop(reader, None)

    def begin_anew(self, ring: Ring) -> None:
        """Another history: everybody is apart until told so."""
        for reader in list(self._together):
            self.part(reader)
        self.ring = ring
        self.version = ring.last

    def begin(self, now: float) -> bool:
        """Begins a round with what those together lack; whether there is one now. None begins before the last is over:
        what is written meanwhile comes all at once in the next."""
        if self._untold or self.version == self.ring.last:
            return bool(self._untold)
        if self.version + 1 < self.ring.first:
            for reader in list(self._together):
                self.part(reader)
        if not self._together:
            self.version = self.ring.last
            return False
        before = self.version
        self.version, told = self.ring.joined(before, self.ring.last, CHUNK)
        self._begin(told, before, now)
        return True

    def mark(self, now: float) -> bool:
        """Begins a round that tells those together their place; whether it did."""
        if self._untold or not self._together:
            return False
        self._begin(self.ring.mark(self.version), self.version, now)
        return True

    def _begin(self, told: bytes, before: int, now: float) -> None:
        self._before = before
        self._chunk = SocketOutlet.chunk(told)
        self._untold = dict(self._together)
        self.sent_at = now

    def tell(self, readers_max: int) -> int:
        """Goes on with the round for so many readers at most; how many there were. Whoever does not take all at once
        is apart from then on."""
        untold, chunk = self._untold, self._chunk
        size, count = len(chunk), 0
        while untold and count < readers_max:
            count += 1
            reader, offer = untold.popitem()
            try:
                taken = offer(chunk)
            except OSError:
                # full, or broken: the transport finds out which
                taken = 0
            if taken != size:
                self.part(reader)
                reader.outlet.keep(chunk[taken:])
        return count
