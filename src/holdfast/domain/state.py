"""The working state of one site while the desk decides: what is, as changed so far in this batch.

It holds only what was loaded. Decisions read it; `apply` and `revert` are its only writers.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.values import Booking
from holdfast.domain.change import Change
from holdfast.domain.finding import Finding
from holdfast.domain.observations import Observation
from holdfast.domain.policies.base import Policy
from holdfast.domain.sites import Site
from holdfast.domain.units import Claim, Unit

_WINDOWS_MAX = 8
_NONE: tuple[Claim, ...] = ()


class Undo(NamedTuple):
    """A change, and what was where it wrote."""

    change: Change
    version: int
    wakes_at: datetime | None
    site: Site
    bookings: list[tuple[UUID, Booking | None]]
    units: list[tuple[int, Unit | None]]
    blocks: list[tuple[UUID, Block | None]]


class Timeline:
    """The live claims of one unit, by start. They never overlap, so neighbours are found by bisection."""

    __slots__ = ("_starts", "claims")

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self._starts: list[datetime] = []

    def add(self, claim: Claim) -> None:
        index = bisect_left(self._starts, claim.start)
        self._starts.insert(index, claim.start)
        self.claims.insert(index, claim)

    def remove(self, claim: Claim) -> None:
        index = self.claims.index(claim)
        del self.claims[index], self._starts[index]

    def fit(self, start: datetime, end: datetime) -> tuple[datetime | None, datetime | None] | None:
        """The end of the claim before [start, end) and the start of the one after it, or None when it is taken."""
        index = bisect_left(self._starts, end)
        before = self.claims[index - 1].end if index else None
        if before is not None and before > start:
            return None
        return before, self._starts[index] if index < len(self._starts) else None

    def overlapping(self, start: datetime, end: datetime) -> list[Claim]:
        first, last = bisect_right(self._starts, start), bisect_left(self._starts, end)
        if first and self.claims[first - 1].end > start:
            first -= 1
        return self.claims[first:last]


class SiteState:
    """One locked site: `now` is the instant of every decision, `version` the journal's last."""

    def __init__(self, site: Site, policy: Policy, *, version: int, now: datetime, wakes_at: datetime | None) -> None:
        self.site = site
        self.policy = policy
        self.version = version
        self.now = now
        self.wakes_at = wakes_at
        self.units: dict[int, Unit] = {}
        self.codes: dict[str, int] = {}
        self.categories: dict[str, list[int]] = {}
        self.timelines: dict[int, Timeline] = {}
        self.bookings: dict[UUID, Booking] = {}
        self.blocks: dict[UUID, Block] = {}
        self.live_counts: dict[str, int] = {}
        self.findings: dict[tuple[str, str], Finding] = {}
        """The standing findings that were asked for, by rule and subject."""
        self.observations: dict[int, list[Observation]] = {}
        """What was last seen of the units that were asked for, as far as it still counts."""
        self.more_ahead: set[int] = set()
        """Units with claims beyond the loaded time: their alarm must not be later than `loaded_until`."""
        self.loaded_until = now
        self.whole_categories: set[str] = set()
        self.covered: dict[int, list[tuple[datetime, datetime]]] = {}
        """Per unit the windows in which all its claims are known."""
        self.is_warm = False
        """Whether anything here was known before the site was locked: such knowledge may sell, never refuse."""
        self.cold_loads = 0
        """How often claims had to be read that an earlier batch might have read already."""
        self.is_whole: bool | None = None
        """Whether all units of the site are known; None when nobody has looked."""
        self.weight = 0
        """How many claims are held in memory."""

    def resume(self, *, now: datetime, wakes_at: datetime | None) -> None:
        """Takes the state up again under a new lock, at the very version it was left at: all of it is still so."""
        self.now, self.wakes_at = now, wakes_at
        self.is_warm = True
        self.bookings.clear()
        self.blocks.clear()
        self.live_counts.clear()
        self.findings.clear()
        self.observations.clear()
        self.more_ahead.clear()

    def forget(self) -> None:
        """Lets go of everything known of units and claims, to be read anew."""
        for known in (self.units, self.codes, self.categories, self.timelines, self.whole_categories, self.covered):
            known.clear()
        self.bookings.clear()
        self.blocks.clear()
        self.is_warm = False
        self.is_whole = None
        self.weight = 0

    def is_due(self) -> bool:
        """Whether the clock has something to do here by `now`."""
        return self.wakes_at is not None and self.wakes_at <= self.now

    def covers(self, unit_id: int, start: datetime, end: datetime) -> bool:
        """Whether all claims of a unit in [start, end) are known."""
        for known_start, known_end in self.covered.get(unit_id, ()):
            if known_start <= start and end <= known_end:
                return True
        return False

    def cover(self, unit_id: int, start: datetime, end: datetime) -> None:
        """Notes that all claims of a unit in [start, end) are known now."""
        windows = self.covered.get(unit_id)
        if windows is None:
            self.covered[unit_id] = [(start, end)]
            return
        for index, (known_start, known_end) in enumerate(windows):
            if known_start <= end and start <= known_end:
                windows[index] = min(start, known_start), max(end, known_end)
                return
        windows.append((start, end))
        del windows[:-_WINDOWS_MAX]

    # -- loading ---------------------------------------------------------------------------------------------

    def put_unit(self, unit: Unit) -> None:
        if unit.id not in self.units:
            self.categories.setdefault(unit.category, []).append(unit.id)
        self.units[unit.id] = unit
        self.codes[unit.code] = unit.id

    def put_claim(self, claim: Claim) -> None:
        """Adds a loaded claim once, however many windows found it."""
        timeline = self.timelines.get(claim.unit_id)
        if timeline is None:
            timeline = self.timelines[claim.unit_id] = Timeline()
        elif claim in timeline.overlapping(claim.start, claim.end):
            return
        timeline.add(claim)
        self.weight += 1

    # -- reading ---------------------------------------------------------------------------------------------

    def taken(self, unit_id: int, start: datetime, end: datetime, *, besides: UUID | None = None) -> list[Claim]:
        """The claims that stand in the way of [start, end) on a unit, but for those of the holder `besides`."""
        timeline = self.timelines.get(unit_id)
        if timeline is None:
            return []
        found = timeline.overlapping(start, end)
        if besides is not None:
            found = [claim for claim in found if claim.holder_id != besides]
        return found

    def claims_of(self, unit_id: int) -> Iterable[Claim]:
        timeline = self.timelines.get(unit_id)
        return timeline.claims if timeline is not None else _NONE

    def claims_held(self, holder_id: UUID, unit_ids: Iterable[int]) -> Iterator[Claim]:
        """The loaded claims of a booking or block on these units."""
        for unit_id in unit_ids:
            for claim in self.claims_of(unit_id):
                if claim.holder_id == holder_id:
                    yield claim

    # -- writing ---------------------------------------------------------------------------------------------

    def apply(self, change: Change) -> None:
        """Makes the state as the change says."""
        if change.claims_removed or change.claims_added:
            self._swap_claims(change.claims_removed, change.claims_added)
        for booking in change.bookings.values():
            if self.live_counts:
                self._count(self.bookings.get(booking.id), -1)
                self._count(booking, +1)
            self.bookings[booking.id] = booking
            self.wake(booking.wakes_at)
        for unit in change.units.values():
            self._replace_unit(unit.id, unit)
            self.wake(unit.wakes_at)
        for block_id in change.blocks_removed:
            self.blocks.pop(block_id, None)
        for block in change.blocks_added:
            self.blocks[block.id] = block
            self.wake(block.ends_at)
        for finding in change.findings:
            if finding.stands:
                self.findings[finding.rule, finding.subject] = finding
            elif finding.state != "repaired":
                self.findings.pop((finding.rule, finding.subject), None)
        if change.site is not None:
            self.site = change.site
            # all its alarms were made by other settings: the clock must look at them before anything else is decided
            self.wake(self.now)
        self.version += len(change.events)

    def undo_of(self, change: Change) -> Undo:
        """What `revert` needs to take a change back; asked for before the change is applied."""
        blocks = (*change.blocks_removed, *(block.id for block in change.blocks_added))
        return Undo(
            change,
            self.version,
            self.wakes_at,
            self.site,
            [(booking_id, self.bookings.get(booking_id)) for booking_id in change.bookings],
            [(unit_id, self.units.get(unit_id)) for unit_id in change.units],
            [(block_id, self.blocks.get(block_id)) for block_id in blocks],
        )

    def revert(self, undo: Undo) -> None:
        """Takes one applied change back; changes are reverted in the reverse order of their making."""
        self._swap_claims(undo.change.claims_added, undo.change.claims_removed)
        for booking_id, booking in undo.bookings:
            self._count(self.bookings.pop(booking_id, None), -1)
            if booking is not None:
                self._count(booking, +1)
                self.bookings[booking_id] = booking
        for unit_id, unit in undo.units:
            self._replace_unit(unit_id, unit)
        for block_id, block in undo.blocks:
            self.blocks.pop(block_id, None)
            if block is not None:
                self.blocks[block_id] = block
        self.site, self.version, self.wakes_at = undo.site, undo.version, undo.wakes_at

    def wake(self, at: datetime | None) -> None:
        """Lowers the site's alarm: never raises it, that is the tick's to do."""
        if at is not None and (self.wakes_at is None or at < self.wakes_at):
            self.wakes_at = at

    def _swap_claims(self, removed: Iterable[Claim], added: Iterable[Claim]) -> None:
        for claim in removed:
            self.timelines[claim.unit_id].remove(claim)
            self.weight -= 1
        for claim in added:
            timeline = self.timelines.get(claim.unit_id)
            if timeline is None:
                timeline = self.timelines[claim.unit_id] = Timeline()
            timeline.add(claim)
            self.weight += 1

    def _replace_unit(self, unit_id: int, unit: Unit | None) -> None:
        before = self.units.get(unit_id)
        if before is not None and unit is not None and (before.code, before.category) == (unit.code, unit.category):
            self.units[unit_id] = unit
            return
        if before is not None:
            del self.units[unit_id]
            self.categories[before.category].remove(unit_id)
            self.codes.pop(before.code, None)
        if unit is not None:
            self.put_unit(unit)

    def _count(self, booking: Booking | None, step: int) -> None:
        """Keeps the quota's counts in step; a count that was not loaded is nobody's question."""
        if booking is not None and booking.live and (key := booking.customer.key) in self.live_counts:
            self.live_counts[key] += step
