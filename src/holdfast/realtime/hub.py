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
from holdfast.realtime.listeners import Listeners
from holdfast.realtime.readers import CHUNK, Reader
from holdfast.realtime.ring import Ring
from holdfast.services.doorbell import Ring as Bell
from holdfast.services.journal import Epochs, EventView, lines_behind, stands
from holdfast.services.outages import UNREACHABLE

SLICE = 256
"""Readers served before others get a turn of the event loop."""
PAGE = 500
PAGE_FIRST = 16
PAGE_BYTES = 2 * CHUNK
"""About how much is read from the journal for one reader at once: many may come up together, and lines be long."""
HEARTBEAT_S = 15.0
STALLED_S = 30.0
"""How long a reader may leave its bytes unread before it is cut."""
BACKLOG_MAX = 50_000
"""Journal lines a reader may be behind; beyond that a new snapshot is less work for everybody."""

Given = tuple[str | None, dict[int, int]]
"""The position a reader gives: its epoch, None when it does not say, and a version by site."""

log = structlog.get_logger("holdfast.live")


class Hub:
    """Those who listen, by site, and a ring for each. Sites nobody listens to cost nothing."""

    def __init__(self, pool: asyncpg.Pool, epochs: Epochs, *, clock: Callable[[], float] | None = None) -> None:
        self.sites: dict[int, Listeners] = {}
        self.is_closing = False
        self._pool = pool
        self._epochs = epochs
        self._clock = clock
        self._all: dict[Reader, None] = {}
        self._waiting: deque[Reader] = deque()
        self._telling: dict[Listeners, None] = {}
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
        if not self.sites:
            return
        for site_id, e in events:
            listeners = self.sites.get(site_id)
            if listeners is None:
                continue
            data = msgspec.Raw(e.data)
            line = EventView(e.version, e.at, e.effective_at, e.type, e.subject, e.actor, e.cause, data)
            if listeners.ring.append(frame_of(listeners.ring.slug, line)):
                self._serve(listeners)
            else:
                self.fill(site_id)

    def hear(self, ring: Bell) -> None:
        """A listener of the doorbell."""
        if ring.sites is not None:
            self.rung(ring.sites)
        else:
            for site_id in self.sites:
                self.fill(site_id)

    def rung(self, stands: Iterable[tuple[int, int]]) -> None:
        """Sites stand at these versions now, says another process."""
        for site_id, version in stands:
            listeners = self.sites.get(site_id)
            if listeners is not None and listeners.ring.last < version:
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
        if not self.sites:
            return
        epoch = await self._epochs.current()
        # what is written while the question is under way is ahead of its answer, and no other history
        before = {site_id: listeners.ring.last for site_id, listeners in self.sites.items()}
        now = await stands(self._pool, self.sites)
        for site_id, listeners in list(self.sites.items()):
            ring = listeners.ring
            version = now.get(site_id, ring.last)
            if ring.epoch != epoch or version < before.get(site_id, 0):
                self._begin_anew(listeners, epoch, version, "other_epoch")
            elif version > ring.last:
                self.fill(site_id)

    def _begin_anew(self, listeners: Listeners, epoch: str, version: int, reason: str) -> None:
        """What lies between cannot be told: a backup was restored, a standby took over, or lines were let go of."""
        ring = listeners.ring
        log.warning("readers begin anew", reason=reason, site=ring.slug, epoch=epoch, version=version)
        listeners.begin_anew(Ring(ring.site_id, ring.slug, epoch, version))
        for reader in listeners.all():
            places = {site_id: self.sites[site_id].ring.last for site_id in reader.places}
            reader.reset(reason, epoch, places)
        self._serve(listeners)

    async def _fill(self, site_id: int) -> None:
        try:
            await self._fill_up(site_id)
        except UNREACHABLE as error:
            # the next look finds it behind still
            log.debug("could not read on", site=site_id, error=str(error)[:200])

    async def _fill_up(self, site_id: int) -> None:
        self._again.discard(site_id)
        listeners = self.sites.get(site_id)
        while listeners is not None and listeners is self.sites.get(site_id):
            ring = listeners.ring
            lines = await lines_behind(self._pool, site_id, ring.last, until=_END, limit=PAGE)
            if ring is not listeners.ring:
                continue  # meanwhile another history began: these lines are not of it
            for line in lines:
                frame = frame_of(ring.slug, line)
                if not listeners.ring.append(frame):
                    self._begin_anew(listeners, ring.epoch, line.version - 1, "trimmed")
                    listeners.ring.append(frame)
            self._serve(listeners)
            if len(lines) < PAGE and site_id not in self._again:
                return
            self._again.discard(site_id)

    # -- delivery ----------------------------------------------------------------------------------------------------

    def queue(self, reader: Reader) -> None:
        """Lets a reader be served soon."""
        if not reader.is_queued and reader.paused_at is None:
            reader.is_queued = True
            self._waiting.append(reader)
            self._schedule()

    def _serve(self, listeners: Listeners) -> None:
        self._telling[listeners] = None
        self._schedule()
        for reader in listeners.apart:
            self.queue(reader)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        """Serves some of those who wait, then lets others have a turn."""
        self._is_scheduled = False
        self._tell_together(SLICE)
        for _ in range(min(SLICE, len(self._waiting))):
            reader = self._waiting.popleft()
            reader.is_queued = False
            self._pump(reader)
        if self._waiting or self._telling:
            self._schedule()

    def _tell_together(self, readers_max: int) -> None:
        while self._telling and readers_max > 0:
            listeners = next(iter(self._telling))
            if not listeners.is_telling:
                listeners.begin(self.now())
                for reader in listeners.apart:
                    self.queue(reader)
            readers_max -= listeners.tell(readers_max)
            if not listeners.is_telling:
                del self._telling[listeners]
                if listeners.is_behind:
                    self._telling[listeners] = None

    def _pump(self, reader: Reader) -> None:
        if reader.company is not None:
            return
        for site_id in reader.places:
            listeners = self.sites.get(site_id)
            if listeners is None:
                continue
            if not reader.pump(listeners.ring, listeners.version):
                self._catch_up(reader)
                return
            listeners.take_in(reader)

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
        page = PAGE_FIRST
        while (ring := self._ring(site_id)) is not None and not reader.done.is_set():
            place = reader.places[site_id]
            if place + 1 >= ring.first:
                return
            if ring.last - place > BACKLOG_MAX:
                self._reset(reader, "backlog")
                return
            lines = await lines_behind(self._pool, site_id, place, until=ring.last, limit=page)
            if ring is not self._ring(site_id) or reader.places[site_id] != place:
                continue  # meanwhile another history began, and the reader was told so: these lines are not of it
            if not lines or lines[0].version != place + 1:
                self._reset(reader, "trimmed")
                return
            page = _page_behind(lines)
            for line in lines:
                if (one := reader.take(site_id, frame_of(ring.slug, line))) is not None:
                    reader.write(one)
            del lines
            # more only once this is gone: nobody's backlog is kept in memory
            if reader.outlet.unsent > CHUNK:
                await self._is_read(reader)

    async def _is_read(self, reader: Reader) -> None:
        """Waits until a reader has taken what it was sent, or has left; one that takes too long is cut."""
        if not await reader.emptied(within_s=STALLED_S):
            reader.cut()

    def _ring(self, site_id: int) -> Ring | None:
        listeners = self.sites.get(site_id)
        return listeners.ring if listeners is not None else None

    def _reset(self, reader: Reader, reason: str) -> None:
        rings = {site_id: self.sites[site_id].ring for site_id in reader.places}
        epoch = next(ring.epoch for ring in rings.values())
        reader.reset(reason, epoch, {site_id: ring.last for site_id, ring in rings.items()})

    # -- coming and going ----------------------------------------------------------------------------------------------

    async def join(self, reader: Reader, sites: dict[int, str], given: Given | None) -> None:
        """Lets a reader listen to sites (id → slug), from the position it gives (epoch and places), or from now on."""
        epoch = await self._epochs.current()
        found = await stands(self._pool, sites)
        for site_id, slug in sites.items():
            listeners = self.sites.get(site_id)
            if listeners is None:
                self.sites[site_id] = Listeners(Ring(site_id, slug, epoch, found[site_id]), self.now())
                # what was written between the question and now nobody has told this ring
                self.fill(site_id)
            elif listeners.ring.epoch != epoch:
                self._begin_anew(listeners, epoch, found[site_id], "other_epoch")
                self.fill(site_id)
        now = {site_id: self.sites[site_id].ring.last for site_id in sites}
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
            self.sites[site_id].apart[reader] = None
        self.rung(found.items())
        self.queue(reader)

    def leave(self, reader: Reader) -> None:
        """Forgets a reader, and the rings nobody else listens to."""
        reader.done.set()
        self._all.pop(reader, None)
        for site_id in reader.places:
            listeners = self.sites.get(site_id)
            if listeners is not None:
                listeners.leave(reader)
                if listeners.is_empty:
                    del self.sites[site_id]

    def listening(self) -> list[Reader]:
        """All who listen."""
        return list(self._all)

    def end_where(self, ends: Callable[[Reader], bool]) -> int:
        """Ends the streams of which that is so, in order; how many there were. None of them is sent anything more: who
        has lost a right hears nothing that comes behind the loss."""
        ending = [reader for reader in self._all if ends(reader)]
        for reader in ending:
            reader.end()
        return len(ending)

    def look_after(self) -> None:
        """Marks quiet lines, ends old ones, cuts those that do not read; called each second."""
        now = self.now()
        for reader in list(self._all):
            if reader.company is not None:
                if now >= reader.ends_at or self.is_closing:
                    reader.end()
            else:
                self._look_after(reader, now)
        for listeners in self.sites.values():
            if now - listeners.sent_at >= HEARTBEAT_S and listeners.mark(now):
                self._serve(listeners)

    def _look_after(self, reader: Reader, now: float) -> None:
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
        self.end_where(lambda _: True)


def _page_behind(lines: list[EventView]) -> int:
    """How many lines to read next, so that they are about as many bytes as they should be, going by these."""
    size = sum(len(bytes(line.data)) for line in lines)
    return max(1, min(PAGE, PAGE_BYTES * len(lines) // max(size, 1)))


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
