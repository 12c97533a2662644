"""The doorbell: what the desks of other processes have committed, told within milliseconds.

A ring names sites with the versions they stand at, and how soon the clock is due at one of them. It is a hint to look,
never the news itself, and never the guarantee: whoever listens also looks by itself, once a second, as rings may be
lost. Rings are collected and sent on a connection of their own: inside a business transaction they would make all
commits wait for each other. A process that is alone with its database rings at nobody.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
import structlog

from holdfast.domain.change import Event
from holdfast.store.doorbell import PAYLOAD_BYTES_MAX, Wire

SITES_MAX = 2_000
"""With more sites than this to tell of at once, or than one ring can name, a ring says only that something is new."""
RIGHTS = 0
"""Named in a ring as a site would be: rights have moved. No site has this id."""
ALL = "*"
_FORM = "1"
_JOBS_FORM = "j"

log = structlog.get_logger("holdfast.doorbell")


class Ring(msgspec.Struct, frozen=True):
    """What another process has done: (site id, version) pairs, None when any site may have changed; and in how many
    seconds the clock is due at one of them, None when nobody said."""

    sites: tuple[tuple[int, int], ...] | None
    due_in_s: float | None = None
    queues: frozenset[str] = frozenset()
    """Queues with new jobs; `ALL` among them stands for any."""


ANYTHING = Ring(None, 0.0, frozenset({ALL}))
"""Heard after a time of deafness."""

Listener = Callable[[Ring], None]


class Doorbell:
    """Collects what is to be told, and tells the listeners what was heard. `wanted` is called when there is something
    to tell, or the way to the others is gone; it and the listeners must return at once."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.wanted: Callable[[], None] = lambda: None
        self.is_deaf = True
        self.rings_sent = 0
        self.rings_heard = 0
        self._wire: Wire | None = None
        self._has_company = True
        self._sites: dict[int, int] = {}
        self._is_many = False
        self._due_at: datetime | None = None
        self._due_said_at: datetime | None = None
        self._queues: set[str] = set()

    # -- telling ---------------------------------------------------------------------------------------------------

    def committed(self, events: list[tuple[int, Event]]) -> None:
        """Notes what the desk of this process has done."""
        if not self._has_company:
            return
        sites = self._sites
        for site_id, event in events:
            sites[site_id] = event.version
        if len(sites) > SITES_MAX:
            sites.clear()
            self._is_many = True
        if not self.is_deaf:
            self.wanted()

    def rights_moved(self) -> None:
        """Notes that somebody's rights have changed, for those who remember some."""
        if self._has_company:
            self._sites[RIGHTS] = 0
            if not self.is_deaf:
                self.wanted()

    def woken(self, wakes_at: datetime, now: datetime) -> None:
        """Notes the soonest alarm of what it has done, by the database's clock."""
        if self._has_company and (self._due_at is None or wakes_at < self._due_at):
            self._due_at, self._due_said_at = wakes_at, now

    def queued(self, queues: frozenset[str]) -> None:
        """Notes queues in which jobs of this process were put, once that has committed."""
        if self._has_company:
            self._queues |= queues
            if not self.is_deaf:
                self.wanted()

    @property
    def has_news(self) -> bool:
        return bool(self._sites) or self._is_many or bool(self._queues)

    async def ring(self) -> None:
        """Sends what has been noted, if anybody listens."""
        payloads = [each for each in (self._payload(), self._jobs_payload()) if each is not None]
        if self._wire is None or not self._has_company:
            return
        for payload in payloads:
            try:
                await self._wire.ring(payload)
            except BaseException:
                # nobody knows whether it was heard: the next one says that anything may be new
                self._is_many = True
                raise
            self.rings_sent += 1

    def _payload(self) -> str | None:
        sites, is_many, due_at, said_at = self._sites, self._is_many, self._due_at, self._due_said_at
        self._sites, self._is_many, self._due_at, self._due_said_at = {}, False, None, None
        if not sites and not is_many:
            return None
        due = f"{(due_at - said_at).total_seconds():.3f}" if due_at is not None and said_at is not None else "-"
        named = ALL if is_many else " ".join(f"{site_id}:{version}" for site_id, version in sites.items())
        payload = f"{_FORM} {due} {named}"
        return payload if len(payload) <= PAYLOAD_BYTES_MAX else f"{_FORM} {due} {ALL}"

    def _jobs_payload(self) -> str | None:
        queues, self._queues = self._queues, set()
        if not queues:
            return None
        # names may hold spaces; a process of an earlier release takes the whole for anything
        payload = f"{_JOBS_FORM} " + "\t".join(sorted(queues))
        return payload if len(payload.encode()) <= PAYLOAD_BYTES_MAX else f"{_JOBS_FORM} {ALL}"

    # -- hearing ---------------------------------------------------------------------------------------------------

    async def listen(self, url: str, *, timeout_s: float) -> None:
        """Opens the way to the others, if it is not open; what was missed meanwhile may be anything.

        Raises:
            DatabaseUnavailable: nobody answered in time.
        """
        if self._wire is not None and self._wire.is_open:
            return
        self.is_deaf = True
        self._wire = await Wire.open(url, heard=self.hear, broken=self._break, timeout_s=timeout_s)
        # whoever is there learns by this that it has company
        await self._wire.ring(f"{_FORM} - ")
        self._has_company = await self._wire.has_company()
        self.is_deaf = False
        self._tell(ANYTHING)

    async def look_around(self) -> None:
        """Finds out whether anybody else listens; fails when the way is not open any more."""
        if self._wire is not None:
            self._has_company = await self._wire.has_company()

    async def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    def hear(self, payload: str) -> None:
        """Takes a ring of another process; one in a form of a later release may mean anything."""
        self._has_company = True
        self.rings_heard += 1
        ring = read(payload)
        if ring.sites != () or ring.queues:
            self._tell(ring)

    def _break(self) -> None:
        self.is_deaf = True
        self.wanted()

    def _tell(self, ring: Ring) -> None:
        for listener in self.listeners:
            try:
                listener(ring)
            except Exception:  # as the desk's listeners: one that fails must not silence the others
                log.exception("a listener failed", listener=getattr(listener, "__qualname__", repr(listener)))


def read(payload: str) -> Ring:
    """A ring as it was sent."""
    form, _, rest = payload.partition(" ")
    if form == _JOBS_FORM:
        return Ring((), None, frozenset(rest.split("\t")))
    due, _, named = rest.partition(" ")
    try:
        if form != _FORM:
            return ANYTHING
        due_in_s = None if due == "-" else float(due)
        return Ring(None if named == ALL else tuple(_pairs(named)), due_in_s)
    except ValueError:
        return ANYTHING


def _pairs(named: str) -> Iterable[tuple[int, int]]:
    for pair in named.split():
        site_id, _, version = pair.partition(":")
        yield int(site_id), int(version)
