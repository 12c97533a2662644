"""Detecting suspects: what is recorded otherwise than it should be, or is odd, of many sites in a few set-based looks.

Where a rule is the policy's, the database groups rows by all that the rule may depend on and Python judges each group
once: a million units fall into a few thousand groups. Being named here proves nothing; what is done about a suspect is
decided under its site's lock.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.bookings.claiming import BUFFER_MAX, claims_for, without_buffer
from holdfast.domain.bookings.values import Booking
from holdfast.domain.policies import kinds, policy_of
from holdfast.domain.policies.base import FAR, GRAIN
from holdfast.domain.reconcile.discrepancies import BOOKING_RULES, UNIT_RULES
from holdfast.domain.sites import Site
from holdfast.domain.state import SiteState
from holdfast.domain.units import Claim, Unit
from holdfast.store import desk as rows
from holdfast.store import suspects as store
from holdfast.store.connection import Connection

_NOBODY = UUID(int=0)
REASON_MAX = 600


class Suspects(msgspec.Struct):
    """What of one site is to be looked at under its lock."""

    units: dict[int, None] = msgspec.field(default_factory=dict)
    bookings: dict[UUID, None] = msgspec.field(default_factory=dict)
    blocks: dict[UUID, None] = msgspec.field(default_factory=dict)
    blocks_to_wake: dict[UUID, None] = msgspec.field(default_factory=dict)
    differing: dict[UUID, tuple[int | None, str]] = msgspec.field(default_factory=dict)
    gone: dict[tuple[str, str], None] = msgspec.field(default_factory=dict)
    """Findings, by rule and subject, whose subject is there no more."""
    alarm: bool = False
    """Whether the site's own alarm is wrong."""

    def __bool__(self) -> bool:
        return bool(self.units or self.bookings or self.blocks or self.blocks_to_wake or self.gone or self.alarm)


