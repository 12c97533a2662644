"""What Socket.IO clients may ask for: to join rooms and leave them, and to have a site put right.

Each event is answered: by its acknowledgement with `{success, …}`, and when it is refused by an event `error`, too,
because the frontends there are do not ask for acknowledgements.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import structlog

from holdfast.domain.actors import check, rights_at
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.realtime.socketio_callers import (
    ADMIN,
    GROUND,
    SITE,
    SITES_TOLD_MAX,
    STUDENT,
    check_room,
    text_of,
    wish_of,
)
from holdfast.realtime.socketio_events import booker_key
from holdfast.realtime.socketio_feed import Feed, Feeds
from holdfast.realtime.socketio_rooms import ROOMS_MAX, Audience, Client, Room
from holdfast.realtime.socketio_stores import StoreActs, is_store
from holdfast.services.former_grounds import KIND, find_ground
from holdfast.services.outages import UNREACHABLE
from holdfast.services.reconcile import Reconciler
from holdfast.services.refusals import sentence
from holdfast.services.sites import Sites

Answer = dict[str, Any]
Act = Callable[[Client, list[Any]], Awaitable[Answer]]
Post = Callable[..., None]
Before = Callable[[Feed], Awaitable[None]]
_IDS = ("id", "userId", "studentId", "rollNumber", "email")
_STORES = ("storeId", "store", "site", "id")

log = structlog.get_logger("holdfast.socketio")


class Acts:
    """The events of clients by name. `post(clients, event, *args)` tells clients something."""

    def __init__(
        self,
        reads: asyncpg.Pool,
        sites: Sites,
        reconciler: Reconciler,
        stores: StoreActs,
        *,
        rooms: "Membership",
        post: Post,
    ) -> None:
        self._reads = reads
        self._sites = sites
        self._reconciler = reconciler
        self._stores = stores
        self._rooms = rooms
        self._post = post
        self._syncing: set[asyncio.Task[None]] = set()
        self._acts: dict[str, Act] = {
            "join-admin": self._join_admin,
            "leave-admin": self._leave_admin,
            "join-student": self._join_student,
            "join-user": self._join_student,
            "leave-student": self._leave_student,
            "leave-user": self._leave_student,
            "join-site": self._watch,
            "watch": self._watch,
            "leave-site": self._unwatch,
            "unwatch": self._unwatch,
            "selectStore": self._select_store,
            "triggerManualSync": self._sync,
        }

    async def do(self, client: Client, event: str, wishes: list[Any]) -> Answer:
        """Does what an event asks for, or says why not."""
        try:
            act = self._acts.get(event)
            if act is None:
                raise Refusal("unknown_act", act=event[:40], possible=sorted(self._acts))
            return {"success": True, **await act(client, wishes)}
        except Refusal as refusal:
            told = refused(refusal, event)
        except UNREACHABLE:
            told = refused(Refusal("unavailable"), event)
        except Exception:  # the top of an event: a bug in one must not end the connection, or show its insides
            log.exception("an event of a client failed", event_name=event[:40])
            told = {"event": event[:40], "code": "internal", "message": "Something failed here that should not have."}
        self._post([client], "error", told)
        return {"success": False, **told}

    async def _join_admin(self, client: Client, wishes: list[Any]) -> Answer:
        return await self._join(client, ADMIN, await self._site(client, wish_of(wishes, "site")), "", "admin-room")

    async def _leave_admin(self, client: Client, wishes: list[Any]) -> Answer:
        return self._leave(client, ADMIN, await self._site(client, wish_of(wishes, "site")), "", "admin-room")

    async def _join_student(self, client: Client, wishes: list[Any]) -> Answer:
        site, given = await self._student(client, wishes)
        return await self._join(client, STUDENT, site, booker_key(given), f"student-{given}")

    async def _leave_student(self, client: Client, wishes: list[Any]) -> Answer:
        site, given = await self._student(client, wishes)
        return self._leave(client, STUDENT, site, booker_key(given), f"student-{given}")

    async def _watch(self, client: Client, wishes: list[Any]) -> Answer:
        kind, site, code, said = await self._watched(client, wishes)
        answer = await self._join(client, kind, site, code, said)
        if client.follows_home and client.home is not None and (kind, site.id, code) != (SITE, client.home.id, ""):
            self._rooms.leave(client, (SITE, client.home.id, ""))
        client.follows_home = False
        return answer

    async def _unwatch(self, client: Client, wishes: list[Any]) -> Answer:
        return self._leave(client, *await self._watched(client, wishes))

    async def _select_store(self, client: Client, wishes: list[Any]) -> Answer:
        """Listens to one store from now on, and to no other one any more."""
        named = wish_of(wishes, *_STORES)
        site = await self._site(client, named)
        self._stores.check_select(client, site)
        room = (SITE, site.id, "")
        await self._rooms.join(client, room, site)
        if client.store is not None and client.store != room:
            self._rooms.leave(client, client.store)
        client.store = room
        self._post([client], "syncStatus", await self._stores.status(site, named or site.slug))
        return {"storeId": named or site.slug, "site": site.slug}

    async def _sync(self, client: Client, wishes: list[Any]) -> Answer:
        named = wish_of(wishes, *_STORES)
        site = await self._site(client, named)
        if is_store(site):
            check(client.caller, "sync", site)
            await self._stores.sync(client, site)
            return {"storeId": named or site.slug}
        check(client.caller, "find", site)
        if client.is_syncing:
            raise Refusal("busy", problem="your last one is still under way")
        client.is_syncing = True
        self._syncing.add(task := asyncio.create_task(self._put_right(client, site, named or site.slug)))
        task.add_done_callback(self._syncing.discard)
        return {"storeId": named or site.slug}

    async def _put_right(self, client: Client, site: Site, named: str) -> None:
        """Beside the client's other events, as it may take long."""
        told: dict[str, Any] = {"storeId": named}
        self._post([client], "syncStatus", {**told, "isSyncing": True})
        try:
            report = await self._reconciler.run(site.slug)
            told |= {
                "checked": report.checked, "fixed": report.fixed, "discrepancies": len(report.discrepancies),
                "took_ms": report.took_ms,
            }  # fmt: skip
        except Refusal as refusal:
            self._post([client], "error", refused(refusal, "triggerManualSync"))
        except UNREACHABLE:
            self._post([client], "error", refused(Refusal("unavailable"), "triggerManualSync"))
        except Exception:  # as above
            log.exception("a manual sync failed", site=site.slug)
            self._post([client], "error", refused(Refusal("unavailable"), "triggerManualSync"))
        finally:
            client.is_syncing = False
            self._post([client], "syncStatus", {**told, "isSyncing": False})

    async def _join(self, client: Client, kind: str, site: Site, about: str, said: str) -> Answer:
        check_room(client.caller, kind, site, about)
        await self._rooms.join(client, (kind, site.id, about), site)
        return {"room": said, "site": site.slug}

    def _leave(self, client: Client, kind: str, site: Site, about: str, said: str) -> Answer:
        self._rooms.leave(client, (kind, site.id, about))
        return {"room": said, "site": site.slug}

    async def _student(self, client: Client, wishes: list[Any]) -> tuple[Site, str]:
        given = wish_of(wishes, *_IDS)
        if given is None:
            raise Refusal("invalid_request", field="id", problem="is missing; say whose room by its id")
        named = wishes[0].get("site") if isinstance(wishes[0], dict) else None
        return await self._site(client, None if named is None else text_of(named, "site")), given

    async def _watched(self, client: Client, wishes: list[Any]) -> tuple[str, Site, str, str]:
        given = wishes[0] if wishes else None
        ground = text_of(given["ground"], "ground") if isinstance(given, dict) and given.get("ground") else None
        site = await self._site(client, wish_of(wishes, "site"))
        check_room(client.caller, SITE, site)
        if ground is None:
            return SITE, site, "", f"site:{site.id}"
        found = await find_ground(self._reads, site, ground)
        return GROUND, site, found.code, f"ground:{found.name}"

    async def _site(self, client: Client, named: str | None) -> Site:
        """The site that is named, else the client's own."""
        if named is not None:
            site = await self._sites.find(named.removeprefix("site:"))
            if not rights_at(client.caller, site):
                # whether there is such a site is not for everybody to find out
                raise Refusal("unknown_site" if client.caller.is_known else "unauthorised", site=named[:64])
            return site
        if client.home is not None:
            return client.home
        there = [site.slug for site in await self._sites.of_kind(KIND) if rights_at(client.caller, site)]
        choice = f": {', '.join(there[:SITES_TOLD_MAX])}" if there else ""
        raise Refusal("invalid_request", field="site", problem=f"is missing; say which site is meant{choice}")


