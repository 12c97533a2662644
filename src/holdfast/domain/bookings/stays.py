"""Bookings that exchange units (swap) and stays that change rooms on a night (split)."""

from msgspec.structs import replace

from holdfast.domain.bookings.claiming import claims_for, held, leave_units, moved_at, present_units
from holdfast.domain.bookings.rules import check_bookable, check_free, overstayed, taken_by
from holdfast.domain.bookings.values import Booking, Part
from holdfast.domain.commands import Act
from holdfast.domain.draft import Draft, unit_ids_of
from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState
from holdfast.domain.units import Claim


def swap(draft: Draft, booking: Booking, command: Act, after: str) -> None:
    """Two bookings exchange units in one change; each keeps its time."""
    state = draft.state
    other = state.bookings.get(command.other_id) if command.other_id is not None else None
    if command.other_id is None:
        raise Refusal("invalid_request", field="other", problem="name the booking to swap with")
    if other is None:
        raise Refusal("unknown_booking", booking=str(command.other_id), field="other")
    if other.id == booking.id or len(other.unit_ids) != len(booking.unit_ids) or booking.parts or other.parts:
        raise Refusal("invalid_request", field="other", problem="swap two bookings with as many undivided units each")
    state.policy.machine.after(other.state, "swapped")
    first, second = _exchanged(state, booking, other), _exchanged(state, other, booking)
    check_bookable(state, (*first.unit_ids, *second.unit_ids))
    for mine, theirs in ((booking, other), (other, booking)):
        strangers = [unit_id for unit_id in theirs.unit_ids if overstayed(state, unit_id, besides=theirs.id)]
        if mine.state in state.policy.started_states and strangers:
            raise Refusal("unit_occupied", unit=state.units[strangers[0]].code)
    claims = [
        *claims_for(first, state.policy.claim_kinds[first.state], state),
        *claims_for(second, state.policy.claim_kinds[second.state], state),
    ]
    _check_free_of_others(state, claims, booking, other)
    draft.release([*held(state, booking), *held(state, other)])
    draft.claim(claims)
    draft.put(second, "swapped", more={"with": str(booking.id), "from_units": _codes(state, other)})
    draft.put(first, "swapped", more={"with": str(other.id), "from_units": _codes(state, booking)})
    for one in (other, booking):
        if one.state in state.policy.started_states:
            leave_units(draft, one, "swapped")


def _codes(state: SiteState, booking: Booking) -> list[str]:
    return [state.units[unit_id].code for unit_id in booking.unit_ids]


def _exchanged(state: SiteState, mine: Booking, theirs: Booking) -> Booking:
    """`mine` in the units of `theirs`; a running one moves from now on."""
    if mine.state in state.policy.started_states:
        return moved_at(mine, theirs.unit_ids, state.now, mine.ends_at)
    return replace(mine, unit_ids=theirs.unit_ids)


def _check_free_of_others(state: SiteState, claims: list[Claim], *pair: Booking) -> None:
    holders = {booking.id for booking in pair}
    for index, claim in enumerate(claims):
        found = [
            other for other in state.taken(claim.unit_id, claim.start, claim.end) if other.holder_id not in holders
        ]
        found += [
            other
            for other in claims[:index]
            if other.unit_id == claim.unit_id and other.overlaps(claim.start, claim.end)
        ]
        if found:
            raise taken_by(state, found)


def split(draft: Draft, booking: Booking, command: Act, after: str) -> None:
    """From an instant inside the stay on, the rest is spent in another unit."""
    state = draft.state
    at = command.start
    if at is None or not booking.starts_at < at < booking.ends_at or at <= state.now:
        raise Refusal("invalid_time", field="at", problem="must lie inside the stay and ahead of now")
    if len(command.units) != 1 or len(present_units(booking, booking.ends_at)) != 1:
        raise Refusal("invalid_request", field="units", problem="name the one unit that the rest of the stay moves to")
    (unit_id,) = unit_ids_of(state, command.units)
    check_bookable(state, (unit_id,))
    kept = [replace(part, end=min(part.end, at)) for part in booking.stretches() if part.start < at]
    parts = (*kept, Part(unit_id, at, booking.ends_at))
    unit_ids = tuple(dict.fromkeys(part.unit_id for part in parts if not part.left))
    divided = replace(booking, parts=parts, unit_ids=unit_ids)
    claims = claims_for(divided, state.policy.claim_kinds[divided.state], state)
    check_free(state, claims)
    draft.release([claim for claim in held(state, booking) if claim not in claims])
    draft.claim([claim for claim in claims if claim not in held(state, booking)])
    draft.put(divided, "split", more={"at": at})
