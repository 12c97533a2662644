"""Who is there. Signs of life are collected and written once a second, connections only when they begin and end.

Truth is the lease at the time of reading: with every loop and job dead nobody is shown online for longer than their
last sign counts. A connection counts while the process that holds it says that it is alive, so that a process that is
killed takes its people along within `PROCESS_LEASE_S`; a process that stops in order says nothing, as its people come
again elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID, uuid4

import asyncpg
import msgspec
import structlog

from holdfast.domain.actors import Actor, Grant, rights_in
from holdfast.domain.errors import Refusal
from holdfast.domain.presence import ACTIVE, OFFLINE, SAYABLE, Said, Shown, shown, status_of
from holdfast.domain.sites import Site
from holdfast.store import presence as store

PROCESS_BEAT_S = 5.0
PROCESS_LEASE_S = 20.0
REST_S = 10.0
"""How long a connection that has ended still counts: streams end in order and are taken up again."""
BEATS_MAX = 2_000_000
"""Signs that wait to be written, while the database is away."""
PART = 20_000
ASKED_MAX = 500
TEAM_MAX = 1_000
SWEEP_MAX = 50_000
ROUNDS_MAX = 1_000
IDLE_S_MAX = 7 * 86_400.0

log = structlog.get_logger("holdfast.presence")


class PresenceRules(msgspec.Struct, frozen=True):
    """How often signs are asked for, how long each counts, and how long an untouched device is not away."""

    beat_s: float = 60.0
    lease_s: float = 300.0
    away_minutes: float = 10.0


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether somebody is there. `status` is busy, active, away, offline or unknown, `live_status` online, offline or
    unknown; `said` is what they say of themselves, told to themselves alone."""

    account: UUID
    name: str | None = None
    status: str
    live_status: str
    last_seen: datetime | None
    said: str | None = None
    said_until: datetime | None = None


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a device is there that a program speaks for."""

    token: UUID
    name: str
    device: str
    status: str
    live_status: str
    last_seen: datetime


class SiteView(msgspec.Struct, frozen=True):
    """The team of a site by name, and the devices of its programs, as of `now`."""

    people: list[PersonView]
    devices: list[DeviceView]
    now: datetime


class Presence:
    """Presence as one process collects and tells it. `clock` counts seconds."""

    def __init__(self, pool: asyncpg.Pool, rules: PresenceRules, clock: Callable[[], float] = monotonic) -> None:
        self.rules = rules
        self.process_id = uuid4()
        self._pool = pool
        self._clock = clock
        self._beats: dict[tuple[UUID, str], tuple[str, float, float, float]] = {}
        self._open: dict[UUID, int] = {}
        self._ended: dict[UUID, float] = {}
        self._written: set[UUID] = set()
        self._beat_at: float | None = None

    # -- signs -------------------------------------------------------------------------------------------------------

    def beat(self, subject_id: UUID, device: str, status: str = ACTIVE, idle_s: float = 0.0) -> None:
        """Notes a sign of a device; the last one wins. It is written within a second.

        Raises:
            Refusal: `busy` when the database has been away for too long.
        """
        if len(self._beats) >= BEATS_MAX and (subject_id, device) not in self._beats:
            raise Refusal("busy", retry_after_s=round(self.rules.beat_s))
        lease_s = 0.0 if status == OFFLINE else self.rules.lease_s
        kept = ACTIVE if status == OFFLINE else status
        self._beats[subject_id, device] = (kept, min(idle_s, IDLE_S_MAX), self._clock(), lease_s)

    def signed_in(self, account_id: UUID, credential: bytes) -> None:
        """Whoever signs in is there."""
        self.beat(account_id, device_of(credential))

    def signed_out(self, account_id: UUID, credential: bytes) -> None:
        """Their device is there no more."""
        self.beat(account_id, device_of(credential), OFFLINE)

    def joined(self, actor: Actor) -> None:
        """A connection of somebody signed in begins; nothing for anybody else."""
        if actor.account_id is not None:
            self._open[actor.account_id] = self._open.get(actor.account_id, 0) + 1
            self._ended.pop(actor.account_id, None)

    def parted(self, actor: Actor) -> None:
        """It has ended."""
        if actor.account_id is None:
            return
        left = self._open.pop(actor.account_id, 1) - 1
        if left > 0:
            self._open[actor.account_id] = left
        else:
            self._ended[actor.account_id] = self._clock()

    @contextmanager
    def connected(self, actor: Actor) -> Iterator[None]:
        """A connection counts during the block."""
        self.joined(actor)
        try:
            yield
        finally:
            self.parted(actor)

    async def write(self) -> None:
        """Writes what was collected; what could not be written waits, with its age."""
        beats, self._beats = self._beats, {}
        try:
            now = self._clock()
            rows = [
                (subject_id, device, status, idle_s, now - at, lease_s)
                for (subject_id, device), (status, idle_s, at, lease_s) in beats.items()
            ]
            for start in range(0, len(rows), PART):
                await store.write_beats(self._pool, rows[start : start + PART])
        except BaseException:
            self._beats = {**beats, **self._beats}
            raise
        await self._write_connections()

    async def _write_connections(self) -> None:
        now = self._clock()
        if self._beat_at is None or now - self._beat_at >= PROCESS_BEAT_S:
            if await store.beat_process(self._pool, self.process_id):
                # the first time, or the database has lost it all: from here on it is known again
                self._written.clear()
                await store.begin_memory(self._pool)
            self._beat_at = now
        if new := self._open.keys() - self._written:
            await store.add_connections(self._pool, self.process_id, sorted(new))
            self._written |= new
        rested = [each for each, at in self._ended.items() if now - at >= REST_S]
        if rested:
            await store.remove_connections(self._pool, self.process_id, rested)
            for each in rested:
                if each in self._open:  # it came again while we wrote
                    self._written.discard(each)
                else:
                    # a sign that has ended, so that it is written down when they were seen last
                    self._beats.setdefault((each, ""), (ACTIVE, 0.0, self._ended[each], 0.0))
                    self._written.discard(each)
                self._ended.pop(each, None)

    # -- what is written down ------------------------------------------------------------------------------------------

    async def mark_offline(self, timeout_minutes: float, organisation_id: UUID | None = None) -> int:
        """Writes down when those were seen last whose leases have ended and who gave no sign for so many minutes; how
        many have gone: of those with a role in an organisation and its programs, or of all. It only publishes: whether
        somebody is there is read from leases alone."""
        people = 0
        for _ in range(ROUNDS_MAX):
            leases, gone = await store.sweep(
                self._pool, timeout_minutes * 60, SWEEP_MAX, PROCESS_LEASE_S, organisation_id
            )
            people += gone
            if leases < SWEEP_MAX:
                break
        if organisation_id is None:
            await store.sweep_processes(self._pool, max(timeout_minutes * 60, PROCESS_LEASE_S))
        return people

    async def say(self, actor: Actor, status: str | None, until: datetime | None) -> PersonView:
        """What somebody says of themselves, until then; None: nothing any more, it follows from their devices.

        Raises:
            Refusal: `not_allowed` for what is no person, `invalid_request`.
        """
        account_id = _person(actor)
        if status is not None and status not in SAYABLE:
            raise Refusal("invalid_request", field="status", given=status[:40], possible=[*SAYABLE])
        await store.say(self._pool, account_id, status, until if status is not None else None)
        return await self.person(actor, account_id)

    # -- looking -------------------------------------------------------------------------------------------------------

    async def shown(self, subjects: Sequence[UUID]) -> dict[UUID, tuple[Shown, Said | None]]:
        """What is shown of each, with what they say of themselves."""
        moment = await store.moment(self._pool, self.rules.lease_s)
        signs = await store.signs(self._pool, subjects, PROCESS_LEASE_S)
        seen = await store.seen(self._pool, subjects)
        away_after = timedelta(minutes=self.rules.away_minutes)
        return {
            each: (
                shown(
                    signs.get(each, ()), last_seen=seen[each].last_seen, said=seen[each].said, now=moment.now,
                    away_after=away_after, is_known=moment.is_known,
                ),
                seen[each].said,
            )
            for each in subjects
        }  # fmt: skip

    async def person(self, actor: Actor, account_id: UUID) -> PersonView:
        """Raises:
        Refusal: `unknown_account` for somebody whom the actor may not see, or who is nobody's.
        """
        found = await self.people(actor, [account_id])
        if not found:
            raise Refusal("unknown_account", account=str(account_id))
        return found[0]

    async def people(self, actor: Actor, accounts: Sequence[UUID]) -> list[PersonView]:
        """Those of the accounts whom the actor may see: themselves, and the teams of places where they see names.

        Raises:
            Refusal: `invalid_request` for too many.
        """
        wanted = list(dict.fromkeys(accounts))
        if len(wanted) > ASKED_MAX:
            raise Refusal("invalid_request", field="accounts", problem=f"at most {ASKED_MAX} at once")
        grants = await store.grants_of(self._pool, wanted)
        visible = [each for each in wanted if each == actor.account_id or sees(actor, grants.get(each, []))]
        found = await self.shown(visible)
        return [_view(each, *found[each], is_own=each == actor.account_id) for each in visible]

    async def of_site(self, site: Site) -> SiteView:
        """The team of a site, and its devices. Whether somebody may see it is asked before."""
        team = await store.team(self._pool, site.organisation_id, site.id, TEAM_MAX)
        found = await self.shown([account_id for account_id, _ in team])
        people = [_view(account_id, *found[account_id], name=name) for account_id, name in team]
        moment = await store.moment(self._pool, self.rules.lease_s)
        away_after = timedelta(minutes=self.rules.away_minutes)
        devices = []
        for each in await store.devices(self._pool, site.organisation_id, site.id, TEAM_MAX):
            status = status_of(each.sign, moment.now, away_after) if each.is_live else OFFLINE
            devices.append(
                DeviceView(
                    token=each.token_id, name=each.name, device=each.device, status=status,
                    live_status="online" if each.is_live else OFFLINE, last_seen=each.sign.seen_at,
                )
            )  # fmt: skip
        return SiteView(people, devices, moment.now)


def device_of(credential: bytes) -> str:
    """What a person's device is called: by the session it signed in with, so that nobody invents devices."""
    return credential.hex()[:16]


