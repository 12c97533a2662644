"""The claims that a booking holds, and how they change with it."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from holdfast.domain.bookings.values import Booking, Part
from holdfast.domain.draft import Draft
from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState
from holdfast.domain.units import UNSERVICEABLE, Claim

BUFFER_MAX = timedelta(minutes=1_440)
"""The longest clean-up buffer a site may have."""


def claims_for(booking: Booking, kind: str, state: SiteState) -> list[Claim]:
    """The claims a booking in such a state holds: its stretches not yet left, each with the clean-up buffer behind, as
    far as it does not itself come back to the unit before that is over."""
    minutes = state.site.settings.buffer_minutes
    buffer = timedelta(minutes=minutes)
    expires_at = booking.expires_at if kind == "hold" else None
    claims = []
    stretches = booking.stretches()
    for index, part in enumerate(stretches):
        if not part.left:
            end = part.end
            if minutes:
                back = [one.start for one in stretches[index + 1 :] if one.unit_id == part.unit_id]
                end = min([part.end + buffer, *(start for start in back if start >= part.end)])
            claims.append(Claim(part.unit_id, part.start, end, kind, booking.id, expires_at, index))
    return claims


def without_buffer(claim: Claim) -> Claim:
    """What a claim is known by: in its end is the clean-up buffer of when it was made, which may have changed since."""
    return replace(claim, end=claim.start)


def held(state: SiteState, booking: Booking) -> list[Claim]:
    """The loaded claims that a booking holds now."""
    return list(state.claims_held(booking.id, dict.fromkeys(booking.unit_ids)))


def reclaim(draft: Draft, before: Booking, after: Booking) -> None:
    """Exchanges a booking's claims for those of its new form; unchanged claims stay untouched."""
    state = draft.state
    old = held(state, before)
    new = claims_for(after, state.policy.claim_kinds[after.state], state) if after.live else []
    draft.release([claim for claim in old if claim not in new])
    draft.claim([claim for claim in new if claim not in old])


def shifted(booking: Booking, start: datetime) -> Booking:
    """A stay in parts that begins at another time and is as long; what it has left already is forgotten."""
    by = start - booking.starts_at
    parts = tuple(
        replace(part, start=part.start + by, end=part.end + by) for part in booking.parts or () if not part.left
    )
    return replace(booking, starts_at=start, ends_at=booking.ends_at + by, parts=parts)


def with_end(booking: Booking, end: datetime) -> Booking:
    """The booking with another end; of a stay in parts, those that ended with it.

    Raises:
        Refusal: `too_short` when the last part would vanish.
    """
    if booking.parts is None:
        return replace(booking, ends_at=end)
    parts = []
    for part in booking.parts:
        if not part.left and part.end == booking.ends_at:
            if end <= part.start:
                raise Refusal("too_short", minutes_min=1, hint="the stay changes units before that; move it first")
            part = replace(part, end=end)
        parts.append(part)
    return replace(booking, ends_at=end, parts=tuple(parts))


def moved_at(booking: Booking, unit_ids: tuple[int, ...], at: datetime, end: datetime) -> Booking:
    """A running booking that leaves its units for others at an instant.

    Raises:
        Refusal: `in_the_past` when it was to be over by then: a guest who overstays extends first.
    """
    if end <= at:
        raise Refusal("in_the_past", now=at, hint="extend it first")
    if at <= booking.begins_at:
        return replace(booking, unit_ids=unit_ids, ends_at=end, parts=None)
    present = present_units(booking, at)
    past = [part for part in booking.stretches() if part.left]
    past += [
        replace(part, end=at, left=True)
        for part in booking.stretches()
        if part.unit_id in present and not part.left and part.start < at
    ]
    future = [Part(unit_id, at, end) for unit_id in unit_ids]
    return replace(booking, unit_ids=unit_ids, ends_at=end, parts=(*past, *future))


def present_units(booking: Booking, at: datetime) -> tuple[int, ...]:
    """The units a booking is in at an instant; before its start, those it starts in."""
    if booking.parts is None:
        return booking.unit_ids
    ahead = [part for part in booking.stretches() if not part.left]
    begun = max((part.start for part in ahead if part.start <= at), default=min(part.start for part in ahead))
    return tuple(part.unit_id for part in ahead if part.start == begun)


def without_past(booking: Booking, at: datetime) -> Booking:
    """A stay in parts of which those over by `at` count as left: somebody who comes late was never in them."""
    if booking.parts is None:
        return booking
    parts = tuple(
        replace(part, left=True) if part.end <= at and part.end < booking.ends_at else part for part in booking.parts
    )
    return replace(booking, parts=parts, unit_ids=tuple(dict.fromkeys(part.unit_id for part in parts if not part.left)))


def leave_units(draft: Draft, booking: Booking, cause: str) -> None:
    """Sets the condition an ended session leaves behind (a hotel room is dirty) on the units it was last in."""
    condition = draft.state.policy.after_end_condition
    if condition is None:
        return
    for unit_id in present_units(booking, draft.at):
        unit = draft.state.units[unit_id]
        if unit.condition in UNSERVICEABLE or unit.condition == condition:
            continue
        data = {"code": unit.code, "from": unit.condition, "to": condition, "booking": booking.id}
        draft.unit(replace(unit, condition=condition), "unit.condition_changed", cause, data)