class Membership:
    """Who is in which room, and that what the rooms are told of comes in."""

    def __init__(self, audience: Audience, feeds: Feeds) -> None:
        self._audience = audience
        self._feeds = feeds

    async def join(self, client: Client, room: Room, site: Site, *, before: Before | None = None) -> None:
        """Takes a client into a room: of what is committed from now on it is told. `before` is done with the site's
        feed just before that.

        Raises:
            Refusal: `invalid_request` for one room too many.
        """
        if room in client.rooms:
            return
        if len(client.rooms) >= ROOMS_MAX:
            raise Refusal("invalid_request", field="room", problem=f"you are in {ROOMS_MAX} rooms; leave one first")
        feed = await self._feeds.hold(site)
        try:
            if before is not None:
                await before(feed)
        except BaseException:
            self._feeds.release(site.id)
            raise
        if room in client.rooms or client.is_gone:
            self._feeds.release(site.id)
        else:
            self._audience.join(client, room)

    def leave(self, client: Client, room: Room) -> None:
        if self._audience.leave(client, room):
            self._feeds.release(room[1])

    def leave_all(self, client: Client) -> None:
        client.is_gone = True
        for room in list(client.rooms):
            self.leave(client, room)


def refused(refusal: Refusal, event: str | None = None) -> Answer:
    """A refusal as clients are told of it: which event, the code for programs, a sentence for people."""
    code, data = refusal.code, refusal.data
    problem = data.get("problem")
    if problem is not None:
        message = f"{data['field']}: {problem}" if "field" in data else str(problem)
    else:
        message = sentence(code, data)
    return {"event": event[:40] if event is not None else None, "code": code, "message": message}
