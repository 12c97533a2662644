"""What the clock does: everything that time has made true by now, in the order in which it became true."""

import heapq
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.claiming import held, leave_units, reclaim
from holdfast.domain.bookings.values import Booking
from holdfast.domain.change import Change, encode
from holdfast.domain.draft import Draft
from holdfast.domain.state import SiteState
from holdfast.domain.statuses import consequences, show

CLOCK = "clock"
STEPS_MAX = 100_000

_BOOKING, _BLOCK, _UNIT = 0, 1, 2


def catch_up(
    state: SiteState,
    bookings: Iterable[UUID],
    blocks: Iterable[UUID],
    units: Iterable[int],
    *,
    until: datetime | None = None,
) -> list[Change]:
    """Applies to `state` all transitions of the named bookings, blocks and units that are due by `until` (None is
    `state.now`), each stamped with its true instant, and returns their changes. Level-triggered: what is not due is
    left as it is."""
    until = until if until is not None else state.now
    queue: list[tuple[datetime, int, str, Any]] = []
    bookings = list(bookings)
    for booking_id in bookings:
        _queue_booking(queue, state, state.bookings[booking_id])
    for block_id in blocks:
        block = state.blocks[block_id]
        queue.append((block.ends_at, _BLOCK, str(block_id), block_id))
    for unit_id in units:
        unit = state.units[unit_id]
        if unit.wakes_at is not None:
            queue.append((unit.wakes_at, _UNIT, unit.code, unit_id))
    heapq.heapify(queue)
    changes: list[Change] = []
    for _ in range(STEPS_MAX):
        if not queue or queue[0][0] > until:
            break
        at, what, _, key = heapq.heappop(queue)
        change = _step(state, at, what, key)
        if change is None:
            continue
        changes.append(change)
        _settle(state, changes, change, at)
        if what == _BOOKING:
            _queue_booking(queue, state, state.bookings[key])
        for unit_id in (*change.touched, *([key] if what == _UNIT else [])):
            unit = state.units[unit_id]
            if unit.wakes_at is not None and unit.wakes_at > at:
                heapq.heappush(queue, (unit.wakes_at, _UNIT, unit.code, unit_id))
    return [*changes, *_put_alarms_right(state, bookings)]


def _put_alarms_right(state: SiteState, bookings: Iterable[UUID]) -> list[Change]:
    """An alarm that rang for nothing is set anew: the settings it was made by may have changed since."""
    change = Change()
    for booking_id in bookings:
        booking = state.bookings[booking_id]
        due = state.policy.due(booking, state.site)
        wakes_at = due[0] if due is not None else None
        if wakes_at != booking.wakes_at:
            change.bookings[booking_id] = replace(booking, wakes_at=wakes_at)
    state.apply(change)
    return [change] if change.bookings else []


def _queue_booking(queue: list[tuple[datetime, int, str, Any]], state: SiteState, booking: Booking) -> None:
    due = state.policy.due(booking, state.site)
    if due is not None:
        heapq.heappush(queue, (due[0], _BOOKING, str(booking.id), booking.id))


def _step(state: SiteState, at: datetime, what: int, key: Any) -> Change | None:
    """One due transition as an unapplied change, or None when it is no longer so."""
    draft = Draft(state, CLOCK, at)
    if what == _BOOKING:
        booking = state.bookings[key]
        due = state.policy.due(booking, state.site)
        if due is None or due[0] != at:
            return None
        _transit(draft, booking, due[1])
    elif what == _BLOCK:
        end_block(draft, state.blocks[key], cause="over")
    else:
        unit = state.units[key]
        if unit.wakes_at != at:
            return None
        show(draft, replace(unit, wakes_at=None), CLOCK)
        if key not in draft.change.units:
            draft.change.units[key] = replace(unit, wakes_at=None)
    return draft.change


def _transit(draft: Draft, booking: Booking, cause: str) -> None:
    state = draft.state
    after = state.policy.machine.after(booking.state, cause)
    if cause == "moved":
        parts = tuple(replace(part, left=True) if part.end <= draft.at else part for part in booking.parts or ())
        unit_ids = tuple(dict.fromkeys(part.unit_id for part in parts if not part.left))
        leave_units(draft, replace(booking, parts=tuple(p for p in booking.parts or () if p.end <= draft.at)), cause)
        onward = replace(booking, parts=parts, unit_ids=unit_ids)
        reclaim(draft, booking, onward)
        draft.put(onward, cause)
        return
    live = state.policy.holds_claim(after)
    changed = replace(booking, state=after, live=live)
    if cause in state.policy.start_causes:
        changed = replace(changed, started_at=draft.at)
    elif not live:
        changed = replace(changed, ended_at=draft.at, expires_at=None)
    if live:
        reclaim(draft, booking, changed)
    else:
        draft.release(held(state, booking))
    draft.put(changed, cause)
    if cause in state.policy.end_causes:
        leave_units(draft, booking, cause)


def end_block(draft: Draft, block: Block, *, cause: str, reason: str | None = None) -> None:
    """Gives a block's units back in their return condition."""
    state = draft.state
    draft.release(list(state.claims_held(block.id, block.unit_ids)))
    codes = [state.units[unit_id].code for unit_id in block.unit_ids]
    data = {"id": block.id, "units": codes, "kind": block.kind, "reason": reason}
    draft.event("block.removed", str(block.id), cause, encode(data))
    draft.change.blocks_removed.append(block.id)
    for unit_id in block.unit_ids:
        unit = state.units[unit_id]
        if block.return_condition is not None and unit.condition != block.return_condition:
            change = {"code": unit.code, "from": unit.condition, "to": block.return_condition, "block": block.id}
            draft.unit(replace(unit, condition=block.return_condition), "unit.condition_changed", cause, change)


def _settle(state: SiteState, changes: list[Change], change: Change, at: datetime) -> None:
    state.apply(change)
    changes.extend(consequences(state, change, CLOCK, at))
