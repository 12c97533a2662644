"""`/socket.io/` for the clients there are: the journal's bookings as the events they know, to whoever may see them.

Any process serves it, each its own clients from the journal. A client that only connects hears which slots of its
site change, without a name. One that comes again is told what it missed, as far as that can be told.
"""

import asyncio
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.context import Context
from holdfast.realtime.frames import frame_of
from holdfast.realtime.hub import Hub
from holdfast.realtime.seats import Seats
from holdfast.realtime.socketio_acts import Acts, Membership, refused
from holdfast.realtime.socketio_callers import SITE, caller_of, check_room, home_of
from holdfast.realtime.socketio_events import Teller, Told
from holdfast.realtime.socketio_feed import Feed, Feeds, Item, Lost
from holdfast.realtime.socketio_rooms import Audience, Client
from holdfast.realtime.socketio_stores import StoreActs, is_store, told_of_sync
from holdfast.realtime.socketio_wire import NAMES, PLACE_END, Wire, session_of
from holdfast.services.access import Access
from holdfast.services.journal import lines_behind, position
from holdfast.services.outages import UNREACHABLE
from holdfast.services.presence import Presence
from holdfast.services.reconcile import Reconciler
from holdfast.services.stores import Stores

MISSED_MAX = 500
"""Journal lines that a client may have missed; one that missed more is told so."""
ASKING_MAX = 4
"""Clients for whom the journal is read at once, however many come again together."""


