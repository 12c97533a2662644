"""Forgetting a person: what of a booking is theirs, and the booking without it.

A booking that is forgotten whose it is stays what it was: its units, times, states and all its journal lines. The line
that says so is a change like any other, so a screen that follows the journal forgets, too. Refuses to forget whose a
live booking is unless told to: somebody may be about to come.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from holdfast.domain.bookings.values import NOBODY, Booking
from holdfast.domain.change import encode
from holdfast.domain.commands import Erase
from holdfast.domain.draft import Draft
from holdfast.domain.errors import Refusal

if TYPE_CHECKING:
    from holdfast.domain.state import SiteState

PERSONAL = ("note", "details", "decision_reason")
"""Members of a booking, beside its customer, that say something of a person."""
TOLD_OF_FINDINGS = (
    "reference", "units", "unit", "acts", "from", "to", "seen", "since", "seen_at", "ended_at", "due_at", "booking",
)  # fmt: skip
"""What stays of a finding about a booking that is forgotten: no text in anybody's words."""


def erase(state: "SiteState", command: Erase, actor: str) -> Draft:
    """The bookings without whose they are; those that are not of that person (any more) are left as they are.

    Raises:
        Refusal: `has_live_bookings`.
    """
    found = [state.bookings[booking_id] for booking_id in command.bookings if booking_id in state.bookings]
    theirs = [booking for booking in found if booking.customer.key in command.keys]
    if not command.include_live and (live := [booking for booking in theirs if booking.live]):
        raise Refusal("has_live_bookings", site=state.site.slug, bookings=[str(booking.id) for booking in live[:20]])
    draft = Draft(state, actor)
    for booking in theirs:
        draft.change.erased[booking.id] = draft.put(without_person(booking), "erased").version
    draft.change.answer = encode({"erased": len(theirs)})
    return draft


def without_person(booking: Booking) -> Booking:
    """The booking as it is kept once its person is forgotten."""
    return replace(booking, customer=NOBODY, note=None, details=None, decision_reason=None)
