"""Compares what is recorded of a site with what must follow: statuses, claims, the journal. Repairs nothing.

Every look is one repeatable snapshot, so that a change under way is seen whole or not at all.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from msgspec import structs

from holdfast.domain.bookings.claiming import BUFFER_MAX, claims_for, without_buffer
from holdfast.domain.policies import policy_of
from holdfast.domain.policies.base import Policy
from holdfast.domain.sites import Site
from holdfast.domain.state import SiteState
from holdfast.domain.units import BLOCK_KINDS, HAND_KINDS, Claim, Unit
from holdfast.store import checks as store

FOUND_MAX = 1_000


class Mismatch(msgspec.Struct, frozen=True, order=True):
    """Recorded ≠ expected, by which rule, of what."""

    site: str
    rule: str
    subject: str
    recorded: str
    expected: str


class SiteCheck(msgspec.Struct, frozen=True):
    """What was looked at, and what did not fit."""

    site: str
    at: datetime
    units: int
    claims: int
    bookings: int
    version: int
    mismatches: list[Mismatch]


async def check_sites(pool: asyncpg.Pool, named: str | None = None) -> list[SiteCheck]:
    """Looks at one site, or at all of them, as they are now. An unknown name is an empty list."""
    checked = []
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        for site, version, now in await store.sites(connection, named):
            checked.append(await check_site(connection, site, version, now=now))
    return checked


async def check_site(connection: store.Connection, site: Site, version: int, *, now: datetime) -> SiteCheck:
    """Looks at the whole of one site in the caller's transaction."""
    units = await store.units(connection, site.id)
    claims = await store.claims(connection, site.id)
    bookings = await store.live_bookings(connection, site.id)
    blocks = await store.block_ids(connection, site.id)
    bare = structs.replace(site, settings=structs.replace(site.settings, buffer_minutes=0))
    state = SiteState(bare, policy_of(site.kind), version=version, now=now, wakes_at=None)
    for unit in units:
        state.put_unit(unit)
    expected = {
        claim for booking in bookings for claim in claims_for(booking, state.policy.claim_kinds[booking.state], state)
    }
    mismatches = statuses_of(site, state.policy, units, claims, now=now)
    mismatches += _claims(state, claims, expected, blocks)
    mismatches += await overlaps_of(connection, site)
    mismatches += await journal_gaps(connection, site, version)
    return SiteCheck(site.slug, now, len(units), len(claims), len(bookings), version, sorted(mismatches)[:FOUND_MAX])


def statuses_of(
    site: Site, policy: Policy, units: Iterable[Unit], claims: Iterable[Claim], *, now: datetime
) -> list[Mismatch]:
    """The units whose shown status is not what their claims and condition say at `now`."""
    by_unit: dict[int, list[Claim]] = {}
    for claim in claims:
        by_unit.setdefault(claim.unit_id, []).append(claim)
    found = []
    for unit in units:
        status, _ = policy.shown(unit, by_unit.get(unit.id, ()), now, site)
        if status != unit.shown_status:
            found.append(Mismatch(site.slug, "shown status", unit.code, unit.shown_status, status))
    return found


async def overlaps_of(connection: store.Connection, site: Site) -> list[Mismatch]:
    """The claims that overlap another on their unit, should the constraint ever have been lost."""
    return [
        Mismatch(site.slug, "claims never overlap", f"unit {unit_id}", f"{holder} from {start}", f"not before {end}")
        for unit_id, holder, start, end in await store.overlapping_claims(connection, site.id)
    ]


async def journal_gaps(connection: store.Connection, site: Site, version: int, *, after: int = 0) -> list[Mismatch]:
    """Whether the journal has every version from behind `after`, or what is kept of it, to the site's once."""
    after = max(after, await store.trimmed_version(connection, site.id))
    lines, first, last = await store.journal_extent(connection, site.id, after)
    if (lines, first or after + 1, last or after) == (version - after, after + 1, version):
        return []
    return [
        Mismatch(
            site.slug, "journal is dense", "journal",
            f"{lines} lines, {first} to {last}", f"{version - after} lines, {after + 1} to {version}",
        )
    ]  # fmt: skip


def _claims(state: SiteState, claims: list[Claim], expected: set[Claim], blocks: set[UUID]) -> list[Mismatch]:
    """Claims and live bookings must be each other's; a block may have left pieces of its time to bookings."""
    slug = state.site.slug
    recorded = {claim for claim in claims if claim.kind not in BLOCK_KINDS}
    wanted, there = {without_buffer(claim): claim for claim in expected}, {without_buffer(c): c for c in recorded}
    found = [
        Mismatch(slug, "a live booking has its claim", str(claim.holder_id), "missing", _spoken(state, claim))
        for key, claim in wanted.items()
        if key not in there
    ]
    found += [
        Mismatch(slug, "a claim has its live booking", str(claim.holder_id), _spoken(state, claim), "no such claim")
        for key, claim in there.items()
        if key not in wanted or not wanted[key].end <= claim.end <= wanted[key].end + BUFFER_MAX
    ]
    found += [
        Mismatch(slug, "a block's claim has its block", str(claim.holder_id), _spoken(state, claim), "no such claim")
        for claim in claims
        if claim.kind in HAND_KINDS and claim.holder_id not in blocks
    ]
    return found


def _spoken(state: SiteState, claim: Claim) -> str:
    code = state.units[claim.unit_id].code if claim.unit_id in state.units else f"unit {claim.unit_id}"
    return f"{claim.kind} {code} {claim.start:%Y-%m-%d %H:%M} to {claim.end:%Y-%m-%d %H:%M}"
