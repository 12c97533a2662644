"""Changes of who is there, for those who listen: each site that is listened to is looked at every two seconds, once for
all, and each listener is told what has changed for them since they were told last, in one piece however often it did.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.domain.sites import Site
from holdfast.services.presence import DeviceView, PersonView, Presence, SiteView

EVERY_S = 2.0
SITES_MAX = 2_000

Key = tuple[str, str]
Entry = PersonView | DeviceView


class Gone(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who or what is in the list no more: somebody without a role there by now, or a device that has been let go of."""

    account: UUID | None = None
    token: UUID | None = None
    device: str | None = None


class SiteNews(msgspec.Struct, frozen=True):
    """What of a site's list is another since it was told last, as of `now`."""

    people: list[PersonView]
    devices: list[DeviceView]
    gone: list[Gone]
    now: datetime


class Listener:
    """What somebody who listens has yet to be told."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.news = asyncio.Event()
        self._pending: dict[Key, Entry] = {}
        self._gone: list[Key] = []
        self._now = datetime.min
        self._told: dict[Key, Entry] = {}

    def offer(self, view: SiteView) -> None:
        """What is so now; what differs from what was told waits to be."""
        found = _entries(view)
        self._pending = {key: entry for key, entry in found.items() if _differs(self._told.get(key), entry)}
        self._gone = [key for key in self._told if key not in found]
        self._now = view.now
        if self._pending or self._gone:
            self.news.set()

    def take(self) -> SiteNews:
        """What has changed, told from now on."""
        pending, self._pending = self._pending, {}
        gone, self._gone = self._gone, []
        self.news.clear()
        left = [_gone(self._told.pop(key)) for key in gone]
        self._told |= pending
        people = [each for each in pending.values() if isinstance(each, PersonView)]
        devices = [each for each in pending.values() if isinstance(each, DeviceView)]
        return SiteNews(people, devices, left, self._now)


class PresenceChanges:
    """The listeners of one process."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._by_site: dict[int, list[Listener]] = {}

    @property
    def count(self) -> int:
        return sum(len(each) for each in self._by_site.values())

    @contextmanager
    def listening(self, site: Site) -> Iterator[Listener]:
        """Somebody listens to a site during the block."""
        listener = Listener(site)
        self._by_site.setdefault(site.id, []).append(listener)
        try:
            yield listener
        finally:
            there = self._by_site[site.id]
            there.remove(listener)
            if not there:
                del self._by_site[site.id]

    async def look(self) -> None:
        """Looks at each site that is listened to."""
        for listeners in list(self._by_site.values()):
            if not listeners:
                continue
            view = await self._presence.of_site(listeners[0].site)
            for listener in list(listeners):
                listener.offer(view)


def _entries(view: SiteView) -> dict[Key, Entry]:
    found: dict[Key, Entry] = {(str(each.account), ""): each for each in view.people}
    return found | {(str(each.token), each.device): each for each in view.devices}


def _gone(entry: Entry) -> Gone:
    if isinstance(entry, PersonView):
        return Gone(account=entry.account)
    return Gone(token=entry.token, device=entry.device)


def _differs(before: Entry | None, now: Entry) -> bool:
    """A later sign of somebody who is there as before is no news."""
    return before is None or _plain(before) != _plain(now)


def _plain(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, last_seen=datetime.min)
