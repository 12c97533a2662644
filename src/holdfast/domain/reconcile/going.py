"""One reconciling under way: what has been changed so far, and what will be told of it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from msgspec import field

from holdfast.domain.bookings.values import Booking
from holdfast.domain.change import Change
from holdfast.domain.commands import Reconcile
from holdfast.domain.draft import Draft
from holdfast.domain.findings import note_repair
from holdfast.domain.poison import Poisoned
from holdfast.domain.state import SiteState
from holdfast.domain.statuses import refill
from holdfast.domain.units import Claim


class Detail(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One thing found. `state` is repaired, opened, open (it was found before) or closed. `subject` is a unit's code or
    the id of a booking, block or holder; `reference` the booking's."""

    rule: str
    subject: str
    state: str
    unit: str | None = None
    start: str | None = field(name="from", default=None)
    to: str | None = None
    reason: str | None = None
    reference: str | None = None


class SiteReport(msgspec.Struct, frozen=True, gc=False):
    """What reconciling came to at one site, which stands at journal `version` then."""

    site: str
    version: int
    details: tuple[Detail, ...]


class Going:
    """The state, the changes applied to it so far, and their details."""

    def __init__(self, state: SiteState, actor: str, command: Reconcile) -> None:
        self.state = state
        self.actor = actor
        self.command = command
        self.changes: list[Change] = []
        self.details: list[Detail] = []
        self.touched: dict[int, None] = {}
        """Units whose status may follow differently now."""
        self.holds: dict[tuple[str, str], dict[str, Any]] = {}
        """The discrepancies that hold, with what is to be said of them."""
        self.aside: list[Poisoned] = []
        """What the clock could not process."""
        self._claimed: dict[UUID, set[int]] = {}
        for unit_id, timeline in state.timelines.items():
            for claim in timeline.claims:
                self._claimed.setdefault(claim.holder_id, set()).add(unit_id)

    def draft(self) -> Draft:
        return Draft(self.state, self.actor)

    def apply(self, draft: Draft) -> None:
        """Applies what a draft has collected; freed time goes back to the blocks that are owed it."""
        change = draft.change
        if not (change.events or change.bookings or change.units or change.claims_added or change.claims_removed
                or change.findings or change.blocks_woken):  # fmt: skip
            return
        self.state.apply(change)
        self.changes.append(change)
        self.touched.update(change.touched)
        refilled = refill(self.state, change, self.actor, self.state.now)
        if refilled is not None:
            self.state.apply(refilled)
            self.changes.append(refilled)
            self.touched.update(refilled.touched)

    def repaired(self, draft: Draft, rule: str, subject: str, data: dict[str, Any], *, silent: bool = False) -> None:
        """Notes a repair on the draft that makes it. `data` may name unit or units, from, to, reason, reference."""
        note_repair(draft, rule, subject, data, silent=silent)
        self.details.append(detail(rule, subject, "repaired", data))

    def held_by(self, holder_id: UUID) -> list[Claim]:
        """The claims of a booking or block that were there when this began and still are."""
        return list(self.state.claims_held(holder_id, sorted(self._claimed.get(holder_id, ()))))

    def sound_bookings(self) -> Iterator[Booking]:
        """The suspect bookings that are there and that the policy and the desk can make sense of."""
        for booking_id in self.command.bookings:
            booking = self.state.bookings.get(booking_id)
            if booking is not None and self.is_sound(booking):
                yield booking

    def is_sound(self, booking: Booking) -> bool:
        """Whether the booking's state is one of the policy's and all its units exist."""
        units = self.state.units
        named = (*booking.unit_ids, *(part.unit_id for part in booking.parts or ()))
        return booking.state in self.state.policy.machine.table and all(unit_id in units for unit_id in named)

    def reference(self, holder_id: UUID | None) -> str | None:
        booking = self.state.bookings.get(holder_id) if holder_id is not None else None
        return booking.reference if booking is not None else None

    def code(self, unit_id: int) -> str:
        unit = self.state.units.get(unit_id)
        return unit.code if unit is not None else f"#{unit_id}"


def detail(rule: str, subject: str, state: str, data: dict[str, Any]) -> Detail:
    """A detail out of a finding's data."""
    units = data.get("units")
    unit = data.get("unit") or (", ".join(units) if units else None)
    told = {name: data.get(name) for name in ("from", "to", "reason", "reference")}
    return Detail(
        rule, subject, state, unit, _text(told["from"]), _text(told["to"]), _text(told["reason"]),
        _text(told["reference"]),
    )  # fmt: skip


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else str(msgspec.to_builtins(value))