def subject_of(actor: Actor) -> UUID:
    """Of whom a sign is: a person, or a program that speaks for devices.

    Raises:
        Refusal: `not_allowed` for whoever is neither.
    """
    if actor.account_id is not None:
        return actor.account_id
    if actor.kind == "token":
        return UUID(actor.name.removeprefix("token:"))
    raise Refusal("not_allowed" if actor.is_known else "unauthorised", problem="sign in, or use a token")


def sees(actor: Actor, grants: Sequence[Grant]) -> bool:
    """Whether the actor may see if somebody with these roles is there: of a team at a place where names are seen."""
    if actor.has_everything:
        return True
    return any(
        theirs.role != "customer"
        and own.organisation_id == theirs.organisation_id
        and (own.site_id is None or theirs.site_id is None or own.site_id == theirs.site_id)
        and "names" in rights_in(actor, own.organisation_id, own.site_id)
        for theirs in grants
        for own in actor.grants
    )


def _person(actor: Actor) -> UUID:
    if actor.account_id is None:
        raise Refusal("not_allowed" if actor.is_known else "unauthorised", problem="sign in to an account for this")
    return actor.account_id


def _view(
    account_id: UUID, found: Shown, said: Said | None, *, name: str | None = None, is_own: bool = False
) -> PersonView:
    own = said if is_own else None
    return PersonView(
        account=account_id, name=name, status=found.status, live_status=found.live_status, last_seen=found.last_seen,
        said=own.status if own else None, said_until=own.until if own else None,
    )  # fmt: skip
