"""Rights that have moved, for those who listen: each is asked for again, and who has lost what a stream was for hears
nothing more on it. A stream that is ended comes again by itself, and is refused, or told what it may still be told.
"""

import asyncio
from typing import TYPE_CHECKING

import msgspec
import structlog

from holdfast.domain.actors import Actor, may
from holdfast.domain.sites import Site
from holdfast.realtime.hub import Hub
from holdfast.realtime.readers import Reader
from holdfast.services.access import Access
from holdfast.services.outages import UNREACHABLE

if TYPE_CHECKING:
    from holdfast.realtime.socketio import SocketIO

log = structlog.get_logger("holdfast.live")


class Heard(msgspec.Struct, frozen=True):
    """Who listens on a stream, and the right that each of its sites is heard by."""

    actor: Actor
    sites: tuple[tuple[Site, str], ...]

    def still_may(self, actor: Actor | None) -> bool:
        return actor is not None and all(may(actor, right, site) for site, right in self.sites)


class Rechecking:
    """Asks again for the rights of all who listen in this process, once however often they move meanwhile."""

    def __init__(self, hub: Hub, sockets: "SocketIO", access: Access) -> None:
        self._hub = hub
        self._sockets = sockets
        self._access = access
        self._asking: asyncio.Task[None] | None = None
        self._again = False

    def ask(self) -> asyncio.Task[None]:
        """A listener of the rights; done once all were asked for that listened when it was called."""
        self._again = True
        if self._asking is None:
            self._asking = asyncio.create_task(self._run(), name="rights of listeners")
        return self._asking

    async def _run(self) -> None:
        try:
            while self._again:
                self._again = False
                await self._recheck()
        except UNREACHABLE as error:
            # nobody can tell who may still listen: all begin anew, and are asked then
            log.warning("rights could not be asked for: streams begin anew", error=str(error)[:200])
            self._hub.end_where(lambda reader: _actor_of(reader) is not None)
        finally:
            self._asking = None

    async def _recheck(self) -> None:
        actors: dict[bytes, Actor] = {}
        for reader in self._hub.listening():
            actor = _actor_of(reader)
            if actor is not None and actor.credential is not None:
                actors[actor.credential] = actor
        now = {credential: await self._access.again(actor) for credential, actor in actors.items()}

        def has_lost(reader: Reader) -> bool:
            heard = reader.caller
            if not isinstance(heard, Heard) or heard.actor.credential not in now:
                return False
            return not heard.still_may(now[heard.actor.credential])

        self._hub.end_where(has_lost)
        await self._sockets.recheck(self._access)


def _actor_of(reader: Reader) -> Actor | None:
    return reader.caller.actor if isinstance(reader.caller, Heard) else None