class SocketIO:
    """The endpoint of one process, as the edge serves it."""

    def __init__(
        self, context: Context, hub: Hub, reconciler: Reconciler, stores: Stores, *, stopping: asyncio.Event,
        clients_max: int, seats: Seats, presence: Presence | None = None,
    ) -> None:  # fmt: skip
        self._hub = hub
        self._reads = context.reads
        self._sites = context.sites
        self._gate = context.gate
        self._stopping = stopping
        self._clients_max = clients_max
        self._seats = seats
        self._presence = presence
        self._tellers: WeakKeyDictionary[Feed, Teller] = WeakKeyDictionary()
        self._audience = Audience()
        self._feeds = Feeds(hub, self._give)
        self._rooms = Membership(self._audience, self._feeds)
        self._asking = asyncio.Semaphore(ASKING_MAX)
        self._ending: asyncio.Task[None] | None = None
        self.wire = Wire(self, seats)
        self._stores = StoreActs(stores, self._audience)
        self._acts = Acts(
            context.reads, context.sites, reconciler, self._stores, rooms=self._rooms, post=self.wire.post
        )

    @property
    def count(self) -> int:
        """How many clients there are."""
        return len(self.wire.clients)

    def watching(self, site_id: int) -> int:
        """How many clients listen to a site."""
        return self._stores.watching(site_id)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_new = not session_of(scope)
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(), name="end of Socket.IO")
        if is_new and (refusal := self._no_room(scope)) is not None:
            if scope["type"] == "http":
                raise refusal
            await receive()
            await send({"type": "websocket.close", "code": 1013})
        elif scope["type"] == "http":
            await self.wire.handle_request(scope, receive, send)
        else:
            await self.wire.websocket(scope, receive, send)

    def _no_room(self, scope: Any) -> Refusal | None:
        """Why somebody new cannot be let in now; None when they can, and then the scope says what they are counted by.
        By address alone: who they are they say later."""
        if self._stopping.is_set() or self.wire.count + self._hub.count >= self._clients_max:
            return Refusal("busy", retry_after_s=5, problem="too many clients are connected")
        scope[NAMES] = names = self._seats.names_of(None, scope)
        try:
            self._seats.check(names)
        except Refusal as refusal:
            return refusal
        return None

    async def _end(self) -> None:
        """Waits for the server's end and sends everybody away then: polls that are held would keep it from ending."""
        await self._stopping.wait()
        await self.wire.close()
        self._feeds.close()

    # -- what the wire asks --------------------------------------------------------------------------------------------

    async def connected(self, sid: str, eio_sid: str, environ: dict[str, Any], auth: dict[str, Any]) -> Client | None:
        """Lets a client in, to hear its home's public events from now on, or from where it left."""
        scope = environ["asgi.scope"]
        try:
            caller = await caller_of(self._gate, scope, auth)
            home = await home_of(self._sites, scope, auth)
            client = Client(sid, eio_sid, caller, home)
            if home is not None:
                try:
                    check_room(caller, SITE, home)
                except Refusal:
                    # it may still know somebody's room that it may join
                    return self._joined(client)
                await self._rooms.join(
                    client, (SITE, home.id, ""), home, before=partial(self._tell_missed, client, auth)
                )
                client.follows_home = True
        except UNREACHABLE:
            return None
        return self._joined(client)

    async def acted(self, client: Client, event: str, wishes: list[Any]) -> Any:
        return await self._acts.do(client, event, wishes)

    async def recheck(self, access: Access) -> None:
        """Rights have moved: who has lost one leaves the rooms it was for, and who is nobody any more is sent away."""
        for client in list(self.wire.clients.values()):
            actor = await access.again(client.caller)
            if actor is None:
                await self.wire.send_away(client)
            elif actor != client.caller:
                client.caller = actor
                for kind, site_id, about in list(client.rooms):
                    try:
                        check_room(actor, kind, await self._sites.find(str(site_id)), about)
                    except Refusal:
                        self._rooms.leave(client, (kind, site_id, about))

    def left(self, client: Client) -> None:
        self._rooms.leave_all(client)
        if self._presence is not None and client.is_counted:
            client.is_counted = False
            self._presence.parted(client.caller)

    def _joined(self, client: Client) -> Client:
        """Whoever is signed in is there while their connection is."""
        if self._presence is not None:
            client.is_counted = True
            self._presence.joined(client.caller)
        return client

    def refusal(self, refusal: Refusal, event: str | None = None) -> dict[str, Any]:
        return refused(refusal, event)

    # -- from the journal ----------------------------------------------------------------------------------------------

    async def _give(self, feed: Feed, item: Item) -> None:
        """Tells all who listen to a site of one line."""
        site_id = feed.site.id
        if isinstance(item, Lost):
            feed.arrive()
            told = {"site": feed.site.slug, "reason": item.reason}
            return await self.wire.post_many(self._audience.of_site(site_id), "reset", told)
        if is_store(feed.site):
            told_of = told_of_sync(feed.site.slug, item)
        else:
            told_of = await self._teller(feed).told(item)
        feed.arrive()
        while told_of is not None:
            await self._tell(feed, told_of)
            told_of = told_of.then

    async def _tell(self, feed: Feed, told: Told) -> None:
        here = feed.position
        full = self._audience.told_all(feed.site.id, told)
        by_slot: dict[str, list[Client]] = {}
        for client, code in self._audience.told_slots(feed.site.id, told):
            if client not in full:
                by_slot.setdefault(code, []).append(client)
        if told.full is not None:
            await self._post(feed.site, full, told.event, told.full, here)
        for code, clients in by_slot.items():
            await self._post(feed.site, clients, told.event, told.slots.get(code) or told.left[code], here)

    async def _post(self, site: Site, clients: Any, event: str, payload: dict[str, Any], here: str) -> None:
        """A client's own position is one in its home's journal: only events from there bring one."""
        at_home = [client for client in clients if client.home is not None and client.home.id == site.id]
        others = [client for client in clients if client.home is None or client.home.id != site.id]
        if at_home:
            await self.wire.post_many(at_home, event, payload, here)
        if others:
            await self.wire.post_many(others, event, payload)

    def _teller(self, feed: Feed) -> Teller:
        if feed not in self._tellers:
            self._tellers[feed] = Teller(self._reads, self._sites, feed.site.slug)
        return self._tellers[feed]

    async def _tell_missed(self, client: Client, auth: dict[str, Any], feed: Feed) -> None:
        """Lets a client that was here before have the public events since the last one it got, up to where the feed is
        when this returns."""
        given = auth.get("offset") or auth.get("pid")
        epoch, behind = _place(given) if isinstance(given, str) else (feed.epoch, feed.version)
        reason = None
        while reason is None and (epoch, behind) != (feed.epoch, feed.version):
            until = feed.version
            if epoch != feed.epoch:
                reason = "other_epoch"
            elif behind > until:
                reason = "ahead"
            elif until - behind > MISSED_MAX:
                reason = "backlog"
            else:
                async with self._asking:
                    reason = await self._tell_between(client, feed, behind, until)
                behind = until
        if reason is not None:
            self.wire.post([client], "reset", {"site": feed.site.slug, "reason": reason})
        client.position = feed.position

    async def _tell_between(self, client: Client, feed: Feed, behind: int, until: int) -> str | None:
        """Tells one client of what is public in the lines between; why not, if that cannot be done."""
        lines = await lines_behind(self._reads, feed.site.id, behind, until=until, limit=MISSED_MAX)
        if len(lines) != until - behind:
            return "trimmed"
        teller = self._teller(feed)
        for line in lines:
            told = await teller.told(frame_of(feed.site.slug, line))
            if told is not None:
                for slot in told.slots.values():
                    self.wire.post([client], told.event, slot, f"{feed.epoch}:{told.version}")
        return None


def _place(given: str) -> tuple[str | None, int]:
    """The epoch and version of a position that a client gives back; one that means nothing is of no epoch."""
    try:
        return position(given.partition(PLACE_END)[0])
    except Refusal:
        return None, 0
