"""What calendars from outside say of units: each stretch that is sold elsewhere is a block of the kind `calendar`.

A calendar is believed for time that nobody holds here. Where a booking does, that keeps its claim, the block takes the
time around it, and the conflict is a finding: who was sold to first is somebody's to judge.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.clock import end_block
from holdfast.domain.bookings.values import Booking
from holdfast.domain.change import encode
from holdfast.domain.commands import FollowCalendar, SoldElsewhere
from holdfast.domain.draft import Draft, unit_ids_of
from holdfast.domain.errors import Refusal
from holdfast.domain.findings import raise_finding
from holdfast.domain.state import SiteState
from holdfast.domain.statuses import block_pieces
from holdfast.domain.units import BLOCK_KINDS, CALENDAR
from holdfast.domain.wire import block_view

HORIZON = timedelta(days=732)
"""How far ahead a calendar is followed."""
YEARS = 4
SOLD_MAX = 2_000
GONE = "It is no longer in the calendar"
MOVED = "The calendar says another time in its place"


def follow_calendar(state: SiteState, command: FollowCalendar, actor: str) -> Draft:
    """Lets the blocks of a calendar on a unit be those that it lists, in one change: no moment lies between an old
    block and the one that replaces it.

    Raises:
        Refusal: `unknown_unit`; `invalid_request` for more than `SOLD_MAX`.
    """
    (unit_id,) = unit_ids_of(state, (command.unit,))
    if len(command.sold) > SOLD_MAX:
        raise Refusal("invalid_request", field="sold", problem=f"a calendar has up to {SOLD_MAX} events ahead")
    draft = Draft(state, actor)
    edge = edge_of(state.now)
    wanted = {
        one.id: replace(one, end=min(one.end, edge))
        for one in command.sold
        if one.end > state.now and one.start < state.now + HORIZON
    }
    there = [block for block in state.blocks.values() if block.unit_ids == (unit_id,) and _is_of(block, actor)]
    kept = {block.id for block in there if block.id in wanted}
    fresh = {id: one for id, one in wanted.items() if id not in kept}
    for block in there:
        if block.id in kept:
            continue
        successor = _successor(block, fresh, state)
        if successor is not None and _is_same_ahead(block, successor, state):
            del fresh[successor.id]
        elif successor is not None or not command.keeps_unlisted:
            end_block(draft, block, cause="calendar", reason=GONE if successor is None else MOVED)
    for one in fresh.values():
        _add(draft, unit_id, one)
    conflicts = _conflicts(draft, unit_id, command, list(wanted.values()))
    removed = len(draft.change.blocks_removed)
    draft.change.answer = encode(
        {"blocks": len(wanted), "added": len(fresh), "removed": removed, "conflicts": conflicts}
    )
    return draft


def edge_of(now: datetime) -> datetime:
    """No block of a calendar reaches beyond this. It moves once a year, so that blocks do not change each day."""
    return datetime(now.year + YEARS, 1, 1, tzinfo=UTC)


def conflict_of(booking: Booking, unit: str, block: Block | SoldElsewhere) -> dict[str, Any]:
    """What is told of a booking whose unit is said to be taken."""
    said = block.said if isinstance(block, SoldElsewhere) else block.reason
    start, end = (block.start, block.end) if isinstance(block, SoldElsewhere) else (block.starts_at, block.ends_at)
    return {
        "reference": booking.reference, "units": [unit], "unit": unit, "from": max(start, booking.begins_at),
        "to": min(end, booking.ends_at), "block": block.id,
        "reason": f"{unit} is booked here, and taken elsewhere ({said})",
    }  # fmt: skip


def _is_of(block: Block, actor: str) -> bool:
    return block.kind == CALENDAR and block.created_by == actor


def _successor(block: Block, fresh: dict[Any, SoldElsewhere], state: SiteState) -> SoldElsewhere | None:
    """The new event in a block's place: of the same words and in part of its time. Providers move the edge of what
    they close each day, and call it by a new name."""
    start = max(block.starts_at, state.now)
    for one in fresh.values():
        if one.said == block.reason and one.start < block.ends_at and start < one.end:
            return one
    return None


def _is_same_ahead(block: Block, one: SoldElsewhere, state: SiteState) -> bool:
    """Whether they differ only in what lies behind."""
    return block.ends_at == one.end and max(block.starts_at, state.now) == max(one.start, state.now)


def _add(draft: Draft, unit_id: int, one: SoldElsewhere) -> None:
    state = draft.state
    block = Block(
        one.id, (unit_id,), one.start, one.end, CALENDAR, one.said, None, draft.actor, state.now, draft.next_version()
    )
    released = {claim for claim in draft.change.claims_removed if claim.unit_id == unit_id}
    besides = draft.change.claims_added
    pieces = block_pieces(
        state, block, unit_id, after=max(block.starts_at, state.now), before=block.ends_at, besides=besides,
        without=released,
    )  # fmt: skip
    draft.claim(pieces)
    draft.change.touched[unit_id] = None
    draft.event("block.created", str(block.id), "calendar", b'{"block":' + encode(block_view(block, state, ())) + b"}")
    draft.change.blocks_added.append(block)


def _conflicts(draft: Draft, unit_id: int, command: FollowCalendar, wanted: list[SoldElsewhere]) -> int:
    """Opens a finding for each booking in the way of a block, and says how many there are."""
    state = draft.state
    found: set[Any] = set()
    for one in wanted:
        for claim in state.taken(unit_id, max(one.start, state.now), one.end):
            booking = state.bookings.get(claim.holder_id)
            if claim.kind in BLOCK_KINDS or booking is None or claim.holder_id in found:
                continue
            found.add(claim.holder_id)
            told = conflict_of(booking, command.unit, one)
            acts = [act for act in ("move", "swap", "cancel") if act in state.policy.acts]
            raise_finding(draft, "calendar_conflict", str(booking.id), {**told, "acts": acts})
    return len(found)
