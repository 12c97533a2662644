"""The hub: brings each committed journal line to all who listen in this process, in order and without a hole.

Three ways lead in, and none is trusted alone: the desk's own commits, the doorbell of other processes, and a look at
the versions of all sites listened to each second. What does not follow on the last is read from the journal.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import asyncpg
import msgspec
import structlog

from holdfast.domain.change import Event
from holdfast.realtime.frames import frame_of
from holdfast.realtime.readers import CHUNK, Reader
from holdfast.realtime.ring import Ring
from holdfast.services.doorbell import Ring as Bell
from holdfast.services.journal import Epochs, EventView, lines_behind, stands
from holdfast.services.outages import UNREACHABLE

SLICE = 256
"""Readers served before others get a turn of the event loop."""
PAGE = 500
HEARTBEAT_S = 15.0
STALLED_S = 30.0
"""How long a reader may leave its bytes unread before it is cut."""
BACKLOG_MAX = 50_000
"""Journal lines a reader may be behind; beyond that a new snapshot is less work for everybody."""

Given = tuple[str | None, dict[int, int]]
"""The position a reader gives: its epoch, None when it does not say, and a version by site."""

log = structlog.get_logger("holdfast.live")


class Hub:
    """Rings by site, and the readers of each. Sites nobody listens to cost nothing."""

    def __init__(self, pool: asyncpg.Pool, epochs: Epochs, *, clock: Callable[[], float] | None = None) -> None:
        self.readers: dict[int, dict[Reader, None]] = {}
        self.is_closing = False
        self.delivered = 0
        self._pool = pool
        self._epochs = epochs
        self._clock = clock
        self._all: dict[Reader, None] = {}
        self._rings: dict[int, Ring] = {}
        self._waiting: deque[Reader] = deque()
        self._is_scheduled = False
        self._filling: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return self._clock() if self._clock is not None else asyncio.get_running_loop().time()

    @property
    def count(self) -> int:
        """How many listen."""
        return len(self._all)

    # -- what happens ------------------------------------------------------------------------------------------------

    def heard(self, events: list[tuple[int, Event]]) -> None:
        """A listener of the desk: what this process has committed."""
        if not self._rings:
            return
        for site_id, e in events:
            ring = self._rings.get(site_id)
            if ring is None:
                continue
            data = msgspec.Raw(e.data)
            line = EventView(e.version, e.at, e.effective_at, e.type, e.subject, e.actor, e.cause, data)
            if ring.append(frame_of(ring.slug, line)):
                self._serve(site_id)
            else:
                self.fill(site_id)

    def hear(self, ring: Bell) -> None:
        """A listener of the doorbell."""
        if ring.sites is not None:
            self.rung(ring.sites)
        else:
            for site_id in self._rings:
                self.fill(site_id)

    def rung(self, stands: Iterable[tuple[int, int]]) -> None:
        """Sites stand at these versions now, says another process."""
        for site_id, version in stands:
            ring = self._rings.get(site_id)
            if ring is not None and ring.last < version:
                self.fill(site_id)

    def fill(self, site_id: int) -> None:
        """Lets a ring be brought up to the journal; asked for while that is under way, once more after it."""
        if site_id in self._filling:
            self._again.add(site_id)
        else:
            self._filling[site_id] = task = asyncio.create_task(self._fill(site_id), name=f"fill of site {site_id}")
            task.add_done_callback(lambda _: self._filling.pop(site_id, None))

    async def poll(self) -> None:
        """The guarantee: looks where the sites stand, and in which line of history."""
        if not self._rings:
            return
        epoch = await self._epochs.current()
        # what is written while the question is under way is ahead of its answer, and no other history
        before = {site_id: ring.last for site_id, ring in self._rings.items()}
        now = await stands(self._pool, self._rings)
        for site_id, ring in list(self._rings.items()):
            version = now.get(site_id, ring.last)
            if ring.epoch != epoch or version < before.get(site_id, 0):
                self._begin_anew(ring, epoch, version, "other_epoch")
            elif version > ring.last:
                self.fill(site_id)

    def _begin_anew(self, ring: Ring, epoch: str, version: int, reason: str) -> None:
        """What lies between cannot be told: a backup was restored, a standby took over, or lines were let go of."""
        log.warning("readers begin anew", reason=reason, site=ring.slug, epoch=epoch, version=version)
        self._rings[ring.site_id] = Ring(ring.site_id, ring.slug, epoch, version)
        for reader in self.readers.get(ring.site_id, ()):
            places = {site: self._rings[site].last for site in reader.places}
            reader.reset(reason, epoch, places)

    async def _fill(self, site_id: int) -> None:
        try:
            await self._fill_up(site_id)
        except UNREACHABLE as error:
            # the next look finds it behind still
            log.debug("could not read on", site=site_id, error=str(error)[:200])

    async def _fill_up(self, site_id: int) -> None:
        self._again.discard(site_id)
        ring = self._rings.get(site_id)
        while ring is not None and ring is self._rings.get(site_id):
            lines = await lines_behind(self._pool, site_id, ring.last, until=_END, limit=PAGE)
            for line in lines:
                frame = frame_of(ring.slug, line)
                if not ring.append(frame):
                    self._begin_anew(ring, ring.epoch, line.version - 1, "trimmed")
                    ring = self._rings[site_id]
                    ring.append(frame)
            self._serve(site_id)
            if len(lines) < PAGE and site_id not in self._again:
                return
            self._again.discard(site_id)

    # -- delivery ----------------------------------------------------------------------------------------------------

    def queue(self, reader: Reader) -> None:
        """Lets a reader be served soon."""
        if not reader.is_queued and reader.paused_at is None:
            reader.is_queued = True
            self._waiting.append(reader)
            if not self._is_scheduled:
                self._is_scheduled = True
                asyncio.get_running_loop().call_soon(self._serve_waiting)

    def _serve(self, site_id: int) -> None:
        for reader in self.readers.get(site_id, ()):
            self.queue(reader)

    def _serve_waiting(self) -> None:
        self._is_scheduled = False
        for _ in range(min(SLICE, len(self._waiting))):
            reader = self._waiting.popleft()
            reader.is_queued = False
            self._pump(reader)
        if self._waiting:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._serve_waiting)

    def _pump(self, reader: Reader) -> None:
        for site_id in reader.places:
            ring = self._rings.get(site_id)
            if ring is not None and not reader.pump(ring):
                self._catch_up(reader)
                return
        self.delivered += 1

    def _catch_up(self, reader: Reader) -> None:
        if reader.catching_up is None:
            reader.catching_up = task = asyncio.create_task(self._read_for(reader), name="catch up of a reader")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read_for(self, reader: Reader) -> None:
        """Sends a reader from the journal what the rings no longer hold."""
        try:
            for site_id in list(reader.places):
                await self._read_site_for(reader, site_id)
        except UNREACHABLE:
            # it comes again with its last position when the database is there
            reader.end()
        finally:
            reader.catching_up = None
        self.queue(reader)

    async def _read_site_for(self, reader: Reader, site_id: int) -> None:
        while (ring := self._rings.get(site_id)) is not None and not reader.done.is_set():
            place = reader.places[site_id]
            if place + 1 >= ring.first:
                return
            if ring.last - place > BACKLOG_MAX:
                self._reset(reader, "backlog")
                return
            lines = await lines_behind(self._pool, site_id, place, until=ring.last, limit=PAGE)
            if ring is not self._rings.get(site_id) or reader.places[site_id] != place:
                continue  # meanwhile another history began, and the reader was told so: these lines are not of it
            if not lines or lines[0].version != place + 1:
                self._reset(reader, "trimmed")
                return
            for line in lines:
                if (one := reader.take(site_id, frame_of(ring.slug, line))) is not None:
                    reader.write(one)
                # more only once this is gone: nobody's backlog is kept in memory
                if reader.outlet.unsent > CHUNK and not await self._is_read(reader, ring):
                    break

    async def _is_read(self, reader: Reader, ring: Ring) -> bool:
        """Waits until a reader has taken what it was sent. False when that took too long, and it was cut, when it has
        left, or when meanwhile another history began."""
        if not await reader.emptied(within_s=STALLED_S):
            reader.cut()
        return not reader.done.is_set() and ring is self._rings.get(ring.site_id)

    def _reset(self, reader: Reader, reason: str) -> None:
        places = {site_id: self._rings[site_id].last for site_id in reader.places}
        epoch = next(self._rings[site_id].epoch for site_id in reader.places)
        reader.reset(reason, epoch, places)

    # -- coming and going ----------------------------------------------------------------------------------------------

    async def join(self, reader: Reader, sites: dict[int, str], given: Given | None) -> None:
        """Lets a reader listen to sites (id → slug), from the position it gives (epoch and places), or from now on."""
        epoch = await self._epochs.current()
        found = await stands(self._pool, sites)
        for site_id, slug in sites.items():
            ring = self._rings.get(site_id)
            if ring is None or ring.epoch != epoch:
                self._rings[site_id] = Ring(site_id, slug, epoch, found[site_id])
                # what was written between the question and now nobody has told this ring
                self.fill(site_id)
        now = {site_id: max(self._rings[site_id].last, 0) for site_id in sites}
        reason = None
        if given is None:
            reader.start(epoch, now)
            reader.mark()
        else:
            known, places = given
            reason = _reason(known, places, epoch, {site_id: max(found[site_id], now[site_id]) for site_id in sites})
            if reason is not None:
                reader.reset(reason, epoch, now)
            else:
                reader.start(epoch, places)
                reader.mark()
        self._all[reader] = None
        for site_id in sites:
            self.readers.setdefault(site_id, {})[reader] = None
        self.rung(found.items())
        self.queue(reader)

    def leave(self, reader: Reader) -> None:
        """Forgets a reader, and the rings nobody else listens to."""
        reader.done.set()
        self._all.pop(reader, None)
        for site_id in reader.places:
            readers = self.readers.get(site_id)
            if readers is not None:
                readers.pop(reader, None)
                if not readers:
                    del self.readers[site_id]
                    self._rings.pop(site_id, None)

    def look_after(self) -> None:
        """Marks quiet lines, ends old ones, cuts those that do not read; called each second."""
        now = self.now()
        for reader in list(self._all):
            if reader.paused_at is not None and now - reader.paused_at > STALLED_S:
                reader.cut()
            elif now >= reader.ends_at or self.is_closing:
                reader.end()
            elif reader.paused_at is not None:
                if reader.outlet.unsent == 0:
                    reader.resume()
            elif now - reader.sent_at >= HEARTBEAT_S and reader.catching_up is None:
                reader.mark()

    def close(self) -> None:
        """Ends all streams, so that the server can stop."""
        self.is_closing = True
        for reader in list(self._all):
            reader.end()


def _reason(known: str | None, places: dict[int, int], epoch: str, stands: dict[int, int]) -> str | None:
    """Why a position means nothing here, None when it does."""
    if known is not None and known != epoch:
        return "other_epoch"
    if places.keys() != stands.keys():
        return "other_sites"
    if any(version > stands[site_id] for site_id, version in places.items()):
        return "ahead"
    if any(stands[site_id] - version > BACKLOG_MAX for site_id, version in places.items()):
        return "backlog"
    return None


_END = 2**62
