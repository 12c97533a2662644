"""What a frontend of the replaced system sends for a slot, as a booking request of ours.

Known fields get their place; whatever else is sent is kept in the booking's details, bounded like all details.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from holdfast.domain.errors import Refusal
from holdfast.domain.team import MEMBER
from holdfast.services.former_grounds import ANSWERED, SAID, TEAM, Ground
from holdfast.services.requests import NOTE_CHARS_MAX, BookingRequest, CustomerRequest, Day, Reason, Text

Number = Annotated[int, Meta(ge=0, le=10**15)]
Note = Annotated[str, Meta(max_length=NOTE_CHARS_MAX)]


class FormerBookingRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A slot of a ground on a date, and who asks for it. Further fields are kept and come back as they were sent."""

    ground: Annotated[str, Meta(min_length=1, max_length=200, description="a ground's name or code")]
    date: Day
    time: Annotated[str, Meta(min_length=1, max_length=120, description="a slot", examples=["9-10 AM"])]
    game: Text | None = None
    name: Text | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    phone: Annotated[str, Meta(max_length=50)] | Number | None = None
    roll_number: Text | Number | None = None
    roll_no: Text | Number | None = None
    reason: Note | None = None
    notes: Note | None = None


class FormerActRequest(msgspec.Struct, frozen=True, rename="camel"):
    """Why a request is decided as it is; a rejection needs it. Further fields are ignored."""

    reason: Reason | None = None
    rejection_reason: Reason | None = None


def booking_request(
    asked: FormerBookingRequest, sent: dict[str, Any], ground: Ground, *, has_teams: bool = False
) -> BookingRequest:
    """The request of ours; `sent` is the body it was read from. Where the site `has_teams`, `teamMembers` are one."""
    roll_number = asked.roll_number if asked.roll_number is not None else asked.roll_no
    customer = CustomerRequest(asked.name or None, asked.email or None, _text(asked.phone), _text(roll_number))
    note = asked.reason or asked.notes
    details = {name: value for name, value in sent.items() if name not in ANSWERED}
    for name in SAID:
        # what staff read as the booking's note need not be kept twice
        if (value := sent.get(name)) is not None and (name == "game" or value != note):
            details[name] = value
    if has_teams and (team := details.pop(TEAM, None)) is not None:
        details[MEMBER] = team
    return BookingRequest(
        unit=ground.code, slot=asked.time, date=asked.date, customer=customer, note=note, details=details or None
    )


def in_former_words(refusal: Refusal) -> Refusal:
    """The same refusal, with the field as the frontend calls it."""
    field = refusal.data.get("field")
    own = f"details.{MEMBER}"
    if not isinstance(field, str) or not field.startswith(own):
        return refusal
    return Refusal(refusal.code, **{**refusal.data, "field": TEAM + field.removeprefix(own)})


def _text(given: str | int | None) -> str | None:
    return str(given) if given is not None and given != "" else None
