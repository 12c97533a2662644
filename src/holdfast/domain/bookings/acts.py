"""What may be done with a booking: each act asks its questions, then follows the policy's table."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from holdfast.domain.bookings.claiming import (
    claims_for,
    held,
    leave_units,
    moved_at,
    present_units,
    reclaim,
    shifted,
    with_end,
    without_past,
)
from holdfast.domain.bookings.rules import check_bookable, check_free, check_quota, check_times, check_vacant
from holdfast.domain.bookings.stays import split, swap
from holdfast.domain.bookings.values import Booking
from holdfast.domain.commands import Act
from holdfast.domain.draft import Draft, unit_ids_of
from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState
from holdfast.domain.team import MEMBER, team_of

Doing = Callable[[Draft, Booking, Act, str], None]


def act(state: SiteState, command: Act, actor: str) -> Draft:
    """The change that follows from an act on a booking.

    Raises:
        Refusal: `unknown_booking`, `unknown_act`, `version_mismatch`, `wrong_state`, and what the act itself asks.
    """
    booking = state.bookings.get(command.booking_id)
    if booking is None:
        raise Refusal("unknown_booking", booking=str(command.booking_id))
    cause = state.policy.cause(command.act)
    if command.if_version is not None and command.if_version != booking.version:
        raise Refusal("version_mismatch", expected=command.if_version, version=booking.version)
    after = _after(state, booking, command.act, cause)
    draft = Draft(state, actor)
    _DOINGS[cause](draft, booking, command, after)
    if command.notes:
        draft.answer(draft.change.bookings[booking.id], notes=command.notes)
    return draft


def _after(state: SiteState, booking: Booking, name: str, cause: str) -> str:
    policy = state.policy
    if not policy.machine.allows(booking.state, cause):
        possible = sorted(act for act, by in policy.acts.items() if policy.machine.allows(booking.state, by))
        raise Refusal("wrong_state", state=booking.state, act=name, possible=possible)
    return policy.machine.after(booking.state, cause)


def _confirm(draft: Draft, booking: Booking, command: Act, after: str) -> None:
    confirmed = replace(booking, state=after, expires_at=None)
    reclaim(draft, booking, confirmed)
    draft.put(confirmed, "confirmed")


def _decide(cause: str) -> Doing:
    """Approve, reject, revoke: somebody decided, and says why."""

    def doing(draft: Draft, booking: Booking, command: Act, after: str) -> None:
        if cause == "rejected" and not command.reason:
            raise Refusal("invalid_request", field="reason", problem="say why, the customer will read it")
        if cause == "revoked" and booking.starts_at <= draft.state.now:
            raise Refusal("in_the_past", now=draft.state.now)
        decided = replace(
            booking,
            state=after,
            live=draft.state.policy.holds_claim(after),
            decided_by=draft.actor if cause != "revoked" else None,
            decision_reason=command.reason,
        )
        reclaim(draft, booking, decided)
        draft.put(decided, cause, more=_because(command))

    return doing


def _start(cause: str) -> Doing:
    """Start a session or check a guest in: the units must be there to be used, on the right day."""

    def doing(draft: Draft, booking: Booking, command: Act, after: str) -> None:
        state, now = draft.state, draft.state.now
        if booking.start_code is not None and not command.override and command.code != booking.start_code:
            raise Refusal("wrong_code")
        if command.override and not command.reason:
            raise Refusal("invalid_request", field="reason", problem="an override needs its reason")
        check_vacant(state, present_units(booking, now), booking.id)
        if not command.override:
            state.policy.check_day(booking, now, state.site)
        started = replace(without_past(booking, now), state=after, started_at=now, expires_at=None)
        check_free(state, claims_for(started, "session", state))
        reclaim(draft, booking, started)
        draft.put(started, cause, more=_because(command))

    return doing


def _end(cause: str) -> Doing:
    """End a session or check out: what is over frees its units, and leaves them as the policy says."""

    def doing(draft: Draft, booking: Booking, command: Act, after: str) -> None:
        now = draft.state.now
        ended_at = max(now, booking.started_at or booking.starts_at)
        ended = replace(booking, state=after, live=False, ended_at=ended_at)
        draft.release(held(draft.state, booking))
        draft.put(ended, cause, more=_because(command))
        leave_units(draft, booking, cause)

    return doing


def _let_go(cause: str) -> Doing:
    """Cancel or no-show: the claims go, and with them only this booking's part in its units' status."""

    def doing(draft: Draft, booking: Booking, command: Act, after: str) -> None:
        now = draft.state.now
        if cause == "no_show" and now < booking.starts_at and not command.override:
            raise Refusal("too_early", starts_at=booking.starts_at)
        gone = replace(booking, state=after, live=False, ended_at=now, expires_at=None, decision_reason=command.reason)
        draft.release(held(draft.state, booking))
        draft.put(gone, cause, more=_because(command))

    return doing


def _extend(draft: Draft, booking: Booking, command: Act, after: str) -> None:
    """One change of the interval's end, longer or shorter: it succeeds, or names what is in the way."""
    state = draft.state
    if command.minutes is not None:
        end = booking.ends_at + timedelta(minutes=command.minutes)
    elif command.end is not None:
        end = command.end
    else:
        raise Refusal("invalid_request", field="to", problem="give `to` or `minutes`")
    if end == booking.ends_at:
        raise Refusal("nothing_to_change", to=end)
    running = booking.state in state.policy.started_states
    if end <= booking.starts_at:
        raise Refusal(
            "invalid_time", field="to", problem="is not after the booking's start", starts_at=booking.starts_at
        )
    if running and end <= state.now:
        raise Refusal("in_the_past", now=state.now, hint="end it instead")
    extended = with_end(booking, end)
    _check_moved(state, extended, running=running)
    reclaim(draft, booking, replace(extended, open_ended=False))
    draft.put(replace(extended, open_ended=False), "extended", more={"from_end": booking.ends_at})


