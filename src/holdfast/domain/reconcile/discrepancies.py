"""Discrepancies: what is odd, and is somebody's to judge. Each is opened once while it holds and closed when it does
not; nothing is overwritten, but that a café may ask to end sessions in which nobody is."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.acts import act
from holdfast.domain.bookings.values import Booking
from holdfast.domain.calendars import conflict_of
from holdfast.domain.commands import Act
from holdfast.domain.errors import Refusal
from holdfast.domain.findings import end_finding, raise_finding
from holdfast.domain.intervals import Interval
from holdfast.domain.observations import Observation
from holdfast.domain.policies.base import minutes
from holdfast.domain.reconcile.going import Going, detail
from holdfast.domain.statuses import consequences
from holdfast.domain.units import CALENDAR, HAND_KINDS, UNSERVICEABLE, Claim, Unit

UNIT_RULES = frozenset(
    {"occupied_not_booked", "still_running", "booked_but_idle", "agent_offline", "two_sessions", "poisoned_unit"}
)
BOOKING_RULES = frozenset(
    {
        "unknown_state", "booking_without_claim", "calendar_conflict", "two_live_bookings", "journal_differs",
        "late_check_out", "no_arrival", "unfit_for_arrival", "claim_without_holder", "poisoned_booking",
        "poisoned_block",
    }
)  # fmt: skip
RELOCATE = ("move", "swap", "cancel")


def judge(going: Going) -> None:
    """Opens what holds and does not stand yet, closes what stands and no longer holds."""
    state = going.state
    for unit_id in dict.fromkeys(going.command.units):
        unit = state.units.get(unit_id)
        if unit is not None:
            for rule, data in _of_unit(going, unit):
                going.holds[rule, unit.code] = {"unit": unit.code, **data}
    for booking_id in going.command.bookings:
        booking = state.bookings.get(booking_id)
        for rule, data in _of_booking(going, booking) if booking is not None else ():
            going.holds.setdefault((rule, str(booking_id)), data)
    for booking_id, (version, told) in going.command.differing.items():
        booking = state.bookings.get(booking_id)
        if (booking.version if booking is not None else None) == version:
            data = {"reason": told, "reference": booking.reference if booking is not None else None}
            going.holds["journal_differs", str(booking_id)] = data
    for one in going.aside:
        going.holds[f"poisoned_{one.kind}", str(one.key)] = {"error": one.error, "reason": one.error, **one.data}
    _end_idle(going)
    _open_and_close(going)


def _open_and_close(going: Going) -> None:
    state = going.state
    draft = going.draft()
    for (rule, subject), data in going.holds.items():
        standing = state.findings.get((rule, subject))
        if standing is not None and standing.state == "dismissed":
            continue
        opened = raise_finding(draft, rule, subject, data)
        going.details.append(detail(rule, subject, "opened" if opened is not None else "open", data))
    examined = {state.units[unit_id].code for unit_id in going.command.units if unit_id in state.units}
    examined |= {str(unit_id) for unit_id in going.command.units}
    holders = {str(holder) for holder in (*going.command.bookings, *going.command.blocks)}
    for (rule, subject), finding in list(state.findings.items()):
        looked = (rule in UNIT_RULES and subject in examined) or (rule in BOOKING_RULES and subject in holders)
        looked = looked or (rule, subject) in going.command.gone
        if looked and (rule, subject) not in going.holds:
            end_finding(draft, finding, reason="It is no longer so")
            if finding.state == "open":
                going.details.append(detail(rule, subject, "closed", finding.data))
    going.apply(draft)


def _of_unit(going: Going, unit: Unit) -> Iterator[tuple[str, dict[str, Any]]]:
    state, now = going.state, going.state.now
    # where nobody checks in, an approved booking is all there is to say that people are there
    kind = "session" if state.policy.started_states else "booking"
    sessions = [
        claim
        for claim in state.claims_of(unit.id)
        if claim.kind == kind and claim.start <= now and (claim.end > now or state.policy.overstays)
    ]
    if len(sessions) > 1:
        references = [going.reference(claim.holder_id) or str(claim.holder_id) for claim in sessions]
        reason = f"Bookings {', '.join(references)} say that their people are in it"
        yield (
            "two_sessions",
            {"references": references, "reason": reason, "acts": _acts(going, "check-out", "end", "move")},
        )
    for seen in state.observations.get(unit.id, ()):
        yield from _of_observation(going, unit, seen, sessions)


def _of_observation(
    going: Going, unit: Unit, seen: Observation, sessions: list[Claim]
) -> Iterator[tuple[str, dict[str, Any]]]:
    told: dict[str, Any] = {"seen": seen.seen, "since": seen.since, "seen_at": seen.seen_at}
    if sessions:
        told["reference"] = going.reference(sessions[0].holder_id)
        # what was seen before it began says nothing of it; and a guest of the night is out by day
        is_of_it = seen.seen_at >= sessions[0].start
        if seen.seen == "vacant" and is_of_it and not going.state.policy.overstays:
            reason = "A session is running and nobody is there"
            yield "booked_but_idle", {**told, "reason": reason, "acts": _acts(going, "end")}
        elif seen.seen == "offline" and is_of_it:
            yield "agent_offline", {**told, "reason": "A session is running and its agent is offline", "acts": []}
    elif seen.seen == "occupied":
        if seen.session_ended_at is not None and seen.since < seen.session_ended_at:
            told |= {"ended_at": seen.session_ended_at, "acts": []}
            yield (
                "still_running",
                {**told, "reason": "Its session is over and somebody is still there"},
            )
        else:
            yield "occupied_not_booked", {**told, "reason": "Somebody is there without a session", "acts": []}


def _of_booking(going: Going, booking: Booking) -> Iterator[tuple[str, dict[str, Any]]]:
    state = going.state
    told: dict[str, Any] = {"reference": booking.reference, "units": [going.code(u) for u in booking.unit_ids]}
    if not going.is_sound(booking):
        what = f"Its state {booking.state!r} is none of this policy's"
        if booking.state in state.policy.machine.table:
            what = "It names a unit that does not exist"
        yield "unknown_state", {**told, "reason": what, "acts": []}
        return
    late = state.policy.late(booking, state.now, state.site)
    if late is not None:
        rule, reason, acts = late
        times = {"from": booking.starts_at, "to": booking.ends_at}
        yield rule, {**told, **times, "reason": reason, "acts": _acts(going, *acts)}
    if booking.live and booking.state not in state.policy.started_states and (unfit := _unfit(going, booking)):
        yield "unfit_for_arrival", {**told, "from": booking.starts_at, "to": booking.ends_at, **unfit}
    if booking.live and (sold := _sold_elsewhere(going, booking)):
        yield "calendar_conflict", sold


def _unfit(going: Going, booking: Booking) -> dict[str, Any] | None:
    """What takes a unit of a coming booking out of use: its condition, soon before the arrival, or a block."""
    state = going.state
    for part in booking.stretches():
        unit = state.units[part.unit_id]
        if unit.condition in UNSERVICEABLE and state.policy.status_from(part.start, state.site) <= state.now:
            reason = f"{unit.code} is {str(unit.condition).replace('_', ' ')} and the booking comes next"
            return {"unit": unit.code, "reason": reason, "acts": _acts(going, *RELOCATE)}
        stretch = Interval(part.start, part.end)
        for block in state.blocks.values():
            if block.kind in HAND_KINDS and _is_over(block, part.unit_id, stretch):
                reason = f"{unit.code} is blocked ({block.kind.replace('_', ' ')}) for a time in which it is booked"
                return {"unit": unit.code, "reason": reason, "acts": _acts(going, *RELOCATE), "block": block.id}
    return None


def _sold_elsewhere(going: Going, booking: Booking) -> dict[str, Any] | None:
    """What a calendar from outside says of a unit for a time in which the booking needs it."""
    state = going.state
    for part in booking.stretches():
        if part.left or part.end <= state.now:
            continue
        stretch = Interval(max(part.start, state.now), part.end)
        for block in state.blocks.values():
            if block.kind == CALENDAR and _is_over(block, part.unit_id, stretch):
                return {**conflict_of(booking, going.code(part.unit_id), block), "acts": _acts(going, *RELOCATE)}
    return None


def _is_over(block: Block, unit_id: int, stretch: Interval) -> bool:
    return unit_id in block.unit_ids and stretch.overlaps(Interval(block.starts_at, block.ends_at))


def _end_idle(going: Going) -> None:
    """Ends sessions of sites that ask for it, in units where nobody has been seen for so long."""
    state = going.state
    after = state.site.settings.auto_end_idle_minutes
    if not after or state.policy.overstays:
        return
    for rule, code in list(going.holds):
        if rule != "booked_but_idle":
            continue
        unit_id = state.codes[code]
        idle = next((seen for seen in state.observations[unit_id] if seen.seen == "vacant"), None)
        for claim in list(state.claims_of(unit_id)) if idle is not None else ():
            if claim.kind == "session" and claim.covers(state.now) and idle is not None:
                since = max(idle.since, claim.start)
                if idle.seen_at - since >= minutes(after) and _end(going, claim, since):
                    going.holds.pop((rule, code), None)


def _end(going: Going, claim: Claim, since: datetime) -> bool:
    state = going.state
    reason = f"Nobody was seen since {since:%Y-%m-%dT%H:%M:%SZ}"
    booking = state.bookings.get(claim.holder_id)
    if booking is None or len(booking.unit_ids) > 1:
        # a party may well leave one seat empty
        return False
    try:
        draft = act(state, Act(booking.id, "end", reason=reason), going.actor)
    except Refusal:
        return False
    state.apply(draft.change)
    going.changes.extend([draft.change, *consequences(state, draft.change, going.actor, state.now)])
    told = {"unit": going.code(claim.unit_id), "reason": reason, "reference": booking.reference}
    going.details.append(detail("booked_but_idle", str(booking.id), "repaired", told))
    return True


def _acts(going: Going, *wanted: str) -> list[str]:
    """The acts of these that the policy knows."""
    return [act for act in wanted if act in going.state.policy.acts]
