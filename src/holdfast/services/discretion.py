"""What somebody who may not see names is told: which units are taken and when, how they show, and nothing of whom.

What may be told is listed; whatever is added to events or bookings later is left out until it is listed here.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from holdfast.domain.bookings.values import NOBODY
from holdfast.domain.wire import BlockView, BookingView
from holdfast.services.board import BoardView
from holdfast.services.journal import EventView
from holdfast.services.listing import BookingDetail, HistoryLine

SOMEBODY = "somebody"
STAFF = "staff"
_ALWAYS = frozenset({"clock", "nobody", "reconcile"})
"""Actors that are nobody in particular."""
_TOLD = frozenset({
    # members of an event's data that tell nothing of a person
    "code", "from", "to", "slot", "booking", "block", "units", "from_units", "condition", "shown_status", "category",
    "id", "kind", "name", "parent", "from_start", "from_end", "at",
})  # fmt: skip
_TOLD_INSIDE = frozenset({"attributes"})
"""What of a unit is for those who read the site, with names or without: staff's notes are among it."""
_TOLD_OF_BOOKING = frozenset({
    "id", "site", "units", "parts", "category", "state", "from", "to", "started_at", "ended_at", "expires_at",
    "open_ended", "version", "kind",
})  # fmt: skip
_SECRET_TYPES = ("finding.",)

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def nameless(view: BookingView) -> BookingView:
    """A booking without whose it is and what was said about it."""
    return BookingView(
        view.id, "", view.site, view.units, view.category, view.state, view.start, view.end, view.started_at,
        view.ended_at, view.expires_at, NOBODY, view.version, view.created_at, view.open_ended, parts=view.parts,
    )  # fmt: skip


def nameless_block(view: BlockView) -> BlockView:
    """A block without why and by whom."""
    return msgspec.structs.replace(view, reason=None, created_by=SOMEBODY)


def nameless_board(view: BoardView) -> BoardView:
    """A board without names and reasons."""
    return msgspec.structs.replace(
        view, bookings=[nameless(one) for one in view.bookings], blocks=[nameless_block(one) for one in view.blocks]
    )


def nameless_event(event: EventView, *, is_inside: bool) -> EventView:
    """A journal line without names: the line is there, so that nobody thinks that one is missing. `is_inside` is for
    who may read the site otherwise."""
    data = {}
    told = _TOLD | _TOLD_INSIDE if is_inside else _TOLD
    if not event.type.startswith(_SECRET_TYPES):
        data = {name: _told(name, value) for name, value in _decode(event.data).items() if name in told}
    actor = event.actor if event.actor in _ALWAYS else SOMEBODY
    return msgspec.structs.replace(event, actor=actor, data=msgspec.Raw(_encode(data)))


def _told(name: str, value: Any) -> Any:
    if name in ("booking", "block") and isinstance(value, dict):
        return {part: inner for part, inner in value.items() if part in _TOLD_OF_BOOKING}
    return value


def own_detail(detail: BookingDetail, actor: str, acts: Collection[str]) -> BookingDetail:
    """A booking as its booker sees it: what they may do with it, and who of the staff did what only as staff."""

    def who(name: str | None) -> str | None:
        return name if name is None or name in _ALWAYS or name == actor else STAFF

    lines: list[HistoryLine] = [
        msgspec.structs.replace(line, actor=who(line.actor) or STAFF) for line in detail.history
    ]
    view = msgspec.structs.replace(
        detail.booking, requested_by=who(detail.booking.requested_by), decided_by=who(detail.booking.decided_by)
    )
    return msgspec.structs.replace(detail, booking=view, may=[act for act in detail.may if act in acts], history=lines)
