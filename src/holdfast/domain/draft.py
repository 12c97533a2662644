"""A change in the making: the one place where events get their version and bookings their wire shape."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from holdfast.domain.bookings.values import Booking
from holdfast.domain.change import Change, Event, encode
from holdfast.domain.errors import Refusal
from holdfast.domain.policies.base import EVENTS
from holdfast.domain.state import SiteState
from holdfast.domain.units import Claim, Unit
from holdfast.domain.wire import booking_view


class Draft:
    """Collects what one decision changes on `state`, which stays as it is until the change is applied.

    `at` is the instant that the change became true; `state.now` is when it is written.
    """

    __slots__ = ("actor", "at", "change", "state")

    def __init__(self, state: SiteState, actor: str, at: datetime | None = None) -> None:
        self.state = state
        self.actor = actor
        self.at = at if at is not None else state.now
        self.change = Change()

    def next_version(self) -> int:
        return self.state.version + len(self.change.events) + 1

    def event(self, kind: str, subject: str, cause: str, data: bytes) -> None:
        self.change.events.append(
            Event(self.next_version(), self.state.now, self.at, kind, subject, self.actor, cause, data)
        )

    def put(self, booking: Booking, cause: str, *, new: bool = False, more: dict[str, Any] | None = None) -> Booking:
        """Records a booking as it is now, with its alarm, version and event; the answer becomes its wire shape."""
        state = self.state
        due = state.policy.due(booking, state.site)
        booking = replace(booking, wakes_at=due[0] if due is not None else None, version=self.next_version())
        view = encode(booking_view(booking, state.site.slug, state.units))
        data = b'{"booking":' + view
        if more:
            data += b"," + encode(more)[1:]
        else:
            data += b"}"
        self.event(EVENTS[cause], str(booking.id), cause, data)
        self.change.bookings[booking.id] = booking
        if new:
            self.change.new_bookings.add(booking.id)
        self.change.answer = view
        return booking

    def answer(self, booking: Booking, *, start_code: str | None = None, notes: tuple[str, ...] = ()) -> None:
        """Adds to the answer what the journal does not say: a code that only the asker may know, and remarks."""
        view = booking_view(booking, self.state.site.slug, self.state.units)
        self.change.answer = encode(replace(view, start_code=start_code, notes=notes))

    def claim(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self.change.claims_added.append(claim)
            self.change.touched[claim.unit_id] = None

    def release(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self.change.claims_removed.append(claim)
            self.change.touched[claim.unit_id] = None

    def unit(self, unit: Unit, kind: str, cause: str, data: dict[str, Any]) -> Unit:
        """Records a unit as it is now, with its version and event."""
        unit = replace(unit, version=self.next_version())
        self.event(kind, unit.code, cause, encode(data))
        self.change.units[unit.id] = unit
        self.change.touched[unit.id] = None
        return unit


def as_json(value: Any) -> Any:
    """Plain JSON values (strings, numbers, lists, dicts) of domain values, for `Refusal.data` and event data."""
    return msgspec.to_builtins(value)


def unit_ids_of(state: SiteState, codes: Collection[str]) -> tuple[int, ...]:
    """The ids of named units, in the given order.

    Raises:
        Refusal: `unknown_unit` with the codes that do not exist; `invalid_request` when one is named twice.
    """
    known = state.codes
    try:
        unit_ids = tuple([known[code] for code in codes])
    except KeyError:
        raise Refusal("unknown_unit", units=[code for code in codes if code not in known][:20]) from None
    if len(unit_ids) > 1 and len(set(unit_ids)) != len(unit_ids):
        raise Refusal("invalid_request", field="units", problem="a unit is named twice")
    return unit_ids
