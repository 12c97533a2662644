"""How a booking is made: found free under the lock, claimed, recorded."""

from datetime import datetime, timedelta

from holdfast.domain.bookings.assign import assign, free_until, longest_free
from holdfast.domain.bookings.claiming import claims_for
from holdfast.domain.bookings.rules import (
    check_bookable,
    check_free,
    check_length,
    check_quota,
    check_times,
    check_vacant,
)
from holdfast.domain.bookings.values import Booking, reference_of
from holdfast.domain.commands import Book
from holdfast.domain.draft import Draft, unit_ids_of
from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState

UNITS_MAX = 200


def book(state: SiteState, command: Book, actor: str) -> Draft:
    """The change that makes a booking, or brings an imported one in.

    Raises:
        Refusal: any of the rules', `slot_taken`, `not_bookable`, `unknown_unit`, `unknown_category`,
            `hold_not_supported`, `invalid_request`.
    """
    target = _state_for(state, command)
    live = state.policy.holds_claim(target)
    if command.imported and not live:
        return _record(state, command, actor, target)
    start, end, unit_ids = _place(state, command)
    if not command.imported:
        check_times(state, start, end, walk_in=command.walk_in)
        check_quota(state, command.customer, 1)
    if not command.imported:
        check_bookable(state, unit_ids)
        if command.walk_in and state.policy.overstays:
            check_vacant(state, unit_ids, command.id)
    booking = _booking(state, command, actor, target=target, unit_ids=unit_ids, start=start, end=end)
    claims = claims_for(booking, state.policy.claim_kinds[target], state)
    check_free(state, claims)
    draft = Draft(state, actor)
    draft.claim(claims)
    booking = draft.put(booking, "created", new=True, more={"imported": True} if command.imported else None)
    if booking.start_code is not None or command.notes:
        draft.answer(booking, start_code=booking.start_code, notes=command.notes)
    return draft


def _state_for(state: SiteState, command: Book) -> str:
    policy = state.policy
    if command.state is not None:
        if command.state not in policy.machine.states:
            raise Refusal("invalid_request", field="state", given=command.state, possible=list(policy.machine.states))
        return command.state
    if command.hold_s is not None:
        if policy.held_state is None:
            raise Refusal("hold_not_supported")
        if not 1 <= command.hold_s <= state.site.settings.hold_s_max:
            raise Refusal(
                "invalid_request",
                field="hold_s",
                given=command.hold_s,
                expected=f"1 to {state.site.settings.hold_s_max}",
            )
        return policy.held_state
    if command.walk_in:
        started = policy.machine.table[policy.booked_state].keys() & policy.start_causes
        if not started:
            raise Refusal("invalid_request", field="walk_in", problem="this kind of site has no walk-ins")
        return policy.machine.after(policy.booked_state, next(iter(started)))
    return policy.booked_state


def _place(state: SiteState, command: Book) -> tuple[datetime, datetime, tuple[int, ...]]:
    """The interval and units to claim. A walk-in starts now; an open-ended one runs to the next claim."""
    start = state.now if command.walk_in else command.start
    if command.end is not None:
        check_length(start, command.end)
        return start, command.end, _units(state, command, start, command.end)
    if not command.walk_in:
        raise Refusal("invalid_time", field="to", problem="only a walk-in may leave it out")
    limit = start + timedelta(hours=state.site.settings.walk_in_hours_max)
    buffer = timedelta(minutes=state.site.settings.buffer_minutes)
    if command.units:
        unit_ids = _named(state, command)
    else:
        _check_count(command)
        unit_ids = longest_free(state, command.category or "", command.count, start=start, limit=limit + buffer)
    end = min(free_until(state, unit_id, start, limit + buffer) for unit_id in unit_ids) - buffer
    # a unit that is taken right now: the check for free units says by what
    return start, max(end, start + timedelta(minutes=1)), unit_ids


def _named(state: SiteState, command: Book) -> tuple[int, ...]:
    return unit_ids_of(state, command.units) if command.units else ()


def _units(state: SiteState, command: Book, start: datetime, end: datetime) -> tuple[int, ...]:
    if command.units:
        if len(command.units) > UNITS_MAX:
            raise Refusal("invalid_request", field="units", problem=f"at most {UNITS_MAX} units in one booking")
        return _named(state, command)
    _check_count(command)
    buffered = end + timedelta(minutes=state.site.settings.buffer_minutes)
    return assign(state, command.category or "", command.count, start=start, end=buffered, walk_in=command.walk_in)


def _check_count(command: Book) -> None:
    if command.category is None:
        raise Refusal("invalid_request", field="units", problem="name a unit, units or a category")
    if not 1 <= command.count <= UNITS_MAX:
        raise Refusal("invalid_request", field="count", given=command.count, expected=f"1 to {UNITS_MAX}")


def _booking(
    state: SiteState,
    command: Book,
    actor: str,
    *,
    target: str,
    unit_ids: tuple[int, ...],
    start: datetime,
    end: datetime,
) -> Booking:
    expires_at = None
    if target == state.policy.held_state:
        expires_at = state.now + timedelta(seconds=command.hold_s or state.site.settings.hold_s_max)
    return Booking(
        id=command.id,
        reference=reference_of(state.version + 1),
        state=target,
        live=state.policy.holds_claim(target),
        category=command.category or state.units[unit_ids[0]].category,
        unit_ids=unit_ids,
        starts_at=start,
        ends_at=end,
        created_at=state.now,
        version=0,
        open_ended=command.end is None,
        started_at=start if target in state.policy.started_states else None,
        expires_at=expires_at,
        customer=command.customer,
        party=command.party,
        note=command.note,
        start_code=command.start_code if state.site.settings.start_code else None,
        series_id=command.series_id,
        requested_by=actor,
        details=command.details,
    )


def _record(state: SiteState, command: Book, actor: str, target: str) -> Draft:
    """An imported booking that is over: recorded as it was, claiming nothing."""
    if command.end is None:
        raise Refusal("invalid_time", field="to", problem="a finished booking needs its end")
    if command.end <= command.start:
        raise Refusal("invalid_time", field="to", problem="is not after `from`")
    unit_ids = _named(state, command) or tuple(state.categories.get(command.category or "", [])[: command.count])
    if not unit_ids:
        raise Refusal("unknown_category", category=command.category)
    draft = Draft(state, actor)
    booking = _booking(state, command, actor, target=target, unit_ids=unit_ids, start=command.start, end=command.end)
    draft.put(booking, "created", new=True, more={"imported": True})
    return draft