class Detection:
    """One look at some sites at an instant. Both connections must show the same snapshot: two looks at once take half
    the time, where there are two cores."""

    def __init__(
        self, connections: tuple[Connection, Connection], sites: Sequence[Site], now: datetime, *, limit: int
    ) -> None:
        self.connection, self.other = connections
        self.sites = {site.id: site for site in sites}
        self.now = now
        self.found: dict[int, Suspects] = {}
        self.is_cut = False
        """Whether there may be more than one look takes."""
        policies = [policy_of(site.kind) for site in sites]
        self.look = store.Look(
            [site.id for site in sites],
            [policy.seen_until(now, site) for policy, site in zip(policies, sites, strict=True)],
            [policy.look_ahead(site) for policy, site in zip(policies, sites, strict=True)],
            [policy.overstays for policy in policies],
            now,
            limit,
        )
        self.limit = limit

    async def run(self) -> dict[int, Suspects]:
        """The suspects by site, of those sites that have any."""
        await both(self._units_and_blocks(), self._bookings())
        for row in await store.gone(self.connection, self._named()):
            self._note_gone(row)
        for row in await store.told_of(self.connection, self._named()):
            self._note_told(row)
        return {site_id: suspects for site_id, suspects in self.found.items() if suspects}

    async def _units_and_blocks(self) -> None:
        await self._statuses()
        await self._oddities()
        for site_id, block_id in self._counted(await store.blocks(self.connection, self.look)):
            self.of(site_id).blocks[block_id] = None
        for site_id, block_id in await store.blocks_to_wake(self.connection, self.look):
            self.of(site_id).blocks[block_id] = None
            self.of(site_id).blocks_to_wake[block_id] = None
        for site_id in await store.sites(self.connection, self.look):
            self.of(site_id).alarm = True

    async def _bookings(self) -> None:
        await self._claims()
        await self._told()
        await self._times()

    def of(self, site_id: int) -> Suspects:
        return self.found.setdefault(site_id, Suspects())

    def _counted(self, found: store.Found) -> store.Found:
        self.is_cut = self.is_cut or len(found) >= self.limit
        return found

    def _take(self, into: dict[int, None] | dict[UUID, None], ids: Iterable[int] | Iterable[UUID]) -> None:
        before = len(into)
        into.update(dict.fromkeys(ids))  # type: ignore[arg-type]
        self.is_cut = self.is_cut or len(into) - before >= self.limit

    # -- units ---------------------------------------------------------------------------------------------------

    async def _statuses(self) -> None:
        for group in await store.statuses(self.connection, self.look):
            site_id, condition, shown, signature, is_late, beyond, wakes_at, unit_ids = group
            site = self.sites[site_id]
            try:
                is_wrong = (
                    is_late
                    or self._derived(site, condition, signature) != shown
                    or (beyond is not None and self._is_late(site, beyond, wakes_at))
                )
            except Exception:  # instants beyond all bounds, a policy that fails: a look at each finds which
                is_wrong = True
            if is_wrong:
                self._take(self.of(site_id).units, unit_ids)

    def _derived(self, site: Site, condition: str | None, signature: str | None) -> str:
        """What a unit shows with claims of that signature: the policy is asked about an example."""
        policy = policy_of(site.kind)
        seen_until = policy.seen_until(self.now, site)
        claims = [_example(token, self.now, seen_until) for token in signature.split(",")] if signature else []
        unit = Unit(0, "", "", "", None, condition, "", self.now, None, 0)
        return policy.shown(unit, claims, self.now, site)[0]

    def _is_late(self, site: Site, beyond: datetime, wakes_at: datetime | None) -> bool:
        """Whether an alarm is later than the instant at which a claim that starts then comes into view."""
        needed = policy_of(site.kind).status_from(beyond, site)
        return wakes_at is None or wakes_at > max(needed, self.now)

    # -- bookings ------------------------------------------------------------------------------------------------

    async def _times(self) -> None:
        for group in await store.times(self.other, self.look):
            try:
                is_wrong = group.is_damaged or self._is_wrong(group)
            except Exception:  # as above
                is_wrong = True
            if is_wrong:
                self._take(self.of(group.site_id).bookings, group.ids)
        for site_id, booking_id in self._counted(await store.not_live(self.other, self.look, list(_claim_states()))):
            self.of(site_id).bookings[booking_id] = None
        for site_id, holder_id in self._counted(await store.homeless(self.other, self.look)):
            self.of(site_id).bookings[holder_id] = None

    def _is_wrong(self, group: store.Times) -> bool:
        site = self.sites[group.site_id]
        policy = policy_of(site.kind)
        if group.state not in policy.machine.table or not policy.holds_claim(group.state):
            return True
        booking = Booking(
            _NOBODY, "", group.state, True, None, (), group.starts_at, group.ends_at, group.starts_at, 0,
            parts=group.parts, expires_at=group.expires_at,
        )  # fmt: skip
        due = policy.due(booking, site)
        if due is not None and (group.wakes_at is None or group.wakes_at > due[0]):
            return True
        return policy.late(booking, self.now, site) is not None

    async def _claims(self) -> None:
        for site_id, holder_id in self._counted(await store.claims(self.other, self.look, _claim_kinds())):
            self.of(site_id).bookings[holder_id] = None
        parted: dict[tuple[int, UUID], Booking] = {}
        for row in await store.parted(self.other, self.look):
            try:
                parted[row["site_id"], row["id"]] = rows.booking_of(row)
            except msgspec.MsgspecError:
                self.of(row["site_id"]).bookings[row["id"]] = None
        held: dict[tuple[int, UUID], set[Claim]] = {}
        for row in await rows.by_keys(self.other, "claims_of_holders", parted):
            held.setdefault((row["site_id"], row["holder_id"]), set()).add(rows.claim_of(row))
        for (site_id, booking_id), booking in parted.items():
            if not self._fits(site_id, booking, held.get((site_id, booking_id), set())):
                self.of(site_id).bookings[booking_id] = None

    def _fits(self, site_id: int, booking: Booking, held: set[Claim]) -> bool:
        site = self.sites[site_id]
        policy = policy_of(site.kind)
        if booking.state not in policy.claim_kinds:
            return False
        bare = msgspec.structs.replace(site, settings=msgspec.structs.replace(site.settings, buffer_minutes=0))
        state = SiteState(bare, policy, version=0, now=self.now, wakes_at=None)
        wanted = {
            without_buffer(claim): claim.end for claim in claims_for(booking, policy.claim_kinds[booking.state], state)
        }
        there = {without_buffer(claim): claim.end for claim in held}
        return wanted.keys() == there.keys() and all(
            end <= there[key] <= end + BUFFER_MAX for key, end in wanted.items()
        )

    # -- what is odd -----------------------------------------------------------------------------------------------

    async def _oddities(self) -> None:
        for ask in (store.observed, store.two_sessions):
            for site_id, unit_id in self._counted(await ask(self.connection, self.look)):
                self.of(site_id).units[unit_id] = None
        for site_id, booking_id in self._counted(await store.unfit(self.connection, self.look)):
            self.of(site_id).bookings[booking_id] = None
        for row in await store.standing(self.connection, self.look, (*UNIT_RULES, *BOOKING_RULES)):
            if row["rule"] in UNIT_RULES:
                if row["unit_id"] is not None:
                    self.of(row["site_id"]).units[row["unit_id"]] = None
                else:
                    self.of(row["site_id"]).gone[row["rule"], row["subject"]] = None
            elif row["rule"] == "poisoned_block":
                if (subject := _uuid(row["subject"])) is not None:
                    self.of(row["site_id"]).blocks[subject] = None
            elif (subject := _uuid(row["subject"])) is not None:
                self.of(row["site_id"]).bookings[subject] = None

    async def _told(self) -> None:
        for row in await store.told(self.other, self.look):
            self._note_told(row)

    def _note_told(self, row: asyncpg.Record) -> None:
        recorded = f"{row['state']} in {', '.join(row['codes'] or ['?'])} from {_clock(row['starts_at'])}"
        recorded += f" to {_clock(row['ends_at'])}"
        said = "nothing of it"
        if row["told_state"] is not None:
            said = f"{row['told_state']} in {', '.join(row['told_units'] or ['?'])}"
            said += f" from {row['told_from']} to {row['told_to']}"
        suspects = self.of(row["site_id"])
        suspects.bookings[row["id"]] = None
        reason = f"It is recorded as {recorded}; its last journal line says {said}"
        suspects.differing[row["id"]] = (row["version"], reason[:REASON_MAX])

    def _named(self) -> list[tuple[int, UUID]]:
        return [(site_id, booking_id) for site_id, found in self.found.items() for booking_id in found.bookings]

    def _note_gone(self, row: asyncpg.Record) -> None:
        if policy_of(self.sites[row["site_id"]].kind).holds_claim(row["told_state"] or ""):
            reason = f"Booking {row['reference']} is gone; its last journal line says {row['told_state']}"
            self.of(row["site_id"]).differing[row["id"]] = (None, reason)


async def both(first: Coroutine[Any, Any, None], second: Coroutine[Any, Any, None]) -> None:
    """Awaits both; when one fails the other is ended first."""
    async with asyncio.TaskGroup() as group:
        group.create_task(first)
        group.create_task(second)


def _example(token: str, now: datetime, seen_until: datetime) -> Claim:
    kind, *flags = token.split("+")
    start = now if "b" in flags else seen_until - GRAIN
    end = now if "e" in flags else now + FAR
    expires_at = now if "l" in flags else None
    return Claim(0, start - GRAIN if "e" in flags else start, end, kind, _NOBODY, expires_at)


@lru_cache(maxsize=1)
def _claim_kinds() -> dict[tuple[str, str], str]:
    """Which kind of claim a state holds, for each kind of site."""
    return {(kind, state): claim for kind in kinds() for state, claim in policy_of(kind).claim_kinds.items()}


@lru_cache(maxsize=1)
def _claim_states() -> tuple[str, ...]:
    return tuple(sorted({state for kind in kinds() for state in policy_of(kind).claim_kinds}))


def _clock(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