def _move(draft: Draft, booking: Booking, command: Act, after: str) -> None:
    """Another time, other units, or both; a running session keeps its start."""
    state = draft.state
    running = booking.state in state.policy.started_states
    start = booking.starts_at if running or command.start is None else command.start
    length = booking.ends_at - booking.starts_at
    end = command.end or (booking.ends_at if running else start + length)
    unit_ids = _target_units(state, booking, command)
    if unit_ids == booking.unit_ids and (start, end) == (booking.starts_at, booking.ends_at):
        raise Refusal("nothing_to_change")
    check_bookable(state, unit_ids)
    if not running:
        moved = replace(booking, starts_at=start, ends_at=end, unit_ids=unit_ids, parts=None)
        if booking.parts is not None and not command.units:
            moved = with_end(shifted(booking, start), end)
    elif unit_ids == booking.unit_ids:
        moved = with_end(booking, end)
    else:
        # the new unit was nobody's business until now: the session is there from here on
        check_vacant(state, unit_ids, booking.id)
        moved = moved_at(booking, unit_ids, state.now, end)
    _check_moved(state, moved, running=running)
    reclaim(draft, booking, moved)
    codes = [state.units[unit_id].code for unit_id in booking.unit_ids]
    draft.put(moved, "moved", more={"from_units": codes, "from_start": booking.starts_at, "from_end": booking.ends_at})
    if running and unit_ids != booking.unit_ids:
        leave_units(draft, booking, "moved")


def _target_units(state: SiteState, booking: Booking, command: Act) -> tuple[int, ...]:
    if command.units:
        unit_ids = unit_ids_of(state, command.units)
        # a stay that changes rooms is in one at a time, however many it names
        count = len(present_units(booking, booking.ends_at))
        if len(unit_ids) != count:
            raise Refusal("invalid_request", field="units", problem=f"name {count} of them")
        return unit_ids
    return booking.unit_ids


def _undo(draft: Draft, booking: Booking, command: Act, after: str) -> None:
    """Takes a start, a no-show or a rejection back, if the units are still free. Whoever would at once be a no-show
    again gets a second chance."""
    state = draft.state
    if booking.ends_at <= state.now:
        raise Refusal("in_the_past", now=state.now)
    back = replace(
        without_past(booking, state.now),
        state=after,
        live=True,
        started_at=None,
        ended_at=None,
        decided_by=None,
        decision_reason=None,
    )
    if _is_due(state, back):
        back = replace(back, expires_at=state.policy.second_chance(back, state.now, state.site))
        if _is_due(state, back):
            raise Refusal("in_the_past", now=state.now, hint="its time to start has passed")
    check_free(state, claims_for(back, state.policy.claim_kinds[after], state))
    if not booking.live:
        check_quota(state, booking.customer, 1)
    reclaim(draft, booking, back)
    draft.put(back, "undone", more=_because(command))


def _amend(draft: Draft, booking: Booking, command: Act, after: str) -> None:
    """Who comes along, put right until it is over; time, units and state stay."""
    most = draft.state.site.settings.team_max
    if command.team is None or not most:
        problem = "say who comes along; nobody is an empty list" if most else "bookings here name no team"
        raise Refusal("invalid_request", field=MEMBER, problem=problem)
    if booking.ends_at <= draft.state.now:
        raise Refusal("in_the_past", now=draft.state.now)
    team = team_of(list(command.team), booking.customer, most=most, field=MEMBER)
    details = {**(booking.details or {}), MEMBER: team}
    if details == {MEMBER: [], **(booking.details or {})}:
        raise Refusal("nothing_to_change")
    draft.put(replace(booking, details=details), "amended")


def _is_due(state: SiteState, booking: Booking) -> bool:
    due = state.policy.clock(booking, state.site)
    return due is not None and due[0] <= state.now


# -- shared by the acts ------------------------------------------------------------------------------------------


def _check_moved(state: SiteState, moved: Booking, *, running: bool) -> None:
    check_times(state, moved.starts_at, moved.ends_at, walk_in=running or moved.started_at is not None)
    check_free(state, claims_for(moved, state.policy.claim_kinds[moved.state], state))


def _because(command: Act) -> dict[str, Any] | None:
    more: dict[str, Any] = {}
    if command.reason:
        more["reason"] = command.reason
    if command.override:
        more["override"] = True
    return more or None


_DOINGS: dict[str, Doing] = {
    "confirmed": _confirm,
    "approved": _decide("approved"),
    "rejected": _decide("rejected"),
    "revoked": _decide("revoked"),
    "started": _start("started"),
    "checked_in": _start("checked_in"),
    "ended": _end("ended"),
    "checked_out": _end("checked_out"),
    "cancelled": _let_go("cancelled"),
    "no_show": _let_go("no_show"),
    "extended": _extend,
    "moved": _move,
    "swapped": swap,
    "split": split,
    "amended": _amend,
    "undone": _undo,
}
