"""How the journal reaches Socket.IO clients: one tap on a site's ring while anybody here listens to that site.

A tap is a reader like every other: it takes its place, is left alone while it has enough, resumes behind the last line
it gave on, and is told when what lies between cannot be told.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from holdfast.domain.sites import Site
from holdfast.realtime.frames import Frame
from holdfast.realtime.hub import Hub
from holdfast.realtime.outlets import Outlet
from holdfast.realtime.readers import Filter, Reader
from holdfast.realtime.ring import Ring
from holdfast.services.outages import UNREACHABLE

FRAMES_MAX = 1_000
"""Lines that a tap holds before it is left alone."""
AGAIN_S = 1.0
"""When to try once more what failed."""

log = structlog.get_logger("holdfast.live")


class Lost:
    """In the place of lines that cannot be told."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


Item = Frame | Lost
Give = Callable[["Feed", Item], Awaitable[None]]


class _Basket(Outlet):
    """Holds lines until they are fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.items: deque[tuple[str, int, Item]] = deque()
        self.filled = asyncio.Event()

    @property
    def unsent(self) -> int:
        return len(self.items)

    def write(self, data: bytes) -> None:
        """Bytes are not for us: lines come as they are."""

    def cut(self) -> None:
        self.closed.set()
        self.filled.set()


class Tap(Reader):
    """A reader that gives lines instead of bytes."""

    __slots__ = ("basket",)

    def __init__(self, hub: Hub) -> None:
        self.basket = _Basket()
        super().__init__(hub, self.basket, Filter(), now=hub.now(), ends_at=float("inf"))

    def pump(self, ring: Ring, told: int) -> bool:
        if self.catching_up is not None or self.done.is_set():
            return True
        site_id = ring.site_id
        if self.places[site_id] < ring.last and self.places[site_id] + 1 < ring.first:
            return False
        for frame in ring.behind(self.places[site_id]):
            if len(self.basket.items) >= FRAMES_MAX:
                self.pause()
                return True
            self.take(site_id, frame)
        return True

    def take(self, site_id: int, frame: Frame) -> bytes | None:
        self.places[site_id] = frame.version
        self._keep(frame, frame.version)
        return None

    def mark(self) -> None:
        self.sent_at = self._hub.now()

    def reset(self, reason: str, epoch: str, places: dict[int, int]) -> None:
        self.start(epoch, places)
        (version,) = places.values()
        self._keep(Lost(reason), version)

    def end(self) -> None:
        super().end()
        self.basket.filled.set()

    def _keep(self, item: Item, version: int) -> None:
        self.basket.items.append((self.epoch, version, item))
        self.basket.filled.set()


class Feed:
    """One site's lines, given on one after the other. `position` is that of the last line given on; whoever gives calls
    `arrive` at the moment at which it looks who listens, so that whoever comes later is told from there on."""

    def __init__(self, hub: Hub, site: Site, give: Give) -> None:
        self.site = site
        self.holders = 0
        self.epoch = ""
        self.version = 0
        self._coming = ("", 0)
        self._hub = hub
        self._give = give
        self._tap: Tap | None = None
        self._running: asyncio.Task[None] | None = None
        self.opening = asyncio.ensure_future(self._open())

    @property
    def position(self) -> str:
        return f"{self.epoch}:{self.version}"

    def arrive(self) -> None:
        self.epoch, self.version = self._coming

    def close(self) -> None:
        self.opening.cancel()
        if self._running is not None:
            self._running.cancel()
        self._leave()

    async def _open(self) -> None:
        tap = await self._joined(None)
        self.epoch, self.version = tap.epoch, tap.places[self.site.id]
        self._running = asyncio.create_task(self._run(tap), name=f"Socket.IO feed of {self.site.slug}")

    async def _joined(self, given: tuple[str | None, dict[int, int]] | None) -> Tap:
        tap = self._tap = Tap(self._hub)
        try:
            await self._hub.join(tap, {self.site.id: self.site.slug}, given)
        except BaseException:
            self._leave()
            raise
        return tap

    def _leave(self) -> None:
        tap, self._tap = self._tap, None
        if tap is not None:
            self._hub.leave(tap)

    async def _run(self, tap: Tap) -> None:
        while True:
            basket = tap.basket
            while basket.items:
                epoch, version, item = basket.items[0]
                self._coming = (epoch, version)
                await self._give_on(item)
                self.arrive()
                basket.items.popleft()
                if len(basket.items) < FRAMES_MAX // 2:
                    tap.resume()
            if tap.done.is_set():
                if self._hub.is_closing:
                    return
                tap = await self._again()
                continue
            basket.filled.clear()
            await basket.filled.wait()

    async def _give_on(self, item: Item) -> None:
        while True:
            try:
                await self._give(self, item)
                return
            except UNREACHABLE:
                await asyncio.sleep(AGAIN_S)
            except Exception:  # the top of a feed: what is wrong with one line must not keep the next ones back
                log.exception("a line could not be told over Socket.IO", site=self.site.slug)
                return

    async def _again(self) -> Tap:
        """Another tap behind the last line that was given on."""
        while True:
            self._leave()
            try:
                return await self._joined((self.epoch, {self.site.id: self.version}))
            except UNREACHABLE:
                await asyncio.sleep(AGAIN_S)


class Feeds:
    """The feeds of the sites that are listened to; each is there while it is held."""

    def __init__(self, hub: Hub, give: Give) -> None:
        self._hub = hub
        self._give = give
        self._feeds: dict[int, Feed] = {}

    def of(self, site_id: int) -> Feed | None:
        return self._feeds.get(site_id)

    async def hold(self, site: Site) -> Feed:
        """The feed of a site, open: what is committed from now on is given on. Held until it is released.

        Raises:
            the database's failures; then it is not held.
        """
        feed = self._feeds.get(site.id)
        if feed is None:
            feed = self._feeds[site.id] = Feed(self._hub, site, self._give)
        feed.holders += 1
        try:
            await asyncio.shield(feed.opening)
        except BaseException:
            self._release(feed)
            raise
        return feed

    def release(self, site_id: int) -> None:
        """Gives up one hold; the last one closes the feed."""
        feed = self._feeds.get(site_id)
        if feed is not None:
            self._release(feed)

    def close(self) -> None:
        for feed in list(self._feeds.values()):
            feed.close()
        self._feeds.clear()

    def _release(self, feed: Feed) -> None:
        feed.holders -= 1
        failed = feed.opening.done() and (feed.opening.cancelled() or feed.opening.exception() is not None)
        if (feed.holders <= 0 or failed) and self._feeds.get(feed.site.id) is feed:
            del self._feeds[feed.site.id]
            feed.close()
