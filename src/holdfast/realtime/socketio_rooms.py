"""Who listens over Socket.IO, and to what: clients, rooms, and who of them is told what of a booking.

Each client hears of a change once, in the fullest form it may see: staff and the booker all of it, everybody else
which slot it is about and how that stands now.
"""

from collections.abc import Iterator

from holdfast.domain.actors import Actor
from holdfast.domain.sites import Site
from holdfast.realtime.socketio_events import Told

ROOMS_MAX = 50
"""Rooms of one client."""

Room = tuple[str, int, str]
"""What it is for (`site`, `ground`, `admin`, `student`), the site's id, and the unit's code or whose it is."""


class Client:
    """One Socket.IO connection. `home` the site meant where none is named."""

    __slots__ = (
        "caller",
        "eio_sid",
        "follows_home",
        "home",
        "is_counted",
        "is_gone",
        "is_syncing",
        "position",
        "rooms",
        "sid",
        "store",
    )

    def __init__(self, sid: str, eio_sid: str, caller: Actor, home: Site | None) -> None:
        self.sid = sid
        self.eio_sid = eio_sid
        self.caller = caller
        self.home = home
        self.rooms: dict[Room, None] = {}
        self.follows_home = False
        """Whether it hears its home's events because it named nothing else to watch."""
        self.is_counted = False
        """Whether it is a sign that its caller is there."""
        self.is_gone = False
        self.is_syncing = False
        self.store: Room | None = None
        """The room of the store it selected last."""
        self.position: str | None = None
        """Where in its home's journal it came in."""


class Audience:
    """The members of each room."""

    def __init__(self) -> None:
        self._rooms: dict[Room, dict[Client, None]] = {}

    def join(self, client: Client, room: Room) -> None:
        client.rooms[room] = None
        self._rooms.setdefault(room, {})[client] = None

    def leave(self, client: Client, room: Room) -> bool:
        """Takes a client out of a room; False when it was not in there."""
        if room not in client.rooms:
            return False
        del client.rooms[room]
        members = self._rooms[room]
        del members[client]
        if not members:
            del self._rooms[room]
        return True

    def of_site(self, site_id: int) -> list[Client]:
        """All who hear anything of a site."""
        found: dict[Client, None] = {}
        for room, members in self._rooms.items():
            if room[1] == site_id:
                found.update(members)
        return list(found)

    def told_all(self, site_id: int, told: Told) -> dict[Client, None]:
        """Those who are told everything: staff in the admin room, and the booker."""
        if told.full is None:
            return {}
        found = dict(self._members(("admin", site_id, "")))
        for key in told.booker:
            found.update(self._members(("student", site_id, key)))
        return found

    def told_slots(self, site_id: int, told: Told) -> Iterator[tuple[Client, str]]:
        """Those who watch, each with the unit's code to be told of."""
        whole = self._members(("site", site_id, ""))
        for code in told.slots:
            yield from ((client, code) for client in whole)
        for code in (*told.slots, *told.left):
            for client in self._members(("ground", site_id, code)):
                if client not in whole:
                    yield client, code

    def _members(self, room: Room) -> dict[Client, None]:
        return self._rooms.get(room, {})
