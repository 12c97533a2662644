"""Shown statuses that follow: after a change, and as time passes. The only writer of `shown_status`."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from operator import attrgetter

from msgspec.structs import replace

from holdfast.domain.blocks import Block
from holdfast.domain.change import Change
from holdfast.domain.draft import Draft
from holdfast.domain.state import SiteState
from holdfast.domain.units import Claim, Unit

_PARTS = 2_000_000_000


def consequences(state: SiteState, change: Change, actor: str, at: datetime) -> Iterator[Change]:
    """Applies to `state`, and yields, what an applied change entails: blocks take back freed time they are owed,
    then the shown statuses and alarms of the touched units follow."""
    refilled = refill(state, change, actor, at)
    if refilled is not None:
        state.apply(refilled)
        yield refilled
    followed = follow(state, change, actor, at)
    if followed is not None:
        state.apply(followed)
        yield followed


def show(draft: Draft, unit: Unit, cause: str) -> None:
    """Records the unit's derived status at the draft's instant, when it differs, and its next alarm."""
    state = draft.state
    status, booking_id = state.policy.shown(unit, state.claims_of(unit.id), draft.at, state.site)
    wakes_at = next_alarm(state, unit, draft.at)
    if status != unit.shown_status:
        shown = replace(unit, shown_status=status, shown_since=draft.at, wakes_at=wakes_at)
        data = {"code": unit.code, "from": unit.shown_status, "to": status, "booking": booking_id}
        draft.unit(shown, "unit.status_changed", cause, data)
    elif wakes_at != unit.wakes_at:
        draft.change.units[unit.id] = replace(unit, wakes_at=wakes_at)


def next_alarm(state: SiteState, unit: Unit, at: datetime) -> datetime | None:
    """The next instant after `at` at which the unit's status may change by the loaded claims, never later than
    an alarm it already has. A hint: waking early costs a look, waking late would be a lie."""
    soonest = unit.wakes_at
    if _is_passed(unit, at):
        return at
    if unit.id in state.more_ahead and (soonest is None or state.loaded_until < soonest):
        soonest = state.loaded_until
    for claim in state.claims_of(unit.id):
        edge = _next_edge(state, claim, at)
        if edge is not None and (soonest is None or edge < soonest):
            soonest = edge
    return soonest


def _is_passed(unit: Unit, at: datetime) -> bool:
    """Whether the alarm is one that has rung already: then it was remembered, and another process has looked and set
    the true one without a journal line that would tell. What it is now only a fresh look can say."""
    return unit.wakes_at is not None and unit.wakes_at <= at


def _next_edge(state: SiteState, claim: Claim, at: datetime) -> datetime | None:
    """The claim's next instant after `at` that may show: it comes into view, starts, lapses, ends."""
    for edge in (state.policy.status_from(claim.start, state.site), claim.start, claim.expires_at, claim.end):
        if edge is not None and edge > at:
            return edge
    return None


def follow(state: SiteState, change: Change, actor: str, at: datetime) -> Change | None:
    """The shown statuses and alarms that follow for the units an applied change touched; None when none do."""
    draft: Draft | None = None
    for unit_id in change.touched:
        unit = state.units[unit_id]
        if unit_id in change.units or _concerns_now(state, change, unit_id, at):
            draft = draft or Draft(state, actor, at)
            show(draft, unit, change.events[0].cause if change.events else actor)
        elif (alarm := _lower_alarm(state, unit, change, at)) is not unit.wakes_at:
            draft = draft or Draft(state, actor, at)
            draft.change.units[unit_id] = replace(unit, wakes_at=alarm)
    return draft.change if draft is not None and (draft.change.events or draft.change.units) else None


def _concerns_now(state: SiteState, change: Change, unit_id: int, at: datetime) -> bool:
    """Whether a change can touch the unit's present status: most bookings are for later, and then the claims
    around now are not even loaded, so that nothing could be derived from them."""
    for claims in (change.claims_added, change.claims_removed):
        for claim in claims:
            if claim.unit_id == unit_id and state.policy.status_from(claim.start, state.site) <= at:
                return True
    return False


def _lower_alarm(state: SiteState, unit: Unit, change: Change, at: datetime) -> datetime | None:
    if _is_passed(unit, at):
        return at
    alarm = unit.wakes_at
    for claim in change.claims_added:
        if claim.unit_id == unit.id:
            edge = _next_edge(state, claim, at)
            if edge is not None and (alarm is None or edge < alarm):
                alarm = edge
    return alarm


def refill(state: SiteState, change: Change, actor: str, at: datetime) -> Change | None:
    """The freed time that blocks take back after an applied change, which then counts as touched; None when none."""
    if not (change.claims_removed and state.blocks):
        return None
    draft = Draft(state, actor, at)
    for freed in change.claims_removed:
        for block in state.blocks.values():
            if freed.holder_id != block.id and freed.unit_id in block.unit_ids:
                after, before = max(freed.start, at), freed.end
                # what one block has just taken is no longer there for the next
                besides = draft.change.claims_added
                draft.claim(block_pieces(state, block, freed.unit_id, after=after, before=before, besides=besides))
    if not draft.change.claims_added:
        return None
    change.touched.update(draft.change.touched)
    return draft.change


def block_pieces(
    state: SiteState,
    block: Block,
    unit_id: int,
    *,
    after: datetime,
    before: datetime,
    besides: Sequence[Claim] = (),
    without: Collection[Claim] = (),
) -> list[Claim]:
    """The claims by which a block takes all of [after, before) within its time that nobody else holds on a unit;
    `besides` are claims about to be made, `without` such as are about to be released."""
    start, end = max(block.starts_at, after), min(block.ends_at, before)
    pieces: list[tuple[datetime, datetime]] = []
    taken = [claim for claim in state.taken(unit_id, start, end) if claim not in without] if start < end else []
    taken = [*taken, *(claim for claim in besides if claim.unit_id == unit_id and claim.overlaps(start, end))]
    for claim in sorted(taken, key=attrgetter("start")):
        if claim.start > start:
            pieces.append((start, claim.start))
        start = max(start, claim.end)
    if start < end:
        pieces.append((start, end))
    return [Claim(unit_id, left, right, block.kind, block.id, None, _part(block, left)) for left, right in pieces]


def _part(block: Block, start: datetime) -> int:
    """A piece's number among a block's claims on one unit: claims never overlap, so its start is its alone. As a share
    of the block's time it fits a column of 32 bits, to the microsecond for a block of half an hour."""
    return int((start - block.starts_at) / (block.ends_at - block.starts_at) * _PARTS)
