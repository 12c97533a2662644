"""Somebody else's units and bookings under a policy of ours: which of their shown statuses lie, and what only a
person can judge.

The policy's own functions decide: what is shown, what the clock would have done, which day is the right one. Refuses
to judge a unit whose bookings are not all understood, and never says that a booking should be another.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import to_local, zone
from holdfast.domain.policies import policy_of
from holdfast.domain.policies.base import FAR, Policy
from holdfast.domain.reasons import reason_of
from holdfast.domain.sites import Site, parse_settings, rules_of
from holdfast.domain.units import CONDITIONS, Claim, Unit

RULES: Mapping[str, str] = {
    # rule → what was found, in one sentence
    "two_live_bookings": "Two live bookings want one unit at the same time.",
    "unknown_unit": "A live booking names a unit that does not exist.",
    "duplicate_unit": "Two units have the same code or id.",
    "late_check_out": "A guest is still in the room after the time to leave.",
    "still_running": "A session is still running after its end.",
    "past_its_end": "A booking that is over still counts as live.",
    "no_arrival": "A guest has not arrived by the time that was to be expected.",
    "not_decided": "A request was not decided by its start.",
    "early": "Somebody is in a unit before the day of the booking.",
    "no_word": "What follows has no word in their vocabulary.",
    "moved": "A row was changed by somebody else between reading and writing, and was left alone.",
    "not_judged": "What follows cannot be said, because a booking of the unit was not understood.",
}
_BY_CLOCK = {"no_show": "no_arrival", "expired": "not_decided"}
_NOBODY = UUID(int=0)


class Rules(msgspec.Struct, frozen=True):
    """What their rows are judged by: a policy, the settings of a site, and an instant."""

    policy: Policy
    site: Site
    now: datetime


class TheirUnit(msgspec.Struct, frozen=True, gc=False):
    """A unit of theirs. `means` are the shown statuses of ours that its recorded word may stand for."""

    code: str
    means: tuple[str, ...]
    condition: str | None = None
    keeps_condition: bool = False
    """Whether its condition is recorded beside the status, so that another status does not wipe it out."""


class TheirBooking(msgspec.Struct, frozen=True, gc=False):
    """A live booking of theirs, of the unit at that index, in a state of ours. Without an end it is open-ended."""

    reference: str
    unit: int
    state: str
    start: datetime
    end: datetime | None = None


class Lie(msgspec.Struct, frozen=True):
    """A unit, by index, whose status should be `expected`."""

    unit: int
    expected: str
    reason: str


class Discrepancy(msgspec.Struct, frozen=True):
    """What a person must look at; nobody repairs it."""

    rule: str
    unit: str
    bookings: tuple[str, ...]
    what: str


class Judgement(msgspec.Struct, frozen=True):
    """`left` are the units whose word is a condition that a mere reservation must not wipe out."""

    lies: list[Lie]
    discrepancies: list[Discrepancy]
    left: list[int]


def rules_for(kind: str, time_zone: str, settings: Mapping[str, Any], now: datetime) -> Rules:
    """The rules of a site of theirs, made up from its kind, its zone and what is known of its settings.

    Raises:
        Refusal: `invalid_request` for the kind, `invalid_settings` for the rest.
    """
    policy = policy_of(kind)
    parsed = parse_settings(settings, policy.defaults)
    site = Site(1, _NOBODY, kind, "theirs", "theirs", zone(time_zone), parsed, *rules_of(parsed), dict(settings), now)
    return Rules(policy, site, now)


def conditions_by_status(rules: Rules) -> dict[str, str]:
    """shown status → the condition that a unit with nothing else behind it has when it shows that."""
    site = _showing_clean(rules.site)
    bare, _ = rules.policy.shown(_unit(None), (), rules.now, site)
    found: dict[str, str] = {}
    for condition in CONDITIONS:
        status, _ = rules.policy.shown(_unit(condition), (), rules.now, site)
        if status != bare:
            found.setdefault(status, condition)
    return found


def judge(
    rules: Rules,
    units: Sequence[TheirUnit],
    bookings: Sequence[TheirBooking],
    *,
    undecided: Collection[int] = (),
    over_is_recorded: bool = True,
) -> Judgement:
    """What follows for each unit but the undecided ones, and what does not fit together.

    `over_is_recorded` says whether their bookings have a state for being over at all: where they have none, an
    approved booking of last week is no omission.
    """
    by_unit: dict[int, list[TheirBooking]] = {}
    for booking in bookings:
        by_unit.setdefault(booking.unit, []).append(booking)
    judgement = Judgement([], [], [])
    for number, unit in enumerate(units):
        theirs = by_unit.get(number, ())
        if number not in undecided:
            _status(rules, number, unit, theirs, judgement)
        for booking in theirs:
            judgement.discrepancies.extend(_doubts(rules, unit, booking, over_is_recorded=over_is_recorded))
        if len(theirs) > 1:
            judgement.discrepancies.extend(_overlaps(rules, unit, theirs))
    return judgement


def _status(rules: Rules, number: int, unit: TheirUnit, theirs: Sequence[TheirBooking], judgement: Judgement) -> None:
    ours = _unit(unit.condition)
    claims = [_claim(rules, index, booking) for index, booking in enumerate(theirs)]
    expected, holder_id = rules.policy.shown(ours, claims, rules.now, rules.site)
    if expected in unit.means:
        return
    if rules.policy.shown(ours, claims, rules.now, _showing_clean(rules.site))[0] in unit.means:
        return
    alone, _ = rules.policy.shown(ours, (), rules.now, rules.site)
    is_somebody_in = expected == rules.policy.session_status
    if alone in unit.means and not unit.keeps_condition and unit.condition is not None and not is_somebody_in:
        judgement.left.append(number)
        return
    holder = theirs[holder_id.int].reference if holder_id is not None else None
    judgement.lies.append(Lie(number, expected, reason_of(rules.policy, unit.means[0], expected, holder)))


def _doubts(rules: Rules, unit: TheirUnit, booking: TheirBooking, *, over_is_recorded: bool) -> Iterator[Discrepancy]:
    """What is odd about one booking: it is too late, or too early, for its state."""
    policy, now, named = rules.policy, rules.now, f"Booking {booking.reference} of {spoken_unit(rules, unit.code)}"
    end = booking.end if booking.end is not None else now + FAR
    ended = f"ended at {_clock(rules, end)}"
    if booking.state in policy.started_states:
        if end <= now and policy.overstays:
            what = f"{named} {ended}, and its guest is still {booking.state}"
            yield Discrepancy("late_check_out", unit.code, (booking.reference,), what)
        elif end <= now:
            what = f"{named} {ended} and is still {booking.state}"
            yield Discrepancy("still_running", unit.code, (booking.reference,), what)
        try:
            policy.check_day(_as_ours(booking, end), now, rules.site)
        except Refusal:
            what = f"{named} is {booking.state} already, and starts at {_clock(rules, booking.start)}"
            yield Discrepancy("early", unit.code, (booking.reference,), what)
        return
    if end <= now:
        if over_is_recorded or policy.clock(_as_ours(booking, end), rules.site) != (end, "ended"):
            what = f"{named} {ended} and is still {booking.state}"
            yield Discrepancy("past_its_end", unit.code, (booking.reference,), what)
        return
    due = policy.clock(_as_ours(booking, end), rules.site)
    if due is not None and due[0] <= now and due[1] in _BY_CLOCK:
        what = f"{named} was to start at {_clock(rules, booking.start)} and is still {booking.state}"
        yield Discrepancy(_BY_CLOCK[due[1]], unit.code, (booking.reference,), what)


def _overlaps(rules: Rules, unit: TheirUnit, theirs: Sequence[TheirBooking]) -> Iterator[Discrepancy]:
    """Bookings that meet another one, while the meeting is not over: each once, with the longest of those before it."""
    spans = sorted((*_taken(rules, booking), index) for index, booking in enumerate(theirs))
    longest = spans[0]
    for start, end, index in spans[1:]:
        if start < longest[1] and min(end, longest[1]) >= rules.now:
            first, second = theirs[longest[2]], theirs[index]
            met = _clock(rules, max(start, longest[0]))
            what = (
                f"Bookings {first.reference} ({first.state}) and {second.reference} ({second.state}) both have "
                f"{spoken_unit(rules, unit.code)} from {met}"
            )
            yield Discrepancy("two_live_bookings", unit.code, (first.reference, second.reference), what)
        if end > longest[1]:
            longest = (start, end, index)


def _taken(rules: Rules, booking: TheirBooking) -> tuple[datetime, datetime]:
    """The time a booking has its unit for: whoever is in it is in it now, and where guests overstay, until now."""
    started = booking.state in rules.policy.started_states
    start = min(booking.start, rules.now) if started else booking.start
    end = booking.end if booking.end is not None else rules.now + FAR
    return start, max(end, rules.now) if started and rules.policy.overstays else end


def _claim(rules: Rules, index: int, booking: TheirBooking) -> Claim:
    started = booking.state in rules.policy.started_states
    start = min(booking.start, rules.now) if started else booking.start
    end = booking.end if booking.end is not None else rules.now + FAR
    return Claim(1, start, end, rules.policy.claim_kinds[booking.state], UUID(int=index))


def _as_ours(booking: TheirBooking, end: datetime) -> Booking:
    return Booking(_NOBODY, booking.reference, booking.state, True, None, (1,), booking.start, end, booking.start, 1)


@cache
def _unit(condition: str | None) -> Unit:
    return Unit(1, "theirs", "theirs", "", None, condition, "", datetime.min, None, 1)


def _showing_clean(site: Site) -> Site:
    return structs.replace(site, settings=structs.replace(site.settings, show_clean=True))


def _clock(rules: Rules, instant: datetime) -> str:
    return f"{to_local(instant, rules.site.zone):%Y-%m-%d %H:%M}"


def spoken_unit(rules: Rules, code: str) -> str:
    """A unit as people call it: room 102, but PC01."""
    noun = rules.policy.noun
    return code if code.lower().startswith(noun.lower()) else f"{noun} {code}"
