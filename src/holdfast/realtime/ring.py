"""A site's last journal lines in memory, while somebody listens: dense, bounded, appended in order.

It is a saving, never a source: what it no longer holds is read from the journal.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from holdfast.realtime.frames import Frame, block, mark

FRAMES_MAX = 4_096
BYTES_MAX = 4 * 1024 * 1024


class Ring:
    """The frames of one site behind `first` - 1 up to `last`."""

    def __init__(self, site_id: int, slug: str, epoch: str, version: int) -> None:
        self.site_id = site_id
        self.slug = slug
        self.epoch = epoch
        self.last = version
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._joined: tuple[int, int, bytes] = (0, 0, b"")

    @property
    def first(self) -> int:
        """The earliest version held; behind `last` when none is."""
        return self.last - len(self._frames) + 1

    def append(self, frame: Frame) -> bool:
        """Takes the next frame. False when it does not follow on the last: then something is missing between."""
        if frame.version != self.last + 1:
            return frame.version <= self.last
        if frame.type == "booking.erased":
            # the journal has forgotten whose it was: what was said before is read from there
            self._frames.clear()
            self._bytes, self._joined = 0, (0, 0, b"")
        self._frames.append(frame)
        self.last = frame.version
        self._bytes += len(frame.body)
        while len(self._frames) > FRAMES_MAX or (self._bytes > BYTES_MAX and len(self._frames) > 1):
            self._bytes -= len(self._frames.popleft().body)
        return True

    def behind(self, version: int) -> Iterator[Frame]:
        """The frames behind a version that is not older than what is held."""
        return islice(self._frames, max(0, version + 1 - self.first), None)

    def joined(self, version: int, until: int, limit: int) -> tuple[int, bytes]:
        """All unfiltered blocks behind a version and up to another, about `limit` bytes at most, and the version they
        reach. Those who stand at the same place get the same bytes."""
        if self._joined[:2] == (version, until):
            return until, self._joined[2]
        blocks: list[bytes] = []
        size, reached = 0, version
        for frame in islice(self.behind(version), until - version):
            one = block(self.position(frame.version), frame)
            if blocks and size + len(one) > limit:
                break
            blocks.append(one)
            size += len(one)
            reached = frame.version
        told = b"".join(blocks)
        if reached == until:
            self._joined = (version, until, told)
        return reached, told

    def position(self, version: int) -> str:
        return f"{self.epoch}:{version}"

    def mark(self, version: int) -> bytes:
        return mark(self.position(version))
