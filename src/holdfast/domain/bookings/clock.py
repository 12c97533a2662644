"""What the clock does: everything that time has made true by now, in the order in which it became true."""

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.claiming import held, leave_units, reclaim
from holdfast.domain.bookings.values import Booking
from holdfast.domain.change import Change, encode
from holdfast.domain.draft import Draft
from holdfast.domain.poison import Kind, Poisoned, poisoned
from holdfast.domain.state import SiteState
from holdfast.domain.statuses import consequences, follow, show

CLOCK = "clock"
STEPS_MAX = 100_000

BOOKING, BLOCK, UNIT = 0, 1, 2
"""What becomes true at one instant does so in this order."""
Rank = tuple[datetime, int]
"""An instant, and which of the kinds that are due at it."""

_Queue = list[tuple[datetime, int, str, Any]]
_Fail = Callable[[int, Any, Exception], None]
_KINDS: tuple[Kind, ...] = ("booking", "block", "unit")


def catch_up(
    state: SiteState,
    bookings: Iterable[UUID],
    blocks: Iterable[UUID],
    units: Iterable[int],
    *,
    until: Rank | None = None,
    aside: list[Poisoned] | None = None,
) -> list[Change]:
    """Applies to `state` all transitions of the named bookings, blocks and units that are due by `until` (None is
    `state.now`), each stamped with its true instant, and returns their changes. Level-triggered: what is not due is
    left as it is. With `aside` rows that cannot be processed are put there, and all others are processed."""
    until = until if until is not None else (state.now, UNIT)
    queue: _Queue = []
    wanted: list[tuple[int, Any]] = [(BOOKING, key) for key in bookings]
    wanted += [(BLOCK, key) for key in blocks]
    wanted += [(UNIT, key) for key in units]
    failed: set[Any] = set()

    def fail(what: int, key: Any, error: Exception) -> None:
        if aside is None:
            raise error
        aside.append(poisoned(_KINDS[what], key, error))
        failed.add(key)

    for what, key in wanted:
        try:
            _queue(queue, state, what, key)
        except Exception as error:
            fail(what, key, error)
    changes: list[Change] = []
    for _ in range(STEPS_MAX):
        if not queue or queue[0][:2] > until:
            break
        at, what, _, key = heapq.heappop(queue)
        try:
            change = _step(state, at, what, key)
            if change is None:
                continue
            _settle(state, changes, change, at, fail=fail)
            if what == BOOKING:
                _queue(queue, state, what, key)
        except Exception as error:  # whatever a policy or a row made of it: the others go on
            fail(what, key, error)
            continue
        for unit_id in (*change.touched, *([key] if what == UNIT else [])):
            unit = state.units[unit_id]
            if unit.wakes_at is not None and unit.wakes_at > at:
                heapq.heappush(queue, (unit.wakes_at, UNIT, unit.code, unit_id))
    return [*changes, *_put_alarms_right(state, [key for what, key in wanted if what == BOOKING and key not in failed])]


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


def _queue(queue: _Queue, state: SiteState, what: int, key: Any) -> None:
    at: datetime | None
    if what == BOOKING:
        booking = state.bookings[key]
        if booking.state not in state.policy.machine.table:
            raise LookupError(f"the policy of this site knows no state {booking.state!r}")
        due = state.policy.due(booking, state.site)
        at, name = (due[0], _place(state, booking, due[1])) if due is not None else (None, "")
    elif what == BLOCK:
        at, name = state.blocks[key].ends_at, str(key)
    else:
        at, name = state.units[key].wakes_at, state.units[key].code
    if at is None:
        return
    if at.tzinfo is None:
        raise ValueError("its time is infinite")
    heapq.heappush(queue, (at, what, name, key))


def _check_progress(draft: Draft, before: Booking) -> None:
    """A policy by which the clock finds a booking as it left it would keep it busy for ever."""
    after = draft.change.bookings[before.id]
    if after.state == before.state and after.wakes_at is not None and after.wakes_at <= draft.at:
        raise ValueError(f"the clock comes to no end in state {after.state!r}")


def _place(state: SiteState, booking: Booking, cause: str) -> str:
    """The place among what happens to bookings at one instant: what leaves a unit comes before what takes one, and of
    equals that which was changed first."""
    takes = state.policy.holds_claim(state.policy.machine.after(booking.state, cause))
    return f"{0 if not takes else 1 if cause == 'moved' else 2}{booking.version:016}"


def _step(state: SiteState, at: datetime, what: int, key: Any) -> Change | None:
    """One due transition as an unapplied change, or None when it is no longer so."""
    draft = Draft(state, CLOCK, at)
    if what == BOOKING:
        booking = state.bookings[key]
        due = state.policy.due(booking, state.site)
        if due is None or due[0] != at:
            return None
        _transit(draft, booking, due[1])
        _check_room(draft)
        _check_progress(draft, booking)
    elif what == BLOCK:
        end_block(draft, state.blocks[key], cause="over")
    else:
        unit = state.units[key]
        if unit.wakes_at != at:
            return None
        show(draft, replace(unit, wakes_at=None), CLOCK)
        if key not in draft.change.units:
            draft.change.units[key] = replace(unit, wakes_at=None)
        return draft.change
    _silence_rung(draft)
    return draft.change


def _silence_rung(draft: Draft) -> None:
    """Alarms of touched units that have rung by now: all their claims around now are loaded, so the next one follows
    from those, and the unit need not be looked at once more for its own alarm."""
    state, change = draft.state, draft.change
    for unit_id in change.touched:
        unit = change.units.get(unit_id) or state.units[unit_id]
        if unit.wakes_at is not None and unit.wakes_at <= draft.at:
            change.units[unit_id] = replace(unit, wakes_at=None)


def _check_room(draft: Draft) -> None:
    """The clock may claim only what nobody holds: somebody may have written past the desk."""
    change = draft.change
    for claim in change.claims_added:
        others = draft.state.taken(claim.unit_id, claim.start, claim.end, besides=claim.holder_id)
        if any(other not in change.claims_removed for other in others):
            raise ValueError(f"unit {draft.state.units[claim.unit_id].code} is held by {others[0].holder_id}")


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


def _settle(state: SiteState, changes: list[Change], change: Change, at: datetime, *, fail: _Fail) -> None:
    state.apply(change)
    changes.append(change)
    try:
        changes.extend(consequences(state, change, CLOCK, at))
    except Exception as error:  # a unit that cannot be shown is not what was done with it
        if not _follow_each(state, changes, change, at, fail=fail):
            raise error from None


def _follow_each(state: SiteState, changes: list[Change], change: Change, at: datetime, *, fail: _Fail) -> bool:
    """What follows for each touched unit by itself; True when one of them failed."""
    has_failed = False
    for unit_id in change.touched:
        try:
            followed = follow(state, _on_one_unit(change, unit_id), CLOCK, at)
        except Exception as error:
            has_failed = True
            fail(UNIT, unit_id, error)
            continue
        if followed is not None:
            state.apply(followed)
            changes.append(followed)
    return has_failed


def _on_one_unit(change: Change, unit_id: int) -> Change:
    part = Change()
    part.claims_added, part.claims_removed = change.claims_added, change.claims_removed
    part.units, part.events, part.touched = change.units, change.events, {unit_id: None}
    return part
